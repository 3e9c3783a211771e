"""The graph store over HTTP beyond the W3C's tests: names, conditions, bad bodies, limits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from pyoxigraph import Dataset, NamedNode, RdfFormat, parse

from ..empty_server import writer
from .conftest import ask, update

TURTLE = {"Content-Type": "text/turtle"}
GRAPH = {"graph": "http://e/g"}
ONE = "<a:s> <a:p> 1 ."
WHOLE = "ASK { GRAPH <http://e/g> { <a:s> <a:p> 1 } FILTER NOT EXISTS { GRAPH <http://e/g> { ?s ?p 2 } } }"


@pytest.fixture
def filled(http: httpx.Client) -> httpx.Client:
    """With one triple in ``http://e/g``."""
    assert http.put("/data", params=GRAPH, content=ONE, headers=TURTLE).status_code == 201
    return http


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?default&graph=http://e/g",
        "?graph=http://e/g&graph=http://e/h",
        "?graph=relative",
        "?graph=",
        "?graph=http://e/%20",
        "?graph=http://e/%FF",
        "?default&default",
        "/mine?graph=http://e/g",
        "/mine?default",
        "/?graph=http://e/g&default",
    ],
)
def test_one_graph_must_be_named(http: httpx.Client, query: str) -> None:
    assert http.get(f"/data{query}").status_code == (400 if query else 200)
    assert http.put(f"/data{query}", content=ONE, headers=TURTLE).status_code == 400
    assert http.delete(f"/data{query}").status_code == 400


@pytest.mark.parametrize(
    ("media_type", "body", "status"),
    [
        ("text/turtle", "<a:s> <a:p> 2 . <a:s>", 400),
        ("text/turtle", b"<a:s> <a:p> '\xff' .", 400),
        ("application/n-triples", "<a:s> <a:p> 2 .", 400),
        ("application/ld+json", '{"@id": "a:s", "a:p": 2', 400),
        ("application/ld+json", '{"@context": "http://127.0.0.1:9/", "@id": "a:s"}', 400),
        ("application/rdf+xml", "<rdf:RDF>", 400),
        ("application/rdf+xml", '<?xml version="1.0"?>\n<!-- nothing -->', 400),
        ("application/rdf+xml", '<!DOCTYPE x [<!ENTITY a "b">]><x/>', 403),
        ("application/trig", "<a:g> { <a:s> <a:p> 2 }", 415),
        ("text/turtle; charset=latin-1", "<a:s> <a:p> 2 .", 415),
        ("text/nonsense", "<a:s> <a:p> 2 .", 415),
        ("", "<a:s> <a:p> 2 .", 400),
        ("multipart/form-data; boundary=c", "--b\r\n\r\n<a:s> <a:p> 2 .\r\n--b--\r\n", 400),
        ("text/turtle", f"<a:s> <a:p> 2 . # {'x' * (1 << 20)}", 413),
        ("text/turtle", f"<a:s> <a:p> {'(' * 5000}{')' * 5000} .", 400),
        ("multipart/form-data; boundary=b", "--b\r\n\r\n<a:s> <a:p> 2 .\r\n", 400),
        ("multipart/form-data", "", 400),
        (
            "multipart/form-data; boundary=b",
            "--b\r\nContent-Type: text/turtle\r\n\r\n<a:s> <a:p> 2 .\r\n"
            "--b\r\nContent-Type: text/turtle\r\n\r\n<a:s>\r\n--b--\r\n",
            400,
        ),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_bad_body_leaves_the_graph_as_it_was(
    filled: httpx.Client, method: str, media_type: str, body: str | bytes, status: int
) -> None:
    if method == "PUT" and media_type.startswith("multipart"):
        status = 415
    headers = {"Content-Type": media_type} if media_type else {}
    response = filled.request(method, "/data", params=GRAPH, content=body, headers=headers)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert ask(filled, WHOLE)


def test_an_error_in_a_document_has_its_place(http: httpx.Client) -> None:
    body = "<a:s> <a:p> 1 .\n<a:s> <a:p> ;;; oops"
    response = http.put("/data?default", content=body, headers=TURTLE)
    assert (response.status_code, response.json()["line"]) == (400, 2)


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("text/turtle", "<> <a:p> <x> ."),
        ("application/n-triples", "<http://e/g> <a:p> <http://e/x> ."),
        ("application/ld+json", '{"@id": "", "a:p": {"@id": "x"}}'),
        (
            "application/rdf+xml",
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:a="a:">'
            '<rdf:Description rdf:about=""><a:p rdf:resource="x"/></rdf:Description></rdf:RDF>',
        ),
    ],
)
def test_every_format_and_its_base(http: httpx.Client, media_type: str, body: str) -> None:
    headers = {"Content-Type": media_type}
    assert http.put("/data", params=GRAPH, content=body, headers=headers).status_code == 201
    assert ask(http, "ASK { GRAPH <http://e/g> { <http://e/g> <a:p> <http://e/x> } }")
    response = http.get("/data", params=GRAPH, headers={"Accept": media_type})
    assert response.headers["content-type"].partition(";")[0] == media_type


