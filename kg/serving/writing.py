"""(Server.) Writes take turns: those that wait are applied together and published once.

A write is answered when the generation that holds it is durable and served, so whoever
wrote reads what it wrote. When the writer ends in the middle of a group, everything in it, of
which nobody has been told yet, is done again, but for a write that is to blame: one that was
refused or ran too long, or over which the writer has ended twice.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from kg.errors import ChiptrailError, Defect, LimitExceeded, Unavailable
from kg.serving.failures import ended, failed
from kg.serving.limits import Limits
from kg.serving.processes import Worker
from kg.serving.wire import Kind, pack, pack_json
from kg.snapshots import Snapshot

_ATTEMPTS = 20
_PATIENCE = 1.0  # seconds for the service to replace helpers that it lost


@dataclass(frozen=True)
class WritePolicy:
    """What may be written, and what must follow when something is.

    ``union``: the default graph is the merge of all named graphs but ``not_merged``, and
    cannot be written itself. ``derived``: IRIs of graphs that cannot be written. ``keeper``:
    ``package.module:Class`` of a :class:`kg.serving.writer.Keeper`, which runs in the writer:
    it refuses writes, and says what follows from those that it does not.
    """

    union: bool = True
    derived: frozenset[str] = frozenset()
    not_merged: frozenset[str] = frozenset()
    keeper: str | None = None


@dataclass(frozen=True)
class Credit:
    """Who writes, and why, for the log. ``operation``: what the write is, where that is more
    than the engine room knows; ``about``: the IRI of what it is done to."""

    author: str = ""
    reason: str = ""
    operation: str | None = None
    about: str | None = None

    def act(self, operation: str, about: str | None = None) -> dict[str, Any]:
        """What the log is to say of a write of the kind ``operation``."""
        return {
            "operation": self.operation or operation,
            "author": self.author,
            "reason": self.reason,
            "about": self.about or about,
        }


@dataclass(frozen=True)
class Written:
    """``version`` and ``number`` of the generation that holds the write; ``created``: it made
    the graph."""

    version: str
    number: int
    created: bool = False


@dataclass(eq=False)
class _Write:
    work: dict[str, Any]
    body: bytes | None
    done: asyncio.Future[Written] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    attempts: int = 0
    blamed: bool = False
    """The writer has ended over it before."""

    def fail(self, error: ChiptrailError) -> None:
        if not self.done.done():
            self.done.set_exception(error)

    def succeed(self, result: dict[str, Any], version: str, number: int) -> None:
        if not self.done.done():
            self.done.set_result(Written(version, number, bool(result.get("created"))))


class _Ended(Exception):
    """The writer is gone; ``cause`` is what the write that it was at is told.

    ``again``: it may not have been that write's fault.
    """

    def __init__(self, cause: ChiptrailError, again: bool = False) -> None:
        self.cause, self.again = cause, again


class Scribe:
    """The queue in front of the one writer."""

    def __init__(
        self,
        limits: Limits,
        start: Callable[[], Awaitable[Worker]],
        published: Callable[[str], Awaitable[Snapshot | None]],
    ) -> None:
        """``start`` makes a writer. ``published`` is given the name of a group; it serves the
        generation in force and returns it, or None if it does not hold the group."""
        self._limits, self._start, self._published = limits, start, published
        self._waiting: deque[_Write] = deque()
        self._worker: Worker | None = None
        self._task: asyncio.Task[None] | None = None

    async def write(self, work: dict[str, Any], body: bytes | None = None) -> Written:
        """Have ``work`` done; returns when it is durable and served.

        :raises ChiptrailError: it was not done, and will not be.
        """
        if len(self._waiting) >= self._limits.write_queue:
            raise Unavailable(f"{len(self._waiting)} writes are waiting already", 2)
        write = _Write({**work, "body": body is not None}, body)
        self._waiting.append(write)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())
        return await write.done

    async def close(self) -> None:
        """Stop; writes that were not acknowledged may or may not have been done."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._drop()

    async def _work(self) -> None:
        """Until nothing waits."""
        group: list[_Write] = []
        try:
            while self._waiting:
                group = [*self._waiting]
                self._waiting.clear()
                await self._commit(group)
        finally:  # done to the end, there is nobody left to be told
            self._task = None
            for write in [*group, *self._waiting]:
                write.fail(Unavailable("the service is stopping, or its writer broke", 10))

    async def _commit(self, group: list[_Write]) -> None:
        results: dict[_Write, dict[str, Any]] = {}
        for write in group:
            try:
                results[write] = await self._perform(write.work, write.body)
            except _Ended as end:
                if not end.again or write.blamed:
                    write.fail(end.cause)
                write.blamed = True
                self._again(group)
                return
            except ChiptrailError as error:
                write.fail(error)
        if results:
            await self._publish(results)

    async def _publish(self, results: dict[_Write, dict[str, Any]]) -> None:
        name = secrets.token_hex(16)
        try:
            published = await self._perform({"operation": "publish", "group": name, "body": False})
            await self._published(name)
        except (_Ended, ChiptrailError):
            published = _names(await self._look(name))
        if not published:
            self._again(list(results))
            return
        for write, result in results.items():
            write.succeed(result, published["version"], published["number"])

    async def _look(self, name: str) -> Snapshot | None:
        """Whether a publication came about although its acknowledgement did not."""
        self._drop()
        try:
            return await self._published(name)
        except Unavailable:
            await asyncio.sleep(_PATIENCE)
            return await self._published(name)

    def _again(self, writes: list[_Write]) -> None:
        """Do these first in the next group: the writer that had done them is gone."""
        self._drop()
        for write in writes:
            write.attempts += 1
            if write.attempts >= _ATTEMPTS:
                write.fail(Unavailable("other writes kept ending the writer; try again later", 5))
        self._waiting.extendleft(reversed([write for write in writes if not write.done.done()]))

    async def _perform(self, work: dict[str, Any], body: bytes | None = None) -> dict[str, Any]:
        if self._worker is None:
            try:
                self._worker = await self._start()
            except Unavailable as error:
                raise _Ended(error, again=True) from None
        frames = pack_json(Kind.WORK, work)
        self._worker.channel.send(frames if body is None else frames + pack(Kind.BODY, body))
        timeout = self._limits.update_timeout
        try:
            async with asyncio.timeout(timeout):
                frame = await self._worker.channel.frame()
        except TimeoutError:
            message = f"ended by update_timeout ({timeout:,}): do it in smaller steps"
            raise _Ended(LimitExceeded(message, "update_timeout", timeout)) from None
        if frame is None:
            status = await self._worker.exit_status()
            raise _Ended(ended(status, self._limits, "update_memory"), again=True)
        return _result(*frame, self._limits)

    def _drop(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._worker = None


def _names(generation: Snapshot | None) -> dict[str, Any]:
    """As the writer names what it has published; empty for None."""
    return {"version": generation.version, "number": generation.number} if generation else {}


def _result(kind: int, body: bytes, limits: Limits) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(body)
    if kind == Kind.DONE:
        return content
    if kind != Kind.FAIL:
        raise Defect(f"a frame of kind {kind} from the writer")
    error = failed(content, limits, "update_memory")
    raise _Ended(error) if content["fatal"] else error
