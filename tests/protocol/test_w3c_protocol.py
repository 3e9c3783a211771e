"""The W3C's 34 tests of the SPARQL 1.1 Protocol, under their names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import httpx
import pytest

from .conftest import ask, update

FORM, QUERY, UPDATE = (
    "application/x-www-form-urlencoded",
    "application/sparql-query",
    "application/sparql-update",
)
DATA = "http://kasei.us/2009/09/sparql/data/data"
D0, D1, D2, D3 = (f"{DATA}{n}.rdf" for n in range(4))
FOAF, DC = "http://xmlns.com/foaf/0.1/", "http://purl.org/dc/terms/"
ADDRESSES = "http://example/addresses"
MADE = "http://example.org/made"

_DOCUMENTS = "\n".join(f"GRAPH <{d}> {{ <{d}> a <{FOAF}Document> }}" for d in (D1, D2, D3))
_BOTH = f"ASK {{ <{D1}> a ?type . <{D2}> a ?type . }}"
_NAMED = f"GRAPH ?g1 {{ <{D1}> a ?type }} GRAPH ?g2 {{ <{D2}> a ?type }}"
_MAKE = f"INSERT {{ GRAPH <{MADE}> {{ ?s a <{DC}BibliographicResource> }} }} WHERE "
_IS = f"a <{DC}BibliographicResource>"

Format = Literal["boolean", "tabular", "RDF"]


@dataclass(frozen=True)
class Case:
    """One request to ``/sparql`` and what it is answered with."""

    name: str
    status: range = range(200, 400)
    method: str = "POST"
    path: str = "/sparql"
    parameters: tuple[tuple[str, str], ...] = ()
    media_type: str | None = QUERY
    body: str | bytes | None = None
    answer: bool | None = None
    format: Format | None = None


def _dataset(*graphs: str, named: tuple[str, ...] = ()) -> tuple[tuple[str, str], ...]:
    default = tuple(("default-graph-uri", graph) for graph in graphs)
    return default + tuple(("named-graph-uri", graph) for graph in named)


REFUSED = range(400, 500)
CASES = [
    Case(
        "query_post_form",
        parameters=_dataset(D0),
        media_type=FORM,
        body="query=ASK%20%7B%7D",
        answer=True,
    ),
    Case(
        "query_dataset_default_graphs_get",
        method="GET",
        media_type=None,
        answer=True,
        parameters=(("query", _BOTH), *_dataset(D1, D2)),
    ),
    Case("query_dataset_default_graphs_post", parameters=_dataset(D1, D2), body=_BOTH, answer=True),
    Case(
        "query_dataset_named_graphs_post",
        parameters=_dataset(named=(D1, D2)),
        answer=True,
        body=f"ASK {{ {_NAMED} }}",
    ),
    Case(
        "query_dataset_named_graphs_get",
        method="GET",
        media_type=None,
        answer=True,
        parameters=(("query", f"ASK {{ {_NAMED} }}"), *_dataset(named=(D1, D2))),
    ),
    Case(
        "query_dataset_full",
        parameters=_dataset(D3, named=(D1, D2)),
        answer=True,
        body=f"ASK {{ <{D3}> a ?type {_NAMED} }}",
    ),
    Case(
        "query_multiple_dataset",
        parameters=_dataset(named=(D1, D2)),
        answer=True,
        body=f"ASK FROM <{D3}> {{ {_NAMED} FILTER NOT EXISTS {{ <{D3}> a ?type }} }}",
    ),
    Case(
        "query_get",
        method="GET",
        media_type=None,
        answer=True,
        parameters=(("query", "ASK {}"), *_dataset(D0)),
    ),
    Case(
        "query_content_type_select",
        parameters=_dataset(D0),
        format="tabular",
        body="SELECT (1 AS ?value) {}",
    ),
    Case("query_content_type_ask", parameters=_dataset(D0), body="ASK {}", format="boolean"),
    Case(
        "query_content_type_describe",
        parameters=_dataset(D0),
        format="RDF",
        body="DESCRIBE <http://example.org/>",
    ),
    Case(
        "query_content_type_construct",
        parameters=_dataset(D0),
        format="RDF",
        body="CONSTRUCT { <s> <p> 1 } WHERE {}",
    ),
    Case("query_post_direct", body="ASK {}", answer=True),
    Case("update_post_form", path="/update", media_type=FORM, body="update=CLEAR+ALL"),
    Case("update_post_direct", path="/update", media_type=UPDATE, body="CLEAR ALL"),
    Case(
        "bad_query_method",
        REFUSED,
        method="PUT",
        media_type=FORM,
        parameters=(("query", "ASK {}"), *_dataset(D0)),
    ),
    Case(
        "bad_multiple_queries",
        REFUSED,
        method="GET",
        media_type=None,
        parameters=(("query", "ASK {}"), ("query", "SELECT * {}")),
    ),
    Case("bad_query_wrong_media_type", REFUSED, media_type="text/plain", body="ASK {}"),
    Case("bad_query_missing_form_type", REFUSED, media_type=None, body="query=ASK%20%7B%7D"),
    Case("bad_query_missing_direct_type", REFUSED, media_type=None, body="ASK {}"),
    Case(
        "bad_query_non_utf8",
        REFUSED,
        media_type=f"{QUERY}; charset=UTF-16",
        body="ASK {}".encode("utf-16"),
    ),
    Case(
        "bad_query_syntax", REFUSED, method="GET", media_type=None, parameters=(("query", "ASK {"),)
    ),
    Case(
        "bad_update_get",
        REFUSED,
        method="GET",
        media_type=None,
        parameters=(("update", "CLEAR ALL"),),
    ),
    Case(
        "bad_multiple_updates",
        REFUSED,
        path="/update",
        media_type=FORM,
        body="update=CLEAR%20NAMED&update=CLEAR%20DEFAULT",
    ),
    Case(
        "bad_update_wrong_media_type",
        REFUSED,
        path="/update",
        media_type="text/plain",
        body="CLEAR NAMED",
    ),
    Case(
        "bad_update_missing_form_type",
        REFUSED,
        path="/update",
        media_type=None,
        body="update=CLEAR%20NAMED",
    ),
    Case(
        "bad_update_non_utf8",
        REFUSED,
        path="/update",
        media_type=f"{UPDATE}; charset=UTF-16",
        body="CLEAR NAMED".encode("utf-16"),
    ),
    Case("bad_update_syntax", REFUSED, path="/update", media_type=FORM, body="update=CLEAR%20XYZ"),
    Case(
        "bad_update_dataset_conflict",
        REFUSED,
        path="/update",
        media_type=UPDATE,
        parameters=(("using-named-graph-uri", "http://example/people"),),
        body=f"WITH <{ADDRESSES}> DELETE {{ ?p <{FOAF}givenName> 'Bill' }} "
        f"INSERT {{ ?p <{FOAF}givenName> 'William' }} "
        f"WHERE {{ ?p <{FOAF}givenName> 'Bill' }}",
    ),
]
MEDIA_TYPES: dict[Format, tuple[str, ...]] = {
    "boolean": ("application/sparql-results+json", "application/sparql-results+xml"),
    "tabular": (
        "application/sparql-results+json",
        "application/sparql-results+xml",
        "text/csv",
        "text/tab-separated-values",
    ),
    "RDF": ("text/turtle", "application/n-triples", "application/rdf+xml"),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_protocol(http: httpx.Client, case: Case) -> None:
    update(http, f"INSERT DATA {{ {_DOCUMENTS} }}")
    headers = {"Content-Type": case.media_type} if case.media_type else {}
    parameters = list(case.parameters)
    response = http.request(
        case.method, case.path, params=parameters, content=case.body, headers=headers
    )
    assert response.status_code in case.status, response.text
    if case.answer is not None:
        assert response.json()["boolean"] is case.answer
    if case.format is not None:
        assert response.headers["content-type"].partition(";")[0] in MEDIA_TYPES[case.format]
    if case.status is REFUSED:
        assert response.headers["content-type"] == "application/problem+json"
        assert ask(http, f"ASK {{ GRAPH <{D1}> {{ ?s ?p ?o }} }}"), "a refused request did harm"


@dataclass(frozen=True)
class Change:
    """An update with its dataset, and what holds afterwards (each is one ASK)."""

    name: str
    text: str
    parameters: tuple[tuple[str, str], ...] = ()
    holds: tuple[str, ...] = ()
    holds_not: tuple[str, ...] = field(default=())


def _made(*graphs: str) -> tuple[str, ...]:
    return tuple(f"<{graph}> {_IS}" for graph in graphs)


CHANGES = [
    Change(
        "update_dataset_default_graph",
        _MAKE + f"{{ ?s a <{FOAF}Document> }}",
        (("using-graph-uri", D1),),
        _made(D1),
        _made(D2, D3),
    ),
    Change(
        "update_dataset_default_graphs",
        _MAKE + f"{{ ?s a <{FOAF}Document> }}",
        (("using-graph-uri", D1), ("using-graph-uri", D2)),
        _made(D1, D2),
        _made(D3),
    ),
    Change(
        "update_dataset_named_graphs",
        _MAKE + f"{{ GRAPH ?g {{ ?s a <{FOAF}Document> }} }}",
        (("using-named-graph-uri", D1), ("using-named-graph-uri", D2)),
        _made(D1, D2),
        _made(D3),
    ),
    Change(
        "update_dataset_full",
        f"INSERT {{ GRAPH <{MADE}> {{ ?s <http://example.org/in> ?in }} }} WHERE {{"
        f" {{ GRAPH ?g {{ ?s a <{FOAF}Document> }} BIND(?g AS ?in) }} UNION"
        f" {{ ?s a <{FOAF}Document> BIND('default' AS ?in) }} }}",
        (("using-graph-uri", D1), ("using-named-graph-uri", D2)),
        (f"<{D1}> <http://example.org/in> 'default'", f"<{D2}> <http://example.org/in> <{D2}>"),
        (f"<{D3}> ?p ?o", f"<{D2}> ?p 'default'"),
    ),
    Change(
        "update_base_uri",
        f"INSERT DATA {{ GRAPH <{MADE}> {{ <http://example.org/s> <http://example.org/p> <test> }} }}",
        holds=("?s ?p ?o FILTER(isIRI(?o) && STR(?o) != 'test')",),
    ),
]


@pytest.mark.parametrize("case", CHANGES, ids=lambda case: case.name)
def test_update_dataset(http: httpx.Client, case: Change) -> None:
    update(http, f"INSERT DATA {{ {_DOCUMENTS} }}")
    response = http.post(
        "/update",
        params=list(case.parameters),
        content=case.text,
        headers={"Content-Type": UPDATE},
    )
    assert response.is_success, response.text
    for pattern in case.holds:
        assert ask(http, f"ASK {{ GRAPH <{MADE}> {{ {pattern} }} }}"), pattern
    for pattern in case.holds_not:
        assert not ask(http, f"ASK {{ GRAPH <{MADE}> {{ {pattern} }} }}"), pattern


def test_all_of_them_are_here() -> None:
    assert len({case.name for case in [*CASES, *CHANGES]}) == 34
