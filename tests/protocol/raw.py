"""HTTP over a plain socket, for what a well-behaved client library would not do or not show."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urlsplit

import httpx


@dataclass(frozen=True)
class Reply:
    """``whole``: the transfer came to its proper end (the last chunk, or all of the length)."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool


def connect(base: str, timeout: float = 20.0) -> socket.socket:
    address = urlsplit(base)
    return socket.create_connection((address.hostname, address.port), timeout)


def exchange(base: str, request: bytes) -> Reply:
    """Send ``request`` and read until the server closes (ask it to: ``Connection: close``)."""
    with connect(base) as connection:
        connection.sendall(request)
        return read_reply(connection)


def read_reply(connection: socket.socket) -> Reply:
    received = bytearray()
    try:
        while piece := connection.recv(1 << 16):
            received += piece
    except ConnectionResetError:
        pass  # what came before it counts
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        whole = body.endswith(b"\r\n0\r\n\r\n") or body == b"0\r\n\r\n"
    else:
        whole = len(body) == int(headers.get("content-length", -1))
    return Reply(int(first.split()[1]) if first else 0, headers, body, whole)


def get(query: str, more: str = "", method: str = "GET") -> bytes:
    """A request that keeps the connection; ``more``: header lines."""
    return f"{method} /sparql?query={quote(query)} HTTP/1.1\r\nHost: e\r\n{more}\r\n".encode()


def read_one(connection: socket.socket, has_body: bool = True) -> tuple[bytes, bytes]:
    """Head and body of one answer on a connection that is kept."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    if b"transfer-encoding: chunked" in head:
        while (content := _content(body)) is None:
            body += _some(connection)
        return head, content
    while has_body and length and len(body) < int(length[1]):
        body += _some(connection)
    return head, body


def _content(chunked: bytes) -> bytes | None:
    """None where the last chunk has not come."""
    content = b""
    while b"\r\n" in chunked:
        line, _, chunked = chunked.partition(b"\r\n")
        size = int(line, 16)
        if not size:
            return content
        content, chunked = content + chunked[:size], chunked[size + 2 :]
    return None


def _some(connection: socket.socket) -> bytes:
    piece = connection.recv(1 << 16)
    assert piece, "the connection was closed"
    return piece


def without_date(head: bytes) -> bytes:
    """Raises ValueError where its date is none."""
    date = re.search(rb"\r\ndate: ([^\r]*)", head)
    assert date
    parsedate_to_datetime(date[1].decode())
    return head.replace(date[0], b"")


def measured(http: httpx.Client, name: str) -> float:
    """A value of ``/metrics``; 0 where it is not there."""
    text = http.get("/metrics").text
    found = re.search(rf"^{re.escape(name)} (.*)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def unparsed(http: httpx.Client, why: str) -> float:
    """How many queries no parser has read."""
    return measured(http, f'chiptrail_unparsed_requests_total{{route="query",why="{why}"}}')
