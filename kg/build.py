"""From what was read to a snapshot: check, derive, write; all or nothing.

The build is a function of its input: the same records give the same canonical N-Quads, whose
SHA-256 is the version of the data.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

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
from kg.intake import DatasetInfo, Intake, ontology_quads
from kg.namespaces import Namespaces
from kg.policy.desk import Desk
from kg.recordfile import RECORDS_FILE, write_records
from kg.recovery import Recovered, recover
from kg.resources import ontology_directory
from kg.shapes import Validator
from kg.snapshots import Snapshot

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
) -> Snapshot:
    """Make ``intake`` the generation in force of ``store_dir``.

    ``merge`` false leaves the store's default graph empty instead of the merge of all graphs.
    ``made_from``: the digest of the records that ``intake`` is, where it is nothing else.
    Raises InvalidData where something is wrong with it; then, and on any other failure, the
    generation in force stays as it was.
    """
    progress("check")
    examined = examine(intake)
    progress("derive")
    derive(examined.store, intake.names, examined.desk.statuses, merge)
    return _write(examined, intake, store_dir, progress, made_from)


def build_empty(names: Namespaces, store_dir: Path) -> Snapshot:
    """Make an empty store the generation in force: no knowledge base, no catalogue."""
    return build_plain((), names, store_dir)


def build_plain(quads: Iterable[Quad], names: Namespaces, store_dir: Path) -> Snapshot:
    """Make ``quads``, and nothing else, the generation in force: somebody's own data."""
    memory = Store()
    memory.extend(quads)
    building = snapshots.begin(store_dir)
    try:
        _write_store(building / "store", memory)
        facts = {"version": canonical_version(memory), "base": names.base, "quads": len(memory)}
        snapshots.write_facts(building, facts)
        return snapshots.publish(store_dir, building)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise


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


def _write(
    examined: Examined, intake: Intake, store_dir: Path, progress: Progress, made_from: str | None
) -> Snapshot:
    store, names = examined.store, intake.names
    progress("hash")
    version = canonical_version(named_quads(store))
    building = snapshots.begin(store_dir)
    try:
        progress("write")
        _write_store(building / "store", store)
        progress("catalogue")
        write_sidecars(building, store, names, examined.recovered)
        facts = _facts(store, names, intake.info, version)
        snapshots.write_facts(building, facts | {"made_from": made_from})
        progress("publish")
        return snapshots.publish(store_dir, building)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise


def write_sidecars(building: Path, store: Store, names: Namespaces, recovered: Recovered) -> None:
    """Write what a snapshot holds beside its store: the catalogue and the rules' records.

    New files: whoever has a link to the ones that stood there keeps them.
    """
    (building / CATALOGUE_FILE).unlink(missing_ok=True)
    write_catalogue(building / CATALOGUE_FILE, entries(View(store, names)))
    write_records(building / RECORDS_FILE, recovered.records)


def _facts(memory: Store, names: Namespaces, info: DatasetInfo, version: str) -> dict[str, object]:
    graphs = [node for node in memory.named_graphs() if isinstance(node, NamedNode)]
    return {
        "version": version,
        "dataset": info.model_dump(mode="json"),
        "base": names.base,
        "quads": sum(1 for _ in named_quads(memory)),
        "graphs": {
            graph.value: sum(1 for _ in memory.quads_for_pattern(None, None, None, graph))
            for graph in sorted(graphs, key=lambda node: node.value)
        },
    }
