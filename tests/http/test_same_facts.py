"""One set of facts by every route: SPARQL, each collection, each form of it, each filter."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from pyoxigraph import DefaultGraph, Quad, RdfFormat, Store, parse

from kg.catalogue import COLLECTIONS
from kg.snapshots import require

PREFIXES = (
    "PREFIX ct: <https://w3id.org/chiptrail/ont#> PREFIX con: <https://w3id.org/chiptrail/con/> "
    "PREFIX id: <https://w3id.org/chiptrail/id/> "
    "PREFIX skos: <http://www.w3.org/2004/02/skos/core#> "
    "PREFIX dct: <http://purl.org/dc/terms/> "
)

LINKS = [
    ("firms", "country", "?item a ?class ; ct:country ?value VALUES ?class { ct:Company ct:GovernmentBody }"),
    ("firms", "role", "?item a ?class ; ct:businessRole ?value VALUES ?class { ct:Company ct:GovernmentBody }"),
    ("policies", "requirement", "?item a ct:Rule ; ct:requirement ?value"),
    ("policies", "jurisdiction", "?item a ?class ; ct:jurisdiction ?value VALUES ?class { ct:Rule ct:Instrument }"),
    ("sources", "reliability", "?item ct:reliability ?value"),
    ("concepts", "scheme", "?item a skos:Concept ; skos:inScheme ?value"),
    ("claims", "originator", "?item ct:attribution ?step . ?step ct:role con:originator ; ct:agent ?value"),
    ("claims", "verdict", "?assessment ct:assesses ?item ; ct:verdict ?value"),
    ("chips", "market", "?claim ct:property ct:designedForMarket ; ct:subject ?item ; ct:object ?value"),
    ("chips", "maker", "?item ct:manufacturer ?value"),
    (
        "chips",
        "requirement_cn",
        "?status ct:chip ?item ; ct:destination id:china ; ct:requirement ?value ; ct:validFrom ?from"
        " FILTER(?from <= ?today && !EXISTS { ?status ct:validTo ?to FILTER(?to < ?today) })"
        " { SELECT ?today { ?dataset ct:asOf ?today } }",
    ),
]  # fmt: skip
"""Collection, field, and what its values are in the graph."""


@pytest.mark.parametrize(("collection", "field", "pattern"), LINKS)
def test_what_a_field_counts_is_what_sparql_counts(
    client: httpx.Client, collection: str, field: str, pattern: str
) -> None:
    query = f"SELECT ?value (COUNT(DISTINCT ?item) AS ?n) {{ {pattern} }} GROUP BY ?value"
    rows = client.get("/sparql", params={"query": PREFIXES + query}).json()["results"]["bindings"]
    counted = {_slug(row["value"]["value"]): int(row["n"]["value"]) for row in rows}
    facets = client.get(f"/api/{collection}?limit=1&facets={field}").json()["facets"][field]
    assert {facet["value"]: facet["count"] for facet in facets} == counted != {}
    for value, count in list(counted.items())[:3]:
        assert client.get(f"/api/{collection}?limit=1&{field}={value}").json()["count"] == count


def _slug(iri: str) -> str:
    return iri.rpartition("/")[2]


def everything(client: httpx.Client, collection: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    path = f"/api/{collection}?limit=500"
    while path:
        body = client.get(path).json()
        found += body["items"]
        path = body["next"]
    return found


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_every_form_of_a_collection_lists_the_same(client: httpx.Client, collection: str) -> None:
    documents = everything(client, collection)
    text = client.get(f"/api/{collection}.csv?limit=all").text
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["id"] for row in rows] == [document["id"] for document in documents]
    assert [row["iri"] for row in rows] == [document["iri"] for document in documents]
    assert len(documents) == client.get("/api/stats").json()["collections"][collection]


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_a_list_in_rdf_says_nothing_that_the_graph_does_not(
    client: httpx.Client, built_store: Path, collection: str
) -> None:
    store = Store.read_only(str(require(built_store).store))
    response = client.get(f"/api/{collection}.ttl?limit=25")
    triples = {quad.triple for quad in parse(response.content, RdfFormat.TURTLE)}
    assert triples
    assert all(Quad(*triple, DefaultGraph()) in store for triple in triples)
    document = client.get(f"/api/{collection}.jsonld?limit=25").text
    context = client.get("/context.jsonld").text.strip().removeprefix("{").removesuffix("}")
    named = f'"@context": "{client.base_url.join("/context.jsonld")}"'
    again = parse(document.replace(named, context.strip()).encode(), RdfFormat.JSON_LD)
    assert {quad.triple for quad in again} == triples


INJECTIONS = [
    "' OR 1=1 --",
    '"; DROP TABLE entry; --',
    "x') UNION SELECT sql, 1, 1 FROM sqlite_master --",
    "> . } UNION { ?s ?p ?o } #",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "$items",
    "%00",
    "\x00\u202e",
    "../../etc/passwd",
]


@pytest.mark.parametrize("text", INJECTIONS)
def test_injections_find_nothing_and_break_nothing(client: httpx.Client, text: str) -> None:
    escaped = quote(text, safe="")
    for path in (f"/id/{escaped}", f"/claim/{escaped}.json", f"/ont/{escaped}", f"/api/{escaped}"):
        response = client.get(path, headers={"Accept": "text/html"})
        assert response.status_code in (400, 404, 406), path
        assert "<script" not in response.text or "json" in response.headers["content-type"]
    for name in ("about", "requirement_cn", "tpp_min", "sort", "facets", "cursor", "known_at"):
        response = client.get("/api/chips", params={name: text})
        assert response.status_code in (200, 400), name
        assert response.status_code == 400 or response.json()["count"] == 0, name
    for path in ("/api/claims.csv", "/api/claims.ttl", "/api/search.csv", "/api/search.jsonld"):
        name = "q" if "search" in path else "originator"
        response = client.get(path, params={name: text})
        assert response.status_code == 200, path
        assert "sqlite" not in response.text
        assert path != "/api/claims.csv" or response.text.count("\r\n") == 1, "only the columns"
    assert client.get("/api/chips?fields=" + escaped).json()["items"][0].keys() == {"id"}
    assert client.get("/api/claims?originator=bloomberg").json()["count"] == 3
