"""The dumps as a DCAT 3 catalogue: what each file is, how large, and its checksum (SPDX)."""

from __future__ import annotations

from collections.abc import Iterator

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad

from kg.exports.dumps import Dump, Index
from kg.namespaces import EXTERNAL_PREFIXES

PREFIXES = {name: EXTERNAL_PREFIXES[name] for name in ("rdf", "rdfs", "xsd", "dct", "dcat")} | {
    "spdx": "http://spdx.org/rdf/terms#"
}

_MEDIA_TYPES = "https://www.iana.org/assignments/media-types/"

Node = NamedNode | BlankNode


def describe(index: Index, root: str) -> list[Quad]:
    """``root``: address of the service, without a slash at its end.

    The data set is that of ``/.well-known/void``; its distributions are addressed by version.
    """
    catalogue = NamedNode(f"{root}/dumps/#catalogue")
    dataset = NamedNode(f"{root}/.well-known/void#dataset")
    service = NamedNode(f"{root}/sparql#service")
    return [
        *_about(catalogue, "dcat:Catalog", {"dct:title": _text(f"{index.title}: dumps")}),
        *_about(catalogue, None, {"dcat:dataset": dataset, "dcat:service": service}),
        *_dataset(index, dataset),
        *_service(root, service, dataset),
        *(quad for dump in index.dumps for quad in _distribution(index, dump, dataset, root)),
    ]


def _dataset(index: Index, dataset: NamedNode) -> Iterator[Quad]:
    yield from _about(
        dataset,
        "dcat:Dataset",
        {
            "dct:title": _text(index.title),
            "dct:license": _licence(index),
            "dct:identifier": Literal(index.data_version),
            "dcat:version": Literal(index.dataset_version) if index.dataset_version else None,
            "dct:modified": _typed(index.date, "date"),
        },
    )


def _service(root: str, service: NamedNode, dataset: NamedNode) -> Iterator[Quad]:
    yield from _about(
        service,
        "dcat:DataService",
        {
            "dct:title": _text("SPARQL endpoint"),
            "dcat:endpointURL": NamedNode(f"{root}/sparql"),
            "dcat:servesDataset": dataset,
        },
    )


def _distribution(index: Index, dump: Dump, dataset: NamedNode, root: str) -> Iterator[Quad]:
    address = NamedNode(f"{root}/dumps/{index.version}/{dump.file}")
    checksum = BlankNode(dump.name)
    yield _quad(dataset, "dcat:distribution", address)
    yield from _about(
        address,
        "dcat:Distribution",
        {
            "dct:title": _text(dump.title),
            "dcat:downloadURL": address,
            "dcat:mediaType": NamedNode(_MEDIA_TYPES + dump.media_type),
            "dcat:compressFormat": NamedNode(_MEDIA_TYPES + dump.packaging)
            if dump.packaging
            else None,
            "dct:conformsTo": NamedNode(dump.standard),
            "dcat:byteSize": _typed(str(dump.bytes), "nonNegativeInteger"),
            "spdx:checksum": checksum,
            "dct:license": _licence(index),
            "dct:issued": _typed(index.issued, "dateTime"),
        },
    )
    yield from _about(
        checksum,
        "spdx:Checksum",
        {
            "spdx:algorithm": _name("spdx:checksumAlgorithm_sha256"),
            "spdx:checksumValue": _typed(dump.sha256, "hexBinary"),
        },
    )


def _about(
    subject: Node, type_: str | None, properties: dict[str, Node | Literal | None]
) -> Iterator[Quad]:
    if type_ is not None:
        yield _quad(subject, "rdf:type", _name(type_))
    for name, value in properties.items():
        if value is not None:
            yield _quad(subject, name, value)


def _quad(subject: Node, predicate: str, value: Node | Literal) -> Quad:
    return Quad(subject, _name(predicate), value, DefaultGraph())


def _name(curie: str) -> NamedNode:
    prefix, _, local = curie.partition(":")
    return NamedNode(PREFIXES[prefix] + local)


def _text(text: str) -> Literal:
    return Literal(text, language="en")


def _typed(text: str | None, kind: str) -> Literal | None:
    return Literal(text, datatype=_name(f"xsd:{kind}")) if text else None


def _licence(index: Index) -> NamedNode | None:
    licence = index.licence or ""
    return NamedNode(licence) if licence.startswith("http") else None
