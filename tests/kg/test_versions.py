"""Documents over time in a catalogue: what a revision takes over, and what a past time shows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.catalogue import Catalogue, Entry, Lineage, PageRequest, write_catalogue
from kg.catalogue.description import packed

SLUGS = ("a", "b", "c")

State = dict[str, int]
"""Slug → what its document says."""


def entry(slug: str, value: int, recorded: tuple[str | None, str | None] = (None, None)) -> Entry:
    document = {
        "id": slug,
        "iri": f"https://example.org/id/{slug}",
        "type": "Company",
        "label": slug,
        "value": value,
    }
    return Entry("firms", slug, document, {"value": [value]}, recorded=recorded)


def revision(directory: Path, number: int, *entries: Entry) -> Catalogue:
    """The catalogue of a revision, made from that of the one before in the same directory."""
    before = directory / f"{number - 1}.sqlite"
    path = directory / f"{number}.sqlite"
    first = not before.exists()
    write_catalogue(path, entries, Lineage(number, first, None if first else before))
    return Catalogue(path)


def values(catalogue: Catalogue, **request: Any) -> State:
    page = catalogue.page(PageRequest("firms", **request))
    assert page.count == len(page.items)
    return {item["id"]: item["value"] for item in page.items}


states = st.dictionaries(st.sampled_from(SLUGS), st.integers(0, 2))


@given(series=st.lists(states, min_size=1, max_size=6).filter(any))
@settings(max_examples=40, deadline=None)
def test_every_past_revision_is_what_it_was(
    series: list[State], tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("series")
    for number, state in enumerate(series, 1):
        latest = revision(directory, number, *(entry(slug, v) for slug, v in state.items()))
        assert values(latest) == state
    for number, state in enumerate(series, 1):
        assert values(latest, revision=number) == state
        for value in range(3):
            some = {slug: v for slug, v in state.items() if v == value}
            assert values(latest, revision=number, equal={"value": [str(value)]}) == some
        counts = latest.facets(PageRequest("firms", revision=number), ["value"])["value"]
        assert {count.value: count.count for count in counts} == Counter(state.values())
        paged: list[int] = []
        page = latest.page(PageRequest("firms", revision=number, sort="-value", limit=1))
        paged += [item["value"] for item in page.items]
        while page.next_cursor:
            request = PageRequest(
                "firms", revision=number, sort="-value", limit=1, cursor=page.next_cursor
            )
            page = latest.page(request)
            paged += [item["value"] for item in page.items]
        assert paged == sorted(state.values(), reverse=True)


def test_what_declares_its_record_time_is_dated_by_it(tmp_path: Path) -> None:
    revision(tmp_path, 1, entry("a", 1, ("2020-01-01", None)))
    late = entry("b", 1, ("2020-06-01", None))
    latest = revision(tmp_path, 2, entry("a", 2, ("2020-01-01", None)), late, entry("c", 1))
    assert values(latest, revision=1) == {"a": 1}
    assert values(latest, revision=1, known_at="2020-03-01") == {"a": 1}
    assert values(latest, revision=1, known_at="2020-07-01") == {"a": 1, "b": 1}, "backdated"
    assert values(latest, revision=2, known_at="2020-07-01") == {"a": 2, "b": 1, "c": 1}


def test_a_record_that_was_removed_and_came_back_was_not_there_meanwhile(tmp_path: Path) -> None:
    there = entry("a", 1, ("2020-01-01", None))
    revision(tmp_path, 1, there, entry("b", 1))
    revision(tmp_path, 2, entry("b", 1))
    latest = revision(tmp_path, 3, there, entry("b", 1))
    known = {n: values(latest, revision=n, known_at="2021-01-01") for n in (1, 2, 3)}
    assert [sorted(found) for found in known.values()] == [["a", "b"], ["b"], ["a", "b"]]


NODE = "https://example.org/id/a"
said = st.none() | st.tuples(st.integers(0, 1), st.integers(0, 1))
"""Of one record in a revision: its document and its description; None: it is not there."""


@given(series=st.lists(said, min_size=1, max_size=5).filter(any))
@settings(max_examples=20, deadline=None)
def test_descriptions_change_without_their_documents_and_stay_in_the_past(
    series: list[tuple[int, int] | None], tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("series")
    for number, state in enumerate(series, 1):
        there = [] if state is None else [described("a", *state)]
        latest = revision(directory, number, *there, entry("b", 0))
        assert texts(latest) == _text(state)
    for number, state in enumerate(series, 1):
        assert texts(latest, revision=number) == _text(state)
    rows = latest.rows("SELECT COUNT(*) FROM description", ())
    changes = sum(one != other for one, other in pairwise([None, *map(_text, series)]))
    assert rows[0][0] <= changes, "what stayed as it was keeps its row"


def test_what_was_brought_in_late_is_described_as_it_came(tmp_path: Path) -> None:
    since = ("2020-01-01", None)
    revision(tmp_path, 1, entry("b", 0))
    revision(tmp_path, 2, described("a", 0, 0, since), entry("b", 0))
    latest = revision(tmp_path, 3, described("a", 0, 1, since), entry("b", 0))
    assert texts(latest, revision=1) == []
    backdated = {"known_at": "2020-03-01"}
    assert texts(latest, revision=1, **backdated) == ["<a> <says> 0 ."]
    assert texts(latest, revision=3, **backdated) == ["<a> <says> 1 ."]


def described(
    slug: str, value: int, text: int, recorded: tuple[str | None, str | None] = (None, None)
) -> Entry:
    nodes = {NODE: packed(f"<{slug}> <says> {text} .")}
    return replace(entry(slug, value, recorded), nodes=nodes)


def _text(state: tuple[int, int] | None) -> list[str]:
    return [] if state is None else [f"<a> <says> {state[1]} ."]


def texts(catalogue: Catalogue, **request: Any) -> list[str]:
    """The descriptions on a page; of the record by its name they are the same."""
    wanted = PageRequest("firms", **request)
    page, _ = catalogue.described_page(wanted)
    if "known_at" not in request:
        assert catalogue.describe(wanted, [("firms", "a"), ("firms", "b")]) == page
    assert page.nodes == [NODE] * len(page.texts)
    return page.texts
