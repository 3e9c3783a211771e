"""IRIs: how names of the data become names on the web, and back.

The base is configurable (``CHIPTRAIL_BASE``); everything else follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pyoxigraph import NamedNode

DEFAULT_BASE = "https://w3id.org/chiptrail/"

EXTERNAL_PREFIXES = {
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
    "void": "http://rdfs.org/ns/void#",
}

# Prefix → path under the base. "ont#" is a hash namespace, the others are slash ones.
OWN_PATHS = {
    "ct": "ont#",
    "id": "id/",
    "c": "claim/",
    "src": "src/",
    "ev": "ev/",
    "rule": "rule/",
    "con": "con/",
    "unit": "unit/",
    "g": "graph/",
}


@dataclass(frozen=True)
class Namespaces:
    """The nine namespaces under one base, and the external ones that the data uses."""

    base: str = DEFAULT_BASE

    def __post_init__(self) -> None:
        if not self.base.endswith("/"):
            raise ValueError(f"the base IRI must end with '/': {self.base}")

    @cached_property
    def prefixes(self) -> dict[str, str]:
        own = {prefix: self.base + path for prefix, path in OWN_PATHS.items()}
        return own | EXTERNAL_PREFIXES

    @cached_property
    def sparql_prologue(self) -> str:
        return "".join(f"PREFIX {p}: <{iri}>\n" for p, iri in self.prefixes.items())

    def expand(self, curie: str) -> NamedNode:
        """``ct:Claim`` → its IRI. Raises KeyError for an unknown prefix."""
        prefix, _, local = curie.partition(":")
        return NamedNode(self.prefixes[prefix] + local)

    def shorten(self, iri: str) -> str:
        """The CURIE of ``iri`` under the longest matching namespace, or ``iri`` itself."""
        fits = [(ns, p) for p, ns in self.prefixes.items() if iri.startswith(ns)]
        if not fits:
            return iri
        namespace, prefix = max(fits, key=lambda fit: len(fit[0]))
        return f"{prefix}:{iri[len(namespace) :]}"

    def rebase(self, text: str) -> str:
        """Text written with the default base (ontology, shapes, queries), under this one."""
        return text if self.base == DEFAULT_BASE else text.replace(DEFAULT_BASE, self.base)
