"""An import into the store in force: read, match, add, check, build; all or nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from kg import snapshots
from kg.build import Progress, build, quiet
from kg.config import Settings
from kg.history.log import Act
from kg.importers import ImportResult, Options, import_file
from kg.namespaces import Namespaces
from kg.operations import NOBODY, prepare, stored_intake
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
    by: Act = NOBODY,
) -> Imported:
    """Import a file into the store in force and derive everything anew.

    ``by``: author and reason, for the log.
    A file that adds nothing leaves the store as it is. Raises what ``import_file`` and
    ``kg.build.build`` raise; then the store is as it was.
    """
    before = prepare(settings, False, progress, by)
    intake = stored_intake(before, Namespaces(settings.base))
    progress("read")
    result = import_file(kind, path, intake, options)
    if not result.changes:
        return Imported(result, snapshots.current(settings.store) or before)
    result.apply(intake)
    act = replace(by, operation="import")
    merge = settings.default_graph == "union"
    after = build(intake, settings.store, progress, merge, act=act, parent=before)
    return Imported(result, after)
