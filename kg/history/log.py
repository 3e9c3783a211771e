"""The log of a store: one row a revision, what was written in it, and what that changed.

``<store>/history.sqlite``; a revision has the number of the generation that it made. It is
committed, synced, under the store's lock just before that generation comes into force. A crash
in between leaves rows of a generation that never was: readers look no further than the one that
they serve, and whoever publishes next removes them.

SQLite in WAL mode: readers, in whatever process, never make the one who appends wait.
"""

from __future__ import annotations

import datetime
import json
import sqlite3
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILE = "history.sqlite"

Quads = Mapping[str, Sequence[int]]
"""IRI of a graph → how many quads were added to it, and removed."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS revision (
    number INTEGER PRIMARY KEY, parent INTEGER, version TEXT NOT NULL, at TEXT NOT NULL,
    operation TEXT NOT NULL, author TEXT NOT NULL, reason TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS revision_by_time ON revision (at);
CREATE INDEX IF NOT EXISTS revision_by_version ON revision (version);
CREATE TABLE IF NOT EXISTS act (
    revision INTEGER NOT NULL, ordinal INTEGER NOT NULL, operation TEXT NOT NULL,
    author TEXT NOT NULL, reason TEXT NOT NULL, about TEXT, quads TEXT,
    PRIMARY KEY (revision, ordinal)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS act_by_author ON act (author, revision);
CREATE INDEX IF NOT EXISTS act_by_thing ON act (about, revision) WHERE about IS NOT NULL;
CREATE TABLE IF NOT EXISTS change (
    number INTEGER PRIMARY KEY, revision INTEGER NOT NULL, nature TEXT NOT NULL,
    kind TEXT NOT NULL, collection TEXT, slug TEXT, iri TEXT, label TEXT NOT NULL,
    date TEXT, detail TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS change_by_revision ON change (revision);
CREATE INDEX IF NOT EXISTS change_by_kind ON change (kind);
CREATE INDEX IF NOT EXISTS change_by_nature ON change (nature);
CREATE INDEX IF NOT EXISTS change_by_record ON change (slug, collection);
CREATE TABLE IF NOT EXISTS about (
    slug TEXT NOT NULL, change INTEGER NOT NULL, PRIMARY KEY (slug, change)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS about_by_change ON about (change);
CREATE TABLE IF NOT EXISTS evaluated (
    revision INTEGER PRIMARY KEY, recorded TEXT, records BLOB
);
"""

SEVERAL = "several"
"""The operation of a revision in which more than one kind of thing was done."""


@dataclass(frozen=True)
class Act:
    """One thing that somebody did: a build, a write. ``about``: the IRI of what it was done to.

    ``quads`` None: not counted.
    """

    operation: str
    author: str = ""
    reason: str = ""
    about: str | None = None
    quads: Quads | None = None


