"""The catalogue on disk: documents and their facets in SQLite, found again page by page.

Documents are kept as the JSON text that is sent; lists hand the text on without reading it. What
RDF says of them is kept beside them, by the nodes that they are about.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from kg.catalogue import index, listing
from kg.catalogue.description import FIND_DESCRIPTIONS, Description, unpacked
from kg.catalogue.entry import Entry
from kg.catalogue.flat import flatten
from kg.catalogue.listing import Condition, PageRequest, Position
from kg.catalogue.search import MAX_TEXT, Search
from kg.catalogue.versions import Lineage, take_over
from kg.catalogue.view import Json
from kg.errors import Defect, InvalidInput, NotFound, UnknownName
from kg.names import nearest

FILE = "catalogue.sqlite"
COUNT_LIMIT = 100_000
"""Matches are counted up to here; beyond, an answer says that its count is truncated."""
FACET_LIMIT = 100
"""Values of a facet that are counted."""

_OPEN = "until IS NULL AND recorded_to IS NULL"
_REMEMBERED = 1000
"""Counts that an open catalogue remembers."""
_EVERYTHING_SINCE = 1 << 62
"""A revision in which only what is in force is in force."""
_NEAR = 1000
"""Slugs among which the nearest are looked for."""

_DAY = re.compile(r"\d{4}-\d\d-\d\d")

_LAYOUT = 3
"""Of the file; another one is of another version of this program."""

_SCHEMA = f"""
PRAGMA user_version = {_LAYOUT};
CREATE TABLE entry (
    id INTEGER PRIMARY KEY, collection TEXT NOT NULL, slug TEXT NOT NULL,
    valid_from TEXT, valid_to TEXT, recorded_from TEXT, recorded_to TEXT,
    since INTEGER NOT NULL, until INTEGER, known_since INTEGER,
    nodes TEXT NOT NULL,  -- IRIs (JSON) of what the record is about in the graph
    document TEXT NOT NULL  -- last: what is looked at before it fits a page
);
-- Of two indices that serve a query alike SQLite takes the later: the one of what is in force.
CREATE INDEX entry_version ON entry (collection, slug, since);
CREATE INDEX entry_by_record_time ON entry (recorded_from) WHERE recorded_from IS NOT NULL;
CREATE UNIQUE INDEX entry_in_force ON entry (collection, slug) WHERE until IS NULL;
-- A document fills a page of the file; what lists look at besides it stands in two indices.
CREATE INDEX entry_head ON entry (
    id, collection, slug, until, recorded_from, recorded_to, valid_from, valid_to, since,
    known_since
);
CREATE INDEX entry_listed ON entry (
    collection, slug, recorded_from, recorded_to, valid_from, valid_to, until
) WHERE until IS NULL;
-- least: the smallest value of the field, by which lists are sorted; open: no closed record
CREATE TABLE facet (
    entry INTEGER NOT NULL, field TEXT NOT NULL, value NOT NULL,
    collection TEXT NOT NULL, until INTEGER,
    slug TEXT NOT NULL, least INTEGER NOT NULL, open INTEGER NOT NULL,
    PRIMARY KEY (entry, field, value)
) WITHOUT ROWID;
CREATE INDEX facet_by_value ON facet (
    collection, field, until, value, slug, entry, least, open
);
CREATE TABLE field (
    collection TEXT NOT NULL, name TEXT NOT NULL, least NOT NULL, most NOT NULL,
    single INTEGER NOT NULL, -- no record has two values
    PRIMARY KEY (collection, name)
) WITHOUT ROWID;
-- The columns of a collection as a table: of a revision, those that there were since then at the
-- latest, so that the tables of the past stay what they were.
CREATE TABLE flat_column (
    collection TEXT NOT NULL, name TEXT NOT NULL, since INTEGER NOT NULL, place INTEGER NOT NULL,
    PRIMARY KEY (collection, name)
);
-- What RDF says of a node, packed; it may change when the documents about the node do not.
CREATE TABLE description (
    node TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER, text BLOB NOT NULL,
    PRIMARY KEY (node, since)
);
CREATE TABLE label (value TEXT PRIMARY KEY, label TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE alias (
    collection TEXT NOT NULL, alias TEXT NOT NULL, slug TEXT NOT NULL,
    PRIMARY KEY (collection, alias)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Count:
    """How many of the listed records have ``value`` in a field."""

    value: str | float
    label: str
    count: int


@dataclass(frozen=True)
class Page:
    """``texts``: the documents as JSON."""

    texts: list[str]
    next_cursor: str | None
    count: int
    count_truncated: bool

    @cached_property
    def items(self) -> list[Json]:
        return [json.loads(text) for text in self.texts]


_ALONE = Lineage()


@dataclass(frozen=True)
class Version:
    """A document from revision ``since`` up to, not with, ``until`` (None: in force).

    ``recorded``: the record's own times, where it says any.
    """

    since: int
    until: int | None
    recorded: tuple[str | None, str | None]
    document: Json


def write_catalogue(path: Path, entries: Iterable[Entry], lineage: Lineage = _ALONE) -> None:
    """Make the catalogue at ``path`` (a file that does not exist yet).

    ``entries`` are what is in force; what was, ``lineage`` says where to find.
    """
    connection = sqlite3.connect(path)
    try:
        connection.executescript(_SCHEMA + index.SCHEMA)
        with connection:
            listed = list(entries)
            for number, entry in enumerate(listed, 1):
                _insert(connection, number, entry, lineage.revision)
            index.write_index(connection, listed)
        take_over(connection, lineage)
        connection.execute(_FIELDS)
        connection.execute("ANALYZE")
        connection.commit()
    finally:
        connection.close()


_FIELDS = (
    "INSERT INTO field SELECT collection, field, MIN(value), MAX(value), MIN(least) FROM facet"
    " GROUP BY 1, 2"
)


def _insert(connection: sqlite3.Connection, number: int, entry: Entry, revision: int) -> None:
    text = json.dumps(entry.document, ensure_ascii=False, separators=(",", ":"))
    head = (number, entry.collection, entry.slug, *entry.valid, *entry.recorded, revision)
    row = (*head, json.dumps([*entry.nodes]), text)
    connection.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, ?, ?)", row)
    described = ((node, revision, text) for node, text in entry.nodes.items())
    connection.executemany("INSERT OR IGNORE INTO description VALUES (?, ?, NULL, ?)", described)
    connection.executemany(
        "INSERT INTO facet VALUES (?, ?, ?, ?, NULL, ?, ?, ?)", _facet_rows(number, entry)
    )
    columns = ((entry.collection, name, revision) for name in flatten(entry.document))
    connection.executemany(_COLUMN, columns)
    known = {value for values in entry.facets.values() for value in values}
    labels = {i: label for i, label in _references(entry.document) if i in known}
    connection.executemany("INSERT OR IGNORE INTO label VALUES (?, ?)", labels.items())
    aliases = ((entry.collection, alias, entry.slug) for alias in entry.aliases)
    connection.executemany("INSERT OR IGNORE INTO alias VALUES (?, ?, ?)", aliases)


_COLUMN = (
    "INSERT OR IGNORE INTO flat_column"
    " VALUES (?, ?, ?, (SELECT COALESCE(MAX(rowid), 0) + 1 FROM flat_column))"
)


def _facet_rows(number: int, entry: Entry) -> Iterator[tuple[object, ...]]:
    is_open = entry.recorded[1] is None
    for name, values in entry.facets.items():
        stored = sorted({_stored(value) for value in values}, key=_sorted)
        for place, value in enumerate(stored):
            about = (entry.collection, entry.slug, place == 0, is_open)
            yield number, name, value, *about


def _stored(value: str | float) -> str | float:
    return str(value).lower() if isinstance(value, bool) else value


def _sorted(value: str | float) -> tuple[bool, str | float]:
    """As SQLite sorts: numbers before texts."""
    return isinstance(value, str), value


def _references(value: Any) -> Iterator[tuple[str, str]]:
    """Id and label of everything that a document names."""
    if isinstance(value, dict):
        if isinstance(value.get("id"), str) and "label" in value:
            yield value["id"], value["label"]
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _references(inner)


class Catalogue:
    """A catalogue opened for reading. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise NotFound(f"no catalogue at {path}")
        if not is_readable(path):
            raise Defect(
                f"{path} is of another version of Chiptrail: 'chiptrail load' any file into the"
                " store, or build it again"
            )
        self._uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        self._local = threading.local()
        self._counted = lru_cache(_REMEMBERED)(self._count)
        sql = "SELECT collection, name, least, most, single FROM field"
        self.fields: dict[str, dict[str, str]] = {}
        """Collection → field → what it holds: ``number``, ``day`` or ``text``."""
        self._single: dict[str, set[str]] = {}
        for collection, name, least, most, single in self.rows(sql, ()):
            self.fields.setdefault(collection, {})[name] = _held(least, most)
            if single:
                self._single.setdefault(collection, set()).add(name)
        self.search = Search(self.rows)

    def counts(self) -> dict[str, int]:
        """Documents in each collection, closed records not counted."""
        sql = f"SELECT collection, COUNT(*) FROM entry WHERE {_OPEN} GROUP BY collection"  # noqa: S608
        return dict(self.rows(sql, ()))

    def item(self, collection: str, slug: str) -> Json:
        """The document called ``slug``, or by an alias of it.

        Raises UnknownName with the nearest slugs.
        """
        document = self.find(collection, slug)
        if document is None:
            raise UnknownName(collection.rstrip("s"), slug, self.nearest(collection, slug))
        return document

    def nearest(self, collection: str, slug: str) -> list[str]:
        """Up to five slugs of a collection that ``slug`` may have meant, the likeliest first.

        They are looked for among those that begin like it and those that a search for it finds.
        """
        sql = (
            "SELECT slug FROM entry WHERE collection = ? AND until IS NULL"
            " AND slug >= ? AND slug < ? LIMIT ?"
        )
        start = slug[:2]
        around = (collection, start, f"{start}\U0010ffff", _NEAR)
        alike = [found for (found,) in self.rows(sql, around)]
        hits = self.search.find(slug[:MAX_TEXT], limit=_NEAR).hits
        named = [hit.slug for hit in hits if hit.collection == collection]
        return list(dict.fromkeys(nearest(slug, [*named, *alike]) + named))[:5]

    def find(self, collection: str, slug: str) -> Json | None:
        """As :meth:`item`, but None where nothing is called so."""
        found = self.rows(
            "SELECT document FROM entry WHERE until IS NULL AND collection = ?1 AND slug ="
            " COALESCE((SELECT slug FROM alias WHERE collection = ?1 AND alias = ?2), ?2)",
            (collection, slug),
        )
        document: Json | None = json.loads(found[0][0]) if found else None
        return document

    def find_version(self, request: PageRequest, slug: str) -> Json | None:
        """The document called ``slug`` in the version that ``request`` is for, None where there
        is none. Closed records are found."""
        in_force, values = listing.in_force(request)
        times, more = listing.times(request)
        where = f"e.collection = ? AND e.slug = ? AND {in_force} AND {times}"
        sql = f"SELECT e.document FROM entry e WHERE {where}"  # noqa: S608
        found = self.rows(sql, [request.collection, slug, *values, *more])
        document: Json | None = json.loads(found[0][0]) if found else None
        return document

    def versions(self, collection: str, slug: str) -> list[Version]:
        """Every version of a document, oldest first; none where nothing was ever called so."""
        sql = (
            "SELECT since, until, recorded_from, recorded_to, document FROM entry"
            " WHERE collection = ? AND slug = ? ORDER BY since"
        )
        return [
            Version(since, until, (start, end), json.loads(text))
            for since, until, start, end, text in self.rows(sql, (collection, slug))
        ]

    @cached_property
    def beginning(self) -> str | None:
        """The earliest time at which a document says it was recorded."""
        sql = "SELECT MIN(recorded_from) FROM entry WHERE recorded_from IS NOT NULL"
        found: str | None = self.rows(sql, ())[0][0]
        return found

    def search_at(self, request: PageRequest) -> Search:
        """The search among the records that stand at the times of ``request``."""
        if not request.has_times:
            return self.search
        where, values = listing.standing(request)
        same = "e.collection = r.collection AND e.slug = r.slug"
        stands = f"EXISTS (SELECT 1 FROM entry e WHERE {same} AND {where})"  # noqa: S608
        return Search(self.rows, (stands, values))

    def slugs(self, collection: str) -> list[str]:
        sql = f"SELECT slug FROM entry WHERE collection = ? AND {_OPEN}"  # noqa: S608
        return [slug for (slug,) in self.rows(sql, (collection,))]

    def documents(self, collection: str) -> Iterator[Json]:
        """Every document of a collection but closed records, in the order of their slugs."""
        sql = f"SELECT document FROM entry WHERE collection = ? AND {_OPEN} ORDER BY slug"  # noqa: S608
        return (json.loads(text) for (text,) in self.rows(sql, (collection,)))

    def page(self, request: PageRequest) -> Page:
        """One page of a list. Raises InvalidInput for an unknown field or a bad cursor."""
        self._check_fields(request)
        after, total = listing.decode_cursor(request), self._total(request)
        numbers, last = self._numbers(request, after, self._is_broad(request))
        cursor = listing.encode_cursor(request.sort, last) if last else None
        return Page(self._texts(numbers), cursor, min(total, COUNT_LIMIT), total > COUNT_LIMIT)

    def described_page(self, request: PageRequest) -> tuple[Description, str | None]:
        """What RDF says of the records on a page, and its next cursor; errors as for a page."""
        self._check_fields(request)
        after = listing.decode_cursor(request)
        numbers, last = self._numbers(request, after, self._is_broad(request))
        cursor = listing.encode_cursor(request.sort, last) if last else None
        return self._described(request, numbers), cursor

    def describe(self, request: PageRequest, records: Iterable[tuple[str, str]]) -> Description:
        """What RDF says of ``records`` (collection, slug) in the version that ``request`` is
        for; it has nothing to say of what is not there."""
        in_force, values = listing.in_force(request)
        sql = f"SELECT e.id FROM entry e WHERE e.collection = ? AND e.slug = ? AND {in_force}"  # noqa: S608
        found = (self.rows(sql, [*record, *values]) for record in records)
        return self._described(request, [number for rows in found for (number,) in rows])

    def _described(self, request: PageRequest, numbers: list[int]) -> Description:
        revision = _EVERYTHING_SINCE if request.revision is None else request.revision
        rows = self.rows(FIND_DESCRIPTIONS, (json.dumps(numbers), revision))
        return Description([node for node, _ in rows], [unpacked(data) for _, data in rows])

    def batches(self, request: PageRequest) -> Iterator[list[str]]:
        """The documents of a whole list as JSON, in pages of its limit, from its cursor on."""
        self._check_fields(request)
        after, broad = listing.decode_cursor(request), self._is_broad(request)
        more = True
        while more:
            numbers, after = self._numbers(request, after, broad)
            more = after is not None
            yield self._texts(numbers)

    def columns(self, collection: str, revision: int | None = None) -> list[str]:
        """The columns that documents of a collection have as rows of a table; ``revision``: had
        in it."""
        sql = (
            "SELECT name FROM flat_column WHERE collection = ?1 AND (?2 IS NULL OR since <= ?2)"
            " ORDER BY since, place"
        )
        return [name for (name,) in self.rows(sql, (collection, revision))]

    def _total(self, request: PageRequest) -> int:
        single = self._single.get(request.collection, ())
        statement = listing.counting(request, COUNT_LIMIT + 1, single)
        found: int = self._counted(*_fixed(statement))[0][0]
        return found

    def _is_broad(self, request: PageRequest) -> bool:
        """Whether a page is sooner found by going through all records in their order (some
        ``limit * all / total`` of them) than by looking up the ``total`` that fit."""
        total, everything = self._total(request), self._total(PageRequest(request.collection))
        return total * total > request.limit * everything

    def _numbers(
        self, request: PageRequest, after: Position | None, broad: bool
    ) -> tuple[list[int], Position | None]:
        """The versions of records on a page, and where the next one begins, if there is one."""
        rows: list[tuple[Any, ...]] = []
        single = self._single.get(request.collection, ())
        for sql, values in listing.ordered(request, request.limit + 1, after, broad, single):
            if len(rows) <= request.limit:
                rows += self.rows(sql, values)
        page = rows[: request.limit]
        last = page[-1] if len(rows) > request.limit else None
        return [number for number, _, _ in page], (last[2], last[1]) if last else None

    def _texts(self, numbers: list[int]) -> list[str]:
        """Their documents as JSON."""
        sql = "SELECT id, document FROM entry WHERE id IN (SELECT value FROM json_each(?))"
        found = dict(self.rows(sql, (json.dumps(numbers),)))
        return [found[number] for number in numbers]

    def facets(self, request: PageRequest, fields: Iterable[str]) -> dict[str, list[Count]]:
        """Field → its values in the whole list, the most frequent first, at most FACET_LIMIT.

        Raises InvalidInput for an unknown field.
        """
        fields = list(fields)
        self._check_known(request.collection, fields)
        broad = self._is_broad(request)
        counting = {n: listing.facet_counts(request, n, FACET_LIMIT, broad) for n in fields}
        found = {name: self._counted(*_fixed(statement)) for name, statement in counting.items()}
        return {name: self._labelled(rows, request) for name, rows in found.items()}

    def _labelled(self, rows: Sequence[tuple[Any, ...]], request: PageRequest) -> list[Count]:
        values = [str(value) for value, _ in rows]
        marks = ", ".join("?" * len(rows))
        sql = f"SELECT id, label FROM kind WHERE id IN ({marks})"  # noqa: S608
        found = dict(self.rows(sql, values)) | self._labels(values, marks, request)
        return [Count(value, found.get(str(value), str(value)), n) for value, n in rows]

    def _labels(self, slugs: list[str], marks: str, request: PageRequest) -> dict[str, str]:
        """Slug → label, in the revision that ``request`` is for."""
        if request.revision is None:
            sql = "SELECT value, label FROM label WHERE value IN ({0}) UNION ALL "
            sql += "SELECT slug, label FROM record WHERE slug IN ({0}) ORDER BY 1"
            return dict(self.rows(sql.format(marks), slugs * 2))
        in_force, values = listing.in_force(request)
        collections = [*self.fields]
        places = ", ".join("?" * len(collections))
        sql = (
            "SELECT e.slug, json_extract(e.document, '$.label') FROM entry e"  # noqa: S608
            f" WHERE e.collection IN ({places}) AND e.slug IN ({marks}) AND {in_force}"
            " ORDER BY e.collection DESC"
        )
        return dict(self.rows(sql, [*collections, *slugs, *values]))

    def _count(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        """What is counted is remembered: a catalogue never changes."""
        return self.rows(sql, values)

    def _check_fields(self, request: PageRequest) -> None:
        asked = {*request.equal, *request.at_least, *request.at_most, request.sort.lstrip("-")}
        self._check_known(request.collection, asked - {"id"})

    def _check_known(self, collection: str, asked: Iterable[str]) -> None:
        known = self.fields.get(collection, {})
        for name in sorted(set(asked) - set(known)):
            hint = ", ".join(sorted(known))
            raise InvalidInput(f"{collection} have no field {name!r}; there are: {hint}")

    def rows(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """What a fixed statement of ours finds, ``values`` in the place of its marks."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._uri, uri=True, check_same_thread=False)
            self._local.connection = connection
        return list(connection.execute(sql, values))


def is_readable(path: Path) -> bool:
    """Whether there is a catalogue at ``path``, of this version of the program."""
    if not path.exists():
        return False
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        ((layout,),) = connection.execute("PRAGMA user_version")
    return bool(layout == _LAYOUT)


def _held(least: object, most: object) -> str:
    """What a field holds, by its least and its greatest value (numbers come before texts)."""
    if not isinstance(most, str):
        return "number"
    days = isinstance(least, str) and _DAY.match(least) and _DAY.match(most)
    return "day" if days else "text"


def _fixed(statement: Condition) -> tuple[str, tuple[object, ...]]:
    """As it can be remembered by."""
    return statement[0], tuple(statement[1])
