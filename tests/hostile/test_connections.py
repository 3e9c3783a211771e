"""Clients that are slow, many, or do not speak HTTP."""

from __future__ import annotations

import resource
import socket
import time
from contextlib import ExitStack, suppress

import pytest

from ..processes import linux_only
from ..protocol.raw import connect, exchange, read_reply
from .conftest import Witness

pytestmark = linux_only

HEAD = b"GET /sparql?query=ASK%7B%7D HTTP/1.1\r\nHost: localhost\r\n"
POST = (
    b"POST /sparql HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    b"Content-Type: application/sparql-query\r\n"
)


def test_headers_that_trickle_in(server: str, witness: Witness) -> None:
    with ExitStack() as opened:
        connections = [opened.enter_context(connect(server)) for _ in range(200)]
        for letter in HEAD[:20]:
            for connection in connections:
                _send(connection, bytes([letter]))
            time.sleep(0.1)
        time.sleep(1)
        assert {read_reply(connection).status for connection in connections} <= {408, 0}


def test_connections_that_say_nothing(server: str, witness: Witness) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    number = min(3000, hard // 2)
    with ExitStack() as opened:
        for _ in range(number):
            opened.enter_context(connect(server))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("stay", [False, True], ids=["gone", "silent"])
@pytest.mark.parametrize(
    "framing", [b"Content-Length: 9999\r\n", b"Transfer-Encoding: chunked\r\n"]
)
def test_bodies_that_stop_half_way(
    server: str, witness: Witness, framing: bytes, stay: bool
) -> None:
    part = b"5\r\nASK {\r\n" if b"chunked" in framing else b"ASK {"
    with ExitStack() as opened:
        connections = [opened.enter_context(connect(server)) for _ in range(50)]
        for connection in connections:
            connection.sendall(POST + framing + b"\r\n" + part)
        if stay:
            replies = [read_reply(connection) for connection in connections]
            assert {reply.status for reply in replies} == {408}


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (HEAD + b"X: " + b"x" * (1 << 20) + b"\r\n\r\n", 431),
        (HEAD + b"X: y\r\n" * 200_000 + b"\r\n", 431),
        (HEAD + b"X" * (1 << 20) + b": y\r\n\r\n", 431),
        (b"GET /sparql?query=" + b"x" * (1 << 20) + b" HTTP/1.1\r\n\r\n", 431),
        (POST + b"Content-Length: 99999999999\r\n\r\n", 413),
        (POST + b"Content-Length: 2000000\r\n\r\n" + b"x" * 2_000_000, 413),
        (
            POST
            + b"Transfer-Encoding: chunked\r\n\r\n"
            + (b"ffff\r\n" + b"x" * 65535 + b"\r\n") * 40
            + b"0\r\n\r\n",
            413,
        ),
    ],
    ids=["header", "headers", "name", "url", "announced", "sent", "chunked"],
)
def test_too_much(server: str, witness: Witness, request_: bytes, status: int) -> None:
    with connect(server) as connection:
        _send(connection, request_)
        assert read_reply(connection).status == status


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        POST
        + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nASK {}",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"X: \x00\r\n\r\n",
        HEAD + b" folded: header\r\n\r\n",
        b"GET /sparql\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_not_http(server: str, witness: Witness, request_: bytes) -> None:
    assert exchange(server, request_).status == 400


def test_http_that_is_not_spoken_here(server: str, witness: Witness) -> None:
    later = b"GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n"
    assert exchange(server, later).status == 505
    squeezed = POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
    assert exchange(server, squeezed).status == 501


@pytest.mark.parametrize(
    "host", [b"a b", b"x/../y", b"<script>", b"x:99999999", b"\xe9", b"a,b", b"x\\y"]
)
def test_a_malformed_host(server: str, witness: Witness, host: bytes) -> None:
    request = b"GET /sparql?query=ASK%7B%7D HTTP/1.1\r\nConnection: close\r\nHost: " + host
    assert exchange(server, request + b"\r\n\r\n").status == 400


def test_upgrades_are_not_taken(server: str, witness: Witness) -> None:
    for upgrade in (b"websocket", b"h2c"):
        more = b"Connection: Upgrade, close\r\nUpgrade: " + upgrade + b"\r\n\r\n"
        assert exchange(server, HEAD + more).status == 200


def test_answers_that_nobody_takes(server: str, witness: Witness) -> None:
    """Each would be endless; the client's window is shut after a moment."""
    endless = (
        "SELECT * { "
        + " ".join(f"VALUES ?{v} {{ 0 1 2 3 4 5 6 7 8 9 }}" for v in "abcdefghijk")
        + " }"
    )
    body = endless.encode()
    request = POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
    with ExitStack() as opened:
        connections = [opened.enter_context(connect(server)) for _ in range(12)]
        for connection in connections:
            connection.sendall(request)
        time.sleep(5)


def test_many_clients_at_once(server: str, witness: Witness) -> None:
    request = HEAD + b"Connection: close\r\n\r\n"
    with ExitStack() as opened:
        connections = [opened.enter_context(connect(server)) for _ in range(300)]
        for connection in connections:
            connection.sendall(request)
        assert {read_reply(connection).status for connection in connections} == {200}


def _send(connection: socket.socket, data: bytes) -> None:
    """The server may have had enough before all is sent."""
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.sendall(data)
