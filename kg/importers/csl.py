"""The Consolidated Screening List of the US government, in the three shapes that it comes in.

* ``consolidated.json`` of trade.gov: ``{"results": [{"source", "name", "alt_names", …}]}``
* ``consolidated.csv`` of trade.gov: the same fields, lists joined by ``; ``
* a compacted JSON: ``{"tables": {…}, "entries": [{"n", "a", "s", "c", "lr", …}]}``, where
  repeated texts stand once in the tables

Format and fields: https://www.trade.gov/consolidated-screening-list
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kg.catalogue import View
from kg.errors import Finding, InvalidInput, UnknownName
from kg.importers.listings import ListedRow, Snapshot, import_listings
from kg.importers.reading import JsonMembers, Row, as_date, malformed, read_csv
from kg.importers.result import ImportResult, Options
from kg.intake import Intake
from kg.names import nearest
from kg.records import Reference

LISTS: Mapping[str, str] = {
    "EL": "entity-list",
    "MEU": "military-end-user-list",
    "UVL": "unverified-list",
    "DPL": "denied-persons-list",
    "SDN": "specially-designated-nationals",
    "CMIC": "chinese-military-industrial-complex",
}
"""The code in a row's ``source`` → our concept of the list. Other lists are not modelled."""

ADDRESS = "https://data.trade.gov/downloadable_consolidated_screening_list/v1/consolidated.json"

CODE = re.compile(r"\(([A-Z][A-Za-z-]*)(?: List)?\)")
"""The code of a list in its name: ``Entity List (EL) - Bureau of Industry and Security``."""
_COUNTRY_AT_END = re.compile(r"(?:^|,)\s*([A-Z]{2})\s*$")
_DAY_IN_NAME = re.compile(r"\d{4}-\d{2}-\d{2}")

Fields = Mapping[str, Any]


@dataclass
class _File:
    """What was read: the rows of the wanted lists, how many there are, the day if it says so."""

    wanted: frozenset[str]
    rows: list[ListedRow] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    read: int = 0
    day: datetime.date | None = None

    def take(self, path: Path, line: int, fields: Fields) -> None:
        """Keep a row; one that is malformed becomes a finding."""
        self.read += 1
        try:
            name = _list_of(fields)
            if name in self.wanted:
                self.rows.append(_row(name, line, fields))
        except ValueError as error:
            where = f"row {self.read}"
            self.findings.append(Finding(str(path), line, where, str(error), "row"))


def import_csl(path: Path, intake: Intake, view: View, options: Options) -> ImportResult:
    """Rows of the lists in ``options.lists`` as listings, matched to the firms of the record.

    Raises InvalidData where the file cannot be read, InvalidInput where its day is not known or
    lies before that of the last import, UnknownName for a list that is not modelled.
    """
    for name in options.lists:
        if name not in LISTS.values():
            raise UnknownName("screening list", name, nearest(name, LISTS.values()))
    file = _File(frozenset(options.lists))
    reader = _read_csv if path.suffix.lower() == ".csv" else _read_json
    reader(path, file)
    day = _day(path, file.day, options)
    snapshot = Snapshot("csl", day, _reference(day), options.lists)
    result = import_listings(path, snapshot, file.rows, file.findings, (intake, view, options))
    result.count("rows in the file", file.read)
    return result


def _reference(day: datetime.date) -> Reference:
    return Reference(
        id=f"csl-{day}",
        title=f"Consolidated Screening List of the US government, {day}",
        urls=[ADDRESS],
        reliability="A",
        note="US government work, in the public domain.",
    )


def _day(path: Path, found: datetime.date | None, options: Options) -> datetime.date:
    named = _DAY_IN_NAME.search(path.name)
    day = options.as_of or found or (as_date(named[0]) if named else None)
    if day is None:
        raise InvalidInput(f"{path} does not say of which day it is; say so (as of)")
    return day


# --- the shapes -------------------------------------------------------------------------------


def _read_csv(path: Path, file: _File) -> None:
    for row in read_csv(path):
        file.take(path, row.line, row.values)


