from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.errors import (
    Conflict,
    Forbidden,
    InvalidData,
    InvalidQuery,
    LimitExceeded,
    NotFound,
)
from kg.serving import Document, Engine, Limits, WritePolicy
from tests.serving.keeper import MODEL
from tests.serving.stores import (
    COUNT,
    EX,
    ask,
    children,
    count,
    outcome,
    publish,
    values,
    with_engine,
)

KEEPER = "tests.serving.keeper:Labels"
G, H, K = EX + "g", EX + "h", EX + "k"
STRICT = WritePolicy(union=False)
TURTLE = "text/turtle"


@pytest.fixture
def store_dir(tmp_path: Path) -> Path:
    publish(tmp_path, b"")
    return tmp_path


def _doc(text: str, media_type: str = TURTLE) -> Document:
    return Document(text.encode(), media_type, EX)


def _insert(graph: str, *numbers: int) -> str:
    triples = " . ".join(f"<{EX}s> <{EX}p> {number}" for number in numbers)
    return f"INSERT DATA {{ GRAPH <{graph}> {{ {triples} }} }}"


def test_a_dataset_goes_into_its_graphs_and_the_merge(store_dir: Path) -> None:
    def trig(text: str) -> Document:
        return _doc(f"@prefix : <{EX}> . {text}", "application/trig")

    async def scenario(engine: Engine) -> None:
        written = await engine.post_dataset(trig(":g { :s :p 1 , 2 } :h { :s :p 1 }"))
        assert written.created
        await engine.post_dataset(trig(":h { :s :p 3 } GRAPH :g { :s :p 2 }"))
        assert await values(engine, "SELECT ?o { ?s ?p ?o }") == ["1", "2", "3"]
        await engine.put_dataset(trig(":g { :s :p 4 }"))
        assert await values(engine, "SELECT ?o { ?s ?p ?o }") == ["1", "3", "4"]
        for refused in (":g { :s :p 5 } :s :p 5 .", ":g { :s :p 5 } :k { :s :p 5 }"):
            for write in (engine.put_dataset, engine.post_dataset):
                assert isinstance(await outcome(write(trig(refused))), Forbidden)
        assert await values(engine, "SELECT ?o { ?s ?p ?o }") == ["1", "3", "4"]
        whole = await (await engine.dataset("application/n-quads")).read()
        assert sorted(line.split()[-2].decode() for line in whole.splitlines()) == [
            f"<{G}>",
            *[f"<{H}>"] * 2,
        ]

    with_engine(store_dir, scenario, writes=WritePolicy(derived=frozenset({K})))


def test_who_writes_reads_the_write(store_dir: Path) -> None:
    async def scenario(engine: Engine) -> None:
        for number in range(10):
            written = await engine.update(_insert(G, number))
            assert written.version == engine.snapshot.version
            assert await count(engine) == number + 1

    with_engine(store_dir, scenario)


def test_a_write_outlives_the_service(store_dir: Path) -> None:
    async def write(engine: Engine) -> str:
        return (await engine.update(_insert(G, 1))).version

    async def read(engine: Engine) -> str:
        assert await count(engine) == 1
        return engine.snapshot.version

    assert with_engine(store_dir, write) == with_engine(store_dir, read)


def test_concurrent_increments_lose_nothing(store_dir: Path) -> None:
    increment = f"""
        DELETE {{ GRAPH <{G}> {{ ?s ?p ?old }} }} INSERT {{ GRAPH <{G}> {{ ?s ?p ?new }} }}
        WHERE {{ GRAPH <{G}> {{ ?s ?p ?old BIND(?old + 1 AS ?new) }} }}"""

    async def client(engine: Engine) -> None:
        for _ in range(20):
            await engine.update(increment)

    async def scenario(engine: Engine) -> None:
        await engine.update(_insert(G, 0))
        await asyncio.gather(*(client(engine) for _ in range(10)))
        assert await values(engine, "SELECT ?o { ?s ?p ?o }") == ["200"]

    with_engine(store_dir, scenario)


