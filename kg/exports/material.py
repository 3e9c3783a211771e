"""One snapshot, opened for reading: what every export is written from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pyoxigraph import DefaultGraph, NamedNode, Quad, Store

from kg.catalogue import CATALOGUE_FILE, Catalogue, View
from kg.catalogue.view import Term
from kg.errors import NotFound
from kg.namespaces import DEFAULT_BASE, Namespaces
from kg.snapshots import Snapshot


@dataclass(frozen=True)
class Material:
    """``merged``: the store's default graph is the merge of its graphs, not data of its own.
    ``nanopub_key``: file of the key that signs nanopublications, if any."""

    snapshot: Snapshot
    merged: bool = True
    nanopub_key: str = ""

    @cached_property
    def store(self) -> Store:
        return Store.read_only(str(self.snapshot.store))

    @cached_property
    def names(self) -> Namespaces:
        return Namespaces(str(self.snapshot.facts.get("base", DEFAULT_BASE)))

    @cached_property
    def view(self) -> View:
        return View(self.store, self.names, self._graph)

    @property
    def _graph(self) -> DefaultGraph | None:
        return DefaultGraph() if self.merged else None

    @cached_property
    def catalogue(self) -> Catalogue:
        """Raises NotFound where the store holds no records (it was served with --empty)."""
        path = self.snapshot.path / CATALOGUE_FILE
        if not path.exists():
            raise NotFound("this store has no records to export in this format")
        return Catalogue(path)

    @property
    def has_records(self) -> bool:
        return (self.snapshot.path / CATALOGUE_FILE).exists()

    @property
    def dataset(self) -> Mapping[str, Any]:
        """Title, description, version, as_of, recorded, licence; empty for an empty store."""
        found: Mapping[str, Any] = self.snapshot.facts.get("dataset") or {}
        return found

    @property
    def version(self) -> str:
        """The data version as addresses and citations give it: 16 hex digits."""
        return short_version(self.snapshot.version)

    def statements(self, node: NamedNode) -> list[tuple[NamedNode, Term]]:
        """Everything that is said of ``node``, each thing once, in a stable order."""
        quads = self.store.quads_for_pattern(node, None, None, self._graph)
        found = {(quad.predicate, quad.object) for quad in quads}
        return sorted(found, key=lambda pair: (pair[0].value, str(pair[1])))

    def quads(self) -> Iterator[Quad]:
        """Everything, graph by graph, but ``g:rdf12``.

        That one only repeats the claims as triple terms, which readers of RDF 1.1 would refuse.
        """
        left_out = self.names.expand("g:rdf12")
        graphs = [graph for graph in self.store.named_graphs() if graph != left_out]
        own = [] if self.merged else [DefaultGraph()]
        for graph in [*own, *sorted(graphs, key=str)]:
            yield from self.store.quads_for_pattern(None, None, None, graph)


def short_version(version: str) -> str:
    return version[:16]
