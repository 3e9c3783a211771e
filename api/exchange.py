"""One request to a protocol endpoint and its answer, on bare ASGI.

The routes of the REST interface can afford a framework; the SPARQL protocols answer small
queries thousands of times a second and stream large ones, so they stand on ASGI itself.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager
from functools import cached_property, lru_cache
from types import TracebackType
from typing import Protocol
from urllib.parse import unquote_to_bytes

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.compression import LEAST, Gzip, compressed, gzip_tag, plain_tags
from api.conditional import CACHE, matches, names
from api.head import Head, RawHeaders, length_of
from api.service import Service
from kg.errors import Conflict, InvalidInput, LimitExceeded, UnsupportedMedia
from kg.serving import Answer

FORM_TYPE = "application/x-www-form-urlencoded"

Pairs = list[tuple[str, str]]

CONNECTION = "connection"
"""In the state of a request: the :class:`Connection` that it came by."""
BEGUN = "begun"
"""Likewise, the answer to its query, where that is on its way."""

_MOST_FIELDS = 1000
_MEMORY = 1 << 20


class Connection(Protocol):
    """What an exchange can have of the connection beside the events of ASGI."""

    lost: bool
    """The client has gone away."""
    on_lost: Callable[[], None] | None
    """Called when the client goes away; whoever sets it takes it away again."""

    def whole(self, status: int, headers: RawHeaders, body: bytes, version: str | None) -> bool:
        """Send an answer, which is all there; False where it is to be sent event by event.

        ``version``: the same request may get the same answer while the data has this version.
        """


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


class Exchange:
    """A request, and the means to answer it. ``started``: the answer's head is sent."""

    def __init__(
        self, service: Service, scope: Scope, receive: Receive, send: Send, more: RawHeaders
    ) -> None:
        """``more``: headers that every answer has."""
        self.service = service
        self.scope, self.receive, self.send = scope, receive, send
        self._connection: Connection = scope["state"][CONNECTION]
        self.method: str = scope["method"]
        self.started = False
        self._more = more
        self.head = Head(scope["headers"])

    @property
    def begun(self) -> asyncio.Task[Answer] | None:
        """The answer to its query, where that runs already (:mod:`api.quick`)."""
        begun: asyncio.Task[Answer] | None = self.scope["state"].get(BEGUN)
        return begun

    def close(self) -> None:
        """End what was begun, if it still runs."""
        if self.begun is not None:
            drop(self.begun)

    @property
    def client(self) -> str:
        """Whose turn a query takes: the peer's address."""
        peer = self.scope.get("client")
        return str(peer[0]) if peer else ""

    def header(self, name: bytes) -> str:
        """As :meth:`Head.header`."""
        return self.head.header(name)

    @property
    def url(self) -> str:
        """The address that was asked, without the query: relative IRIs are resolved here."""
        address, port = self.scope["server"]
        host = self.head.host or f"{address}:{port}"
        path = self.scope["raw_path"].decode("ascii")
        return f"{self.scope['scheme']}://{host}{path}"

    @cached_property
    def parameters(self) -> Pairs:
        """Of the URL. Raises InvalidInput where they are not UTF-8."""
        return pairs(self.scope["query_string"], "the URL")

    @cached_property
    def media_type(self) -> str:
        """Of the body, in lower case and without parameters; empty where there is none.

        Raises UnsupportedMedia for a charset other than UTF-8 and for encoded content.
        """
        media_type, *parameters = self.header(b"content-type").lower().split(";")
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "charset" and value.strip(' "') not in ("utf-8", "utf8"):
                raise UnsupportedMedia(f"the charset must be UTF-8, not {value.strip()}", ["utf-8"])
        if self.header(b"content-encoding") not in ("", "identity"):
            raise UnsupportedMedia("the body must not be compressed", ["identity"])
        return media_type.strip()

    async def body(self, limit: str) -> bytes:
        """The whole body, at most as long as the limit of that name allows.

        :raises LimitExceeded: it is longer, or it does not arrive in time.
        """
        most = getattr(self.service.engine.limits, limit)
        announced = self.header(b"content-length")
        if announced.isdecimal() and int(announced) > most:
            raise _too_long(limit, most)
        timeout = self.service.settings.body_timeout
        try:
            async with asyncio.timeout(timeout):
                return await self._read(limit, most)
        except TimeoutError:
            message = f"the body did not arrive within {timeout:g} seconds"
            raise LimitExceeded(message, "body_timeout", timeout) from None

    async def _read(self, limit: str, most: int) -> bytes:
        body = bytearray()
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            body += message.get("body", b"")
            if len(body) > most:
                raise _too_long(limit, most)
            if not message.get("more_body", False):
                return bytes(body)

    async def text(self, limit: str) -> str:
        """The body as text. Raises InvalidInput where it is not UTF-8."""
        body = await self.body(limit)
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InvalidInput(f"the body is not UTF-8 at byte {error.start}") from None

    def watched(self) -> AbstractContextManager[None]:
        """Within this, the work ends with :class:`ClientGone` when the client goes away."""
        return _Watch(self._connection)

    # --- answering ----------------------------------------------------------------------------

    def has(self, tag: str) -> str | None:
        """The ETag to answer 304 with, where the client has what ``tag`` names, else None.

        :raises Conflict: the client wants what it has, or nothing (If-Match), and has another.
        """
        wanted, known = self.header(b"if-match").strip(), self.header(b"if-none-match").strip()
        if wanted and not names(plain_tags(wanted), tag):
            raise Conflict("what there is now is not what If-Match names")
        if not known or not matches(plain_tags(known), tag):
            return None
        return gzip_tag(tag) if known != "*" and matches(known, gzip_tag(tag)) else tag

    async def whole(
        self,
        status: int,
        headers: Mapping[str, str],
        body: bytes = b"",
        version: str | None = None,
    ) -> None:
        """Send an answer that is all there. ``version``: see :meth:`Connection.whole`."""
        if self.head.gzip and len(body) >= LEAST and status == 200:
            headers, body = as_gzip(headers), await compressed(body)
        if self._connection.whole(status, raw(headers) + self._more, body, version):
            self.started = True
            return
        await self.start(status, raw(headers) + length_of(status, body))
        await self.send({"type": "http.response.body", "body": body})

    async def respond(self, response: Response) -> None:
        """Send a ready-made answer."""
        response.raw_headers += self._more
        await response(self.scope, self.receive, self.send)

    async def stream(self, headers: Mapping[str, str], answer: Answer) -> None:
        """Send an answer while it comes.

        An error on the way is raised on: the server then closes the connection without the
        end of the transfer, so that nobody takes the part for the whole.
        """
        try:
            if self.scope["http_version"] == "1.0":
                await self._with_length(headers, answer)
            elif self.head.gzip:
                await self._pieces(as_gzip(headers), _gzipped(answer))
            else:
                await self._pieces(headers, aiter(answer))
        finally:
            answer.close()

    async def _pieces(self, headers: Mapping[str, str], pieces: AsyncIterator[bytes]) -> None:
        await self.start(200, raw(headers))
        if self.method != "HEAD":
            async for piece in pieces:
                await self.send({"type": "http.response.body", "body": piece, "more_body": True})
        await self.send({"type": "http.response.body", "body": b""})

    async def _with_length(self, headers: Mapping[str, str], answer: Answer) -> None:
        """HTTP/1.0 has no transfer coding: only a length shows whether all has come."""
        with tempfile.SpooledTemporaryFile(_MEMORY) as file:
            async for piece in answer:
                await asyncio.to_thread(file.write, piece)
            length = (b"content-length", b"%d" % file.tell())
            await self.start(200, [*raw(headers), length])
            file.seek(0)
            while piece := await asyncio.to_thread(file.read, 64 << 10):
                await self.send({"type": "http.response.body", "body": piece, "more_body": True})
        await self.send({"type": "http.response.body", "body": b""})

    async def start(self, status: int, headers: RawHeaders) -> None:
        """Send the head of an answer."""
        self.started = True
        headers = [*headers, *self._more]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})


