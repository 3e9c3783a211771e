"""The log read, up to the revision that is served: pages of revisions, of changes, of one record.

What is asked is answered from indices; a page costs the same wherever it begins.
"""

from __future__ import annotations

import datetime
import json
import re
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from kg.errors import InvalidInput, NotFound
from kg.history.log import FILE, SCHEMA, Evaluated, as_text

COUNT_LIMIT = 10_000
"""Matches of a filter are counted up to here; beyond, an answer says that it is truncated."""

Row = dict[str, Any]

_VERSION = re.compile(r"[0-9a-f]{16,64}")

_FILTERS = {
    "nature": "c.nature IN ({})",
    "kind": "c.kind IN ({})",
    "collection": "c.collection IN ({})",
    "slug": "c.slug IN ({})",
    "revision": "c.revision IN ({})",
    "about": "c.number IN (SELECT change FROM about WHERE slug IN ({}))",
    "author": "c.revision IN (SELECT revision FROM act WHERE author IN ({}))",
}
"""Field → the condition that a change meets for one of several values."""

FIELDS = tuple(_FILTERS)

_CHANGE = """
SELECT c.number, c.revision, r.at, r.version, c.nature, c.kind, c.collection, c.slug, c.iri,
       c.label, c.date, c.detail, r.operation, r.author, r.reason
FROM change AS c JOIN revision AS r ON r.number = c.revision
"""
_CHANGE_COLUMNS = (
    *("number", "revision", "at", "version", "nature", "kind", "collection", "slug", "iri"),
    *("label", "date", "detail", "operation", "author", "reason"),
)
_REVISION = "SELECT number, parent, version, at, operation, author, reason FROM revision"
_REVISION_COLUMNS = ("number", "parent", "version", "at", "operation", "author", "reason")
_ACT = "SELECT operation, author, reason, about, quads FROM act"
_ACT_COLUMNS = ("operation", "author", "reason", "about", "quads")


@dataclass(frozen=True)
class ChangeRequest:
    """``equal``: a field of FIELDS → accepted values. ``after``: the number of a change;
    ``later_than``: a time, as it is kept. ``cursor``: the number of the last change of the page
    before."""

    equal: Mapping[str, Sequence[str]] = field(default_factory=dict)
    after: int = 0
    later_than: str | None = None
    newest_first: bool = False
    cursor: int | None = None
    limit: int = 50


@dataclass(frozen=True)
class Rows:
    """A page; ``next_cursor`` None: the last."""

    items: list[Row]
    next_cursor: int | None
    count: int
    count_truncated: bool


def read_since(text: str) -> tuple[int, str | None]:
    """The number of a change, or a time as it is kept: a day means from its beginning.

    Raises InvalidInput for what is neither.
    """
    if text.isdecimal() and text.isascii():
        return int(text[:18]), None
    try:
        time = datetime.datetime.fromisoformat(text)
        if len(text) == len("2026-11-21"):
            time -= datetime.timedelta(microseconds=1)
        return 0, as_text(time if time.tzinfo else time.replace(tzinfo=datetime.UTC))
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"since must be the number of a change, a day or a time in ISO 8601, not {text!r}"
        ) from None


