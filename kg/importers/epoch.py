"""Epoch AI's table of machine learning hardware → measurements beside those of the record.

Data: Epoch AI, "Machine Learning Hardware", https://epoch.ai/data/machine-learning-hardware,
CC BY 4.0. Columns carry their unit in their name and change from time to time, so they are
found by how their name begins, and scaled by the unit in its brackets.

A figure that the record has already gets a reference to the table; one that differs is a rival
beside it. The table's own total processing performance is not taken over: it is a check
of what we compute.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from pyoxigraph import NamedNode, Quad

from kg.catalogue import View
from kg.errors import Finding, InvalidData
from kg.importers.chips import ChipNames, is_model
from kg.importers.listings import midnight
from kg.importers.reading import Row, as_date, read_csv
from kg.importers.register import firm_names, has_reference
from kg.importers.result import Difference, ImportResult, Options, located
from kg.intake import ALL_WRITERS, Intake
from kg.mapping import Context, Output, Writer, english, literal, measurement_name
from kg.measurements import readings_in
from kg.metrics import TPP, Plain, Reading, plain, with_derived
from kg.policy.facts import readings_of
from kg.records import Chip, Figure, Located, Record, Reference

GRAPH = "import-epoch"
NAME, MAKER, MODIFIED = "hardware name", "manufacturer", "last modified"
TPP_COLUMN = "total processing performance"
TOLERANCE = Decimal("0.01")
"""Part by which two values of a total performance may differ before that is reported."""

METRICS: Mapping[str, str] = {
    "tensor-fp16": "peak-fp16-matrix",
    "fp64": "peak-fp64",
    "fp32": "peak-fp32",
    "tf32": "peak-tf32",
    "fp16": "peak-fp16",
    "fp8": "peak-fp8",
    "fp4": "peak-fp4",
    "int8": "peak-int8",
    "int4": "peak-int4",
    "memory bandwidth": "dram-bandwidth",
    "memory clock": "",
    "memory bus": "",
    "memory": "memory-capacity",
    "intranode bandwidth": "io-bandwidth",
    "tdp": "tdp",
    "die size": "die-area",
    "process size": "process-node",
    "release date": "launch-date",
    TPP_COLUMN: TPP,
}
"""How a column's name begins → the metric it gives ("" for none). The longest one counts."""

_RATE, _BYTES = ("TOPS", Decimal("1e-12")), ("GB", Decimal("1e-9"))
_TERA, _GIGA = Decimal(1), Decimal(1)
UNITS: Mapping[str, tuple[str, Decimal]] = {
    "flop/s": _RATE,
    "op/s": _RATE,
    "tflop/s": ("TOPS", _TERA),
    "top/s": ("TOPS", _TERA),
    "bit-op/s": ("TOPS-bit", Decimal("1e-12")),
    "byte": _BYTES,
    "bytes": _BYTES,
    "gb": ("GB", _GIGA),
    "byte/s": ("GB-per-s", Decimal("1e-9")),
    "bytes/s": ("GB-per-s", Decimal("1e-9")),
    "gb/s": ("GB-per-s", _GIGA),
    "w": ("W", Decimal(1)),
    "mm^2": ("mm2", Decimal(1)),
    "mm2": ("mm2", Decimal(1)),
    "nm": ("nm", Decimal(1)),
}
"""The unit in a column's name → our unit, and the factor into it."""

EXPECTED = {
    **{metric: "TOPS" for metric in METRICS.values() if metric.startswith("peak-")},
    "dram-bandwidth": "GB-per-s",
    "io-bandwidth": "GB-per-s",
    "memory-capacity": "GB",
    "tdp": "W",
    "die-area": "mm2",
    "process-node": "nm",
    TPP: "TOPS-bit",
}

_UNIT = re.compile(r"\(([^()]+)\)\s*$")


@dataclass(frozen=True)
class Column:
    """A column that gives figures. ``unit`` None: dates."""

    name: str
    metric: str
    unit: str | None
    factor: Decimal


