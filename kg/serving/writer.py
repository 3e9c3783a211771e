"""(Child.) Owns the read-write store: applies writes in turn, publishes them as a snapshot.

A write is durable and visible when the generation that holds it is published; nothing else
is acknowledged, so nothing else needs a log. A write that fails half way, or that must be
undone, ends the process with everything unpublished: the server starts a fresh one from the
generation in force and hands it the other writes again.

In *union* mode the default graph is the merge of the named graphs (but those in
``NOT_MERGED``) and only this module writes it.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import secrets
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import pyoxigraph as ox

from kg import snapshots
from kg.errors import ChiptrailError, Conflict, Forbidden, InvalidData, InvalidQuery, NotFound
from kg.serving import sandbox, solutions, wire
from kg.serving.deltas import Delta, is_delta
from kg.serving.differences import Difference, dump, named_graphs
from kg.serving.wire import Kind
from kg.serving.worker import describe
from kg.snapshots import Snapshot

Graph = ox.NamedNode | ox.BlankNode | ox.DefaultGraph
_DEFAULT = ox.DefaultGraph()
_DEFAULT_NAME = "default"
_FINDINGS = 100


class Keeper(Protocol):
    """Keeps in step what depends on the graphs that are written."""

    def follow(
        self, store: ox.Store, changed: frozenset[str]
    ) -> tuple[list[ox.Quad], list[ox.Quad]]:
        """What follows from a write that has changed these graphs: quads to remove, to add.

        :raises InvalidData: the write must be refused.
        """

    def finish(self, building: Path, parent: Snapshot) -> None:
        """A generation made from ``parent`` is about to be published: write what it holds
        beside its store."""

    def record(
        self, store_dir: Path, number: int, version: str, acts: Sequence[Mapping[str, Any]]
    ) -> None:
        """It is about to come into force, and nobody else can publish: log what was done.

        ``acts`` have ``operation``, ``author``, ``reason``, ``about`` (an IRI or None) and
        ``quads``: graph → [added, removed], or None where they were not counted.
        """


class Fatal(Exception):
    """The store holds what must not be published: report ``cause`` and end."""

    def __init__(self, cause: ChiptrailError) -> None:
        self.cause = cause


def main(descriptor: int, order: dict[str, Any]) -> None:
    """Serve until the server closes the socket. Never returns."""

    def prepare() -> Callable[[], None]:
        writer = Writer(
            Path(order["store_dir"]),
            order["union"],
            frozenset(order["derived"]),
            frozenset(order["not_merged"]),
            order["keeper"],
        )
        return lambda: _serve(descriptor, writer)

    sandbox.work(prepare, lambda value: wire.greet(descriptor, value), order["memory"])


def _serve(descriptor: int, writer: Writer) -> None:
    inbox = wire.Inbox(descriptor)
    while True:
        try:
            work = inbox.read_json(Kind.WORK)
            body = inbox.read()[1] if work["body"] else b""
        except EOFError:
            return
        try:
            result = writer.perform(work, body)
        except Fatal as fatal:
            failure = {**_describe(fatal.cause, work), "fatal": True}
            wire.write(descriptor, wire.pack_json(Kind.FAIL, failure))
            return
        except (ChiptrailError, SyntaxError, RuntimeError, ValueError) as error:
            failure = {**_describe(error, work), "fatal": False}
            wire.write(descriptor, wire.pack_json(Kind.FAIL, failure))
        else:
            wire.write(descriptor, wire.pack_json(Kind.DONE, result))


class Writer:
    """The store that is written, beside the generation that it started from.

    An operation either leaves the store as it was and raises, or succeeds, or raises
    :class:`Fatal`.
    """

    def __init__(
        self,
        store_dir: Path,
        union: bool,
        derived: frozenset[str],
        not_merged: frozenset[str],
        keeper: str | None,
    ) -> None:
        """``derived``: graphs that cannot be written. ``not_merged``: left out of the merge.

        ``keeper``: ``package.module:Class`` of a :class:`Keeper`, made with the facts of the
        generation in force.
        """
        self._store_dir, self._derived = store_dir, derived
        self._union, self._not_merged = union, {ox.NamedNode(iri) for iri in not_merged}
        self._lock = _lock(store_dir)
        self._base = snapshots.require(store_dir)
        self._facts = dict(self._base.facts)
        self._keeper: Keeper | None = _class(keeper)(self._facts) if keeper else None
        self._store = ox.Store(str(_clone(self._base.store, store_dir / "writer")))
        self._changed = False
        self._acts: list[dict[str, Any]] = []
        self._tally: dict[str, list[int]] = {}
        self._counted = True
        self._delta = Delta()
        self.operations = {
            "update": self.update,
            "put": self.put,
            "post": self.post,
            "put_dataset": self.put_dataset,
            "post_dataset": self.post_dataset,
            "delete": self.delete,
            "publish": self.publish,
        }

    def update(self, work: dict[str, Any], _: bytes) -> dict[str, Any]:
        """Apply a SPARQL update that :mod:`kg.serving.updates` has looked at."""
        self._expect(work)
        if work["data"] is None:
            self._update_by_pattern(work)
            if work["must_change"] and not self._tally:
                raise Conflict("what it would change is not there: somebody else was first")
            return {}
        quads = _quads_of_data(work)
        self._protect(any(_graph_iri(quad) is None for quad in quads), _graphs(quads))
        if work["deletes"]:
            self._apply(removed=quads, added=())
        else:
            self._apply(removed=(), added=quads)
        return {}

    def put(self, work: dict[str, Any], body: bytes) -> dict[str, Any]:
        """Replace a graph."""
        return self._write_graph(work, body, replace=True)

    def post(self, work: dict[str, Any], body: bytes) -> dict[str, Any]:
        """Add to a graph."""
        return self._write_graph(work, body, replace=False)

    def put_dataset(self, work: dict[str, Any], body: bytes) -> dict[str, Any]:
        """Replace every graph that the document has triples of, and no other."""
        return self._write_dataset(work, body, replace=True)

    def post_dataset(self, work: dict[str, Any], body: bytes) -> dict[str, Any]:
        """Add to the graphs that the document has triples of."""
        return self._write_dataset(work, body, replace=False)

    def _write_graph(self, work: dict[str, Any], body: bytes, replace: bool) -> dict[str, Any]:
        self._expect(work)
        graph = self._writable(work["graph"])
        return self._write({graph}, _quads_of_document(body, graph), replace)

    def _write_dataset(self, work: dict[str, Any], body: bytes, replace: bool) -> dict[str, Any]:
        self._expect(work)
        new = _quads_of_document(body)
        self._protect(any(_graph_iri(quad) is None for quad in new), _graphs(new))
        return self._write({quad.graph_name for quad in new}, new, replace)

    def _write(self, graphs: set[Graph], new: set[ox.Quad], replace: bool) -> dict[str, Any]:
        created = not all(map(self._exists, graphs))
        old = {quad for g in graphs for quad in self._quads(g)} if replace else set()
        for graph in graphs:
            self._store_graph(graph)
        self._apply(removed=old - new, added=new - old)
        return {"created": created}

    def delete(self, work: dict[str, Any], _: bytes) -> dict[str, Any]:
        """Remove a graph; the default graph is emptied."""
        self._expect(work)
        graph = self._writable(work["graph"])
        if not self._exists(graph):
            raise NotFound(f"there is no graph {graph}")
        self._apply(removed=set(self._quads(graph)), added=())
        if isinstance(graph, ox.NamedNode):
            self._store.remove_graph(graph)
            self._delta.note_graph(graph.value)
        self._changed = True
        return {}

    def publish(self, work: dict[str, Any], _: bytes) -> dict[str, Any]:
        """Make everything so far durable and the generation in force.

        ``group`` goes into its facts, so that a publication whose acknowledgement was lost
        can be recognised.
        """
        if self._changed:
            building = snapshots.begin(self._store_dir)
            self._store.backup(str(building / "store"))
            _link_others(self._base.path, building)
            if self._keeper is not None:
                self._keeper.finish(building, self._base)
            delta, self._delta = self._delta, Delta()
            delta.save(building, self._base.version, self._store)
            self._facts |= {"version": secrets.token_hex(32), "group": work["group"]}
            snapshots.write_facts(building, self._facts)
            number = snapshots.number_after(self._base)
            try:
                self._base = snapshots.publish(
                    self._store_dir, building, number, tables=False, record=self._record
                )
            except Conflict as error:
                shutil.rmtree(building)
                raise Fatal(error) from error
            self._changed = False
        self._acts.clear()
        return {"version": self._base.version, "number": self._base.number}

    def perform(self, work: dict[str, Any], body: bytes) -> dict[str, Any]:
        """Do what ``work`` says, one of :attr:`operations`, and remember who did it."""
        self._tally, self._counted = {}, True
        result = self.operations[work["operation"]](work, body)
        if work["operation"] != "publish":
            quads = self._tally if self._counted else None
            self._acts.append({**work["act"], "quads": quads})
        return result

    def _record(self, number: int) -> None:
        if self._keeper is not None:
            version = self._facts["version"]
            self._keeper.record(self._store_dir, number, version, self._acts)

    def _expect(self, work: dict[str, Any]) -> None:
        expected = work["if_version"]
        if expected is not None and (self._changed or expected != self._base.version):
            raise Conflict("the data is no longer that version")

    def _protect(self, writes_default: bool, graphs: Iterable[str]) -> None:
        if self._union and writes_default:
            raise Forbidden(
                "the default graph is the merge of the named graphs and cannot be written: "
                "name the graph"
            )
        for graph in graphs:
            if graph in self._derived:
                raise Forbidden(f"the graph <{graph}> is derived and cannot be written")

    def _writable(self, graph: str | None) -> ox.NamedNode | ox.DefaultGraph:
        self._protect(graph is None, () if graph is None else (graph,))
        return _DEFAULT if graph is None else ox.NamedNode(graph)

    def _quads(self, graph: Graph) -> Iterator[ox.Quad]:
        return self._store.quads_for_pattern(None, None, None, graph)

    def _exists(self, graph: Graph) -> bool:
        return isinstance(graph, ox.DefaultGraph) or self._store.contains_named_graph(graph)

    def _store_graph(self, graph: Graph) -> None:
        if isinstance(graph, ox.NamedNode):
            self._store.add_graph(graph)
            self._delta.note_graph(graph.value)
        self._changed = True

    def _apply(self, removed: Iterable[ox.Quad], added: Iterable[ox.Quad]) -> None:
        """Change exactly these quads, and the merge with them."""
        removed = [quad for quad in removed if quad in self._store]
        added = [quad for quad in added if quad not in self._store]
        for quad in removed:
            self._store.remove(quad)
        self._store.extend(added)
        self._follow(removed, added)

    def _follow(self, removed: list[ox.Quad], added: list[ox.Quad]) -> None:
        """The graphs have changed so: bring in step with them what depends on them."""
        self._merge(removed, added)
        changed = _graphs([*removed, *added])
        try:
            self._protect(False, changed)
            if self._keeper is not None:
                removed, added = self._keeper.follow(self._store, changed)
                for quad in removed:
                    self._store.remove(quad)
                self._store.extend(added)
                self._merge(removed, added)
        except (Forbidden, InvalidData) as error:
            raise Fatal(error) from error

    def _merge(self, removed: list[ox.Quad], added: list[ox.Quad]) -> None:
        """Bring the default graph and the counts in step with changes of named graphs."""
        self._changed = True
        self._count(removed, added)
        self._delta.note(removed, added)
        if not self._union:
            return
        new = [_merged(quad) for quad in added if self._is_merged(quad)]
        new = [quad for quad in new if quad not in self._store]
        self._store.extend(new)
        merged = [quad for quad in removed if self._is_merged(quad)]
        old = [_merged(quad) for quad in merged if not self._stands_elsewhere(quad)]
        for quad in old:
            self._store.remove(quad)
        self._delta.note(set(old), set(new))

    def _count(self, removed: list[ox.Quad], added: list[ox.Quad]) -> None:
        """Count for the log; keep the facts' counts in step, where the build wrote any."""
        for place, quads in enumerate((added, removed)):
            for name, number in Counter(map(_graph_iri, quads)).items():
                self._tally.setdefault(name or _DEFAULT_NAME, [0, 0])[place] += number
        if "graphs" not in self._facts:
            return
        counts = Counter(self._facts["graphs"])
        counts.update(filter(None, map(_graph_iri, added)))
        counts.subtract(filter(None, map(_graph_iri, removed)))
        self._facts["graphs"] = {graph: count for graph, count in sorted(counts.items()) if count}
        self._facts["quads"] = counts.total()

    def _is_merged(self, quad: ox.Quad) -> bool:
        graph = quad.graph_name
        return not isinstance(graph, ox.DefaultGraph) and graph not in self._not_merged

    def _stands_elsewhere(self, quad: ox.Quad) -> bool:
        triple = quad.triple
        found = self._store.quads_for_pattern(triple.subject, triple.predicate, triple.object, None)
        return any(self._is_merged(other) for other in found)

    def _update_by_pattern(self, work: dict[str, Any]) -> None:
        """The engine applies it; what it changed is found by comparing."""
        if self._union and work["writes_default"]:
            _check_syntax(work)
        self._protect(work["writes_default"], ())
        self._expect_graphs(work)
        if not self._union and not self._derived and self._keeper is None:
            self._update_unobserved(work)
            return
        if work["graphs"] is None:
            self._update_anywhere(work)
            return
        graphs = [ox.NamedNode(iri) for iri in work["graphs"]]
        before = [(dump(self._store, graph), self._exists(graph)) for graph in graphs]
        self._run(work)
        if work["writes_default"]:
            self._delta.lose()
        difference = Difference()
        for graph, (old, existed) in zip(graphs, before, strict=True):
            difference.add(graph, old, dump(self._store, graph))
            self._note_graph(graph, existed)
        self._follow(difference.removed, difference.added)

    def _expect_graphs(self, work: dict[str, Any]) -> None:
        """What is not there cannot be copied; the engine would empty the target."""
        for iri in work["copied"]:
            if not self._exists(ox.NamedNode(iri)):
                _check_syntax(work)
                raise InvalidQuery(f"there is no graph <{iri}> to copy from (SILENT ignores that)")

    def _note_graph(self, graph: ox.NamedNode, existed: bool) -> None:
        """An update may make a graph, or do away with it, without changing a quad."""
        if self._exists(graph) == existed:
            return
        self._delta.note_graph(graph.value)
        try:
            self._protect(False, [graph.value])
        except Forbidden as error:
            raise Fatal(error) from error

    def _run(self, work: dict[str, Any]) -> None:
        functions = solutions.FUNCTIONS if work["federated"] else None
        self._store.update(work["text"], base_iri=work["base"], custom_functions=functions)

    def _update_unobserved(self, work: dict[str, Any]) -> None:
        self._run(work)
        self._changed = True
        self._counted = False
        self._delta.lose()
        self._facts.pop("graphs", None)
        self._facts.pop("quads", None)

    def _update_anywhere(self, work: dict[str, Any]) -> None:
        """One whose graphs are computed: compare all of them with a checkpoint."""
        if work["writes_default"]:
            self._delta.lose()
        difference = Difference()
        with tempfile.TemporaryDirectory(dir=self._store_dir / "writer") as folder:
            checkpoint = str(Path(folder) / "before")
            self._store.backup(checkpoint)
            self._run(work)
            before = ox.Store.read_only(checkpoint)
            for graph in named_graphs(before, self._store):
                difference.add(graph, dump(before, graph), dump(self._store, graph))
                self._note_graph(graph, before.contains_named_graph(graph))
            del before
        self._follow(difference.removed, difference.added)


