"""(Server.) Handles on the children: the zygotes, the workers, and the bytes between."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

from kg.errors import Unavailable
from kg.serving.wire import Decoder, Frame, Kind

log = logging.getLogger(__name__)

_START = 60.0  # seconds that a child may take to report for work
_SCHEDULED = 2
"""Linux: the kind of clock, in the number of the processor clock of another process."""
_PACKAGES = str(Path(__file__).parent.parent.parent)


class HasFileno(Protocol):
    def fileno(self) -> int: ...


class Channel(asyncio.Protocol):
    """Frames to and from one child; stops reading while ``high`` bytes wait to be taken."""

    def __init__(self, high: int) -> None:
        self._high = high
        self._decoder = Decoder()
        self._frames: deque[Frame] = deque()
        self._waiting: asyncio.Future[None] | None = None
        self._held = 0
        self._transport: asyncio.Transport
        self._paused_since: float | None = None
        self._paused = 0.0
        self._closed = False

    async def frame(self) -> Frame | None:
        """The next frame; None when the child is gone and nothing of it is left."""
        while not self._frames:
            if self._closed:
                return None
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        frame = self._frames.popleft()
        self._held -= len(frame[1])
        if self._paused_since is not None and self._held <= self._high // 2:
            self._resume()
        return frame

    @property
    def idle(self) -> bool:
        """Nothing unread, and the child is there."""
        return not self._frames and not self._closed

    def whole(self) -> bool:
        """The last frame of the answer is here already."""
        return bool(self._frames) and self._frames[-1][0] in (Kind.END, Kind.WHOLE)

    def send(self, data: bytes) -> None:
        self._transport.write(data)

    def paused(self) -> float:
        """Seconds spent so far waiting for whoever takes the frames."""
        if self._paused_since is None:
            return self._paused
        return self._paused + time.monotonic() - self._paused_since

    def close(self) -> None:
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._decoder.feed(data):
                self._frames.append(frame)
                self._held += len(frame[1])
        except ValueError:
            self._transport.abort()
        if self._held > self._high and self._paused_since is None:
            self._transport.pause_reading()
            self._paused_since = time.monotonic()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._closed = True
        self._wake()

    def _resume(self) -> None:
        self._paused = self.paused()
        self._paused_since = None
        if not self._closed:
            self._transport.resume_reading()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
            self._waiting = None


class Worker:
    """One child that answers queries; made by :meth:`Zygote.fork`."""

    def __init__(self, channel: Channel, hello: dict[str, Any], zygote: Zygote) -> None:
        self.channel = channel
        if not hello["sandboxed"]:
            _warn_once()
        self._pid, self._thread, self._zygote = int(hello["pid"]), int(hello["tid"]), zygote
        self._handle = _open_handle(self._pid)

    @property
    def pid(self) -> int:
        return self._pid

    def kill(self) -> None:
        """End it now, whatever it does."""
        if self._handle is None:
            return
        _signal(self._handle, self._pid, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        """Let go of it; it ends by itself once it has nothing to do."""
        self.channel.close()
        if self._handle:
            os.close(self._handle)
        self._handle = None

    def processor_time(self) -> float | None:
        """Seconds that it has used so far; None where the system does not tell."""
        if sys.platform != "linux":
            return None
        with suppress(OSError):
            return time.clock_gettime(~self._pid << 3 | _SCHEDULED)
        return None

    def lower_priority(self) -> bool:
        return self._set_priority(19)

    def restore_priority(self) -> bool:
        """False where this process may not: the worker must not be used again."""
        return self._set_priority(0)

    async def exit_status(self) -> int | None:
        """What it ended with (negative: the signal); None where that is not known."""
        return await self._zygote.exit_status(self._pid)

    def _set_priority(self, nice: int) -> bool:
        try:
            os.setpriority(os.PRIO_PROCESS, self._thread, nice)
        except OSError:
            return False
        return True


class Zygote:
    """The child that forks workers over one snapshot, from disk or from its memory."""

    def __init__(self, result_buffer: int, lost: Callable[[], None] | None = None) -> None:
        """``lost`` is called when the child is gone without having been closed."""
        self._result_buffer, self._when_lost = result_buffer, lost
        self._statuses: dict[int, int] = {}
        self._watchers: dict[int, asyncio.Future[int]] = {}
        self._loaded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.held_bytes = 0
        """Bytes of memory that what it has loaded takes, about."""
        self._lines = b""
        self._gone = False
        self._control, theirs = socket.socketpair()
        self._process = _start("kg.serving.zygote", theirs)
        self._control.setblocking(False)
        asyncio.get_running_loop().add_reader(self._control.fileno(), self._hear)

    async def load(self, store: Path) -> None:
        """Read a snapshot into the child's memory.

        :raises Unavailable: the child ended before it was done.
        """
        self._order({"load": str(store)})
        await self._loaded

    def advance(self, delta: bytes) -> None:
        """Have what was loaded changed by ``delta`` (:mod:`kg.serving.deltas`): workers that are
        forked from now on have it so.

        :raises Unavailable: the child is gone.
        """
        with tempfile.TemporaryFile() as file:
            file.write(delta)
            file.seek(0)
            self._order({"advance": True}, file)

    async def fork_reader(self, store: Path | None, memory: int) -> Worker:
        """A worker over ``store`` on disk, or over what was loaded. ``memory`` in MiB.

        :raises Unavailable: it could not be started.
        """
        path = str(store) if store else None
        return await self.fork({"fork": "reader", "store": path, "memory": memory})

    async def fork(self, order: dict[str, Any]) -> Worker:
        """A child as :mod:`kg.serving.zygote` describes.

        :raises Unavailable: it could not be started.
        """
        ours, theirs = socket.socketpair()
        try:
            self._order(order, theirs)
        except Unavailable:
            ours.close()
            raise
        finally:
            theirs.close()
        _, channel = await asyncio.get_running_loop().create_unix_connection(
            lambda: Channel(self._result_buffer), sock=ours
        )
        try:
            async with asyncio.timeout(_START):
                kind, hello = await channel.frame() or (None, b"")
            if kind == Kind.HELLO:
                return Worker(channel, json.loads(hello), self)
        except (TimeoutError, ProcessLookupError):
            pass  # too slow, or gone since
        except asyncio.CancelledError:
            channel.close()
            raise
        channel.close()
        raise Unavailable("a worker process could not be started")

    async def exit_status(self, pid: int) -> int | None:
        if pid in self._statuses:
            return self._statuses.pop(pid)
        if self._gone:
            return None
        watcher: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._watchers[pid] = watcher
        try:
            async with asyncio.timeout(1.0):
                return await watcher
        except TimeoutError:
            return None
        finally:
            self._watchers.pop(pid, None)

    @property
    def gone(self) -> bool:
        return self._gone

    def close(self) -> None:
        """End it now, and (Linux) with it all its workers."""
        self._when_lost = None
        if not self._gone:
            asyncio.get_running_loop().remove_reader(self._control.fileno())
            self._lost()
        self._process.kill()
        self._process.wait()

    def _order(self, order: dict[str, Any], *attached: HasFileno) -> None:
        line = json.dumps(order).encode() + b"\n"
        try:
            socket.send_fds(self._control, [line], [s.fileno() for s in attached])
        except OSError as error:
            raise Unavailable("the process that starts workers is gone") from error

    def _hear(self) -> None:
        try:
            data = self._control.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._control.fileno())
            self._lost()
            return
        *lines, self._lines = (self._lines + data).split(b"\n")
        for line in lines:
            self._note(json.loads(line))

    def _note(self, report: dict[str, int]) -> None:
        if "held" in report:
            self.held_bytes = max(report["held"], 0)
            if not self._loaded.done():
                self._loaded.set_result(None)
            return
        watcher = self._watchers.get(report["exited"])
        if watcher is not None and not watcher.done():
            watcher.set_result(report["status"])
            return
        self._statuses[report["exited"]] = report["status"]
        if len(self._statuses) > 64:
            del self._statuses[next(iter(self._statuses))]

    def _lost(self) -> None:
        self._gone = True
        self._control.close()
        if not self._loaded.done():
            self._loaded.set_exception(Unavailable("the snapshot could not be loaded"))
            self._loaded.exception()  # nobody need be waiting for it
        if self._when_lost is not None:
            self._when_lost()


@cache
def _warn_once() -> None:
    log.warning("workers cannot be kept from the network on this system: only the gate does it")


def _start(module: str, theirs: socket.socket) -> subprocess.Popen[bytes]:
    path = os.pathsep.join(filter(None, (_PACKAGES, os.environ.get("PYTHONPATH"))))
    with theirs:
        return subprocess.Popen(  # noqa: S603 (our own module)
            [sys.executable, "-P", "-m", module, str(theirs.fileno())],  # not from where we stand
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )


def _open_handle(pid: int) -> int | None:
    """Linux: a descriptor that stays this process whatever becomes of its number."""
    if sys.platform == "linux":
        return os.pidfd_open(pid)
    return 0


def _signal(handle: int, pid: int, number: int) -> None:
    with suppress(ProcessLookupError):  # it may have been quicker
        if sys.platform == "linux":
            signal.pidfd_send_signal(handle, number)
        else:
            os.kill(pid, number)
