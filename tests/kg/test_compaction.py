"""Framed JSON-LD against the triples it was written from: the whole base, and made-up graphs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, RdfFormat, Store, Triple, parse
from rdflib import Graph
from rdflib.compare import isomorphic

from kg.compaction import Context, context_text
from kg.namespaces import Namespaces
from kg.resources import query
from kg.snapshots import require

NAMES = Namespaces()
CONTEXT = Context.of(NAMES)
PUBLISHED = json.loads(context_text(NAMES))["@context"]
THING = Template(query("documents/thing.rq"))


@pytest.fixture(scope="module")
def store(built_store: Path) -> Store:
    return Store.read_only(str(require(built_store).store))


def described(store: Store, thing: NamedNode) -> set[Triple]:
    text = NAMES.sparql_prologue + THING.substitute(items=str(thing))
    return {triple for triple in store.query(text) if isinstance(triple, Triple)}


def framed(triples: set[Triple], roots: list[str]) -> str:
    document = CONTEXT.frame(triples, "https://example.org/context.jsonld", roots)
    return json.dumps(document | {"@context": PUBLISHED})


def test_the_documents_of_the_whole_base_say_the_same_as_trees(store: Store) -> None:
    subjects = {q.subject for q in store.quads_for_pattern(None, None, None, DefaultGraph())}
    ours = {
        n.value for n in subjects if isinstance(n, NamedNode) and n.value.startswith(NAMES.base)
    }
    parts = {iri for iri in ours if "#" in iri and not iri.startswith(NAMES.prefixes["ct"])}
    missing = set(parts)
    for thing in sorted(iri for iri in ours if "#" not in iri):
        triples = described(store, NamedNode(thing))
        text = framed(triples, [thing])
        assert {quad.triple for quad in parse(text.encode(), RdfFormat.JSON_LD)} == triples, thing
        assert json.loads(text)["id"] == CONTEXT.short(thing), "the thing is the root"
        missing -= {t.subject.value for t in triples if isinstance(t.subject, NamedNode)}
    assert len(parts) > 8000
    assert not missing, "what has a fragment stands in the document of the rest of its name"


def test_nothing_is_said_twice_but_labels(store: Store) -> None:
    chip = NamedNode(NAMES.prefixes["id"] + "nvidia-h20")
    written = list(_nodes(json.loads(framed(described(store, chip), [chip.value]))))
    whole = [node["id"] for node in written if "type" in node]
    assert len(whole) == len(set(whole))


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "id" in value:
            yield value
        value = [inner for key, inner in value.items() if key != "@context"]
    if isinstance(value, list):
        for inner in value:
            yield from _nodes(inner)


NODES = st.sampled_from(
    [
        *(NamedNode(NAMES.prefixes["id"] + name) for name in ("a", "b", "a#1", "a#2", "//c")),
        *(NamedNode(iri) for iri in ("https://example.org/x", "urn:isbn:1", "mailto:a@b.c")),
        BlankNode("one"),
        BlankNode("two"),
    ]
)
PREDICATES = st.sampled_from(
    [
        *(NAMES.expand(f"ct:{name}") for name in ("of", "subject", "metric", "value", "unknown")),
        *(NAMES.expand(name) for name in ("rdf:type", "rdfs:label", "dct:source", "schema:url")),
        NamedNode("https://example.org/p"),
    ]
)
LITERALS = st.builds(Literal, st.text(max_size=5)) | st.sampled_from(
    [
        Literal("1.5", datatype=NAMES.expand("xsd:decimal")),
        Literal("2025-01-01", datatype=NAMES.expand("xsd:date")),
        Literal("中", language="zh"),
    ]
)
GRAPHS = st.sets(st.builds(Triple, NODES, PREDICATES, NODES | LITERALS), max_size=14)


@given(GRAPHS, st.lists(NODES, max_size=2))
@settings(deadline=None, max_examples=300)
def test_any_graph_is_read_back_as_it_was(triples: set[Triple], roots: list[NamedNode]) -> None:
    text = framed(triples, [root.value for root in roots if isinstance(root, NamedNode)])
    assert _isomorphic({quad.triple for quad in parse(text.encode(), RdfFormat.JSON_LD)}, triples)


def _isomorphic(one: set[Triple], other: set[Triple]) -> bool:
    graphs = [Graph().parse(data="\n".join(f"{t} ." for t in s), format="nt") for s in (one, other)]
    return isomorphic(*graphs)
