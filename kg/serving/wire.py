"""Frames between the server and its children: one byte of kind, four of length, the body.

Bodies are JSON, a word, or raw bytes, never pickles: a child that an attacker has taken over must
not be able to make the server run anything.
"""

from __future__ import annotations

import json
import os
import select
import struct
import time
from enum import IntEnum
from typing import Any

LONGEST = 1 << 20
"""Bytes of the longest frame that a child may send."""

_BUFFER = 64 << 10
_HEADER = struct.Struct("!BI")
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode


class Kind(IntEnum):
    HELLO = 1  # child → server: who I am (JSON)
    WORK = 2  # server → child: what to do (JSON)
    BODY = 3  # server → child: a document that belongs to the work (bytes)
    HEAD = 4  # worker → server: the answer begins (a word: what kind of answer)
    DATA = 5  # worker → server: a piece of it (bytes)
    END = 6  # worker → server: the answer is whole (RETIRE or WORN, of the worker)
    WHOLE = 9  # worker → server: a short answer in one, see pack_whole
    DONE = 8  # writer → server: the operation is done (JSON)
    FAIL = 7  # child → server: there is none, or no more of it (JSON)


Frame = tuple[int, bytes]

RETIRE = b"retire"
"""It should not go on: it does not give its memory back."""
WORN = b"worn"
"""It has come to hold much memory of its own, and should not be kept for long without need."""


def pack(kind: Kind, body: bytes | bytearray = b"") -> bytes:
    return _HEADER.pack(kind, len(body)) + body


def pack_whole(kind: bytes, state: bytes, content: bytes | bytearray) -> bytes:
    """An answer of HEAD, DATA and END in one frame."""
    return pack(Kind.WHOLE, b"%b %b\n%b" % (kind, state, bytes(content)))


def unpack_whole(body: bytes) -> tuple[bytes, bytes, bytes]:
    """Kind of the answer, state of the worker, content."""
    head, _, content = body.partition(b"\n")
    kind, _, state = head.partition(b" ")
    return kind, state, content


def pack_json(kind: Kind, value: Any) -> bytes:
    return pack(kind, _ENCODE(value).encode())


class Decoder:
    """Turns pieces of a byte stream into frames.

    :raises ValueError: a frame announces more than :data:`LONGEST` bytes.
    """

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[Frame]:
        if self._pending:
            data = self._pending + data
        frames: list[Frame] = []
        start, available = 0, len(data)
        while available - start >= _HEADER.size:
            kind, length = _HEADER.unpack_from(data, start)
            if length > LONGEST:
                raise ValueError(f"a frame of {length} bytes")
            end = start + _HEADER.size + length
            if end > available:
                break
            frames.append((kind, data[start + _HEADER.size : end]))
            start = end
        self._pending = data[start:]
        return frames


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


class Inbox:
    """What comes in on a blocking descriptor, which stays the caller's.

    Every method raises EOFError where the other side is gone.
    """

    def __init__(self, descriptor: int) -> None:
        self._file = open(descriptor, "rb", buffering=_BUFFER, closefd=False)  # noqa: SIM115
        self._coming = select.poll()
        self._coming.register(descriptor, select.POLLIN)

    def linger(self, seconds: float) -> None:
        """Wait up to ``seconds`` for the next frame without going to sleep, letting others run."""
        end = time.perf_counter() + seconds
        while seconds and not self._coming.poll(0) and time.perf_counter() < end:
            os.sched_yield()

    def read(self) -> Frame:
        """The next frame."""
        kind, length = _HEADER.unpack(self._exactly(_HEADER.size))
        return kind, self._exactly(length)

    def read_json(self, expected: Kind) -> dict[str, Any]:
        """The next frame's JSON.

        :raises ValueError: it is a frame of another kind.
        """
        kind, body = self.read()
        if kind != expected:
            raise ValueError(f"frame of kind {kind} where {expected.name} was due")
        value: dict[str, Any] = json.loads(body)
        return value

    def _exactly(self, size: int) -> bytes:
        piece = self._file.read(size)
        if len(piece) < size:
            raise EOFError
        return piece