def test_a_body_without_a_type_is_rdf_xml(http: httpx.Client) -> None:
    body = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:a="a:">'
        '<rdf:Description rdf:about="a:s"><a:p rdf:resource="a:o"/></rdf:Description></rdf:RDF>'
    )
    assert http.put("/data", params=GRAPH, content=body).status_code == 201
    assert ask(http, "ASK { GRAPH <http://e/g> { <a:s> <a:p> <a:o> } }")


def test_the_store_may_be_named_with_a_slash(http: httpx.Client) -> None:
    assert http.put("/data/", params=GRAPH, content=ONE, headers=TURTLE).status_code == 201
    assert ask(http, WHOLE)
    made = http.post("/data/", content=ONE, headers=TURTLE)
    assert made.status_code == 201
    assert http.get(made.headers["location"]).status_code == 200


@pytest.mark.parametrize("query", ["", "?default", "?graph=http://e/g"])
def test_to_add_nothing_makes_no_graph(http: httpx.Client, query: str) -> None:
    assert http.post(f"/data{query}", content="", headers=TURTLE).status_code == 204
    assert not ask(http, "ASK { GRAPH ?g {} }")


def test_triple_terms_are_kept_and_go_where_they_can(http: httpx.Client) -> None:
    body = "<a:r> <a:says> <<( <a:s> <a:p> <a:o> )>> ."
    assert http.put("/data", params=GRAPH, content=body, headers=TURTLE).status_code == 201
    again = http.get("/data", params=GRAPH, headers={"Accept": "text/turtle;version=1.2"})
    assert "<<(" in again.text
    assert (
        http.get("/data", params=GRAPH, headers={"Accept": "application/ld+json"}).status_code
        == 406
    )


def test_an_empty_graph_can_be_made_and_is_there(http: httpx.Client) -> None:
    assert http.put("/data", params=GRAPH, content="", headers=TURTLE).status_code == 201
    assert http.get("/data", params=GRAPH).status_code == 200
    assert http.get("/data?graph=http://e/none").status_code == 404
    unless = {"If-None-Match": "*"}
    assert http.get("/data?graph=http://e/none", headers=unless).status_code == 404


def test_the_default_graph_is_emptied_not_removed(http: httpx.Client) -> None:
    http.put("/data?default", content=ONE, headers=TURTLE)
    assert http.delete("/data?default").status_code == 204
    assert http.get("/data?default").status_code == 200
    assert not ask(http, "ASK { ?s ?p ?o }")


def test_blank_nodes_of_two_documents_stay_apart(http: httpx.Client) -> None:
    body = "_:b <a:p> 1 ."
    for _ in range(2):
        http.post("/data", params=GRAPH, content=body, headers=TURTLE)
    files = [("f", ("f.ttl", body, "text/turtle")), ("g", ("g.ttl", body, "text/turtle"))]
    http.post("/data", params=GRAPH, files=files)
    query = (
        "ASK { { SELECT (COUNT(?s) AS ?n) { GRAPH <http://e/g> { ?s <a:p> 1 } } } FILTER(?n = 4) }"
    )
    assert ask(http, query)