def drop(task: asyncio.Task[Answer]) -> None:
    """End a query whose answer nobody waits for."""
    task.cancel()
    if task.done() and not task.cancelled() and task.exception() is None:
        task.result().close()


def pairs(encoded: bytes, where: str) -> Pairs:
    """The parameters of a URL or a form. Raises InvalidInput where they are not UTF-8."""
    if encoded.count(b"&") >= _MOST_FIELDS:
        raise InvalidInput(f"{where} has more than {_MOST_FIELDS} parameters")
    try:
        fields = (field.partition(b"=") for field in encoded.split(b"&") if field)
        return [(unquoted(name), unquoted(value)) for name, _, value in fields]
    except UnicodeDecodeError:
        raise InvalidInput(f"the parameters of {where} are not UTF-8") from None


def unquoted(encoded: bytes) -> str:
    """A name or a value of a form. Raises UnicodeDecodeError where it is not UTF-8."""
    return unquote_to_bytes(encoded.replace(b"+", b" ")).decode("utf-8")


def by_name(parameters: Pairs) -> dict[str, tuple[str, ...]]:
    """Name → all its values, in their order."""
    found: dict[str, tuple[str, ...]] = {}
    for name, value in parameters:
        found[name] = (*found.get(name, ()), value)
    return found


def raw(headers: Mapping[str, str]) -> RawHeaders:
    """Headers as ASGI wants them."""
    return [_raw(name, value) for name, value in headers.items()]


@lru_cache(maxsize=1024)
def _raw(name: str, value: str) -> tuple[bytes, bytes]:
    return name.lower().encode(), value.encode("latin-1")


def answer_headers(content_type: str, tag: str | None) -> dict[str, str]:
    """Of an answer that depends on the data. Without ``tag`` it is not to be kept."""
    kept = {"ETag": tag, "Cache-Control": CACHE} if tag else {"Cache-Control": "no-store"}
    return {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding", **kept}


def content_type(media_type: str) -> str:
    """``media_type`` with its charset where it is a type of text."""
    if not media_type.startswith("text/"):
        return media_type
    type_, *parameters = media_type.split("; ")
    return "; ".join([type_, "charset=utf-8", *parameters])


def _too_long(limit: str, most: int) -> LimitExceeded:
    return LimitExceeded(f"the body is longer than {limit} allows ({most:,} bytes)", limit, most)


def as_gzip(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers of the compressed form of an answer that has ``headers``."""
    tagged = {"ETag": gzip_tag(headers["ETag"])} if "ETag" in headers else {}
    return {**headers, **tagged, "Content-Encoding": "gzip"}


async def _gzipped(answer: Answer) -> AsyncIterator[bytes]:
    stream = Gzip()
    async for piece in answer:
        if smaller := await stream.add(piece):
            yield smaller
    yield stream.end()


class _Watch(AbstractContextManager[None]):
    """Cancels the task that entered it when the client goes away."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._gone = connection, False

    def __enter__(self) -> None:
        if self._connection.lost:
            raise ClientGone
        self._task = asyncio.current_task()
        self._connection.on_lost = self._cancel

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.on_lost = None
        if self._gone and self._task is not None and isinstance(error, asyncio.CancelledError):
            self._task.uncancel()
            raise ClientGone from None

    def _cancel(self) -> None:
        assert self._task is not None  # noqa: S101 - a coroutine runs in a task
        self._gone = True
        self._task.cancel()
