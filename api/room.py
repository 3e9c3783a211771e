"""Which connections a server has and which of them wait: limits on clients, slow ones or many."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from typing import Protocol

_IDLE = 10  # seconds that a kept connection may wait for its next request


class Guest(Protocol):
    """A connection."""

    @property
    def peer(self) -> str:
        """Whose it is: an address."""

    def late(self) -> None:
        """It has waited too long: end it."""

    def abort(self) -> None:
        """There are too many: end it at once."""


class Room:
    """The connections of a server: whose they are, and which wait for their client.

    Those that wait too long are closed, and the longest-waiting where there are too many.
    """

    def __init__(self, most: int, header_timeout: float) -> None:
        """``header_timeout``: seconds that a request's headers may take to come."""
        self._most, self._header_timeout = most, header_timeout
        self._waiting: dict[Guest, float] = {}
        """Until when, the longest-waiting first."""
        self._peers = Counter[str]()
        self._open = 0
        self._between_looks = min(1.0, header_timeout / 4)
        self._next_look: asyncio.TimerHandle | None = None

    def enter(self, newcomer: Guest) -> None:
        """Where there are too many, close one: of the address that has most, the
        longest-waiting; where it has none that waits, the newcomer."""
        self._peers[newcomer.peer] += 1
        self._open += 1
        self.expect_headers(newcomer)
        if self._open > self._most:
            heaviest = max(self._peers, key=lambda peer: self._peers[peer])
            waiting = (other for other in self._waiting if other.peer == heaviest)
            next(waiting, newcomer).abort()

    def leave(self, connection: Guest) -> None:
        self.go_on(connection)
        self._open -= 1
        self._peers[connection.peer] -= 1
        if not self._peers[connection.peer]:
            del self._peers[connection.peer]

    def waits(self, connection: Guest) -> bool:
        return connection in self._waiting

    def expect_headers(self, connection: Guest) -> None:
        """It has begun, or its request has: the headers have so long to come."""
        self._wait(connection, self._header_timeout)

    def expect_request(self, connection: Guest) -> None:
        """It was answered, and may ask again: it is the last of those that wait."""
        self.go_on(connection)
        self._wait(connection, _IDLE)

    def go_on(self, connection: Guest) -> None:
        """Its request has come."""
        self._waiting.pop(connection, None)

    def _wait(self, connection: Guest, seconds: float) -> None:
        self._waiting[connection] = time.monotonic() + seconds
        if self._next_look is None:
            self._look_later()

    def _look_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._next_look = loop.call_later(self._between_looks, self._look)

    def _look(self) -> None:
        """Close those that are late; one timer serves them all."""
        self._next_look = None
        now = time.monotonic()
        for connection in [one for one, end in self._waiting.items() if end <= now]:
            # Where it takes nothing of what is still to be sent, it waits on: it can be made to go.
            self._waiting[connection] = math.inf
            connection.late()
        if self._waiting:
            self._look_later()
