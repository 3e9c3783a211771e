"""An import into the store in force: read, match, add, check, build; all or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kg import snapshots
from kg.build import Progress, build, quiet
from kg.config import Settings
from kg.importers import ImportResult, Options, import_file
from kg.namespaces import Namespaces
from kg.operations import prepare, stored_intake
from kg.snapshots import Snapshot


@dataclass(frozen=True)
class Imported:
    """What was read, and the store that is in force now: the same one where nothing changed."""

    result: ImportResult
    snapshot: Snapshot


def import_into(
    settings: Settings,
    kind: str,
    path: Path,
    options: Options,
    progress: Progress = quiet,
) -> Imported:
    """Import a file into the store in force and derive everything anew.

    A file that adds nothing leaves the store as it is. Raises what ``import_file`` and
    ``kg.build.build`` raise; then the store is as it was.
    """
    before = prepare(settings, empty=False, progress=progress)
    intake = stored_intake(before, Namespaces(settings.base))
    progress("read")
    result = import_file(kind, path, intake, options)
    if not result.changes:
        return Imported(result, snapshots.current(settings.store) or before)
    result.apply(intake)
    after = build(intake, settings.store, progress, settings.default_graph == "union")
    return Imported(result, after)
