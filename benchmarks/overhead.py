"""What a query costs more in the engine room than in process, without HTTP.

``python benchmarks/overhead.py [TRIPLES]`` (default 100,000) prints, for the same queries on
the same data: the engine in this process, workers over memory and over disk, and a repeated
query from the cache. Bounded: a few seconds for each line.
"""

from __future__ import annotations

import asyncio
import io
import platform
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pyoxigraph as ox

from kg import snapshots
from kg.serving import Engine, Limits, QueryRequest

JSON = "application/sparql-results+json"
SECONDS = 2.0
EX = "http://example.org/"


def main() -> None:
    triples = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    out(
        f"{triples:,} triples, {platform.processor() or platform.machine()}, "
        f"Python {platform.python_version()}, median and best of {SECONDS:.0f} s each"
    )
    out(f"{'':34}{'look-up ms':>12}{'1,000 rows ms':>15}{'100,000 rows MB/s':>19}")
    with tempfile.TemporaryDirectory() as folder:
        store_dir = Path(folder)
        publish(store_dir, triples)
        in_process(store_dir)
        asyncio.run(engine_room(store_dir))


def publish(store_dir: Path, triples: int) -> None:
    building = snapshots.begin(store_dir)
    store = ox.Store(str(building / "store"))
    lines = (
        f'<{EX}s{n % (triples // 10)}> <{EX}p{n // (triples // 10)}> "value {n}" .\n'
        for n in range(triples)
    )
    store.bulk_load("".join(lines).encode(), ox.RdfFormat.N_TRIPLES)
    store.flush()
    del store
    snapshots.write_facts(building, {"version": "1"})
    snapshots.publish(store_dir, building)


def look_up(serial: int) -> str:
    return f"SELECT ?p ?o {{ <{EX}s{serial % 1000}> ?p ?o }} # {serial}"


def rows(count: int, serial: int) -> str:
    return f"SELECT * {{ ?s ?p ?o }} LIMIT {count} # {serial}"


def in_process(store_dir: Path) -> None:
    disk = ox.Store.read_only(str(snapshots.require(store_dir).store))
    memory = ox.Store()
    memory.bulk_extend(disk)
    for name, store in (("memory", memory), ("disk", disk)):

        async def run(text: str, store: ox.Store = store) -> int:
            output = io.BytesIO()
            results = store.query(text)
            results.serialize(output, ox.QueryResultsFormat.JSON)  # type: ignore[union-attr,arg-type]
            return output.tell()

        asyncio.run(line(f"in process, {name}", run))


async def engine_room(store_dir: Path) -> None:
    uncached = Limits(cache_bytes=0)
    for name, limits in (
        ("workers, memory", uncached),
        ("workers, disk", replace(uncached, memory_snapshot_bytes=0)),
    ):
        async with Engine(store_dir, limits) as engine:
            await engine.warmed()
            await line(name, runner(engine))
            await crowd(f"{name}, 16 clients", runner(engine))
    async with Engine(store_dir) as engine:
        await engine.warmed()
        run = runner(engine)
        times = await measure(lambda _: run(look_up(0)))
        out(f"{'the same look-up again, cached':34}{median(times) * 1e3:12.4f}")


def runner(engine: Engine) -> Callable[[str], Awaitable[int]]:
    async def run(text: str) -> int:
        answer = await engine.query(QueryRequest(text, JSON))
        return sum([len(piece) async for piece in answer])

    return run


async def line(name: str, run: Callable[[str], Awaitable[int]]) -> None:
    quick = await measure(lambda n: run(look_up(n)))
    some = await measure(lambda n: run(rows(1_000, n)))
    size = await run(rows(100_000, 0))
    many = await measure(lambda n: run(rows(100_000, n)))
    out(
        f"{name:34}{median(quick) * 1e3:12.3f}{median(some) * 1e3:15.2f}"
        f"{size / min(many) / 1e6:19.0f}"
    )


async def crowd(name: str, run: Callable[[str], Awaitable[int]]) -> None:
    done = 0
    end = time.perf_counter() + SECONDS

    async def client(number: int) -> None:
        nonlocal done
        while time.perf_counter() < end:
            await run(look_up(number))
            done += 1

    await asyncio.gather(*(client(number) for number in range(16)))
    out(f"{name:34}{done / SECONDS:12,.0f} look-ups/s")


async def measure(work: Callable[[int], Awaitable[int]]) -> list[float]:
    times: list[float] = []
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        await work(len(times))
        times.append(time.perf_counter() - start)
    return times


def median(times: list[float]) -> float:
    return sorted(times)[len(times) // 2]


def out(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
