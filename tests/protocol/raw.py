"""HTTP over a plain socket, for what a well-behaved client library would not do or not show."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from urllib.parse import urlsplit


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
