"""(Server.) Workers and where they come from; those that wait for the next query."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from kg.serving.processes import Worker, Zygote
from kg.serving.wire import Kind, pack, pack_json
from kg.snapshots import Snapshot

_IDLE_SECONDS = 2.0
_WORN_SECONDS = 30.0
"""How long a worker that holds much memory is kept for the next query that needs it."""
_ADVANCE = pack_json(Kind.WORK, {"job": "advance"})


@dataclass(eq=False)
class Source:
    """Where the workers of one snapshot come from, and how many of them there are."""

    snapshot: Snapshot
    zygote: Zygote
    path: Path | None
    """The store on disk; None for the zygote's memory."""
    held: ExitStack
    """Keeps the snapshot's files as long as it is open."""
    workers: int = 0

    @property
    def copied_bytes(self) -> int:
        """What a worker that reads all of it comes to copy, about."""
        return 0 if self.path else self.zygote.held_bytes


@dataclass(eq=False)
class Seat:
    worker: Worker
    source: Source
    lowered: bool = False
    worn: bool = False
    """It holds much memory of its own."""
    idle_since: float = 0.0
    """When its last query ended."""

    def lower(self) -> None:
        """Let every other query go first."""
        self.lowered = self.lowered or self.worker.lower_priority()

    def advance(self, source: Source, steps: Sequence[bytes]) -> None:
        """Have the worker do ``steps`` before anything else, which lead to ``source``."""
        for delta in steps:
            self.worker.channel.send(_ADVANCE + pack(Kind.BODY, delta))
        self.source.workers -= 1
        self.source = source
        source.workers += 1

    def restore(self) -> bool:
        """Undo :meth:`lower`; False where this process may not."""
        if self.lowered:
            self.lowered = not self.worker.restore_priority()
        return not self.lowered


class Bench:
    """Workers that are free, the one that worked last on top.

    One that has worked over the data is quicker than a new one, but holds memory: more than
    ``wanted`` are let go after a moment, and those that are worn after a while, one by one.
    """

    def __init__(self, wanted: int, discard: Callable[[Seat], None]) -> None:
        self._wanted, self._discard = wanted, discard
        self._seats: list[Seat] = []
        self._thinning: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._seats)

    @property
    def worn(self) -> int:
        """How many of them hold much memory."""
        return sum(seat.worn for seat in self._seats)

    def take(self) -> Seat | None:
        while self._seats:
            seat = self._seats.pop()
            if seat.worker.channel.idle:
                return seat
            self._discard(seat)
        return None

    def put(self, seat: Seat) -> None:
        self._seats.append(seat)
        if seat.worn or len(self._seats) > self._wanted:
            self._thin_out()

    def clear(self) -> list[Seat]:
        """Take all of them."""
        seats, self._seats = self._seats, []
        return seats

    def close(self) -> None:
        """Let all of them go."""
        if self._thinning is not None:
            self._thinning.cancel()
        for seat in self.clear():
            self._discard(seat)

    def _thin_out(self) -> None:
        if self._thinning is None:
            loop = asyncio.get_running_loop()
            self._thinning = loop.call_later(_IDLE_SECONDS, self._let_one_go)

    def _let_one_go(self) -> None:
        self._thinning = None
        late = time.monotonic() - _WORN_SECONDS
        worn = (seat for seat in self._seats if seat.worn and seat.idle_since < late)
        too_many = len(self._seats) > self._wanted
        seat = self._seats[0] if too_many else next(worn, None)
        if seat is not None:
            self._seats.remove(seat)
            self._discard(seat)
        if self.worn or len(self._seats) > self._wanted:
            self._thin_out()