# --- conditions -----------------------------------------------------------------------------------


def test_if_match(filled: httpx.Client) -> None:
    tag = filled.get("/data", params=GRAPH).headers["etag"]
    update(filled, "INSERT DATA { <a:elsewhere> <a:p> 1 }")
    stale = filled.put("/data", params=GRAPH, content="", headers={**TURTLE, "If-Match": tag})
    assert stale.status_code == 412
    assert ask(filled, WHOLE)
    tag = filled.get("/data", params=GRAPH).headers["etag"]
    fresh = filled.put("/data", params=GRAPH, content="", headers={**TURTLE, "If-Match": tag})
    assert fresh.status_code == 204
    deleted = filled.delete("/data", params=GRAPH, headers={"If-Match": tag})
    assert deleted.status_code == 412


@pytest.mark.parametrize(
    ("header", "existing", "status"),
    [
        ("If-None-Match", True, 412),
        ("If-None-Match", False, 201),
        ("If-Match", True, 204),
        ("If-Match", False, 412),
    ],
)
def test_if_it_exists(http: httpx.Client, header: str, existing: bool, status: int) -> None:
    if existing:
        http.put("/data", params=GRAPH, content=ONE, headers=TURTLE)
    headers = {**TURTLE, header: "*"}
    assert http.put("/data", params=GRAPH, content=ONE, headers=headers).status_code == status


def test_only_one_of_many_makes_the_graph(http: httpx.Client, strict: str) -> None:
    def make(number: int) -> int:
        headers = {**TURTLE, "If-None-Match": "*"}
        body = f"<a:s> <a:p> {number} ."
        with writer(strict) as client:
            return client.put("/data", params=GRAPH, content=body, headers=headers).status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = sorted(threads.map(make, range(8)))
    assert statuses == [201] + [412] * 7
    assert ask(
        http,
        "ASK { { SELECT (COUNT(*) AS ?n) { GRAPH <http://e/g> { ?s ?p ?o } } } FILTER(?n = 1) }",
    )


def test_304(filled: httpx.Client) -> None:
    first = filled.get("/data", params=GRAPH)
    headers = {"If-None-Match": first.headers["etag"]}
    assert filled.get("/data", params=GRAPH, headers=headers).status_code == 304
    update(filled, "INSERT DATA { GRAPH <http://e/g> { <a:s> <a:p> 3 } }")
    assert filled.get("/data", params=GRAPH, headers=headers).status_code == 200


# --- graphs of the base ---------------------------------------------------------------------------


def test_a_graph_under_the_base_is_written_by_its_own_path(http: httpx.Client) -> None:
    assert http.put("/graph/mine", content=ONE, headers=TURTLE).status_code == 201
    assert ask(http, "ASK { GRAPH <https://w3id.org/chiptrail/graph/mine> { <a:s> <a:p> 1 } }")
    assert http.delete("/graph/mine").status_code == 204


@pytest.mark.parametrize("name", ["current", "current-why", "rdf12", "status", "ontology"])
def test_derived_graphs_cannot_be_written(http: httpx.Client, name: str) -> None:
    response = http.put(f"/graph/{name}", content=ONE, headers=TURTLE)
    assert response.status_code == 403
    iri = f"https://w3id.org/chiptrail/graph/{name}"
    text = f"INSERT DATA {{ GRAPH <{iri}> {{ <a:s> <a:p> 1 }} }}"
    headers = {"Content-Type": "application/sparql-update"}
    assert http.post("/update", content=text, headers=headers).status_code == 403


# --- datasets -------------------------------------------------------------------------------------

INTEGER = "^^<http://www.w3.org/2001/XMLSchema#integer>"
DATASETS = {
    "application/trig": """
        <http://e/g> { <a:s> <a:p> 2 , _:n } <http://e/h> { _:n <a:p> 3 } <a:s> <a:p> 4 .""",
    "application/n-quads": f"""
        <a:s> <a:p> "2"{INTEGER} <http://e/g> .
        <a:s> <a:p> _:n <http://e/g> .
        _:n <a:p> "3"{INTEGER} <http://e/h> .
        <a:s> <a:p> "4"{INTEGER} .""",
}
JOINED = "ASK { GRAPH <http://e/g> { ?s ?p ?n } GRAPH <http://e/h> { ?n <a:p> 3 } }"


