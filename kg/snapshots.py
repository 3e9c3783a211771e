"""Generations of the store on disk: begun aside, published at once, pruned when unread.

::

    <store>/CURRENT               the number of the generation in force, replaced atomically
    <store>/generations/<n>/      an immutable snapshot
        store/                    a RocksDB store; its default graph is the merge of its graphs
        snapshot.json             at least {"version": "…"}
        delta-<version>.json      what it changed in that version, where it was written to
    <store>/generations/.new-<pid>-<serial>/    one that is being made

A generation is complete or absent: everything in it is synced before ``CURRENT`` names it,
and what a crash leaves behind has no number and is swept away by :func:`sweep`.
"""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kg.errors import Conflict, Defect, Unavailable

_SERIAL = itertools.count(1)


@dataclass(frozen=True)
class Snapshot:
    """One published generation. ``facts`` is its ``snapshot.json``."""

    path: Path
    number: int
    facts: Mapping[str, Any]

    @property
    def version(self) -> str:
        return str(self.facts["version"])

    @property
    def store(self) -> Path:
        return self.path / "store"


def begin(store_dir: Path) -> Path:
    """A fresh directory to make the next generation in (same file system: it is renamed)."""
    building = _generations(store_dir) / f".new-{os.getpid()}-{next(_SERIAL)}"
    building.mkdir(parents=True)
    return building


def write_facts(building: Path, facts: Mapping[str, Any]) -> None:
    """Write ``snapshot.json``; ``facts`` must hold ``version``, which names this content."""
    text = json.dumps(dict(facts), indent=2, sort_keys=True, ensure_ascii=False)
    (building / "snapshot.json").write_text(text + "\n", encoding="utf-8")


def number_after(snapshot: Snapshot | None) -> int:
    """The number that a generation made from ``snapshot`` comes to have."""
    return snapshot.number + 1 if snapshot else 1


def publish(
    store_dir: Path,
    building: Path,
    number: int | None = None,
    tables: bool = True,
    record: Callable[[int], None] | None = None,
) -> Snapshot:
    """Make ``building`` the generation in force; durable when this returns.

    ``number``: the one that it was made to have: :func:`number_after` what it was made from, or
    a later one.
    ``tables`` false: its store was written to, not loaded in bulk, so that its tables are synced.
    ``record`` is called with the number just before it comes into force, while nobody else can
    publish; where it raises, nothing has come into force. What it writes down of a number may
    have to be written down again: it did not come into force if the power failed in between.

    :raises Defect: it has no ``store/`` or no ``snapshot.json`` with a version.
    :raises Conflict: ``number`` is taken: another came into force in the meantime.
    """
    facts = _read_facts(building)
    if not (building / "store").is_dir() or "version" not in facts:
        raise Defect(f"{building} is not a snapshot: it needs store/ and a version")
    for orphan in (building / "store").glob("bulk-*.sst"):
        orphan.unlink()
    _sync_tree(building, tables)
    with _locked(store_dir):
        following = (_in_force(store_dir) or 0) + 1
        number = number or following
        if number < following:
            raise Conflict("another generation was published in the meantime: do it again")
        path = _generations(store_dir) / str(number)
        shutil.rmtree(path, ignore_errors=True)  # of a process that was killed right here
        if record is not None:
            record(number)
        building.rename(path)
        _sync(path.parent)
        _point_at(store_dir, number)
    return Snapshot(path, number, facts)


def current(store_dir: Path) -> Snapshot | None:
    """The generation in force, None where nothing was published yet."""
    number = _in_force(store_dir)
    while number is not None:
        path = _generations(store_dir) / str(number)
        try:
            return Snapshot(path, number, _read_facts(path))
        except Defect:  # perhaps another came into force, and this one was removed
            before, number = number, _in_force(store_dir)
            if before == number:
                raise
    return None


def require(store_dir: Path) -> Snapshot:
    """The generation in force.

    :raises Unavailable: nothing was published yet.
    """
    snapshot = current(store_dir)
    if snapshot is None:
        raise Unavailable("there is no data yet", 5)
    return snapshot


@contextmanager
def hold(snapshot: Snapshot) -> Iterator[None]:
    """Keep ``snapshot`` from being pruned, by this process or another, as long as it is read.

    :raises Unavailable: it is gone already.
    """
    try:
        descriptor = os.open(snapshot.path / "snapshot.json", os.O_RDONLY)
    except FileNotFoundError as error:
        raise Unavailable("that generation was just removed") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if not snapshot.store.is_dir():
            raise Unavailable("that generation was just removed")
        yield
    finally:
        os.close(descriptor)


def prune(store_dir: Path) -> None:
    """Remove every generation older than the one in force that nobody holds."""
    in_force = _in_force(store_dir) or 0
    for number in _numbers(store_dir):
        if number < in_force:
            _remove(_generations(store_dir) / str(number))


def _remove(path: Path) -> None:
    try:
        descriptor = os.open(path / "snapshot.json", os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        shutil.rmtree(path, ignore_errors=True)  # half removed by a process that was killed
    except BlockingIOError:
        os.close(descriptor)
    else:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def sweep(store_dir: Path) -> None:
    """Remove what processes that are gone left behind half made."""
    for leftover in _generations(store_dir).glob(".new-*"):
        if not _alive(int(leftover.name.split("-")[1])):
            shutil.rmtree(leftover, ignore_errors=True)


@contextmanager
def _locked(store_dir: Path) -> Iterator[None]:
    """One process at a time changes what is in force; the lock goes with the process."""
    descriptor = os.open(store_dir / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _in_force(store_dir: Path) -> int | None:
    try:
        return int((store_dir / "CURRENT").read_text(encoding="ascii"))
    except FileNotFoundError:
        return None


def _generations(store_dir: Path) -> Path:
    return store_dir / "generations"


def _numbers(store_dir: Path) -> list[int]:
    if not _generations(store_dir).is_dir():
        return []
    names = [path.name for path in _generations(store_dir).iterdir()]
    return [int(name) for name in names if name.isdecimal()]


def _read_facts(path: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads((path / "snapshot.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Defect(f"{path} is not a snapshot: no snapshot.json") from error
    return facts


def _point_at(store_dir: Path, number: int) -> None:
    aside = store_dir / f".CURRENT-{os.getpid()}"
    aside.write_text(f"{number}\n", encoding="ascii")
    _sync(aside)
    aside.replace(store_dir / "CURRENT")
    _sync(store_dir)


def _sync_tree(root: Path, tables: bool) -> None:
    """Sync all that is in ``root``.

    ``tables`` false leaves out RocksDB's tables: a store that wrote them itself has synced
    them before it named them anywhere (one that they were loaded into in bulk has not).
    """
    for folder, _, files in os.walk(root):
        for path in (Path(folder) / name for name in files):
            if tables or path.suffix != ".sst":
                _sync(path)
        _sync(Path(folder))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
