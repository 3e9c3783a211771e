"""Chiptrail's SPARQL service beside others, on one generated load, in one run.

    python -m benchmarks.serving [--triples 1000000] [--seconds 1] [--write FILE]

Servers run one after the other, each alone with the load generator, which is this process. For
look-ups those that are close to one another take turns. Traffic goes to 127.0.0.1 only; every round
is bounded in time.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyoxigraph as ox
import uvloop

from benchmarks import bare, peers
from benchmarks.client import Figures, Round, steadily
from benchmarks.load import (
    LOOK_UP,
    MANY_ROWS,
    REPEATED,
    RUNAWAY,
    TURTLE,
    Load,
    Question,
    generate,
    questions,
)
from benchmarks.machine import describe_machine, processors_in_use
from benchmarks.peers import Ground, Peer, running
from benchmarks.report import BARE, CLIENTS, CONSTANT, MIXED, Results, Steadiness, document
from kg import snapshots
from kg.namespaces import DEFAULT_BASE

_PATIENCE = 10.0
"""Seconds that a round may take beyond its time, at most."""
_WORTH = 2.5
"""What would take more seconds beyond its time, if the clients shared the processors evenly, is not
measured."""
_PROCESSORS = os.cpu_count() or 2
_LOOK_UPS = (LOOK_UP, REPEATED)
_TURNS = 7
"""Rounds that each server has in turn. A machine that others use too is now quicker, now slower:
so servers that are compared share its moods, and the middle round of each counts."""
_MEASURED = 3  # answers of the engine in process in each of its turns
_UPDATES_ONE_IN = 10
_RUNAWAY_LIMIT, _RUNAWAY_EVERY, _RUNAWAYS = 2.0, 0.5, 14


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--triples", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each round")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the tables there too")
    options = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        results = run(prepare(Path(folder), options.triples), options.seconds)
    results.minutes = (time.monotonic() - begun) / 60
    text = document(results)
    print(text)
    if options.write:
        options.write.write_text(text, encoding="utf-8")


def prepare(folder: Path, triples: int) -> Ground:
    """Generate the load and make a store of Chiptrail's from it."""
    load = generate(folder, triples)
    building = snapshots.begin(folder / "store")
    store = ox.Store(building / "store")
    store.bulk_load(path=str(load.quads_file), format=ox.RdfFormat.N_QUADS)
    store.flush()
    del store
    facts = {"version": f"benchmark-{load.triples}", "base": DEFAULT_BASE}
    snapshots.write_facts(building, facts)
    published = snapshots.publish(folder / "store", building)
    return Ground(folder, load, folder / "store", published.store)


def run(ground: Ground, seconds: float) -> Results:
    results = Results(
        machine=describe_machine("chiptrail", "pyoxigraph", "uvicorn", "uvloop"),
        command=f"python -m benchmarks.serving {' '.join(sys.argv[1:])}".strip(),
        date=datetime.datetime.now(datetime.UTC),
        triples=ground.load.triples,
        claims=ground.load.claims,
        seconds=seconds,
        in_memory=peers.in_memory(ground),
        limit=_RUNAWAY_LIMIT,
        every=_RUNAWAY_EVERY,
        turns=_TURNS,
    )
    _begin("in process", results)
    results.in_process = _in_process(ground, seconds)
    _begin("look-ups in turns", results)
    uvloop.run(_in_turns(ground, seconds, results))
    for peer, limited in _peers(ground, results):
        _begin(peer.name, results)
        results.versions[peer.name] = peer.version
        session = Session(peer, ground.load, seconds, results)
        while not session.done:  # anew after a query that the server goes on with for ever
            with running(peer, ground):
                uvloop.run(session.measure())
        with running(limited(), ground) as other:
            results.steadiness[peer.name] = uvloop.run(_under_runaways(other, ground.load))
    return results


def _peers(ground: Ground, results: Results) -> Iterator[tuple[Peer, Callable[[], Peer]]]:
    """Each server, and how to make it with a time limit for the round with runaways."""
    yield _twice(lambda _: peers.bare("engine", BARE, ground))
    yield _twice(lambda limit: peers.chiptrail(ground, limit))
    yield _twice(lambda limit: peers.oxigraph(ground, limit))
    yield _twice(lambda _: peers.rdflib_endpoint(ground))
    if peers.has_virtuoso():
        yield _twice(lambda limit: peers.virtuoso(ground, limit))
    else:
        results.missing.append("Virtuoso")


def _twice(make: Callable[[float | None], Peer]) -> tuple[Peer, Callable[[], Peer]]:
    return make(None), lambda: make(_RUNAWAY_LIMIT)


