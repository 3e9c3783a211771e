"""Framed JSON-LD and Turtle against the triples that they were written from: the whole base, and
made-up graphs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from string import Template
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import (
    BaseDirection,
    BlankNode,
    DefaultGraph,
    Literal,
    NamedNode,
    Quad,
    RdfFormat,
    Store,
    Triple,
    parse,
)

from kg.build import canonical_version
from kg.compaction import Context, Turtle, canonical, context_text
from kg.errors import NotAcceptable
from kg.namespaces import Namespaces
from kg.resources import query
from kg.snapshots import require

NAMES = Namespaces()
CONTEXT, TURTLE = Context.of(NAMES), Turtle(NAMES)
PUBLISHED = json.loads(context_text(NAMES))["@context"]
THING = Template(query("documents/thing.rq"))


@pytest.fixture(scope="module")
def store(built_store: Path) -> Store:
    return Store.read_only(str(require(built_store).store))


def described(store: Store, thing: NamedNode) -> set[Triple]:
    text = NAMES.sparql_prologue + THING.substitute(items=str(thing))
    return {triple for triple in store.query(text) if isinstance(triple, Triple)}


def text_of(triples: Iterable[Triple]) -> str:
    return canonical(f"{triple} ." for triple in triples)


def framed(*said: tuple[str, set[Triple]]) -> str:
    """``said``: roots, each with its triples."""
    texts = [(root, text_of(triples)) for root, triples in said]
    document = json.loads(CONTEXT.frame(texts, "https://example.org/context.jsonld"))
    return json.dumps(document | {"@context": PUBLISHED})


def read(content: bytes | str, rdf_format: RdfFormat) -> set[Triple]:
    return {quad.triple for quad in parse(content, rdf_format)}


def test_the_documents_of_the_whole_base_say_the_same(store: Store) -> None:
    subjects = {q.subject for q in store.quads_for_pattern(None, None, None, DefaultGraph())}
    ours = {
        n.value for n in subjects if isinstance(n, NamedNode) and n.value.startswith(NAMES.base)
    }
    parts = {iri for iri in ours if "#" in iri and not iri.startswith(NAMES.prefixes["ct"])}
    missing = set(parts)
    for thing in sorted(iri for iri in ours if "#" not in iri):
        triples = described(store, NamedNode(thing))
        text = framed((thing, triples))
        assert read(text, RdfFormat.JSON_LD) == triples, thing
        assert read(TURTLE.write([text_of(triples)], [thing]), RdfFormat.TURTLE) == triples, thing
        assert json.loads(text)["id"] == CONTEXT.short(thing), "the thing is the root"
        missing -= {t.subject.value for t in triples if isinstance(t.subject, NamedNode)}
    assert len(parts) > 8000
    assert not missing, "what has a fragment stands in the document of the rest of its name"


def test_nothing_is_said_twice_but_labels(store: Store) -> None:
    chip = NamedNode(NAMES.prefixes["id"] + "nvidia-h20")
    written = list(_nodes(json.loads(framed((chip.value, described(store, chip))))))
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


LOCAL = ("a.", "-a", "a.b-c", "a%20b", "", "a/b(c)", "中", "ª", "a:b", "\u0300", "~'*", "a..b", ":")
"""What may stand after a prefix, or not as it is."""
NODES = st.sampled_from(
    [
        *(NamedNode(NAMES.prefixes["id"] + name) for name in ("a", "b", "a#1", "a#2", "//c")),
        *(NamedNode(NAMES.prefixes["id"] + name) for name in LOCAL),
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
NUMBERS = ("1", "-1", "+1.50", "1.", ".5", "1e3", "1.E+3", "true", "1 .", "")
LITERALS = (
    st.builds(Literal, st.text(max_size=5))
    | st.sampled_from(["\x01\x7f\x85\u2028\b\f\t\r\n\"\\'", "\n\n", '"^^', '"@en', " ."]).map(
        Literal
    )
    | st.builds(
        Literal,
        st.sampled_from(NUMBERS),
        datatype=st.sampled_from(["integer", "decimal", "double", "boolean", "string"]).map(
            lambda name: NAMES.expand(f"xsd:{name}")
        ),
    )
    | st.sampled_from(
        [
            Literal("2025-01-01", datatype=NAMES.expand("xsd:date")),
            Literal("2025-01-01", datatype=NamedNode("https://example.org/d")),
            Literal("中", language="zh"),
            Literal("5", language="zh-Hans"),
        ]
    )
)
GRAPHS = st.sets(st.builds(Triple, NODES, PREDICATES, NODES | LITERALS), max_size=14)


@given(GRAPHS, NODES)
@settings(deadline=None, max_examples=300)
def test_any_graph_is_read_back_as_it_was(triples: set[Triple], root: NamedNode) -> None:
    tree, turtle = framed((root.value, triples)), TURTLE.write([text_of(triples)], [root.value])
    assert _isomorphic(read(tree, RdfFormat.JSON_LD), triples)
    assert _isomorphic(read(turtle, RdfFormat.TURTLE), triples)


@given(GRAPHS, GRAPHS, NODES, NODES)
@settings(deadline=None, max_examples=100)
def test_texts_are_put_together(
    some: set[Triple], others: set[Triple], first: NamedNode, second: NamedNode
) -> None:
    roots = [first.value, second.value]
    parts, whole = [text_of(some), text_of(others)], [text_of(some | others)]
    assert TURTLE.write(parts, roots) == TURTLE.write(whole, roots), (
        "the same triples, the same bytes"
    )
    tree = framed(*zip(roots, [some, others], strict=True))
    assert _isomorphic(read(tree, RdfFormat.JSON_LD), some | others)


def test_what_only_turtle_has() -> None:
    subject, predicate = NamedNode("https://example.org/s"), NAMES.expand("rdfs:label")
    said = Triple(subject, predicate, Literal("a", language="ar", direction=BaseDirection.RTL))
    triples = {said, Triple(subject, NAMES.expand("dct:source"), said)}
    assert read(TURTLE.write([text_of(triples)]), RdfFormat.TURTLE) == triples
    with pytest.raises(NotAcceptable, match="triple terms"):
        CONTEXT.frame([(subject.value, text_of(triples))], "x")
    assert json.loads(framed((subject.value, {said})))["label"] == {
        "@value": "a",
        "@language": "ar",
        "@direction": "rtl",
    }


def test_turtle_is_for_people() -> None:
    chip, claim = NAMES.expand("id:a-b.c#1"), NAMES.expand("c:a")
    triples = [
        Triple(claim, NAMES.expand("dct:source"), chip),
        Triple(claim, NAMES.expand("ct:value"), Literal(1)),
        Triple(claim, NAMES.expand("ct:value"), Literal("2025-01-01", datatype=NAMES.expand("xsd:date"))),
        Triple(claim, NAMES.expand("rdf:type"), NAMES.expand("ct:Claim")),
        Triple(chip, NAMES.expand("rdfs:label"), Literal("a chip", language="en")),
    ]  # fmt: skip
    text = TURTLE.write([text_of(triples)], [chip.value]).decode()
    assert text.startswith("@prefix ct: <https://w3id.org/chiptrail/ont#> .\n")
    assert text.endswith(
        """
id:a-b.c\\#1 rdfs:label "a chip"@en .

c:a a ct:Claim ;
    dct:source id:a-b.c\\#1 ;
    ct:value 1 , "2025-01-01"^^xsd:date .
"""
    )


def _isomorphic(*graphs: set[Triple]) -> bool:
    first, second = (canonical_version(Quad(*triple) for triple in graph) for graph in graphs)
    return first == second
