"""What has crashed or stalled the engine elsewhere: small queries are answered throughout."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pyoxigraph as ox
import pytest

from kg.errors import (
    Forbidden,
    InvalidInput,
    InvalidQuery,
    LimitExceeded,
    Unavailable,
)
from kg.serving import Document, Engine, Limits
from tests.elsewhere import elsewhere, endpoint
from tests.serving.stores import JSON, ask, children, count, outcome, with_engine

# The gate lets everything through: the workers meet it.
OPEN = {
    "query_bytes": 1 << 26,
    "query_tokens": 1 << 26,
    "query_nesting": 1 << 26,
    "query_patterns": 1 << 26,
    "query_operators": 1 << 26,
    "query_path_steps": 1 << 26,
    "upload_nesting": 1 << 26,
}
BRIEF = {"query_timeout": 1.0, "query_memory": 256, "long_after": 0.1}

BOMBS = {
    "groups": "SELECT * " + "{" * 100_000 + "}" * 100_000,
    "exists": "SELECT * {" + "FILTER EXISTS {" * 20_000 + "}" * 20_000 + "}",
    "sub-select": "SELECT * {" + "{ SELECT * {" * 20_000 + "}}" * 20_000 + "}",
    "parentheses": "SELECT * { FILTER(" + "(" * 200_000 + "1" + ")" * 200_000 + ") }",
    "unions": "SELECT * { {} " + "UNION {} " * 100_000 + "}",
    "nots": "SELECT * { FILTER(" + "!" * 900_000 + "true) }",
    "ands": "SELECT * { FILTER(true" + "&& true" * 100_000 + ") }",
    "triple terms": "SELECT * { ?s ?p " + "<<( ?a ?b " * 50_000 + "?c" + ")>>" * 50_000 + "}",
    "path": "SELECT * { ?s " + "/".join(["<http://e/p>"] * 1_000) + " ?o }",
    "brackets": "SELECT * { ?s ?p " + "[ ?p " * 200 + "?o" + "]" * 200 + "}",
    "collections": "SELECT * { ?s ?p " + "(" * 200 + ")" * 200 + "}",
    "patterns": "SELECT * {" + "".join(f"?s{n} ?p{n} ?o{n} ." for n in range(400)) + "}",
    "optionals": "SELECT * {" + "OPTIONAL { ?s ?p ?o }" * 1_000 + "}",
    "sorting": "SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY ?c ?f",
    "grouping": "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } GROUP BY ?a ?d ?g",
    "distinct": "SELECT DISTINCT ?c ?f { ?a ?b ?c . ?d ?e ?f }",
    "concat": "SELECT (GROUP_CONCAT(?c) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
    "runaway": "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
    "huge literal": "SELECT ('" + "x" * 20_000_000 + "' AS ?x) {}",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_the_gate_or_a_limit_stops_it(published: Path, bomb: str) -> None:
    """With the limits as they come, only the times are short."""

    async def scenario(engine: Engine) -> None:
        await engine.warmed()
        assert isinstance(await outcome(ask(engine, bomb, "text/csv")), LimitExceeded)
        assert await count(engine) == 2_000

    with_engine(published, scenario, Limits(**BRIEF))


def test_workers_that_meet_everything_leave_the_service_as_it_was(published: Path) -> None:
    before = children()

    async def small(engine: Engine, stop: asyncio.Event) -> int:
        answered = 0
        while not stop.is_set():
            number = answered % 2_000
            query = f"SELECT ?o {{ <http://example.org/s{number}> ?p ?o }} # {answered}"
            assert await count(engine, query) == number
            answered += 1
            await asyncio.sleep(0.01)
        return answered

    async def scenario(engine: Engine) -> None:
        await engine.warmed()
        stop = asyncio.Event()
        answering = asyncio.create_task(small(engine, stop))
        ended = await asyncio.gather(
            *(outcome(ask(engine, bomb, "text/csv", client="x")) for bomb in BOMBS.values())
        )
        stop.set()
        assert await answering > 10
        for name, error in zip(BOMBS, ended, strict=True):
            assert error is None or isinstance(error, LimitExceeded | InvalidInput), name
        assert engine.running == 0

    with_engine(published, scenario, Limits(**OPEN, **BRIEF))
    assert children() == before


DOCUMENTS = {
    "json-ld": (b'{"@id":"a","http://e/p":' * 20_000 + b"1" + b"}" * 20_000, "application/ld+json"),
    "json-ld lists": (b'{"@list":[' * 20_000 + b"]}" * 20_000, "application/ld+json"),
    "turtle": (b"<http://a> <http://b> " + b"[ <http://b> " * 50_000, "text/turtle"),
    "terms": (b"<http://a> <http://b> " + b"<<( <http://a> <http://b> " * 50_000, "text/turtle"),
    "rdf/xml": (b"<a xmlns='http://e/'>" + b"<a>" * 40_000, "application/rdf+xml"),
    "context": (b'{"@context":"http://127.0.0.1:1/c","a":1}', "application/ld+json"),
}
LAUGHS = b"""<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;">
<!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;"><!ENTITY g "&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;">]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://e/">
<rdf:Description rdf:about="http://e/s"><e:p>&g;&g;&g;</e:p></rdf:Description></rdf:RDF>"""


def test_documents_that_harm_parsers_harm_nothing(store_dir: Path) -> None:
    async def scenario(engine: Engine) -> None:
        await engine.warmed()
        for name, (body, media_type) in DOCUMENTS.items():
            document = Document(body, media_type, "http://e/")
            error = await outcome(engine.put_graph("http://e/g", document))
            assert error is None or isinstance(error, LimitExceeded | InvalidInput), name
        document = Document(LAUGHS, "application/rdf+xml", "http://e/")
        assert isinstance(await outcome(engine.put_graph("http://e/g", document)), Forbidden)
        assert await count(engine) == 2_000

    with_engine(store_dir, scenario, Limits(**OPEN, **BRIEF))


def test_runaways_in_a_row_do_not_delay_small_queries_for_long(published: Path) -> None:
    """More runaways than places: each leaves its place, and the service goes on answering."""
    limits = Limits(
        query_timeout=20, quick_workers=2, long_after=0.05, long_workers=3, long_grace=0.1
    )

    async def scenario(engine: Engine) -> None:
        await engine.warmed()
        heavy = [
            asyncio.create_task(ask(engine, f"{BOMBS['runaway']} # {n}", client="heavy"))
            for n in range(8)
        ]
        for number in range(50):
            await count(engine, f"SELECT (COUNT(*) AS ?n) {{ ?s ?p {number} }}", client="light")
        running = [task for task in heavy if not task.done()]
        for task in running:
            task.cancel()
        ended = await asyncio.gather(*heavy, return_exceptions=True)
        assert len(running) >= 1
        assert any(isinstance(error, Unavailable) for error in ended)
        assert not any(isinstance(error, bytes) for error in ended)

    with_engine(published, scenario, limits)


def test_where_no_query_may_be_long_each_is_ended_in_time(published: Path) -> None:
    async def scenario(engine: Engine) -> None:
        queries = [ask(engine, f"{BOMBS['runaway']} # {n}") for n in range(3)]
        for error in await asyncio.gather(*queries, return_exceptions=True):
            assert isinstance(error, LimitExceeded)
        assert await count(engine) == 2_000

    with_engine(published, scenario, Limits(query_timeout=0.5, long_after=0.1, long_workers=0))


def test_a_full_queue_says_when_to_come_back(published: Path) -> None:
    async def scenario(engine: Engine) -> None:
        await engine.warmed()
        queries = [ask(engine, f"{BOMBS['runaway']} # {n}", client=f"c{n}") for n in range(6)]
        ended = await asyncio.gather(*queries, return_exceptions=True)
        refused = [error for error in ended if isinstance(error, Unavailable)]
        assert len(refused) == 2
        assert refused[0].retry_after > 0
        assert await count(engine) == 2_000
        assert engine.waiting == 0

    with_engine(published, scenario, Limits(query_timeout=0.2, quick_workers=2, queue=2))


def test_workers_cannot_reach_the_network(published: Path) -> None:
    """Even with a text that came past the gate: the sandbox holds."""
    data = ox.Store()
    with elsewhere() as there:
        text = f"SELECT * {{ SERVICE <{there.at('/', endpoint(data))}> {{ ?s ?p ?o }} }}"
        work = {"job": "query", "text": text, "base": None, "media_type": JSON}

        async def scenario(engine: Engine) -> None:
            run = await engine._pool.run(work, "")
            error = await outcome(run.next())
            assert isinstance(error, InvalidQuery)
            assert "not permitted" in str(error)

        with_engine(published, scenario)
        assert not there.requests
        assert list(data.query(text)) == []
        assert there.requests
