"""The formats that answers come in: one table for the command line, files and HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pyoxigraph import QueryResultsFormat, RdfFormat

Kind = Literal["results", "graph", "dataset"]


@dataclass(frozen=True)
class Format:
    """``kind``: SELECT and ASK results, a graph, or a dataset with named graphs."""

    name: str
    media_type: str
    extension: str
    kind: Kind
    also: tuple[str, ...] = ()
    """Other media types that ask for the same format."""

    @property
    def rdf(self) -> RdfFormat:
        """Raises ValueError for a results format."""
        found = RdfFormat.from_media_type(self.media_type)
        if found is None or self.kind == "results":
            raise ValueError(f"{self.name} does not carry RDF")
        return found

    @property
    def results(self) -> QueryResultsFormat:
        """Raises ValueError for an RDF format."""
        found = QueryResultsFormat.from_media_type(self.media_type)
        if found is None or self.kind != "results":
            raise ValueError(f"{self.name} does not carry query results")
        return found


RESULT_FORMATS = (
    Format("json", "application/sparql-results+json", "json", "results", ("application/json",)),
    Format(
        "xml", "application/sparql-results+xml", "xml", "results", ("application/xml", "text/xml")
    ),
    Format("csv", "text/csv", "csv", "results"),
    Format("tsv", "text/tab-separated-values", "tsv", "results"),
)
GRAPH_FORMATS = (
    Format("ttl", "text/turtle", "ttl", "graph", ("application/x-turtle",)),
    Format("nt", "application/n-triples", "nt", "graph", ("text/plain",)),
    Format("rdf", "application/rdf+xml", "rdf", "graph", ("application/xml", "text/xml")),
    Format("jsonld", "application/ld+json", "jsonld", "graph", ("application/json",)),
)
DATASET_FORMATS = (
    Format("trig", "application/trig", "trig", "dataset"),
    Format("nq", "application/n-quads", "nq", "dataset"),
)
RDF_FORMATS = GRAPH_FORMATS + DATASET_FORMATS


def by_name(name: str) -> Format | None:
    """The RDF or results format called ``name``; RDF/XML is ``rdf``, SPARQL XML is ``xml``."""
    return next((f for f in RESULT_FORMATS + RDF_FORMATS if f.name == name), None)


def by_extension(extension: str) -> Format | None:
    """The RDF format of files with this extension (without the dot)."""
    return next((f for f in RDF_FORMATS if f.extension == extension.lower()), None)
