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
def test_context_and_documents_follow_the_base(
    small_base: Path, tmp_path: Path, serve: Serve
) -> None:
    base = "https://example.org/kg/"
    other = tmp_path / "elsewhere"
    build = ("build", "--examples", small_base, "--store", other)
    assert chiptrail(*build, CHIPTRAIL_BASE=base).returncode == 0
    server = serve(other, CHIPTRAIL_BASE=base)
    graph = Graph().parse(f"{server}/claim/c0-17.jsonld", format="json-ld")
    assert URIRef(f"{base}claim/c0-17") in set(graph.subjects())
    assert not any(BASE in term for triple in graph for term in triple)
    link = httpx.get(f"{server}/claim/c0-17.ttl").headers["link"]
    assert f'<{base}claim/c0-17>; rel="describes"' in link
    assert f'<{base}claim/c0-17.ttl>; rel="canonical"' in link
    assert httpx.get(f"{server}/id/biren").headers["location"] == "/id/biren-technology"
    document = httpx.get(f"{server}/id/nvidia-h20.json")
    assert document.json()["iri"] == f"{base}id/nvidia-h20"
    assert BASE not in document.text
    assert BASE not in httpx.get(f"{server}/id/nvidia-h20.html").text
    assert BASE not in httpx.get(f"{server}/ont.ttl").text


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
    assert f'<{BASE}id/nvidia-h20>; rel="describes"' in link
    assert '</id/nvidia-h20.jsonld>; rel="alternate"; type="application/ld+json"' in link
    assert 'nvidia-h20.ttl>; rel="alternate"' not in link, "it is no alternate of itself"
    assert f'<{BASE}id/nvidia-h20.ttl>; rel="canonical"' in link
    assert '<https://www.apache.org/licenses/LICENSE-2.0>; rel="license"' in link
    assert '</.well-known/void>; rel="describedby"' in link


