"""Where the ontology's files are, and their triples."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from rdflib import Graph, Namespace

from kg.namespaces import Namespaces

ROOT = Path(__file__).resolve().parents[2]
ONTOLOGY = ROOT / "ontology"
CT = Namespace("https://w3id.org/chiptrail/ont#")
CON = Namespace("https://w3id.org/chiptrail/con/")
UNIT = Namespace("https://w3id.org/chiptrail/unit/")
SHAPE = Namespace("https://w3id.org/chiptrail/shapes#")

PREFIXES = {
    **{prefix: iri for prefix, iri in Namespaces().prefixes.items() if prefix not in ("g", "void")},
    "shape": str(SHAPE),
    "vann": "http://purl.org/vocab/vann/",
    "vs": "http://www.w3.org/2003/06/sw-vocab-status/ns#",
}
"""What the ontology's files may abbreviate: of the data's prefixes those that it uses, and more."""


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
