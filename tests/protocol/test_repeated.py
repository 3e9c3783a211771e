"""The same request again, byte for byte: it gets the same answer, while the data stands."""

from __future__ import annotations

import re
from urllib.parse import quote

import httpx

from kg.serving.cache import Cache

from .conftest import update
from .raw import connect, get, measured, read_one, unparsed, without_date

SELECT = "SELECT ?o { ?s ?p ?o } ORDER BY ?o"


def posted(query: str = SELECT) -> bytes:
    body = f"query={quote(query)}"
    head = "Host: e\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    return f"POST /sparql HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def counted(http: httpx.Client, method: str) -> float:
    labels = f'route="query",method="{method}",status="200"'
    return measured(http, f"chiptrail_requests_total{{{labels}}}")


def test_the_same_answer_on_every_connection(http: httpx.Client, strict: str) -> None:
    update(http, "INSERT DATA { <a:s> <a:p> 1 , 2 }")
    for asked, method in (
        (get(SELECT), "GET"),
        (get(SELECT, "Accept: text/csv\r\nAccept-Encoding: gzip\r\n"), "GET"),
        (posted(), "POST"),
    ):
        before, repeated = counted(http, method), unparsed(http, "repeated")
        answers = []
        for _ in range(2):
            with connect(strict) as connection:
                for _ in range(3):
                    connection.sendall(asked)
                    head, body = read_one(connection)
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
                connection.sendall(get(SELECT, "Accept: text/csv\r\n"))
                assert len(read_one(connection)[1].splitlines()) == number + 2


def test_it_does_not_matter_how_a_request_comes(http: httpx.Client, strict: str) -> None:
    """In pieces, or several in one: each is answered once, by what it asks."""
    update(http, "INSERT DATA { <a:s> <a:p> 1 }")
    one, other = get("ASK {}"), get("ASK { <a:none> ?p ?o }")
    with connect(strict) as connection:
        for _ in range(3):
            connection.sendall(one)
            assert b"true" in read_one(connection)[1]
            connection.sendall(one[:20])
            connection.sendall(one[20:])
            assert b"true" in read_one(connection)[1]
        for _ in range(3):
            connection.sendall(other + one)
            received = b""
            while b"true" not in received:
                received += connection.recv(1 << 16)
            assert received.count(b"HTTP/1.1 200 OK") == 2
            assert received.index(b"false") < received.index(b"true")
        connection.sendall(one + other[:30])  # what is known, and the beginning of another
        assert b"true" in read_one(connection)[1]
        connection.sendall(other[30:])
        assert b"false" in read_one(connection)[1]


def test_head_errors_and_conditions_stay_what_they_are(http: httpx.Client, strict: str) -> None:
    update(http, "INSERT DATA { <a:s> <a:p> 1 }")
    with connect(strict) as connection:
        for _ in range(3):
            connection.sendall(get(SELECT, method="HEAD"))
            head, body = read_one(connection, has_body=False)
            assert head.startswith(b"HTTP/1.1 200 OK")
            assert body == b""
            connection.sendall(get(SELECT))
            head, body = read_one(connection)
            assert body
            tag = re.search(rb"\r\netag: ([^\r]*)", head)
            assert tag
            connection.sendall(get(SELECT, f"If-None-Match: {tag[1].decode()}\r\n"))
            assert read_one(connection)[0].startswith(b"HTTP/1.1 304")
            connection.sendall(get("ASK {"))
            assert read_one(connection)[0].startswith(b"HTTP/1.1 400")


def test_an_answer_that_changes_by_itself_is_made_anew(http: httpx.Client, strict: str) -> None:
    asked = get("SELECT (UUID() AS ?u) {}")
    with connect(strict) as connection:
        found = set()
        for _ in range(3):
            connection.sendall(asked)
            found.add(read_one(connection)[1])
    assert len(found) == 3


def test_a_client_that_wants_the_connection_closed_has_it_closed(
    http: httpx.Client, strict: str
) -> None:
    update(http, "INSERT DATA { <a:s> <a:p> 1 }")
    for _ in range(3):
        with connect(strict) as connection:
            connection.sendall(get(SELECT, "Connection: close\r\n"))
            head, _ = read_one(connection)
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