@pytest.mark.parametrize("path", [*THINGS, "/ont"])
@pytest.mark.parametrize("suffix", [*FORMATS, "html", "json"])
def test_every_kind_of_thing_has_every_twin(client: httpx.Client, path: str, suffix: str) -> None:
    response = client.get(f"{path}.{suffix}")
    assert response.status_code == 200, response.text
    link = response.headers["link"]
    assert f'<{BASE.rstrip("/")}{path}>; rel="describes"' in link
    assert link.count('rel="alternate"') == 5
    head = client.head(f"{path}.{suffix}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == response.headers["etag"]
    assert head.headers["link"] == link
    assert client.head(f"{path}.{suffix}", headers={"If-None-Match": "*"}).status_code == 304


@pytest.mark.parametrize("path", THINGS)
def test_a_thing_names_the_documents_that_describe_it(client: httpx.Client, path: str) -> None:
    link = client.get(path).headers["link"]
    assert link.count('rel="describedby"') == 6
    assert f'<{path}.ttl>; rel="describedby"; type="text/turtle"' in link


def test_the_json_of_a_thing_is_its_record_and_what_others_say_of_it(client: httpx.Client) -> None:
    document = client.get("/id/nvidia-h20.json").json()
    record = client.get("/api/chips/nvidia-h20").json()
    assert record.items() <= document.items()
    claims = document["claims_about"]
    assert claims["count"] == client.get(claims["all"]).json()["count"] == len(claims["items"])
    states = {claim["id"]: claim for claim in claims["items"]}
    assert states["c2-20"]["hedge"]["label"]
    assert states["c2-20"]["rank"]["id"] in ("preferred", "normal", "deprecated")
    links = {link["property"]["id"]: link for link in document["linked_from"]}
    assert links["of"]["count"] == len(record["figures"])
    assert links["configurationOf"]["items"][0]["label"] == "NVIDIA H20 141 GB"


def test_links_are_counted_though_only_the_first_are_shown(client: httpx.Client) -> None:
    links = client.get("/con/affirmed.json").json()["linked_from"]
    (polarity,) = [link for link in links if link["property"]["id"] == "polarity"]
    claims = client.get("/api/claims?polarity=affirmed").json()["count"]
    assert polarity["count"] == claims > len(polarity["items"]) == 50
    assert f"{claims}, the first 50" in client.get("/con/affirmed.html").text


def test_what_is_no_record_is_described_by_its_statements(client: httpx.Client) -> None:
    unit = client.get("/unit/chip.json").json()
    assert (unit["id"], unit["iri"], unit["label"]) == ("chip", f"{BASE}unit/chip", "chip")
    step = client.get("/claim/c0-17-a1.json").json()
    assert step["type"] == "Attribution"
    (agent,) = step["statements"]["ct:agent"]
    assert (agent["id"], agent["label"]) == ("bloomberg", "Bloomberg")
    assert client.get("/graph/current.json").json()["triples"] == 78


def test_another_name_of_a_thing_leads_to_it(client: httpx.Client) -> None:
    response = client.get("/id/biren")
    assert (response.status_code, response.headers["location"]) == (308, "/id/biren-technology")
    document = client.get("/id/biren.jsonld")
    assert (document.status_code, document.headers["location"]) == (
        308,
        "/id/biren-technology.jsonld",
    )
    assert client.get("/rule/biren").status_code == 404, "an alias is one of its kind"


MERGED = """
PREFIX id: <https://w3id.org/chiptrail/id/> PREFIX dct: <http://purl.org/dc/terms/>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
INSERT DATA { GRAPH <https://example.org/mine> {
  id:old-name dct:isReplacedBy id:nvidia .
  id:gone-away dct:isReplacedBy <https://elsewhere.example/x> .
  id:中芯国际 rdfs:label "written as it is" .
  <https://w3id.org/chiptrail/id/caf%C3%A9> rdfs:label "written percent-encoded" .
  <https://w3id.org/chiptrail/id/a(b)~c!$&'*+,;=:@d> rdfs:label "every character" .
} }
"""


def test_merged_things_and_names_in_every_script(own_small_store: Path, serve: Serve) -> None:
    base = serve(own_small_store, CHIPTRAIL_WRITE_TOKEN="secret")
    with httpx.Client(base_url=base) as client:
        body = {"update": MERGED}
        written = client.post("/update", data=body, headers={"Authorization": "Bearer secret"})
        assert written.is_success, written.text
        merged = client.get("/id/old-name.ttl")
        assert (merged.status_code, merged.headers["location"]) == (308, "/id/nvidia.ttl")
        assert client.get("/id/gone-away").status_code == 404
        assert "elsewhere.example" in client.get("/id/gone-away").json()["detail"]
        for path, said in (
            ("/id/中芯国际", "written as it is"),
            ("/id/caf%C3%A9", "written percent-encoded"),
            ("/id/a(b)~c!$&'*+,;=:@d", "every character"),
        ):
            thing = client.get(path)
            assert thing.status_code == 303, path
            document = client.get(thing.headers["location"])
            assert said in document.text
            assert document.headers["link"].isascii()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/id/nobody", 404),
        ("/id/nobody.ttl", 404),
        ("/id/nvidia-h20.docx", 404),
        ("/id/%22%3E", 400),
        ("/id/caf%C3%A9", 404),
        ("/graph/nothing", 404),
        ("/ont.docx", 404),
        ("/ont/9.9.9", 404),
    ],
)
def test_what_is_not_there(client: httpx.Client, path: str, status: int) -> None:
    response = client.get(path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


def test_a_name_that_is_nearly_right_gets_the_right_ones(client: httpx.Client) -> None:
    for path, near in (("/id/nvidia-h2", "nvidia-h20"), ("/rule/us-3a090a-2032", "us-3a090a-2023")):
        for suffix in ("", ".ttl"):
            response = client.get(path + suffix)
            assert response.status_code == 404
            assert near in response.json()["nearest"]


def test_the_ontology_has_versions_and_modules(client: httpx.Client) -> None:
    version = client.get("/ont.json").json()["version"]
    assert client.get(f"/ont/{version}.ttl").content == client.get("/ont.ttl").content
    assert client.get("/ont/core").status_code == 303
    terms = {term["curie"]: term for term in client.get("/ont.json").json()["terms"]}
    assert terms["ct:Claim"]["iri"] == f"{BASE}ont#Claim"


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
