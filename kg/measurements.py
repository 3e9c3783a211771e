"""Measurements in the graph: read as readings, and those that follow from them written back."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal

from pyoxigraph import Literal, NamedNode, Quad

from kg.catalogue.view import View
from kg.mapping import RDF_TYPE, english, literal, measurement_name
from kg.metrics import METRICS, Plain, Reading, Readings, with_derived


def readings_in(view: View, chip: NamedNode) -> Readings:
    """The published measurements of ``chip``, rivals in the order of their names.

    Numbers are in the unit of their metric. Derived measurements are left out.
    """
    found: dict[str, list[Reading]] = {}
    for node in sorted(view.subjects("ct:of", chip), key=lambda n: _number(n.value)):
        metric = view.node(node, "ct:metric")
        if metric is not None and not view.nodes(node, "prov:wasDerivedFrom"):
            name = view.slug(metric)
            found.setdefault(name, []).append(_reading(view, node, name))
    return {metric: tuple(readings) for metric, readings in found.items()}


def derived_measurements(view: View) -> Iterator[Quad]:
    """The quads of every derived measurement of every chip, with what it was computed from."""
    for chip in view.instances("ct:Chip"):
        published = readings_in(view, chip)
        derived = with_derived(published)
        names = _Names(view.slug(chip), published, derived)
        for metric, readings in derived.items():
            for number, reading in enumerate(readings):
                if reading.inputs:
                    yield from _quads(view, chip, names, metric, number, reading)


class _Names:
    """The CURIE of each reading; derived ones are numbered after the published of their metric."""

    def __init__(self, chip: str, published: Readings, derived: Readings) -> None:
        self._chip = chip
        self._published = {metric: len(readings) for metric, readings in published.items()}
        self._computed = {m for m, readings in derived.items() if any(r.inputs for r in readings)}

    def of(self, metric: str, number: int) -> str:
        before = self._published.get(metric, 0) if metric in self._computed else 0
        return measurement_name(self._chip, metric, before + number + 1)


def _number(iri: str) -> tuple[str, int]:
    """``…#tdp.2`` → (``…#tdp``, 2)."""
    stem, dot, number = iri.rpartition(".")
    return (stem, int(number)) if dot and number.isdecimal() else (iri, 1)


def _reading(view: View, node: NamedNode, metric: str) -> Reading:
    unit, status = view.node(node, "ct:unit"), view.node(node, "ct:status")
    known = METRICS.get(metric)
    factor = known.units.get(view.slug(unit), Decimal(1)) if known and unit else Decimal(1)
    low, high = (_scaled(_value(view, node, f"ct:{side}"), factor) for side in ("low", "high"))
    return Reading(
        value=_scaled(_value(view, node, "ct:value"), factor),
        low=low if isinstance(low, Decimal) else None,
        high=high if isinstance(high, Decimal) else None,
        unit=known.unit if known else (view.slug(unit) if unit else None),
        status=view.slug(status) if status else "reported",
        sources=tuple(view.slug(source) for source in view.nodes(node, "dct:source")),
        note=next(iter(view.values(node, "rdfs:comment")), None),
    )


def _scaled(value: Plain | None, factor: Decimal) -> Plain | None:
    return value * factor if isinstance(value, Decimal) else value


def _value(view: View, node: NamedNode, curie: str) -> Plain | None:
    for term in view.objects(node, curie):
        if isinstance(term, Literal):
            return _plain(term)
    return None


def _plain(term: Literal) -> Plain:
    kind = term.datatype.value.rpartition("#")[2]
    if kind in ("decimal", "integer"):
        return Decimal(term.value)
    if kind == "boolean":
        return term.value == "true"
    return datetime.date.fromisoformat(term.value) if kind == "date" else term.value


def _quads(
    view: View, chip: NamedNode, names: _Names, metric: str, number: int, reading: Reading
) -> Iterator[Quad]:
    expand = view.names.expand
    node, graph = expand(names.of(metric, number)), expand("g:measurements")
    properties: dict[str, list[NamedNode | Literal | None]] = {
        "ct:of": [chip],
        "ct:metric": [expand(f"con:{metric}")],
        "ct:value": [None if reading.value is None else literal(reading.value)],
        "ct:unit": [expand(f"unit:{reading.unit}") if reading.unit else None],
        "ct:status": [expand("con:derived")],
        "dct:source": [expand(f"src:{source}") for source in reading.sources],
        "prov:wasDerivedFrom": [expand(names.of(*source)) for source in reading.inputs],
        "rdfs:comment": [english(reading.arithmetic), english(reading.note)],
    }
    yield Quad(node, RDF_TYPE, expand("ct:Measurement"), graph)
    for curie, terms in properties.items():
        for term in terms:
            if term is not None:
                yield Quad(node, expand(curie), term, graph)
