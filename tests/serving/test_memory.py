"""The copy in memory follows what is written, and says the same as the store on disk."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg.errors import LimitExceeded, Unavailable
from kg.serving import Document, Engine, Limits, QueryRequest, WritePolicy, deltas, memory, seats
from kg.serving.deltas import Delta
from tests.serving.stores import (
    EX,
    JSON,
    ask,
    children,
    count,
    publish,
    resident,
    rows,
    with_engine,
)

ALL = "SELECT * { GRAPH ?g { ?s ?p ?o } }"
COUNT = ALL.replace("*", "(COUNT(*) AS ?n)")
RUNAWAY = "SELECT (COUNT(*) AS ?n) { GRAPH ?x { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } }"
QUADS = st.builds(
    lambda s, o, g: ox.Quad(
        ox.BlankNode(s) if s < "c" else ox.NamedNode(EX + s),
        ox.NamedNode(EX + "p"),
        ox.Literal(o),
        ox.NamedNode(EX + g) if g else ox.DefaultGraph(),
    ),
    st.sampled_from("abcd"),
    st.integers(0, 3),
    st.sampled_from(["", "g", "h"]),
)
GRAPHS = st.sampled_from([ox.NamedNode(EX + "g"), ox.NamedNode(EX + "h")])
STEPS = st.lists(st.tuples(st.sampled_from(["add", "remove"]), QUADS | GRAPHS), max_size=30)


def take(store: ox.Store, delta: Delta, adds: bool, what: ox.Quad | ox.NamedNode) -> None:
    """Add or remove a quad or a whole graph, and note it as the writer does."""
    if isinstance(what, ox.NamedNode):
        quads = [] if adds else [*store.quads_for_pattern(None, None, None, what)]
        delta.note(quads, [])
        (store.add_graph if adds else store.remove_graph)(what)
        delta.note_graph(what.value)
    elif adds and what not in store:
        store.add(what)
        delta.note([], [what])
    elif not adds and what in store:
        store.remove(what)
        delta.note([what], [])


@given(st.sets(QUADS), STEPS)
def test_a_delta_is_the_net_effect(
    begin: set[ox.Quad], steps: list[tuple[str, ox.Quad | ox.NamedNode]]
) -> None:
    store, follower, delta = ox.Store(), ox.Store(), Delta()
    store.extend(begin)
    follower.extend(begin)
    for verb, what in steps:
        take(store, delta, verb == "add", what)
    deltas.apply(delta.as_json(store), follower)
    assert set(follower) == set(store)
    assert set(follower.named_graphs()) == set(store.named_graphs())


def test_too_much_is_not_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deltas, "_MOST", 10)
    delta = Delta()
    quads = list(ox.parse(rows(11), ox.RdfFormat.N_QUADS))
    delta.note([], quads[:10])
    assert delta.known
    delta.note([], quads[10:])
    assert not delta.known


G, H = f"<{EX}g>", f"<{EX}h>"
UPDATES = (
    f"INSERT DATA {{ GRAPH {G} {{ <{EX}s> <{EX}p> $n , $m }} }}",
    f'INSERT DATA {{ GRAPH {H} {{ _:b <{EX}p> $n , "1"^^<{EX}type> , "a"@en }} }}',
    f"DELETE DATA {{ GRAPH {G} {{ <{EX}s> <{EX}p> $m }} }}",
    f"DELETE {{ GRAPH {G} {{ ?s ?p ?o }} }} INSERT {{ GRAPH {H} {{ ?s ?p $n }} }}"
    f" WHERE {{ GRAPH {G} {{ ?s ?p ?o }} }}",
    "DELETE { GRAPH ?g { ?s ?p $m } } WHERE { GRAPH ?g { ?s ?p $m } }",
    f"DELETE WHERE {{ GRAPH {H} {{ ?s <{EX}p> $m }} }}",
    f"COPY {G} TO {H}",
    f"CLEAR GRAPH {G}",
    f"DROP SILENT GRAPH {H}",
    f"CREATE SILENT GRAPH <{EX}empty$n>",
    f"DROP SILENT GRAPH <{EX}empty$m>",
    "CLEAR NAMED",
)


async def write(engine: Engine, chance: random.Random) -> None:
    document = Document(f"[] <{EX}p> {chance.randrange(4)} .".encode(), "text/turtle", EX)
    match chance.randrange(8):
        case 0:
            await engine.put_graph(EX + "g", document)
        case 1:
            await engine.post_graph(EX + "g", document)
        case _:
            text = chance.choice(UPDATES)
            text = text.replace("$n", str(chance.randrange(4)))
            await engine.update(text.replace("$m", str(chance.randrange(4))))


async def assert_same(engine: Engine) -> None:
    """What it answers from memory is what stands on disk, blank nodes and empty graphs included."""
    assert engine.in_memory
    disk = ox.Store.read_only(str(engine.snapshot.store))
    text = await (await engine.dataset("application/n-quads")).read()
    text += await (await engine.graph(None, "application/n-triples")).read()
    assert set(ox.parse(text, ox.RdfFormat.N_QUADS)) == set(disk)
    for graph in ("g", "h", "empty0", "empty1", "empty2", "empty3"):
        there = disk.contains_named_graph(ox.NamedNode(EX + graph))
        assert await has_graph(engine, EX + graph) is there


async def has_graph(engine: Engine, iri: str) -> bool:
    found = await ask(engine, f"ASK {{ GRAPH <{iri}> {{}} }}", JSON)
    return b"true" in found


@pytest.mark.parametrize("seed", [1, 2])
def test_it_moves_on_with_every_kind_of_write(tmp_path: Path, seed: int) -> None:
    publish(tmp_path, rows(20))
    chance = random.Random(seed)

    async def scenario(engine: Engine) -> None:
        await engine.warmed()
        for _ in range(20):
            await write(engine, chance)
            await assert_same(engine)

    with_engine(tmp_path, scenario)


def test_a_graph_that_goes_and_comes_back_within_one_group(tmp_path: Path) -> None:
    publish(tmp_path, rows(3))
    again = f"INSERT DATA {{ GRAPH <{EX}g0> {{ <{EX}s0> <{EX}number> 0 }} }}"

    async def scenario(engine: Engine) -> None:
        await engine.warmed()
        first = engine.update(f"INSERT DATA {{ GRAPH {G} {{ <{EX}s> <{EX}p> 1 }} }}")
        group = engine.delete_graph(EX + "g0"), engine.update(again)  # wait while that is done
        _, gone, back = await asyncio.gather(first, *group)
        assert gone.number == back.number
        await assert_same(engine)
        assert await count(engine) == 4

    with_engine(tmp_path, scenario)


def test_a_graph_without_triples_is_loaded_too(tmp_path: Path) -> None:
    publish(tmp_path, rows(3))

    async def make(engine: Engine) -> None:
        await engine.update(f"CREATE GRAPH <{EX}empty1>")

    async def look(engine: Engine) -> None:
        await engine.warmed()
        assert await has_graph(engine, EX + "empty1")
        await assert_same(engine)

    with_engine(tmp_path, make)
    with_engine(tmp_path, look)


def holders(engine: Engine) -> list[int]:
    """Idle workers that are known to hold much memory."""
    return [seat.worker.pid for seat in engine._pool._idle._seats if seat.worn]


def test_what_a_scan_copies_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes through all of the data, which it shares with others: they count references in it."""
    publish(tmp_path, rows(500_000), merge=False)
    monkeypatch.setattr(seats, "_IDLE_SECONDS", 0.1)
    monkeypatch.setattr(seats, "_WORN_SECONDS", 0.5)

    async def scenario(engine: Engine) -> None:
        await engine.warmed()
        whole = {pid: resident(pid, private=False) for pid in children()}
        answer = await engine.query(QueryRequest(ALL, "text/csv"))
        lines = 0
        async for piece in answer:
            lines += piece.count(b"\n")
        assert lines == 500_001
        (worn,) = holders(engine)
        assert resident(worn) > 96 << 20
        assert resident(worn, private=False) - whole[worn] < 100 << 20
        async with asyncio.timeout(10):
            while worn in children():  # although it is kept up to date
                await engine.update(f"INSERT DATA {{ GRAPH {G} {{ <{EX}s> <{EX}p> 1 }} }}")
                await asyncio.sleep(0.1)
        short = await engine.query(QueryRequest(COUNT, JSON))
        assert short.body is not None
        assert len(holders(engine)) == 1

    with_engine(tmp_path, scenario)


