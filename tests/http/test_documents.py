"""Dereferencing over real HTTP: things answer 303, documents come in every format."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from pyoxigraph import RdfFormat, parse
from rdflib import Graph, URIRef
from rdflib.compare import isomorphic

from tests.conftest import Serve, chiptrail

BASE = "https://w3id.org/chiptrail/"

THINGS = [
    "/id/nvidia-h20",
    "/claim/c0-17",
    "/src/china-ai-chip-repair-boom",
    "/ev/E01",
    "/rule/us-3a090a-2023",
    "/con/reported",
    "/unit/chip",
    "/graph/current",
]

FORMATS = {
    "ttl": RdfFormat.TURTLE,
    "nt": RdfFormat.N_TRIPLES,
    "rdf": RdfFormat.RDF_XML,
    "jsonld": RdfFormat.JSON_LD,
}


@pytest.mark.parametrize("path", THINGS)
@pytest.mark.parametrize(
    ("accept", "suffix"),
    [
        ("text/turtle", "ttl"),
        ("application/ld+json", "jsonld"),
        ("application/n-triples", "nt"),
        ("application/rdf+xml", "rdf"),
        ("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "html"),
        ("application/json", "json"),
        ("*/*", "ttl"),
    ],
)
def test_a_thing_leads_to_the_document_of_the_wanted_type(
    client: httpx.Client, path: str, accept: str, suffix: str
) -> None:
    response = client.get(path, headers={"Accept": accept})
    assert response.status_code == 303
    assert response.headers["location"] == f"{path}.{suffix}"
    assert "Accept" in response.headers["vary"]


@pytest.mark.parametrize("path", THINGS)
def test_every_rdf_document_says_the_same(client: httpx.Client, path: str) -> None:
    documents = [
        set(parse(_self_contained(client, f"{path}.{suffix}"), rdf_format))
        for suffix, rdf_format in FORMATS.items()
    ]
    assert documents[0]
    assert all(document == documents[0] for document in documents)


def _self_contained(client: httpx.Client, path: str) -> bytes:
    """The document, with the context in it where it only names it."""
    content = client.get(path).content
    context = client.get("/context.jsonld").text.strip().removeprefix("{").removesuffix("}")
    named = f'"@context": "{client.base_url.join("/context.jsonld")}"'
    return content.replace(named.encode(), context.strip().encode())


# rdflib's JSON-LD parser uses a class of its own that rdflib warns of.
rdflib_json_ld = pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning")


@rdflib_json_ld
@pytest.mark.parametrize("path", [thing for thing in THINGS if not thing.startswith("/graph/")])
def test_json_ld_is_read_back_by_another_library(client: httpx.Client, path: str) -> None:
    """rdflib fetches the context from the server that the document came from."""
    address = str(client.base_url.join(path))
    compacted = Graph().parse(f"{address}.jsonld", format="json-ld")
    plain = Graph().parse(f"{address}.nt", format="nt")
    assert len(plain) > 0
    assert isomorphic(compacted, plain)


def test_json_ld_is_a_tree_with_short_names(client: httpx.Client) -> None:
    claim = client.get("/claim/c0-17.jsonld").json()
    assert claim["@context"] == str(client.base_url.join("/context.jsonld"))
    assert (claim["id"], claim["type"]) == ("c:c0-17", "Claim")
    assert (claim["hedge"]["id"], claim["hedge"]["label"]["@value"]) == ("con:reported", "reported")
    assert claim["paraphrase"]["@language"] == "en"
    assert claim["statedEarliest"] == "2025-07-24"
    assert (claim["quantity"]["id"], claim["quantity"]["bound"]) == ("c:c0-17-q", "at_most")
    assert [step["role"]["id"] for step in claim["attribution"]] == [
        "con:originator",
        "con:publisher",
    ]
    assert claim["span"]["hasSelector"]["start"] == "1632"
    (assessment,) = claim["assessments"]
    assert assessment["verdict"]["label"]["@value"] == "refuted"
    assert "assesses" not in assessment, "said by the nesting"


def test_a_chip_in_json_ld_holds_its_figures_its_status_and_the_claims_about_it(
    client: httpx.Client,
) -> None:
    chip = client.get("/id/nvidia-h20.jsonld").json()
    figures = {figure["id"]: figure for figure in chip["measurements"]}
    derived = figures["entity:nvidia-h20#tpp"]
    assert derived["wasDerivedFrom"] == "entity:nvidia-h20#peak-fp16-matrix"
    assert derived["wasDerivedFrom"] in figures
    assert any(s["requirement"]["id"] == "con:licence-required" for s in chip["statuses"])
    claims = {claim["id"]: claim for claim in chip["claimsAsSubject"]}
    assert claims["c:c1-25"]["hedge"]["label"]["@value"]
    assert claims["c:c1-25"]["rank"]["id"].startswith("con:")


@rdflib_json_ld
def test_context_and_documents_follow_the_base(tmp_path: Path, serve: Serve) -> None:
    base = "https://example.org/kg/"
    other = tmp_path / "elsewhere"
    assert chiptrail("build", "--store", other, CHIPTRAIL_BASE=base).returncode == 0
    server = serve(other, CHIPTRAIL_BASE=base)
    graph = Graph().parse(f"{server}/claim/c0-17.jsonld", format="json-ld")
    assert URIRef(f"{base}claim/c0-17") in set(graph.subjects())
    assert not any(BASE in term for triple in graph for term in triple)


def test_turtle_is_written_for_people_too(client: httpx.Client) -> None:
    text = client.get("/claim/c0-17.ttl").text
    assert "@prefix ct: <https://w3id.org/chiptrail/ont#>" in text
    subjects = re.findall(r"^(\S+) (?!<http)", text, re.MULTILINE)
    blocks = [subject for subject in subjects if subject not in ("@prefix", "")]
    assert blocks[0] == "c:c0-17"
    assert len(blocks) == len(set(blocks)), "one block a subject"


def test_a_page_shows_statements_and_what_links_here(client: httpx.Client) -> None:
    page = client.get("/claim/c0-17.html")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for text in ("Bloomberg", "reported", "refuted", "What links to it", f"{BASE}claim/c0-17"):
        assert text in page.text


def test_a_document_links_to_its_twins(client: httpx.Client) -> None:
    link = client.get("/id/nvidia-h20.ttl").headers["link"]
    assert '</id/nvidia-h20>; rel="describes"' in link
    assert '</id/nvidia-h20.jsonld>; rel="alternate"; type="application/ld+json"' in link


def test_another_name_of_a_thing_leads_to_it(client: httpx.Client) -> None:
    response = client.get("/id/biren")
    assert (response.status_code, response.headers["location"]) == (308, "/id/biren-technology")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/id/nobody", 404),
        ("/id/nobody.ttl", 404),
        ("/id/nvidia-h20.docx", 404),
        ("/id/%22%3E", 400),
        ("/id/caf%C3%A9", 404),
        ("/unit/chip.json", 404),
    ],
)
def test_what_is_not_there(client: httpx.Client, path: str, status: int) -> None:
    response = client.get(path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


def test_a_type_that_there_is_not(client: httpx.Client) -> None:
    response = client.get("/id/nvidia-h20", headers={"Accept": "image/png"})
    assert response.status_code == 406
    assert "text/turtle" in response.json()["offered"]


def test_an_unchanged_document_is_not_sent_again(client: httpx.Client) -> None:
    tag = client.get("/id/nvidia-h20.ttl").headers["etag"]
    again = client.get("/id/nvidia-h20.ttl", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_head_says_what_get_would(client: httpx.Client) -> None:
    response = client.head("/id/nvidia-h20", headers={"Accept": "text/turtle"})
    assert (response.status_code, response.headers["location"]) == (303, "/id/nvidia-h20.ttl")


@pytest.mark.parametrize(
    ("path", "media_type"),
    [("/context.jsonld", "application/ld+json"), ("/shapes", "text/turtle")],
)
def test_context_and_shapes(client: httpx.Client, path: str, media_type: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith(media_type)


def test_the_ontology_in_html_and_rdf(client: httpx.Client) -> None:
    page = client.get("/ont", headers={"Accept": "text/html"}).text
    assert 'id="Claim"' in page
    turtle = client.get("/ont", headers={"Accept": "text/turtle"})
    subjects = {q.subject.value for q in parse(turtle.content, RdfFormat.TURTLE)}
    assert f"{BASE}ont#Claim" in subjects


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/sparql", "/openapi.json", "/static/chiptrail.css"]
)
def test_pages_that_lead_nowhere_else(client: httpx.Client, path: str) -> None:
    response = client.get(path, headers={"Accept": "text/html"})
    assert response.status_code == 200
    for source in ("src=", "@import", "url("):
        assert f"{source}http" not in response.text
        assert f'{source}"http' not in response.text
