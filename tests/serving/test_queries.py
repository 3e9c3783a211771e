from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from kg.errors import Defect, Forbidden, InvalidQuery, LimitExceeded, NotAcceptable, Unavailable
from kg.serving import Engine, Limits, QueryRequest
from tests.serving.stores import (
    COUNT,
    EX,
    JSON,
    ask,
    children,
    count,
    outcome,
    publish,
    resident,
    values,
    with_engine,
)

TURTLE, N_TRIPLES, JSON_LD = "text/turtle", "application/n-triples", "application/ld+json"
DISK = Limits(memory_snapshot_bytes=0)


@pytest.mark.parametrize("in_memory", [False, True])
def test_every_form_is_answered(published: Path, in_memory: bool) -> None:
    async def scenario(engine: Engine) -> None:
        await engine.warmed()
        assert engine.in_memory is in_memory
        assert await count(engine) == 2_000
        assert json.loads(await ask(engine, f"ASK {{ <{EX}s7> ?p 7 }}"))["boolean"] is True
        assert await ask(engine, f"DESCRIBE <{EX}s7>", N_TRIPLES) == await ask(
            engine, f"CONSTRUCT WHERE {{ <{EX}s7> ?p ?o }}", N_TRIPLES
        )
        answer = await engine.query(QueryRequest("SELECT ?s {}", "text/csv"))
        assert (answer.kind, answer.media_type, answer.version) == ("select", "text/csv", "v1")

    with_engine(published, scenario, None if in_memory else DISK)


def test_what_is_wrong_with_a_query_is_said_with_its_place(published: Path) -> None:
    async def scenario(engine: Engine) -> None:
        with pytest.raises(InvalidQuery) as caught:
            await ask(engine, "SELECT *\n{ ?s ?p }")
        assert (caught.value.line, caught.value.column) == (2, 9)
        with pytest.raises(InvalidQuery, match="custom function"):
            await ask(engine, f"SELECT (<{EX}f>(1) AS ?x) {{}}")
        with pytest.raises(InvalidQuery, match="update"):
            await ask(engine, "DROP ALL")
        with pytest.raises(Forbidden):
            await ask(engine, "SELECT * { SERVICE <http://127.0.0.1/> {} }")
        with pytest.raises(NotAcceptable):
            await ask(engine, "ASK {}", TURTLE)
        with pytest.raises(NotAcceptable):
            await ask(engine, "CONSTRUCT WHERE { ?s ?p ?o }", JSON)

    with_engine(published, scenario)


def test_a_service_without_data_says_so(tmp_path: Path) -> None:
    async def scenario(engine: Engine) -> None:
        with pytest.raises(Unavailable):
            await ask(engine, COUNT)
        publish(tmp_path, b"")
        await engine.follow()
        assert await count(engine) == 0

    with_engine(tmp_path, scenario)


OVERLAPPING = f"""
<{EX}a> <{EX}p> 1 <{EX}g> .
<{EX}a> <{EX}p> 1 <{EX}h> .
<{EX}b> <{EX}p> _:x <{EX}h> .
_:x <{EX}p> "deep" <{EX}k> .
""".replace(" 1 ", ' "1" ').encode()

G, H, K = EX + "g", EX + "h", EX + "k"


@pytest.fixture
def overlapping(tmp_path: Path) -> Path:
    publish(tmp_path, OVERLAPPING)
    return tmp_path


def test_default_graphs_are_merged(overlapping: Path) -> None:
    """A triple in two graphs is one solution, however the two came together."""

    async def scenario(engine: Engine) -> None:
        assert await count(engine) == 3
        froms = f"SELECT (COUNT(*) AS ?n) FROM <{G}> FROM <{H}> {{ ?s ?p ?o }}"
        assert await count(engine, froms) == 2
        assert await count(engine, default_graphs=(G, H)) == 2
        assert await count(engine, default_graphs=(G, G)) == 1
        joined = f"SELECT ?o {{ <{EX}b> ?p ?x . ?x ?q ?o }}"
        assert await values(engine, joined, default_graphs=(H, K)) == ["deep"]

    with_engine(overlapping, scenario)


