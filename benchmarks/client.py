"""A load generator: HTTP/1.1 over raw sockets, closed loop, to 127.0.0.1 only.

It reads no more of an answer than it must (status, length, end), so that it leaves the processors
to the server; bodies are counted, not kept.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

HOST = "127.0.0.1"
_LAST_CHUNK = b"\r\n0\r\n\r\n"


@dataclass(frozen=True)
class Figures:
    """What one round measured. Times in seconds; ``rate`` in answers a second."""

    answers: int
    errors: int
    seconds: float
    p50: float
    p99: float
    sent: int
    """Bytes of all answers."""

    @property
    def rate(self) -> float:
        return self.answers / self.seconds if self.seconds else 0.0

    @property
    def bytes_rate(self) -> float:
        return self.sent / self.seconds if self.seconds else 0.0


def figures(times: list[float], errors: int, seconds: float, sent: int) -> Figures:
    times = sorted(times) or [float("nan")]
    p50, p99 = times[len(times) // 2], times[min(len(times) - 1, len(times) * 99 // 100)]
    answers = 0 if times[0] != times[0] else len(times)
    return Figures(answers, errors, seconds, p50, p99, sent)


class Connection(asyncio.Protocol):
    """One request at a time; ``status`` 0 where the connection broke."""

    def __init__(self) -> None:
        self.open = False
        self._waiter: asyncio.Future[tuple[int, int]] | None = None
        self._reset()

    def _reset(self) -> None:
        self._head, self._status, self._size = b"", 0, 0
        self._length: int | None = None
        self._chunked, self._in_body, self._tail = False, False, b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport, self.open = transport, True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.open = False
        until_closed = self._in_body and not self._chunked and self._length is None
        self._answer(self._status if until_closed else 0)

    async def ask(self, request: bytes) -> tuple[int, int]:
        """Status and bytes of the body."""
        self._waiter = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self._waiter

    def data_received(self, data: bytes) -> None:
        if not self._in_body:
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._read_head(head.lower())
        self._size += len(data)
        if self._chunked:
            self._tail = (self._tail + data)[-7:]
            # The last chunk of an empty body has no line before it.
            if self._tail == _LAST_CHUNK or self._tail == _LAST_CHUNK[2:]:
                self._answer(self._status)
        elif self._length is not None and self._size >= self._length:
            self._answer(self._status)

    def _read_head(self, head: bytes) -> None:
        self._status, self._in_body = int(head[9:12]), True
        self._chunked = b"\r\ntransfer-encoding: chunked" in head
        _, found, rest = head.partition(b"\r\ncontent-length:")
        if found:
            self._length = int(rest.split(b"\r\n", 1)[0])
        elif self._status == 204:
            self._length = 0

    def _answer(self, status: int) -> None:
        size, waiter, self._waiter = self._size, self._waiter, None
        self._reset()
        if waiter is not None and not waiter.done():
            waiter.set_result((status, size))


class Round:
    """``clients`` ask one after the other, each anew as soon as it is answered."""

    def __init__(self, port: int, request: Callable[[], bytes], most: int = 1_000_000) -> None:
        self._port, self._request, self._left = port, request, most
        self._times: list[float] = []
        self._errors = self._sent = 0
        self._connections: set[Connection] = set()

    async def run(self, clients: int, seconds: float, patience: float) -> Figures:
        """``patience``: seconds after the end in which answers under way may still come."""
        start = time.perf_counter()
        timer = asyncio.get_running_loop().call_later(seconds + patience, self._give_up)
        await asyncio.gather(*(self._client(start + seconds) for _ in range(clients)))
        timer.cancel()
        return figures(self._times, self._errors, time.perf_counter() - start, self._sent)

    async def _client(self, end: float) -> None:
        connection = await self._connect()
        while self._left > 0 and time.perf_counter() < end:
            self._left -= 1
            if not connection.open:
                connection = await self._connect()
            begun = time.perf_counter()
            status, size = await connection.ask(self._request())
            if status in (200, 201, 204):
                self._times.append(time.perf_counter() - begun)
                self._sent += size
            else:
                self._errors += 1
        connection.transport.close()

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, HOST, self._port)
        self._connections.add(connection)
        return connection

    def _give_up(self) -> None:
        for connection in self._connections:
            if connection.open:
                connection.transport.abort()


async def steadily(port: int, request: Callable[[], bytes], every: float, count: int) -> None:
    """Send ``count`` requests, one each ``every`` seconds; cancelled, end them all."""
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(_one(port, request()))
            await asyncio.sleep(every)


async def _one(port: int, request: bytes) -> None:
    loop = asyncio.get_running_loop()
    transport, connection = await loop.create_connection(Connection, HOST, port)
    try:
        await connection.ask(request)
    finally:
        transport.abort()