@pytest.mark.parametrize("media_type", DATASETS)
def test_a_dataset_goes_into_the_graphs_that_it_names(
    filled: httpx.Client, media_type: str
) -> None:
    update(filled, "INSERT DATA { <a:s> <a:p> 0 GRAPH <http://e/other> { <a:s> <a:p> 5 } }")
    body = DATASETS[media_type]
    headers = {"Content-Type": media_type}
    assert filled.post("/data", content=body, headers=headers).status_code == 201
    assert ask(filled, JOINED)
    assert ask(filled, "ASK { GRAPH <http://e/g> { <a:s> <a:p> 1 , 2 } <a:s> <a:p> 0 , 4 }")
    assert filled.put("/data", content=body, headers=headers).status_code == 204
    assert ask(filled, JOINED)
    for gone in ("GRAPH <http://e/g> { <a:s> <a:p> 1 }", "<a:s> <a:p> 0"):
        assert not ask(filled, f"ASK {{ {gone} }}")
    assert ask(filled, "ASK { GRAPH <http://e/other> { <a:s> <a:p> 5 } }")


@pytest.mark.parametrize("media_type", ["application/trig", "application/n-quads"])
def test_the_whole_dataset_comes_back(filled: httpx.Client, media_type: str) -> None:
    update(filled, "INSERT DATA { <a:s> <a:p> 0 GRAPH <http://e/h> { <a:s> <a:p> [] } }")
    response = filled.get("/data", headers={"Accept": media_type})
    assert response.headers["content-type"].partition(";")[0] == media_type
    found = Dataset(parse(response.content, RdfFormat.from_media_type(media_type)))
    assert len(found) == 3
    assert len(list(found.quads_for_graph_name(NamedNode("http://e/h")))) == 1
    headers = {"Accept": media_type, "If-None-Match": response.headers["etag"]}
    assert filled.get("/data", headers=headers).status_code == 304
    assert filled.head("/data", headers={"Accept": media_type}).status_code == 200
    update(filled, "DROP ALL")
    typed = {"Content-Type": media_type}
    assert filled.post("/data", content=response.content, headers=typed).status_code == 201
    again = filled.get("/data", headers={"Accept": media_type})
    assert len(Dataset(parse(again.content, RdfFormat.from_media_type(media_type)))) == 3


def test_a_dataset_needs_a_format_that_can_carry_it(filled: httpx.Client) -> None:
    response = filled.get("/data", headers={"Accept": "text/turtle"})
    assert (response.status_code, "application/trig" in response.json()["detail"]) == (406, True)
    trig = {"Content-Type": "application/trig"}
    named = filled.put("/data", params=GRAPH, content="", headers=trig)
    assert (named.status_code, "text/turtle" in named.json()["detail"]) == (415, True)


@pytest.mark.parametrize(
    "body",
    [
        "<http://e/g> { <a:s> <a:p> 2 } <http://e/h> { <a:s> <a:p> }",
        "<http://e/g> { <a:s> <a:p> 2 } _:b { <a:s> <a:p> 3 }",
    ],
)
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_bad_dataset_changes_nothing(filled: httpx.Client, body: str, method: str) -> None:
    headers = {"Content-Type": "application/trig"}
    response = filled.request(method, "/data", content=body, headers=headers)
    assert response.status_code == 400, response.text
    assert ask(filled, WHOLE)


def test_conditions_hold_for_a_dataset_too(filled: httpx.Client) -> None:
    tag = filled.get("/data").headers["etag"]
    body, headers = "<http://e/h> { <a:s> <a:p> 2 }", {"Content-Type": "application/trig"}
    matching = {**headers, "If-Match": tag}
    assert filled.put("/data", content=body, headers=matching).status_code == 201
    assert filled.put("/data", content=body, headers=matching).status_code == 412
