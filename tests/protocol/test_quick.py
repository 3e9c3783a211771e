"""Queries whose headers are known go a quick way: to the same answers, and to the same ends."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ..empty_server import empty_server, writer
from ..processes import server_of, until
from .conftest import update
from .raw import connect, get, measured, read_one, unparsed, without_date

DIGITS = "{ 0 1 2 3 4 5 6 7 8 9 }"
LONG = "SELECT * { " + " ".join(f"VALUES ?{v} {DIGITS}" for v in "abcd") + " }"
SLOW = "SELECT (COUNT(*) AS ?n) { " + " ".join(f"VALUES ?{v} {DIGITS}" for v in "abcdef") + " }"
ENDLESS = "SELECT (COUNT(*) AS ?n) { " + " ".join(f"VALUES ?{v} {DIGITS}" for v in "abcdefghijkl")
ENDLESS += " }"

LONGER = "SELECT * { " + " ".join(f"VALUES ?{v} {DIGITS}" for v in "abcdefgh") + " }"

serial = itertools.count()


def never_seen(query: str) -> str:
    return f"{query} # {next(serial)}"


@pytest.fixture
def connection(strict: str) -> Iterator[socket.socket]:
    with connect(strict) as opened:
        yield opened


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * { ?s ?p ?o } ORDER BY ?o",
        "ASK { ?s ?p 1 }",
        "CONSTRUCT WHERE { ?s ?p ?o }",
        "DESCRIBE <a:s>",
        "SELECT (NOW() > 0 AS ?n) {}",
        "SELECT ?s FROM <a:none> { ?s ?p ?o }",
        "SELECT (STR(<x>) AS ?iri) {}",
        'SELECT ("%26+ é" AS ?text) {}',
        LONG,
        "SELECT * {",
        "ASK { " + "{" * 100 + "}" * 100 + " }",
        "INSERT DATA { <a:s> <a:p> 2 }",
        "SELECT * { SERVICE <http://127.0.0.1/> { ?s ?p ?o } }",
        "ASK { SERVICE SILENT <http://127.0.0.1/> { ?s ?p ?o } }",
        "nothing",
        "",
    ],
)
@pytest.mark.parametrize(
    "headers",
    [
        "",
        "Accept: text/csv, text/turtle;q=0.9\r\n",
        "Accept: image/png\r\n",
        "Accept-Encoding: gzip\r\n",
        "Accept: application/sparql-results+xml;version=1.1, application/rdf+xml\r\n",
        'If-None-Match: "something"\r\n',
        "If-None-Match: *\r\n",
    ],
)
def test_both_ways_give_the_same(
    http: httpx.Client, connection: socket.socket, query: str, headers: str
) -> None:
    update(http, "INSERT DATA { <a:s> <a:p> 1 , 2 , '\u00e9' }")
    anew = f"{headers}X-New: {next(serial)}\r\n"
    connection.sendall(get(never_seen(query), anew))
    read_one(connection)
    for _ in range(2):
        before = unparsed(http, "known_headers")
        connection.sendall(get(never_seen(query), anew))
        known = read_one(connection)
        assert unparsed(http, "known_headers") > before
        connection.sendall(get(never_seen(query), f"{headers}X-New: {next(serial)}\r\n"))
        parsed = read_one(connection)
        assert _same(known) == _same(parsed)


def _same(answer: tuple[bytes, bytes]) -> tuple[set[bytes], bytes]:
    head, body = answer
    return set(without_date(head).split(b"\r\n")), body


@pytest.mark.parametrize(
    "target",
    [
        "/sparql",
        "/sparql?",
        "/sparql?query",
        "/sparql?query=ASK%7B%7D&query=ASK%7B%7D",
        "/sparql?query=ASK%7B%7D&explain=true",
        "/sparql?query=ASK%7B%7D&default-graph-uri=a:g",
        "/sparql?query=%FF",
        "/sparql?query=%zz",
        "/sparql/?query=ASK%7B%7D",
        "/%73parql?query=ASK%7B%7D",
        "//sparql?query=ASK%7B%7D",
        "/nothing",
        "/healthz",
        "http://e/sparql?query=ASK%7B%7D",
        "/sparql?query=ASK%7B%7D#fragment",
        '/sparql?query="',
        "*",
    ],
)
def test_both_ways_read_the_same_target(connection: socket.socket, target: str) -> None:
    def asked(more: str) -> tuple[set[bytes], bytes]:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: e\r\n{more}\r\n".encode())
        return _same(read_one(connection))

    name = f"X-New: {next(serial)}\r\n"
    connection.sendall(get("ASK {}", name))
    read_one(connection)  # now the headers are known
    assert asked(name) == asked(f"X-New: {next(serial)}\r\n")


def test_what_is_not_all_there_is_parsed(http: httpx.Client, connection: socket.socket) -> None:
    """Known headers and something after them, or before, or not all of them."""
    one, other = get(never_seen("ASK {}")), get(never_seen("ASK { <a:s> <a:p> <a:o> }"))
    connection.sendall(one)
    assert b"true" in read_one(connection)[1]
    before = unparsed(http, "known_headers")
    connection.sendall(other + one)
    received = b""
    while b"true" not in received:
        received += connection.recv(1 << 16)
    assert received.index(b"false") < received.index(b"true")
    connection.sendall(other[:-2])
    time.sleep(0.05)
    connection.sendall(other[-2:])
    assert b"false" in read_one(connection)[1]
    body = b"GET /sparql HTTP/1.1\r\nHost: e\r\nContent-Length: 5\r\n\r\nhello"
    for _ in range(2):
        connection.sendall(body)
        assert read_one(connection)[0].startswith(b"HTTP/1.1 200")
    assert unparsed(http, "known_headers") == before


def test_what_comes_meanwhile_is_answered_after(connection: socket.socket) -> None:
    """The next request comes while a query of the quick way runs, whole or in pieces."""
    connection.sendall(get("ASK {}"))
    read_one(connection)
    for next_one in (get(never_seen("ASK {}")), get(never_seen(LONG))):
        connection.sendall(get(never_seen(SLOW)))
        time.sleep(0.05)
        connection.sendall(next_one[:30])
        time.sleep(0.05)
        connection.sendall(next_one[30:])
        assert b'"1000000"' in read_one(connection)[1]
        head, body = read_one(connection)
        assert head.startswith(b"HTTP/1.1 200")
        assert b"true" in body or body.count(b'"d":{') == 10_000


def test_what_was_begun_before_is_gone_on_with(connection: socket.socket) -> None:
    """The beginning of a request came while another was answered; what follows belongs to it, even
    where it looks like a request that needs no parsing."""
    connection.sendall(get("ASK {}"))
    read_one(connection)
    begun = (
        b"GET /sparql?query=ASK%20%7B%20%3Ca:s%3E%20%3Ca:p%3E%20%3Ca:none%3E%20%7D HTTP/1.1\r\nX: "
    )
    connection.sendall(get(never_seen(SLOW)) + begun)
    assert b'"1000000"' in read_one(connection)[1]
    connection.sendall(get(never_seen("ASK {}")))
    assert b"false" in read_one(connection)[1]
    connection.sendall(get(never_seen("ASK {}")))
    assert b"true" in read_one(connection)[1]


@pytest.mark.parametrize("more", ["Connection: close\r\n", "Proxy-Connection: close\r\n"])
def test_what_closes_the_connection_is_not_known(strict: str, more: str) -> None:
    for _ in range(2):
        with connect(strict) as connection:
            connection.sendall(get(never_seen("ASK {}"), more))
            assert b"\r\nconnection: close" in read_one(connection)[0]
            assert connection.recv(1) == b""


def test_clients_in_a_hurry_leave_nothing_behind(http: httpx.Client, strict: str) -> None:
    """They go away at any moment of a long answer."""
    for tenths in range(60):
        with connect(strict) as connection:
            connection.sendall(get("ASK {}"))
            read_one(connection)
            connection.sendall(get(never_seen(LONGER)))
            time.sleep(tenths / 10_000)
    until(lambda: measured(http, "chiptrail_queries_running") == 0)


def test_what_a_proxy_says_counts_each_time(tmp_path: Path) -> None:
    """Neither known headers nor known requests may hide it."""
    with empty_server(tmp_path, CHIPTRAIL_TRUSTED_PROXIES="127.0.0.1") as base:
        with connect(base) as connection:
            for more, scheme in [("", "http"), ("X-Forwarded-Proto: https\r\n", "https")] * 3:
                connection.sendall(get("SELECT (STR(<x>) AS ?iri) {}", more))
                assert f'"{scheme}://e/x"'.encode() in read_one(connection)[1]
        with writer(base) as http:
            assert unparsed(http, "repeated") == 0


@pytest.mark.parametrize("query", [ENDLESS, LONGER], ids=["count", "rows"])
def test_a_client_that_goes_away_ends_its_query(
    http: httpx.Client, strict: str, query: str
) -> None:
    with connect(strict) as connection:
        connection.sendall(get("ASK {}"))
        read_one(connection)
        before = unparsed(http, "known_headers")
        connection.sendall(get(never_seen(query)))
        until(lambda: measured(http, "chiptrail_queries_running") == 1)
        assert unparsed(http, "known_headers") == before + 1
    until(lambda: measured(http, "chiptrail_queries_running") == 0, 1.0)  # it could run for two


def test_a_query_that_takes_too_long_is_told_so(connection: socket.socket) -> None:
    for _ in range(2):
        connection.sendall(get(never_seen(ENDLESS)))
        assert b"query_timeout" in read_one(connection)[1]


def test_what_runs_is_answered_before_the_server_ends(tmp_path: Path) -> None:
    with empty_server(tmp_path) as base, writer(base) as http, connect(base) as connection:
        connection.sendall(get("ASK {}"))
        read_one(connection)
        connection.sendall(get(never_seen(SLOW)))
        until(lambda: measured(http, "chiptrail_queries_running") == 1)
        os.kill(server_of(base), signal.SIGTERM)
        assert b'"1000000"' in read_one(connection)[1]
