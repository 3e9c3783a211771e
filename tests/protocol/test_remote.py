"""SERVICE and LOAD over HTTP: what a client is told, and what the settings do."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pyoxigraph as ox
import pytest

from kg import errors
from kg.client import Client

from ..elsewhere import Elsewhere, Request, elsewhere, endpoint, redirects, sends
from ..empty_server import TOKEN, empty_server
from .conftest import ask, update

QUERY = {"Content-Type": "application/sparql-query"}
UPDATE = {"Content-Type": "application/sparql-update"}


@pytest.fixture(scope="module")
def there() -> Iterator[Elsewhere]:
    with elsewhere() as found:
        data = ox.Store()
        data.update("INSERT DATA { <a:s> <a:p> 1 , 2 }")
        found.at("/sparql", endpoint(data))
        found.at("/broken", sends("secret", status=500))
        found.at("/data/d.ttl", sends("<a:s> <a:q> <> ."))
        found.at("/data/away.ttl", redirects("/elsewhere.ttl"))
        found.at("/elsewhere.ttl", sends("<a:s> <a:q> 1 ."))
        yield found


@pytest.fixture(scope="module")
def base(there: Elsewhere, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    paths = ("/sparql", "/broken", "/data/hanging")
    settings = {
        "CHIPTRAIL_SERVICE_TARGETS": " ".join(there.url + path for path in paths),
        "CHIPTRAIL_LOAD_TARGETS": f"{there.url}/data/",
        "HTTP_PROXY": "http://127.0.0.1:9/",
    }
    with empty_server(tmp_path_factory.mktemp("remote"), **settings) as found:
        yield found


@pytest.fixture
def http(base: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=base, headers=headers, timeout=30.0) as client:
        update(client, "DROP ALL")
        yield client


def test_a_join_across_two_services(http: httpx.Client, there: Elsewhere) -> None:
    update(http, "INSERT DATA { <a:s> <a:here> 3 }")
    text = f"SELECT ?v {{ ?s <a:here> 3 SERVICE <{there.url}/sparql> {{ ?s <a:p> ?v }} }}"
    response = http.post("/sparql", content=text, headers={**QUERY, "Accept": "text/csv"})
    assert sorted(response.text.split()) == ["1", "2", "v"]
    assert "etag" not in response.headers
    assert response.headers["cache-control"] == "no-store"


def test_the_service_says_that_it_asks_others(http: httpx.Client, strict: str) -> None:
    feature = b"sd:BasicFederatedQuery"
    accept = {"Accept": "text/turtle"}
    assert feature in http.get("/sparql", headers=accept).content
    assert feature not in httpx.get(f"{strict}/sparql", headers=accept).content


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/elsewhere", 403, "only the targets that the configuration lists"),
        ("/data/d.ttl", 403, "only the targets that the configuration lists"),
        ("/sparql?x", 403, "only the targets that the configuration lists"),
        ("/broken", 502, "status is 500"),
    ],
)
def test_problems_of_service(
    http: httpx.Client, there: Elsewhere, path: str, status: int, said: str
) -> None:
    text = f"SELECT * {{ SERVICE <{there.url}{path}> {{ ?s ?p ?o }} }}"
    response = http.post("/sparql", content=text, headers=QUERY)
    problem = response.json()
    assert (response.status_code, problem["status"]) == (status, status)
    assert response.headers["content-type"] == "application/problem+json"
    assert f"{there.url}{path}" in problem["detail"]
    assert said in problem["detail"]
    assert "secret" not in response.text


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/elsewhere.ttl", 403, "only the targets that the configuration lists"),
        ("/data/../elsewhere.ttl", 403, "only the targets that the configuration lists"),
        ("/data/none.ttl", 502, "status is 404"),
        ("/data/away.ttl", 502, "redirects"),
    ],
)
def test_problems_of_load(
    http: httpx.Client, there: Elsewhere, path: str, status: int, said: str
) -> None:
    text = f"INSERT DATA {{ <a:s> <a:p> 1 }} ; LOAD%s <{there.url}{path}>"
    response = http.post("/update", content=text % "", headers=UPDATE)
    assert response.status_code == status, response.text
    assert said in response.json()["detail"]
    assert not ask(http, "ASK { ?s ?p ?o }")
    update(http, text % " SILENT")
    assert ask(http, "ASK { <a:s> <a:p> 1 FILTER NOT EXISTS { ?s <a:q> ?o } }")


def test_load(http: httpx.Client, there: Elsewhere) -> None:
    update(http, f"BASE <{there.url}/data/> LOAD <d.ttl> INTO GRAPH <a:g>")
    assert ask(http, f"ASK {{ GRAPH <a:g> {{ <a:s> <a:q> <{there.url}/data/d.ttl> }} }}")


def test_load_needs_the_token_before_anything_is_fetched(base: str, there: Elsewhere) -> None:
    before = len(there.requests)
    text = f"LOAD <{there.url}/data/d.ttl>"
    assert httpx.post(f"{base}/update", content=text, headers=UPDATE).status_code == 401
    assert len(there.requests) == before


def test_the_python_client_knows_the_error(base: str, there: Elsewhere) -> None:
    with pytest.raises(errors.RemoteFailure, match="status is 500"):
        Client(base).query(f"SELECT * {{ SERVICE <{there.url}/broken> {{ ?s ?p ?o }} }}")


@pytest.mark.parametrize(
    ("path", "media_type", "text"),
    [
        ("/sparql", "application/sparql-query", "SELECT * {{ SERVICE <{}> {{}} }}"),
        ("/update", "application/sparql-update", "LOAD <{}>"),
    ],
)
def test_a_client_that_goes_away_ends_the_fetch(
    base: str, there: Elsewhere, path: str, media_type: str, text: str
) -> None:
    asked, ended = threading.Event(), threading.Event()

    def hang(handler: BaseHTTPRequestHandler, _: Request) -> None:
        asked.set()
        handler.rfile.read(1)  # comes back when the connection ends
        ended.set()

    body = text.format(there.at("/data/hanging", hang)).encode()
    host, port = base.removeprefix("http://").split(":")
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {media_type}\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + body)
        assert asked.wait(10)
    assert ended.wait(10)


def test_settings_that_cannot_be_targets_are_named(tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match=r"CHIPTRAIL_LOAD_TARGETS: .*ftp"),
        empty_server(tmp_path, CHIPTRAIL_LOAD_TARGETS="ftp://data.example/"),
    ):
        pass


# --- https ----------------------------------------------------------------------------------------


def _certificate(folder: Path, name: str) -> Path:
    """A key and a certificate that it signed itself, in one file."""
    file, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=test", "-addext", f"subjectAltName={name}"),
            *("-keyout", str(key), "-out", str(file)),
        ],
        check=True,
        capture_output=True,
    )
    file.write_bytes(file.read_bytes() + key.read_bytes())
    return file


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl here")
def test_certificates_are_checked_and_https_is_not_left(tmp_path: Path, there: Elsewhere) -> None:
    good, wrong = (_certificate(tmp_path, f"IP:127.0.0.{n}") for n in (1, 2))
    (tmp_path / "trusted.pem").write_bytes(good.read_bytes() + wrong.read_bytes())
    with elsewhere(_context(good)) as secure, elsewhere(_context(wrong)) as other:
        secure.at("/d.ttl", sends("<a:s> <a:p> 1 ."))
        secure.at("/down.ttl", redirects(f"{there.url}/data/d.ttl"))
        other.at("/d.ttl", sends("<a:s> <a:p> 2 ."))
        settings = {
            "CHIPTRAIL_LOAD_TARGETS": f"{secure.url}/ {other.url}/ {there.url}/data/",
            "SSL_CERT_FILE": str(tmp_path / "trusted.pem"),
        }
        with empty_server(tmp_path, **settings) as base:
            headers = {**UPDATE, "Authorization": f"Bearer {TOKEN}"}

            def load(iri: str) -> httpx.Response:
                return httpx.post(f"{base}/update", content=f"LOAD <{iri}>", headers=headers)

            assert load(f"{secure.url}/d.ttl").status_code == 204
            for iri, said in (
                (f"{other.url}/d.ttl", "certificate"),
                (f"{secure.url}/down.ttl", "from https to http"),
            ):
                response = load(iri)
                assert response.status_code == 502
                assert said in response.json()["detail"]


def _context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
