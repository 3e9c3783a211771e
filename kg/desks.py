"""Who answers questions about control status: a desk of the records in force, and of past ones.

An answer about a past time rests on the records as they stood in the store then, which the log
keeps: what is written afterwards does not change it.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

from kg.errors import Defect, NotFound
from kg.history.reading import History
from kg.intake import info_of
from kg.policy.desk import Desk
from kg.recordfile import RECORDS_FILE, read_records_file, records_of
from kg.snapshots import Snapshot

KEPT = 4
"""Desks of the past that are at hand: some 3 MB each, and 50 ms to make."""


class Desks:
    """Those of one generation. Safe to use from several threads."""

    def __init__(self, snapshot: Snapshot, before: Desks | None = None) -> None:
        """``before``: those of another generation of the store, whose past is the same."""
        self.number, store_dir = snapshot.number, snapshot.path.parents[1]
        self._now = _desk_in_force(snapshot)
        self._history = History(store_dir, snapshot.number)
        self._past: Callable[[int], Desk] = (
            before._past if before else lru_cache(KEPT)(partial(_past_desk, store_dir))
        )

    @property
    def now(self) -> Desk:
        """Raises NotFound where there are no rules."""
        if self._now is None:
            raise NotFound("this store has no rules: it was made empty")
        return self._now

    def revision_at(self, known_at: datetime.datetime | None) -> int | None:
        """The revision whose records answers about ``known_at`` rest on; None: those in force."""
        return self._history.evaluated_at(known_at) if known_at else None

    def of(self, revision: int | None) -> Desk:
        """The desk of what :meth:`revision_at` has found.

        Raises NotFound where there were no rules.
        """
        return self.now if revision is None else self._past(revision)

    def at(self, known_at: datetime.datetime | None) -> Desk:
        """Raises NotFound as :meth:`of`."""
        return self.of(self.revision_at(known_at))


def _desk_in_force(snapshot: Snapshot) -> Desk | None:
    path = snapshot.path / RECORDS_FILE
    if not path.exists():
        return None
    return Desk.of(read_records_file(path), info_of(snapshot.facts).recorded)


def _past_desk(store_dir: Path, revision: int) -> Desk:
    found = History(store_dir, revision).evaluated(revision)
    if found.records is None or found.recorded is None:
        raise NotFound("there were no rules in this store then")
    try:
        records = records_of(found.records)
    except Defect as error:
        message = f"the rules of revision {revision} cannot be read any more: {error}"
        raise NotFound(message) from error
    return Desk.of(records, datetime.datetime.fromisoformat(found.recorded))