UPDATES = [
    _insert(G, 1, 2),
    _insert(H, 2, 3),
    _insert(K, 9),
    f"DELETE DATA {{ GRAPH <{G}> {{ <{EX}s> <{EX}p> 2 }} }}",
    f"INSERT {{ GRAPH <{H}> {{ ?s <{EX}q> [] }} }} WHERE {{ ?s ?p ?o }}",
    "DELETE { GRAPH ?g { ?s ?p 3 } } WHERE { GRAPH ?g { ?s ?p 3 } }",
    f"WITH <{H}> DELETE {{ ?s ?p ?o }} INSERT {{ ?s <{EX}r> ?o }} WHERE {{ ?s ?p ?o }}",
    f"COPY <{H}> TO <{G}>",
    f"{_insert(H, 7)} ; DELETE DATA {{ GRAPH <{H}> {{ <{EX}s> <{EX}p> 7 }} }}",
    f"MOVE <{H}> TO <{K}>",
    f"DELETE WHERE {{ GRAPH <{G}> {{ ?s ?p 1 }} }}",
    f"DROP GRAPH <{G}>",
    "DROP NAMED",
]


OVER_MERGE = (
    "WHERE { ?s ?p ?o }",
    f"WHERE {{ SELECT DISTINCT ?s ?p ?o {{ GRAPH ?g {{ ?s ?p ?o }} FILTER(?g != <{K}>) }} }}",
)


def test_the_default_graph_stays_the_merge(store_dir: Path) -> None:
    """After each update: what an engine of its own makes of it, and the merge of that."""
    reference = ox.Store()

    async def scenario(engine: Engine) -> None:
        for update in UPDATES:
            await engine.update(update)
            reference.update(update if "WITH" in update else update.replace(*OVER_MERGE))
            named = "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"
            assert await count(engine, named) == len(reference), update
            merge = {q.triple for q in reference if q.graph_name != ox.NamedNode(K)}
            found = await ask(engine, "CONSTRUCT WHERE { ?s ?p ?o }", "application/n-triples")
            assert _canonical(ox.parse(found, ox.RdfFormat.N_TRIPLES)) == _canonical(
                ox.Quad(*triple) for triple in merge
            ), update

    with_engine(store_dir, scenario, writes=WritePolicy(not_merged=frozenset({K})))


def _canonical(quads: object) -> ox.Dataset:
    dataset = ox.Dataset(quads)  # type: ignore[arg-type]
    dataset.canonicalize(ox.CanonicalizationAlgorithm.UNSTABLE)
    return dataset


@pytest.mark.parametrize(
    "update",
    [
        f"INSERT DATA {{ <{EX}s> <{EX}p> 1 }}",
        f"INSERT {{ ?s ?p 1 }} WHERE {{ GRAPH <{G}> {{ ?s ?p ?o }} }}",
        "CLEAR DEFAULT",
        _insert(K, 1),
        f"INSERT {{ GRAPH ?g {{ ?s ?p 5 }} }} WHERE {{ VALUES ?g {{ <{K}> }} ?s ?p ?o }}",
        f"DROP GRAPH <{K}>",
        f"CREATE GRAPH <{H}>",
        "CREATE GRAPH <" + H + "> ; INSERT { GRAPH ?g { ?s ?p 5 } } WHERE { GRAPH ?g { ?s ?p 6 } }",
    ],
)
def test_what_is_derived_cannot_be_written(tmp_path: Path, update: str) -> None:
    publish(tmp_path, f'<{EX}s> <{EX}p> "0" <{K}> .\n<{EX}s> <{EX}p> "0" <{G}> .\n'.encode())

    async def scenario(engine: Engine) -> None:
        _, error = await asyncio.gather(
            engine.update(_insert(G, 7)), outcome(engine.update(update))
        )
        assert isinstance(error, Forbidden)
        assert await count(engine) == 2
        assert await values(engine, f"SELECT ?o {{ GRAPH <{K}> {{ ?s ?p ?o }} }}") == ["0"]

    with_engine(tmp_path, scenario, writes=WritePolicy(derived=frozenset({H, K})))


@pytest.mark.parametrize("copying", ["COPY", "MOVE", "ADD"])
def test_what_is_not_there_is_not_copied(store_dir: Path, copying: str) -> None:
    async def scenario(engine: Engine) -> None:
        await engine.update(_insert(G, 1))
        error = await outcome(engine.update(f"{copying} <{H}> TO <{G}>"))
        assert isinstance(error, InvalidQuery)
        assert f"no graph <{H}>" in str(error)
        assert await count(engine) == 1
        malformed = await outcome(engine.update(f"{copying} <{H}> TO <{G}> nonsense"))
        assert isinstance(malformed, InvalidQuery)
        assert malformed.line == 1
        await engine.update(f"{_insert(H, 2)} ; {copying} <{H}> TO <{K}>")
        assert await values(engine, f"SELECT ?o {{ GRAPH <{K}> {{ ?s ?p ?o }} }}") == ["2"]
        await engine.update(f"{copying} SILENT <{EX}absent> TO <{K}>")

    with_engine(store_dir, scenario)


