"""(Server.) The copy of the data in memory: loaded aside, then moved on with what is written.

A snapshot is served from disk at first, and read into the memory of a zygote meanwhile. From
there on each group of writes is done to that copy too, so that answers go on to come from memory.
Generations that come into force while a copy is being loaded are caught up with at its end. A
generation of which it is not known what it changed is read from disk, and loaded anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from kg import snapshots
from kg.errors import Unavailable
from kg.serving import deltas
from kg.serving.limits import Limits
from kg.serving.pool import Pool
from kg.serving.processes import Zygote
from kg.serving.seats import Source
from kg.snapshots import Snapshot

log = logging.getLogger(__name__)

_MOST_KEPT = 64 << 20
"""Bytes of changes that wait for a copy that is being loaded."""
_MOST_DONE = 2_000
"""Groups of writes done to one copy: what they replaced stays in its way, so it is made anew."""


class Trail:
    """What generations, one after the other, have changed."""

    def __init__(self) -> None:
        self._steps: dict[int, bytes] = {}
        self._size = 0

    def add(self, number: int, delta: bytes) -> None:
        """``delta`` leads to generation ``number`` from the one before."""
        self._steps[number] = delta
        self._size += len(delta)
        if self._size > _MOST_KEPT:
            self.drop(number)

    def between(self, start: int, end: int) -> list[bytes] | None:
        """The steps from one generation to a later one, None where not all are known."""
        numbers = range(start + 1, end + 1)
        if not all(number in self._steps for number in numbers):
            return None
        return [self._steps[number] for number in numbers]

    def drop(self, number: int) -> None:
        """Forget the steps up to generation ``number``."""
        for step in [step for step in self._steps if step <= number]:
            self._size -= len(self._steps.pop(step))


class Memory:
    """Keeps a copy of what ``pool`` serves in memory, where it is small enough."""

    def __init__(
        self, limits: Limits, pool: Pool, start: Callable[[], Zygote], following: asyncio.Lock
    ) -> None:
        """``start`` makes a zygote. ``following`` is held by whoever changes what is served."""
        self._limits, self._pool, self._start = limits, pool, start
        self._following = following
        self._trail = Trail()
        self._done = 0
        self._loading: asyncio.Task[None] | None = None
        self._loads = 0

    async def move_to(self, snapshot: Snapshot) -> bool:
        """Serve ``snapshot`` from the copy that is served; False where that cannot be.

        :raises Unavailable: it should, but its process could not be asked.
        """
        await self._note(snapshot)
        source = self._served()
        steps = self._trail.between(source.snapshot.number, snapshot.number) if source else None
        if source is None or steps is None:
            return False
        moved = source_of(snapshot, source.zygote, None)
        for delta in steps:  # from here on it forks workers of the new snapshot only
            source.zygote.advance(delta)
        await self._pool.advance(moved, steps)
        self._done += len(steps)
        if self._done > _MOST_DONE:
            await self.load(snapshot, self._limits.memory_snapshot_delay)
        elif not self._is_loading():
            self._trail.drop(snapshot.number)
        return True

    async def _note(self, snapshot: Snapshot) -> None:
        """Remember what ``snapshot`` has changed in what is served, if a copy needs to know."""
        source = self._pool.source
        if source is not None and (self._is_loading() or self._served()):
            delta = await asyncio.to_thread(deltas.read, snapshot.path, source.snapshot.version)
            if delta is not None:
                self._trail.add(snapshot.number, delta)

    async def load(self, snapshot: Snapshot, delay: float) -> None:
        """Begin to load ``snapshot``, unless a load that began before can catch up with it."""
        if self._is_loading() and self._trail.between(self._loads, snapshot.number) is not None:
            return
        await self.stop()
        if _size(snapshot.store) <= self._limits.memory_snapshot_bytes:
            self._loads, self._done = snapshot.number, 0
            self._loading = asyncio.create_task(self._load(snapshot, delay))

    async def loaded(self) -> None:
        """Wait until what is being loaded is served."""
        if self._loading is not None:
            await asyncio.shield(self._loading)

    async def stop(self) -> None:
        """Stop loading."""
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.gather(self._loading, return_exceptions=True)
        self._loading = None

    def _served(self) -> Source | None:
        """What is served from memory, None where that is not so."""
        source = self._pool.source
        return source if source and source.path is None and not source.zygote.gone else None

    def _is_loading(self) -> bool:
        return self._loading is not None and not self._loading.done()

    async def _load(self, snapshot: Snapshot, delay: float) -> None:
        zygote: Zygote | None = None
        try:
            with snapshots.hold(snapshot):  # others may come into force meanwhile
                await asyncio.sleep(delay)
                zygote = self._start()
                await zygote.load(snapshot.store)
            async with self._following:
                await self._serve(snapshot, zygote)
        except Unavailable as error:
            log.warning("%s; serving as before", error)
        finally:
            if zygote and not self._pool.uses(zygote):
                zygote.close()

    async def _serve(self, loaded: Snapshot, zygote: Zygote) -> None:
        served = self._pool.source
        snapshot = served.snapshot if served else loaded
        steps = self._trail.between(loaded.number, snapshot.number)
        if steps is None:
            raise Unavailable("too much was written while the data was loaded")
        for delta in steps:
            zygote.advance(delta)
        await self._pool.use(source_of(snapshot, zygote, None))
        self._trail.drop(snapshot.number)


def source_of(snapshot: Snapshot, zygote: Zygote, path: Path | None) -> Source:
    """``path``: of the store on disk; None for the zygote's memory."""
    held = ExitStack()
    held.enter_context(snapshots.hold(snapshot))
    return Source(snapshot, zygote, path, held)


def _size(store: Path) -> int:
    return sum(file.stat().st_size for file in store.iterdir())
