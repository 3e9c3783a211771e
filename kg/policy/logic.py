"""Three-valued logic (Kleene's): met, not met, indeterminate."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Outcome(StrEnum):
    MET = "met"
    NOT_MET = "not-met"
    INDETERMINATE = "indeterminate"


def all_of(outcomes: Iterable[Outcome]) -> Outcome:
    """Met when all are (so also when there are none), not met when one is not."""
    return _decide(outcomes, Outcome.NOT_MET, Outcome.MET)


def any_of(outcomes: Iterable[Outcome]) -> Outcome:
    """Met when one is, not met when none is (so also when there are none)."""
    return _decide(outcomes, Outcome.MET, Outcome.NOT_MET)


def negation(outcome: Outcome) -> Outcome:
    opposite = {Outcome.MET: Outcome.NOT_MET, Outcome.NOT_MET: Outcome.MET}
    return opposite.get(outcome, Outcome.INDETERMINATE)


def agreement(outcomes: Iterable[Outcome]) -> Outcome:
    """What all outcomes say, or indeterminate when they differ."""
    different = set(outcomes)
    return different.pop() if len(different) == 1 else Outcome.INDETERMINATE


def _decide(outcomes: Iterable[Outcome], deciding: Outcome, otherwise: Outcome) -> Outcome:
    seen = set(outcomes)
    if deciding in seen:
        return deciding
    return Outcome.INDETERMINATE if Outcome.INDETERMINATE in seen else otherwise
