"""Running the application under uvicorn, guarded against clients that are slow or many."""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, cast

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.app import create_app
from api.endpoints import Endpoints
from api.exchange import REPEAT
from api.health import Answered, Traffic, route_class
from api.repeated import Sent
from api.service import Service
from api.tokens import Tokens
from kg import operations
from kg.build import Progress
from kg.config import Settings
from kg.errors import ChiptrailError, Unavailable
from kg.history.log import Act

_DESCRIPTORS_BESIDE = 512  # for workers, files and the like
_LINGER = 5  # seconds that the rest of a request is read after it was answered
_IDLE = 10  # seconds that a kept connection may wait for its next request
_OK = b"HTTP/1.1 200 OK\r\n"
_LARGE = 32 << 10  # bytes of an answer that are sent at once


def serve(settings: Settings, empty: bool, progress: Progress, by: Act) -> None:
    """Prepare the store if there is none, then serve until interrupted."""
    Tokens.of(settings)  # a mistake in them is told before anything begins
    operations.prepare(settings, empty, progress, by)
    logging.getLogger("uvicorn.error").addFilter(_brief)
    app = create_app(settings)
    _collect_rarely()
    uvicorn.run(
        Traffic(Endpoints(app), app.state.answered),
        host=settings.host,
        port=settings.port,
        log_level="info",
        access_log=False,
        server_header=False,
        http=guarded(settings, app.state.answered),
        ws="none",
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=5,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        backlog=1024,
    )


def guarded(settings: Settings, answered: Answered) -> type[HttpToolsProtocol]:
    """The protocol class of uvicorn with the limits of ``settings``; counts into ``answered``
    what does not come to the application (:class:`~api.health.Traffic`)."""
    most = min(settings.connections, _descriptors() - _DESCRIPTORS_BESIDE)
    state = {"settings": settings, "answered": answered, "most": most}
    return type("Guarded", (GuardedProtocol,), {**state, "idle": {}, "peers": Counter()})


