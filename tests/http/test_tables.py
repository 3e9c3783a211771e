"""Lists as tables over real HTTP: one set of columns, whole lists in bounded memory, safe cells."""

from __future__ import annotations

import csv
import io
import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from kg.catalogue import CATALOGUE_FILE, Entry, write_catalogue
from kg.snapshots import require
from tests.conftest import Serve
from tests.processes import linux_only, resident, server_of

ROWS = 100_000
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "＝1", "＋1", "－1", "＠x"]


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def big_store(own_small_store: Path) -> Path:
    """The store with a timeline of 100,000 events in the place of its catalogue."""
    path = require(own_small_store).path / CATALOGUE_FILE
    path.unlink()
    events = (
        Entry(
            "timeline",
            f"event-{number:06}",
            {
                "id": f"event-{number:06}",
                "iri": f"https://example.org/event-{number}",
                "type": "claim",
                "label": f"{FORMULAS[number % len(FORMULAS)]} and {'a long text, ' * 8}{number}",
                "date": "2025-01-01",
                "number": -number,
                "record": {"id": f"c-{number}", "iri": "https://example.org/c", "label": "c"},
            },
            {"date": ["2025-01-01"]},
        )
        for number in range(ROWS)
    )
    write_catalogue(path, events)
    return own_small_store


@linux_only
def test_a_list_of_100_000_rows_is_streamed_in_bounded_memory(
    own_small_store: Path, serve: Serve
) -> None:
    base = serve(big_store(own_small_store))
    url = f"{base}/api/timeline.csv?limit=all"
    with httpx.Client(timeout=120) as client:
        client.get(f"{base}/api/timeline?limit=500").raise_for_status()
        before, most, size, text = resident(server_of(base)), 0, 0, io.StringIO()
        with client.stream("GET", url) as response:
            assert response.status_code == 200
            for piece in response.iter_text():
                text.write(piece)
                size += len(piece)
                if size // (4 << 20) != (size - len(piece)) // (4 << 20):
                    most = max(most, resident(server_of(base)))
        assert most - before < 100 << 20
        rows = rows_of(text.getvalue())
    assert size > 10 << 20
    assert [row["id"] for row in rows] == [f"event-{number:06}" for number in range(ROWS)]
    assert rows[7]["number"] == "-7", "a number stays one"
    assert all(row["label"].startswith("'") for row in rows)
    _a_cut_transfer_has_no_end(base)


def _a_cut_transfer_has_no_end(base: str) -> None:
    """What was sent is chunked: who stops reading early has not seen the last, empty chunk."""
    address = urlsplit(base)
    with socket.create_connection((address.hostname, address.port)) as connection:
        request = "GET /api/timeline.csv?limit=all HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        begun = connection.recv(1 << 16)
    head = begun.partition(b"\r\n\r\n")[0].lower()
    assert b"transfer-encoding: chunked" in head
    assert b"content-length" not in head


def test_the_whole_list_is_the_pages_together(client: httpx.Client) -> None:
    whole = rows_of(client.get("/api/claims.csv?limit=all&sort=-stated&hedge=reported").text)
    pages: list[dict[str, str]] = []
    path = "/api/claims.csv?limit=7&sort=-stated&hedge=reported"
    while path:
        response = client.get(path)
        pages += rows_of(response.text)
        path = response.links.get("next", {}).get("url", "")
    assert whole == pages
    assert len(whole) == client.get("/api/claims?hedge=reported").json()["count"] > 20


def test_every_page_and_every_record_has_the_same_columns(client: httpx.Client) -> None:
    headers = {
        client.get(path).text.partition("\r\n")[0]
        for path in (
            "/api/claims.csv?limit=1",
            "/api/claims.csv?limit=5&sort=-stated",
            "/api/claims.csv?speaker=nobody",
            "/api/claims.csv?limit=all&speaker=bloomberg",
            "/api/claims/c0-17.csv",
        )
    }
    assert len(headers) == 1
    assert {"id", "quantity.high", "source"} <= set(headers.pop().split(","))
    some = client.get("/api/claims.csv?limit=all&speaker=bloomberg&fields=quantity,hedge").text
    assert set(rows_of(some)[0]) <= {
        "id",
        "hedge",
        *(f"quantity.{k}" for k in ("low", "high", "bound", "unit")),
    }


@pytest.mark.parametrize("path", ["/api/chips?limit=all", "/api/chips.ttl?limit=all"])
def test_only_tables_come_whole(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 400
    assert "limit=all is for CSV" in response.json()["detail"]


def test_a_table_says_what_the_documents_say(client: httpx.Client) -> None:
    rows = rows_of(client.get("/api/chips.csv?limit=all").text)
    documents = client.get("/api/chips?limit=500").json()["items"]
    assert [row["id"] for row in rows] == [document["id"] for document in documents]
    for row, document in zip(rows, documents, strict=True):
        assert row["maker"] == document.get("maker", {}).get("id", "")
        assert row["label"] == document["label"]
        assert row["requirements.CN"] == document.get("requirements", {}).get("CN", "")
