"""Frames between the server and its children: one byte of kind, four of length, the body.

Bodies are JSON or raw bytes, never pickles: a child that an attacker has taken over must
not be able to make the server run anything.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Any

LONGEST = 1 << 20
"""Bytes of the longest frame that a child may send."""

_HEADER = struct.Struct("!BI")


class Kind(IntEnum):
    HELLO = 1  # child → server: who I am (JSON)
    WORK = 2  # server → child: what to do (JSON)
    BODY = 3  # server → child: a document that belongs to the work (bytes)
    HEAD = 4  # child → server: the answer begins (JSON)
    DATA = 5  # child → server: a piece of it (bytes)
    END = 6  # child → server: the answer is whole (JSON)
    FAIL = 7  # child → server: there is none, or no more of it (JSON)


Frame = tuple[int, bytes]


def pack(kind: Kind, body: bytes | bytearray = b"") -> bytes:
    return _HEADER.pack(kind, len(body)) + body


def pack_json(kind: Kind, value: Any) -> bytes:
    return pack(kind, json.dumps(value).encode())


class Decoder:
    """Turns pieces of a byte stream into frames.

    :raises ValueError: a frame announces more than :data:`LONGEST` bytes.
    """

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        self._pending += data
        start, available = 0, len(self._pending)
        while available - start >= _HEADER.size:
            kind, length = _HEADER.unpack_from(self._pending, start)
            if length > LONGEST:
                raise ValueError(f"a frame of {length} bytes")
            end = start + _HEADER.size + length
            if end > available:
                break
            yield kind, bytes(memoryview(self._pending)[start + _HEADER.size : end])
            start = end
        if start:
            del self._pending[:start]


def greet(descriptor: int, value: dict[str, Any]) -> None:
    """A child reports for work."""
    write(descriptor, pack_json(Kind.HELLO, value))


def write(descriptor: int, data: bytes | bytearray) -> None:
    """Write all of ``data`` to a blocking descriptor.

    :raises BrokenPipeError: the other side is gone.
    """
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def read(descriptor: int) -> Frame:
    """The next frame of a blocking descriptor.

    :raises EOFError: the other side is gone.
    """
    kind, length = _HEADER.unpack(_exactly(descriptor, _HEADER.size))
    return kind, _exactly(descriptor, length)


def read_json(descriptor: int, expected: Kind) -> dict[str, Any]:
    """The next frame's JSON.

    :raises EOFError: the other side is gone.
    :raises ValueError: it is a frame of another kind.
    """
    kind, body = read(descriptor)
    if kind != expected:
        raise ValueError(f"frame of kind {kind} where {expected.name} was due")
    value: dict[str, Any] = json.loads(body)
    return value


def _exactly(descriptor: int, size: int) -> bytes:
    pieces = []
    while size:
        piece = os.read(descriptor, min(size, 1 << 20))
        if not piece:
            raise EOFError
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
