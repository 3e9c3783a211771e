"""Small stores for the tests of the engine room, and short ways to ask an engine."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import pyoxigraph as ox

from kg import snapshots
from kg.serving import Engine, Limits, QueryRequest, WritePolicy
from kg.serving.egress import NOTHING, Egress
from kg.snapshots import Snapshot

JSON = "application/sparql-results+json"
EX = "http://example.org/"
COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"

Result = TypeVar("Result")


def publish(store_dir: Path, nquads: bytes, version: str = "v1", merge: bool = True) -> Snapshot:
    """Make a generation of ``nquads`` as the build does, default graph merged."""
    building = snapshots.begin(store_dir)
    store = ox.Store(str(building / "store"))
    store.bulk_load(nquads, ox.RdfFormat.N_QUADS)
    if merge:
        store.update("INSERT { ?s ?p ?o } WHERE { GRAPH ?g { ?s ?p ?o } }")
    store.flush()
    del store
    snapshots.write_facts(building, {"version": version})
    return snapshots.publish(store_dir, building)


def rows(count: int, graphs: int = 10) -> bytes:
    """``count`` N-Quads: subject i has the number i, in graph i modulo ``graphs``."""
    return b"".join(
        b"<%bs%d> <%bnumber> %b <%bg%d> .\n" % (E, i, E, _integer(i), E, i % graphs)
        for i in range(count)
    )


def _integer(number: int) -> bytes:
    return b'"%d"^^<http://www.w3.org/2001/XMLSchema#integer>' % number


E = EX.encode()


def with_engine(
    store_dir: Path,
    scenario: Callable[[Engine], Awaitable[Result]],
    limits: Limits | None = None,
    writes: WritePolicy | None = None,
    egress: Egress = NOTHING,
) -> Result:
    """Run ``scenario`` on an engine over ``store_dir``, in a loop of its own."""

    async def run() -> Result:
        async with asyncio.timeout(100), Engine(store_dir, limits, writes, egress) as engine:
            return await scenario(engine)

    return asyncio.run(run())


async def ask(engine: Engine, text: str, media_type: str = JSON, **more: Any) -> bytes:
    """The whole answer."""
    return await (await engine.query(QueryRequest(text, media_type, **more))).read()


async def values(engine: Engine, text: str, **more: Any) -> list[str]:
    """The values of the only variable of a SELECT, sorted."""
    bindings = json.loads(await ask(engine, text, **more))["results"]["bindings"]
    return sorted(value["value"] for row in bindings for value in row.values())


async def count(engine: Engine, text: str = COUNT, **more: Any) -> int:
    return int((await values(engine, text, **more))[0])


async def outcome(work: Awaitable[Any]) -> BaseException | None:
    """What ``work`` raised; None if it did not."""
    (result,) = await asyncio.gather(work, return_exceptions=True)
    return result if isinstance(result, BaseException) else None


BYSTANDERS: set[int] = set()
"""Children that this process had before the test: servers of other tests, which stay alone."""


def children() -> set[int]:
    """Process ids of all descendants of this process but the bystanders and theirs (Linux)."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                stat = (folder / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if stat[0] != "Z":
                parents[int(folder.name)] = int(stat[1])
    return set(_below(os.getpid(), parents))


def _below(pid: int, parents: dict[int, int]) -> Iterable[int]:
    for child, parent in parents.items():
        if parent == pid and child not in BYSTANDERS:
            yield child
            yield from _below(child, parents)


def resident(pid: int, private: bool = True) -> int:
    """Bytes of memory that the process has, or shares with no other (Linux); 0 where it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):  # it has ended since it was listed
        return 0
    counted = [
        line for line in text.splitlines() if line.startswith("Private_" if private else "Rss")
    ]
    return sum(int(line.split()[1]) for line in counted) * 1024
