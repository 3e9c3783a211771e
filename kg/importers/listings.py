"""Rows of screening lists → ``ct:ListingEntry`` nodes, matched to firms, dated, compared.

A list is a snapshot: it does not say what was taken off it. So a later snapshot is compared with
the rows of the record. A row that is new is added; one that has gone gets a last day; one that
reads otherwise now is kept as it was in ``g:history``, replaced by a new one. Nothing is deleted.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pyoxigraph import Literal, NamedNode, Quad

from kg.catalogue import View
from kg.errors import Finding, InvalidInput
from kg.importers.citations import InstrumentIndex, citations, cited_instruments
from kg.importers.names import NameIndex, normalise
from kg.importers.register import NAME_ONLY, firm_names, has_reference, places
from kg.importers.result import Difference, ImportResult, Match, Options, located
from kg.intake import ALL_WRITERS, Intake
from kg.mapping import Context, Output, Writer, english, literal
from kg.records import Entity, Listing, Located, Record, Reference

Date = datetime.date
Setting = tuple[Intake, View, Options]

MOST_GONE = 0.1
"""A snapshot that lacks a greater part of a list's rows is taken for an excerpt of it."""
REPORTED = 0.5
"""Candidates of a lower score are not worth a look."""


@dataclass(frozen=True)
class Snapshot:
    """``complete``: rows that are not in it are no longer on the ``lists``."""

    kind: str
    day: Date
    reference: Reference
    lists: tuple[str, ...]
    complete: bool = True

    @property
    def graph(self) -> str:
        return f"import-{self.kind}"


@dataclass(frozen=True)
class ListedRow:
    """One row as the file has it. ``countries`` are ISO codes, or whatever stands there."""

    line: int
    list_: str
    name: str
    aliases: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    citations: str | None = None
    requirement: str | None = None
    review: str | None = None
    start: Date | None = None
    end: Date | None = None


Key = tuple[str, str, str | None]
"""What makes two rows one: the list, the name in normalised form, the country."""
Content = tuple[str, str, frozenset[str], str | None, str | None]
"""What makes them read alike: party, name, citations, requirement, review."""


@dataclass(frozen=True)
class Known:
    """A row of the record that is open."""

    node: NamedNode
    key: Key
    content: Content
    listed_from: Date | None

    @property
    def party(self) -> str:
        return self.content[0]


class ImportedListing(Record):
    """A row to be written. ``places`` are further countries of its addresses."""

    id: str
    graph: str
    party: str
    listing: Listing
    aliases: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    recorded: datetime.datetime


@dataclass(frozen=True)
class _Row:
    """A row of the file and what was made out about it."""

    given: ListedRow
    key: Key
    party: str
    places: tuple[str, ...]
    citations: tuple[str, ...]
    listed_from: Date | None

    @property
    def content(self) -> Content:
        given = self.given
        cited = frozenset(self.citations)
        return self.party, given.name, cited, given.requirement, given.review


def _merged(first: _Row | None, row: _Row) -> _Row:
    """One row of two that read alike but for their aliases."""
    if first is None:
        return row
    aliases = tuple(dict.fromkeys((*first.given.aliases, *row.given.aliases)))
    return replace(first, given=replace(first.given, aliases=aliases))


def import_listings(
    path: Path,
    snapshot: Snapshot,
    rows: Sequence[ListedRow],
    findings: list[Finding],
    setting: Setting,
) -> ImportResult:
    """The listings of ``rows``, compared with those of the record.

    Raises InvalidInput for a snapshot older than the last one, InvalidData with ``findings``
    where the options are strict.
    """
    intake, view, options = setting
    source = snapshot.reference.id
    result = ImportResult(snapshot.kind, source, f"g:{snapshot.graph}", findings=findings)
    result.refuse_if(options.strict)
    if snapshot.complete:
        _refuse_older(view, snapshot)
    work = _Import(path, snapshot, intake, view, options, result)
    work.run(rows)
    return result


