"""From what was read to a snapshot: check, derive, write; all or nothing.

The build is a function of its input: the same records give the same canonical N-Quads, whose
SHA-256 is the version of the data.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pyoxigraph import (
    CanonicalizationAlgorithm,
    Dataset,
    DefaultGraph,
    NamedNode,
    Quad,
    RdfFormat,
    Store,
    serialize,
)

from kg import snapshots
from kg.catalogue import CATALOGUE_FILE, View, entries, write_catalogue
from kg.derive import derive
from kg.errors import Finding, InvalidData
from kg.intake import DatasetInfo, Intake, ontology_quads
from kg.namespaces import Namespaces
from kg.recordfile import RECORDS_FILE, write_records
from kg.recovery import recover
from kg.resources import ontology_directory
from kg.shapes import Validator
from kg.snapshots import Snapshot

Progress = Callable[[str], None]
"""Told the name of each step as it begins."""


def quiet(_: str) -> None:
    """A Progress that says nothing."""


def validate(intake: Intake, only: Iterable[str] | None = None) -> list[Finding]:
    """Every finding of the shapes on ``intake``, with its file and line.

    Graphs outside our namespace are their owner's business and are not looked at.

    ``only``: IRIs of the nodes to report on; the others are context.
    """
    validator = Validator(ontology_directory() / "shapes", intake.names)
    ours = intake.names.prefixes["g"]
    model = [q for q in intake.quads if str(q.graph_name).startswith(f"<{ours}")]
    quads = [*ontology_quads(intake.names), *model]
    return validator.validate(quads, intake.origins, None if only is None else frozenset(only))


def build(
    intake: Intake, store_dir: Path, progress: Progress = quiet, merge: bool = True
) -> Snapshot:
    """Make ``intake`` the generation in force of ``store_dir``.

    ``merge`` false leaves the store's default graph empty instead of the merge of all graphs.
    Raises InvalidData where the shapes find fault; then, and on any other failure, the
    generation in force stays as it was.
    """
    progress("validate")
    if findings := validate(intake):
        raise InvalidData(findings)
    progress("derive")
    memory = Store()
    memory.extend(ontology_quads(intake.names))
    memory.extend(intake.quads)
    derive(memory, intake.names, merge)
    return _write(memory, intake.names, intake.info, store_dir, progress)


def build_empty(names: Namespaces, store_dir: Path) -> Snapshot:
    """Make an empty store the generation in force: no knowledge base, no catalogue."""
    building = snapshots.begin(store_dir)
    Store(building / "store").flush()
    snapshots.write_facts(building, {"version": canonical_version([]), "base": names.base})
    return snapshots.publish(store_dir, building)


def canonical_version(quads: Iterable[Quad]) -> str:
    """SHA-256 (hex) of the sorted canonical N-Quads (RDFC-1.0) of ``quads``."""
    dataset = Dataset(quads)
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    lines = (serialize(dataset, format=RdfFormat.N_QUADS) or b"").splitlines(keepends=True)
    return hashlib.sha256(b"".join(sorted(lines))).hexdigest()


def named_quads(store: Store) -> Iterator[Quad]:
    """All quads of the named graphs: the default graph is only their merge."""
    return (quad for quad in store if not isinstance(quad.graph_name, DefaultGraph))


def _write(
    memory: Store, names: Namespaces, info: DatasetInfo, store_dir: Path, progress: Progress
) -> Snapshot:
    progress("hash")
    version = canonical_version(named_quads(memory))
    building = snapshots.begin(store_dir)
    try:
        progress("write")
        disk = Store(building / "store")
        disk.bulk_extend(memory)
        disk.flush()
        del disk
        progress("catalogue")
        write_catalogue(building / CATALOGUE_FILE, entries(View(memory, names)))
        recovered = recover(View(memory, names, graph=None))
        write_records(building / RECORDS_FILE, recovered.records)
        facts = _facts(memory, names, info, version)
        if recovered.findings:
            facts["left_out"] = [str(finding) for finding in recovered.findings]
        snapshots.write_facts(building, facts)
        progress("publish")
        return snapshots.publish(store_dir, building)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise


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
