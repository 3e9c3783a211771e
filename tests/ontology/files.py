"""Where the ontology's files are, and their triples."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from rdflib import Graph, Namespace

ROOT = Path(__file__).resolve().parents[2]
ONTOLOGY = ROOT / "ontology"
CT = Namespace("https://w3id.org/chiptrail/ont#")
CON = Namespace("https://w3id.org/chiptrail/con/")
UNIT = Namespace("https://w3id.org/chiptrail/unit/")
SHAPE = Namespace("https://w3id.org/chiptrail/shapes#")

PREFIXES = {
    "ct": str(CT),
    "con": str(CON),
    "unit": str(UNIT),
    "shape": str(SHAPE),
    "id": "https://w3id.org/chiptrail/id/",
    "c": "https://w3id.org/chiptrail/claim/",
    "src": "https://w3id.org/chiptrail/src/",
    "ev": "https://w3id.org/chiptrail/ev/",
    "rule": "https://w3id.org/chiptrail/rule/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "prov": "http://www.w3.org/ns/prov#",
    "oa": "http://www.w3.org/ns/oa#",
    "org": "http://www.w3.org/ns/org#",
    "dct": "http://purl.org/dc/terms/",
    "schema": "https://schema.org/",
    "eli": "http://data.europa.eu/eli/ontology#",
    "qudt": "http://qudt.org/schema/qudt/",
    "sh": "http://www.w3.org/ns/shacl#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "vann": "http://purl.org/vocab/vann/",
    "vs": "http://www.w3.org/2003/06/sw-vocab-status/ns#",
}


def turtle_files(pattern: str = "**/*.ttl") -> list[Path]:
    return sorted(ONTOLOGY.glob(pattern))


@cache
def graph_of(*patterns: str) -> Graph:
    """The triples of all files under ontology/ that match; do not change it."""
    graph = Graph()
    for pattern in patterns:
        for path in turtle_files(pattern):
            graph.parse(path, format="turtle")
    return graph


VOCABULARY = ("chiptrail.ttl", "imports/*.ttl", "modules/*.ttl", "concepts/*.ttl")
OWN_TERMS = ("modules/*.ttl",)


def vocabulary() -> Graph:
    """What the build loads as graph/ontology, but for the alignments."""
    return graph_of(*VOCABULARY)
