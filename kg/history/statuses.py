"""How the control status of chips changed: which chip, for which destination, from which day."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pyoxigraph import NamedNode, Store

from kg.catalogue import View
from kg.history.changes import RECORD, STATUS_CHANGED, WORLD
from kg.history.log import Change
from kg.namespaces import Namespaces

GRAPH = "g:status"
_OPEN = "9999-12-31"


@dataclass(frozen=True, order=True)
class Stretch:
    """A time in which the answer is the same, both days inclusive; ``last`` None: no end."""

    first: str
    last: str | None
    requirement: str
    review: str | None
    paragraph: str | None

    @property
    def answer(self) -> tuple[str | None, ...]:
        return self.requirement, self.review, self.paragraph

    def as_json(self) -> dict[str, Any]:
        named = {
            "from": self.first,
            "to": self.last,
            "requirement": self.requirement,
            "review": self.review,
            "paragraph": self.paragraph,
        }
        return {name: value for name, value in named.items() if value is not None}


Places = dict[NamedNode, list[Stretch]]
"""Destination → the stretches of its time, in their order."""


def chips_of(nodes: Iterable[str], names: Namespaces) -> set[str]:
    """The IRIs of the chips whose determinations are among ``nodes`` (IRIs)."""
    ours = names.prefixes["id"]
    return {iri.partition("#")[0] for iri in nodes if iri.startswith(ours)}


def changes_of_status(
    chips: Collection[str],
    stores: tuple[Store, Store],
    names: Namespaces,
    before: str | None,
) -> Iterator[Change]:
    """One for each chip of ``chips`` and destination whose status over time is another.

    ``stores``: as it was and as it is. ``before``: the time of the revision before.
    """
    graph = names.expand(GRAPH)
    old, new = (View(store, names, graph) for store in stores)
    labels = View(stores[1], names)
    for chip in map(NamedNode, sorted(chips)):
        was, is_ = _places(old, chip), _places(new, chip)
        for place in sorted({*was, *is_}, key=lambda node: node.value):
            pair = was.get(place, []), is_.get(place, [])
            day = first_difference(*pair)
            if day is not None:
                yield _change(labels, chip, place, pair, day, before)


def _places(view: View, chip: NamedNode) -> Places:
    found: Places = {}
    for node in view.subjects("ct:chip", chip):
        for place in view.nodes(node, "ct:destination"):
            found.setdefault(place, []).append(_stretch(view, node))
    return {place: sorted(stretches, key=lambda s: s.first) for place, stretches in found.items()}


def _stretch(view: View, node: NamedNode) -> Stretch:
    requirement, review = (view.node(node, f"ct:{p}") for p in ("requirement", "reviewPolicy"))
    return Stretch(
        view.value(node, "ct:validFrom"),
        view.value(node, "ct:validTo"),
        view.slug(requirement) if requirement else "",
        view.slug(review) if review else None,
        view.value(node, "ct:paragraph"),
    )


def first_difference(was: list[Stretch], is_: list[Stretch]) -> str | None:
    """The first day on which the two give another answer."""
    days = {stretch.first for stretch in (*was, *is_)}
    days |= {_day_after(stretch.last) for stretch in (*was, *is_) if stretch.last}
    return next((day for day in sorted(days) if _answer(was, day) != _answer(is_, day)), None)


def _answer(stretches: list[Stretch], day: str) -> tuple[str | None, ...] | None:
    holds = (s for s in stretches if s.first <= day <= (s.last or _OPEN))
    return next((stretch.answer for stretch in holds), None)


def _day_after(day: str) -> str:
    if day == _OPEN:
        return day
    return (datetime.date.fromisoformat(day) + datetime.timedelta(days=1)).isoformat()


def _change(
    labels: View,
    chip: NamedNode,
    place: NamedNode,
    pair: tuple[list[Stretch], list[Stretch]],
    day: str,
    before: str | None,
) -> Change:
    was, is_ = (_answer(stretches, day) for stretches in pair)
    old, new = (set(stretches) for stretches in pair)
    said = " to ".join(", ".join(filter(None, answer or ("nothing",))) for answer in (was, is_))
    slugs = labels.slug(chip), labels.slug(place)
    return Change(
        WORLD if before is not None and day > before[: len(day)] else RECORD,
        STATUS_CHANGED,
        f"{labels.label(chip)} to {labels.label(place)}, from {day}: {said}",
        "chips",
        slugs[0],
        chip.value,
        day,
        {
            "chip": slugs[0],
            "destination": slugs[1],
            "before": [stretch.as_json() for stretch in pair[0] if stretch not in new],
            "after": [stretch.as_json() for stretch in pair[1] if stretch not in old],
        },
        slugs,
    )
