"""Kill the service at random moments under continuous writes, and see what it kept.

``python -m tests.serving.crash 200`` runs 200 rounds. Each round starts a process that
writes pairs (one triple into each of two graphs, by one update) as fast as they are
acknowledged, kills it and all its children, starts anew and compares: everything that was
acknowledged is there, and no half of a pair without the other; and the log of the store has each
pair that is there, once, and no other.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kg import snapshots
from kg.history import History
from kg.serving import Credit, Engine, WritePolicy
from tests.serving.stores import EX, children, publish, values, with_engine

_CLIENTS = 4


def rounds(count: int, store_dir: Path) -> tuple[int, float]:
    """Pairs acknowledged in all, and the longest start in seconds.

    Raises AssertionError where something was lost or is half there.
    """
    publish(store_dir, b"")
    acknowledged: set[str] = set()
    slowest = 0.0
    for number in range(count):
        acknowledged |= _write_until_killed(store_dir, number)
        started = time.monotonic()
        first, second = with_engine(store_dir, _read)
        logged = _logged(store_dir)
        slowest = max(slowest, time.monotonic() - started)
        lost = acknowledged - first
        assert not lost, f"round {number}: {len(lost)} acknowledged writes are gone"
        assert first == second, f"round {number}: half of an update is visible"
        assert len(logged) == len(set(logged)), f"round {number}: a write is logged twice"
        assert set(logged) == first, f"round {number}: the log and the data are out of step"
    return len(acknowledged), slowest


def _write_until_killed(store_dir: Path, number: int) -> set[str]:
    """The names of the pairs that were acknowledged before the end."""
    command = [sys.executable, "-m", "tests.serving.crash", "--write", str(store_dir), str(number)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert writer.stdout is not None
    with writer.stdout as output:
        first = output.readline()
        time.sleep(random.uniform(0, 0.5))
        family = children()
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        lines = (first + output.read()).decode().splitlines(keepends=True)
    for pid in family - {writer.pid}:
        _wait_until_gone(pid)
    return {line.strip() for line in lines if line.endswith("\n")} - {""}


def _wait_until_gone(pid: int) -> None:
    """The children end by themselves when their server is gone."""
    deadline = time.monotonic() + 10
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert not _runs(pid), "a child outlived its server"


def _runs(pid: int) -> bool:
    """One that has ended stays in the table until it is reaped, which is not our business."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def _logged(store_dir: Path) -> list[str]:
    """The names of the pairs in the log, which have them as the reason of the write."""
    history = History(store_dir, snapshots.require(store_dir).number)
    revisions, cursor = [], 0
    while cursor is not None:
        page = history.revisions(False, cursor, 500)
        revisions += page.items
        cursor = page.next_cursor
    return [
        act["reason"]
        for revision in revisions
        for act in history.revision(revision["number"])["acts"]
    ]


async def _read(engine: Engine) -> tuple[set[str], set[str]]:
    first, second = [
        set(await values(engine, f"SELECT ?o {{ GRAPH <{EX}{graph}> {{ ?s ?p ?o }} }}"))
        for graph in ("first", "second")
    ]
    return first, second


async def _write(engine: Engine, number: int) -> None:
    async def client(client: int) -> None:
        for serial in range(1_000_000):
            name = f"{number}-{client}-{serial}"
            triple = f'<{EX}s> <{EX}p> "{name}"'
            await engine.update(
                f"INSERT DATA {{ GRAPH <{EX}first> {{ {triple} }} "
                f"GRAPH <{EX}second> {{ {triple} }} }}",
                credit=Credit("crash", name),
            )
            sys.stdout.write(f"{name}\n")
            sys.stdout.flush()

    await asyncio.gather(*(client(n) for n in range(_CLIENTS)))


def main() -> None:
    if sys.argv[1] == "--write":
        policy = WritePolicy(keeper="kg.history.recording:Recorder")
        with_engine(
            Path(sys.argv[2]), lambda engine: _write(engine, int(sys.argv[3])), writes=policy
        )
    with tempfile.TemporaryDirectory() as folder:
        acknowledged, slowest = rounds(int(sys.argv[1]), Path(folder))
    sys.stdout.write(
        f"{sys.argv[1]} rounds, {acknowledged} pairs acknowledged, none lost, none half; "
        f"slowest start with the first answers {slowest:.2f} s\n"
    )


if __name__ == "__main__":
    main()
