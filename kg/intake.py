"""Reading what people bring: records in YAML, triples in any RDF format, into checked quads."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, Store, parse

from kg.catalogue.view import View
from kg.derive import asserted, describe_dataset
from kg.errors import Finding, InvalidData, InvalidInput
from kg.formats import RDF_FORMATS, by_extension
from kg.mapping import WRITERS, Document, Writer, map_records
from kg.namespaces import Namespaces
from kg.policy.mapping import POLICY_WRITERS
from kg.policy.records import POLICY_KINDS
from kg.records import KINDS, Article, Published, Record, Records, read_records
from kg.resources import examples_directory, ontology_directory
from kg.shapes import Origin, origins_of
from kg.yamlfile import read_utf8, read_yaml

DATASET_FILE = "dataset.yaml"
YAML_SUFFIXES = (".yaml", ".yml")

ALL_KINDS: dict[str, type[Record]] = KINDS | POLICY_KINDS
ALL_WRITERS: dict[type[Record], Writer] = WRITERS | POLICY_WRITERS


class DatasetInfo(Record):
    """``dataset.yaml``: the dataset as a whole."""

    title: str
    description: str
    version: str
    as_of: datetime.date
    recorded: datetime.datetime
    licence: str


@dataclass
class Intake:
    """Quads as they were read, nothing derived, and where each node was described.

    ``documents`` are the articles that claims may cite.
    """

    names: Namespaces
    info: DatasetInfo
    quads: list[Quad] = field(default_factory=list)
    origins: dict[str, Origin] = field(default_factory=dict)
    articles: dict[str, Article] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)

    def add_records(self, records: Records) -> None:
        output = map_records(records, self.names, self.info.recorded, ALL_WRITERS, self.documents)
        self.quads += output.quads
        self.origins |= origins_of(output.origins)
        for article in records.of(Article):
            self.articles[article.id] = article
            self.documents[article.id] = Document.of(article)

    def add_rdf(self, path: Path, graph: NamedNode) -> None:
        """Add the quads of a file; those that name no graph go to ``graph``."""
        for quad in read_rdf(path, self.names, graph):
            self.quads.append(quad)
            if isinstance(quad.subject, NamedNode):
                name = self.names.shorten(quad.subject.value)
                self.origins.setdefault(quad.subject.value, Origin(str(path), None, name))

    def add_files(self, paths: Sequence[Path], graph: NamedNode) -> None:
        """Records and RDF; triples that name no graph go to ``graph``.

        Raises InvalidData with every finding of the records, or of the first RDF file that is
        malformed.
        """
        self.add_records(read_records([p for p in paths if is_yaml(p)], ALL_KINDS))
        for path in paths:
            if not is_yaml(path):
                self.add_rdf(path, graph)


def base_files(directory: Path) -> list[Path]:
    """The files of records under ``directory``."""
    return sorted(p for p in directory.rglob("*.yaml") if p.name != DATASET_FILE)


def read_base(
    names: Namespaces, directory: Path | None = None, more: Sequence[Path] = ()
) -> Intake:
    """The records under ``directory`` (default: the built-in knowledge base) and of ``more``.

    A file of ``more`` that stands in the directory is read once. Raises InvalidData with every
    finding of every file.
    """
    directory = directory or examples_directory()
    known = {path.resolve() for path in more}
    files = [path for path in base_files(directory) if path.resolve() not in known]
    info = read_info(directory / DATASET_FILE)
    intake = Intake(names, info, describe_dataset(names, info.as_of, info.version))
    intake.add_files([*files, *more], names.expand("g:unnamed"))
    return intake


def read_info(path: Path) -> DatasetInfo:
    file = read_yaml(path)
    try:
        return DatasetInfo.model_validate(file.content)
    except ValidationError as error:
        findings = [Finding(str(path), 1, "", f"{e['loc']}: {e['msg']}") for e in error.errors()]
        raise InvalidData(findings) from None


def merged(quads: Iterable[Quad]) -> Store:
    """A store in memory whose default graph is the merge of ``quads``."""
    store = Store()
    store.extend(Quad(quad.subject, quad.predicate, quad.object) for quad in quads)
    return store


def intake_of(quads: Iterable[Quad], names: Namespaces, info: DatasetInfo) -> Intake:
    """What ``quads`` of a store assert, as if it had just been read."""
    intake = Intake(names, info, list(asserted(quads, names)))
    intake.documents |= documents_in(View(merged(intake.quads), names))
    return intake


def info_of(facts: Mapping[str, Any]) -> DatasetInfo:
    """What the facts of a generation say of its dataset; one without was made empty."""
    given = facts.get("dataset")
    return DatasetInfo.model_validate(given) if given else builtin_info()


def builtin_info() -> DatasetInfo:
    return read_info(examples_directory() / DATASET_FILE)


def documents_in(view: View) -> dict[str, Document]:
    """The articles of a store, as claims that cite them need to know them."""
    return {view.slug(node): _document(view, node) for node in view.instances("ct:SourceDocument")}


def _document(view: View, node: NamedNode) -> Document:
    graph, basis = view.node(node, "ct:claimGraph"), view.node(node, "ct:publishedBasis")
    earliest, latest = (view.value(node, f"ct:published{end}") for end in ("Earliest", "Latest"))
    published = (
        Published(earliest=earliest, latest=latest, basis=view.slug(basis)) if basis else None
    )
    return Document(view.slug(graph) if graph else f"claims-{view.slug(node)}", published)


def is_yaml(path: Path) -> bool:
    return path.suffix.lower() in YAML_SUFFIXES


def read_rdf(path: Path, names: Namespaces, graph: NamedNode | DefaultGraph) -> Iterator[Quad]:
    """The quads of an RDF file; triples without a graph go to ``graph``.

    Blank nodes get names of their own: those of two files never meet.

    Raises InvalidData naming file and line, InvalidInput for an unknown extension.
    """
    found = by_extension(path.suffix.removeprefix("."))
    if found is None:
        known = ", ".join(f".{f.extension}" for f in RDF_FORMATS)
        raise InvalidInput(f"{path}: not a format that can be read; there are .yaml, {known}")
    text = read_utf8(path)
    try:
        for quad in parse(
            input=text, format=found.rdf, base_iri=names.base, rename_blank_nodes=True
        ):
            name = graph if isinstance(quad.graph_name, DefaultGraph) else quad.graph_name
            yield Quad(quad.subject, quad.predicate, quad.object, name)
    except SyntaxError as error:
        message = str(error.msg).partition(": ")[2] or str(error.msg)
        raise InvalidData([Finding(str(path), error.lineno, "", message, "syntax")]) from None


def ontology_quads(names: Namespaces) -> Iterator[Quad]:
    """The ontology, its concepts and alignments, as the graph ``g:ontology``."""
    graph = names.expand("g:ontology")
    root = ontology_directory()
    for pattern in ("chiptrail.ttl", "modules/*.ttl", "concepts/*.ttl", "alignments/*.ttl"):
        for path in sorted(root.glob(pattern)):
            text = names.rebase(read_utf8(path))
            for triple in parse(input=text, format=RdfFormat.TURTLE, base_iri=names.base):
                yield Quad(triple.subject, triple.predicate, triple.object, graph)
