"""Service description (the W3C's three tests, and what it must hold) and VoID."""

from __future__ import annotations

import httpx
import pytest
from pyoxigraph import Literal, NamedNode, RdfFormat, Store

from .conftest import update

SD = "http://www.w3.org/ns/sparql-service-description#"
FORMATS = "http://www.w3.org/ns/formats/"
VOID = "http://rdfs.org/ns/void#"
PREFIXES = f"PREFIX sd: <{SD}> PREFIX void: <{VOID}> "


def graph_of(response: httpx.Response, media_type: str = "text/turtle") -> Store:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith(media_type)
    store = Store()
    store.load(response.content, RdfFormat.from_media_type(media_type))
    return store


def objects(store: Store, query: str) -> set[object]:
    return {solution[0] for solution in store.query(PREFIXES + query)}


def test_returns_rdf(http: httpx.Client) -> None:
    assert len(graph_of(http.get("/sparql"))) > 0


def test_has_endpoint_triple(http: httpx.Client) -> None:
    described = graph_of(http.get("/sparql"))
    endpoint = NamedNode(f"{str(http.base_url).rstrip('/')}/sparql")
    assert endpoint in objects(described, "SELECT ?e { ?s a sd:Service ; sd:endpoint ?e }")


def test_conforms_to_schema(http: httpx.Client) -> None:
    """Every node is of the class that the property before it asks for."""
    update(http, "INSERT DATA { GRAPH <http://e/g> { <http://e/s> <http://e/p> 1 } }")
    described = graph_of(http.get("/sparql"))
    ranges = {
        "defaultDataset": "Dataset",
        "defaultGraph": "Graph",
        "namedGraph": "NamedGraph",
        "graph": "Graph",
        "availableGraphs": "GraphCollection",
    }
    for name, cls in ranges.items():
        assert objects(described, f"SELECT ?o {{ ?s sd:{name} ?o }}"), name
        strays = f"SELECT ?o {{ ?s sd:{name} ?o FILTER NOT EXISTS {{ ?o a sd:{cls} }} }}"
        assert not objects(described, strays), name
    for name in ("endpoint", "defaultDataset"):
        several = f"SELECT ?s {{ ?s sd:{name} ?o }} GROUP BY ?s HAVING(COUNT(*) != 1)"
        assert not objects(described, several)


def test_it_tells_languages_formats_entailment_and_graphs(http: httpx.Client) -> None:
    update(http, "INSERT DATA { <a:s> <a:p> 1 GRAPH <http://e/g> { <a:s> <a:p> 1, 2 } }")
    described = graph_of(http.get("/sparql"))
    languages = objects(described, "SELECT ?o { ?s sd:supportedLanguage ?o }")
    names = ("SPARQL11Query", "SPARQL11Update", "SPARQLQuery", "SPARQLUpdate")
    assert languages == {NamedNode(f"{SD}{name}") for name in names}
    versions = objects(described, "SELECT ?o { ?s sd:supportedVersion ?o }")
    assert NamedNode("http://www.w3.org/ns/sparql#version-1.2") in versions
    formats = objects(described, "SELECT ?o { ?s sd:resultFormat ?o }")
    for name in ("SPARQL_Results_JSON", "SPARQL_Results_CSV", "Turtle", "JSON-LD", "N-Quads"):
        assert NamedNode(f"{FORMATS}{name}") in formats
    features = objects(described, "SELECT ?o { ?s sd:feature ?o }")
    assert NamedNode(f"{SD}BasicFederatedQuery") not in features
    regime = objects(described, "SELECT ?o { ?s sd:defaultEntailmentRegime ?o }")
    assert regime == {NamedNode("http://www.w3.org/ns/entailment/Simple")}
    graphs = "SELECT ?n { ?g sd:name <http://e/g> ; sd:graph/void:triples ?n }"
    assert objects(described, graphs) == {Literal(2)}
    assert objects(described, "SELECT ?n { ?d sd:defaultGraph/void:triples ?n }") == {Literal(1)}


@pytest.mark.parametrize(
    "media_type",
    ["text/turtle", "application/n-triples", "application/rdf+xml", "application/ld+json"],
)
@pytest.mark.parametrize("path", ["/sparql", "/.well-known/void"])
def test_any_graph_format_will_do(http: httpx.Client, path: str, media_type: str) -> None:
    response = http.get(path, headers={"Accept": media_type})
    assert len(graph_of(response, media_type)) > 5
    assert "Accept" in response.headers["vary"]


def test_a_browser_gets_the_workbench(http: httpx.Client) -> None:
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    response = http.get("/sparql", headers={"Accept": browser})
    assert response.headers["content-type"].startswith("text/html")


def test_void_counts_what_there_is(http: httpx.Client) -> None:
    update(http, "INSERT DATA { <a:s> a <a:C> ; <a:p> 1, 2 . <a:t> a <a:C> }")
    described = graph_of(http.get("/.well-known/void"))
    assert objects(described, "SELECT ?n { ?d a void:Dataset ; void:triples ?n }") == {Literal(4)}
    subjects = "SELECT ?n { ?d void:distinctSubjects ?n }"
    assert objects(described, subjects) == {Literal(2)}
    members = "SELECT ?n { ?p void:class <a:C> ; void:entities ?n }"
    assert objects(described, members) == {Literal(2)}
    used = "SELECT ?n { ?p void:property <a:p> ; void:triples ?n }"
    assert objects(described, used) == {Literal(2)}


def test_descriptions_follow_the_data(http: httpx.Client) -> None:
    before = http.get("/.well-known/void")
    same = http.get("/.well-known/void", headers={"If-None-Match": before.headers["etag"]})
    assert same.status_code == 304
    update(http, "INSERT DATA { <a:s> <a:p> <a:o> }")
    after = http.get("/.well-known/void", headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200


def test_openapi_describes_the_protocols(http: httpx.Client) -> None:
    paths = http.get("/openapi.json").json()["paths"]
    for path in ("/sparql", "/update", "/data", "/.well-known/void"):
        described = {method.upper() for method in paths[path]}
        allowed = set(http.options(path).headers["allow"].split(", "))
        assert described == allowed - {"HEAD", "OPTIONS"}
