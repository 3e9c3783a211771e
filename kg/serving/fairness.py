"""Turns among clients: a fixed number of places, given out round robin over the clients."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque

from kg.errors import Unavailable


class Turnstile:
    """``places`` at once; those who wait are served one client after the other.

    A client with a thousand waiting requests delays another's single one by one turn, not
    by a thousand.
    """

    def __init__(self, places: int, queue: int) -> None:
        self._free, self._queue = places, queue
        self._clients: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._waiting = 0

    @property
    def waiting(self) -> int:
        return self._waiting

    async def enter(self, client: str) -> None:
        """Wait for a place.

        :raises Unavailable: too many wait already, or too many of this client's.
        """
        if self._free and not self._waiting:
            self._free -= 1
            return
        line = self._clients.get(client, ())
        if self._waiting >= self._queue or len(line) >= (self._queue + 1) // 2:
            raise Unavailable(f"{self._waiting} requests are waiting already; try again later", 2)
        turn = asyncio.get_running_loop().create_future()
        self._clients.setdefault(client, deque()).append(turn)
        self._waiting += 1
        await self._wait(turn, client)

    def leave(self) -> None:
        """Give the place to the next in turn."""
        while self._waiting:
            client, line = self._clients.popitem(last=False)
            turn = line.popleft()
            self._waiting -= 1
            if line:
                self._clients[client] = line
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    async def _wait(self, turn: asyncio.Future[None], client: str) -> None:
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            elif turn in self._clients.get(client, ()):
                self._forget(turn, client)
            raise

    def _forget(self, turn: asyncio.Future[None], client: str) -> None:
        line = self._clients[client]
        line.remove(turn)
        self._waiting -= 1
        if not line:
            del self._clients[client]
