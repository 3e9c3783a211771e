"""Backups: the generation in force and the log up to it, in a directory of their own; and back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyoxigraph import Store

from kg import snapshots
from kg.build import held, logged
from kg.catalogue import CATALOGUE_FILE, View, entries, write_catalogue
from kg.errors import Conflict, InvalidInput, NotFound
from kg.history.log import FILE as HISTORY_FILE
from kg.history.log import Act, copy_log
from kg.history.reading import History
from kg.history.recording import evaluated_in, lineage_after, recorder
from kg.namespaces import DEFAULT_BASE, Namespaces
from kg.snapshots import Snapshot

_ANY = 1 << 62  # a number that no revision reaches


def backup(store_dir: Path, directory: Path) -> Path:
    """Copy the generation in force, and its history, to ``directory``, which must not exist."""
    found = snapshots.current(store_dir)
    if found is None:
        raise NotFound(f"no store in {store_dir}; run 'chiptrail build'")
    if directory.exists():
        raise InvalidInput(f"{directory} exists already; name a new directory")
    with snapshots.hold(found):
        shutil.copytree(found.path, directory)
    if (store_dir / HISTORY_FILE).exists():
        copy_log(store_dir / HISTORY_FILE, directory / HISTORY_FILE, found.number)
    return directory


def restore(store_dir: Path, directory: Path, by: Act, merged: bool = True) -> Snapshot:
    """Make a backup the generation in force; the store as it was stays until that is done.

    That is a revision of its own. A store that has no data gets the history of the backup too;
    one whose history the backup comes from goes on with its own. ``merged``: the default graph
    is only the merge of the others. Raises Conflict where the two have nothing in common.
    """
    if not (directory / "snapshot.json").is_file():
        raise InvalidInput(f"{directory} is not a backup: it has no snapshot.json")
    act = replace(by, operation="restore")
    building = snapshots.begin(store_dir)
    try:
        left_out = shutil.ignore_patterns(f"{HISTORY_FILE}*")
        shutil.copytree(directory, building, dirs_exist_ok=True, ignore=left_out)
        with held(store_dir, None) as parent:
            if parent is None:
                return _into_nothing(store_dir, directory, building, act)
            _expect_kin(store_dir, directory, parent)
            record = _catch_up(building, parent, act, merged)
            return snapshots.publish(
                store_dir, building, snapshots.number_after(parent), record=record
            )
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise


def _into_nothing(store_dir: Path, directory: Path, building: Path, act: Act) -> Snapshot:
    last = _last(directory)
    if last is not None:
        copy_log(directory / HISTORY_FILE, store_dir / HISTORY_FILE, last["number"])
    number, facts = (last["number"] if last else 0) + 1, _facts(building)
    evaluated = {number: evaluated_in(building, facts)}
    record = recorder(store_dir, facts["version"], [act], [], evaluated)
    return snapshots.publish(store_dir, building, number, record=record)


def _catch_up(building: Path, parent: Snapshot, act: Act, merged: bool) -> Callable[[int], None]:
    """Join the backup's documents with the history of the store that it comes back to."""
    facts, store = _facts(building), Store.read_only(str(building / "store"))
    names = Namespaces(facts.get("base", DEFAULT_BASE))
    catalogue = building / CATALOGUE_FILE
    if catalogue.exists():
        catalogue.unlink()
        write_catalogue(catalogue, entries(View(store, names)), lineage_after(parent))
    return logged(building, store, parent, names, merged, facts, act)


def _expect_kin(store_dir: Path, directory: Path, parent: Snapshot) -> None:
    """Raises Conflict where the store's history does not contain the backup's."""
    last = _last(directory)
    mine = History(store_dir, parent.number).revisions(True, None, 1).count
    if last is None or not mine:
        return
    try:
        same = History(store_dir, parent.number).revision(last["number"])
    except NotFound:
        same = {}
    if (same.get("version"), same.get("at")) != (last["version"], last["at"]):
        raise Conflict(
            f"{store_dir} has a history of its own, which is not that of the backup:"
            " restore into another --store"
        )


def _last(directory: Path) -> dict[str, Any] | None:
    """The last revision of a backup's log; None where it has none."""
    items = History(directory, _ANY).revisions(True, None, 1).items
    return items[0] if items else None


def _facts(building: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((building / "snapshot.json").read_text(encoding="utf-8"))
    return facts
