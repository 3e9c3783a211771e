"""What follows when somebody writes into the graphs of the model: checked, then derived anew.

Runs in the writer process, within the write: one that is refused changes nothing. Graphs outside
our namespace are their owner's business and cost nothing here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pyoxigraph import BlankNode, NamedNode, Quad, RdfFormat, Store

from kg.build import Examined, examine, write_sidecars
from kg.catalogue import CATALOGUE_FILE
from kg.derive import DERIVED_GRAPHS, derive
from kg.history.changes import changes_of_graphs
from kg.history.log import Change, Evaluated, Quads
from kg.history.recording import Recorder, changes_after, evaluated_after
from kg.history.statuses import GRAPH as STATUS_GRAPH
from kg.history.statuses import chips_of
from kg.intake import info_of, intake_of
from kg.namespaces import DEFAULT_BASE, Namespaces
from kg.serving.differences import Difference, dump, named_graphs
from kg.snapshots import Snapshot

_BEARS_ON_STATUS = ("policy", "entities", "measurements")
"""A write into none of these (nor into an import) leaves control status as it was."""


class Upkeep(Recorder):
    """Keeps what is derived in step with what is asserted, write by write, and the log."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        """``facts`` of the snapshot in force; one without a dataset was made empty."""
        super().__init__(facts)
        self._names = Namespaces(facts.get("base", DEFAULT_BASE))
        self._info = info_of(facts)
        self._latest: Examined | None = None
        self._chips: set[str] = set()
        """Those whose status has changed since the last generation."""
        self._changes: list[Change] = []
        self._evaluated: dict[int, Evaluated] = {}

    def follow(self, store: Store, changed: Collection[str]) -> tuple[list[Quad], list[Quad]]:
        """What follows from a write that has changed these graphs of ``store``: quads of named
        graphs to remove, and to add.

        Raises InvalidData with every finding where the write must be refused.
        """
        ours = self._names.prefixes["g"]
        slugs = {iri.removeprefix(ours) for iri in changed if iri.startswith(ours)}
        if not slugs:
            return [], []
        examined = examine(intake_of(self._asserted(store), self._names, self._info))
        anew = any(slug in _BEARS_ON_STATUS or slug.startswith("import-") for slug in slugs)
        status = self._names.expand(STATUS_GRAPH)
        if not anew:
            triples = dump(store, status)
            examined.store.bulk_load(triples, RdfFormat.N_TRIPLES, to_graph=status)
        derive(examined.store, self._names, examined.desk.statuses if anew else None)
        self._latest = examined
        found = Difference()
        for graph in self._model(store, examined.store) - ({status} if not anew else set()):
            found.add(graph, dump(store, graph), dump(examined.store, graph))
        removed, added = self._without_renamed(found.removed, found.added)
        self._chips |= self._with_another_status(removed + added)
        return removed, added

    def finish(self, building: Path, parent: Snapshot) -> None:
        """Write anew what a snapshot holds beside its store, where a write has changed it."""
        self._changes, self._evaluated = [], {}
        if self._latest is None:
            return
        examined, self._latest = self._latest, None
        write_sidecars(building, examined.store, self._names, examined.recovered, parent)
        self._changes = changes_after(
            parent, building / CATALOGUE_FILE, examined.store, self._chips, self._names
        )
        self._chips = set()
        self._evaluated = evaluated_after(parent, building, parent.facts)

    def changes(self, quads: Quads) -> list[Change]:
        """Of the records; and of graphs, where they tell of nothing or are somebody's own."""
        model = self._names.prefixes["g"] if self._changes else None
        return [*self._changes, *changes_of_graphs(quads, model)]

    def evaluated(self) -> dict[int, Evaluated]:
        """As it is after the writes, where any of them touched the model."""
        return self._evaluated

    def _without_renamed(
        self, removed: list[Quad], added: list[Quad]
    ) -> tuple[list[Quad], list[Quad]]:
        """Without the ontology, where nothing in it but the names of blank nodes is new."""
        graph = self._names.expand("g:ontology")
        if any(q.graph_name == graph and not _has_blank(q) for q in removed + added):
            return removed, added
        kept = ([q for q in quads if q.graph_name != graph] for quads in (removed, added))
        return next(kept), next(kept)

    def _with_another_status(self, quads: Iterable[Quad]) -> set[str]:
        graph = self._names.expand(STATUS_GRAPH)
        nodes = (quad.subject for quad in quads if quad.graph_name == graph)
        return chips_of((n.value for n in nodes if isinstance(n, NamedNode)), self._names)

    def _model(self, *stores: Store) -> set[NamedNode]:
        """The model's graphs, derived ones included."""
        ours = self._names.prefixes["g"]
        return {graph for graph in named_graphs(*stores) if graph.value.startswith(ours)}

    def _asserted(self, store: Store) -> Iterator[Quad]:
        """The quads of the model's graphs that are not derived."""
        derived = {self._names.expand(f"g:{slug}") for slug in DERIVED_GRAPHS}
        for graph in self._model(store):
            if graph not in derived:
                yield from store.quads_for_pattern(None, None, None, graph)


def _has_blank(quad: Quad) -> bool:
    return isinstance(quad.subject, BlankNode) or isinstance(quad.object, BlankNode)
