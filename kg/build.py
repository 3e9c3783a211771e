"""From files to a snapshot: read, map, check, derive, write; all or nothing.

The build is a function of its input files: the same records give the same canonical N-Quads,
whose SHA-256 is the version of the data.
"""

from __future__ import annotations

import datetime
import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import (
    CanonicalizationAlgorithm,
    Dataset,
    DefaultGraph,
    NamedNode,
    Quad,
    RdfFormat,
    Store,
    parse,
    serialize,
)

from kg import snapshots
from kg.catalogue import CATALOGUE_FILE, View, entries, write_catalogue
from kg.derive import derive, describe_dataset
from kg.errors import Finding, InvalidData
from kg.mapping import Output, map_records
from kg.namespaces import Namespaces
from kg.records import KINDS, Record, Records, read_records
from kg.resources import examples_directory, ontology_directory
from kg.shapes import Validator, origins_of
from kg.snapshots import Snapshot
from kg.yamlfile import read_utf8, read_yaml

Progress = Callable[[str], None]
"""Told the name of each step as it begins."""


def quiet(_: str) -> None:
    """A Progress that says nothing."""


class DatasetInfo(Record):
    """``dataset.yaml``: the dataset as a whole."""

    title: str
    description: str
    version: str
    as_of: datetime.date
    recorded: datetime.datetime
    licence: str


@dataclass(frozen=True)
class Base:
    """A knowledge base as read: its records and quads, nothing derived yet."""

    info: DatasetInfo
    records: Records
    output: Output

    @property
    def names(self) -> Namespaces:
        return self.output.names


def read_base(names: Namespaces, directory: Path | None = None) -> Base:
    """Read the records under ``directory`` (default: the built-in knowledge base).

    Raises InvalidData with every finding of every file.
    """
    directory = directory or examples_directory()
    info_file = read_yaml(directory / "dataset.yaml")
    info = DatasetInfo.model_validate(info_file.content)
    files = sorted(p for p in directory.rglob("*.yaml") if p.name != "dataset.yaml")
    records = read_records(files, KINDS)
    output = map_records(records, names, info.recorded)
    output.quads += describe_dataset(names, info.as_of, info.version)
    return Base(info, records, output)


def ontology_quads(names: Namespaces) -> Iterator[Quad]:
    """The ontology, its concepts and alignments, as the graph ``g:ontology``."""
    graph = names.expand("g:ontology")
    root = ontology_directory()
    for pattern in ("chiptrail.ttl", "modules/*.ttl", "concepts/*.ttl", "alignments/*.ttl"):
        for path in sorted(root.glob(pattern)):
            text = names.rebase(read_utf8(path))
            for triple in parse(input=text, format=RdfFormat.TURTLE, base_iri=names.base):
                yield Quad(triple.subject, triple.predicate, triple.object, graph)


def validator(names: Namespaces) -> Validator:
    return Validator(ontology_directory() / "shapes", names)


def canonical_version(quads: Iterable[Quad]) -> str:
    """SHA-256 (hex) of the sorted canonical N-Quads (RDFC-1.0) of ``quads``."""
    dataset = Dataset(quads)
    dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
    lines = (serialize(dataset, format=RdfFormat.N_QUADS) or b"").splitlines(keepends=True)
    return hashlib.sha256(b"".join(sorted(lines))).hexdigest()


def named_quads(store: Store) -> Iterator[Quad]:
    """All quads of the named graphs: the default graph is only their merge."""
    return (quad for quad in store if not isinstance(quad.graph_name, DefaultGraph))


def check_base(base: Base) -> list[Finding]:
    """Every finding of the shapes on a base, with its file and line."""
    quads = [*ontology_quads(base.names), *base.output.quads]
    return validator(base.names).validate(quads, origins_of(base.output.origins))


def build(base: Base, store_dir: Path, progress: Progress = quiet, check: bool = True) -> Snapshot:
    """Make ``base`` the generation in force of ``store_dir``.

    Raises InvalidData where the shapes find fault; then, and on any other failure, the
    generation in force stays as it was.
    """
    progress("validate")
    if check and (findings := check_base(base)):
        raise InvalidData(findings)
    progress("derive")
    memory = Store()
    memory.extend(ontology_quads(base.names))
    memory.extend(base.output.quads)
    derive(memory, base.names)
    return write_snapshot(memory, base, store_dir, progress)


def write_snapshot(memory: Store, base: Base, store_dir: Path, progress: Progress) -> Snapshot:
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
        write_catalogue(building / CATALOGUE_FILE, entries(View(memory, base.names)))
        snapshots.write_facts(building, _facts(memory, base, version))
        progress("publish")
        return snapshots.publish(store_dir, building)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise


def _facts(memory: Store, base: Base, version: str) -> dict[str, object]:
    graphs = sorted(node.value for node in memory.named_graphs() if isinstance(node, NamedNode))
    return {
        "version": version,
        "dataset": base.info.model_dump(mode="json"),
        "base": base.names.base,
        "quads": len(memory),
        "graphs": {
            graph: sum(1 for _ in memory.quads_for_pattern(None, None, None, NamedNode(graph)))
            for graph in graphs
        },
    }