def test_the_dataset_of_the_protocol_replaces_that_of_the_query(overlapping: Path) -> None:
    graphs = "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }"
    both = f"SELECT DISTINCT ?g FROM <{G}> FROM NAMED <{K}> {{ GRAPH ?g {{ ?s ?p ?o }} }}"

    async def scenario(engine: Engine) -> None:
        assert await values(engine, graphs) == [G, H, K]
        assert await values(engine, graphs, named_graphs=(G, H)) == [G, H]
        assert await values(engine, graphs, default_graphs=(G, H)) == []
        assert await values(engine, graphs, default_graphs=(G, H), named_graphs=(K,)) == [K]
        assert await values(engine, both) == [K]
        assert await values(engine, both, named_graphs=(H,)) == [H]
        assert await count(engine, named_graphs=(H,)) == 0
        unknown = f"SELECT (COUNT(*) AS ?n) FROM <{EX}not-there> {{ ?s ?p ?o }}"
        assert await count(engine, unknown) == 0

    with_engine(overlapping, scenario)


TRIPLE_TERM = f"CONSTRUCT {{ ?s <{EX}says> <<( ?s ?p ?o )>> }} WHERE {{ ?s ?p ?o }} LIMIT 1"
DIRECTION = f"CONSTRUCT {{ <{EX}s> <{EX}says> 'a'@en--ltr }} WHERE {{}}"


def test_rdf_12_goes_only_into_what_can_carry_it(published: Path) -> None:
    async def scenario(engine: Engine) -> None:
        assert b"<<(" in await ask(engine, TRIPLE_TERM, TURTLE)
        assert b"--ltr" in await ask(engine, DIRECTION, N_TRIPLES)
        assert b"@direction" in await ask(engine, DIRECTION, JSON_LD)
        for text, media_type, rdf12 in [
            (TRIPLE_TERM, JSON_LD, True),
            (TRIPLE_TERM, TURTLE, False),
            (DIRECTION, TURTLE, False),
        ]:
            with pytest.raises(NotAcceptable):
                await ask(engine, text, media_type, rdf12=rdf12)

    with_engine(published, scenario)


EVERYTHING = "SELECT * { ?s ?p ?o }"


def test_a_million_rows_go_through_in_little_memory(million: Path) -> None:
    async def scenario(engine: Engine) -> None:
        assert (await ask(engine, "ASK {}")) != b""
        before = {pid: resident(pid) for pid in {os.getpid(), *children()}}
        answer = await engine.query(QueryRequest(EVERYTHING, "text/csv"))
        lines = pieces = most = 0
        async for piece in answer:
            lines += piece.count(b"\n")
            pieces += 1
            if pieces % 200 == 0:
                grown = [resident(p) - before.get(p, 0) for p in {os.getpid(), *children()}]
                most = max(most, *grown)
        assert lines == 1_000_001
        assert 0 < most < 100 << 20

    with_engine(million, scenario, DISK)


def test_a_client_that_reads_slowly_holds_a_buffer_and_no_more(million: Path) -> None:
    """Nor does the time that it takes count as the query's."""

    async def scenario(engine: Engine) -> None:
        answer = await engine.query(QueryRequest(EVERYTHING + " LIMIT 200000", "text/csv"))
        assert answer.body is None
        before, lines = resident(os.getpid()), 0
        async for piece in answer:
            if not lines:
                await asyncio.sleep(4.5)
                assert resident(os.getpid()) - before < 20 << 20
            lines += piece.count(b"\n")
        assert lines == 200_001

    with_engine(million, scenario, Limits(memory_snapshot_bytes=0, query_timeout=4.0))