def _refuse_older(view: View, snapshot: Snapshot) -> None:
    graph = view.names.expand(f"g:{snapshot.graph}")
    names = [view.slug(node) for node in view.nodes(graph, "dct:source")]
    latest = max((name.removeprefix(f"{snapshot.kind}-") for name in names), default="")
    if latest > snapshot.day.isoformat():
        raise InvalidInput(
            f"a snapshot of {latest} was imported before this one of {snapshot.day}; "
            "import snapshots in the order of their days"
        )


class _Import:
    """The work on one file."""

    def __init__(
        self,
        path: Path,
        snapshot: Snapshot,
        intake: Intake,
        view: View,
        options: Options,
        result: ImportResult,
    ) -> None:
        self.path, self.snapshot, self.intake, self.view = path, snapshot, intake, view
        self.options, self.result = options, result
        self.places = places(view)
        self.firms: NameIndex = firm_names(view)
        self.instruments = InstrumentIndex(cited_instruments(view))
        self.known: dict[Key, list[Known]] = {}
        for known in open_rows(view, snapshot.lists):
            self.known.setdefault(known.key, []).append(known)
        self.records: list[Located] = []
        self.introduced: set[str] = set()
        self.gone: list[Known] = []
        self.graph = intake.names.expand(result.graph)
        self.last_day = snapshot.day - datetime.timedelta(days=1)

    def run(self, rows: Sequence[ListedRow]) -> None:
        found: dict[Key, dict[Content, _Row]] = {}
        for row in map(self.made_out, rows):
            same = found.setdefault(row.key, {})
            same[row.content] = _merged(same.get(row.content), row)
        self.result.count("rows taken", len(rows))
        for key, group in found.items():
            self.compare(list(group.values()), self.known.get(key, []))
        self.gone += [known for key in self.known.keys() - found for known in self.known[key]]
        if self.snapshot.complete and self.gone:
            self.close()
        if not has_reference(self.view, self.snapshot.reference.id):
            self.add("references", self.snapshot.reference, None)
        self.add_quad(self.graph, "dct:source", f"src:{self.snapshot.reference.id}")
        self.result.write(self.intake, self.records, IMPORT_WRITERS)

    # --- one row ------------------------------------------------------------------------------

    def made_out(self, given: ListedRow) -> _Row:
        """Where the row is, whom it names, since when."""
        where = tuple(dict.fromkeys(self.place_slugs(given)))
        key = (given.list_, normalise(given.name), where[0] if where else None)
        cited = citations(given.citations)
        if given.citations and not cited:
            self.note(given, f"no volume and page in the citation {given.citations!r}")
        first = self.instruments.of(min(cited)) if cited else None
        return _Row(
            given,
            key,
            self.party_of(given, key, where),
            where,
            tuple(map(str, cited)),
            first.effective if first and first.effective else given.start,
        )

    def place_slugs(self, given: ListedRow) -> Iterator[str]:
        for country in given.countries:
            slug = self.places.get(country) or self.places.get(normalise(country))
            if slug:
                yield slug
            else:
                self.note(given, f"no place called {country!r} in the record")

    def party_of(self, given: ListedRow, key: Key, where: tuple[str, ...]) -> str:
        """The slug of the firm that the row names, or of a party known by its name only."""
        for known in self.known.get(key, ()):
            if not known.party.startswith(NAME_ONLY):
                match = Match(given.name, known.party, 1.0, "the row is in the record already")
                self.result.matches.append(match)
                return known.party
        candidates = self.firms.best(given.name, given.aliases, where)
        sure = [match for match in candidates if match.score >= self.options.accept]
        if len(sure) == 1 or (sure and sure[0].score > sure[1].score):
            self.result.matches.append(sure[0])
            return sure[0].target
        self.result.matches += [
            Match(match.name, match.target, match.score, match.reason, accepted=False)
            for match in candidates
            if match.score >= REPORTED
        ]
        self.result.unmatched.append(given.name)
        return name_only_slug(key[1], key[2])

    # --- against the record -------------------------------------------------------------------

    def compare(self, rows: list[_Row], known: list[Known]) -> None:
        """Rows of one key: those that read alike stay, the others are replaced, added, closed."""
        before = list(known)
        changed: list[_Row] = []
        for row in rows:
            same = next((k for k in before if k.content == row.content), None)
            if same is None and not self.snapshot.complete and before:
                same = before[0]
            if same is None:
                changed.append(row)
            else:
                before.remove(same)
                self.keep(row, same)
        for row in changed:
            self.write(row, before.pop(0) if before and self.snapshot.complete else None)
        self.gone += before

    def keep(self, row: _Row, known: Known) -> None:
        """A row that is in the record: add what the record does not have yet."""
        self.result.count("rows as before")
        for alias in row.given.aliases:
            self.add_quad(known.node, "skos:altLabel", tagged(alias))
        if known.listed_from is None and row.listed_from is not None:
            self.add_quad(known.node, "ct:listedFrom", row.listed_from)
        elif row.listed_from and known.listed_from != row.listed_from:
            self.result.differences.append(
                Difference(known.party, "listed from", f"{row.listed_from}", f"{known.listed_from}")
            )

    def write(self, row: _Row, before: Known | None) -> None:
        """A row that is not in the record as it reads now."""
        self.result.count("rows changed" if before else "rows added")
        name = f"{row.party}#{row.given.list_}-{_digest(row)}"
        if row.party.startswith(NAME_ONLY):
            self.introduce(row)
        listing = ImportedListing(
            id=name,
            graph=self.snapshot.graph,
            party=row.party,
            listing=self.listing(row),
            aliases=row.given.aliases,
            places=row.places[1:],
            recorded=midnight(self.snapshot.day),
        )
        self.add("listings", listing, row.given.line)
        if before:
            self.replace(before, name)

    def listing(self, row: _Row) -> Listing:
        return Listing(
            list=row.given.list_,
            name=row.given.name,
            country=row.places[0] if row.places else None,
            citations=list(row.citations),
            requirement=row.given.requirement,
            review=row.given.review,
            listed_from=row.listed_from,
            listed_to=row.given.end,
            sources=[self.snapshot.reference.id],
        )

    def introduce(self, row: _Row) -> None:
        """A party known by name only: described once, by the first row that names it."""
        node = self.intake.names.expand(f"id:{row.party}")
        if row.party in self.introduced or self.view.types(node):
            for name in (row.given.name, *row.given.aliases):
                self.add_quad(node, "skos:altLabel", tagged(name))
            return
        self.introduced.add(row.party)
        self.add("entities", self.name_only(row), row.given.line)

    def name_only(self, row: _Row) -> Entity:
        return Entity.model_validate(
            {
                "id": row.party,
                "class": "Agent",
                "label": row.given.name,
                "names": names_by_language(row.given.aliases),
                "note": "Known by name only, from a row of a screening list.",
                "sources": [self.snapshot.reference.id],
            }
        )

    def replace(self, known: Known, name: str) -> None:
        """Close a row that reads otherwise now; as it was, it goes to the history. Its last day is
        that of the wording: the listing goes on in the row that replaces it."""
        self.result.replaced += [q for q in self.intake.quads if q.subject == known.node]
        history = self.intake.names.expand("g:history")
        self.add_quad(known.node, "dct:isReplacedBy", f"id:{name}", history)
        ended = midnight(self.snapshot.day)
        self.add_quad(known.node, "prov:invalidatedAtTime", ended, history)
        self.add_quad(known.node, "ct:listedTo", self.last_day, history)

    def close(self) -> None:
        """Rows that are not on their list any more were on it until the day before, at most."""
        reason = self.doubt()
        if reason:
            text = f"{len(self.gone)} rows of the record are not in the file, and stay: {reason}"
            self.result.notes.append(Finding(str(self.path), None, "", text, "removal"))
            return
        for known in sorted(self.gone, key=lambda known: known.node.value):
            self.result.count("rows closed")
            self.add_quad(known.node, "ct:listedTo", self.last_day)
            text = f"Not in the list of {self.snapshot.day}; the last day is the latest possible."
            self.add_quad(known.node, "rdfs:comment", english(text))

    def doubt(self) -> str | None:
        """Why the file may lack rows that are still on the list."""
        if self.result.findings:
            return "some rows could not be read"
        if len(self.gone) > MOST_GONE * sum(map(len, self.known.values())):
            return f"more than {MOST_GONE:.0%} are missing, so it is taken for an excerpt"
        return None

    # --- output -------------------------------------------------------------------------------

    def add(self, kind: str, record: Record, line: int | None) -> None:
        self.records += located(kind, [record], str(self.path), line)

    def add_quad(
        self,
        node: NamedNode,
        curie: str,
        value: NamedNode | Literal | str | Date | None,
        graph: NamedNode | None = None,
    ) -> None:
        """Add a triple that nobody has stated yet; a text is a CURIE."""
        expand = self.intake.names.expand
        term = expand(value) if isinstance(value, str) else value
        term = literal(term) if isinstance(term, Date) else term
        if term is not None and term not in self.view.objects(node, curie):
            self.result.quads.append(Quad(node, expand(curie), term, graph or self.graph))

    def note(self, given: ListedRow, message: str) -> None:
        where = str(self.path)
        self.result.notes.append(Finding(where, given.line, given.name, message, "row"))