class GuardedProtocol(HttpToolsProtocol):
    """What uvicorn leaves to a proxy in front: limits on how requests come in.

    A connection *waits* from its beginning, or the end of an answer, until the headers of a
    request are complete. While it waits it may be closed: after ``header_timeout``, past
    ``header_bytes``, or to make room when there are too many connections. One that was
    answered before its request was all there is read on for a moment, so that the client
    sees the answer; one that takes nothing of its answer is ended after ``stall_timeout``.

    A request that came in one piece, and whose answer may be repeated (:mod:`api.repeated`), is
    answered here when it comes again.
    """

    settings: ClassVar[Settings]
    answered: ClassVar[Answered]
    most: ClassVar[int]
    idle: ClassVar[dict[GuardedProtocol, None]]
    """Connections that wait, the longest-waiting first."""
    peers: ClassVar[Counter[str]]
    """Connections by address."""

    _asked: bytes | None = None
    """The request that is being answered, where it is all that has come."""
    _begun, _complete = 0, False
    _fault = b""
    _received = 0
    _tail = b""
    _lingering = False
    _timer: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    @property
    def peer(self) -> str:
        return self.client[0] if self.client else ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast("asyncio.Transport", JoinedWrites(transport, self.loop)))
        self.peers[self.peer] += 1
        self._wait()
        self._start_timer(self.settings.header_timeout, self._too_slow)
        if len(self.connections) > self.most:
            self._victim().transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.peers[self.peer] -= 1
        if not self.peers[self.peer]:
            del self.peers[self.peer]
        self._wait_no_more()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        waited = self in self.idle
        begun = waited and (self._received or len(data) > self.settings.header_bytes)
        if begun and not self._within_limit(data):
            self._refuse(b"431 Request Header Fields Too Large")
            return
        fresh = waited and not self._received
        if fresh and self._repeat(data):
            return
        self._begun, self._complete = 0, False
        super().data_received(data)
        self._asked = data if fresh and self._complete and self._begun == 1 else None
        if self in self.idle:  # headers are to come, or the rest of them
            self._start_timer(self.settings.header_timeout, self._too_slow)
            if waited:
                self._received, self._tail = self._received + len(data), data[-3:]

    def on_message_begin(self) -> None:
        self._begun += 1
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._fault = _fault(self.parser.get_http_version(), self.headers)
        if self._fault:
            raise httptools.HttpParserError(self._fault)  # to send_400_response
        self._wait_no_more()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """What the framework does about a request that it cannot parse."""
        if self._fault:
            self._refuse(self._fault)
        else:
            super().send_400_response(msg)

    def on_message_complete(self) -> None:
        self._complete = True
        super().on_message_complete()
        if self._lingering:
            self._lingering = False
            self._wait_no_more()
            self._wait()

    def on_response_complete(self) -> None:
        last = not self.pipeline
        if self._asked is not None:
            self._keep(self._asked)
            self._asked = None
        super().on_response_complete()
        if last and self.cycle.more_body:
            self._lingering = True
            self._start_timer(_LINGER, self.transport.close)
        elif last:
            self._wait()

    def shutdown(self) -> None:
        if self._service is not None:
            self._service.closing.set()
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

    @property
    def _service(self) -> Service | None:
        """None where the application is another."""
        return self.app_state.get("service")

    def _repeat(self, request: bytes) -> bool:
        """Answer a request as it was answered before; False where that is not known."""
        service = self._service
        if service is None or self.flow.write_paused or self.transport.is_closing():
            return False
        try:
            sent = service.repeated.get(request, service.version)
        except Unavailable:
            return False
        if sent is None:
            return False
        self._wait_no_more()
        self.transport.write(_OK + self._common_headers() + sent.answer)
        self.answered[route_class(sent.path), sent.method, 200] += 1
        super().on_response_complete()
        self._wait()
        return True

    def _keep(self, request: bytes) -> None:
        """Remember an answer that waits to be sent, where it may be repeated and is all there.

        Behind a proxy that is trusted it may depend on who says so: that is not in the request.
        """
        version = self.scope["state"].get(REPEAT)
        service, pieces = self._service, cast("JoinedWrites", self.transport).pieces
        if version is None or service is None or self.settings.trusted_proxies:
            return
        start = _OK + self._common_headers()
        if self.cycle.keep_alive and len(pieces) == 2 and pieces[0].startswith(start):
            answer = b"".join(pieces)[len(start) :]
            sent = Sent(version, self.scope["method"], self.scope["path"], answer)
            service.repeated.put(request, sent)

    def _common_headers(self) -> bytes:
        """What every answer has, the time among it."""
        headers = self.server_state.default_headers
        return b"".join([b"%b: %b\r\n" % header for header in headers])

    def _wait(self) -> None:
        self.idle[self] = None
        self._received, self._tail = 0, b""

    def _wait_no_more(self) -> None:
        self.idle.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start_timer(self, seconds: float, action: Callable[[], None]) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(seconds, action)

    def _within_limit(self, data: bytes) -> bool:
        """Whether the headers, which ``data`` goes on with, keep to their limit."""
        most = self.settings.header_bytes
        if self._received + len(data) <= most:
            return True
        end = (self._tail + data).find(b"\r\n\r\n")
        return end >= 0 and self._received + end <= most

    def _too_slow(self) -> None:
        if self._received:
            self._refuse(b"408 Request Timeout")
        else:
            self.transport.close()

    def _refuse(self, status: bytes) -> None:
        head = b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        self.transport.write(head % status)
        self.transport.close()

    def _victim(self) -> GuardedProtocol:
        """Whom to close when there are too many: of the address that has most connections,
        the longest-waiting one; where it has none that waits, the newcomer."""
        heaviest = max(self.peers, key=lambda peer: self.peers[peer])
        return next((other for other in self.idle if other.peer == heaviest), self)


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

    @property
    def pieces(self) -> Sequence[bytes]:
        """What waits to be sent."""
        return self._pieces

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._send)
        self._pieces.append(data)
        self._size += len(data)
        if self._size >= _LARGE:
            self._send()

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._pieces:
            data = b"".join(self._pieces)
            self._pieces.clear()
            self._size = 0
            self._transport.write(data)


def _descriptors() -> int:
    """How many files this process may have open: as many as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return max(soft, hard)


def _collect_rarely() -> None:
    """Let the garbage collector alone with what is here for good, and look less often.

    A request leaves hundreds of objects and hardly a cycle; with Python's own settings a
    twentieth of the time went into looking for some.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 20)


def _brief(record: logging.LogRecord) -> bool:
    """An answer that a limit cut off is one line in the log, not a traceback."""
    error: Any = record.exc_info[1] if record.exc_info else None
    if isinstance(error, ChiptrailError):
        record.msg, record.args, record.exc_info = "an answer was cut off: %s", (error,), None
    return True
