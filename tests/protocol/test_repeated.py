"""The same request again, byte for byte: it gets the same answer, while the data stands."""

from __future__ import annotations

import re
import socket
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import httpx

from kg.serving.cache import Cache

from .conftest import update
from .raw import connect

SELECT = "SELECT ?o { ?s ?p ?o } ORDER BY ?o"


def request(query: str = SELECT, more: str = "", method: str = "GET") -> bytes:
    return f"{method} /sparql?query={quote(query)} HTTP/1.1\r\nHost: e\r\n{more}\r\n".encode()


def posted(query: str = SELECT) -> bytes:
    body = f"query={quote(query)}"
    head = "Host: e\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    return f"POST /sparql HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def read(connection: socket.socket, has_body: bool = True) -> tuple[bytes, bytes]:
    """Head and body of one answer."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(1 << 16)
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    while has_body and length and len(body) < int(length[1]):
        body += connection.recv(1 << 16)
    return head, body


def without_date(head: bytes) -> bytes:
    date = re.search(rb"\r\ndate: ([^\r]*)", head)
    assert date
    parsedate_to_datetime(date[1].decode())
    return head.replace(date[0], b"")


def counted(http: httpx.Client, method: str) -> float:
    labels = f'route="query",method="{method}",status="200"'
    return measured(http, f"chiptrail_requests_total{{{labels}}}")


def unparsed(http: httpx.Client, by: str) -> float:
    return measured(http, f'chiptrail_unparsed_requests_total{{by="{by}"}}')


def measured(http: httpx.Client, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (.*)$", http.get("/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_the_same_answer_on_every_connection(http: httpx.Client, strict: str) -> None:
    update(http, "INSERT DATA { <a:s> <a:p> 1 , 2 }")
    for asked, method in (
        (request(), "GET"),
        (request(more="Accept: text/csv\r\nAccept-Encoding: gzip\r\n"), "GET"),
        (posted(), "POST"),
    ):
        before, repeated = counted(http, method), unparsed(http, "repeated")
        answers = []
        for _ in range(2):
            with connect(strict) as connection:
                for _ in range(3):
                    connection.sendall(asked)
                    head, body = read(connection)
                    answers.append((without_date(head), body))
        assert answers[0][0].startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\netag: " in answers[0][0]
        assert len(set(answers)) == 1
        assert counted(http, method) == before + 6
        assert unparsed(http, "repeated") == repeated + 5


def test_it_follows_the_data(http: httpx.Client, strict: str) -> None:
    with connect(strict) as connection:
        for number in range(10):
            update(http, f"INSERT DATA {{ <a:s> <a:p> {number} }}")
            for _ in range(3):
                connection.sendall(request(more="Accept: text/csv\r\n"))
                assert len(read(connection)[1].splitlines()) == number + 2


def test_it_does_not_matter_how_a_request_comes(http: httpx.Client, strict: str) -> None:
    """In pieces, or several in one: each is answered once, by what it asks."""
    update(http, "INSERT DATA { <a:s> <a:p> 1 }")
    one, other = request("ASK {}"), request("ASK { <a:none> ?p ?o }")
    with connect(strict) as connection:
        for _ in range(3):
            connection.sendall(one)
            assert b"true" in read(connection)[1]
            connection.sendall(one[:20])
            connection.sendall(one[20:])
            assert b"true" in read(connection)[1]
        for _ in range(3):
            connection.sendall(other + one)
            received = b""
            while b"true" not in received:
                received += connection.recv(1 << 16)
            assert received.count(b"HTTP/1.1 200 OK") == 2
            assert received.index(b"false") < received.index(b"true")
        connection.sendall(one + other[:30])  # what is known, and the beginning of another
        assert b"true" in read(connection)[1]
        connection.sendall(other[30:])
        assert b"false" in read(connection)[1]


def test_head_errors_and_conditions_stay_what_they_are(http: httpx.Client, strict: str) -> None:
    update(http, "INSERT DATA { <a:s> <a:p> 1 }")
    with connect(strict) as connection:
        for _ in range(3):
            connection.sendall(request(method="HEAD"))
            head, body = read(connection, has_body=False)
            assert head.startswith(b"HTTP/1.1 200 OK")
            assert body == b""
            connection.sendall(request())
            head, body = read(connection)
            assert body
            tag = re.search(rb"\r\netag: ([^\r]*)", head)
            assert tag
            connection.sendall(request(more=f"If-None-Match: {tag[1].decode()}\r\n"))
            assert read(connection)[0].startswith(b"HTTP/1.1 304")
            connection.sendall(request("ASK {"))
            assert read(connection)[0].startswith(b"HTTP/1.1 400")


def test_an_answer_that_changes_by_itself_is_made_anew(http: httpx.Client, strict: str) -> None:
    asked = request("SELECT (UUID() AS ?u) {}")
    with connect(strict) as connection:
        found = set()
        for _ in range(3):
            connection.sendall(asked)
            found.add(read(connection)[1])
    assert len(found) == 3


def test_a_client_that_wants_the_connection_closed_has_it_closed(
    http: httpx.Client, strict: str
) -> None:
    update(http, "INSERT DATA { <a:s> <a:p> 1 }")
    for _ in range(3):
        with connect(strict) as connection:
            connection.sendall(request(more="Connection: close\r\n"))
            head, _ = read(connection)
            assert b"\r\nconnection: close" in head
            assert connection.recv(1) == b""


def test_what_is_kept_is_bounded_and_of_one_version() -> None:
    kept: Cache[bytes] = Cache(capacity=10_000, largest=5_000)
    for number in range(10):
        kept.put(number, b"%d" % number, 2_000, "v1")
    assert kept.get(5, "v1") == b"5"  # and so it was used last
    kept.put(10, b"10", 2_000, "v1")
    assert [number for number in range(11) if kept.get(number, "v1")] == [5, 7, 8, 9, 10]
    assert kept.get(9, "v2") is None
    kept.put(9, b"new", 2_000, "v2")
    assert (kept.get(9, "v2"), kept.get(9, "v1")) == (b"new", None)
    kept.put(9, b"too large", 5_001, "v2")
    assert kept.get(9, "v2") is None
