"""A keeper for the tests: loaded by name in the writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from kg.errors import Finding, InvalidData
from kg.snapshots import Snapshot

MODEL = "http://example.org/model"
COUNT = "http://example.org/count"


class Labels:
    """Everything in :data:`MODEL` needs an ``http://example.org/label``; :data:`COUNT` says how
    many do, and so does a file of the snapshot."""

    def __init__(self, _: Mapping[str, Any]) -> None:
        self._labelled = 0

    def follow(
        self, store: ox.Store, changed: frozenset[str]
    ) -> tuple[list[ox.Quad], list[ox.Quad]]:
        if MODEL not in changed:
            return [], []
        label, graph = ox.NamedNode("http://example.org/label"), ox.NamedNode(MODEL)
        subjects = {quad.subject for quad in store.quads_for_pattern(None, None, None, graph)}
        missing = [s for s in subjects if not any(store.quads_for_pattern(s, label, None, graph))]
        if missing:
            raise InvalidData([Finding(MODEL, None, str(node), "no label") for node in missing])
        self._labelled = len(subjects)
        counted = ox.NamedNode(COUNT)
        old = list(store.quads_for_pattern(None, None, None, counted))
        return old, [ox.Quad(graph, label, ox.Literal(len(subjects)), counted)]

    def finish(self, building: Path, parent: Snapshot) -> None:
        if self._labelled:
            (building / "labelled").unlink(missing_ok=True)
            (building / "labelled").write_text(str(self._labelled), encoding="ascii")

    def record(
        self, store_dir: Path, number: int, version: str, acts: Sequence[Mapping[str, Any]]
    ) -> None:
        pass
