"""Three-valued logic, and tests of figures that are known only by bounds."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.metrics import Reading
from kg.policy.evaluate import compare
from kg.policy.logic import Outcome, agreement, all_of, any_of, negation
from kg.policy.records import Condition

outcomes = st.sampled_from(Outcome)
numbers = st.integers(0, 20).map(Decimal)
limits = st.sampled_from(["at_least", "more_than", "at_most", "less_than", "equals"])
MET, NOT_MET, OPEN = Outcome.MET, Outcome.NOT_MET, Outcome.INDETERMINATE


@given(st.lists(outcomes))
def test_all_of_and_any_of_are_dual(given_: list[Outcome]) -> None:
    assert all_of(given_) is negation(any_of(map(negation, given_)))


@given(st.lists(outcomes), outcomes)
def test_what_is_open_never_contradicts_what_it_turns_out_to_be(
    given_: list[Outcome], resolved: Outcome
) -> None:
    later = [resolved if outcome is OPEN else outcome for outcome in given_]
    for combine in (all_of, any_of):
        before = combine(given_)
        assert before is OPEN or combine(later) is before


def test_agreement() -> None:
    assert agreement([MET, MET]) is MET
    assert agreement([MET, NOT_MET]) is OPEN
    assert agreement([OPEN]) is OPEN


@given(limits, numbers, numbers, numbers, numbers)
def test_bounds_say_only_what_every_number_between_them_says(
    kind: str, limit: Decimal, one: Decimal, other: Decimal, inside: Decimal
) -> None:
    low, high = min(one, other), max(one, other)
    value = min(max(inside, low), high)
    condition = Condition.model_validate({"metric": "tpp", kind: limit})
    known = compare(condition, Reading(low=low, high=high))
    assert known is OPEN or compare(condition, Reading(value=value)) is known


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [(2, None, MET), (None, 1, NOT_MET), (None, None, OPEN), (1, 3, OPEN), (2, 3, MET)],
)
def test_bounds(low: int | None, high: int | None, outcome: Outcome) -> None:
    condition = Condition(metric="tpp", at_least=2)
    ends = [None if end is None else Decimal(end) for end in (low, high)]
    assert compare(condition, Reading(low=ends[0], high=ends[1])) is outcome


def test_no_figure_leaves_a_condition_open() -> None:
    assert compare(Condition(metric="tpp", at_least=2), None) is OPEN


def test_a_value_of_another_kind_leaves_a_condition_open() -> None:
    assert compare(Condition(metric="tpp", at_least=2), Reading(value="many")) is OPEN
    flag = Condition(metric="designed-for-datacenter", equals=True)
    assert compare(flag, Reading(value=True)) is MET
    assert compare(flag, Reading(value=False)) is NOT_MET
    assert compare(flag, Reading(value=Decimal(1))) is OPEN