def _quads_of_data(work: dict[str, Any]) -> list[ox.Quad]:
    """The quads of INSERT DATA or DELETE DATA, by running it on an empty store."""
    scratch = ox.Store()
    scratch.update(work["data"], base_iri=work["base"])
    quads = list(scratch)
    if work["deletes"] and any(_has_blank(quad) for quad in quads):
        raise InvalidQuery("DELETE DATA cannot hold blank nodes")
    return quads


def _check_syntax(work: dict[str, Any]) -> None:
    """A malformed request is told so before anything else."""
    with suppress(RuntimeError, ValueError, OSError):  # of running it on nothing
        ox.Store().update(work["text"], base_iri=work["base"])


def _has_blank(quad: ox.Quad) -> bool:
    return isinstance(quad.subject, ox.BlankNode) or isinstance(quad.object, ox.BlankNode)


def _quads_of_document(body: bytes, graph: Graph | None = None) -> set[ox.Quad]:
    """Read N-Triples of a graph, else N-Quads, as the store keeps them (it rewrites literals)."""
    scratch = ox.Store()
    if graph is None:
        scratch.bulk_load(body, ox.RdfFormat.N_QUADS)
    else:
        scratch.bulk_load(body, ox.RdfFormat.N_TRIPLES, to_graph=graph)
    return set(scratch)