def open_rows(view: View, lists: Iterable[str]) -> Iterator[Known]:
    """The rows of ``lists`` in the record that have no last day."""
    wanted = frozenset(lists)
    for node in view.instances("ct:ListingEntry"):
        list_, party = view.node(node, "ct:list"), view.node(node, "ct:listedParty")
        if list_ is None or party is None or view.slug(list_) not in wanted:
            continue
        if not view.values(node, "ct:listedTo"):
            yield _known(view, node, view.slug(list_), view.slug(party))


def _known(view: View, node: NamedNode, list_: str, party: str) -> Known:
    name = str(view.value(node, "ct:listedName"))
    country, since = view.node(node, "ct:country"), view.value(node, "ct:listedFrom")
    return Known(
        node,
        (list_, normalise(name), view.slug(country) if country else None),
        (
            party,
            name,
            frozenset(view.values(node, "ct:citation")),
            view.value(node, "ct:licenceRequirementText"),
            view.value(node, "ct:reviewPolicyText"),
        ),
        Date.fromisoformat(since) if since else None,
    )


def name_only_slug(name: str, country: str | None) -> str:
    """The slug of a party of which a list gives the name: readable, and one a name and country."""
    words = re.sub(r"[^a-z0-9]+", "-", name)[:80].strip("-")
    exact = words.replace("-", " ") == name
    digest = [] if exact else [hashlib.sha256(name.encode()).hexdigest()[:8]]
    parts = [NAME_ONLY.rstrip("-"), words, *digest, country or ""]
    return "-".join(part for part in parts if part)


