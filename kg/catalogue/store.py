"""The catalogue on disk: documents and their facets in SQLite, found again page by page.

Lists are keyset pages over (sort value, slug): a page costs the same wherever it begins, and
nothing is skipped or shown twice when the data changes between two pages.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from kg.catalogue import index
from kg.catalogue.entry import Entry
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
_NEAR = 1000
"""Slugs among which the nearest are looked for."""

_DAY = re.compile(r"\d{4}-\d\d-\d\d")

_LAYOUT = 1
"""Of the file; another one is of another version of this program."""

_SCHEMA = f"""
PRAGMA user_version = {_LAYOUT};
CREATE TABLE entry (
    id INTEGER PRIMARY KEY, collection TEXT NOT NULL, slug TEXT NOT NULL,
    valid_from TEXT, valid_to TEXT, recorded_from TEXT, recorded_to TEXT,
    since INTEGER NOT NULL, until INTEGER, known_since INTEGER,
    document TEXT NOT NULL  -- last: what is looked at before it fits a page
);
-- Of two indices that serve a query alike SQLite takes the later: the one of what is in force.
CREATE INDEX entry_version ON entry (collection, slug, since);
CREATE INDEX entry_by_record_time ON entry (recorded_from) WHERE recorded_from IS NOT NULL;
CREATE UNIQUE INDEX entry_in_force ON entry (collection, slug) WHERE until IS NULL;
CREATE TABLE facet (
    entry INTEGER NOT NULL, field TEXT NOT NULL, value NOT NULL,
    collection TEXT NOT NULL, until INTEGER,
    PRIMARY KEY (entry, field, value)
) WITHOUT ROWID;
CREATE INDEX facet_by_value ON facet (collection, field, until, value, entry);
CREATE TABLE alias (
    collection TEXT NOT NULL, alias TEXT NOT NULL, slug TEXT NOT NULL,
    PRIMARY KEY (collection, alias)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class PageRequest:
    """What to list. ``equal``: field → accepted values; ``at_least``/``at_most``: numbers, or
    days (ISO 8601) for fields that hold days.

    ``sort`` is a field or ``id``, with ``-`` before it for descending order. The two times are
    ISO dates: ``valid_at`` about when, ``known_at`` as recorded when. ``revision``: the versions
    of that revision, instead of those in force; with ``known_at``, it is the one in force then.
    """

    collection: str
    equal: Mapping[str, Sequence[str]] = field(default_factory=dict)
    at_least: Mapping[str, float | str] = field(default_factory=dict)
    at_most: Mapping[str, float | str] = field(default_factory=dict)
    valid_at: str | None = None
    known_at: str | None = None
    revision: int | None = None
    sort: str = "id"
    cursor: str | None = None
    limit: int = 50


@dataclass(frozen=True)
class Count:
    """How many of the listed records have ``value`` in a field."""

    value: str | float
    label: str
    count: int


@dataclass(frozen=True)
class Page:
    items: list[Json]
    next_cursor: str | None
    count: int
    count_truncated: bool


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
        connection.execute("ANALYZE")
        connection.commit()
    finally:
        connection.close()


def _insert(connection: sqlite3.Connection, number: int, entry: Entry, revision: int) -> None:
    text = json.dumps(entry.document, ensure_ascii=False, separators=(",", ":"))
    row = (number, entry.collection, entry.slug, *entry.valid, *entry.recorded, revision, text)
    connection.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, ?)", row)
    facets = (
        (number, name, _stored(value), entry.collection)
        for name, values in entry.facets.items()
        for value in set(values)
    )
    connection.executemany("INSERT INTO facet VALUES (?, ?, ?, ?, NULL)", facets)
    aliases = ((entry.collection, alias, entry.slug) for alias in entry.aliases)
    connection.executemany("INSERT OR IGNORE INTO alias VALUES (?, ?, ?)", aliases)


