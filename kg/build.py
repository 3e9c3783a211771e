"""From what was read to a snapshot: check, derive, write; all or nothing.

The build is a function of its input: the same records give the same canonical N-Quads, whose
SHA-256 is the version of the data.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pyoxigraph import (
    BlankNode,
    CanonicalizationAlgorithm,
    Dataset,
    DefaultGraph,
    NamedNode,
    Quad,
    RdfFormat,
    Store,
    Triple,
    serialize,
)

from kg import snapshots
from kg.catalogue import CATALOGUE_FILE, View, entries, write_catalogue
from kg.derive import derive
from kg.errors import Finding, InvalidData
from kg.history.changes import changes_of_graphs
from kg.history.log import Act, Change
from kg.history.recording import (
    Comparison,
    changes_after,
    evaluated_after,
    lineage_after,
    recorder,
)
from kg.intake import Intake, ontology_quads
from kg.namespaces import Namespaces
from kg.policy.desk import Desk
from kg.recordfile import RECORDS_FILE, write_records
from kg.recovery import Recovered, recover
from kg.resources import ontology_directory
from kg.shapes import Validator
from kg.snapshots import Snapshot

BUILD = Act("build")

Progress = Callable[[str], None]
"""Told the name of each step as it begins."""


def quiet(_: str) -> None:
    """A Progress that says nothing."""


@dataclass(frozen=True)
class Examined:
    """An intake in which nothing is wrong: its quads with the ontology, and what rules need."""

    store: Store
    recovered: Recovered
    desk: Desk


def examine(intake: Intake, only: Iterable[str] | None = None) -> Examined:
    """Check ``intake`` against the shapes, and its rules against each other.

    ``only``: IRIs of the nodes to report on; the others are context. Graphs outside our
    namespace are their owner's business and are not looked at. Raises InvalidData with every
    finding, each with its file and line.
    """
    if findings := validate(intake, only):
        raise InvalidData(findings)
    store = Store()
    store.extend(ontology_quads(intake.names))
    store.extend(intake.quads)
    recovered = recover(View(store, intake.names, graph=None))
    try:
        desk = Desk.of(recovered.records, intake.info.recorded)
    except InvalidData as error:
        raise InvalidData([_placed(finding, intake) for finding in error.findings]) from None
    return Examined(store, recovered, desk)


def validate(intake: Intake, only: Iterable[str] | None = None) -> list[Finding]:
    """Every finding of the shapes on ``intake``; see :func:`examine`."""
    validator = Validator(ontology_directory() / "shapes", intake.names)
    ours = intake.names.prefixes["g"]
    model = [q for q in intake.quads if str(q.graph_name).startswith(f"<{ours}")]
    quads = [*ontology_quads(intake.names), *model]
    return validator.validate(quads, intake.origins, None if only is None else frozenset(only))


def _placed(finding: Finding, intake: Intake) -> Finding:
    """A finding on a record that was read from the graph, where its author can mend it."""
    for prefix in ("rule", "id"):
        iri = intake.names.prefixes[prefix] + finding.record
        if origin := intake.origins.get(iri):
            return replace(finding, where=origin.where, line=origin.line)
    return finding


def build(
    intake: Intake,
    store_dir: Path,
    progress: Progress = quiet,
    merge: bool = True,
    made_from: str | None = None,
    act: Act = BUILD,
    parent: Snapshot | None = None,
) -> Snapshot:
    """Make ``intake`` the generation in force of ``store_dir``.

    ``merge`` false leaves the store's default graph empty instead of the merge of all graphs.
    ``made_from``: the digest of the records that ``intake`` is, where it is nothing else.
    ``act``: what the log is to say of it. ``parent``: what ``intake`` was read from, if that must
    still be in force.

    Raises InvalidData where something is wrong with it, Conflict where another generation came
    into force in the meantime; then, and on any other failure, the one in force stays.
    """
    progress("check")
    examined = examine(intake)
    progress("derive")
    derive(examined.store, intake.names, examined.desk.statuses, merge)
    facts = {"dataset": intake.info.model_dump(mode="json"), "made_from": made_from}
    with held(store_dir, parent) as parent:
        generation = _Generation(store_dir, parent, intake.names, merge, progress, act)
        return generation.publish(examined.store, facts, examined.recovered)


def build_empty(names: Namespaces, store_dir: Path, by: Act = BUILD) -> Snapshot:
    """Make an empty store the generation in force: no knowledge base, no catalogue."""
    return build_plain((), names, store_dir, act=replace(by, operation="build"))


def build_plain(
    quads: Iterable[Quad],
    names: Namespaces,
    store_dir: Path,
    merge: bool = False,
    act: Act = BUILD,
    parent: Snapshot | None = None,
) -> Snapshot:
    """Make ``quads``, and nothing else, the generation in force: somebody's own data.

    ``merge``: their default graph is the merge of the others. The rest as for :func:`build`.
    """
    memory = Store()
    memory.extend(quads)
    with held(store_dir, parent) as parent:
        generation = _Generation(store_dir, parent, names, merge, quiet, act)
        return generation.publish(memory, {})


def _write_store(path: Path, memory: Store) -> None:
    """Write a store, whole on disk and closed when this returns."""
    disk = Store(path)
    disk.bulk_extend(memory)
    disk.flush()


def canonical_version(quads: Iterable[Quad]) -> str:
    """SHA-256 (hex) of the sorted canonical N-Quads (RDFC-1.0) of ``quads``.

    Only what mentions a blank node needs canonical names, and only that is held as a dataset.
    """
    blank, named = Dataset(), []
    for quad in quads:
        if _may_be_blank(quad):
            blank.add(quad)
        else:
            named.append(quad)
    blank.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    lines = _lines(named) + _lines(blank)
    del named
    lines.sort()
    found = hashlib.sha256()
    for line in lines:
        found.update(line)
    return found.hexdigest()


def _may_be_blank(quad: Quad) -> bool:
    terms = (quad.subject, quad.object, quad.graph_name)
    return any(isinstance(term, BlankNode | Triple) for term in terms)


def _lines(quads: Iterable[Quad]) -> list[bytes]:
    text = serialize(quads, format=RdfFormat.N_QUADS) or b""
    return text.splitlines(keepends=True)


def named_quads(store: Store) -> Iterator[Quad]:
    """All quads of the named graphs: the default graph is only their merge."""
    return (quad for quad in store if not isinstance(quad.graph_name, DefaultGraph))


@contextmanager
def held(store_dir: Path, known: Snapshot | None) -> Iterator[Snapshot | None]:
    """The generation that another is to follow, held: the one known, or the one in force."""
    parent = known or snapshots.current(store_dir)
    with ExitStack() as held:
        if parent is not None:
            held.enter_context(snapshots.hold(parent))
        yield parent


@dataclass(frozen=True)
class _Generation:
    """One in the making."""

    store_dir: Path
    parent: Snapshot | None
    names: Namespaces
    merged: bool
    progress: Progress
    act: Act

    def publish(
        self, store: Store, facts: Mapping[str, object], recovered: Recovered | None = None
    ) -> Snapshot:
        """``recovered``: the records in ``store``, where it holds any."""
        self.progress("hash")
        version = canonical_version(store if recovered is None else named_quads(store))
        building = snapshots.begin(self.store_dir)
        try:
            self.progress("write")
            _write_store(building / "store", store)
            if recovered is not None:
                self.progress("catalogue")
                write_sidecars(building, store, self.names, recovered, self.parent)
            counts = {"quads": len(store)} if recovered is None else _counts(store)
            facts = {**facts, **counts, "version": version, "base": self.names.base}
            snapshots.write_facts(building, facts)
            self.progress("publish")
            number = snapshots.number_after(self.parent)
            record = logged(building, store, self.parent, self.names, self.merged, facts, self.act)
            return snapshots.publish(self.store_dir, building, number, record=record)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise


def logged(
    building: Path,
    store: Store,
    parent: Snapshot | None,
    names: Namespaces,
    merged: bool,
    facts: Mapping[str, Any],
    act: Act,
) -> Callable[[int], None]:
    """What is to be done to log the generation in ``building``: it says what changed.

    ``facts``: those of its ``snapshot.json``.
    """
    before = Store.read_only(str(parent.store)) if parent else Store()
    found = Comparison.of(before, store, names, merged)
    changes: list[Change] = []
    if found.quads or parent is None:  # else documents may differ, but say the same
        changes = changes_after(parent, building / CATALOGUE_FILE, store, found.chips, names)
        told = names.prefixes["g"] if changes else None
        changes += changes_of_graphs(found.quads, told) if parent else []
    store_dir, acts = building.parents[1], [replace(act, quads=found.quads)]
    evaluated = evaluated_after(parent, building, facts)
    return recorder(store_dir, facts["version"], acts, changes, evaluated)


def write_sidecars(
    building: Path, store: Store, names: Namespaces, recovered: Recovered, parent: Snapshot | None
) -> None:
    """Write what a snapshot holds beside its store: the catalogue and the rules' records.

    New files: whoever has a link to the ones that stood there keeps them. ``parent``: the
    generation that this one follows.
    """
    (building / CATALOGUE_FILE).unlink(missing_ok=True)
    found = entries(View(store, names))
    write_catalogue(building / CATALOGUE_FILE, found, lineage_after(parent))
    write_records(building / RECORDS_FILE, recovered.records)


def _counts(store: Store) -> dict[str, object]:
    graphs = [node for node in store.named_graphs() if isinstance(node, NamedNode)]
    return {
        "quads": sum(1 for _ in named_quads(store)),
        "graphs": {
            graph.value: sum(1 for _ in store.quads_for_pattern(None, None, None, graph))
            for graph in sorted(graphs, key=lambda node: node.value)
        },
    }