class History:
    """The log of a store up to a revision. Safe to use from several threads.

    A store that was made before there were logs has an empty one.
    """

    def __init__(self, store_dir: Path, upto: int) -> None:
        self.upto = upto
        self._path = store_dir / FILE
        self._local = threading.local()

    def revision(self, number: int) -> Row:
        """With what was written in it. Raises NotFound."""
        found = self._revisions("WHERE number = ? AND number <= ?", (number, self.upto))
        if not found:
            raise NotFound(f"there is no revision {number}; the latest is {self.upto}")
        return found[0] | {"acts": self._acts("WHERE revision = ? ORDER BY ordinal", (number,))}

    def revisions(self, newest_first: bool, cursor: int | None, limit: int) -> Rows:
        order, sign = ("DESC", "<") if newest_first else ("ASC", ">")
        edge = cursor if cursor is not None else (self.upto + 1 if newest_first else 0)
        sql = f"WHERE number <= ? AND number {sign} ? ORDER BY number {order} LIMIT ?"
        items = self._revisions(sql, (self.upto, edge, limit + 1))
        total = self._rows("SELECT COUNT(*) FROM revision WHERE number <= ?", (self.upto,))[0][0]
        return _page(items, limit, total)

    def at(self, time: datetime.datetime) -> int:
        """The number of the revision that was in force at ``time``; 0 before the first."""
        sql = "SELECT MAX(number) FROM revision WHERE at <= ? AND number <= ?"
        ((number,),) = self._rows(sql, (as_text(time), self.upto))
        return number or 0

    def of_version(self, version: str) -> Row:
        """The first revision whose data version begins with ``version``.

        Raises InvalidInput for what cannot be one, NotFound for one that never was.
        """
        if not _VERSION.fullmatch(version):
            raise InvalidInput(f"a version has 16 to 64 hexadecimal digits, not {version!r}")
        found = self._revisions(
            "WHERE version >= ? AND version < ? AND number <= ? ORDER BY number LIMIT 1",
            (version, version + "g", self.upto),
        )
        if not found:
            raise NotFound(f"no revision has the version {version}; see /api/revisions")
        return found[0]

    def evaluated_at(self, time: datetime.datetime) -> int | None:
        """The revision whose records answers about ``time`` rest on: those that were in force
        then, or else the first that there were. None where they still are in force.
        """
        if not self._keeps_evaluated:
            return None
        kept = "(SELECT MAX(revision) FROM evaluated WHERE revision <= ?)"
        sql = f"SELECT {kept}, {kept}, (SELECT MIN(revision) FROM evaluated)"  # noqa: S608
        ((then, latest, first),) = self._rows(sql, (self.at(time), self.upto))
        found: int | None = first if then is None else then
        return None if latest is None or found == latest else found

    def evaluated(self, revision: int) -> Evaluated:
        """What :meth:`evaluated_at` has found. Raises NotFound."""
        sql = "SELECT recorded, records FROM evaluated WHERE revision = ?"
        for row in self._rows(sql, (revision,)):
            return Evaluated.of_row(*row)
        raise NotFound(f"no records are kept of revision {revision}")

    @cached_property
    def _keeps_evaluated(self) -> bool:
        """False for a log that only older versions of this program have written to."""
        return bool(self._rows("SELECT 1 FROM sqlite_master WHERE name = 'evaluated'", ()))

    @cached_property
    def begun(self) -> str | None:
        """When the first revision came into force; None where there is no log."""
        found: str | None = self._rows("SELECT MIN(at) FROM revision", ())[0][0]
        return found

    @property
    def last_change(self) -> int:
        """The number of the latest change; 0 where there is none."""
        return self._last_change_of(self.upto)

    def time_of(self, number: int) -> str | None:
        """When a revision came into force, as it is kept; None where that is not known."""
        rows = self._rows("SELECT at FROM revision WHERE number = ?", (number,))
        return rows[0][0] if rows else None

    def changes(self, request: ChangeRequest) -> Rows:
        """A page of changes. Raises InvalidInput for a field that there is not."""
        after, last = self._after(request), self.last_change
        conditions, values = _conditions(request.equal)
        where = f"c.number > ? AND c.number <= ?{conditions}"
        total = max(last - after, 0)  # numbers have no gaps
        if request.equal:
            counted = f"SELECT COUNT(*) FROM (SELECT 1 FROM change AS c WHERE {where} LIMIT ?)"  # noqa: S608
            ((total,),) = self._rows(counted, [after, last, *values, COUNT_LIMIT + 1])
        order = "DESC" if request.newest_first else "ASC"
        if request.cursor is not None and request.newest_first:
            last = min(last, request.cursor - 1)
        elif request.cursor is not None:
            after = max(after, request.cursor)
        values = [after, last, *values]
        sql = f"{_CHANGE} WHERE {where} ORDER BY c.number {order} LIMIT ?"
        found = [
            dict(zip(_CHANGE_COLUMNS, row, strict=True))
            for row in self._rows(sql, [*values, request.limit + 1])
        ]
        for row in found:
            row["detail"] = json.loads(row["detail"])
        page = _page(found, request.limit, total)
        if request.equal and total > COUNT_LIMIT:
            return replace(page, count=COUNT_LIMIT, count_truncated=True)
        return page

    def acts_about(self, iri: str) -> list[Row]:
        """What was done to ``iri``, oldest first, each with its ``revision`` and ``at``."""
        sql = (
            "SELECT a.operation, a.author, a.reason, a.about, a.quads, r.number, r.at FROM act a"
            " JOIN revision r ON r.number = a.revision WHERE a.about = ? AND r.number <= ?"
            " ORDER BY r.number, a.ordinal"
        )
        columns = (*_ACT_COLUMNS, "revision", "at")
        return [dict(zip(columns, row, strict=True)) for row in self._rows(sql, (iri, self.upto))]

    def _after(self, request: ChangeRequest) -> int:
        """The number of the change after which those that are asked for begin."""
        if request.later_than is None:
            return request.after
        sql = "SELECT COALESCE(MAX(number), 0) FROM revision WHERE at <= ?"
        ((revision,),) = self._rows(sql, (request.later_than,))
        return max(request.after, self._last_change_of(revision))

    def _last_change_of(self, revision: int) -> int:
        sql = "SELECT number FROM change WHERE revision <= ? ORDER BY revision DESC, number DESC"
        rows = self._rows(f"{sql} LIMIT 1", (revision,))
        return rows[0][0] if rows else 0

    def _revisions(self, rest: str, values: Sequence[object]) -> list[Row]:
        rows = self._rows(f"{_REVISION} {rest}", values)
        return [dict(zip(_REVISION_COLUMNS, row, strict=True)) for row in rows]

    def _acts(self, rest: str, values: Sequence[object]) -> list[Row]:
        found = []
        for row in self._rows(f"{_ACT} {rest}", values):
            act = dict(zip(_ACT_COLUMNS, row, strict=True))
            found.append(act | {"quads": json.loads(act["quads"]) if act["quads"] else None})
        return found

    def _rows(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._open()
            self._local.connection = connection
        return list(connection.execute(sql, values))

    def _open(self) -> sqlite3.Connection:
        if self._path.exists():
            uri = f"{self._path.absolute().as_uri()}?mode=ro"
            return sqlite3.connect(uri, uri=True, check_same_thread=False, timeout=60.0)
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        connection.executescript(SCHEMA)
        return connection


def _conditions(equal: Mapping[str, Sequence[str]]) -> tuple[str, list[object]]:
    """What a change must meet, each condition with AND before it."""
    clauses, values = "", list[object]()
    for name, accepted in equal.items():
        if name not in _FILTERS:
            raise InvalidInput(f"changes have no field {name!r}; there are: {', '.join(FIELDS)}")
        clauses += " AND " + _FILTERS[name].format(", ".join("?" * len(accepted)))
        values += [_number(value) for value in accepted] if name == "revision" else accepted
    return clauses, values


def _number(text: str) -> int:
    if not text.isdecimal() or not text.isascii():
        raise InvalidInput(f"revision must be a number, not {text!r}")
    return int(text[:18])


def _page(items: list[Row], limit: int, total: int) -> Rows:
    more = len(items) > limit
    cursor = items[limit - 1]["number"] if more else None
    return Rows(items[:limit], cursor, total, False)
