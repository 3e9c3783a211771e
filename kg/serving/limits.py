"""Every limit of the service in one place, with its default and its unit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path


def _processors() -> int:
    return os.cpu_count() or 2


def memory(of: Path = Path("/proc/self/cgroup"), groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes that the machine has, or that the container may use where that is less.

    ``of``: the control groups of this process (Linux), looked up in ``groups``.
    """
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError):
        for line in of.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:  # version 2
                whole = min([whole, *_most(groups, path, "memory.max")])
            elif "memory" in controllers.split(","):
                whole = min([whole, *_most(groups / "memory", path, "memory.limit_in_bytes")])
    return whole


def _most(groups: Path, path: str, name: str) -> Iterator[int]:
    """What a control group and those that it is in allow."""
    group = groups / path.lstrip("/")
    for folder in (group, *group.parents):
        if folder.is_relative_to(groups):
            with suppress(OSError, ValueError):  # there is none, or no limit ("max")
                yield int((folder / name).read_text(encoding="ascii"))


@dataclass(frozen=True)
class Limits:
    """What one request may cost and how many run at once. Times in seconds, memory in MiB."""

    # one query
    query_timeout: float = 30.0
    """Seconds of work; waiting for a slow client does not count."""
    transfer_timeout: float = 300.0
    """Seconds from the start of a query to the last byte taken."""
    query_memory: int = 1024
    """MiB of address space beyond the data."""
    result_bytes: int = 1 << 30
    result_buffer: int = 1 << 20
    """Bytes of an answer that wait in the server for a slow client."""

    # the text of a query or an update
    query_bytes: int = 1 << 20
    update_bytes: int = 64 << 20
    query_tokens: int = 50_000
    """Words, names, values and signs of a query (not of an update, which carries data)."""
    query_nesting: int = 64
    """Brackets of any kind within one another."""
    query_patterns: int = 300
    """Triple patterns, counted by the signs that part them."""
    query_operators: int = 200
    """OPTIONAL, UNION, MINUS, EXISTS, FILTER, GRAPH, sub-SELECT and the like."""
    query_path_steps: int = 100
    """Steps of one property path."""

    # the order in which a query is evaluated
    planner: bool = True
    """Order its triple patterns by the counts of the data; else as the engine does."""

    # writes
    update_timeout: float = 60.0
    update_memory: int = 4096
    """MiB of address space of the writer beyond what it starts with."""
    write_queue: int = 256
    """Writes that wait; those that do are published together."""

    # uploaded documents
    upload_bytes: int = 64 << 20
    upload_nesting: int = 256

    # what SERVICE and LOAD fetch
    remote_timeout: float = 20.0
    """Seconds for everything that one request fetches, its turn, names and connections included."""
    remote_bytes: int = 16 << 20
    """Bytes that the targets of one request may send together."""
    remote_at_once: int = 8
    """Requests that fetch side by side."""

    # how many at once
    quick_workers: int = field(default_factory=lambda: 3 * _processors())
    """Young queries that run side by side. More than there are processors: a worker has to wait for
    its next one while the server has its turn."""
    yield_after: float = 0.05
    """Seconds of a processor, or of waiting for its client, after which a query loses priority if
    it is not alone, and gives up its place among the young ones if others wait for one."""
    long_after: float = 0.5
    """Seconds after which it gives up its place in any case."""
    long_workers: int = 32
    """Queries that gave up theirs; one more ends the oldest of the client that has most."""
    long_grace: float = 3.0
    """Seconds that a query may run before it can be ended to make room (less, down to twice
    ``long_after``, where there is memory for fewer of them)."""
    queue: int = 1024
    """Queries that wait for their turn; one client may fill half."""
    linger: float = 0.0004
    """Seconds that a worker keeps looking for its next query before it sleeps, where no other
    query runs: to be woken up takes longer than many a look-up. Others are given way to."""
    memory_snapshot_bytes: int = field(default_factory=lambda: memory() // 32)
    """Snapshots up to this size on disk are also held in memory (default: a 32nd of it). There
    they take about three times that, and while one follows the other there are two."""
    memory_copies_bytes: int = field(default_factory=lambda: memory() // 2)
    """What workers over data in memory may come to copy of it together (default: half of memory):
    as many long queries run at once as may copy all of it. (Young ones come on top.)"""
    memory_snapshot_delay: float = 1.0
    """Seconds that a snapshot must stay in force before it is read into memory."""

    watch: float = 2.0
    """Seconds between looks at whether another process has published a generation."""

    # repeated queries
    cache_bytes: int = 64 << 20
    cache_entry_bytes: int = 256 << 10
