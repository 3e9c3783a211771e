"""Consistency: the ontology with its valid examples is, each inconsistent example is not."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import owlready2
import pytest
import rustdl
from rdflib import OWL, RDF, XSD, Graph, Literal, URIRef
from rdflib.collection import Collection
from rdflib.term import Node

from tests.ontology.files import CT, ONTOLOGY, graph_of, turtle_files

AXIOMS = ("modules/*.ttl", "imports/*.ttl", "concepts/*.ttl", "alignments/*.ttl")
INCONSISTENT = turtle_files("examples/inconsistent/*.ttl")
KINDS = (CT.FactProperty, CT.InterpretiveProperty, CT.StateProperty)
UNREAD = {"DataPropertyAssertion: unsupported data range"}
"""What rustdl passes over: values of type xsd:date and xsd:dateTime in the examples."""

Triple = tuple[Node, Node, Node]
needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="HermiT and Pellet need java")


def for_reasoners(*patterns: str) -> Graph:
    """The triples of the files in a form that all three reasoners read alike.

    A property named as an individual gets a name of its own, which is how OWL 2 reads it anyway
    (owlready2 stumbles on such puns); owl:AllDisjointClasses becomes pairs (rustdl passes over it
    in silence); imports are left out, since all files are here.
    """
    source, graph = graph_of(*patterns), Graph()
    for triple in source:
        if triple[1] != OWL.imports:
            graph.add(_without_pun(triple))
    for axiom in source.subjects(RDF.type, OWL.AllDisjointClasses):
        members = source.value(axiom, OWL.members)
        assert members is not None
        for one, two in combinations(Collection(source, members), 2):
            graph.add((one, OWL.disjointWith, two))
    return graph


def _without_pun(triple: Triple) -> Triple:
    subject, predicate, value = triple
    if predicate == RDF.type and value in KINDS:
        return URIRef(f"{subject}-as-individual"), predicate, value
    if predicate == CT.property:
        return subject, predicate, URIRef(f"{value}-as-individual")
    return triple


def rdf_xml(graph: Graph, directory: Path) -> str:
    path = directory / "ontology.rdf"
    graph.serialize(path, format="xml")
    return str(path)


def test_rustdl_reads_all_axioms(tmp_path: Path) -> None:
    path = rdf_xml(for_reasoners(*AXIOMS), tmp_path)
    assert rustdl.dropped_axioms(path) == {}
    assert rustdl.is_consistent(path)


def test_no_class_is_empty_by_definition(tmp_path: Path) -> None:
    result = rustdl.classify(rdf_xml(for_reasoners(*AXIOMS), tmp_path))
    assert result.complete
    assert result.unsatisfiable == []


def test_rustdl_finds_the_valid_examples_consistent(tmp_path: Path) -> None:
    path = rdf_xml(for_reasoners(*AXIOMS, "examples/valid/*.ttl"), tmp_path)
    assert set(rustdl.dropped_axioms(path)) <= UNREAD
    assert rustdl.is_consistent(path)


@pytest.mark.parametrize("example", INCONSISTENT, ids=lambda path: path.stem)
def test_rustdl_finds_the_inconsistency(example: Path, tmp_path: Path) -> None:
    name = str(example.relative_to(ONTOLOGY))
    assert not rustdl.is_consistent(rdf_xml(for_reasoners(*AXIOMS, name), tmp_path))


def test_kinds_of_property_are_entailed_claimable(tmp_path: Path) -> None:
    """Must follow, and must not follow, from the one disjoint union of the ontology."""
    result = rustdl.classify(rdf_xml(for_reasoners(*AXIOMS), tmp_path))
    for kind in KINDS:
        assert result.is_subclass(str(kind), str(CT.ClaimableProperty))
        assert not result.is_subclass(str(CT.ClaimableProperty), str(kind))


def _dates_as_times(graph: Graph) -> Iterator[Triple]:
    """HermiT knows no xsd:date: the datatype is not in OWL 2's map."""
    for subject, predicate, value in graph:
        if isinstance(value, Literal) and value.datatype == XSD.date:
            value = Literal(f"{value}T00:00:00Z", datatype=XSD.dateTime)
        yield subject, predicate, value


def unsatisfiable(graph: Graph, reasoner: Callable[..., None]) -> list[str]:
    """The classes that can have no member. Raises if the ontology is inconsistent."""
    plain = Graph()
    for triple in _dates_as_times(graph):
        plain.add(triple)
    world = owlready2.World()
    text = plain.serialize(format="nt", encoding="utf-8")
    ontology = world.get_ontology("http://example.org/reasoned/").load(fileobj=io.BytesIO(text))
    with ontology:
        reasoner(world, debug=0)
    return [str(term.iri) for term in world.inconsistent_classes() if term.name != "Nothing"]


REASONERS = [owlready2.sync_reasoner_hermit, owlready2.sync_reasoner_pellet]


@needs_java
@pytest.mark.parametrize("reasoner", REASONERS)
def test_java_reasoners_find_the_valid_examples_consistent(reasoner: Callable[..., None]) -> None:
    assert unsatisfiable(for_reasoners(*AXIOMS, "examples/valid/*.ttl"), reasoner) == []


@needs_java
@pytest.mark.parametrize("reasoner", REASONERS)
def test_java_reasoners_find_an_inconsistency(reasoner: Callable[..., None]) -> None:
    graph = for_reasoners(*AXIOMS, "examples/inconsistent/measured-firm.ttl")
    with pytest.raises(owlready2.OwlReadyInconsistentOntologyError):
        unsatisfiable(graph, reasoner)