class ImportedFigure(Record):
    """The ``number``-th figure of a metric of a chip (from 1)."""

    chip: str
    number: int
    figure: Figure
    recorded: datetime.datetime


def import_epoch(path: Path, intake: Intake, view: View, options: Options) -> ImportResult:
    """Figures of the chips that the record knows; of the others too with ``add_unknown``.

    Raises InvalidData where the file cannot be read or is not this table.
    """
    rows = list(read_csv(path))
    if not rows or not any(str(name).lower() == NAME for name in rows[0].values):
        message = f"not the table of machine learning hardware: no column {NAME!r} with rows"
        raise InvalidData([Finding(str(path), 1, "", message, "columns")])
    day = options.as_of or _named(path) or _newest(rows)
    source = _source(view, day)
    result = ImportResult("epoch", source, f"g:{GRAPH}")
    _Import(path, intake, view, options, result, day).run(rows)
    return result


def _named(path: Path) -> datetime.date | None:
    """The day, or the first day of the month, in the name of the file."""
    found = re.search(r"(\d{4}-\d{2})(-\d{2})?", path.name)
    return as_date(found[1] + (found[2] or "-01")) if found else None


def _newest(rows: list[Row]) -> datetime.date:
    """The day on which the table was last changed. Raises ValueError where it does not say so."""
    texts = (_cell(row, MODIFIED) for row in rows)
    days = [text[:10] for text in texts if re.match(r"\d{4}-\d{2}-\d{2}", text)]
    return as_date(max(days, default="1970-01-01"))


def _source(view: View, day: datetime.date) -> str:
    """The id of the table's Reference: that of the month where there is one, else of the day."""
    month = f"epoch-{day:%Y-%m}"
    return month if has_reference(view, month) else f"epoch-{day}"


def _cell(row: Row, name: str) -> str:
    cells = row.values.items()
    return next((str(v) for k, v in cells if k is not None and k.lower().startswith(name)), "")


def columns(header: Mapping[str, object]) -> Iterator[Column | str]:
    """The columns that give figures; a sentence for one whose unit is not known."""
    for name in header:
        base, metric = name.lower(), ""
        for prefix in sorted(METRICS, key=len):
            metric = METRICS[prefix] if base.startswith(prefix) else metric
        if metric == "launch-date":
            yield Column(name, metric, None, Decimal(1))
        elif metric:
            found = _UNIT.search(base)
            unit, factor = UNITS.get(found[1].strip() if found else "", ("", Decimal(1)))
            known = unit == EXPECTED[metric]
            yield Column(name, metric, unit, factor) if known else f"column {name!r}: unknown unit"


