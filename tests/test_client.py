"""The Python client against a running server: answers, pages, and errors of the right class."""

from __future__ import annotations

import datetime
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from kg import errors
from kg.client import Client, Iri
from tests.conftest import Serve

DAY = datetime.date(2025, 5, 1)


@pytest.fixture
def api(server: str) -> Client:
    return Client(server)


def test_a_record_its_claims_and_their_sources(api: Client) -> None:
    best = api.search("H20")[0]
    assert (best["id"], best["collection"]) == ("nvidia-h20", "chips")
    chip = api.get(best["collection"], best["id"])
    about = {claim["id"] for claim in api.claims(about=chip["id"])}
    assert about >= set(chip["claims"]["as_subject"])
    claim = api.get("claims", "c0-17")
    assert claim["verdicts"][0]["evidence"][0]["url"].startswith("https://")


def test_types_narrow_a_search(api: Client) -> None:
    assert {hit["collection"] for hit in api.search("H20")} != {"claims"}
    assert {hit["collection"] for hit in api.search("H20", types=["Claim"])} == {"claims"}


def test_a_list_is_walked_to_its_end(api: Client) -> None:
    pages = list(api.pages("claims", limit=50))
    ids = [record["id"] for page in pages for record in page["items"]]
    assert len(pages) > 2
    assert len(ids) == len(set(ids)) == pages[0]["count"] == api.stats()["collections"]["claims"]


def test_several_values_of_a_filter_mean_any(api: Client) -> None:
    def count(*verdicts: str) -> int:
        return sum(1 for _ in api.claims(verdict=verdicts))

    assert count("refuted", "misleading") == count("refuted") + count("misleading") > 0


def test_contradictions_have_claims(api: Client) -> None:
    found = {one["id"]: one for one in api.contradictions()}
    assert len(found["L03"]["claims"]) >= 2
    assert len(found["L03"]["independent_origins"]) == 2
    about = {one["id"] for one in api.contradictions(about="nvidia-h20")}
    assert 0 < len(about) < len(found)


def test_status_of_chips_and_parties(api: Client) -> None:
    status = api.control_status("h20", "CN", DAY)
    assert (status["chip"], status["date"]) == ("nvidia-h20", "2025-05-01")
    assert status["us"]["requirement"] == "licence-required"
    assert api.party_status(DAY, "huawei")["basis"] == "listing"
    known = api.party_status(DAY, "huawei", known_at=datetime.date(2026, 11, 21))["known_at"]
    assert known == "2026-11-21T23:59:59.999999Z"
    owned = api.party_status(datetime.date(2025, 10, 15), owners={"huawei": 60.0})
    assert (owned["status"], owned["basis"]) == ("listed", "ownership")


def test_values_of_rows_have_their_types(api: Client) -> None:
    rows = api.query(
        "SELECT (<urn:x> AS ?iri) (1 AS ?whole) (1.5 AS ?decimal) (2e0 AS ?float) (true AS ?yes)"
        " (false AS ?no) ('x'@en AS ?text) (<<( <urn:s> <urn:p> 1 )>> AS ?triple) ?unbound {}"
    )
    assert rows == [
        {
            "iri": Iri("urn:x"),
            "whole": 1,
            "decimal": Decimal("1.5"),
            "float": 2.0,
            "yes": True,
            "no": False,
            "text": "x",
            "triple": (Iri("urn:s"), Iri("urn:p"), 1),
        }
    ]
    kinds = {name: type(value) for name, value in rows[0].items()}
    assert kinds["iri"] is Iri
    assert kinds["text"] is str
    assert kinds["no"] is bool
    assert api.ask("ASK { ?claim a ct:Claim }".replace("ct:Claim", "<urn:nothing>")) is False


def test_every_answer_names_the_version_of_its_data(api: Client) -> None:
    version = api.stats()["version"][:16]
    for ask in (lambda: api.get("chips", "nvidia-h20"), lambda: api.query("SELECT * {}")):
        api.version = None
        ask()
        assert api.version == version


