"""The arithmetic of control parameters: from rates, areas and bandwidths to the metrics of rules.

Everything is exact decimal arithmetic: a density of 2643.2 / 826 is 3.2 and not a hair less,
and a rule that says "3.2 or more" is met.

A metric may have several **readings** (rival figures). A derived reading keeps which readings it
was computed from, so that rivals are never mixed: a density made from one die area does not meet
a test together with the other die area.

Source of the definitions: Technical Notes 1 to 4 of ECCN 3A090 (Supplement No. 1 to 15 CFR 774).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product

BIT_LENGTHS: Mapping[str, tuple[int, ...]] = {
    "peak-fp64": (64,),
    "peak-fp32": (32,),
    "peak-fp16": (16,),
    "peak-fp16-matrix": (16,),
    "peak-bf16": (16,),
    "peak-int16": (16,),
    "peak-fp8": (8,),
    "peak-int8": (8,),
    "peak-fp6": (6,),
    "peak-fp4": (4,),
    "peak-int4": (4,),
    # TF32 inputs are stored in 32 bits and multiplied with 19: the Notes decide neither way.
    "peak-tf32": (19, 32),
}
"""Dense peak rate → the bit lengths of its operation (two where that is open)."""

TPP = "tpp"
DENSITY = "performance-density"
AREA = "applicable-die-area"
DRAM = "dram-bandwidth"
IO = "io-bandwidth"
TRANSFER = "aggregate-transfer-rate"
COMBINED = "combined-bandwidth"
DATACENTER = "designed-for-datacenter"

_RATE = {"TOPS": Decimal(1), "TFLOPS": Decimal(1), "PFLOPS": Decimal(1000), "POPS": Decimal(1000)}
_BANDWIDTH = {"GB-per-s": Decimal(1), "TB-per-s": Decimal(1000)}
_AREA = {"mm2": Decimal(1)}
_TPP = {"TOPS-bit": Decimal(1)}
_BARE: Mapping[str, Decimal] = {}


@dataclass(frozen=True)
class Metric:
    """``units``: unit → factor into the first one, in which the metric is compared."""

    label: str
    units: Mapping[str, Decimal]

    @property
    def unit(self) -> str | None:
        return next(iter(self.units), None)


def _precision(metric: str) -> str:
    """``peak-fp16-matrix`` → ``FP16 matrix``."""
    name, _, rest = metric.removeprefix("peak-").partition("-")
    return f"{name.upper()} {rest}".rstrip()


METRICS: Mapping[str, Metric] = {
    **{name: Metric(f"dense {_precision(name)} rate", _RATE) for name in BIT_LENGTHS},
    TPP: Metric("total processing performance", _TPP),
    DENSITY: Metric("performance density", {"TPP-per-mm2": Decimal(1)}),
    "die-area": Metric("die area", _AREA),
    AREA: Metric("die area", _AREA),
    DRAM: Metric("DRAM bandwidth", _BANDWIDTH),
    IO: Metric("I/O bandwidth", _BANDWIDTH),
    TRANSFER: Metric("aggregate transfer rate", _BANDWIDTH),
    COMBINED: Metric("DRAM and I/O bandwidth together", _BANDWIDTH),
    "memory-bandwidth-density": Metric(
        "memory bandwidth density", {"GB-per-s-per-mm2": Decimal(1)}
    ),
    DATACENTER: Metric("designed or marketed for data centres", _BARE),
    "us-availability-2026-01-15": Metric(
        "commercial availability in the United States on 2026-01-15", _BARE
    ),
}
"""The metrics that rules test. Rules may name others that figures carry."""

Plain = Decimal | bool | datetime.date | str


def label_of(metric: str) -> str:
    """The name of a metric in a sentence."""
    known = METRICS.get(metric)
    return known.label if known else metric.replace("-", " ")


@dataclass(frozen=True)
class Reading:
    """One value of one metric: what somebody published, or what follows from such values.

    Either ``value`` is known, or only bounds are (inclusive; an open side is None).
    ``roots`` are the readings that a choice among rivals is about: (metric, number from 0).
    """

    value: Plain | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    unit: str | None = None
    status: str = "reported"
    sources: tuple[str, ...] = ()
    note: str | None = None
    arithmetic: str | None = None
    inputs: tuple[tuple[str, int], ...] = ()
    """The readings it was computed from, as (metric, number from 0)."""
    roots: frozenset[tuple[str, int]] = frozenset()


Readings = Mapping[str, tuple[Reading, ...]]
"""Metric → its rival readings, in the order of the record."""


def with_derived(figures: Readings) -> Readings:
    """``figures`` with TPP, performance density, transfer rate and combined bandwidth added.

    A derived metric is computed where its inputs are known; otherwise a figure that somebody
    published for it stands in, and where there is none the metric is absent (unknown).
    """
    found = {name: _rooted(name, readings) for name, readings in figures.items()}
    _put(found, TPP, _tpp(found))
    _put(found, DENSITY, _densities(found))
    _put(found, COMBINED, _sums(found))
    if not found.get(TRANSFER):
        found[TRANSFER] = found.get(IO, ())
    return found


def _put(found: dict[str, tuple[Reading, ...]], metric: str, readings: Iterable[Reading]) -> None:
    """Computed readings take the place of published ones."""
    computed = tuple(readings)
    if computed:
        found[metric] = _rooted(metric, computed)


def _rooted(metric: str, readings: tuple[Reading, ...]) -> tuple[Reading, ...]:
    return tuple(
        reading if reading.roots else replace(reading, roots=frozenset({(metric, number)}))
        for number, reading in enumerate(readings)
    )


def _tpp(figures: Readings) -> Iterator[Reading]:
    """The largest dense rate x bit length over all precisions; one reading for each rival.

    A candidate stands when it is at least what every precision reaches at its lowest: only then
    is there a choice among the rivals under which it is the largest.
    """
    candidates = [list(_products(figures, name)) for name in BIT_LENGTHS if figures.get(name)]
    candidates = [group for group in candidates if group]
    if not candidates:
        return
    floor = max(min(value for value, _ in group) for group in candidates)
    best: dict[Decimal, Reading] = {}
    for value, reading in (pair for group in candidates for pair in group):
        if value >= floor:
            best.setdefault(value, reading)
    yield from best.values()


def _products(figures: Readings, metric: str) -> Iterator[tuple[Decimal, Reading]]:
    for number, rate in enumerate(figures[metric]):
        if not isinstance(rate.value, Decimal):
            continue
        for bits in BIT_LENGTHS[metric]:
            total = rate.value * bits
            text = f"{plain(rate.value)} {_precision(metric)} x {bits} bit = {plain(total)}"
            several = len(BIT_LENGTHS[metric]) > 1
            note = f"{_precision(metric)} counted at {bits} bits" if several else None
            yield total, _derived(TPP, total, text, [(metric, number, rate)], note=note)


def _derived(
    metric: str,
    value: Decimal,
    arithmetic: str,
    inputs: Iterable[tuple[str, int, Reading]],
    *,
    note: str | None = None,
) -> Reading:
    used = list(inputs)
    sources = dict.fromkeys(source for _, _, reading in used for source in reading.sources)
    roots = frozenset().union(*(reading.roots for _, _, reading in used))
    return Reading(
        value=value,
        unit=METRICS[metric].unit,
        status="derived",
        sources=tuple(sources),
        note=note,
        arithmetic=arithmetic,
        inputs=tuple((name, number) for name, number, _ in used),
        roots=frozenset() if metric == TPP else roots,
    )


def _densities(figures: Readings) -> Iterator[Reading]:
    for first, second in _rivals(figures, TPP, AREA):
        tpp, area = first[2].value, second[2].value
        if isinstance(tpp, Decimal) and isinstance(area, Decimal) and area > 0:
            text = f"{plain(tpp)} / {plain(area)} mm2 = {plain(tpp / area, 3)}"
            yield _derived(DENSITY, tpp / area, text, [first, second])


def _sums(figures: Readings) -> Iterator[Reading]:
    for first, second in _rivals(figures, DRAM, IO):
        dram, io = first[2].value, second[2].value
        if isinstance(dram, Decimal) and isinstance(io, Decimal):
            text = f"{plain(dram)} + {plain(io)} = {plain(dram + io)} GB/s"
            yield _derived(COMBINED, dram + io, text, [first, second])


_Numbered = tuple[str, int, Reading]


def _rivals(figures: Readings, one: str, other: str) -> Iterator[tuple[_Numbered, _Numbered]]:
    """Every reading of ``one`` beside every reading of ``other``."""
    numbered = [
        [(metric, number, reading) for number, reading in enumerate(figures.get(metric, ()))]
        for metric in (one, other)
    ]
    yield from product(*numbered)


def choices(figures: Readings, metrics: Iterable[str]) -> Iterator[Mapping[str, Reading]]:
    """Every way to pick one reading for each metric without mixing rivals.

    Metrics without a reading are absent. Without rivals there is exactly one way.
    """
    known = {metric: figures[metric] for metric in metrics if figures.get(metric)}
    rivals: dict[str, set[int]] = {}
    for metric, number in (root for group in known.values() for r in group for root in r.roots):
        rivals.setdefault(metric, set()).add(number)
    for numbers in product(*map(sorted, rivals.values())):
        chosen = set(zip(rivals, numbers, strict=True))
        yield {
            metric: reading
            for metric, group in known.items()
            for reading in group
            if reading.roots <= chosen
        }


def plain(number: Decimal, places: int | None = None) -> str:
    """``15832.0`` → ``15,832``; at most ``places`` decimals."""
    rounded = number if places is None else round(number, places)
    text = f"{rounded:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
