"""FollowTheMoney entities, one JSON object a line: firms, their owners, their sanctions.

Every property is a list of texts. Schemata: https://followthemoney.tech (Company, Organization,
LegalEntity, PublicBody; Sanction of an ``entity``; Ownership of an ``asset`` by an ``owner``).
A sanction whose program or authority names a list that we model becomes a row of that list. Such
a file is never taken for a whole list: nothing is closed because it is not in it.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from pyoxigraph import Literal, NamedNode, Quad

from kg.catalogue import View
from kg.errors import Finding, InvalidInput
from kg.importers.csl import CODE, LISTS
from kg.importers.listings import (
    ListedRow,
    Snapshot,
    import_listings,
    name_only_slug,
    names_by_language,
)
from kg.importers.names import normalise
from kg.importers.reading import Row, as_date, read_json_lines
from kg.importers.register import firm_names, places
from kg.importers.result import ImportResult, Match, Options, located
from kg.intake import ALL_WRITERS, Intake
from kg.mapping import Context, Output, Writer
from kg.records import Entity, Located, Record, Reference

GRAPH = "import-ftm"
PARTIES = frozenset(["Company", "LegalEntity", "Organization", "PublicBody"])
IDENTIFIERS: Mapping[str, tuple[str, str]] = {
    "leiCode": ("ct:lei", r"[A-Z0-9]{18}[0-9]{2}"),
    "wikidataId": ("ct:wikidataId", r"Q[1-9][0-9]*"),
    "ticker": ("ct:ticker", r"\S.*"),
}
"""Property → ours, and what its values look like."""
_PERCENT = re.compile(r"\s*([0-9]{1,3}(?:[.,][0-9]+)?)\s*%?\s*")


@dataclass(frozen=True)
class Thing:
    """One entity of the file."""

    line: int
    id: str
    schema: str
    caption: str
    properties: Mapping[str, list[str]]

    def first(self, *names: str) -> str | None:
        return next((self.properties[n][0] for n in names if self.properties.get(n)), None)

    @property
    def names(self) -> list[str]:
        """The name first, other names after it, each once."""
        found = [name for key in ("name", "alias", "weakAlias") for name in self.all(key)]
        return list(dict.fromkeys(found)) or [self.caption]

    @property
    def countries(self) -> tuple[str, ...]:
        codes = [code for key in ("country", "jurisdiction") for code in self.all(key)]
        return tuple(dict.fromkeys(code.upper() for code in codes))

    def all(self, name: str) -> list[str]:
        return self.properties.get(name, [])


@dataclass
class _File:
    parties: dict[str, Thing] = field(default_factory=dict)
    sanctions: list[Thing] = field(default_factory=list)
    ownerships: list[Thing] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    datasets: set[str] = field(default_factory=set)
    last_seen: str = ""


class ImportedOwnership(Record):
    """A share of ``owned`` that ``owner`` holds."""

    id: str
    owned: str
    owner: str
    percent: Decimal
    from_: datetime.date | None
    to: datetime.date | None
    source: str


def import_ftm(path: Path, intake: Intake, view: View, options: Options) -> ImportResult:
    """Listings, ownership and identifiers of the firms in the file.

    Raises InvalidInput where the day of the file is not known.
    """
    file = _read(path)
    reference = _reference(path, file, options)
    wanted = frozenset(options.lists)
    notes: list[Finding] = []
    rows = list(_rows(path, file, wanted, notes))
    snapshot = Snapshot("ftm", _day(path, file, options), reference, options.lists, complete=False)
    result = import_listings(path, snapshot, rows, file.findings, (intake, view, options))
    result.notes += notes
    _Ownerships(path, file, intake, view, options, result).run()
    return result


def _read(path: Path) -> _File:
    file = _File()
    for row in read_json_lines(path):
        try:
            if isinstance(row, Finding):
                file.findings.append(row)
            else:
                _sort(_thing(row), file)
                file.datasets.update(map(str, row.values.get("datasets", ())))
                file.last_seen = max(file.last_seen, str(row.values.get("last_seen") or ""))
        except ValueError as error:
            line = row.line if isinstance(row, Row) else None
            file.findings.append(Finding(str(path), line, "", str(error), "row"))
    return file


def _sort(thing: Thing, file: _File) -> None:
    if thing.schema in PARTIES:
        file.parties[thing.id] = thing
    elif thing.schema == "Sanction":
        file.sanctions.append(thing)
    elif thing.schema == "Ownership":
        file.ownerships.append(thing)


def _thing(row: Row) -> Thing:
    value: Any = row.values
    if not isinstance(value, dict) or not value.get("id") or not value.get("schema"):
        raise ValueError("not an entity: an object with id, schema and properties")
    properties = value.get("properties", {})
    if not isinstance(properties, dict):
        raise ValueError("properties: an object should stand here")
    for name, texts in properties.items():
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"properties.{name}: a list of texts should stand here")
    caption = str(value.get("caption") or value["id"])
    return Thing(row.line, str(value["id"]), str(value["schema"]), caption, properties)


def _day(path: Path, file: _File, options: Options) -> datetime.date:
    try:
        return options.as_of or as_date(file.last_seen)
    except ValueError:
        raise InvalidInput(f"{path} does not say of which day it is; say so (as of)") from None


def _reference(path: Path, file: _File, options: Options) -> Reference:
    day = _day(path, file, options)
    title = ", ".join(sorted(file.datasets)) or path.stem
    words = "-".join(re.findall(r"[a-z0-9]+", title.lower()))
    return Reference(
        id=f"ftm-{words}-{day}",
        title=f"FollowTheMoney entities of {title}, {day}",
        reliability="C",
        note="The licence is that of whoever made the data set.",
    )


def _rows(
    path: Path, file: _File, wanted: frozenset[str], notes: list[Finding]
) -> Iterator[ListedRow]:
    """A row for each sanction of a party on a list that is wanted."""
    for sanction in file.sanctions:
        name = _list_of(sanction)
        parties = [file.parties[e] for e in sanction.all("entity") if e in file.parties]
        if name is None or not parties:
            what = "a list that is not modelled" if parties else "of nobody in the file"
            notes.append(Finding(str(path), sanction.line, sanction.id, f"left out: {what}", "row"))
        elif name in wanted:
            yield from _rows_of(path, sanction, name, parties, file.findings)


def _list_of(sanction: Thing) -> str | None:
    texts = (*sanction.all("program"), *sanction.all("authority"))
    codes = (code for text in texts for code in CODE.findall(text))
    return next((LISTS[code.upper()] for code in codes if code.upper() in LISTS), None)


def _rows_of(
    path: Path, sanction: Thing, name: str, parties: list[Thing], findings: list[Finding]
) -> Iterator[ListedRow]:
    try:
        start = _date(sanction, "listingDate", "startDate")
        end = _date(sanction, "endDate")
    except ValueError as error:
        findings.append(Finding(str(path), sanction.line, sanction.id, str(error), "row"))
        return
    for party in parties:
        first, *aliases = party.names
        yield ListedRow(
            line=sanction.line,
            list_=name,
            name=first,
            aliases=tuple(aliases),
            countries=party.countries,
            requirement=sanction.first("provisions"),
            start=start,
            end=end,
        )


def _date(thing: Thing, *names: str) -> datetime.date | None:
    text = thing.first(*names)
    try:
        return as_date(text) if text else None
    except ValueError:
        raise ValueError(f"{names[0]}: no day: {text!r}") from None


class _Ownerships:
    """Shares and identifiers, of parties that are firms of the record or known by name."""

    def __init__(
        self,
        path: Path,
        file: _File,
        intake: Intake,
        view: View,
        options: Options,
        result: ImportResult,
    ) -> None:
        self.path, self.file, self.intake, self.view = path, file, intake, view
        self.options, self.result = options, result
        self.firms, self.places = firm_names(view), places(view)
        self.records: list[Located] = []
        self.written: set[str] = set()

    def run(self) -> None:
        for share in self.file.ownerships:
            self.share(share)
        for party in self.file.parties.values():
            self.identify(party)
        self.result.write(self.intake, self.records, IMPORT_WRITERS)

    def firm(self, party: Thing) -> Match | None:
        first, *aliases = party.names
        where = [self.places[c] for c in party.countries if c in self.places]
        found = self.firms.best(first, aliases, where)
        sure = [match for match in found if match.score >= self.options.accept]
        clear = len(sure) == 1 or (sure and sure[0].score > sure[1].score)
        return sure[0] if clear else None

    def slug(self, party: Thing) -> str:
        """The slug of a party; one that is not in the record is described by its name."""
        match = self.firm(party)
        if match:
            return match.target
        where = next((self.places[c] for c in party.countries if c in self.places), None)
        slug = name_only_slug(normalise(party.names[0]), where)
        known = self.view.types(self.intake.names.expand(f"id:{slug}"))
        if slug not in self.written and not known:
            self.written.add(slug)
            self.records += located("entities", [self.entity(slug, party)], *self.place(party))
        return slug

    def entity(self, slug: str, party: Thing) -> Entity:
        first, *aliases = party.names
        return Entity.model_validate(
            {
                "id": slug,
                "class": "Agent",
                "label": first,
                "names": names_by_language(aliases),
                "note": "Known by name only, from a data set of firms.",
                "sources": [self.result.source],
            }
        )

    def share(self, share: Thing) -> None:
        owners = [self.file.parties.get(name) for name in share.all("owner")]
        assets = [self.file.parties.get(name) for name in share.all("asset")]
        if not owners or not assets or None in owners or None in assets:
            self.note(share, "left out: owner or asset is no firm in the file")
            return
        try:
            from_, to = _date(share, "startDate"), _date(share, "endDate")
        except ValueError as error:
            self.finding(share, str(error))
            return
        percent = self.percent(share)
        if percent is None:
            return
        for owner, owned in ((o, a) for o in owners for a in assets if o and a):
            self.result.count("shares")
            who, whose = self.slug(owner), self.slug(owned)
            digest = hashlib.sha256(f"{who} {percent} {from_} {to}".encode()).hexdigest()[:8]
            record = ImportedOwnership(
                id=f"{whose}#owner-{digest}",
                owned=whose,
                owner=who,
                percent=percent,
                from_=from_,
                to=to,
                source=self.result.source,
            )
            self.records += located("ownerships", [record], *self.place(share))

    def percent(self, share: Thing) -> Decimal | None:
        """The size of the share; None, said in the report, where it is not one number."""
        text = share.first("percentage")
        found = _PERCENT.fullmatch(text or "")
        number = Decimal(found[1].replace(",", ".")) if found else None
        if text is None:
            self.note(share, "left out: the size of the share is not given")
        elif number is None or number > 100:
            self.finding(share, f"percentage: not one number from 0 to 100: {text!r}")
            return None
        return number

    def identify(self, party: Thing) -> None:
        """Identifiers of firms of the record. What is there stays there."""
        match = self.firm(party)
        if match is None:
            if party.names[0] not in self.result.unmatched:
                self.result.unmatched.append(party.names[0])
            return
        self.result.matches.append(match)
        node = self.intake.names.expand(f"id:{match.target}")
        for name, (curie, shape) in IDENTIFIERS.items():
            for value in party.all(name):
                if re.fullmatch(shape, value):
                    self.add_quad(node, curie, Literal(value))
                else:
                    self.finding(party, f"{name}: not of the right form: {value!r}")

    def add_quad(self, node: NamedNode, curie: str, term: Literal) -> None:
        if term not in self.view.objects(node, curie):
            expand = self.intake.names.expand
            self.result.quads.append(Quad(node, expand(curie), term, expand(self.result.graph)))

    def place(self, thing: Thing) -> tuple[str, int]:
        return str(self.path), thing.line

    def note(self, thing: Thing, message: str) -> None:
        self.result.notes.append(Finding(*self.place(thing), thing.id, message, "row"))

    def finding(self, thing: Thing, message: str) -> None:
        self.result.findings.append(Finding(*self.place(thing), thing.id, message, "row"))


def _write_ownership(share: ImportedOwnership, out: Output, _: Context) -> None:
    node = out.node(
        f"id:{share.id}",
        GRAPH,
        {
            "a": "ct:Ownership",
            "ct:owner": f"id:{share.owner}",
            "ct:percent": share.percent,
            "ct:validFrom": share.from_,
            "ct:validTo": share.to,
            "dct:source": f"src:{share.source}",
        },
    )
    out.node(f"id:{share.owned}", GRAPH, {"ct:hasOwnership": node})


IMPORT_WRITERS: Mapping[type[Record], Writer] = ALL_WRITERS | {ImportedOwnership: _write_ownership}
