"""(Child.) Where an answer goes: to the server in pieces, on the way put right for its format.

Two serialisers of the engine write what readers cannot read back. Its CSV leaves IRIs with a
comma bare, so CSV is made of its TSV. Its XML has carriage returns as they are (every parser
makes line feeds of them), characters that XML cannot have, and elements without a name for
properties that RDF/XML cannot name.
"""

from __future__ import annotations

import re
from typing import IO, cast

from kg.serving import wire
from kg.serving.wire import Kind

_PIECE = 64 << 10
_LARGEST_FRAME = wire.LONGEST // 2


class Refusal(Exception):
    """The answer cannot be given; ``error`` names the class that the server raises."""

    def __init__(self, error: str, message: str) -> None:
        self.error = error
        super().__init__(message)


class Sink:
    """Of a file, what the engine uses."""

    def write(self, data: bytes) -> int:
        raise NotImplementedError

    def flush(self) -> None:
        """The engine calls it; pieces go out when they are full."""

    @property
    def file(self) -> IO[bytes]:
        """As the engine's stubs want it."""
        return cast("IO[bytes]", self)


class Output(Sink):
    """Sends what is written to the server, in pieces of 64 KiB."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._kind = b""
        self._piece = bytearray()
        self._begun = False
        """Part of it has been sent."""

    def head(self, kind: str) -> None:
        self._kind = kind.encode()

    def write(self, data: bytes) -> int:
        self._piece += data
        if len(self._piece) >= _PIECE:
            self._send()
        return len(data)

    def end(self, state: bytes = b"") -> None:
        """It is whole. ``state`` of the worker: RETIRE, WORN, or nothing to tell."""
        if self._begun:
            self._send(wire.pack(Kind.END, state))
        else:
            wire.write(self._descriptor, wire.pack_whole(self._kind, state, self._piece))

    def carrying(self, media_type: str) -> IO[bytes]:
        """The file for what the engine writes as ``media_type``."""
        return Xml(self).file if media_type.endswith("+xml") else self.file

    def _send(self, end: bytes = b"") -> None:
        frames = bytearray() if self._begun else wire.pack(Kind.HEAD, self._kind)
        for start in range(0, len(self._piece), _LARGEST_FRAME):
            frames += wire.pack(Kind.DATA, self._piece[start : start + _LARGEST_FRAME])
        self._piece.clear()
        self._begun = True
        wire.write(self._descriptor, frames + end)


class Xml(Sink):
    """Takes the engine's XML.

    :raises Refusal: it has what XML cannot carry.
    """

    _NO_CHARACTERS = bytes(code for code in range(0x20) if code not in b"\t\n\r")
    _NO_NONCHARACTERS = ("\ufffe".encode(), "\uffff".encode())
    _NAMELESS = b"<oxprefix: "

    def __init__(self, to: Sink) -> None:
        self._to, self._before = to, b""

    def write(self, data: bytes) -> int:
        seen = self._before + data
        if len(data.translate(None, self._NO_CHARACTERS)) < len(data) or any(
            character in seen for character in self._NO_NONCHARACTERS
        ):
            raise Refusal("format", "the answer has characters that XML cannot carry")
        if self._NAMELESS in seen:
            message = "the answer has a property or a class whose IRI RDF/XML cannot write"
            raise Refusal("format", message)
        self._before = seen[1 - len(self._NAMELESS) :]
        self._to.write(data.replace(b"\r", b"&#xD;"))
        return len(data)


class Csv(Sink):
    """Takes the engine's TSV and writes it as CSV (SPARQL 1.2 Query Results CSV)."""

    def __init__(self, to: Sink) -> None:
        self._to, self._rest = to, b""
        self._begun = False

    def write(self, data: bytes) -> int:
        lines, end, self._rest = (self._rest + data).rpartition(b"\n")
        if end:
            simply = self._begun and _is_simple(lines)
            self._to.write(_simple_records(lines) if simply else _records(lines))
            self._begun = True
        return len(data)


_INTRICATE = (b",", b"\\", b'\n"^^', b'\t"^^')
_SUFFIX = re.compile(rb'"(?:@[A-Za-z0-9-]++|\^\^<[^<>]*+>)(?=[\t\n])')


def _is_simple(lines: bytes) -> bool:
    """Values are as they are in CSV, and angle brackets stand around IRIs only."""
    framed = b"\n" + lines + b"\n"
    if any(mark in framed for mark in _INTRICATE):
        return False
    opened, closed = (b"\n<", b"\t<", b'"^^<'), (b">\n", b">\t")
    return framed.count(b"<") == sum(map(framed.count, opened)) and framed.count(b">") == sum(
        map(framed.count, closed)
    )


def _simple_records(lines: bytes) -> bytes:
    """The short way: take away what is not value. Several times as fast as the long one."""
    values = _SUFFIX.sub(b"", lines + b"\n").translate(None, b'<>"')
    return values.replace(b"\t", b",").replace(b"\n", b"\r\n")


def _records(lines: bytes) -> bytes:
    fields = (map(_field, line.split(b"\t")) for line in lines.split(b"\n"))
    return b"".join(b",".join(record) + b"\r\n" for record in fields)


_TERM = re.compile(
    rb'"((?:[^"\\]++|\\.)*+)"(?:@[A-Za-z0-9-]++|\^\^<[^<>]*+>)?'  # a literal
    rb"|<([^<>]*+)>"  # an IRI
)
_ESCAPED = re.compile(rb'\\([tnr"\\])')
_ESCAPES = {b"t": b"\t", b"n": b"\n", b"r": b"\r", b'"': b'"', b"\\": b"\\"}
_TO_QUOTE = re.compile(rb'[",\r\n]')


def _field(term: bytes) -> bytes:
    """A variable or a term of TSV, or nothing, as a field of CSV."""
    match term[:1]:
        case b'"':
            text = _text(term[1 : term.rindex(b'"')])
        case b"<":
            text = _TERM.sub(_within, term) if term.startswith(b"<<") else term[1:-1]
        case _:
            return term.removeprefix(b"?")
    return _quoted(text) if _TO_QUOTE.search(text) else text


def _within(term: re.Match[bytes]) -> bytes:
    """A term in a triple term."""
    return _quoted(_text(term[1])) if term[2] is None else term[2]


def _text(escaped: bytes) -> bytes:
    if b"\\" not in escaped:
        return escaped
    return _ESCAPED.sub(lambda found: _ESCAPES[found[1]], escaped)


def _quoted(text: bytes) -> bytes:
    return b'"' + text.replace(b'"', b'""') + b'"'
