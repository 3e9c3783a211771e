"""What the engine's serialisers leave wrong, on the way out."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from typing import IO, cast

import pyoxigraph as ox
import pytest

from kg.serving.output import Csv, Refusal, Sink, Xml

IRI_WITH_COMMA = ox.NamedNode("http://e/doc#char=1,20")
NODE, PROPERTY = ox.NamedNode("http://e/s"), ox.NamedNode("http://e/p")
TEXTS = [
    "",
    "a",
    " a ",
    "a,b",
    'a"b',
    "a\\nb",
    "a\nb",
    "a\rb",
    "a\r\nb\t",
    "<a>&amp;",
    "é中😀",
    '"',
    "\\",
]


class Memory(Sink):
    """Keeps what is written."""

    def __init__(self) -> None:
        self.content = b""

    def write(self, data: bytes) -> int:
        self.content += data
        return len(data)


class Drip(Sink):
    """Passes every byte on alone."""

    def __init__(self, to: Sink) -> None:
        self._to = to

    def write(self, data: bytes) -> int:
        for code in data:
            self._to.write(bytes([code]))
        return len(data)


def store(*objects: ox.NamedNode | ox.Literal | ox.BlankNode | ox.Triple) -> ox.Store:
    made = ox.Store()
    for i, term in enumerate(objects):
        made.add(ox.Quad(ox.NamedNode(f"http://e/{i:02}"), PROPERTY, term))
    return made


def solutions(
    made: ox.Store, query: str = "SELECT ?s ?o { ?s ?p ?o } ORDER BY ?s"
) -> ox.QuerySolutions:
    return cast("ox.QuerySolutions", made.query(query))


def as_csv(results: ox.QuerySolutions, drip: bool = False) -> str:
    memory = Memory()
    file: IO[bytes] = (Drip(Csv(memory)) if drip else Csv(memory)).file
    results.serialize(file, ox.QueryResultsFormat.TSV)
    return memory.content.decode()


@pytest.mark.parametrize("drip", [False, True])
def test_csv_reads_back(drip: bool) -> None:
    made = store(IRI_WITH_COMMA, *map(ox.Literal, TEXTS), ox.Literal("x", language="en"))
    text = as_csv(solutions(made), drip)
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert header == ["s", "o"]
    assert [value for _, value in rows] == [IRI_WITH_COMMA.value, *TEXTS, "x"]
    assert text.endswith("\r\n")


def test_csv_is_what_the_engine_writes_but_for_commas_in_iris() -> None:
    made = store(
        *map(ox.Literal, [*TEXTS, 1, -2.5, True]),
        ox.Literal("x", language="ar", direction=ox.BaseDirection.RTL),
        ox.Literal("2025-01-01", datatype=ox.NamedNode("http://www.w3.org/2001/XMLSchema#date")),
        ox.BlankNode("b"),
        NODE,
    )
    for query in (
        "SELECT ?s ?o { ?s ?p ?o } ORDER BY ?s",
        "SELECT ?none ?o { ?s ?p ?o } ORDER BY ?s",
        "SELECT * { FILTER(false) ?s ?p ?o }",
        "SELECT * {}",
    ):
        own = solutions(made, query).serialize(format=ox.QueryResultsFormat.CSV)
        assert own is not None
        assert as_csv(solutions(made, query)) == own.decode()


def test_long_csv_is_what_the_engine_writes() -> None:
    """Past its first piece there is a shorter way; what needs the longer comes in between."""
    texts = ["", "plain", "@en", "@en-GB", "^^<x", "<a>", "a>", "<", "x@en", "a b", *TEXTS]
    made = ox.Store()
    made.extend(
        ox.Quad(
            ox.NamedNode(f"http://e/{i:05}?q=1"),
            PROPERTY,
            ox.Literal(texts[i // 500], language="en" if i % 3 else None),
        )
        for i in range(500 * len(texts))
    )
    query = "SELECT ?s ?o ?none { ?s ?p ?o } ORDER BY ?s"
    own = solutions(made, query).serialize(format=ox.QueryResultsFormat.CSV)
    assert own is not None
    assert as_csv(solutions(made, query)) == own.decode()


def test_triple_terms_in_csv() -> None:
    made = store(
        ox.Triple(NODE, PROPERTY, NODE),
        ox.Triple(IRI_WITH_COMMA, PROPERTY, ox.Literal('say "a"', language="en")),
    )
    assert as_csv(solutions(made, "SELECT ?o { ?s ?p ?o } ORDER BY ?s")) == (
        "o\r\n<<( http://e/s http://e/p http://e/s )>>\r\n"
        f'"<<( {IRI_WITH_COMMA.value} http://e/p ""say """"a"""""" )>>"\r\n'
    )


@pytest.mark.parametrize("drip", [False, True])
def test_xml_keeps_carriage_returns(drip: bool) -> None:
    memory = Memory()
    file = (Drip(Xml(memory)) if drip else Xml(memory)).file
    solutions(store(*map(ox.Literal, TEXTS))).serialize(file, ox.QueryResultsFormat.XML)
    found = ET.fromstring(memory.content).iter("{http://www.w3.org/2005/sparql-results#}literal")
    assert [element.text or "" for element in found] == TEXTS


@pytest.mark.parametrize("drip", [False, True])
@pytest.mark.parametrize("character", ["\x01", "\b", "\x0b", "\x1f", "\ufffe", "\uffff"])
def test_characters_that_xml_cannot_have_are_refused(character: str, drip: bool) -> None:
    file = (Drip(Xml(Memory())) if drip else Xml(Memory())).file
    with pytest.raises(Refusal, match="characters"):
        solutions(store(ox.Literal(f"a{character}b"))).serialize(file, ox.QueryResultsFormat.XML)


@pytest.mark.parametrize("drip", [False, True])
@pytest.mark.parametrize("iri", ["http://e/", "http://e/1", "urn:x:1"])
def test_properties_that_rdf_xml_cannot_name_are_refused(iri: str, drip: bool) -> None:
    file = (Drip(Xml(Memory())) if drip else Xml(Memory())).file
    with pytest.raises(Refusal, match="property"):
        ox.serialize([ox.Triple(NODE, ox.NamedNode(iri), NODE)], file, ox.RdfFormat.RDF_XML)
