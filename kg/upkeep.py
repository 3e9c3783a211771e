"""What follows when somebody writes into the graphs of the model: checked, then derived anew.

Runs in the writer process, within the write: one that is refused changes nothing. Graphs outside
our namespace are their owner's business and cost nothing here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pyoxigraph import NamedNode, Quad, Store

from kg.build import Examined, examine, write_sidecars
from kg.derive import derive
from kg.intake import DatasetInfo, builtin_info, intake_of
from kg.namespaces import DEFAULT_BASE, Namespaces

_BEARS_ON_STATUS = ("policy", "entities", "measurements")
"""A write into none of these (nor into an import) leaves control status as it was."""


class Upkeep:
    """Keeps what is derived in step with what is asserted, write by write."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        """``facts`` of the snapshot in force; one without a dataset was made empty."""
        self._names = Namespaces(facts.get("base", DEFAULT_BASE))
        given = facts.get("dataset")
        self._info = DatasetInfo.model_validate(given) if given else builtin_info()
        self._latest: Examined | None = None

    def follow(self, store: Store, changed: Collection[str]) -> tuple[list[Quad], list[Quad]]:
        """What follows from a write that has changed these graphs of ``store``: quads of named
        graphs to remove, and to add.

        Raises InvalidData with every finding where the write must be refused.
        """
        ours = self._names.prefixes["g"]
        slugs = {iri.removeprefix(ours) for iri in changed if iri.startswith(ours)}
        if not slugs:
            return [], []
        intake = intake_of(self._model(store), self._names, self._info)
        examined = examine(intake)
        anew = any(slug in _BEARS_ON_STATUS or slug.startswith("import-") for slug in slugs)
        if not anew:
            examined.store.extend(self._graph(store, "status"))
        derive(examined.store, self._names, examined.desk.statuses if anew else None)
        self._latest = examined
        before, after = set(self._model(store)), set(self._model(examined.store))
        return [*(before - after)], [*(after - before)]

    def finish(self, building: Path) -> None:
        """Write anew what a snapshot holds beside its store, where a write has changed it."""
        if self._latest is not None:
            examined, self._latest = self._latest, None
            write_sidecars(building, examined.store, self._names, examined.recovered)

    def _model(self, store: Store) -> Iterator[Quad]:
        """The quads of the model's graphs, derived ones included."""
        ours = self._names.prefixes["g"]
        for graph in store.named_graphs():
            if isinstance(graph, NamedNode) and graph.value.startswith(ours):
                yield from store.quads_for_pattern(None, None, None, graph)

    def _graph(self, store: Store, slug: str) -> Iterable[Quad]:
        graph = self._names.expand(f"g:{slug}")
        return list(store.quads_for_pattern(None, None, None, graph))
