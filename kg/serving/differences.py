"""(Child.) What changed between two states of a graph, from its N-Triples.

The engine writes and reads text at its own speed; going through quads one by one in Python takes
many times as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyoxigraph as ox


class Difference:
    """Quads that graphs have lost and won."""

    def __init__(self) -> None:
        self.removed: list[ox.Quad] = []
        self.added: list[ox.Quad] = []

    def add(self, graph: ox.NamedNode, before: bytes, after: bytes) -> None:
        """``before`` and ``after`` are dumps of ``graph``; blank nodes keep their names."""
        if before != after:
            old, new = set(before.splitlines()), set(after.splitlines())
            self.removed += _quads(old - new, graph)
            self.added += _quads(new - old, graph)


def dump(store: ox.Store, graph: ox.NamedNode) -> bytes:
    """A graph as N-Triples."""
    return store.dump(format=ox.RdfFormat.N_TRIPLES, from_graph=graph) or b""


def named_graphs(*stores: ox.Store) -> set[ox.NamedNode]:
    """The graphs with IRIs of all these stores."""
    return {
        graph
        for store in stores
        for graph in store.named_graphs()
        if isinstance(graph, ox.NamedNode)
    }


def _quads(lines: Iterable[bytes], graph: ox.NamedNode) -> Iterator[ox.Quad]:
    for quad in ox.parse(b"\n".join(lines), ox.RdfFormat.N_TRIPLES):
        yield ox.Quad(quad.subject, quad.predicate, quad.object, graph)