def _read_json(path: Path, file: _File) -> None:
    tables: Fields | None = None
    seen = False
    for name, row in JsonMembers(path, frozenset({"results", "entries"})):
        seen = seen or name in ("results", "entries")
        if name == "sourceGeneratedAt":
            file.day = _day_of(path, row)
        elif name == "tables":
            tables = row.values
        elif name == "results":
            file.take(path, row.line, row.values)
        elif name == "entries":
            if tables is None:
                raise malformed(path, row.line, "entries stand before the tables they point into")
            file.take(path, row.line, _expanded(row.values, tables))
    if not seen:
        raise malformed(path, 1, "no screening list: neither 'results' nor 'entries' is in it")


def _day_of(path: Path, row: Row) -> datetime.date:
    try:
        return as_date(row.values)
    except ValueError:
        raise malformed(path, row.line, f"sourceGeneratedAt: no day: {row.values!r}") from None


_COMPACT = {"n": "name", "a": "alt_names", "c": "countries", "fr": "federal_register_notice"}
_TABLES = {
    "s": ("source", "sources"),
    "lr": ("license_requirement", "licenceRequirements"),
    "lp": ("license_policy", "licencePolicies"),
}


def _expanded(entry: object, tables: Fields) -> Fields:
    """An entry of the compacted list under the names of the full one."""
    if not isinstance(entry, dict):
        return {None: f"not an object: {entry!r}"}  # type: ignore[dict-item]
    fields = {name: entry[key] for key, name in _COMPACT.items() if key in entry}
    for key, (name, table) in _TABLES.items():
        if key in entry:
            fields[name] = _looked_up(tables, table, entry[key])
    return fields


def _looked_up(tables: Fields, table: str, index: object) -> object:
    texts = tables.get(table, ())
    known = isinstance(index, int) and 0 <= index < len(texts)
    return texts[index] if known else _Missing(f"no number {index!r} in table {table!r}")


@dataclass(frozen=True)
class _Missing:
    """A reference into a table that leads nowhere."""

    why: str


# --- one row ----------------------------------------------------------------------------------


def _list_of(fields: Fields) -> str | None:
    """Our concept of the list that a row is of; None for one that is not modelled."""
    if not isinstance(fields, dict):
        raise ValueError(f"not an object: {fields!r}")
    if None in fields:
        raise ValueError(str(fields[None]))
    source = _text(fields, "source")
    code = CODE.search(source or "")
    if code is None:
        raise ValueError(f"source: no list with a code, such as (EL): {source!r}")
    return LISTS.get(code[1].upper())


def _row(name: str, line: int, fields: Fields) -> ListedRow:
    listed = _text(fields, "name")
    if not listed:
        raise ValueError("name: empty")
    return ListedRow(
        line=line,
        list_=name,
        name=listed,
        aliases=tuple(_texts(fields, "alt_names")),
        countries=tuple(dict.fromkeys(_countries(fields))),
        citations=_text(fields, "federal_register_notice"),
        requirement=_text(fields, "license_requirement"),
        review=_text(fields, "license_policy"),
        start=_date(fields, "start_date"),
        end=_date(fields, "end_date"),
    )


def _text(fields: Fields, name: str) -> str | None:
    value = fields.get(name)
    if isinstance(value, _Missing):
        raise ValueError(f"{name}: {value.why}")
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name}: a text should stand here, not {value!r}")
    return " ".join(value.split()) or None if value else None


def _texts(fields: Fields, name: str) -> Sequence[str]:
    """A list of texts, or texts joined by semicolons."""
    value = fields.get(name) or []
    if isinstance(value, str):
        value = value.split("; ")
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError(f"{name}: a list of texts should stand here, not {value!r}")
    return [text.strip() for text in value if text.strip()]


def _date(fields: Fields, name: str) -> datetime.date | None:
    text = _text(fields, name)
    try:
        return as_date(text) if text else None
    except ValueError:
        raise ValueError(f"{name}: no day: {text!r}") from None


def _countries(fields: Fields) -> Iterator[str]:
    """ISO codes of the countries of the addresses, as far as the row gives them."""
    yield from _texts(fields, "countries")
    addresses = fields.get("addresses") or []
    if isinstance(addresses, str):
        found = (_COUNTRY_AT_END.search(address) for address in addresses.split("; "))
        yield from (match[1] for match in found if match)
    else:
        yield from _countries_of(addresses)


def _countries_of(addresses: Iterable[Any]) -> Iterator[str]:
    if not isinstance(addresses, list) or not all(isinstance(item, dict) for item in addresses):
        raise ValueError(f"addresses: a list of objects should stand here, not {addresses!r}")
    for address in addresses:
        country = _text(address, "country")
        if country:
            yield country
