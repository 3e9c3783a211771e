"""Importers of the lists and tables that others keep (docs/importing.md).

An importer reads one file and says what it would add; nothing is applied before the caller does
so. The same file read again adds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from kg.catalogue import View
from kg.errors import InvalidInput, UnknownName
from kg.importers.country_groups import import_country_groups
from kg.importers.csl import import_csl
from kg.importers.epoch import import_epoch
from kg.importers.ftm import import_ftm
from kg.importers.register import view_of
from kg.importers.result import Difference, ImportResult, Match, Options
from kg.intake import Intake
from kg.names import nearest

Importer = Callable[[Path, Intake, View, Options], ImportResult]

IMPORTERS: Mapping[str, Importer] = {
    "csl": import_csl,
    "epoch": import_epoch,
    "ftm": import_ftm,
    "country-groups": import_country_groups,
}
"""What a file is → how it is read."""


def import_file(kind: str, path: Path, intake: Intake, options: Options) -> ImportResult:
    """What ``path`` adds to ``intake``, which stays as it is.

    Raises UnknownName for ``kind``, InvalidInput where there is no such file or its day is not
    known, InvalidData where the file cannot be read, or (``strict``) where a row is malformed.
    """
    if kind not in IMPORTERS:
        raise UnknownName("kind of import", kind, nearest(kind, IMPORTERS))
    if not path.is_file():
        raise InvalidInput(f"no such file: {path}")
    result = IMPORTERS[kind](path, intake, view_of(intake), options)
    result.refuse_if(options.strict)
    return result


__all__ = [
    "IMPORTERS",
    "Difference",
    "ImportResult",
    "Importer",
    "Match",
    "Options",
    "import_file",
]
