"""The files themselves: one text form, complete headers, imports that lead somewhere."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
from rdflib import DCTERMS, OWL, RDF, RDFS, Graph, URIRef

from tests.ontology.canonical import expected_texts
from tests.ontology.files import CT, ONTOLOGY, graph_of, turtle_files

VERSION = "0.1.0"
HEADED = ("chiptrail.ttl", "modules/*.ttl", "concepts/*.ttl", "imports/*.ttl", "alignments/*.ttl")
TEXTS = {name: (text, should) for name, text, should in expected_texts()}


def headers() -> list[tuple[Graph, URIRef, str]]:
    """(triples, ontology IRI, path) of each file that is an ontology of its own."""
    paths = [path for pattern in HEADED for path in turtle_files(pattern)]
    found = []
    for path in paths:
        graph = Graph().parse(path)
        (ontology,) = graph.subjects(RDF.type, OWL.Ontology)
        found.append((graph, URIRef(str(ontology)), str(path.relative_to(ONTOLOGY))))
    return found


@pytest.mark.parametrize("name", TEXTS)
def test_text_is_canonical(name: str) -> None:
    text, should = TEXTS[name]
    assert text == should, "run: python -m tests.ontology.canonical --write"


def test_catalogue_names_every_file() -> None:
    entries = ElementTree.parse(ONTOLOGY / "catalog-v001.xml").getroot()
    listed = {(entry.attrib["name"], entry.attrib["uri"]) for entry in entries}
    assert listed == {(str(ontology), path) for _, ontology, path in headers()}


def test_imports_are_files_of_ours() -> None:
    known = {ontology for _, ontology, _ in headers()}
    imported = {target for graph, _, _ in headers() for target in graph.objects(None, OWL.imports)}
    assert imported <= known


def test_imports_have_no_cycle() -> None:
    graph = graph_of(*HEADED)
    for _, ontology, path in headers():
        for target in graph.objects(ontology, OWL.imports):
            assert ontology not in set(graph.transitive_objects(target, OWL.imports)), path


def test_one_version_everywhere() -> None:
    for graph, ontology, path in headers():
        base, _, part = str(ontology).partition("/ont")
        assert str(graph.value(ontology, OWL.versionInfo)) == VERSION, path
        assert str(graph.value(ontology, OWL.versionIRI)) == f"{base}/ont/{VERSION}{part}", path
        assert graph.value(ontology, DCTERMS.license), path


def test_terms_belong_to_the_file_that_declares_them() -> None:
    for graph, ontology, path in headers():
        for term in set(graph.subjects(RDF.type)):
            module = graph.value(term, RDFS.isDefinedBy)
            if str(term).startswith(str(CT)) and module is not None:
                assert module == ontology, f"{term} in {path}"


def test_modules_use_only_what_they_import() -> None:
    """A module alone, with its imports, declares every term of ours that its axioms name."""
    by_iri = {ontology: graph for graph, ontology, _ in headers()}
    everything = graph_of(*HEADED)
    for graph, ontology, path in headers():
        closure = set(everything.transitive_objects(ontology, OWL.imports))
        declared = {term for part in closure for term in by_iri[URIRef(str(part))].subjects()}
        terms = {term for triple in graph for term in triple if isinstance(term, URIRef)}
        used = {term for term in terms if str(term).startswith(str(CT))}
        assert used <= declared, f"{path}: {sorted(used - declared)}"
