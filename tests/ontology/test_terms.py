"""The vocabulary: hygiene, house style, no misspelt or unused term."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pyoxigraph
import pytest
from rdflib import (
    DCTERMS,
    ORG,
    OWL,
    PROV,
    RDF,
    RDFS,
    SDO,
    SH,
    SKOS,
    VANN,
    XSD,
    Graph,
    Literal,
    URIRef,
)
from rdflib.namespace import DefinedNamespace

from tests.ontology.engines import rust
from tests.ontology.files import (
    CON,
    CT,
    ONTOLOGY,
    PREFIXES,
    ROOT,
    UNIT,
    VOCABULARY,
    graph_of,
    turtle_files,
    vocabulary,
)

LOADED = (*VOCABULARY, "alignments/*.ttl")
QUERIES = sorted(ONTOLOGY.glob("hygiene/*.rq"))
CLOSED: list[type[DefinedNamespace]] = [
    DCTERMS, ORG, OWL, PROV, RDF, RDFS, SDO, SH, SKOS, VANN, XSD,
]  # fmt: skip


@cache
def store() -> pyoxigraph.Store:
    """Every file of the ontology, for the hygiene queries."""
    loaded = pyoxigraph.Store()
    for pattern in LOADED:
        for path in turtle_files(pattern):
            loaded.load(path.read_bytes(), pyoxigraph.RdfFormat.TURTLE)
    return loaded


def faults(query: str, data: pyoxigraph.Store) -> list[str]:
    rows = data.query(query)
    assert isinstance(rows, pyoxigraph.QuerySolutions)
    return [" ".join(str(value) for value in row) for row in rows]


def iris(*patterns: str) -> set[URIRef]:
    return {term for row in graph_of(*patterns) for term in row if isinstance(term, URIRef)}


def properties() -> set[URIRef]:
    kinds = (OWL.ObjectProperty, OWL.DatatypeProperty)
    found = {term for kind in kinds for term in vocabulary().subjects(RDF.type, kind)}
    return {URIRef(str(term)) for term in found if str(term).startswith(str(CT))}


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_hygiene(path: Path) -> None:
    query = path.read_text("utf-8")
    rule = query.splitlines()[0]
    assert rule.startswith("# ")
    assert faults(query, store()) == [], rule


FAULTY = """
@prefix ct: <https://w3id.org/chiptrail/ont#> . @prefix con: <https://w3id.org/chiptrail/con/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix schema: <https://schema.org/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix vs: <http://www.w3.org/2003/06/sw-vocab-status/ns#> .
ct:A a owl:Class ; rdfs:label "thing"@en ; rdfs:isDefinedBy ct:m ; rdfs:subClassOf ct:B , ct:C ;
    skos:definition "thing of sorts"@en ; vs:term_status "deprecated" .
ct:B a owl:Class , owl:ObjectProperty ; rdfs:label "thing"@en ; rdfs:isDefinedBy ct:m ;
    rdfs:subClassOf ct:A , ct:C ; skos:definition "thing of sorts"@en .
ct:C a owl:Class ; rdfs:label "two  blanks" .
ct:D a owl:Class ; rdfs:subClassOf ct:A ; skos:definition "something else"@en .
ct:p a owl:ObjectProperty , ct:StateProperty , ct:FactProperty ; rdfs:domain ct:A , ct:B ;
    schema:domainIncludes ct:C .
