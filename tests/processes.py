"""What a server's processes are doing, from ``/proc`` (Linux)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

PROC = Path("/proc")
linux_only = pytest.mark.skipif(not (PROC / "self/stat").exists(), reason="there is no /proc here")

_TICK = os.sysconf("SC_CLK_TCK")


def server_of(base: str) -> int:
    """The process that serves at ``base``: it has the port among its arguments."""
    port = base.rpartition(":")[2].encode()
    for entry in PROC.iterdir():
        if entry.name.isdecimal() and entry.name != str(os.getpid()):
            arguments = _read(entry / "cmdline").split(b"\0")
            if b"serve" in arguments and port in arguments:
                return int(entry.name)
    raise AssertionError(f"no server at {base}")


def descendants(pid: int) -> set[int]:
    """Its children, their children, and so on."""
    parents = {
        int(entry.name): int(fields[1])
        for entry in PROC.iterdir()
        if entry.name.isdecimal() and (fields := _stat(entry))
    }
    found: set[int] = set()
    while more := {p for p, parent in parents.items() if parent in {pid, *found}} - found:
        found |= more
    return found


def busy(pids: set[int], seconds: float = 0.2) -> set[int]:
    """Those that use more than a tenth of a processor now."""
    before = {pid: _processor_time(pid) for pid in pids}
    time.sleep(seconds)
    return {pid for pid in pids if _processor_time(pid) - before[pid] > seconds / 10}


def resident(pid: int) -> int:
    """Bytes of memory."""
    return int(_read(PROC / str(pid) / "statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_files(pid: int) -> int:
    return sum(1 for _ in (PROC / str(pid) / "fd").iterdir())


def until(holds: Callable[[], bool], patience: float = 1.5) -> None:
    """Wait for it; as a rule less long than the server would let a query run."""
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, "in vain"


def _processor_time(pid: int) -> float:
    fields = _stat(PROC / str(pid))
    return (int(fields[11]) + int(fields[12])) / _TICK if fields else 0.0


def _stat(entry: Path) -> list[bytes]:
    """The fields after the name (state is the first); none if the process is gone."""
    return _read(entry / "stat").rpartition(b") ")[2].split()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