def _in_process(ground: Ground, seconds: float) -> dict[str, dict[str, Figures]]:
    command = [sys.executable, "-m", "benchmarks.bare", "measure", ground.load.folder]
    command += [str(ground.engine_store), str(seconds / 2)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return {
        kind: {name: Figures(**measured) for name, measured in rounds.items()}
        for kind, rounds in json.loads(done.stdout).items()
    }


async def _in_turns(ground: Ground, seconds: float, results: Results) -> None:
    """Look-ups of Chiptrail and of the quickest others, which run side by side meanwhile; large
    results beside the engine itself."""
    asked = {question: questions(ground.load)[question] for question in _LOOK_UPS}
    together = [
        peers.bare("nothing", CONSTANT, ground, REPEATED),
        peers.bare("engine", BARE, ground),
        peers.chiptrail(ground),
        peers.oxigraph(ground),
    ]
    with ExitStack() as stack:
        for peer in together:
            stack.enter_context(running(peer, ground))
        for name, question in asked.items():
            entered = [peer for peer in together if peer.only in ("", name)]
            for peer in entered:
                _check(peer, question, 0, results)
            serial = itertools.count(1)
            for clients in CLIENTS:
                rounds: dict[str, list[Figures]] = {}
                for peer in entered * _TURNS:
                    ask = partial(_ask, peer, question, serial)
                    figures = await Round(peer.port, ask).run(clients, seconds, _PATIENCE)
                    rounds.setdefault(peer.name, []).append(figures)
                for server, measured in rounds.items():
                    middle = sorted(measured, key=lambda one: one.rate)[_TURNS // 2]
                    results.add(name, server, clients, middle)
        if results.in_memory:
            _, engine, ours, _ = together
            large = questions(ground.load)[MANY_ROWS]
            results.serialising = await _serialising(engine, ours, large, seconds)


async def _serialising(engine: Peer, ours: Peer, large: Question, seconds: float) -> float:
    """Bytes a second that Chiptrail sends, of what the engine writes in process; the middle of
    turns."""
    serial, ratios = itertools.count(1), list[float]()
    measuring = replace(engine, path=bare.MEASURED)
    for _ in range(_TURNS):
        told = [json.loads(measuring.fetch(large, next(serial))) for _ in range(_MEASURED)]
        written = sum(one["bytes"] for one in told) / sum(one["seconds"] for one in told)
        figures = await Round(ours.port, partial(_ask, ours, large, serial)).run(
            1, seconds, _PATIENCE
        )
        ratios.append(figures.bytes_rate / written)
    return sorted(ratios)[_TURNS // 2]


def _check(peer: Peer, question: Question, serial: int, results: Results) -> None:
    """Note how many results an answer has: all servers must agree."""
    body = peer.fetch(question, serial)
    if question.accept == TURTLE:
        count = len(list(ox.parse(body, format=ox.RdfFormat.TURTLE)))
    else:
        count = len(json.loads(body)["results"]["bindings"])
    results.counts.setdefault(question.name, {})[peer.name] = count


def _ask(peer: Peer, question: Question, serial: Iterator[int]) -> bytes:
    return peer.request(question, next(serial))


class Session:
    """All rounds of one server, but those that it has had."""

    def __init__(self, peer: Peer, load: Load, seconds: float, results: Results) -> None:
        self._peer, self._seconds, self._results = peer, seconds, results
        self._look_up = questions(load)[LOOK_UP]
        self.done = False
        had = [name for name, served in results.served.items() if peer.name in served]
        self._left = [q for q in questions(load).values() if q.name not in had]
        self._serial = itertools.count(1)

    async def measure(self) -> None:
        """Go through the questions; stop at one that is not answered."""
        while self._left:
            question = self._left.pop(0)
            try:
                serial = next(self._serial) if question.keys == 1 else 0
                _check(self._peer, question, serial, self._results)
            except OSError:
                self._results.unanswered.setdefault(question.name, []).append(self._peer.name)
                return
            await self._rounds(question.name, partial(_ask, self._peer, question, self._serial))
        await self._rounds(MIXED, self._ask_or_update)
        self.done = True

    async def _rounds(self, name: str, request: Callable[[], bytes]) -> None:
        alone: Figures | None = None
        for clients in CLIENTS:
            if alone is not None and alone.p50 * clients / _PROCESSORS > _WORTH:
                return
            figures = await Round(self._peer.port, request).run(clients, self._seconds, _PATIENCE)
            self._results.add(name, self._peer.name, clients, figures)
            alone = alone or figures

    def _ask_or_update(self) -> bytes:
        serial = next(self._serial)
        if serial % _UPDATES_ONE_IN == 0:
            return self._peer.update_request(serial)
        return self._peer.request(self._look_up, serial)


async def _under_runaways(peer: Peer, load: Load) -> Steadiness:
    """Small queries of four clients, first alone, then while runaways arrive."""
    serial = itertools.count(1)
    small = questions(load)[LOOK_UP]
    ask = lambda: peer.request(small, next(serial))  # noqa: E731
    await Round(peer.port, ask).run(4, 0.5, _PATIENCE)
    quiet = await Round(peer.port, ask).run(4, 3.0, _PATIENCE)
    runaways = asyncio.create_task(
        steadily(peer.port, lambda: peer.request(RUNAWAY, next(serial)), _RUNAWAY_EVERY, _RUNAWAYS)
    )
    await asyncio.sleep(_RUNAWAY_EVERY / 2)
    busy = await Round(peer.port, ask).run(4, _RUNAWAY_EVERY * (_RUNAWAYS - 2), 1.0)
    runaways.cancel()
    await asyncio.gather(runaways, return_exceptions=True)
    return Steadiness(quiet, busy)


def _begin(part: str, results: Results) -> None:
    print(f"{time.strftime('%H:%M:%S')} {part}", file=sys.stderr, flush=True)
    results.in_use[part] = processors_in_use()


if __name__ == "__main__":
    main()
