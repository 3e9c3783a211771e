"""Total processing performance and what follows from it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.metrics import (
    AREA,
    BIT_LENGTHS,
    COMBINED,
    DENSITY,
    DRAM,
    IO,
    TPP,
    TRANSFER,
    Reading,
    choices,
    with_derived,
)
from kg.policy.facts import ChipFacts


def figures(**values: str | list[str]) -> dict[str, tuple[Reading, ...]]:
    """``figures(peak_fp16="312", applicable_die_area=["826", "815"])``."""
    return {
        name.replace("_", "-"): tuple(
            Reading(value=Decimal(value), sources=(f"s{number}",))
            for number, value in enumerate([given_] if isinstance(given_, str) else given_)
        )
        for name, given_ in values.items()
    }


def values(readings: tuple[Reading, ...]) -> list[object]:
    return [reading.value for reading in readings]


@pytest.mark.parametrize(
    ("chip", "tpp", "density"),
    [
        ("nvidia-a10", "2000", "3.185"),
        ("nvidia-a30", "2643.2", "3.2"),
        ("nvidia-a40", "2395.2", "3.814"),
        ("nvidia-l4", "1936", "6.585"),
        ("nvidia-l2", "1544", "5.252"),
        ("nvidia-l20", "1912", "3.14"),
        ("nvidia-h20", "2368", "2.909"),
        ("nvidia-a100-sxm4-80", "4992", "6.044"),
        ("nvidia-rtx-4090d", "4707.2", "7.729"),
        ("nvidia-h200-nvl", "13368", "16.423"),
        ("amd-mi325x", "20919.2", "20.57"),
        ("amd-mi250", "5793.6", "4.001"),
    ],
)
def test_known_chips(chip: str, tpp: str, density: str, chips: dict[str, ChipFacts]) -> None:
    facts = chips[chip].figures
    assert facts[TPP][0].value == Decimal(tpp)
    value = facts[DENSITY][0].value
    assert isinstance(value, Decimal)
    assert round(value, 3) == Decimal(density)


def test_the_largest_product_counts_and_keeps_its_arithmetic() -> None:
    derived = with_derived(figures(peak_fp16_matrix="312", peak_int8="625", peak_fp64="9.7"))
    (reading,) = derived[TPP]
    assert reading.value == 5000
    assert reading.arithmetic == "625 INT8 x 8 bit = 5,000"
    assert reading.inputs == (("peak-int8", 0),)
    assert reading.sources == ("s0",)


def test_density_is_exact_at_the_edge() -> None:
    derived = with_derived(figures(peak_fp16_matrix="165.2", applicable_die_area="826"))
    assert derived[DENSITY][0].value == Decimal("3.2")


def test_tf32_has_two_readings_where_it_decides() -> None:
    derived = with_derived(figures(peak_tf32="190", peak_fp16="190"))
    assert values(derived[TPP]) == [3610, 6080]
    # and one where another precision is as large
    derived = with_derived(figures(peak_tf32="156", peak_fp16_matrix="312"))
    assert values(derived[TPP]) == [4992]


def test_rivals_are_not_mixed() -> None:
    derived = with_derived(figures(peak_fp8=["100", "200"], applicable_die_area=["400", "800"]))
    ways = list(choices(derived, [TPP, AREA, DENSITY]))
    assert len(ways) == 4
    for way in ways:
        tpp, area, density = (way[name].value for name in (TPP, AREA, DENSITY))
        assert isinstance(tpp, Decimal)
        assert isinstance(area, Decimal)
        assert density == tpp / area


def test_a_published_total_stands_in_only_without_rates() -> None:
    assert values(with_derived(figures(tpp="4000"))[TPP]) == [4000]
    assert values(with_derived(figures(tpp="4000", peak_fp8="600"))[TPP]) == [4800]


def test_bandwidths() -> None:
    derived = with_derived(figures(dram_bandwidth="1398", io_bandwidth="128"))
    assert values(derived[COMBINED]) == [1526]
    assert derived[COMBINED][0].arithmetic == "1,398 + 128 = 1,526 GB/s"
    assert values(derived[TRANSFER]) == [128]
    published = with_derived(figures(io_bandwidth="900", aggregate_transfer_rate="1028"))
    assert values(published[TRANSFER]) == [1028]


def test_nothing_follows_from_nothing() -> None:
    derived = with_derived({})
    assert not any(derived.get(name) for name in (TPP, DENSITY, COMBINED, TRANSFER))
    assert list(choices(derived, [TPP])) == [{}]


rates = st.dictionaries(
    st.sampled_from(sorted(BIT_LENGTHS)),
    st.lists(st.decimals(1, 10_000, places=1), min_size=1, max_size=3),
    min_size=1,
    max_size=4,
)


@given(rates)
def test_total_performance_is_what_some_choice_among_rivals_gives(
    given_: dict[str, list[Decimal]],
) -> None:
    readings = {name: tuple(Reading(value=v) for v in found) for name, found in given_.items()}
    totals = {reading.value for reading in with_derived(readings)[TPP]}
    expected = {
        max(v * bits for (v, bits) in picked)
        for picked in _picks([(found, BIT_LENGTHS[name]) for name, found in given_.items()])
    }
    assert totals == expected


def _picks(
    groups: list[tuple[list[Decimal], tuple[int, ...]]],
) -> list[list[tuple[Decimal, int]]]:
    """Every choice of one rate and one bit length for each precision."""
    picked: list[list[tuple[Decimal, int]]] = [[]]
    for found, lengths in groups:
        picked = [[*way, (v, bits)] for way in picked for v in found for bits in lengths]
    return picked


def test_combined_bandwidth_needs_both() -> None:
    assert not with_derived(figures(dram_bandwidth="1398")).get(COMBINED)
    assert {DRAM, IO} <= set(with_derived(figures(dram_bandwidth="1", io_bandwidth="2")))