@dataclass(frozen=True)
class Change:
    """What is different from the revision before.

    ``nature``: the ``world`` changed, or our ``record`` of it. ``date``: of what changed, a day.
    ``about``: slugs of the things that it concerns.
    """

    nature: str
    kind: str
    label: str
    collection: str | None = None
    slug: str | None = None
    iri: str | None = None
    date: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    about: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evaluated:
    """What the policy evaluator works on in a revision: ``records``, as :mod:`kg.recordfile`
    writes them, and the record time of rules that carry none. None: there are no rules.
    """

    records: str | None = None
    recorded: str | None = None

    @classmethod
    def of_row(cls, recorded: str | None, packed: bytes | None) -> Evaluated:
        return cls(None if packed is None else zlib.decompress(packed).decode(), recorded)

    def as_row(self) -> tuple[str | None, bytes | None]:
        packed = None if self.records is None else zlib.compress(self.records.encode())
        return self.recorded, packed


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def as_text(time: datetime.datetime) -> str:
    """As times are kept: in UTC, to the microsecond, all of one length, so that they sort."""
    return time.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Log:
    """The log opened for appending, by whoever publishes."""

    def __init__(self, store_dir: Path) -> None:
        self._connection = sqlite3.connect(store_dir / FILE, timeout=60.0, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        self._connection.close()

    def append(
        self,
        number: int,
        version: str,
        acts: Sequence[Act],
        changes: Iterable[Change],
        evaluated: Mapping[int, Evaluated] | None = None,
    ) -> None:
        """Write down revision ``number``; durable when this returns. Only under the lock.

        ``evaluated``: revision, this one or its parent → what the rules work on in it; kept
        where it is not what it was in the one before. None: it is what it was.
        """
        connection = self._connection
        with connection:
            _forget(connection, number)  # what never came into force
            parent, at = self._last()
            row = (number, parent, version, at, *_summary(acts))
            connection.execute("INSERT INTO revision VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            rows = [_act_row(number, ordinal, act) for ordinal, act in enumerate(acts, 1)]
            connection.executemany("INSERT INTO act VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            for change in changes:
                self._insert(number, change)
            for revision, found in sorted((evaluated or {}).items()):
                self._keep(revision, found)

    def _last(self) -> tuple[int | None, str]:
        """The number of the revision before, and a time that is later than its own."""
        rows = list(
            self._connection.execute("SELECT number, at FROM revision ORDER BY number DESC LIMIT 1")
        )
        at = now()
        if not rows:
            return None, as_text(at)
        before = datetime.datetime.fromisoformat(rows[0][1])
        return rows[0][0], as_text(max(at, before + datetime.timedelta(microseconds=1)))

    def _insert(self, revision: int, change: Change) -> None:
        connection, detail = self._connection, json.dumps(change.detail, ensure_ascii=False)
        cursor = connection.execute(
            "INSERT INTO change VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                revision,
                change.nature,
                change.kind,
                change.collection,
                change.slug,
                change.iri,
                change.label,
                change.date,
                detail,
            ),
        )
        slugs = {*change.about, *([change.slug] if change.slug else [])}
        rows = [(slug, cursor.lastrowid) for slug in sorted(slugs)]
        connection.executemany("INSERT INTO about VALUES (?, ?)", rows)

    def _keep(self, revision: int, evaluated: Evaluated) -> None:
        sql = (
            "SELECT recorded, records FROM evaluated WHERE revision <= ?"
            " ORDER BY revision DESC LIMIT 1"
        )
        rows = list(self._connection.execute(sql, (revision,)))
        before = Evaluated.of_row(*rows[0]) if rows else Evaluated()
        if evaluated != before:  # what was kept of a revision stays
            row = (revision, *evaluated.as_row())
            self._connection.execute("INSERT OR IGNORE INTO evaluated VALUES (?, ?, ?)", row)


def copy_log(source: Path, target: Path, upto: int) -> None:
    """Copy a log, without what came after revision ``upto``, into one file."""
    with closing(sqlite3.connect(target)) as copy:
        with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as log:
            log.backup(copy)
        copy.executescript(SCHEMA)  # a log of an older version of this program
        with copy:
            _forget(copy, upto + 1)
        copy.execute("PRAGMA journal_mode = DELETE")


def _forget(connection: sqlite3.Connection, number: int) -> None:
    """Remove what there is of revision ``number`` and later ones."""
    if not list(connection.execute("SELECT 1 FROM revision WHERE number >= ?", (number,))):
        return
    connection.execute(
        "DELETE FROM about WHERE change IN (SELECT number FROM change WHERE revision >= ?)",
        (number,),
    )
    of_revision = [(table, "revision") for table in ("change", "act", "evaluated")]
    for table, column in (*of_revision, ("revision", "number")):
        connection.execute(f"DELETE FROM {table} WHERE {column} >= ?", (number,))  # noqa: S608


def _summary(acts: Sequence[Act]) -> tuple[str, str, str]:
    """Operation, author and reason of a revision in which all this was done."""
    operations = {act.operation for act in acts}
    authors = dict.fromkeys(act.author for act in acts if act.author)
    reasons = dict.fromkeys(act.reason for act in acts if act.reason)
    operation = operations.pop() if len(operations) == 1 else SEVERAL
    return operation, ", ".join(authors), "; ".join(reasons)


def _act_row(number: int, ordinal: int, act: Act) -> tuple[object, ...]:
    quads = None if act.quads is None else json.dumps(act.quads)
    return number, ordinal, act.operation, act.author, act.reason, act.about, quads