def test_a_cut_answer_is_an_exception(million: Path) -> None:
    async def killed(engine: Engine) -> None:
        answer = await engine.query(QueryRequest(EVERYTHING, "text/csv"))
        workers = children()
        with pytest.raises((Defect, LimitExceeded)):
            async for _ in answer:
                for pid in workers & children():
                    _kill(pid)
        assert engine.running == 0

    async def too_long(engine: Engine) -> None:
        answer = await engine.query(QueryRequest(EVERYTHING, "text/csv"))
        taken = 0
        with pytest.raises(LimitExceeded) as caught:
            async for piece in answer:
                taken += len(piece)
        assert caught.value.limit == "result_bytes"
        assert 0 < taken <= 5_000_000

    with_engine(million, killed, DISK)
    with_engine(million, too_long, Limits(memory_snapshot_bytes=0, result_bytes=5_000_000))


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def test_an_answer_that_nobody_takes_ends_its_query(million: Path) -> None:
    async def scenario(engine: Engine) -> None:
        answer = await engine.query(QueryRequest(EVERYTHING, "text/csv"))
        async for _ in answer:
            break
        answer.close()
        assert engine.running == 0
        task = asyncio.create_task(ask(engine, RUNAWAY))
        while not engine.running:
            await asyncio.sleep(0.01)
        task.cancel()
        assert isinstance(await outcome(task), asyncio.CancelledError)
        assert engine.running == 0

    with_engine(million, scenario, DISK)


def test_an_answer_that_is_never_taken_is_ended(published: Path) -> None:
    """And its place is free again."""

    async def scenario(engine: Engine) -> None:
        every = "SELECT * { ?s ?p ?o . ?t ?q ?r } LIMIT 100000"
        answer = await engine.query(QueryRequest(every, "text/csv"))
        while engine.running:
            await asyncio.sleep(0.05)
        with pytest.raises(LimitExceeded) as caught:
            await answer.read()
        assert caught.value.limit == "transfer_timeout"

    with_engine(published, scenario, Limits(query_timeout=1.0, transfer_timeout=1.5))


RUNAWAY = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"


def test_nothing_is_left_behind(published: Path) -> None:
    before = children()

    async def scenario(engine: Engine) -> int:
        await engine.warmed()
        await ask(engine, "ASK {}")
        most = 0
        for _ in range(10):
            ended = await outcome(ask(engine, RUNAWAY))
            assert isinstance(ended, LimitExceeded)
            assert ended.limit == "query_timeout"
            most = max(most, len(children() - before))
        return most

    limits = Limits(query_timeout=0.1, quick_workers=2)
    assert with_engine(published, scenario, limits) <= 2 + 2 + 1  # zygotes, workers, a spare
    assert children() == before


def test_repeated_queries_are_remembered_until_the_data_changes(store_dir: Path) -> None:
    async def scenario(engine: Engine) -> None:
        first = await engine.query(QueryRequest(COUNT, JSON))
        again = await engine.query(QueryRequest(COUNT, JSON, client="another"))
        assert again.body is first.body
        assert await engine.query(QueryRequest(COUNT, "text/csv")) is not None
        publish(store_dir, b"", "v2")
        await engine.follow()
        changed = await engine.query(QueryRequest(COUNT, JSON))
        assert (changed.version, await count(engine)) == ("v2", 0)
        random = "SELECT (RAND() AS ?n) {}"
        assert await ask(engine, random) != await ask(engine, random)

    with_engine(store_dir, scenario)


def test_a_query_goes_on_over_the_snapshot_that_it_began_with(store_dir: Path) -> None:
    every = "SELECT * { ?s ?p ?o . ?t ?q ?r } LIMIT 200000"

    async def scenario(engine: Engine) -> None:
        answer = await engine.query(QueryRequest(every, "text/csv"))
        old = engine.snapshot
        publish(store_dir, b"", "v2")
        await engine.follow()
        assert await count(engine) == 0
        assert old.path.exists()
        assert (await answer.read()).count(b"\n") == 200_001
        assert answer.version == "v1"
        assert not old.path.exists()

    with_engine(store_dir, scenario, DISK)


@pytest.mark.parametrize("in_memory", [False, True])
def test_the_service_survives_the_loss_of_its_helpers(published: Path, in_memory: bool) -> None:
    async def scenario(engine: Engine) -> None:
        await engine.warmed()
        for pid in children():
            _kill(pid)
        for _ in range(100):
            if await outcome(ask(engine, COUNT)) is None:
                break
            await asyncio.sleep(0.05)
        assert await count(engine) == 2_000

    with_engine(published, scenario, None if in_memory else DISK)