def _digest(row: _Row) -> str:
    given = row.given
    text = [given.name, row.key[2], row.citations, given.requirement, given.review]
    return hashlib.sha256(repr(text).encode()).hexdigest()[:8]


def midnight(day: Date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC)


def language_of(name: str) -> str:
    """Chinese characters make a name Chinese; all others are written as in English."""
    return "zh" if any("一" <= c <= "鿿" for c in name) else "en"


def names_by_language(names: Iterable[str]) -> dict[str, list[str]]:
    """``{"en": […], "zh": […]}``"""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(language_of(name), []).append(name)
    return found


def tagged(name: str) -> Literal:
    return Literal(name, language=language_of(name))


def _write_listing(row: ImportedListing, out: Output, _: Context) -> None:
    listing = row.listing
    also = ", ".join(row.places)
    out.node(
        f"id:{row.id}",
        row.graph,
        {
            "a": "ct:ListingEntry",
            "ct:listedParty": f"id:{row.party}",
            "ct:list": f"con:{listing.list_}",
            "ct:listedName": Literal(listing.name),
            "skos:altLabel": [tagged(alias) for alias in row.aliases],
            "ct:country": f"id:{listing.country}" if listing.country else None,
            "ct:citation": [Literal(citation) for citation in listing.citations],
            "ct:licenceRequirementText": english(listing.requirement),
            "ct:reviewPolicyText": english(listing.review),
            "ct:listedFrom": listing.listed_from,
            "ct:listedTo": listing.listed_to,
            "prov:generatedAtTime": row.recorded,
            "dct:source": [f"src:{source}" for source in listing.sources],
            "rdfs:comment": english(f"Addresses also in: {also}." if also else None),
        },
    )


IMPORT_WRITERS: Mapping[type[Record], Writer] = ALL_WRITERS | {ImportedListing: _write_listing}