def _graphs(quads: Iterable[ox.Quad]) -> frozenset[str]:
    return frozenset(filter(None, map(_graph_iri, quads)))


def _graph_iri(quad: ox.Quad) -> str | None:
    """None for the default graph."""
    graph = quad.graph_name
    return graph.value if isinstance(graph, ox.NamedNode) else None


def _merged(quad: ox.Quad) -> ox.Quad:
    return ox.Quad(quad.subject, quad.predicate, quad.object, _DEFAULT)


def _lock(store_dir: Path) -> int:
    """One writer at a time; the lock goes with the process."""
    descriptor = os.open(store_dir / "writer.lock", os.O_RDWR | os.O_CREAT, 0o644)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _clone(store: Path, folder: Path) -> Path:
    """A store to write in: tables are immutable and shared, the rest is copied."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "store").mkdir(parents=True)
    for file in store.iterdir():
        copy = os.link if file.suffix == ".sst" else shutil.copyfile
        copy(file, folder / "store" / file.name)
    return folder / "store"


def _link_others(old: Path, new: Path) -> None:
    """What else a snapshot holds goes with it."""
    for file in old.iterdir():
        if file.is_file() and file.name != "snapshot.json" and not is_delta(file):
            os.link(file, new / file.name)


def _class(name: str) -> Callable[[Mapping[str, Any]], Keeper]:
    """``package.module:Class``"""
    module, _, attribute = name.partition(":")
    found: Callable[[Mapping[str, Any]], Keeper] = getattr(
        importlib.import_module(module), attribute
    )
    return found


def _describe(error: Exception, work: dict[str, Any]) -> dict[str, Any]:
    match error:
        case Forbidden():
            return {"error": "forbidden", "message": str(error)}
        case Conflict():
            return {"error": "stale", "message": str(error)}
        case NotFound():
            return {"error": "missing", "message": str(error)}
        case InvalidData():
            told = error.findings[:_FINDINGS]
            findings = [[f.where, f.line, f.record, f.message, f.rule] for f in told]
            return {"error": "data", "message": "the shapes refuse it", "findings": findings}
        case InvalidQuery():
            return {"error": "evaluation", "message": str(error)}
    return describe(error, work | {"update": True})
