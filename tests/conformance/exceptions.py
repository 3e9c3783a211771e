"""The cases that are not passed, one by one, with the reason."""

from __future__ import annotations

from pathlib import Path


def exceptions() -> dict[str, str]:
    """Reason by name of the case, from ``exceptions.tsv``."""
    lines = (Path(__file__).parent / "exceptions.tsv").read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines if line and not line.startswith("#"))
