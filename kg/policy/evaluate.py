"""Does a rule's scope hold for a product? One generic evaluation for every rule.

Nothing here knows any particular rule, metric, maker or place. Each condition is met, not met or
indeterminate; rival figures are evaluated side by side, each choice among them in turn, and where
they lead to different outcomes the judgement is indeterminate and names the figures that decide.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kg.metrics import AREA, COMBINED, DENSITY, DRAM, IO, TPP, Reading, Readings, choices
from kg.policy.facts import ChipFacts
from kg.policy.logic import Outcome, agreement, all_of, any_of, negation
from kg.policy.records import Condition, Exclusion, Rule
from kg.policy.rulebook import Rulebook

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "=": operator.eq,
}
_INPUTS = {DENSITY: (TPP, AREA), COMBINED: (DRAM, IO)}
"""Derived metric → what it is computed from, to say which figure is really missing."""


@dataclass(frozen=True)
class Test:
    """One condition under one reading: the arithmetic that a judgement rests on.

    ``group`` counts the rule's condition groups from 0; an exclusion has its label instead.
    """

    metric: str
    threshold: str
    outcome: Outcome
    reading: Reading | None
    group: int | None = None
    exclusion: str | None = None


@dataclass(frozen=True)
class Judgement:
    """What a rule's scope says of a product, whatever the place and day."""

    rule: Rule
    outcome: Outcome
    named: bool = False
    tests: tuple[Test, ...] = ()
    missing: tuple[str, ...] = ()
    """Metrics without any figure that leave the outcome open."""
    decided_by: tuple[str, ...] = ()
    """Metrics whose rival figures lead to different outcomes."""


def compare(condition: Condition, reading: Reading | None) -> Outcome:
    """One condition under one reading; a figure known only by bounds may leave it open."""
    if reading is None:
        return Outcome.INDETERMINATE
    return all_of(_test(sign, limit, reading) for sign, limit in condition.tests.items())


def _test(sign: str, limit: object, reading: Reading) -> Outcome:
    if reading.value is not None:
        if isinstance(reading.value, Decimal) != _is_number(limit):
            return Outcome.INDETERMINATE
        return Outcome.MET if _COMPARE[sign](reading.value, limit) else Outcome.NOT_MET
    return _test_bounds(sign, limit, reading)


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _test_bounds(sign: str, limit: Any, reading: Reading) -> Outcome:
    """With only bounds known: certain when every number between them says the same."""
    holds = _COMPARE[sign]
    upward = sign in (">=", ">")
    worst, best = (reading.low, reading.high) if upward else (reading.high, reading.low)
    if sign == "=" or not _is_number(limit):
        return Outcome.INDETERMINATE
    if worst is not None and holds(worst, limit):
        return Outcome.MET
    if best is not None and not holds(best, limit):
        return Outcome.NOT_MET
    return Outcome.INDETERMINATE


def threshold(condition: Condition) -> str:
    """``>= 2400 and < 4800``."""
    return " and ".join(f"{sign} {_limit(limit)}" for sign, limit in condition.tests.items())


def _limit(limit: object) -> str:
    return str(limit).lower() if isinstance(limit, bool) else str(limit)


def holds(conditions: Sequence[Condition], figures: Readings) -> Outcome:
    """Whether all ``conditions`` hold, under every choice among rival figures."""
    return agreement(
        all_of(compare(condition, chosen.get(condition.metric)) for condition in conditions)
        for chosen in choices(figures, {condition.metric for condition in conditions})
    )


def judge(book: Rulebook, rule: Rule, chip: ChipFacts) -> Judgement:
    """Judge the product scope of ``rule``: named products, or any condition group, less
    the exclusions."""
    groups, exclusions = book.conditions_of(rule)
    named = not set(chip.lineage).isdisjoint(rule.products)
    used = {condition.metric for condition in _all(groups, exclusions)}
    outcomes = [
        _scope(rule, named, groups, exclusions, chosen)
        for chosen in choices(chip.figures, sorted(used))
    ]
    outcome = agreement(outcomes)
    tests = tuple(_tests(groups, exclusions, chip.figures))
    open_ = outcome is Outcome.INDETERMINATE
    return Judgement(
        rule,
        outcome,
        named,
        tests,
        missing=tuple(dict.fromkeys(_missing(tests, chip.figures))) if open_ else (),
        decided_by=tuple(_deciding(tests)) if len(set(outcomes)) > 1 else (),
    )


def _all(
    groups: Sequence[Sequence[Condition]], exclusions: Sequence[Exclusion]
) -> Iterator[Condition]:
    for group in groups:
        yield from group
    for exclusion in exclusions:
        yield from exclusion.all_of


def _scope(
    rule: Rule,
    named: bool,
    groups: Sequence[Sequence[Condition]],
    exclusions: Sequence[Exclusion],
    chosen: Mapping[str, Reading],
) -> Outcome:
    included = _included(rule, named, groups, chosen)
    excluded = any_of(_group(exclusion.all_of, chosen) for exclusion in exclusions)
    return all_of((included, negation(excluded)))


def _included(
    rule: Rule,
    named: bool,
    groups: Sequence[Sequence[Condition]],
    chosen: Mapping[str, Reading],
) -> Outcome:
    if named or not (rule.products or groups):
        return Outcome.MET
    return any_of(_group(group, chosen) for group in groups)


def _group(conditions: Iterable[Condition], chosen: Mapping[str, Reading]) -> Outcome:
    return all_of(compare(condition, chosen.get(condition.metric)) for condition in conditions)


def _tests(
    groups: Sequence[Sequence[Condition]], exclusions: Sequence[Exclusion], figures: Readings
) -> Iterator[Test]:
    for number, group in enumerate(groups):
        for condition in group:
            for reading in figures.get(condition.metric) or (None,):
                outcome = compare(condition, reading)
                yield Test(condition.metric, threshold(condition), outcome, reading, number)
    for exclusion in exclusions:
        for condition in exclusion.all_of:
            for reading in figures.get(condition.metric) or (None,):
                outcome = compare(condition, reading)
                yield Test(
                    condition.metric,
                    threshold(condition),
                    outcome,
                    reading,
                    exclusion=exclusion.label,
                )


def _missing(tests: Sequence[Test], figures: Readings) -> Iterator[str]:
    """The metrics without a figure in the groups that no other condition has already failed."""
    failed = {(t.group, t.exclusion) for t in tests if t.outcome is Outcome.NOT_MET}
    open_tests = (t for t in tests if t.reading is None)
    wanted = (t.metric for t in open_tests if (t.group, t.exclusion) not in failed)
    for metric in dict.fromkeys(wanted):
        yield from [name for name in _INPUTS.get(metric, ()) if not figures.get(name)] or [metric]


def _deciding(tests: Sequence[Test]) -> Iterator[str]:
    outcomes: dict[tuple[str, str, object], set[Outcome]] = {}
    for test in tests:
        key = (test.metric, test.threshold, (test.group, test.exclusion))
        outcomes.setdefault(key, set()).add(test.outcome)
    return iter(dict.fromkeys(metric for (metric, _, _), seen in outcomes.items() if len(seen) > 1))
