"""The JSON-LD context: every property has a name in it, and nothing is lost on the way."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pyoxigraph
import pytest
from rdflib import OWL, RDF, URIRef

from tests.ontology.files import CT, ONTOLOGY, graph_of, turtle_files, vocabulary

CONTEXT = json.loads((ONTOLOGY / "context.jsonld").read_text("utf-8"))["@context"]
VALID = [str(path.relative_to(ONTOLOGY)) for path in turtle_files("examples/valid/*.ttl")]


@pytest.mark.parametrize("kind", [OWL.Class, OWL.ObjectProperty, OWL.DatatypeProperty])
def test_context_names_every_term(kind: URIRef) -> None:
    terms = {str(term) for term in vocabulary().subjects(RDF.type, kind)}
    names = {term.removeprefix(str(CT)) for term in terms if term.startswith(str(CT))}
    assert names
    for name in names:
        entry = CONTEXT[name]
        assert (entry if isinstance(entry, str) else entry["@id"]) == f"ct:{name}"


def test_no_name_for_a_term_that_is_not_declared() -> None:
    declared = {str(term).removeprefix(str(CT)) for term in vocabulary().subjects(RDF.type)}
    targets = [
        entry if isinstance(entry, str) else entry.get("@id") or entry["@reverse"]
        for entry in (value for value in CONTEXT.values() if isinstance(value, str | dict))
    ]
    ours = {target.removeprefix("ct:") for target in targets if target.startswith("ct:")}
    assert ours <= declared


@pytest.mark.parametrize("name", VALID)
def test_examples_survive_the_round_trip(name: str) -> None:
    graph = graph_of(name)
    text = graph.serialize(format="json-ld", context=CONTEXT, auto_compact=True)
    again = pyoxigraph.parse(text.encode(), pyoxigraph.RdfFormat.JSON_LD)
    assert canonical(again) == canonical(
        pyoxigraph.parse(graph.serialize(format="nt"), pyoxigraph.RdfFormat.N_TRIPLES)
    )


def canonical(quads: Iterable[pyoxigraph.Quad]) -> pyoxigraph.Dataset:
    dataset = pyoxigraph.Dataset(quads)
    dataset.canonicalize(pyoxigraph.CanonicalizationAlgorithm.UNSTABLE)
    return dataset


def test_properties_are_written_by_their_short_names() -> None:
    text = graph_of("examples/valid/claims.ttl").serialize(format="json-ld", context=CONTEXT)
    document = json.loads(text)
    claim = next(node for node in document["@graph"] if node["id"].endswith("c9-02"))
    assert claim["type"] == "Claim"
    assert claim["hedge"] == "con:reported"
    assert claim["statedEarliest"] == "2025-07-24"
