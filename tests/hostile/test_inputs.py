"""Queries and documents that are made to hurt."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from ..empty_server import writer
from ..processes import linux_only
from .conftest import Witness

pytestmark = linux_only

TEN = "{ 0 1 2 3 4 5 6 7 8 9 }"
RUNAWAY = (
    "SELECT (COUNT(*) AS ?n) { " + " ".join(f"VALUES ?{v} {TEN}" for v in "abcdefghijkl") + " }"
)
HOG = (
    "SELECT (COUNT(DISTINCT ?t) AS ?n) { "
    + " ".join(f"VALUES ?{v} {TEN}" for v in "abcdef")
    + f" BIND(CONCAT('{'x' * 2000}', STR(?a), STR(?b), STR(?c), STR(?d), STR(?e), STR(?f)) AS ?t) }}"
)

QUERIES = {
    "groups": "ASK " + "{" * 3000 + "}" * 3000,
    "exists": "ASK { " + "FILTER EXISTS { " * 1000 + "}" * 1000 + " }",
    "subselects": "SELECT * { " + "{ SELECT * { " * 1500 + "} }" * 1500 + " }",
    "parentheses": "ASK { FILTER(" + "(" * 5000 + "1" + ")" * 5000 + ") }",
    "unions": "ASK { {}" + " UNION {}" * 7000 + " }",
    "triple terms": "ASK { ?s ?p " + "<<( ?s ?p " * 6000 + "?o" + " )>>" * 6000 + " }",
    "path": "ASK { ?s " + "/".join(["<a:p>"] * 1000) + " ?o }",
    "blank nodes": "ASK { " + "[ <a:p> " * 200 + "1" + " ]" * 200 + " <a:q> 1 }",
    "lists": "ASK { " + "( " * 200 + "1" + " )" * 200 + " <a:q> 1 }",
    "patterns": "ASK { " + " ".join(f"?s{i} <a:p> ?s{i + 1} ." for i in range(400)) + " }",
    "optionals": "ASK { " + "OPTIONAL { ?s ?p ?o } " * 1000 + " }",
    "path alternatives": "ASK { ?s (" + "|".join(["<a:p>"] * 5000) + ")* ?o }",
    "comment": "ASK {} #" + "x" * 2_000_000,
    "unclosed string": "ASK { ?s ?p '''" + "x" * 500_000,
    "quotes": "ASK { ?s ?p " + "'" * 500_000,
}
ALSO_FINE = {
    "nots": "ASK { FILTER(" + "!" * 10_000 + "true) }",
    "ands": "ASK { FILTER(true" + " && true" * 10_000 + ") }",
    "values": "SELECT (COUNT(?x) AS ?n) { VALUES ?x { " + "1 " * 8_000 + "} }",
    "in": "ASK { FILTER(1 IN (" + ", ".join("2" for _ in range(4_000)) + ")) }",
}
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9))
    + ']><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="a:s"><rdf:value>&j;</rdf:value></rdf:Description></rdf:RDF>'
)
XML = "application/rdf+xml"
DOCUMENTS = {
    "laughs": (XML, LAUGHS),
    "laughs in UTF-16": (XML, LAUGHS.encode("utf-16")),
    "external entity": (XML, '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><r>&a;</r>'),
    "nested XML": (XML, "<a>" * 40_000 + "</a>" * 40_000),
    "nested JSON": ("application/ld+json", '{"a:p":' * 4000 + "1" + "}" * 4000),
    "nested arrays": ("application/ld+json", "[" * 60_000 + "]" * 60_000),
    "remote context": ("application/ld+json", '{"@context": "http://127.0.0.1:9/c", "@id": "a:s"}'),
    "nested triple terms": (
        "text/turtle",
        "<a:s> <a:p> " + "<<( <a:s> <a:p> " * 6000 + "<a:o>" + " )>>" * 6000 + " .",
    ),
    "nested blank nodes": ("text/turtle", "[ <a:p> " * 50_000 + "1" + " ]" * 50_000 + " ."),
    "unclosed literal": ("text/turtle", "<a:s> <a:p> '" + "x" * 1_000_000),
    "too long": ("text/turtle", "<a:s> <a:p> '" + "x" * (5 << 20) + "' ."),
}


@pytest.fixture
def http(server: str) -> httpx.Client:
    with writer(server) as client:
        yield client


def ask(http: httpx.Client, text: str) -> httpx.Response:
    headers = {"Content-Type": "application/sparql-query"}
    return http.post("/sparql", content=text.encode(), headers=headers)


@pytest.mark.parametrize("name", QUERIES)
def test_a_deadly_query_is_refused(http: httpx.Client, witness: Witness, name: str) -> None:
    response = ask(http, QUERIES[name])
    assert response.status_code in (400, 413, 503), response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert len(response.content) < 5000


@pytest.mark.parametrize("name", ALSO_FINE)
def test_what_is_only_large_is_answered(http: httpx.Client, witness: Witness, name: str) -> None:
    assert ask(http, ALSO_FINE[name]).status_code == 200


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_deadly_document_is_refused(http: httpx.Client, witness: Witness, name: str) -> None:
    media_type, body = DOCUMENTS[name]
    headers = {"Content-Type": media_type}
    response = http.put("/data?graph=a:g", content=body, headers=headers)
    assert response.status_code in (400, 403, 413), response.text
    assert len(response.content) < 5000
    assert http.get("/data?graph=a:g").status_code == 404


def test_a_huge_literal_is_only_data(http: httpx.Client, witness: Witness) -> None:
    body = "<a:s> <a:p> '" + "x" * (3 << 20) + "' ."
    headers = {"Content-Type": "text/turtle"}
    assert http.put("/data?graph=a:g", content=body, headers=headers).status_code == 201
    assert len(http.get("/data?graph=a:g").content) > 3 << 20
    assert http.delete("/data?graph=a:g").status_code == 204


def test_runaways_in_a_row(http: httpx.Client, witness: Witness) -> None:
    """Twelve at once; each is ended and told why, and the witness is answered throughout."""
    with ThreadPoolExecutor(12) as threads:
        queries = [f"{RUNAWAY} # {number}" for number in range(12)]
        problems = [response.json() for response in threads.map(lambda q: ask(http, q), queries)]
    assert {problem["status"] for problem in problems} == {503}
    assert {problem["limit"] for problem in problems} == {"query_timeout"}


def test_a_memory_hog_is_ended(http: httpx.Client, witness: Witness) -> None:
    response = ask(http, HOG)
    assert (response.status_code, response.json()["limit"]) == (503, "query_memory")


def test_a_runaway_update_is_ended_and_leaves_nothing(http: httpx.Client, witness: Witness) -> None:
    """A query in an update may take no longer than an update may; here the data is at stake."""
    values = " ".join(f"VALUES ?{v} {TEN}" for v in "abcdefgh")
    text = f"INSERT DATA {{ <a:half> <a:p> 1 }} ; INSERT {{ <a:half> <a:p> ?t }} WHERE {{ {values} BIND(UUID() AS ?t) }}"
    headers = {"Content-Type": "application/sparql-update"}
    response = http.post("/update", content=text, headers=headers)
    assert response.status_code == 503, response.text
    assert response.json()["limit"] in ("update_memory", "update_timeout")
    assert ask(http, "ASK { <a:half> ?p ?o }").json()["boolean"] is False