def _stored(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


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
        sql = "SELECT collection, field, MIN(value), MAX(value) FROM facet GROUP BY 1, 2"
        self.fields: dict[str, dict[str, str]] = {}
        """Collection → field → what it holds: ``number``, ``day`` or ``text``."""
        for collection, name, least, most in self.rows(sql, ()):
            self.fields.setdefault(collection, {})[name] = _held(least, most)
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
        in_force, values = _in_force(request)
        clauses, more = _times(request)
        where = " AND ".join(["e.collection = ?", "e.slug = ?", in_force, *clauses])
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
        where, values = _filters(request)
        total = self.rows(
            f"SELECT COUNT(*) FROM (SELECT 1 FROM entry e WHERE {where} LIMIT {COUNT_LIMIT + 1})",  # noqa: S608
            values,
        )[0][0]
        rows = self._page_rows(request, where, values)
        items = [json.loads(document) for document, _, _ in rows[: request.limit]]
        more = len(rows) > request.limit
        last = rows[request.limit - 1] if more else None
        return Page(
            items,
            _encode_cursor(request.sort, last[2], last[1]) if last else None,
            min(total, COUNT_LIMIT),
            total > COUNT_LIMIT,
        )

    def facets(self, request: PageRequest, fields: Iterable[str]) -> dict[str, list[Count]]:
        """Field → its values in the whole list, the most frequent first, at most FACET_LIMIT.

        Raises InvalidInput for an unknown field.
        """
        fields = list(fields)
        self._check_known(request.collection, fields)
        where, values = _filters(request)
        sql = (
            "SELECT v.value, COUNT(*) FROM entry e"  # noqa: S608
            " JOIN facet v ON v.entry = e.id AND v.field = ?"
            f" WHERE {where} GROUP BY v.value ORDER BY 2 DESC, 1 LIMIT {FACET_LIMIT}"
        )
        found = {name: self.rows(sql, [name, *values]) for name in fields}
        return {name: self._labelled(rows, request) for name, rows in found.items()}

    def _labelled(self, rows: list[tuple[Any, ...]], request: PageRequest) -> list[Count]:
        values = [str(value) for value, _ in rows]
        marks = ", ".join("?" * len(rows))
        sql = f"SELECT id, label FROM kind WHERE id IN ({marks})"  # noqa: S608
        found = dict(self.rows(sql, values)) | self._labels(values, marks, request)
        return [Count(value, found.get(str(value), str(value)), n) for value, n in rows]

    def _labels(self, slugs: list[str], marks: str, request: PageRequest) -> dict[str, str]:
        """Slug → label, in the revision that ``request`` is for."""
        if request.revision is None:
            sql = f"SELECT slug, label FROM record WHERE slug IN ({marks})"  # noqa: S608
            return dict(self.rows(sql, slugs))
        in_force, values = _in_force(request)
        collections = [*self.fields]
        places = ", ".join("?" * len(collections))
        sql = (
            "SELECT e.slug, json_extract(e.document, '$.label') FROM entry e"  # noqa: S608
            f" WHERE e.collection IN ({places}) AND e.slug IN ({marks}) AND {in_force}"
            " ORDER BY e.collection DESC"
        )
        return dict(self.rows(sql, [*collections, *slugs, *values]))

    def _page_rows(
        self, request: PageRequest, where: str, values: list[object]
    ) -> list[tuple[str, str, object]]:
        descending, name = request.sort.startswith("-"), request.sort.lstrip("-")
        key, key_values = _sort_key(name)
        comparison, order = ("<", "DESC") if descending else (">", "ASC")
        sql = f"SELECT document, slug, sort FROM (SELECT e.document, e.slug, {key} AS sort"  # noqa: S608
        sql += f" FROM entry e WHERE {where})"
        all_values = [*key_values, *values]
        if request.cursor is not None:
            sort, slug = _decode_cursor(request.cursor, request.sort)
            sql += f" WHERE (sort, slug) {comparison} (?, ?)"
            all_values += [sort, slug]
        sql += f" ORDER BY sort {order}, slug {order} LIMIT ?"
        return self.rows(sql, [*all_values, request.limit + 1])

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


def _filters(request: PageRequest) -> tuple[str, list[object]]:
    """The WHERE clause over ``entry e``: only fixed text and placeholders, never user text."""
    in_force, values = _in_force(request)
    clauses = ["e.collection = ?", in_force]
    values = [request.collection, *values]
    for name, accepted in request.equal.items():
        marks = ", ".join("?" * len(accepted))
        clauses.append(_facet(f"CAST(f.value AS TEXT) IN ({marks})"))
        values += [name, *accepted]
    for limits, sign in ((request.at_least, ">="), (request.at_most, "<=")):
        for name, limit in limits.items():
            comparable = "=" if isinstance(limit, str) else "!="
            clauses.append(_facet(f"typeof(f.value) {comparable} 'text' AND f.value {sign} ?"))
            values += [name, limit]
    in_time, times = _times(request)
    if request.known_at is None:
        in_time = [*in_time, "e.recorded_to IS NULL"]
    return " AND ".join([*clauses, *in_time]), [*values, *times]


def _times(request: PageRequest) -> tuple[list[str], list[object]]:
    """The conditions that the two times make."""
    clauses: list[str] = []
    values: list[object] = []
    for column, at, until in (
        ("valid", request.valid_at, ">="),  # days are inclusive,
        ("recorded", request.known_at, ">"),  # what was closed at a time was no more at it
    ):
        if at is not None:
            clauses.append(f"COALESCE(e.{column}_from, '') <= ?")
            clauses.append(f"COALESCE(e.{column}_to, '9999') {until} ?")
            values += [at, at]
    return clauses, values


def _in_force(request: PageRequest) -> tuple[str, list[object]]:
    """The condition that picks one version of each record."""
    if request.revision is None:
        return "e.until IS NULL", []
    since = "since" if request.known_at is None else "known_since"
    condition = f"e.{since} <= ? AND (e.until IS NULL OR e.until > ?)"
    return condition, [request.revision, request.revision]


def _facet(condition: str) -> str:
    found = "SELECT 1 FROM facet f WHERE f.entry = e.id AND f.field = ?"
    return f"EXISTS ({found} AND {condition})"


def _sort_key(name: str) -> tuple[str, list[object]]:
    if name == "id":
        return "e.slug", []
    least = "SELECT MIN(f.value) FROM facet f WHERE f.entry = e.id AND f.field = ?"
    return f"COALESCE(({least}), '')", [name]


def _encode_cursor(sort: str, value: object, slug: str) -> str:
    text = json.dumps([sort, value, slug], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode_cursor(cursor: str, sort: str) -> tuple[str | float, str]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        made_for, value, slug = json.loads(text)
    except (binascii.Error, ValueError) as error:
        message = "the cursor is not one that this service gave; begin without one"
        raise InvalidInput(message) from error
    if made_for != sort or not isinstance(value, str | int | float) or not isinstance(slug, str):
        raise InvalidInput("the cursor belongs to another list; begin without one")
    return value, slug
