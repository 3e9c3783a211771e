"""(Server.) Which query runs on which worker, when it loses priority, and what ends it.

A query enters through a :class:`~kg.serving.fairness.Turnstile` with a few *quick* places.
After ``yield_after`` of work it loses priority, if it is not alone; then too, if others wait, or
at the latest after ``long_after``, it gives its place up and goes on among the *long* ones. So a
place is never held for long, and queries that run away cannot keep small ones waiting. When there
are too many long ones, the oldest of the client that has the most is ended.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from kg.errors import ChiptrailError, Defect, Unavailable
from kg.serving.failures import ended, failed, limit
from kg.serving.fairness import Turnstile
from kg.serving.limits import Limits
from kg.serving.processes import Zygote
from kg.serving.seats import Bench, Seat, Source
from kg.serving.wire import RETIRE, WORN, Frame, Kind, pack, pack_json, unpack_whole

log = logging.getLogger(__name__)

_SLOWEST_RESTART = 5.0
_LARGEST_STEP = 256 << 10
"""Bytes of changes that workers are told of; beyond, new ones are forked."""


def _stopping() -> Unavailable:
    return Unavailable("the service is stopping", 10)


class Run:
    """One piece of work on one worker, from the first frame to the last."""

    def __init__(
        self, pool: Pool, seat: Seat, client: str, timeout: float | None, reuse: bool
    ) -> None:
        self.client, self.seat, self.quick = client, seat, True
        self._pool, self._reuse = pool, reuse
        self._limits = pool.limits
        if timeout is not None and timeout < pool.limits.query_timeout:
            self._limits = replace(pool.limits, query_timeout=timeout)
        self.started = time.monotonic()
        self._paused_before = seat.worker.channel.paused()
        self._used_before: float | None = None
        self._verdict: ChiptrailError | None = None
        self._open = True
        self._bytes = 0

    @property
    def version(self) -> str:
        return self.seat.source.snapshot.version

    def start(self, frames: bytes) -> None:
        self.seat.worker.channel.send(frames)

    async def head(self) -> tuple[bytes, bytes | None]:
        """The kind of the answer, and all of its content where that is short.

        :raises ChiptrailError: there is no answer.
        """
        kind, body = await self._frame()
        if kind == Kind.WHOLE:
            name, state, content = unpack_whole(body)
            self._count(len(content))
            self._finish(state)
            return name, content
        self._expect(kind, Kind.HEAD)
        return body, None

    async def next(self) -> bytes | None:
        """The next piece of the content, None after the last.

        :raises ChiptrailError: there is no more of it.
        """
        kind, body = await self._frame()
        if kind == Kind.END:
            self._finish(body)
            return None
        self._expect(kind, Kind.DATA)
        self._count(len(body))
        return body

    async def _frame(self) -> Frame:
        frame = await self.seat.worker.channel.frame() if self._open else None
        if self._verdict is not None:
            raise self._verdict
        if frame is None:
            raise await self._post_mortem()
        if frame[0] == Kind.FAIL:
            self._close(reuse=self._reuse)
            raise failed(json.loads(frame[1]), self._pool.limits)
        return frame

    def _expect(self, kind: int, expected: Kind) -> None:
        if kind != expected:
            raise Defect(f"a frame of kind {kind} where {expected.name} was due")

    def end(self, verdict: ChiptrailError) -> None:
        """Stop the work now; whoever takes the frames gets ``verdict``."""
        if self._open:
            self._verdict = verdict
            self._close(reuse=False)

    def abandon(self) -> None:
        """Nobody wants the rest."""
        self.end(Unavailable("the answer was abandoned"))

    def _finish(self, state: bytes) -> None:
        """The answer is whole, and the worker in this ``state``."""
        self.seat.worn = self.seat.worn or state == WORN
        self._close(reuse=self._reuse and state != RETIRE)

    def _close(self, reuse: bool) -> None:
        if self._open:
            self._open = False
            self._pool.leave(self, reuse)

    def _count(self, size: int) -> None:
        self._bytes += size
        if self._bytes > self._limits.result_bytes:
            error = limit("result_bytes", self._limits)
            self.end(error)
            raise error

    def look(self, now: float) -> None:
        """Decide what is due at the time ``now``."""
        if not self._open:  # ended a moment ago, to make room for another
            return
        limits, age = self._limits, now - self.started
        waited = self.seat.worker.channel.paused() - self._paused_before
        if age >= limits.transfer_timeout:
            self.end(limit("transfer_timeout", limits))
            return
        # One that is whole was in time, and waits to be taken.
        if age - waited >= limits.query_timeout and not self.seat.worker.channel.whole():
            self.end(limit("query_timeout", limits))
            return
        if not self.quick:
            return
        worked = self._worked(age, waited)
        if worked >= limits.yield_after and self._pool.running > 1:
            self.seat.lower()
        gives_way = worked >= limits.yield_after and self._pool.waiting
        if gives_way or age >= limits.long_after:
            self._pool.promote(self)

    def _worked(self, age: float, waited: float) -> float:
        """Seconds that it has had a processor since the first look, or waited for its client: on a
        busy machine less than its age."""
        used = self.seat.worker.processor_time()
        if used is None:
            return age
        if self._used_before is None:  # most are done before anybody looks
            self._used_before = used
        return used - self._used_before + waited

    async def _post_mortem(self) -> ChiptrailError:
        """Why the worker is gone."""
        status = await self.seat.worker.exit_status()
        self._close(reuse=False)
        return ended(status, self._pool.limits)


class Pool:
    """The workers of the snapshot in force, and those still busy with older ones."""

    def __init__(self, limits: Limits, released: Callable[[Source], None]) -> None:
        self.limits = limits
        self._released = released
        self._turns = Turnstile(limits.quick_workers, limits.queue)
        self._source: Source | None = None
        self._idle = Bench(limits.quick_workers, self._dismiss)
        self._takers: deque[asyncio.Future[Seat]] = deque()
        self._spawning: set[asyncio.Task[None]] = set()
        self._failures, self._resume_at = 0, 0.0
        self._runs: set[Run] = set()
        self._between_looks = max(min(limits.yield_after, limits.query_timeout, 0.1) / 2, 0.001)
        self._next_look: asyncio.TimerHandle | None = None
        self._sources: set[Source] = set()

    @property
    def source(self) -> Source | None:
        return self._source

    @property
    def running(self) -> int:
        return len(self._runs)

    @property
    def waiting(self) -> int:
        return self._turns.waiting

    async def use(self, source: Source) -> None:
        """Answer from ``source`` from here on; returns when it does.

        Queries that run already go on to their end on what they began with.
        """
        seat = await self._fork(source)
        self._switch(source)
        self._settle(seat)
        self._replenish()

    async def advance(self, source: Source, steps: Sequence[bytes]) -> None:
        """Answer from ``source``, to which the zygote of the one before has just moved on.

        ``steps``: the deltas to it, for idle workers, which move on too. From now on the zygote
        forks nothing else: where none was idle, this returns when there is a worker.
        """
        idle = self._idle.clear()
        self._sources.add(source)
        small = sum(map(len, steps)) <= _LARGEST_STEP
        for seat in idle:
            if small and seat.worker.channel.idle:
                seat.advance(source, steps)
            else:
                self._discard(seat)
        self._switch(source)
        for seat in idle:
            if seat.source is source:
                self._settle(seat)
        if not source.workers:
            self._settle(await self._fork(source))
        self._replenish()

    def uses(self, zygote: Zygote) -> bool:
        """Whether it has workers, or is to make those of the source in force."""
        in_force = self._source is not None and self._source.zygote is zygote
        return in_force or any(source.zygote is zygote for source in self._sources)

    def _switch(self, source: Source) -> None:
        before, self._source = self._source, source
        self._failures, self._resume_at = 0, 0.0
        for old in self._idle.clear():
            self._discard(old)
        if before is not None:
            self._release(before)

    async def run(
        self,
        work: dict[str, Any],
        client: str,
        body: bytes | None = None,
        timeout: float | None = None,
    ) -> Run:
        """Start ``work`` when its turn comes. Work with a ``body`` ends with its worker.

        ``timeout``: seconds, where less than the limit.

        :raises Unavailable: too much is waiting already, or there is nothing to ask yet.
        """
        if self._source is None:
            raise Unavailable("there is no data yet", 5)
        await self._turns.enter(client)
        try:
            if self._source is None:
                raise _stopping()
            seat = self._idle.take() or await self._take_next()
        except BaseException:
            self._turns.leave()
            raise
        run = Run(self, seat, client, timeout, reuse=body is None)
        self._runs.add(run)
        if self._next_look is None:
            self._look_later()
        if len(self._runs) == 1:
            work = {**work, "linger": self.limits.linger}
        frames = pack_json(Kind.WORK, work)
        run.start(frames if body is None else frames + pack(Kind.BODY, body))
        return run

    def _look(self) -> None:
        """Let every run see what the time is; one timer serves them all."""
        self._look_later()  # first, so that no fault in what follows can stop the clock
        now = time.monotonic()
        for run in list(self._runs):
            run.look(now)

    def _look_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._next_look = loop.call_later(self._between_looks, self._look) if self._runs else None

    def promote(self, run: Run) -> None:
        """Make room for a young query, if there is room among the long ones."""
        running_long = self._long()
        if len(running_long) >= self._most_long:
            victim = self._victim(running_long)
            if victim is None:
                return
            victim.end(Unavailable("too many long queries run at once; try again later", 10))
        run.quick = False
        run.seat.lower()
        self._turns.leave()
        self._replenish()

    def leave(self, run: Run, reuse: bool) -> None:
        self._runs.discard(run)
        run.seat.idle_since = time.monotonic()
        if run.quick:
            self._turns.leave()
        if reuse and self._is_to_stay(run.seat) and run.seat.restore():
            self._settle(run.seat)
        else:
            self._discard(run.seat)
        self._replenish()

    def _is_to_stay(self, seat: Seat) -> bool:
        if seat.worn:
            others = sum(run.seat.worn or not run.quick for run in self._runs)
            if self._idle.worn + others >= self._most_long:
                return False
        return len(self._idle) < 2 * self.limits.quick_workers

    @property
    def _most_long(self) -> int:
        """How many queries may be long at once: each may come to copy the data."""
        most, copied = self.limits.long_workers, self._source.copied_bytes if self._source else 0
        return min(most, max(1, self.limits.memory_copies_bytes // copied)) if copied else most

    def _long(self) -> list[Run]:
        return [run for run in self._runs if not run.quick]

    async def close(self) -> None:
        self._source, source = None, self._source
        for run in list(self._runs):
            run.end(_stopping())
        self._refuse_takers(_stopping())
        self._idle.close()
        if self._next_look is not None:
            self._next_look.cancel()
        for task in self._spawning:
            task.cancel()
        await asyncio.gather(*self._spawning, return_exceptions=True)
        if source is not None:
            self._release(source)

    def _victim(self, runs: list[Run]) -> Run | None:
        if not runs:
            return None
        client, _ = Counter(run.client for run in runs).most_common(1)[0]
        oldest = min((run for run in runs if run.client == client), key=lambda run: run.started)
        age = time.monotonic() - oldest.started
        # Where memory leaves fewer places, each is given up sooner: young queries wait for one.
        scarcity = self._most_long / self.limits.long_workers
        grace = max(self.limits.long_grace * scarcity, 2 * self.limits.long_after)
        return oldest if age >= min(grace, self.limits.long_grace) else None

    async def _take_next(self) -> Seat:
        """Wait for a worker to become free, or to be forked."""
        taker: asyncio.Future[Seat] = asyncio.get_running_loop().create_future()
        self._takers.append(taker)
        self._replenish()
        try:
            return await taker
        except asyncio.CancelledError:
            if taker.done() and not taker.cancelled() and taker.exception() is None:
                self._settle(taker.result())
            raise

    def _settle(self, seat: Seat) -> None:
        """Give a free worker to whoever waits for one."""
        if seat.source is not self._source:
            self._discard(seat)
            return
        while self._takers:
            taker = self._takers.popleft()
            if not taker.done():
                taker.set_result(seat)
                return
        self._idle.put(seat)

    def _replenish(self) -> None:
        wanted = max(len(self._takers), 1)  # one spare, so that an ended one is not missed
        missing = wanted - len(self._idle) - len(self._spawning)
        if missing <= 0 or self._source is None or self._resume_at > time.monotonic():
            return
        for _ in range(missing):
            task = asyncio.get_running_loop().create_task(self._spawn(self._source))
            self._spawning.add(task)
            task.add_done_callback(self._spawned)

    def _spawned(self, task: asyncio.Task[None]) -> None:
        self._spawning.discard(task)
        self._replenish()

    async def _spawn(self, source: Source) -> None:
        try:
            self._settle(await self._fork(source))
            self._failures = 0
        except Unavailable as error:
            if source is self._source:
                self._back_off(error)

    def _back_off(self, error: Unavailable) -> None:
        """Starting workers fails: try again after a while, longer each time."""
        self._failures += 1
        log.warning("%s (%d times in a row)", error, self._failures)
        if self._failures > 3:
            self._refuse_takers(error)
        delay = min(0.05 * 2**self._failures, _SLOWEST_RESTART)
        self._resume_at = time.monotonic() + delay
        asyncio.get_running_loop().call_later(delay * 1.01, self._replenish)

    def _refuse_takers(self, error: Unavailable) -> None:
        while self._takers:
            taker = self._takers.popleft()
            if not taker.done():
                taker.set_exception(error)

    async def _fork(self, source: Source) -> Seat:
        source.workers += 1
        self._sources.add(source)
        try:
            worker = await source.zygote.fork_reader(source.path, self.limits.query_memory)
        except BaseException:
            source.workers -= 1
            self._release(source)
            raise
        return Seat(worker, source)

    def _dismiss(self, seat: Seat) -> None:
        """Discard one, and start another where none is left."""
        self._discard(seat)
        self._replenish()

    def _discard(self, seat: Seat) -> None:
        seat.worker.kill()
        seat.source.workers -= 1
        self._release(seat.source)

    def _release(self, source: Source) -> None:
        if source is not self._source and not source.workers and source in self._sources:
            self._sources.discard(source)
            source.held.close()
            self._released(source)