ct:StateProperty rdfs:subClassOf ct:ClaimableProperty .
ct:FactProperty rdfs:subClassOf ct:ClaimableProperty .
con:scheme-metrics a skos:ConceptScheme .
con:scheme-empty a skos:ConceptScheme .
con:peak-x skos:inScheme con:scheme-metrics ; skos:prefLabel "x"@en .
con:peak-y skos:inScheme con:scheme-metrics ; skos:prefLabel "x"@en .
"""


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_hygiene_query_finds_its_fault(path: Path) -> None:
    faulty = pyoxigraph.Store()
    faulty.load(FAULTY.encode(), pyoxigraph.RdfFormat.TURTLE)
    assert faults(path.read_text("utf-8"), faulty)


def test_house_style() -> None:
    own = graph_of("chiptrail.ttl", "modules/*.ttl", "concepts/*.ttl", "alignments/*.ttl")
    assert rust(graph_of("shapes/style/*.ttl"), own) == set()


def test_house_style_finds_faults() -> None:
    term = URIRef(CT + "mayAffect")
    bad = Graph().add((term, RDF.type, OWL.ObjectProperty))
    bad.add((term, SKOS.definition, Literal("The thing.", lang="en")))
    messages = {message for *_, message in rust(graph_of("shapes/style/*.ttl"), bad)}
    assert "A property has a name in lowerCamelCase, without modality." in messages
    assert "A definition begins with its genus, without an article." not in messages
    assert "A term has exactly one label, in English, without needless blanks." in messages


def _misspelt(terms: set[URIRef]) -> Iterator[str]:
    for namespace in CLOSED:
        start = str(namespace)
        inside = {term for term in terms if str(term).startswith(start) and str(term) != start}
        yield from (str(term) for term in sorted(inside) if term not in namespace)


def test_no_misspelt_term_of_a_standard() -> None:
    assert list(_misspelt(iris(*LOADED, "shapes/**/*.ttl", "examples/**/*.ttl"))) == []


def test_misspelling_is_found() -> None:
    assert list(_misspelt({SKOS.Concept + "s", SH.path}))


def test_external_terms_are_declared() -> None:
    """Every term used of another vocabulary is in imports/external.ttl."""
    built_in = tuple(str(namespace) for namespace in (RDF, RDFS, OWL, XSD, SH))
    ours = str(CT).removesuffix("ont#")
    external = {
        prefix: namespace
        for prefix, namespace in PREFIXES.items()
        if not namespace.startswith((*built_in, ours))
    }
    declared = set(graph_of("imports/*.ttl").subjects(RDF.type))
    used = {
        term
        for term in iris(*LOADED, "shapes/*.ttl", "examples/**/*.ttl")
        if str(term).startswith(tuple(external.values())) and str(term) not in external.values()
    }
    assert used - declared == set()


@pytest.mark.parametrize("pattern", ["shapes/*.ttl", "examples/valid/*.ttl"])
def test_own_terms_are_declared(pattern: str) -> None:
    declared = set(vocabulary().subjects(RDF.type))
    ours = (str(CT), str(CON), str(UNIT))
    used = {term for term in iris(pattern) if str(term).startswith(ours)} - {URIRef(str(CT))}
    assert used - declared == set()


def test_every_property_is_used() -> None:
    """In a valid example, a shape, a concept, or a claim of the knowledge base."""
    claims = "\n".join(
        path.read_text("utf-8") for path in (ROOT / "examples/claims").glob("*.yaml")
    )
    claimed = {
        URIRef(CT + name) for name in re.findall(r"^\s*property: (\w+)", claims, re.MULTILINE)
    }
    exercised = {
        *graph_of("examples/valid/*.ttl", "concepts/*.ttl").predicates(),
        *graph_of("shapes/*.ttl").objects(None, SH.path),
    }
    assert sorted(properties() - exercised - claimed) == []


def test_every_class_has_an_example() -> None:
    graph = vocabulary()
    classes = {term for term in graph.subjects(RDF.type, OWL.Class) if str(term).startswith(CT)}
    parents = set(graph.objects(None, RDFS.subClassOf))
    used = set(graph_of("examples/valid/*.ttl").objects(None, RDF.type))
    kinds = set(graph.transitive_subjects(RDFS.subClassOf, CT.ClaimableProperty))
    assert classes - parents - used - kinds == set()


def test_data_model_names_only_declared_terms() -> None:
    text = (ROOT / "docs/data-model.md").read_text("utf-8")
    declared = set(vocabulary().subjects(RDF.type))
    for prefix, namespace in (("ct", CT), ("con", CON)):
        names = re.findall(rf"\b{prefix}:([A-Za-z][\w-]*\w)", text)
        assert [n for n in sorted(set(names)) if URIRef(namespace + n) not in declared] == []
