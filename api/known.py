"""Requests that can be read at a glance: of a GET whose headers came before, only the address.

A client says the same with each request but for what it asks. So the headers of a request that
the parser has read are kept, by their bytes; when those come again, byte for byte, the parser
could find nothing else in them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from api.head import Head, RawHeaders
from kg.serving.cache import Cache

# Of the targets that RFC 3986 allows those that need no decoding but for their query.
_BEGINNING = re.compile(
    rb"GET (/(?!/)[\w.~!$&'()*+,;=:@/-]*)(?:\?([!$-;=?-Z_a-z~]*))? HTTP/1\.1\r\n"
)
_OUT_OF_THE_ORDINARY = frozenset(
    {b"content-length", b"transfer-encoding", b"expect", b"upgrade", b"te", b"trailer"}
)
_CAPACITY, _LARGEST = 4 << 20, 16 << 10
_OVERHEAD = 1024  # bytes that an entry costs beside its key


class Glance(NamedTuple):
    """A GET by HTTP/1.1, without a body, on a connection that stays open."""

    path: str
    query: bytes
    head: Head


class KnownHeaders:
    """Headers as they came, and what was made of them."""

    def __init__(self) -> None:
        self._read: Cache[Head] = Cache(_CAPACITY, _LARGEST)

    def glance(self, request: bytes) -> Glance | None:
        """What ``request``, all of a message, says; None where the parser has to read it."""
        beginning = _BEGINNING.match(request)
        if beginning is None:
            return None
        head = self._read.get(request[beginning.end() :])
        if head is None:
            return None
        return Glance(beginning[1].decode("ascii"), beginning[2] or b"", head)

    def learn(self, request: bytes, headers: RawHeaders) -> None:
        """Keep the ``headers`` that the parser found in ``request``, all of a message after which
        the connection stays open."""
        beginning = _BEGINNING.match(request)
        if beginning is None or any(name in _OUT_OF_THE_ORDINARY for name, _ in headers):
            return
        lines = request[beginning.end() :]
        if lines.endswith(b"\r\n\r\n") and lines.count(b"\r\n\r\n") == 1:
            self._read.put(lines, Head(headers), 3 * len(lines) + _OVERHEAD)
