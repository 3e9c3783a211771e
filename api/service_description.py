"""What the service says of itself: SPARQL 1.1 Service Description, and VoID of the dataset.

Both are computed: from the tables of formats, the settings, and the facts of the snapshot;
what these do not hold is counted (:mod:`api.counts`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, RdfFormat, serialize
from starlette.requests import Request

from api import conditional, pages
from api.conditional import etag
from api.counts import Counts
from api.exchange import Exchange, answer_headers, content_type
from api.negotiation import Offer, negotiate
from api.service import Service
from kg.formats import GRAPH_FORMATS, RDF_FORMATS, RESULT_FORMATS

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_RDFS = "http://www.w3.org/2000/01/rdf-schema#"
_XSD = "http://www.w3.org/2001/XMLSchema#"
_SD = "http://www.w3.org/ns/sparql-service-description#"
_SPARQL = "http://www.w3.org/ns/sparql#"
_VOID = "http://rdfs.org/ns/void#"
_DCT = "http://purl.org/dc/terms/"
_FOAF = "http://xmlns.com/foaf/0.1/"
_FORMATS = "http://www.w3.org/ns/formats/"
_ENTAILMENT = "http://www.w3.org/ns/entailment/"
_PREFIXES = {
    "rdf": _RDF,
    "rdfs": _RDFS,
    "sd": _SD,
    "sparql": _SPARQL,
    "void": _VOID,
    "dct": _DCT,
    "foaf": _FOAF,
    "format": _FORMATS,
    "ent": _ENTAILMENT,
}

# Names of kg.formats → names of https://www.w3.org/ns/formats/.
_FORMAT_NAMES = {
    "json": "SPARQL_Results_JSON",
    "xml": "SPARQL_Results_XML",
    "csv": "SPARQL_Results_CSV",
    "tsv": "SPARQL_Results_TSV",
    "ttl": "Turtle",
    "nt": "N-Triples",
    "rdf": "RDF_XML",
    "jsonld": "JSON-LD",
    "trig": "TriG",
    "nq": "N-Quads",
}

_HTML = Offer("html", ("text/html", "application/xhtml+xml"))
_OFFERS = tuple(Offer(f.name, (f.media_type, *f.also)) for f in GRAPH_FORMATS)

Node = NamedNode | BlankNode
Term = Node | Literal


class Description:
    """Triples as they are found, said shortly: ``add(node, "sd:endpoint", value)``."""

    def __init__(self) -> None:
        self.quads: list[Quad] = []
        self._blank = 0

    def add(self, subject: Node, predicate: str, *values: Term | int | None) -> None:
        """Every value but None; whole numbers become ``xsd:integer``."""
        for value in values:
            if value is not None:
                term = Literal(value) if isinstance(value, int) else value
                self.quads.append(Quad(subject, _name(predicate), term, DefaultGraph()))

    def node(self, type_: str) -> BlankNode:
        node = self.blank()
        self.add(node, "rdf:type", _name(type_))
        return node

    def blank(self) -> BlankNode:
        """Numbered, so that the same description is the same bytes (it has a strong ETag)."""
        self._blank += 1
        return BlankNode(f"b{self._blank:04}")

    def write(self, media_type: str) -> bytes:
        quads = sorted(self.quads, key=lambda quad: str(quad.subject))
        rdf_format = RdfFormat.from_media_type(media_type) or RdfFormat.TURTLE
        return serialize(quads, format=rdf_format, prefixes=_PREFIXES) or b""


def _name(curie: str) -> NamedNode:
    prefix, _, local = curie.partition(":")
    return NamedNode(_PREFIXES[prefix] + local)


# --- the service ------------------------------------------------------------------------------


async def describe(exchange: Exchange) -> None:
    """Answer a request to the query endpoint without a query: RDF, or the workbench."""
    accept = exchange.header(b"accept")
    offer, media_type = negotiate(accept, (*_OFFERS, _HTML))
    if offer is _HTML:
        await _workbench(exchange)
        return
    await _send(exchange, offer, media_type, await _service(exchange))


async def _workbench(exchange: Exchange) -> None:
    tag = etag(exchange.service.version, "html")
    if (known := exchange.has(tag)) is not None:
        await exchange.whole(304, conditional.headers(known))
        return
    request = Request(exchange.scope, exchange.receive)
    prologue = exchange.service.names.sparql_prologue
    page = pages.page(request, "workbench.html", title="SPARQL", prologue=prologue)
    page.headers.update(conditional.headers(tag))
    await exchange.respond(page)


async def _service(exchange: Exchange) -> Description:
    description = Description()
    found = await exchange.service.counter.counts()
    graphs = list(_named_graphs(description, found))
    dataset = _dataset(description, found, graphs, exchange.service)
    available = description.node("sd:GraphCollection")
    service = NamedNode(f"{exchange.url}#service")
    add = description.add
    add(available, "sd:namedGraph", *graphs)
    add(service, "rdf:type", _name("sd:Service"))
    add(service, "sd:endpoint", NamedNode(exchange.url))
    _languages(description, service, "Query")
    add(service, "sd:feature", _name("sd:EmptyGraphs"))
    if exchange.service.settings.service_targets:
        add(service, "sd:feature", _name("sd:BasicFederatedQuery"))
    add(service, "sd:defaultEntailmentRegime", _name("ent:Simple"))
    formats = (*RESULT_FORMATS, *RDF_FORMATS)
    add(service, "sd:resultFormat", *(_format(f.name) for f in formats))
    add(service, "sd:defaultDataset", dataset)
    add(service, "sd:availableGraphs", available)
    _updates(description, exchange, dataset)
    return description


def _updates(description: Description, exchange: Exchange, dataset: Node) -> None:
    """The service for updates, beside that for queries, where there is one."""
    if not exchange.service.writable:
        return
    base = exchange.url.rstrip("/").removesuffix("/sparql")
    service = NamedNode(f"{base}/update#service")
    add = description.add
    add(service, "rdf:type", _name("sd:Service"))
    add(service, "sd:endpoint", NamedNode(f"{base}/update"))
    _languages(description, service, "Update")
    add(service, "sd:defaultEntailmentRegime", _name("ent:Simple"))
    add(service, "sd:inputFormat", *(_format(f.name) for f in GRAPH_FORMATS))
    add(service, "sd:defaultDataset", dataset)


def _languages(description: Description, service: Node, kind: str) -> None:
    """SPARQL 1.1 by the name of its Recommendation, and as 1.2 does: language and versions."""
    named, language = _name(f"sd:SPARQL11{kind}"), _name(f"sd:SPARQL{kind}")
    description.add(service, "sd:supportedLanguage", named, language)
    versions = (_name(f"sparql:version-{version}") for version in ("1.1", "1.2"))
    description.add(service, "sd:supportedVersion", *versions)


def _format(name: str) -> NamedNode:
    return _name(f"format:{_FORMAT_NAMES[name]}")


def _dataset(
    description: Description, found: Counts, graphs: Sequence[Node], service: Service
) -> Node:
    add, node = description.add, description.node("sd:Dataset")
    default = description.node("sd:Graph")
    add(default, "void:triples", found.triples)
    if service.settings.default_graph == "union":
        text = "the RDF merge of the named graphs, but for the history and the triple terms"
        add(default, "rdfs:comment", Literal(text, language="en"))
    add(node, "sd:defaultGraph", default)
    add(node, "sd:namedGraph", *graphs)
    return node


def _named_graphs(description: Description, found: Counts) -> Iterator[Node]:
    for iri, triples in (found.graphs or {}).items():
        named, graph = description.node("sd:NamedGraph"), description.node("sd:Graph")
        description.add(named, "sd:name", NamedNode(iri))
        description.add(named, "sd:graph", graph)
        description.add(graph, "void:triples", triples)
        yield named


# --- the dataset ------------------------------------------------------------------------------


async def describe_dataset(exchange: Exchange) -> None:
    """Answer a request to ``/.well-known/void``."""
    offer, media_type = negotiate(exchange.header(b"accept"), _OFFERS)
    await _send(exchange, offer, media_type, await _void(exchange))


async def _void(exchange: Exchange) -> Description:
    description, service = Description(), exchange.service
    add, found = description.add, await service.counter.counts()
    root = exchange.url.removesuffix("/.well-known/void")
    dataset = NamedNode(f"{exchange.url}#dataset")
    document = NamedNode(exchange.url)
    add(document, "rdf:type", _name("void:DatasetDescription"))
    add(document, "dct:title", Literal("Description of the dataset", language="en"))
    add(document, "foaf:primaryTopic", dataset)
    add(dataset, "rdf:type", _name("void:Dataset"))
    for term in _about(service.snapshot.facts.get("dataset") or {}):
        add(dataset, *term)
    add(dataset, "void:sparqlEndpoint", NamedNode(f"{root}/sparql"))
    add(dataset, "void:uriSpace", Literal(service.names.base))
    add(dataset, "void:feature", *(_format(f.name) for f in GRAPH_FORMATS))
    add(dataset, "void:dataDump", NamedNode(f"{root}/dumps/latest/chiptrail.nq.gz"))
    add(dataset, "rdfs:seeAlso", NamedNode(f"{root}/dumps/"))
    add(dataset, "void:triples", found.triples)
    add(dataset, "void:distinctSubjects", found.subjects)
    add(dataset, "void:classes", _length(found.classes))
    add(dataset, "void:properties", _length(found.properties))
    _partitions(description, dataset, found)
    return description


def _about(info: Mapping[str, Any]) -> Iterator[tuple[str, Term]]:
    if "title" in info:
        yield "dct:title", Literal(str(info["title"]), language="en")
    if "description" in info:
        yield "dct:description", Literal(str(info["description"]), language="en")
    if str(info.get("licence", "")).startswith("http"):
        yield "dct:license", NamedNode(str(info["licence"]))
    if "as_of" in info:
        yield "dct:modified", Literal(str(info["as_of"]), datatype=NamedNode(f"{_XSD}date"))


def _partitions(description: Description, dataset: Node, found: Counts) -> None:
    add = description.add
    for iri, number in (found.classes or {}).items():
        part = description.blank()
        add(dataset, "void:classPartition", part)
        add(part, "void:class", NamedNode(iri))
        add(part, "void:entities", number)
    for iri, number in (found.properties or {}).items():
        part = description.blank()
        add(dataset, "void:propertyPartition", part)
        add(part, "void:property", NamedNode(iri))
        add(part, "void:triples", number)


def _length(found: Mapping[str, int] | None) -> int | None:
    return None if found is None else len(found)


async def _send(
    exchange: Exchange, offer: Offer, media_type: str, description: Description
) -> None:
    tag = etag(exchange.service.version, media_type)
    headers = answer_headers(content_type(media_type), tag)
    if (known := exchange.has(tag)) is not None:
        await exchange.whole(304, {**headers, "ETag": known})
    else:
        await exchange.whole(200, headers, description.write(offer.media_type))
