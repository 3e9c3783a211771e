"""A generation is about to be published: what it changed, and the entry in the log."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyoxigraph import DefaultGraph, NamedNode, RdfFormat, Store

from kg.catalogue import CATALOGUE_FILE, Lineage, is_readable
from kg.history.changes import begun, changes_of_graphs, changes_of_records
from kg.history.log import Act, Change, Evaluated, Log, Quads
from kg.history.reading import History
from kg.history.statuses import GRAPH as STATUS_GRAPH
from kg.history.statuses import changes_of_status, chips_of
from kg.intake import info_of
from kg.namespaces import Namespaces
from kg.recordfile import RECORDS_FILE
from kg.snapshots import Snapshot, number_after

DEFAULT_GRAPH = "default"
"""Stands for the default graph where graphs are named by their IRIs."""


def lineage_after(parent: Snapshot | None) -> Lineage:
    """Where the catalogue of a generation made from ``parent`` comes to stand."""
    if parent is None:
        return Lineage()
    before = parent.path / CATALOGUE_FILE
    logged = History(parent.path.parents[1], parent.number).begun is not None
    return Lineage(number_after(parent), not logged, before if is_readable(before) else None)


def recorder(
    store_dir: Path,
    version: str,
    acts: Sequence[Act],
    changes: Sequence[Change],
    evaluated: Mapping[int, Evaluated],
) -> Callable[[int], None]:
    """What :func:`kg.snapshots.publish` is to call: it appends a revision to the log."""

    def record(number: int) -> None:
        with closing(Log(store_dir)) as log:
            log.append(number, version, acts, changes, evaluated)

    return record


def evaluated_after(
    parent: Snapshot | None, building: Path, facts: Mapping[str, Any]
) -> dict[int, Evaluated]:
    """What the rules work on in the generation in ``building``, and in the one before: a log that
    an older version of this program began does not have that yet."""
    found = {number_after(parent): evaluated_in(building, facts)}
    if parent is not None:
        found[parent.number] = evaluated_in(parent.path, parent.facts)
    return found


def evaluated_in(directory: Path, facts: Mapping[str, Any]) -> Evaluated:
    """What the rules work on in a generation, which may be one in the making."""
    path = directory / RECORDS_FILE
    if not path.exists():
        return Evaluated()
    return Evaluated(path.read_text(encoding="utf-8"), info_of(facts).recorded.isoformat())


def changes_after(
    parent: Snapshot | None,
    catalogue: Path,
    after: Store,
    chips: Collection[str],
    names: Namespaces,
) -> list[Change]:
    """What happened to records and to control status since ``parent``.

    ``catalogue``: the file of the new generation, and ``after`` its store. ``chips``: IRIs of
    those whose determinations of status are not all the same.
    """
    if parent is not None and not catalogue.exists():
        return []
    if parent is None or lineage_after(parent).before is None:
        return [begun(catalogue if catalogue.exists() else None)]
    at = History(parent.path.parents[1], parent.number).time_of(parent.number)
    found = [*changes_of_records(catalogue, number_after(parent), at)]
    if chips:
        stores = Store.read_only(str(parent.store)), after
        found += changes_of_status(chips, stores, names, at)
    return found


@dataclass(frozen=True)
class Comparison:
    """Two stores graph by graph. A blank node that got another name counts as another.

    ``chips``: IRIs of those whose determinations of status are not all the same.
    """

    quads: Quads
    chips: frozenset[str]

    @classmethod
    def of(cls, before: Store, after: Store, names: Namespaces, merged: bool) -> Comparison:
        """``merged``: the default graphs are only merges, and left out."""
        quads: dict[str, list[int]] = {}
        chips: set[str] = set()
        for graph in _graphs(before, after, merged):
            old, new = (_lines(store, graph) for store in (before, after))
            added, removed = new - old, old - new
            if added or removed:
                quads[_name(graph)] = [len(added), len(removed)]
            if graph == names.expand(STATUS_GRAPH):
                chips |= chips_of(map(_subject, added | removed), names)
        return cls(quads, frozenset(chips))


def _graphs(before: Store, after: Store, merged: bool) -> list[NamedNode | DefaultGraph]:
    found = {*before.named_graphs(), *after.named_graphs()}
    named = [graph for graph in found if isinstance(graph, NamedNode)]
    default: list[NamedNode | DefaultGraph] = [] if merged else [DefaultGraph()]
    return [*default, *sorted(named, key=lambda graph: graph.value)]


def _lines(store: Store, graph: NamedNode | DefaultGraph) -> set[bytes]:
    text = store.dump(format=RdfFormat.N_TRIPLES, from_graph=graph) or b""
    return set(text.splitlines())


def _subject(line: bytes) -> str:
    return line.partition(b" ")[0].decode().strip("<>")


def _name(graph: NamedNode | DefaultGraph) -> str:
    return graph.value if isinstance(graph, NamedNode) else DEFAULT_GRAPH


class Recorder:
    """Keeps the log of a store that is written to, and knows nothing of what is written.

    A :class:`kg.serving.writer.Keeper`, for stores of somebody's own.
    """

    def __init__(self, facts: Mapping[str, Any]) -> None:
        del facts
        self._log: Log | None = None

    def follow(self, store: Store, changed: Collection[str]) -> tuple[list[Any], list[Any]]:
        """Nothing follows from anything."""
        del store, changed
        return [], []

    def finish(self, building: Path, parent: Snapshot) -> None:
        """There is nothing beside the store."""

    def record(
        self, store_dir: Path, number: int, version: str, acts: Sequence[Mapping[str, Any]]
    ) -> None:
        """Append a revision to the log. ``acts`` have the members of :class:`Act`."""
        made = [Act(**act) for act in acts]
        if self._log is None:
            self._log = Log(store_dir)
        changes = self.changes(quads_of(made))
        self._log.append(number, version, made, changes, self.evaluated())

    def changes(self, quads: Quads) -> list[Change]:
        """What the log is to say of a generation in which ``quads`` changed."""
        return changes_of_graphs(quads)

    def evaluated(self) -> Mapping[int, Evaluated]:
        """What the log is to keep of the records that rules work on: they are what they were."""
        return {}


def quads_of(acts: Iterable[Act]) -> dict[str, list[int]]:
    """What all of ``acts`` together added to each graph and removed."""
    total: dict[str, list[int]] = {}
    for act in acts:
        for graph, (added, removed) in (act.quads or {}).items():
            counts = total.setdefault(graph, [0, 0])
            counts[0] += added
            counts[1] += removed
    return total