def test_a_derived_graph_can_be_read_by_an_update(tmp_path: Path) -> None:
    publish(tmp_path, f'<{EX}s> <{EX}p> "0" <{K}> .\n'.encode())

    async def scenario(engine: Engine) -> None:
        await engine.update(f"COPY <{K}> TO <{G}>")
        await engine.update(
            f"INSERT {{ GRAPH <{H}> {{ ?s ?p ?o }} }} USING <{K}> WHERE {{ ?s ?p ?o }}"
        )
        graphs = "SELECT ?g { GRAPH ?g { ?s ?p ?o } }"
        assert await values(engine, graphs) == sorted([G, H, K])

    with_engine(tmp_path, scenario, writes=WritePolicy(derived=frozenset({K})))


def test_strict_has_a_default_graph_of_its_own(store_dir: Path) -> None:
    async def scenario(engine: Engine) -> None:
        await engine.update(f"INSERT DATA {{ <{EX}s> <{EX}p> 1 }} ; {_insert(G, 2)}")
        assert await values(engine, "SELECT ?o { ?s ?p ?o }") == ["1"]
        await engine.put_graph(None, _doc("<a> <b> 3, 4 ."))
        assert await count(engine) == 2
        await engine.update("CLEAR ALL")
        assert await count(engine, "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }") == 0

    with_engine(store_dir, scenario, writes=STRICT)


@pytest.mark.parametrize("policy", [WritePolicy(), STRICT])
def test_graphs_are_put_and_taken(store_dir: Path, policy: WritePolicy) -> None:
    async def scenario(engine: Engine) -> None:
        assert (await engine.put_graph(G, _doc("<a> <b> 1, [] ."))).created
        assert not (await engine.put_graph(G, _doc("<a> <b> 2 ."))).created
        await engine.post_graph(
            G, _doc('[{"@id":"a","http://example.org/b":3}]', "application/ld+json")
        )
        text = await (await engine.graph(G, "application/n-triples")).read()
        assert sorted(line.split()[2][1:2] for line in text.splitlines()) == [b"2", b"3"]
        await engine.delete_graph(G)
        for missing in (engine.graph(G, TURTLE), engine.delete_graph(G)):
            with pytest.raises(NotFound):
                await missing
        assert (await engine.put_graph(H, _doc(""))).created
        assert await (await engine.graph(H, "application/n-triples")).read() == b""

    with_engine(store_dir, scenario, writes=policy)


def test_a_bad_request_changes_nothing(store_dir: Path) -> None:
    async def scenario(engine: Engine) -> None:
        await engine.update(_insert(G, 1))
        before = engine.snapshot.version
        with pytest.raises(InvalidQuery) as caught:
            await engine.update("INSERT DATA {\n <a> }")
        assert caught.value.line == 2
        for work in (
            engine.update(COUNT),
            engine.update(f"DELETE DATA {{ GRAPH <{G}> {{ _:b <{EX}p> 1 }} }}"),
            engine.update(f"{_insert(G, 2)} ; CREATE GRAPH <{G}>"),
            engine.put_graph(G, _doc("<a> <b> .")),
            engine.put_graph(G, _doc("<http://e/> { <a> <b> 1 }", "application/trig")),
        ):
            with pytest.raises(InvalidQuery):
                await work
        with pytest.raises(Forbidden):
            await engine.update(f"LOAD <http://127.0.0.1/> INTO GRAPH <{G}>")
        assert engine.snapshot.version == before
        assert await count(engine) == 1

    with_engine(store_dir, scenario)


def test_a_write_can_ask_for_a_version(store_dir: Path) -> None:
    async def scenario(engine: Engine) -> None:
        writes = [engine.update(_insert(G, n), if_version="v1") for n in range(5)]
        ended = await asyncio.gather(*writes, return_exceptions=True)
        assert sum(isinstance(error, Conflict) for error in ended) == 4
        assert await count(engine) == 1

    with_engine(store_dir, scenario)


def test_the_dataset_of_the_protocol_is_used(store_dir: Path) -> None:
    async def scenario(engine: Engine) -> None:
        await engine.update(_insert(G, 1))
        await engine.update(_insert(H, 2))
        copy = f"INSERT {{ GRAPH <{K}> {{ ?s ?p ?o }} }} WHERE {{ ?s ?p ?o }}"
        await engine.update(copy, using=(H,))
        assert await values(engine, f"SELECT ?o {{ GRAPH <{K}> {{ ?s ?p ?o }} }}") == ["2"]

    with_engine(store_dir, scenario)


