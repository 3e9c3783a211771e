"""One HTTP connection: uvicorn's, with limits on clients and shorter ways for frequent requests."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple, cast

import httptools
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from api import quick
from api.exchange import BEGUN, CONNECTION, drop
from api.head import RawHeaders, length_of
from api.health import Counts
from api.known import Glance, KnownHeaders
from api.quick import Quick
from api.room import Room
from api.service import Service
from kg.config import Settings
from kg.errors import Unavailable
from kg.serving import Answer
from kg.serving.cache import Cache

_LINGER = 5  # seconds that the rest of a request is read after it was answered
_LARGE = 32 << 10  # bytes of an answer that are sent at once
_OVERHEAD = 1024  # bytes that an answer costs beside its request and itself
_NOT_IN_HEADERS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class Sent(NamedTuple):
    """A whole answer, which may be sent again to the very same request."""

    method: str
    path: str
    status: int
    answer: bytes
    """The headers that are its own, and the body."""


class GuardedProtocol(HttpToolsProtocol):
    """What uvicorn leaves to a proxy in front: limits on how requests come in.

    A connection *waits* from its beginning, or the end of an answer, until the headers of a
    request are complete. While it waits it may be closed: after a time, past ``header_bytes``, or
    to make room when there are too many connections. One that was answered before its request
    was all there is read on for a moment, so that the client sees the answer; one that takes
    nothing of its answer is ended after ``stall_timeout``.

    A request that came in one piece may go a shorter way. If the same bytes were answered
    before, from the same data, the answer is sent again. If it is a GET whose headers came
    before, it is not parsed (:mod:`api.known`); and if it is a query and nothing else, it is run
    right away (:mod:`api.quick`). The application, too, may hand over a whole answer
    (:meth:`whole`) instead of the events of ASGI.
    """

    settings: ClassVar[Settings]
    counts: ClassVar[Counts]
    room: ClassVar[Room]
    known: ClassVar[KnownHeaders]
    sent: ClassVar[Cache[Sent]]
    """Answers by the bytes of the request."""

    lost = False
    """The client has gone away."""
    on_lost: Callable[[], None] | None = None
    """Called when the client goes away; whoever sets it takes it away again."""

    _quick: Quick | None = None
    """The query that is being answered, where it goes the quick way."""
    _active: RequestResponseCycle | None = None
    """The request that is being answered."""
    _asked: bytes | None = None
    """Its bytes, where it came in one piece and nothing came after it."""
    _begun = 0
    """Messages whose beginning the parser has seen in what came last."""
    _between = True
    """The parser is between two messages."""
    _fault = b""
    _received = 0
    _tail = b""
    _lingering: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    @property
    def peer(self) -> str:
        return self.client[0] if self.client else ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._output = JoinedWrites(transport, self.loop)
        super().connection_made(cast("asyncio.Transport", self._output))
        self.room.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.room.leave(self)
        self._stop_lingering()
        self.resume_writing()
        if self._active is not None:  # which the framework forgets when another is queued
            self._active.disconnected = True
            self._active.message_event.set()
        self.lost = True
        if self._quick is not None:
            drop(self._quick.task)
        if self.on_lost is not None:
            self.on_lost()
        super().connection_lost(exc)
        # What it holds goes now: the garbage collector, which would find the circles, comes rarely.
        self._quick = self._active = self._asked = None
        self.cycle = None  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        waited = self.room.waits(self)
        begun = waited and (self._received or len(data) > self.settings.header_bytes)
        if begun and not self._within_limit(data):
            self._refuse(b"431 Request Header Fields Too Large")
            return
        fresh = waited and not self._received
        if fresh and self._shorter(data):
            return
        self._go_on_ordinarily()
        self._begun = 0
        super().data_received(data)
        self._asked = data if fresh and self._between and self._begun == 1 else None
        if self._asked is not None and self.cycle.keep_alive:
            self.known.learn(data, self.headers)
        if waited and self.room.waits(self):  # headers are to come, or the rest of them
            if fresh:
                self.room.expect_headers(self)
            self._received, self._tail = self._received + len(data), data[-3:]

    def on_message_begin(self) -> None:
        self._begun += 1
        self._between = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._fault = _fault(self.parser.get_http_version(), self.headers)
        if self._fault:
            raise httptools.HttpParserError(self._fault)  # to send_400_response
        self.room.go_on(self)
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """What the framework does about a request that it cannot parse."""
        if self._fault:
            self._refuse(self._fault)
        else:
            super().send_400_response(msg)

    def on_message_complete(self) -> None:
        self._between = True
        super().on_message_complete()
        if not self.pipeline:
            self.flow.resume_reading()  # or nobody would see the client go away
        if self._lingering is not None:
            self._stop_lingering()
            self._wait()

    def on_response_complete(self) -> None:
        """As the framework does it, but for the timer, which :class:`Room` has for all."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self._wait()  # for the client to take the rest
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self.cycle.more_body:
            self._lingering = self.loop.call_later(_LINGER, self.transport.close)
        else:
            self._wait()

    def shutdown(self) -> None:
        if self._service is not None:
            self._service.closing.set()
        self._go_on_ordinarily()
        super().shutdown()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stalled is None:
            timeout = self.settings.stall_timeout
            self._stalled = self.loop.call_later(timeout, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def late(self) -> None:
        """It has waited too long."""
        if self._received:
            self._refuse(b"408 Request Timeout")
        else:
            self.transport.close()

    def abort(self) -> None:
        """End it, whatever it does."""
        self.transport.abort()

    def whole(self, status: int, headers: RawHeaders, body: bytes, version: str | None) -> bool:
        """Send all of the answer to the request that is being answered; False where it is to be
        sent event by event.

        ``version``: the same request may get the same answer while the data has this version.
        """
        cycle = self._active
        if cycle is None or not cycle.keep_alive or self.flow.write_paused:
            return False
        method, path = cycle.scope["method"], cycle.scope["path"]
        answer = _answer(status, headers, body, with_body=method != "HEAD")
        self._send(Sent(method, path, status, answer), version)
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        self.on_response_complete()
        return True

    @property
    def _service(self) -> Service | None:
        """None where the application has not started yet."""
        return self.app_state.get("service")

    def _shorter(self, request: bytes) -> bool:
        """Answer or begin a request without parsing it; False where it must be parsed."""
        if self.flow.write_paused or self.transport.is_closing():
            return False
        if self._repeat(request):
            return True
        asked = self.known.glance(request)
        if asked is None:
            return False
        self.room.go_on(self)
        self._asked = request
        self.counts.count_unparsed(asked.path, "known_headers")
        if not self._begin_quickly(asked):
            self._start(asked)
        return True

    def _repeat(self, request: bytes) -> bool:
        """Answer a request as it was answered before; False where that is not known."""
        service = self._service
        if service is None:
            return False
        try:
            sent = self.sent.get(request, service.version)
        except Unavailable:
            return False
        if sent is None:
            return False
        self._send(sent)
        self.counts.count_unparsed(sent.path, "repeated")
        self.server_state.total_requests += 1
        self._wait()
        return True

    def _begin_quickly(self, asked: Glance) -> bool:
        """Begin to answer a query (:mod:`api.quick`); False where there is no such way for it."""
        if self._service is None or self.settings.trusted_proxies:  # which may say who asks
            return False
        self._quick = quick.begin(self._service, asked, self.peer)
        if self._quick is None:
            return False
        self._quick.task.add_done_callback(self._answer_quickly)
        return True

    def _answer_quickly(self, task: asyncio.Task[Answer]) -> None:
        if self._quick is None or self._quick.task is not task:  # it goes on otherwise
            return
        try:
            whole = None if self.flow.write_paused else self._quick.whole()
            if whole is None:
                self._go_on_ordinarily()
                return
            headers, body, version = whole
            path, self._quick = self._quick.asked.path, None
            self._send(Sent("GET", path, 200, _answer(200, headers, body)), version)
        except BaseException:
            self.transport.abort()  # rather than let the client wait for ever
            raise
        self.server_state.total_requests += 1
        self._wait()

    def _go_on_ordinarily(self) -> None:
        """Have a query that was begun quickly answered by the application."""
        if self._quick is not None:
            begun, self._quick = self._quick, None
            self._start(begun.asked, begun.task)

    def _start(self, asked: Glance, begun: asyncio.Task[Answer] | None = None) -> None:
        """What the framework does when the parser has come to the end of such a request."""
        super().on_message_begin()
        self.headers.extend(asked.head.raw)
        scope = self.scope
        scope["method"], scope["path"], scope["raw_path"] = "GET", asked.path, asked.path.encode()
        scope["query_string"] = asked.query
        scope["state"][BEGUN] = begun
        self.cycle = RequestResponseCycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=True,
            on_response=self.on_response_complete,
        )
        self.cycle.more_body = False
        self.cycle.message_event.set()
        self._start_asgi_task(self.cycle, self.app)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._active = cycle
        cycle.scope["state"][CONNECTION] = self
        super()._start_asgi_task(cycle, app)

    def _send(self, sent: Sent, version: str | None = None) -> None:
        """Send a whole answer, with the headers that every answer has, the time among them; keep it
        for the same request where it stays the same with a ``version`` of the data.

        Behind a proxy that is trusted it may depend on who says so: that is not in the request.
        """
        if version is not None and self._asked is not None and not self.settings.trusted_proxies:
            size = _OVERHEAD + len(self._asked) + len(sent.answer)
            self.sent.put(self._asked, sent, size, version)
        every = [b"%b: %b\r\n" % header for header in self.server_state.default_headers]
        self._output.write_now(b"".join([STATUS_LINE[sent.status], *every, sent.answer]))
        self.counts.count(sent.path, sent.method, sent.status)

    def _wait(self) -> None:
        if self.lost:
            return
        self._asked, self._tail = None, b""
        self._received = 0 if self._between else 1  # at least: the next request has begun already
        if self._between:
            self.room.expect_request(self)
        else:
            self.room.expect_headers(self)

    def _stop_lingering(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None

    def _within_limit(self, data: bytes) -> bool:
        """Whether the headers, which ``data`` goes on with, keep to their limit."""
        most = self.settings.header_bytes
        if self._received + len(data) <= most:
            return True
        end = (self._tail + data).find(b"\r\n\r\n")
        return end >= 0 and self._received + end <= most

    def _refuse(self, status: bytes) -> None:
        head = b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        self.transport.write(head % status)
        self.transport.close()


def _answer(status: int, headers: RawHeaders, body: bytes, with_body: bool = True) -> bytes:
    """What :attr:`Sent.answer` holds."""
    length = b"".join(b"%b: %b\r\n" % header for header in length_of(status, body))
    return b"%b%b\r\n%b" % (_lines(tuple(headers)), length, body if with_body else b"")


@lru_cache(maxsize=1024)
def _lines(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """Headers as they are sent. Raises ValueError where one would be more than one."""
    for header in headers:
        if any(map(_NOT_IN_HEADERS.search, header)):
            raise ValueError(f"control characters in the header {header!r}")
    return b"".join(b"%b: %b\r\n" % header for header in headers)


def _fault(version: str, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The status that refuses a request with such headers (RFC 9112, 3.2 and 6.1), or nothing."""
    hosts = sum(name == b"host" for name, _ in headers)
    codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    if version not in ("1.0", "1.1"):
        return b"505 HTTP Version Not Supported"
    if hosts > 1 or (not hosts and version == "1.1"):
        return b"400 Bad Request"
    return b"501 Not Implemented" if codings not in ([], [b"chunked"]) else b""


class JoinedWrites:
    """A transport that sends what is written in one turn of the event loop as one piece.

    uvicorn writes the head of an answer and its body apart, which would be two system calls,
    two segments, and a client that is woken up twice.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._pieces: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:  # asked for every answer: too slow as one of the rest
        return self._transport.is_closing()

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._send)
        self._pieces.append(data)
        self._size += len(data)
        if self._size >= _LARGE:
            self._send()

    def write_now(self, data: bytes) -> None:
        """Send ``data``, and before it what waits."""
        self._send()
        self._transport.write(data)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._pieces:
            data = b"".join(self._pieces)
            self._pieces.clear()
            self._size = 0
            self._transport.write(data)
