"""What the history costs: a page of changes in a long log, and a write that is logged.

``python -m benchmarks.history [CHANGES] [SECONDS]`` (default 100,000 and 5) prints the median time
of pages over a log of that many changes, and of writes into a graph of one's own with and without
a log. No HTTP, no documents.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyoxigraph as ox

from kg import snapshots
from kg.history import Act, Change, ChangeRequest, History, Log
from kg.serving import Credit, Engine, Limits, WritePolicy

REVISIONS = 1_000
RECORDER = "kg.history.recording:Recorder"
EX = "http://example.org/"


def main() -> None:
    changes = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 5.0
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), changes)
        pages(Path(folder), changes)
    for keeper in (None, RECORDER):
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(writes(Path(folder), keeper, seconds))


def fill(store_dir: Path, count: int) -> None:
    kinds = ("claim-added", "record-corrected", "verdict-changed", "status-changed")
    log = Log(store_dir)
    each = count // REVISIONS
    for number in range(1, REVISIONS + 1):
        found = [
            Change(
                "record",
                kinds[n % 4],
                f"record {n} of {number}",
                "claims",
                f"c{number}-{n}",
                f"{EX}c{number}-{n}",
                "2026-11-21",
                {"fields": ["quantity"], "before": {"quantity": 1}, "after": {"quantity": 2}},
                (f"chip-{n % 50}",),
            )
            for n in range(each)
        ]
        log.append(number, f"{number:064x}", [Act("update", f"author-{number % 7}")], found)
    log.close()


def pages(store_dir: Path, count: int) -> None:
    history = History(store_dir, REVISIONS)
    middle = count // 2
    asked = {
        "first page": ChangeRequest(),
        "newest first": ChangeRequest(newest_first=True),
        "from the middle": ChangeRequest(cursor=middle),
        "since a number near the end": ChangeRequest(after=count - 100),
        "one kind, from the middle": ChangeRequest({"kind": ["verdict-changed"]}, cursor=middle),
        "about one chip": ChangeRequest({"about": ["chip-7"]}),
        "by one author": ChangeRequest({"author": ["author-3"]}),
        "of one record": ChangeRequest({"slug": ["c500-1"]}),
    }
    for name, request in asked.items():
        out(f"{count:,} changes, {name:28}", timed(lambda r=request: history.changes(r)))


def timed(work: Callable[[], object], rounds: int = 50) -> float:
    """Median in milliseconds."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


async def writes(store_dir: Path, keeper: str | None, seconds: float) -> None:
    building = snapshots.begin(store_dir)
    ox.Store(str(building / "store")).flush()
    snapshots.write_facts(building, {"version": "1"})
    snapshots.publish(store_dir, building)
    policy = WritePolicy(derived=frozenset({f"{EX}derived"}), keeper=keeper)
    times: list[float] = []
    async with Engine(store_dir, Limits(), policy) as engine:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            text = f"INSERT DATA {{ GRAPH <{EX}g> {{ <{EX}s> <{EX}p> {len(times)} }} }}"
            started = time.perf_counter()
            await engine.update(text, credit=Credit("author", "reason"))
            times.append((time.perf_counter() - started) * 1000)
    name = f"{len(times):,} writes one by one, {'with' if keeper else 'without'} a log"
    out(f"{name:43}", statistics.median(times))


def out(what: str, milliseconds: float) -> None:
    sys.stdout.write(f"{what}  {milliseconds:8.3f} ms\n")


if __name__ == "__main__":
    main()