class _Import:
    """The work on one file."""

    def __init__(
        self,
        path: Path,
        intake: Intake,
        view: View,
        options: Options,
        result: ImportResult,
        day: datetime.date,
    ) -> None:
        self.path, self.intake, self.view = path, intake, view
        self.options, self.result, self.day = options, result, day
        self.records: list[Located] = []
        self.columns: list[Column] = []

    def run(self, rows: list[Row]) -> None:
        sound = [row for row in rows if self.is_sound(row)]
        self.choose_columns(rows[0])
        matches = ChipNames(self.view).match([_cell(row, NAME) for row in sound])
        for row in sound:
            name = _cell(row, NAME)
            match = matches.get(name)
            if match and match.score >= self.options.accept:
                self.result.matches.append(match)
                self.known_chip(row, match.target)
            else:
                self.unknown_chip(row, name)
        if not has_reference(self.view, self.result.source):
            self.add("references", self.reference(), None)
        self.result.write(self.intake, self.records, IMPORT_WRITERS)

    def is_sound(self, row: Row) -> bool:
        if None in row.values:
            self.finding(row, "", str(row.values[None]))
        elif not _cell(row, NAME):
            self.finding(row, "", "no hardware name")
        else:
            return True
        return False

    def choose_columns(self, row: Row) -> None:
        for column in columns({k: v for k, v in row.values.items() if k is not None}):
            if isinstance(column, Column):
                self.columns.append(column)
            else:
                self.result.findings.append(Finding(str(self.path), 1, "", column, "columns"))

    # --- chips --------------------------------------------------------------------------------

    def known_chip(self, row: Row, slug: str) -> None:
        self.result.count("chips matched")
        if is_model(self.view, slug):
            self.note(row, f"{slug} is a model: its configurations have the figures")
            return
        node = self.intake.names.expand(f"id:{slug}")
        readings = readings_in(self.view, node)
        self.check_tpp(row, slug, with_derived(readings).get(TPP, ()))
        for column in self.figures_of(row):
            figure = self.figure(row, column)
            if figure is not None:
                self.compare(row, node, figure, readings.get(column.metric, ()))

    def compare(
        self, row: Row, node: NamedNode, figure: Figure, rivals: tuple[Reading, ...]
    ) -> None:
        """A figure beside those of its metric: the same as one of them, or a rival."""
        slug = self.view.slug(node)
        same = [n for n, rival in enumerate(rivals) if same_figure(figure.value, rival.value)]
        for number in same:
            rival = rivals[number]
            if rival.status == "reported" or self.result.source in rival.sources:
                self.confirm(measurement_name(slug, figure.metric, number + 1), rival)
                return
        if same:
            self.result.count("estimates confirmed")
        elif rivals:
            self.result.count("rival figures")
            self.result.differences.append(_difference(slug, figure, rivals[0]))
        else:
            self.result.count("figures that were missing")
        number = len(rivals) + 1
        recorded = midnight(self.day)
        imported = ImportedFigure(chip=slug, number=number, figure=figure, recorded=recorded)
        self.add("figures", imported, row.line)

    def confirm(self, name: str, rival: Reading) -> None:
        """The table says the same: a reference to it, for a figure has one source."""
        self.result.count("figures confirmed")
        expand = self.intake.names.expand
        node, source = expand(name), expand(f"src:{self.result.source}")
        known = self.result.source in rival.sources
        if not known and source not in self.view.objects(node, "rdfs:seeAlso"):
            graph = expand(self.result.graph)
            self.result.quads.append(Quad(node, expand("rdfs:seeAlso"), source, graph))

    def unknown_chip(self, row: Row, name: str) -> None:
        self.result.unmatched.append(name)
        maker = self.maker(_cell(row, MAKER)) if self.options.add_unknown else None
        if self.options.add_unknown and maker is None:
            self.note(row, f"not added: no maker called {_cell(row, MAKER)!r} in the record")
        if maker is None:
            return
        self.result.count("chips added")
        figures = [self.figure(row, column) for column in self.figures_of(row)]
        chip = Chip(
            id=self.free_slug(name),
            label=name,
            maker=maker,
            figures=[figure for figure in figures if figure is not None],
            note="From the table of Epoch AI; not looked at by hand.",
            sources=[self.result.source],
        )
        self.check_tpp(row, chip.id, with_derived(readings_of(chip)).get(TPP, ()))
        self.add("chips", chip, row.line)

    def free_slug(self, name: str) -> str:
        slug = "-".join(re.findall(r"[a-z0-9]+", name.lower()))
        taken = self.view.types(self.intake.names.expand(f"id:{slug}"))
        return f"{slug}-epoch" if taken else slug

    def maker(self, name: str) -> str | None:
        index = firm_names(self.view)
        for part in (name, *re.split(r"[\s(]+", name)):
            found = [m for m in index.best(part, (), ()) if m.score >= self.options.accept]
            if len(found) == 1:
                return found[0].target
        return None

    # --- figures ------------------------------------------------------------------------------

    def figures_of(self, row: Row) -> Iterator[Column]:
        for column in self.columns:
            if column.metric != TPP and row.values[column.name]:
                yield column

    def figure(self, row: Row, column: Column) -> Figure | None:
        value = self.value(row, column)
        if value is None:
            return None
        return Figure(
            metric=column.metric, value=value, unit=column.unit, source=self.result.source
        )

    def value(self, row: Row, column: Column) -> Decimal | datetime.date | None:
        """The value of a cell in our unit; None, and a finding, for one that is no value."""
        text = row.values[column.name]
        try:
            return as_date(text) if column.unit is None else _number(text, column.factor)
        except (ValueError, InvalidOperation):
            what = "day" if column.unit is None else "number above zero"
            self.finding(row, column.name, f"no {what}: {text!r}")
            return None

    def check_tpp(self, row: Row, slug: str, ours: tuple[Reading, ...]) -> None:
        column = next((c for c in self.columns if c.metric == TPP), None)
        if column is None or not row.values[column.name]:
            return
        theirs = self.value(row, column)
        known = [reading.value for reading in ours if isinstance(reading.value, Decimal)]
        if not isinstance(theirs, Decimal) or not known:
            return
        self.result.count("total performances compared")
        nearest = min(known, key=lambda value: abs(value - theirs))
        share = (theirs - nearest) / nearest
        if abs(share) > TOLERANCE:
            percent = round(share * 100, 1)
            difference = Difference(slug, TPP, plain(theirs), plain(nearest), percent)
            self.result.differences.append(difference)

    # --- output -------------------------------------------------------------------------------

    def reference(self) -> Reference:
        return Reference(
            id=self.result.source,
            title=f"Machine Learning Hardware, by Epoch AI, {self.day}",
            urls=["https://epoch.ai/data/ml_hardware.csv"],
            reliability="B",
            note="CC BY 4.0, credit Epoch AI.",
        )

    def add(self, kind: str, record: Record, line: int | None) -> None:
        self.records += located(kind, [record], str(self.path), line)

    def finding(self, row: Row, column: str, message: str) -> None:
        text = f"column {column!r}: {message}" if column else message
        name = _cell(row, NAME) if None not in row.values else ""
        self.result.findings.append(Finding(str(self.path), row.line, name, text, "row"))

    def note(self, row: Row, message: str) -> None:
        where = str(self.path)
        self.result.notes.append(Finding(where, row.line, _cell(row, NAME), message, "row"))


