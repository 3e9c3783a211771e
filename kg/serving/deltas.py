"""What a group of writes has changed, for whoever holds the data in memory.

The writer notes it and leaves it in the generation, in a file that names the version that it
changed, as one JSON object::

    {"removed": "…N-Quads…", "added": "…N-Quads…", "graphs": {"http://…": true}}

``graphs``: whether a graph, which may be empty, is there now.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pyoxigraph as ox

_NAME = "delta-"
_UNSAFE = re.compile(r"[^A-Za-z0-9]")
_MOST = 50_000
"""Quads. Who holds the data reads a generation that changed more than that from disk."""


class Delta:
    """The net effect of everything noted. ``known`` false: not all of it was, or it is too much."""

    def __init__(self) -> None:
        self._removed: set[ox.Quad] = set()
        self._added: set[ox.Quad] = set()
        self._graphs: set[str] = set()
        self.known = True

    def note(self, removed: Iterable[ox.Quad], added: Iterable[ox.Quad]) -> None:
        """These were in the store and are not any more; were not and are."""
        if not self.known:
            return
        for quad in removed:
            _move(quad, self._added, self._removed)
        for quad in added:
            _move(quad, self._removed, self._added)
            if isinstance(quad.graph_name, ox.NamedNode):  # made with its first quad
                self.note_graph(quad.graph_name.value)
        if len(self._removed) + len(self._added) > _MOST:
            self.lose()

    def note_graph(self, iri: str) -> None:
        """It may have been made, or done away with."""
        self._graphs.add(iri)

    def lose(self) -> None:
        """Something has changed that nobody noted."""
        self.known = False
        self._removed.clear()
        self._added.clear()

    def save(self, generation: Path, before: str, store: ox.Store) -> None:
        """Leave it in ``generation``, which it made of the data of version ``before``; ``store``
        as for :meth:`as_json`."""
        if self.known:
            _file(generation, before).write_bytes(self.as_json(store))

    def as_json(self, store: ox.Store) -> bytes:
        """``store``: what all of it was done to, as it is now."""
        removed, added = map(_text, (self._removed, self._added))
        graphs = {iri: store.contains_named_graph(ox.NamedNode(iri)) for iri in self._graphs}
        return json.dumps({"removed": removed, "added": added, "graphs": graphs}).encode()


def read(generation: Path, before: str) -> bytes | None:
    """What ``generation`` has changed in version ``before``; None where that is not known."""
    try:
        return _file(generation, before).read_bytes()
    except FileNotFoundError:
        return None


def is_delta(file: Path) -> bool:
    return file.name.startswith(_NAME)


def _file(generation: Path, before: str) -> Path:
    return generation / f"{_NAME}{_UNSAFE.sub('-', before)}.json"


def apply(delta: bytes, store: ox.Store) -> None:
    """Do to ``store`` what :meth:`Delta.as_json` tells."""
    told = json.loads(delta)
    for quad in ox.parse(told["removed"], ox.RdfFormat.N_QUADS):
        store.remove(quad)
    store.extend(ox.parse(told["added"], ox.RdfFormat.N_QUADS))
    for iri, exists in told["graphs"].items():
        (store.add_graph if exists else store.remove_graph)(ox.NamedNode(iri))


def _move(quad: ox.Quad, source: set[ox.Quad], target: set[ox.Quad]) -> None:
    """What was undone since has not changed."""
    if quad in source:
        source.remove(quad)
    else:
        target.add(quad)


def _text(quads: set[ox.Quad]) -> str:
    return (ox.serialize(quads, format=ox.RdfFormat.N_QUADS) or b"").decode()