def test_long_queries_are_as_many_as_may_copy_the_data(tmp_path: Path) -> None:
    publish(tmp_path, rows(100_000), merge=False)

    async def most_at_once(engine: Engine) -> int:
        await engine.warmed()
        heavy = [
            asyncio.create_task(ask(engine, f"{RUNAWAY} # {n}", client=f"c{n}")) for n in range(3)
        ]
        most = 0
        while not all(task.done() for task in heavy):
            most = max(most, len(engine._pool._long()))
            await asyncio.sleep(0.01)
        ended = await asyncio.gather(*heavy, return_exceptions=True)
        assert all(isinstance(error, Unavailable | LimitExceeded) for error in ended)
        return most

    limits = Limits(query_timeout=1.0, long_after=0.05, long_grace=0.1)
    assert with_engine(tmp_path, most_at_once, limits) == 3
    assert with_engine(tmp_path, most_at_once, replace(limits, memory_copies_bytes=1)) == 1


def test_it_catches_up_with_what_was_written_while_it_was_loaded(tmp_path: Path) -> None:
    publish(tmp_path, rows(20_000))

    async def scenario(engine: Engine) -> None:
        written = 0
        while not engine.in_memory:
            await engine.update(f"INSERT DATA {{ GRAPH {G} {{ <{EX}s> <{EX}q> {written} }} }}")
            written += 1
        assert written > 1
        assert await count(engine) == 20_000 + written
        await assert_same(engine)

    with_engine(tmp_path, scenario)