def _number(text: str, factor: Decimal) -> Decimal:
    """At most seven digits: what more there is comes from binary fractions."""
    number = Decimal(text) * factor
    if not number.is_finite() or number <= 0:
        raise ValueError(text)
    return number.quantize(Decimal(1).scaleb(number.adjusted() - 6)).normalize()


def same_figure(one: object, other: Plain | None) -> bool:
    """Equal, or one is the other with fewer decimals: 989.4 and 989.43 are one figure."""
    if not isinstance(one, Decimal) or not isinstance(other, Decimal):
        return one == other
    places = max(_exponent(one), _exponent(other))
    return round(one, -places) == round(other, -places)


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return min(exponent, 0) if isinstance(exponent, int) else 0


def _difference(slug: str, figure: Figure, rival: Reading) -> Difference:
    one, other = figure.value, rival.value
    percent = None
    if isinstance(one, Decimal) and isinstance(other, Decimal) and other:
        percent = round((one / other - 1) * 100, 1)
    return Difference(slug, figure.metric, _text(one), _text(other), percent)


def _text(value: object) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)


def _write_figure(imported: ImportedFigure, out: Output, _: Context) -> None:
    figure = imported.figure
    out.node(
        measurement_name(imported.chip, figure.metric, imported.number),
        GRAPH,
        {
            "a": "ct:Measurement",
            "ct:of": f"id:{imported.chip}",
            "ct:metric": f"con:{figure.metric}",
            "ct:value": None if figure.value is None else literal(figure.value),
            "ct:unit": f"unit:{figure.unit}" if figure.unit else None,
            "dct:source": f"src:{figure.source}",
            "ct:status": f"con:{figure.status}",
            "prov:generatedAtTime": imported.recorded,
            "rdfs:comment": english(figure.note),
        },
    )


IMPORT_WRITERS: Mapping[type[Record], Writer] = ALL_WRITERS | {ImportedFigure: _write_figure}