def test_what_the_keeper_refuses_is_undone_and_the_rest_is_done(store_dir: Path) -> None:
    labelled = f"INSERT DATA {{ GRAPH <{MODEL}> {{ <{EX}s> <{EX}label> 'S' }} }}"
    unlabelled = f"INSERT DATA {{ GRAPH <{MODEL}> {{ <{EX}t> <{EX}p> 1 }} }}"

    async def scenario(engine: Engine) -> None:
        work = [engine.update(_insert(G, n)) for n in range(3)]
        work += [engine.update(unlabelled), engine.update(labelled), engine.update(_insert(G, 3))]
        *_, refused, _, _ = await asyncio.gather(*work, return_exceptions=True)
        assert isinstance(refused, InvalidData)
        assert "no label" in str(refused)
        assert await count(engine) == 6

    with_engine(store_dir, scenario, writes=WritePolicy(keeper=KEEPER))


def test_what_follows_a_write_is_in_the_same_generation(store_dir: Path) -> None:
    async def scenario(engine: Engine) -> None:
        for number in range(1, 3):
            await engine.update(
                f"INSERT DATA {{ GRAPH <{MODEL}> {{ <{EX}s{number}> <{EX}label> 'S' }} }}"
            )
            assert (engine.snapshot.path / "labelled").read_text() == str(number)
            assert await count(engine) == number + 1, "the labels, and one count of them"

    with_engine(store_dir, scenario, writes=WritePolicy(keeper=KEEPER))


def test_a_runaway_update_is_ended_and_its_neighbours_are_not(store_dir: Path) -> None:
    runaway = f"INSERT {{ GRAPH <{H}> {{ ?a ?b ?i }} }} WHERE {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n ?o }}"

    async def scenario(engine: Engine) -> None:
        await engine.update(_insert(G, *range(100)))
        work = [
            engine.update(_insert(G, 100)),
            engine.update(runaway),
            engine.update(_insert(G, 101)),
        ]
        before, ended, after = await asyncio.gather(*work, return_exceptions=True)
        assert isinstance(ended, LimitExceeded)
        assert not isinstance(before, BaseException)
        assert not isinstance(after, BaseException)
        assert await count(engine) == 102

    with_engine(store_dir, scenario, Limits(update_timeout=1.0))


def test_a_writer_that_is_killed_loses_nothing(store_dir: Path) -> None:
    async def scenario(engine: Engine) -> None:
        for number in range(20):
            writing = asyncio.create_task(engine.update(_insert(G, number)))
            if number % 5 == 4:
                await asyncio.sleep(number / 500)
                _kill_holders(store_dir / "writer.lock")
            await writing
        assert await count(engine) == 20

    with_engine(store_dir, scenario)


def _kill_holders(path: Path) -> None:
    for pid in children():
        if _holds(pid, path):
            os.kill(pid, signal.SIGKILL)


def _holds(pid: int, path: Path) -> bool:
    try:
        files = [link.readlink() for link in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return False
    return path in files


def test_a_build_in_the_meantime_is_not_overwritten(store_dir: Path) -> None:
    async def scenario(engine: Engine) -> None:
        await engine.update(_insert(G, 1))
        publish(store_dir, f'<{EX}s> <{EX}p> "built" <{H}> .'.encode(), "built")
        await engine.update(_insert(G, 2))
        assert await values(engine, "SELECT ?o { ?s ?p ?o }") == ["2", "built"]

    with_engine(store_dir, scenario)


def test_the_counts_of_the_facts_follow(tmp_path: Path) -> None:
    snapshot = publish(tmp_path, f'<{EX}s> <{EX}p> "0" <{G}> .'.encode())
    facts = {**snapshot.facts, "graphs": {G: 1}, "quads": 1}
    (snapshot.path / "snapshot.json").write_text(json.dumps(facts))
    (snapshot.path / "catalogue.sqlite").write_text("something else of the snapshot")

    async def scenario(engine: Engine) -> None:
        await engine.update(_insert(H, 1, 2))
        await engine.update(f"DROP GRAPH <{G}>")
        assert engine.snapshot.facts["graphs"] == {H: 2}
        assert engine.snapshot.facts["quads"] == 2
        assert (engine.snapshot.path / "catalogue.sqlite").exists()

    with_engine(tmp_path, scenario)