Ask = Callable[[Client], object]
WRONG: dict[str, tuple[type[errors.ChiptrailError], Ask]] = {
    "filter": (errors.InvalidInput, lambda api: list(api.claims(colour="red"))),
    "day": (errors.InvalidInput, lambda api: api.control_status("h20", "CN", "yesterday")),
    "collection": (errors.NotFound, lambda api: api.get("cars", "a")),
    "path in a slug": (errors.NotFound, lambda api: api.get("claims/../chips", "nvidia-h20")),
    "syntax": (errors.InvalidQuery, lambda api: api.query("SELECT {")),
    "form": (errors.InvalidInput, lambda api: api.query("ASK {}")),
    "other form": (errors.InvalidInput, lambda api: api.ask("SELECT * {}")),
    "graph": (errors.NotAcceptable, lambda api: api.query("DESCRIBE <urn:x>")),
    "nested": (errors.LimitExceeded, lambda api: api.query("ASK " + "{" * 99 + "}" * 99)),
}


@pytest.mark.parametrize("case", WRONG)
def test_errors_are_those_of_the_server(api: Client, case: str) -> None:
    kind, ask = WRONG[case]
    with pytest.raises(errors.ChiptrailError) as caught:
        ask(api)
    assert type(caught.value) is kind
    assert str(caught.value)


def test_an_unknown_name_comes_with_the_nearest(api: Client) -> None:
    with pytest.raises(errors.UnknownName) as caught:
        api.control_status("h21", "CN", DAY)
    assert "nvidia-h20" in caught.value.nearest
    assert str(caught.value).count("nearest") == 1


def test_limits_of_the_endpoint_and_of_the_client(built_store: Path, serve: Serve) -> None:
    api = Client(serve(built_store, CHIPTRAIL_QUERY_TIMEOUT="0.2"))
    with pytest.raises(errors.LimitExceeded) as caught:
        api.query("SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }")
    assert (caught.value.limit, caught.value.value) == ("query_timeout", 0.2)
    with pytest.raises(errors.LimitExceeded, match="100 bytes"):
        Client(api.url, max_bytes=100).stats()


SAID = b"HTTP/1.1 %b\r\nConnection: close\r\n"
PECULIAR: dict[str, tuple[bytes, type[errors.ChiptrailError], str]] = {
    "a proxy's page": (
        SAID % b"502 Bad Gateway" + b"\r\n<html>",
        errors.RemoteFailure,
        "Bad Gateway",
    ),
    "not JSON": (SAID % b"200 OK" + b"\r\n<html>", errors.Defect, "not JSON"),
    "cut off": (
        SAID % b"200 OK" + b'Transfer-Encoding: chunked\r\n\r\n20\r\n{"version": ',
        errors.Unavailable,
        "does not answer",
    ),
    "too busy": (
        SAID % b"503 Service Unavailable" + b'Retry-After: 7\r\n\r\n{"detail": "later"}',
        errors.Unavailable,
        "later",
    ),
    "another protocol": (b"220 smtp.example.org\r\n", errors.Unavailable, "does not answer"),
    "silence": (b"", errors.Unavailable, "timed out"),
}


@contextmanager
def saying(answer: bytes) -> Iterator[str]:
    """The URL of a server that gives every client ``answer``, whatever it asks."""

    def handle(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(answer)
            while not answer and connection.recv(1):
                """Say nothing until the client has had enough."""

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=handle, args=(listener,))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize("case", PECULIAR)
def test_servers_that_are_not_ours(case: str) -> None:
    answer, kind, why = PECULIAR[case]
    with saying(answer) as url, pytest.raises(errors.ChiptrailError, match=why) as caught:
        Client(url, timeout=0.3).stats()
    assert type(caught.value) is kind
    if case == "too busy":
        assert getattr(caught.value, "retry_after", 0) == 7


def test_no_server_is_unavailable() -> None:
    with pytest.raises(errors.Unavailable, match="127"):
        Client("http://127.0.0.1:9").stats()
    with pytest.raises(errors.InvalidInput, match="http"):
        Client("file:///etc/hostname")