def test_idle_workers_move_on_and_busy_ones_finish_what_they_began(tmp_path: Path) -> None:
    publish(tmp_path, rows(500))
    every = "SELECT * { ?s ?p ?o . ?t ?q ?r } LIMIT 200000"

    async def scenario(engine: Engine) -> None:
        await engine.warmed()
        old = engine.snapshot.version
        answer = await engine.query(QueryRequest(every, "text/csv"))
        before = children()
        for number in range(3):
            await engine.update(f"INSERT DATA {{ GRAPH {G} {{ <{EX}s> <{EX}q> {number} }} }}")
            assert await count(engine) == 501 + number
        assert len(children() - before) <= 3  # the writer, a worker as it begins, a spare
        assert (await answer.read()).count(b"\n") == 200_001
        assert answer.version == old
        await assert_same(engine)

    with_engine(tmp_path, scenario)


def test_another_process_publishes_in_between(tmp_path: Path) -> None:
    publish(tmp_path, rows(5))

    async def scenario(engine: Engine) -> None:
        await engine.warmed()
        publish(tmp_path, rows(9), "v2")
        await engine.follow()
        assert not engine.in_memory
        assert await count(engine) == 9
        await engine.warmed()
        await assert_same(engine)

    with_engine(tmp_path, scenario)


def test_what_nobody_noted_is_read_from_disk(tmp_path: Path) -> None:
    publish(tmp_path, rows(5))
    strict = WritePolicy(union=False)

    async def scenario(engine: Engine) -> None:
        await engine.warmed()
        await engine.update(f"INSERT {{ <{EX}s> <{EX}p> 1 }} WHERE {{}}")
        assert not engine.in_memory
        assert await count(engine) == 6

    with_engine(tmp_path, scenario, writes=strict)


def test_a_worn_copy_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_MOST_DONE", 3)
    publish(tmp_path, rows(5))

    async def scenario(engine: Engine) -> None:
        await engine.warmed()
        first = engine._pool.source.zygote  # type: ignore[union-attr]
        number = 0
        while engine._pool.source.zygote is first:  # type: ignore[union-attr]
            assert engine.in_memory
            await engine.update(f"INSERT DATA {{ GRAPH {G} {{ <{EX}s> <{EX}q> {number} }} }}")
            await asyncio.sleep(0.05)
            number += 1
        assert number > 3
        assert await count(engine) == 5 + number
        await assert_same(engine)

    with_engine(tmp_path, scenario)
