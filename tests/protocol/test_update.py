"""Update over HTTP: who may, what is refused, and that nothing half done is left."""

from __future__ import annotations

import hashlib
from pathlib import Path

import httpx
import pytest

from ..empty_server import TOKEN, empty_server
from .conftest import ask, update

UPDATE = {"Content-Type": "application/sparql-update"}
INSERT = "INSERT DATA { <a:s> <a:p> <a:o> }"


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xe9"]
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/update"), ("PUT", "/data?default"), ("DELETE", "/graph/mine")]
)
def test_401_without_the_token(http: httpx.Client, method: str, path: str, value: str) -> None:
    headers = {**UPDATE, "Authorization": value.encode("latin-1")}
    response = http.request(method, path, content=INSERT, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert not ask(http, "ASK { ?s ?p ?o }")


def test_the_scheme_is_case_insensitive(http: httpx.Client) -> None:
    headers = {**UPDATE, "Authorization": f"bearer {TOKEN}"}
    assert http.post("/update", content=INSERT, headers=headers).status_code == 204


def test_403_where_no_token_is_configured(tmp_path: Path) -> None:
    with (
        empty_server(tmp_path, CHIPTRAIL_WRITE_TOKEN="") as base,
        httpx.Client(base_url=base, headers={"Authorization": "Bearer anything"}) as client,
    ):
        for method, path in (("POST", "/update"), ("PUT", "/data?default")):
            response = client.request(method, path, content=INSERT, headers=UPDATE)
            assert response.status_code == 403
            assert "CHIPTRAIL_WRITE_TOKEN" in response.json()["detail"]
        assert "SPARQL11Update" not in client.get("/sparql").text


def test_the_token_may_be_configured_as_its_hash(tmp_path: Path) -> None:
    hashed = f"sha256:{hashlib.sha256(TOKEN.encode()).hexdigest()}"
    with (
        empty_server(tmp_path, CHIPTRAIL_WRITE_TOKEN=hashed) as base,
        httpx.Client(base_url=base, headers=UPDATE) as client,
    ):
        for token, status in ((TOKEN, 204), (hashed, 401), ("wrong", 401)):
            headers = {"Authorization": f"Bearer {token}"}
            assert client.post("/update", content=INSERT, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("INSERT DATA { <a:s> <a:p> }", 400),
        ("INSERT DATA { <a:s> <a:p> 1 } ; DROP GRAPH <http://e/none>", 400),
        ("INSERT DATA { <a:s> <a:p> 1 } ; LOAD <http://127.0.0.1:9/>", 403),
        ("SELECT * {}", 400),
        ("", 400),
        ("LOAD <http://127.0.0.1:9/>", 403),
        ("LOAD ?where", 400),
        ("LOAD SILENT INTO GRAPH <http://e/g>", 400),
    ],
)
def test_what_is_refused_changes_nothing(http: httpx.Client, text: str, status: int) -> None:
    response = http.post("/update", content=text, headers=UPDATE)
    assert response.status_code == status, response.text
    assert not ask(http, "ASK { ?s ?p ?o }")


def test_a_query_is_not_an_update(http: httpx.Client) -> None:
    for response in (
        http.post("/update", data={"query": "ASK {}"}),
        http.post("/update", data={"query": "ASK {}", "update": INSERT}),
        http.post("/update", content="ASK {}", headers=UPDATE),
        http.post(
            "/update", content="ASK {}", headers={"Content-Type": "application/sparql-query"}
        ),
    ):
        assert response.status_code in (400, 415)
        assert "query" in response.json()["detail"]
    assert not ask(http, "ASK { ?s ?p ?o }")


def test_if_match_guards_against_overwriting(http: httpx.Client) -> None:
    read = http.get("/sparql", params={"query": "ASK {}"}).headers["etag"]
    statuses = [
        http.post("/update", content=INSERT, headers={**UPDATE, "If-Match": tag}).status_code
        for tag in ('"other"', "*", read)
    ]
    assert statuses == [412, 204, 412]
    now = http.get("/sparql", params={"query": "ASK {}"}).headers["etag"]
    assert http.post("/update", content=INSERT, headers={**UPDATE, "If-Match": now}).is_success


def test_what_was_written_is_there_at_once(http: httpx.Client) -> None:
    for number in range(10):
        update(http, f"INSERT DATA {{ <a:s> <a:p> {number} }}")
        assert ask(http, f"ASK {{ <a:s> <a:p> {number} }}")


def test_a_syntax_error_has_its_place(http: httpx.Client) -> None:
    response = http.post("/update", content="INSERT DATA {\n <a:s> }", headers=UPDATE)
    assert (response.status_code, response.json()["line"]) == (400, 2)


@pytest.mark.parametrize("text", ["LOAD SILENT <http://127.0.0.1:9/x>", "DROP SILENT GRAPH <a:x>"])
def test_silent_operations_succeed_without_effect(http: httpx.Client, text: str) -> None:
    update(http, text)
    assert not ask(http, "ASK { ?s ?p ?o }")


def test_using_goes_into_every_operation(http: httpx.Client) -> None:
    update(http, "INSERT DATA { GRAPH <a:g> { <a:s> <a:p> 1 } <a:t> <a:p> 2 }")
    text = (
        "INSERT { GRAPH <a:h> { ?s <a:q> 1 } } WHERE { ?s <a:p> ?o } ; "
        "DELETE { GRAPH <a:g> { ?s ?p ?o } } WHERE { ?s ?p ?o }"
    )
    parameters = {"using-graph-uri": "a:g"}
    assert http.post("/update", params=parameters, content=text, headers=UPDATE).is_success
    assert ask(http, "ASK { GRAPH <a:h> { <a:s> <a:q> 1 } }")
    assert not ask(http, "ASK { GRAPH <a:h> { <a:t> <a:q> 1 } }")
    assert not ask(http, "ASK { GRAPH <a:g> { ?s ?p ?o } }")


def test_a_form_may_carry_the_dataset(http: httpx.Client) -> None:
    update(http, "INSERT DATA { GRAPH <a:g> { <a:s> <a:p> 1 } }")
    form = {
        "update": "INSERT { <a:done> <a:p> ?o } WHERE { ?s <a:p> ?o }",
        "using-graph-uri": "a:g",
    }
    assert http.post("/update", data=form).status_code == 204
    assert ask(http, "ASK { <a:done> <a:p> 1 }")


def test_prologues_between_operations(http: httpx.Client) -> None:
    text = (
        "PREFIX a: <a:> INSERT DATA { a:s a:p 1 } ;\n"
        "PREFIX b: <b:> PREFIX a: <c:> INSERT { ?s b:p a:o } WHERE { ?s ?p 1 } ;\n"
    )
    update(http, text)
    assert ask(http, "ASK { <a:s> <b:p> <c:o> }")
    response = http.post("/update", content=f"{text} INSERT DATA {{ a:s d:p 1 }}", headers=UPDATE)
    assert (response.status_code, response.json()["line"]) == (400, 3)
    assert "d:" in response.json()["detail"]


def test_bad_utf_8(http: httpx.Client) -> None:
    assert http.post("/update", content=b"CLEAR ALL # \xff", headers=UPDATE).status_code == 400
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert http.post("/update", content=b"update=%FF", headers=form).status_code == 400
