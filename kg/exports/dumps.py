"""The dumps: every export of one version of the data as files, written once.

::

    <store>/dumps/<version>/chiptrail.nq.gz …    complete or absent
    <store>/dumps/<version>/SHA256SUMS           as sha256sum --check reads it
    <store>/dumps/<version>/index.json           name, size, checksum and more of each file
    <store>/dumps/lock                           held by whoever writes

They stand beside the generations, not in them, so that a download can be resumed after the data
has changed: the newest ``KEPT`` versions stay.
"""

from __future__ import annotations

import datetime
import fcntl
import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from pydantic import BaseModel

from kg import snapshots
from kg.exports.formats import EXPORTS, Export
from kg.exports.material import Material
from kg.snapshots import Snapshot

KEPT = 3
INDEX, SUMS = "index.json", "SHA256SUMS"

_PIECE = 1 << 20
_LEVEL = 6


class Dump(BaseModel):
    """One file. ``bytes`` and ``sha256`` are of the file as it is sent."""

    name: str
    file: str
    title: str
    media_type: str
    packaging: str
    standard: str
    bytes: int
    sha256: str


class Index(BaseModel):
    """The dumps of one version. ``version``: the first 16 hex digits of ``data_version``;
    ``date``: the day that the data is of; ``issued``: when this version came into force."""

    version: str
    data_version: str
    dataset_version: str | None
    date: str | None
    issued: str
    licence: str | None
    title: str
    dumps: list[Dump]

    def dump(self, file: str) -> Dump | None:
        return next((dump for dump in self.dumps if dump.file == file), None)


def directory(store_dir: Path, version: str) -> Path:
    return store_dir / "dumps" / version


def versions(store_dir: Path) -> list[str]:
    """The versions that there are dumps of, the newest first."""
    found = (store_dir / "dumps").glob(f"*/{INDEX}")
    newest_first = sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)
    return [path.parent.name for path in newest_first if not path.parent.name.startswith(".")]


def read_index(store_dir: Path, version: str) -> Index | None:
    """None where there are no dumps of this version."""
    try:
        text = (directory(store_dir, version) / INDEX).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Index.model_validate_json(text)


def write_dumps(store_dir: Path, material: Material) -> Index:
    """Write the dumps of ``material`` unless there are some, and forget the oldest."""
    version = material.version
    with _alone(store_dir / "dumps"), snapshots.hold(material.snapshot):
        found = read_index(store_dir, version)
        if found is not None:
            return found
        aside = store_dir / "dumps" / f".new-{version}"
        aside.mkdir()
        index = _write_all(material, aside)
        aside.rename(directory(store_dir, version))
        for old in versions(store_dir)[KEPT:]:
            shutil.rmtree(directory(store_dir, old), ignore_errors=True)
    return index


@contextmanager
def _alone(dumps: Path) -> Iterator[None]:
    """One process at a time; what another left half written when it was killed goes."""
    dumps.mkdir(parents=True, exist_ok=True)
    with (dumps / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in dumps.glob(".new-*"):
            shutil.rmtree(leftover)
        yield


def _write_all(material: Material, folder: Path) -> Index:
    wanted = [e for e in EXPORTS.values() if e.file and (material.has_records or not e.records)]
    index = _index(material, [_write(material, export, folder) for export in wanted])
    sums = "".join(f"{dump.sha256}  {dump.file}\n" for dump in index.dumps)
    (folder / SUMS).write_text(sums, encoding="ascii")
    text = json.dumps(index.model_dump(), indent=2, ensure_ascii=False)
    (folder / INDEX).write_text(text + "\n", encoding="utf-8")
    return index


def _write(material: Material, export: Export, folder: Path) -> Dump:
    path = folder / export.file
    packaging = "application/gzip" if export.file.endswith(".gz") else ""
    with path.open("wb") as file:
        if packaging:
            # No name and no time in the header: the same data gives the same bytes.
            with gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as packed:
                export.write(material, cast(BinaryIO, packed))
        else:
            export.write(material, file)
        file.flush()
        os.fsync(file.fileno())
    return Dump(
        name=export.name,
        file=export.file,
        title=export.title,
        media_type=export.media_type,
        packaging=packaging,
        standard=export.standard,
        bytes=path.stat().st_size,
        sha256=_sha256(path),
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _index(material: Material, found: list[Dump]) -> Index:
    dataset: dict[str, Any] = dict(material.dataset)
    return Index(
        version=material.version,
        data_version=material.snapshot.version,
        dataset_version=dataset.get("version"),
        date=dataset.get("as_of"),
        issued=_issued(material.snapshot),
        licence=dataset.get("licence"),
        title=dataset.get("title", "Chiptrail"),
        dumps=found,
    )


def _issued(snapshot: Snapshot) -> str:
    written = (snapshot.path / "snapshot.json").stat().st_mtime
    moment = datetime.datetime.fromtimestamp(written, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
