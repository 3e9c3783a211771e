"""What a rule may ask about a product: who makes it, what kind it is, its figures."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from kg.errors import Finding, InvalidData
from kg.metrics import (
    AREA,
    BIT_LENGTHS,
    DENSITY,
    METRICS,
    TPP,
    Plain,
    Reading,
    Readings,
    with_derived,
)
from kg.records import Chip, Figure, Records


@dataclass(frozen=True)
class ChipFacts:
    """``lineage``: the product and the models that it is a configuration of.

    ``configurations``: the boards of a model without rates of its own, whose status is theirs.
    """

    slug: str
    label: str
    maker: str
    designer: str | None = None
    kind: str = "accelerator"
    lineage: tuple[str, ...] = ()
    configurations: tuple[str, ...] = ()
    readings: Mapping[str, tuple[Reading, ...]] | None = None
    sources: tuple[str, ...] = ()

    @property
    def figures(self) -> Readings:
        return self.readings or {}

    def with_figures(self, slug: str, figures: Readings) -> ChipFacts:
        """The same product with other figures: a chip that does not exist.

        A total performance or a density among them takes the place of what it is computed from.
        """
        hidden = {*(BIT_LENGTHS if TPP in figures else ()), *([AREA] if DENSITY in figures else [])}
        own = {
            name: group
            for name, group in self.figures.items()
            if _published(group) and name not in hidden
        }
        return replace(
            self,
            slug=slug,
            lineage=(slug,),
            configurations=(),
            readings=with_derived({**own, **figures}),
        )


def _published(readings: tuple[Reading, ...]) -> bool:
    return bool(readings) and all(reading.status != "derived" for reading in readings)


def chip_facts(records: Records) -> dict[str, ChipFacts]:
    """The facts of every chip in ``records``.

    Raises InvalidData where a figure has a unit in which its metric is not measured.
    """
    findings: list[Finding] = []
    chips: dict[str, Chip] = {}
    readings: dict[str, Readings] = {}
    for item in records:
        if isinstance(item.record, Chip):
            chips[item.record.id] = item.record
            wrong = [*unit_errors(item.record)]
            findings += [Finding(item.where, item.line, item.name, text, "unit") for text in wrong]
            readings[item.record.id] = {} if wrong else with_derived(readings_of(item.record))
    if findings:
        raise InvalidData(findings)
    return {slug: _facts(chip, chips, readings) for slug, chip in chips.items()}


def _facts(chip: Chip, chips: Mapping[str, Chip], readings: Mapping[str, Readings]) -> ChipFacts:
    boards = tuple(slug for slug, other in chips.items() if other.configuration_of == chip.id)
    own = readings[chip.id]
    return ChipFacts(
        slug=chip.id,
        label=chip.label,
        maker=chip.maker,
        designer=chip.designer_country,
        kind=chip.kind,
        lineage=tuple(_lineage(chip, chips)),
        configurations=() if TPP in own else boards,
        readings=own,
        sources=tuple(chip.sources),
    )


def _lineage(chip: Chip, chips: Mapping[str, Chip]) -> Iterator[str]:
    seen = set()
    slug: str | None = chip.id
    while slug is not None and slug not in seen:
        seen.add(slug)
        yield slug
        found = chips.get(slug)
        slug = found.configuration_of if found else None


def unit_errors(chip: Chip) -> Iterator[str]:
    """A sentence for each figure in a unit that its metric does not have."""
    for figure in chip.figures:
        metric = METRICS.get(figure.metric)
        if metric and figure.unit is not None and figure.unit not in metric.units:
            known = ", ".join(metric.units) or "none"
            yield f"{figure.metric}: unit {figure.unit!r} is not one of this metric: {known}"


def readings_of(chip: Chip) -> dict[str, tuple[Reading, ...]]:
    """The published figures of a chip as readings, in the unit of their metric."""
    found: dict[str, list[Reading]] = {}
    for figure in chip.figures:
        found.setdefault(figure.metric, []).append(reading_of(figure))
    return {metric: tuple(readings) for metric, readings in found.items()}


def reading_of(figure: Figure) -> Reading:
    metric = METRICS.get(figure.metric)
    factor = metric.units.get(figure.unit or "", Decimal(1)) if metric else Decimal(1)
    return Reading(
        value=_plain(figure.value, factor),
        low=_number(figure.low, factor),
        high=_number(figure.high, factor),
        unit=metric.unit if metric else figure.unit,
        status=figure.status,
        sources=(figure.source,) if figure.source else (),
        note=figure.note,
    )


def _plain(value: object, factor: Decimal) -> Plain | None:
    if isinstance(value, bool | str | datetime.date):
        return value
    return _number(value, factor)


def _number(value: object, factor: Decimal) -> Decimal | None:
    return Decimal(value) * factor if isinstance(value, int | Decimal) else None
