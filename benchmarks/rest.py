"""How long lists, items, search and documents take at the server: ``python -m benchmarks.rest``.

    python -m benchmarks.rest [--triples 1000000] [--requests 100] [--folder DIR] [--write-docs]

Two bases: the built-in one, and a generated one of ``--triples`` (:mod:`benchmarks.load`: claims
with provenance), whose catalogue is written from its triples as a build writes it. The application
is called in this process, as a server calls it, without sockets; queries go to its worker
processes. Requests come one after the other; keys change from one to the next, so that nothing is
answered from what was counted before, unless the row says so.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pyoxigraph as ox
from fastapi import FastAPI
from starlette.types import Message

from api.app import create_app
from benchmarks import load
from benchmarks.machine import describe_machine
from kg import snapshots
from kg.catalogue import CATALOGUE_FILE, View, entries, write_catalogue
from kg.catalogue.listing import encode_cursor
from kg.config import Settings
from kg.namespaces import Namespaces
from kg.operations import prepare

_DOCS = Path("docs/benchmarks-rest.md")
_WARM_UP = 5


Keys = Callable[[int], dict[str, object]]
"""What stands in the addresses of the n-th request."""


@dataclass(frozen=True)
class Measured:
    name: str
    median: float
    p95: float
    size: int


BUILTIN = {
    "one chip": "/api/chips/{chip}",
    "one claim": "/api/claims/{claim}",
    "50 chips, whole": "/api/chips?tpp_min={n}",
    "50 claims, whole": "/api/claims?stated_min={day}",
    "50 claims, three fields": "/api/claims?fields=label,hedge,rank&stated_min={day}",
    "claims of a speaker": "/api/claims?speaker={speaker}&stated_min={day}",
    "50 claims, two facets": "/api/claims?facets=hedge,verdict&stated_min={day}",
    "contradictions": "/api/contradictions",
    "search by name": "/api/search?q={chip}",
    "50 claims as CSV": "/api/claims.csv?stated_min={day}",
    "50 claims as Turtle": "/api/claims.ttl?stated_min={day}",
    "50 claims as JSON-LD": "/api/claims.jsonld?stated_min={day}",
    "50 chips as Turtle": "/api/chips.ttl?tpp_min={n}",
    "50 chips as JSON-LD": "/api/chips.jsonld?tpp_min={n}",
    "one chip as Turtle": "/api/chips/{chip}.ttl",
    "one claim as JSON-LD": "/api/claims/{claim}.jsonld",
    "document of a chip, Turtle": "/id/{chip}.ttl",
    "document of a claim, JSON-LD": "/claim/{claim}.jsonld",
}
GENERATED = {
    "one chip": "/api/chips/{chip}",
    "one claim": "/api/claims/{claim}",
    "50 claims": "/api/claims",
    "50 claims since a day": "/api/claims?stated_min={day}",
    "50 claims, the newest before a day": "/api/claims?sort=-stated&stated_max={day}",
    "50 claims of a speaker": "/api/claims?speaker={agent}",
    "50 claims about a chip": "/api/claims?about={chip}",
    "50 claims by hedge and amount": "/api/claims?hedge=reported&quantity_min={n}&sort=-quantity",
    "50 claims known at a time": "/api/claims?known_at={day}T13:00:00Z",
    "a page from the middle": "/api/claims?cursor={middle}",
    "facets of all claims, repeated": "/api/claims?limit=1&facets=hedge,speaker",
    "facets of nearly all claims": "/api/claims?limit=1&facets=hedge,speaker&quantity_min={n}",
    "facets of a speaker": "/api/claims?limit=1&facets=hedge,rank&speaker={agent}",
    "search by name": "/api/search?q=chip+{n}",
    "50 claims as CSV": "/api/claims.csv?speaker={agent}",
    "50 claims as Turtle": "/api/claims.ttl?speaker={agent}",
    "50 claims as JSON-LD": "/api/claims.jsonld?speaker={agent}",
    "one claim as Turtle": "/api/claims/{claim}.ttl",
    "document of a claim, JSON-LD": "/claim/{claim}.jsonld",
}


def builtin_keys(store: Path) -> Keys:
    view = View(ox.Store.read_only(str(snapshots.require(store).store)), Namespaces())
    chips, claims = ([view.slug(n) for n in view.instances(k)] for k in ("ct:Chip", "ct:Claim"))
    speakers = ("bloomberg", "reuters", "analysts", "robot-writer-dog")
    return lambda n: {
        "n": n,
        "day": _day(n),
        "chip": chips[n % len(chips)],
        "claim": claims[n % len(claims)],
        "speaker": speakers[n % len(speakers)],
    }


def generated_keys(made: load.Load) -> Keys:
    def keys(n: int) -> dict[str, object]:
        key = n * 7919 % made.claims
        claim = f"x{key // load.CLAIMS_OF_AN_ARTICLE}-{key}"
        return {
            "n": n,
            "day": _day(n),
            "chip": f"chip-{n % load.CHIPS}",
            "agent": f"agent-{n % load.AGENTS}",
            "claim": claim,
            "middle": encode_cursor("id", (None, claim)),
        }

    return keys


def _day(number: int) -> str:
    return (datetime.date(2023, 1, 1) + datetime.timedelta(days=number % 365)).isoformat()


# --- measuring --------------------------------------------------------------------------------


@asynccontextmanager
async def served(store: Path) -> AsyncIterator[FastAPI]:
    app = create_app(Settings(store=store))
    async with app.router.lifespan_context(app):
        yield app


async def call(app: FastAPI, address: str) -> tuple[float, int]:
    """Seconds to the last byte, and bytes. Raises AssertionError for anything but 200."""
    target = urlsplit(address)
    received: list[Message] = []

    async def send(message: Message) -> None:
        received.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": target.path,
        "raw_path": target.path.encode(),
        "query_string": target.query.encode(),
        "headers": [(b"host", b"localhost"), (b"accept", b"application/json")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "root_path": "",
    }
    begun = time.perf_counter()
    await app(scope, _receive, send)
    seconds = time.perf_counter() - begun
    body = b"".join(message.get("body", b"") for message in received)
    assert received[0]["status"] == 200, (address, body[:300])
    return seconds, len(body)


async def _receive() -> Message:
    await asyncio.sleep(3600)
    return {"type": "http.disconnect"}


async def measure(
    app: FastAPI, name: str, addresses: Sequence[str], warm_up: int = _WARM_UP
) -> Measured:
    found = [await call(app, address) for address in addresses][warm_up:]
    times = sorted(seconds * 1000 for seconds, _ in found)
    size = int(statistics.median(size for _, size in found))
    return Measured(name, statistics.median(times), times[len(times) * 95 // 100], size)


async def measure_all(
    store: Path, asked: Mapping[str, str], keys: Keys, requests: int
) -> list[Measured]:
    numbers = range(requests + _WARM_UP)
    async with served(store) as app:
        return [
            await measure(app, name, [template.format(**keys(n)) for n in numbers])
            for name, template in asked.items()
        ]


# --- bases ------------------------------------------------------------------------------------


def builtin_base(folder: Path) -> Path:
    store = folder / "builtin"
    prepare(Settings(store=store), empty=False)
    return store


def generated_base(folder: Path, triples: int) -> tuple[Path, load.Load]:
    place = folder / f"generated-{triples}"
    if snapshots.current(place / "store") is None:
        place.mkdir(parents=True, exist_ok=True)
        _make(place, triples)
    return place / "store", load.read(place)


def _make(place: Path, triples: int) -> None:
    names, made = Namespaces(), load.generate(place, triples)
    building = snapshots.begin(place / "store")
    store = ox.Store(building / "store")
    store.bulk_load(path=str(made.quads_file), format=ox.RdfFormat.N_QUADS)
    store.flush()
    write_catalogue(building / CATALOGUE_FILE, entries(View(store, names)))
    del store
    dataset = {"recorded": "2019-01-01T00:00:00Z"}
    facts = {"version": "0" * 64, "base": names.base, "quads": triples, "dataset": dataset}
    snapshots.write_facts(building, facts)
    snapshots.publish(place / "store", building)


# --- report -----------------------------------------------------------------------------------


def report(tables: dict[str, list[Measured]], load_before: float) -> str:
    return "\n".join(_lines(tables, load_before)) + "\n"


def _lines(tables: dict[str, list[Measured]], load_before: float) -> Iterator[str]:
    yield "# REST: time at the server"
    yield ""
    yield "Written by `python -m benchmarks.rest --write-docs`; milliseconds from the call of the"
    yield "application to the last byte of its answer, without sockets, one request at a time, keys"
    yield "changing from one to the next."
    yield ""
    machine = describe_machine("fastapi", "starlette", "pyoxigraph")
    loads = f"load average {load_before:.1f} before the run, {os.getloadavg()[0]:.1f} after it"
    yield f"{datetime.datetime.now(datetime.UTC).date()}: {machine}; {loads}"
    for base, rows in tables.items():
        yield ""
        yield f"## {base}"
        yield ""
        yield "| request | median | 95 % | bytes |"
        yield "|---|--:|--:|--:|"
        for row in rows:
            yield f"| {row.name} | {row.median:.2f} | {row.p95:.2f} | {row.size:,} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--triples", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=100, help="of each kind")
    parser.add_argument("--folder", type=Path, help="keep the bases here, and use them again")
    parser.add_argument("--write-docs", action="store_true", help=f"write {_DOCS}")
    options = parser.parse_args()
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        store = builtin_base(folder)
        measuring = measure_all(store, BUILTIN, builtin_keys(store), options.requests)
        tables = {"Built-in base": asyncio.run(measuring)}
        store, made = generated_base(folder, options.triples)
        measuring = measure_all(store, GENERATED, generated_keys(made), options.requests)
        name = f"Generated base: {made.triples:,} triples, {made.claims:,} claims"
        tables[name] = asyncio.run(measuring)
    text = report(tables, load_before)
    print(text)
    if options.write_docs:
        _DOCS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
