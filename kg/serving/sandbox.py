"""What a worker gives up before it reads anything from outside.

Linux only where it says so; elsewhere the call does nothing and says that it did nothing.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

STACK = 512 << 20
"""Bytes of stack for the thread that meets the engine: nesting bombs just evaluate."""

_MANY_FAULTS = 4096
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_SECCOMP_MODE_FILTER = 2
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1  # the second: errno EPERM
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_X32 = 0x40000000

# System calls by number: socket, connect, accept, bind, listen, socketpair, accept4;
# execve, execveat; ptrace, process_vm_readv, process_vm_writev; io_uring_setup.
_REFUSED = {
    "x86_64": (0xC000003E, (41, 42, 43, 49, 50, 53, 288, 59, 322, 101, 310, 311, 425)),
    "aarch64": (0xC00000B7, (198, 203, 202, 200, 201, 199, 242, 221, 281, 117, 270, 271, 425)),
}


def die_with_parent() -> None:
    """Linux: be killed when the process that forked this one ends."""
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def go_first() -> None:
    """Linux: where the machine runs out of memory, end this process before any other."""
    if sys.platform == "linux":
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def work(
    prepare: Callable[[], Callable[[], None]], greet: Callable[[Any], None], memory: int
) -> None:
    """Be a child that meets text from outside; never returns.

    ``prepare`` opens what is needed and gives the loop to run; then the memory is limited
    (MiB) and ``greet`` gets what the server wants to know of this process.
    """
    die_with_parent()
    go_first()
    sandboxed = refuse_network()

    def serve() -> None:
        loop = prepare()
        limit_memory(memory)
        with suppress(BrokenPipeError):  # the server is gone; the loop will see it too
            greet({"pid": os.getpid(), "tid": threading.get_native_id(), "sandboxed": sandboxed})
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the exit status says what is needed
        loop()
        os._exit(0)

    _run_with_big_stack(serve)
    os._exit(1)


def refuse_network() -> bool:
    """Linux: from here on this process opens no socket and starts no program. True if so."""
    if sys.platform != "linux" or platform.machine() not in _REFUSED:
        return False
    code = _filter(*_REFUSED[platform.machine()])
    buffer = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    return _prctl(_PR_SET_NO_NEW_PRIVS, 1) and _prctl(
        _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.create_string_buffer(program)
    )


def limit_memory(mebibytes: int) -> None:
    """Let this process grow by ``mebibytes`` of address space from where it is now."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        most = _pages(0) + (mebibytes << 20)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def resident_memory() -> int:
    """Bytes that this process has resident now (Linux); elsewhere 0."""
    return _pages(1) if sys.platform == "linux" else 0


class Wear:
    """How much memory this process has come to use since this was made."""

    def __init__(self, much: int) -> None:
        """``much``: bytes that it should not have for itself."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        self._much, self._peak, self._faults = much, usage.ru_maxrss, usage.ru_minflt
        self._least = much // resource.getpagesize()
        """Faults without which it cannot have copied so much."""
        self.worn = False
        """It shares ``much`` or more with no other process (Linux)."""

    def look(self) -> int:
        """Bytes that its peak has grown by.

        What it shares is told by walking through all of its pages: that is done only when enough
        may have been copied. Each page that is copied is a fault, though not the other way about.
        """
        usage = resource.getrusage(resource.RUSAGE_SELF)
        if not self.worn and usage.ru_minflt - self._faults >= self._least:
            own = _own_memory()
            left = (self._much - own) // resource.getpagesize()
            self.worn, self._faults = left <= 0, usage.ru_minflt
            self._least = max(left, _MANY_FAULTS)
        unit = 1 if sys.platform == "darwin" else 1024
        return (usage.ru_maxrss - self._peak) * unit


def _own_memory() -> int:
    with suppress(OSError):
        text = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
        own = [line.split()[1] for line in text.splitlines() if line.startswith("Private_")]
        return sum(map(int, own)) << 10
    return 0


def _run_with_big_stack(work: Callable[[], None]) -> None:
    """Run ``work`` to its end in a thread with :data:`STACK` bytes of stack."""
    threading.stack_size(STACK)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def _filter(architecture: int, refused: tuple[int, ...]) -> bytes:
    """A classic BPF program over ``struct seccomp_data`` (number at 0, architecture at 4)."""
    refuse_at = 4 + len(refused) + 1  # index of the last instruction
    code = [
        (_LOAD, 0, 0, 4),
        (_JUMP_EQUAL, 0, refuse_at - 2, architecture),
        (_LOAD, 0, 0, 0),
        (_JUMP_AT_LEAST, refuse_at - 4, 0, _X32),
    ]
    code += [
        (_JUMP_EQUAL, refuse_at - at - 1, 0, number) for at, number in enumerate(refused, start=4)
    ]
    code += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)


def _prctl(option: int, *arguments: object) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    padded = [*arguments, 0, 0, 0, 0][:4]
    return bool(
        libc.prctl(option, *(ctypes.c_ulong(a) if isinstance(a, int) else a for a in padded)) == 0
    )


def _pages(which: int) -> int:
    """Bytes of address space (0) or of memory (1) that this process has (proc_pid_statm(5))."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[which]
    return int(pages) * resource.getpagesize()
