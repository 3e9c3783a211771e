"""gzip (RFC 9110, 12.5.3) for those who ask: piece by piece, with bounded memory.

An ETag names one sequence of bytes, so the compressed form of an answer has its own: the
same with ``-gzip`` before the closing quote.
"""

from __future__ import annotations

import asyncio
import re
import zlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LEAST = 1024
"""Bytes below which compression is not worth it."""
INLINE = 16 << 10
"""Bytes that take less time to compress than to hand to a thread."""

_LEVEL = 4
_GZIP = 16 + zlib.MAX_WBITS  # zlib's way to ask for gzip's framing
_SUFFIX = "-gzip"
_WEIGHT = re.compile(r"q=([01](?:\.[0-9]{0,3})?)")
_COMPRESSED = ("image/", "audio/", "video/", "font/", "application/zip", "application/gzip")
_LIVE = "text/event-stream"  # would wait in the compressor


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether ``gzip`` (or ``*``, where gzip is not named) is wanted, and not less than none."""
    found: dict[str, float] = {}
    for part in accept_encoding.lower().split(","):
        coding, _, weight = part.partition(";")
        written = _WEIGHT.fullmatch(weight.replace(" ", ""))
        found[coding.strip()] = float(written[1]) if written else 1.0
    quality = found.get("gzip", found.get("*", 0.0))
    return quality > 0 and quality >= found.get("identity", 0.0)


def gzip_tag(tag: str) -> str:
    """The ETag of the compressed form of what ``tag`` names."""
    return f'{tag[:-1]}{_SUFFIX}"'


def plain_tags(tags: str) -> str:
    """A list of ETags with compressed forms as the forms that they were made from."""
    return tags.replace(f'{_SUFFIX}"', '"')


class Gzip:
    """One compressed stream."""

    def __init__(self) -> None:
        self._state = zlib.compressobj(_LEVEL, wbits=_GZIP)

    async def add(self, piece: bytes) -> bytes:
        """What can be sent already; may be empty."""
        if len(piece) <= INLINE:
            return self._state.compress(piece)
        return await asyncio.to_thread(self._state.compress, piece)

    def end(self) -> bytes:
        return self._state.flush()


async def compressed(body: bytes) -> bytes:
    """``body`` as a whole."""
    if len(body) <= INLINE:
        return compress(body)
    return await asyncio.to_thread(compress, body)


def compress(body: bytes) -> bytes:
    """Likewise, at once."""
    return zlib.compress(body, _LEVEL, _GZIP)


class Compression:
    """ASGI middleware: compresses what ``app`` sends, where the client accepts it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        accepted = accepts_gzip(Headers(scope=scope).get("accept-encoding", ""))
        await self.app(_without_suffix(scope), receive, _Sender(send, accepted))


def _without_suffix(scope: Scope) -> Scope:
    """The request with the ETags that the application knows."""
    names = (b"if-none-match", b"if-match")
    headers = [
        (name, plain_tags(value.decode("latin-1")).encode("latin-1") if name in names else value)
        for name, value in scope["headers"]
    ]
    return {**scope, "headers": headers}


class _Sender:
    """Stands between the application and the server for one answer."""

    def __init__(self, send: Send, accepted: bool) -> None:
        self._send, self._accepted = send, accepted
        self._start: Message = {}
        self._gzip: Gzip | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            await self._body(message.get("body", b""), message.get("more_body", False))
        else:
            await self._send(message)

    async def _body(self, body: bytes, more: bool) -> None:
        if self._start:
            start, self._start = self._start, {}
            if self._decide(start, body, more):
                self._gzip = Gzip()
            await self._send(start)
        if self._gzip is not None:
            body = await self._gzip.add(body) + (b"" if more else self._gzip.end())
        if body or not more:
            await self._send({"type": "http.response.body", "body": body, "more_body": more})

    def _decide(self, start: Message, body: bytes, more: bool) -> bool:
        """Whether to compress; the headers of ``start`` are set accordingly."""
        headers = MutableHeaders(raw=start["headers"])
        kind = headers.get("content-type", "")
        left_alone = kind.startswith((*_COMPRESSED, _LIVE))
        if "content-encoding" in headers or not kind or left_alone:
            return False
        headers.add_vary_header("Accept-Encoding")
        worth_it = more or len(body) >= LEAST
        if not (self._accepted and worth_it and start["status"] == 200):
            return False
        headers["Content-Encoding"] = "gzip"
        del headers["Content-Length"]
        if "etag" in headers:
            headers["ETag"] = gzip_tag(headers["etag"])
        return True
