"""The data files that come with the package, in a checkout or in an installed wheel."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parent


def _data_directory(name: str) -> Path:
    installed = _PACKAGE / "bundled" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def ontology_directory() -> Path:
    return _data_directory("ontology")


def examples_directory() -> Path:
    """The built-in knowledge base: records under it, and the queries in ``queries/``."""
    return _data_directory("examples")


def digest(examples: Path | None = None) -> str:
    """A hash of everything that a build is made from: records, ontology, and this program."""
    roots = (examples or examples_directory(), ontology_directory(), _PACKAGE)
    suffixes = (".yaml", ".ttl", ".ru", ".rq", ".py")
    found = hashlib.sha256()
    for root in roots:
        for path in sorted(p for p in root.rglob("*") if p.suffix in suffixes):
            found.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


@cache
def query(name: str) -> str:
    """The text of a file under ``kg/queries``, without prologue."""
    return (_PACKAGE / "queries" / name).read_text(encoding="utf-8")


def queries(directory: str) -> list[str]:
    """Names of the files in a directory of ``kg/queries``, in the order of their names."""
    files = (_PACKAGE / "queries" / directory).iterdir()
    return sorted(f"{directory}/{path.name}" for path in files)
