"""SERVICE and LOAD through the engine room, with real servers at the other end."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.errors import (
    ChiptrailError,
    Forbidden,
    InvalidQuery,
    LimitExceeded,
    RemoteFailure,
    RemoteTimeout,
)
from kg.serving import Egress, Engine, Limits, WritePolicy, solutions
from kg.serving.egress import read_targets
from tests.conformance.comparison import Row, same_bag
from tests.elsewhere import (
    RESULTS,
    Answer,
    Elsewhere,
    Request,
    elsewhere,
    endless,
    endpoint,
    redirects,
    sends,
)
from tests.serving.stores import ask, count, outcome, publish, values, with_engine

PREFIXES = "PREFIX e: <http://e/> "
HERE = """
    e:a e:p e:b , 1 , "x"@en . e:b e:p e:c , _:n . e:c e:q e:a , 2.5 . e:d e:q e:d , "x" .
    e:a e:r e:d , true . _:n e:r e:a .
"""
THERE = """
    e:a e:p e:c , "x"@en . e:b e:q e:a , e:c . e:c e:p e:c , "1" . e:d e:r 1 , "x" , e:b .
    e:x e:q "x"@en , 2.5 . e:b e:r true .
"""
BLANK = """ e:b e:q _:m . _:m e:p e:a , _:o . _:o e:r 1 ; e:q _:m . """
REMOTE = "urn:remote"


@pytest.fixture
def there() -> Iterator[Elsewhere]:
    with elsewhere() as found:
        yield found


def egress_to(there: Elsewhere, *services: str) -> Egress:
    """All documents of ``there``, and these endpoints."""
    return Egress(read_targets(" ".join(services)), read_targets(f"{there.url}/"))


def store(turtle: str) -> ox.Store:
    found = ox.Store()
    found.load(f"@prefix e: <http://e/> . {turtle}", ox.RdfFormat.TURTLE)
    return found


def run(
    store_dir: Path,
    scenario: Callable[[Engine], Awaitable[Any]],
    egress: Egress,
    limits: Limits | None = None,
    writes: WritePolicy | None = None,
) -> Any:
    """On a store with :data:`HERE` in its default graph."""
    publish(store_dir, store(HERE).dump(format=ox.RdfFormat.N_QUADS), merge=False)
    return with_engine(store_dir, scenario, limits, writes or WritePolicy(union=False), egress)


# --- SERVICE joins --------------------------------------------------------------------------------


def _group(*kinds: st.SearchStrategy[str], most: int) -> st.SearchStrategy[str]:
    return st.lists(st.one_of(kinds), min_size=1, max_size=most).map(" ".join)


_VARIABLE = st.sampled_from(["?a", "?b", "?c", "?d"])
_SUBJECT = st.one_of(_VARIABLE, _VARIABLE, st.sampled_from(["e:a", "e:b", "e:c"]))
_PREDICATE = st.sampled_from(["e:p", "e:q", "e:r"])
_OBJECT = st.one_of(_VARIABLE, _VARIABLE, st.sampled_from(["e:a", "1", "2.5", "'x'@en", "true"]))
_TRIPLE = st.builds("{} {} {} .".format, _SUBJECT, _PREDICATE, _OBJECT)
_BGP = st.lists(_TRIPLE, min_size=1, max_size=2).map(" ".join)
_BLOCK = _group(
    _BGP,
    _BGP.map("OPTIONAL {{ {} }}".format),
    st.builds("{{ {} }} UNION {{ {} }}".format, _BGP, _BGP),
    st.builds("{} FILTER(isLiteral({}))".format, _BGP, _VARIABLE),
    _BGP.map("{{ SELECT ?a (COUNT(*) AS ?n) {{ {} }} GROUP BY ?a }}".format),
    st.just("VALUES (?a ?b) { (e:a UNDEF) (UNDEF 'x'@en) }"),
    most=2,
)
_SERVICE = _BLOCK.map("SERVICE <target> {{ {} }}".format)
# In EXISTS a graph has the values from outside put into it, and an endpoint has not: with OPTIONAL
# in the block that makes a difference (the engine's own SERVICE is of the same mind as ours).
_SIMPLE = _BGP.map("SERVICE <target> {{ {} }}".format)
_ELEMENT = (
    _BGP,
    _SERVICE,
    _SERVICE,
    _SERVICE.map("OPTIONAL {{ {} }}".format),
    st.builds("{{ {} }} UNION {{ {} }}".format, _BGP, _SERVICE),
    _SERVICE.map("MINUS {{ {} }}".format),
    _SIMPLE.map("FILTER EXISTS {{ {} }}".format),
    _SIMPLE.map("FILTER NOT EXISTS {{ {} }}".format),
    st.builds("{{ SELECT DISTINCT ?a ?b {{ {} {} }} }}".format, _BGP, _SERVICE),
    st.just("VALUES ?a { e:a e:b 1 UNDEF }"),
)
_QUERY = _group(*_ELEMENT, most=3).map("SELECT * {{ {} }}".format)


class Asking:
    """An engine that answers in a loop of its own, beside the same data in one store."""

    def __init__(self, engine: Engine, runner: asyncio.Runner, iri: str, remote: str) -> None:
        self._engine, self._runner, self._iri = engine, runner, iri
        self._merged = store(HERE)
        self._merged.load(
            f"@prefix e: <http://e/> . {remote}",
            ox.RdfFormat.TURTLE,
            to_graph=ox.NamedNode(REMOTE),
        )

    def both(self, query: str) -> tuple[list[Row], list[Row]]:
        """Rows with SERVICE, and with a graph that holds what the endpoint has."""
        merged = self._merged.query(
            PREFIXES + query.replace("SERVICE <target>", f"GRAPH <{REMOTE}>")
        )
        assert isinstance(merged, ox.QuerySolutions)
        names = [variable.value for variable in merged.variables]
        body = self._runner.run(ask(self._engine, PREFIXES + query.replace("target", self._iri)))
        found = ox.parse_query_results(body, ox.QueryResultsFormat.JSON)
        assert isinstance(found, ox.QuerySolutions)
        assert {variable.value for variable in found.variables} == set(names)
        return [
            [tuple(row[name] for name in names) for row in results] for results in (found, merged)
        ]


@pytest.fixture(scope="module", params=["application/sparql-results+json", "application/xml"])
def media_type(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def asking(directory: Path, remote: str, media_type: str) -> Iterator[Asking]:
    data = store(HERE).dump(format=ox.RdfFormat.N_QUADS)
    publish(directory, data, merge=False)
    with elsewhere() as there, asyncio.Runner() as runner:
        iri = there.at("/sparql", endpoint(store(remote), media_type))
        engine = Engine(directory, Limits(), egress=egress_to(there, iri))
        runner.run(engine.__aenter__())
        yield Asking(engine, runner, iri, remote)
        runner.run(engine.close())


@pytest.fixture(scope="module")
def without_blanks(tmp_path_factory: pytest.TempPathFactory, media_type: str) -> Iterator[Asking]:
    yield from asking(tmp_path_factory.mktemp("federation"), THERE, media_type)


@pytest.fixture(scope="module")
def with_blanks(tmp_path_factory: pytest.TempPathFactory, media_type: str) -> Iterator[Asking]:
    yield from asking(tmp_path_factory.mktemp("federation"), THERE + BLANK, media_type)


@settings(max_examples=150, deadline=None)
@given(query=_QUERY)
def test_a_service_joins_as_a_graph_of_its_data(without_blanks: Asking, query: str) -> None:
    found, wanted = without_blanks.both(query)
    assert same_bag(found, wanted)


@settings(max_examples=100, deadline=None)
@given(bgp=_BGP, service=st.one_of(_SERVICE, _SERVICE.map("OPTIONAL {{ {} }}".format)))
def test_blank_nodes_of_an_answer_are_blank_nodes(
    with_blanks: Asking, bgp: str, service: str
) -> None:
    found, wanted = with_blanks.both(f"SELECT * {{ {bgp} {service} }}")
    assert same_bag(found, wanted)


def test_blank_nodes_of_two_answers_are_not_the_same(tmp_path: Path, there: Elsewhere) -> None:
    iri = there.at("/sparql", endpoint(store("_:m e:p 1 .")))
    join = f"SELECT * {{ SERVICE <{iri}> {{ ?s e:p 1 }} SERVICE <{iri}> {{ ?s e:p ?o }} }}"
    functions = f"SELECT ?o {{ SERVICE <{iri}> {{ ?s e:p ?o }} FILTER(isBlank(?s)) }}"

    async def scenario(engine: Engine) -> None:
        assert await values(engine, PREFIXES + join) == []
        assert await values(engine, PREFIXES + functions) == ["1"]

    run(tmp_path, scenario, egress_to(there, iri))


def test_names_of_variables_do_not_get_mixed_up() -> None:
    names = ["x", "x_0", "_", "__", "__0", "___0"]
    row = [ox.BlankNode(), *(ox.Literal(name) for name in names[1:])]
    text = f"SELECT * {{ {solutions.as_values(names, [row])} }}"
    (found,) = ox.Store().query(text, custom_functions=solutions.FUNCTIONS)
    assert isinstance(found["x"], ox.BlankNode)
    assert [found[name].value for name in names[1:]] == names[1:]


def test_triple_terms_come_through(tmp_path: Path, there: Elsewhere) -> None:
    data = store("e:r e:reifies <<( e:a e:p _:m )>> , <<( e:a e:p 'x'@en--ltr )>> .")
    iri = there.at("/sparql", endpoint(data))
    query = f"SELECT (OBJECT(?t) AS ?o) {{ SERVICE <{iri}> {{ ?r e:reifies ?t }} }}"

    async def scenario(engine: Engine) -> None:
        answer = json.loads(await ask(engine, PREFIXES + query))
        kinds = {row["o"]["type"] for row in answer["results"]["bindings"]}
        assert kinds == {"bnode", "literal"}

    run(tmp_path, scenario, egress_to(there, iri))


# --- what is sent ---------------------------------------------------------------------------------


def test_the_block_is_sent_with_what_its_names_mean(tmp_path: Path, there: Elsewhere) -> None:
    iri = there.at("/sparql", endpoint(store(THERE)))
    text = """VERSION "1.2" BASE <x/> PREFIX : <../> PREFIX e: <http://e/> # } SERVICE <nowhere:> {
        SELECT * { ?s e:p ?o . service silent <target> { ?s :p "}" , '''{''' . # }
          FILTER(?o < 3 && ?o > 2) <y> ?p ?o } }""".replace("target", iri)

    async def scenario(engine: Engine) -> None:
        await ask(engine, text, base="http://b.example/dir/file")

    run(tmp_path, scenario, egress_to(there, iri))
    (request,) = there.requests
    assert request.query.startswith("BASE <http://b.example/dir/file> ")
    assert "1.2" not in request.query
    assert not list(ox.Store().query(request.query))
    assert [v.value for v in ox.Store().query(request.query).variables] == ["o", "p", "s"]


def test_an_endpoint_is_not_sent_to_what_is_not_listed(tmp_path: Path, there: Elsewhere) -> None:
    iri = there.at("/sparql", endpoint(store(THERE)))
    text = f"SELECT * {{ SERVICE <{iri}> {{ SERVICE SILENT <http://x/> {{ ?s ?p ?o }} }} }}"

    async def scenario(engine: Engine) -> None:
        await ask(engine, text)

    run(tmp_path, scenario, egress_to(there, iri))
    assert "<nowhere:>" in there.requests[0].query
    assert "http://x/" not in there.requests[0].query


def test_the_dataset_of_the_protocol_is_ours(tmp_path: Path, there: Elsewhere) -> None:
    iri = there.at("/sparql", endpoint(store(THERE)))
    text = f"SELECT DISTINCT ?s {{ ?s ?p ?o SERVICE <{iri}> {{ ?x e:r true }} }}"

    async def scenario(engine: Engine) -> None:
        for graph in ("http://e/none", "http://e/g"):
            found = await values(engine, PREFIXES + text, default_graphs=(graph, "http://e/h"))
            assert found == (["http://e/s"] if graph == "http://e/g" else [])

    publish(tmp_path, b"<http://e/s> <http://e/p> 1 <http://e/g> .".replace(b"1", b'"1"'))
    with_engine(tmp_path, scenario, egress=egress_to(there, iri))


def test_nothing_is_asked_for_a_text_that_is_malformed_or_reaches_elsewhere(
    tmp_path: Path, there: Elsewhere
) -> None:
    iri = there.at("/sparql", endpoint(store(THERE)))
    document = there.at("/d.ttl", sends(""))
    refused = [
        (f"SELECT * {{ SERVICE <{iri}> {{ ?s ?p }} }}", InvalidQuery),
        (f"SELECT * {{ SERVICE <{iri}> {{ ?s ?p ?o }} SERVICE <http://x/> {{}} }}", Forbidden),
        (f"SELECT * {{ SERVICE <{iri}> {{ SERVICE <http://x/> {{}} }} }}", Forbidden),
        (f"SELECT * {{ BIND(<{iri}> AS ?x) SERVICE ?x {{}} }}", Forbidden),
        (f"SELECT * {{ SERVICE <{document}> {{}} }}", Forbidden),
        (f"SELECT * {{ SERVICE <{iri}?x> {{}} }}", Forbidden),
    ]
    updates = [
        (f"LOAD <{document}> ; INSERT DATA {{ <a:a> <a:b> }}", InvalidQuery),
        (f"LOAD <{document}> ; LOAD <http://x/>", Forbidden),
    ]

    async def scenario(engine: Engine) -> None:
        for text, kind in refused:
            assert isinstance(await outcome(ask(engine, text)), kind), text
        for text, kind in updates:
            assert isinstance(await outcome(engine.update(text)), kind), text

    run(tmp_path, scenario, egress_to(there, iri))
    assert not there.requests


def test_an_answer_is_not_kept(tmp_path: Path, there: Elsewhere) -> None:
    iri = there.at("/sparql", endpoint(store(THERE)))
    text = f"{PREFIXES} SELECT ?o {{ SERVICE <{iri}> {{ e:b e:r ?o }} }}"

    async def scenario(engine: Engine) -> None:
        assert await values(engine, text) == ["true"]
        there.at("/sparql", endpoint(store("e:b e:r 2 .")))
        assert await values(engine, text) == ["2"]

    run(tmp_path, scenario, egress_to(there, iri))


# --- targets that fail ----------------------------------------------------------------------------


def _nested(depth: int) -> str:
    return '{"head":{"vars":["o"]},"x":' + "[" * depth + "]" * depth + "}"


FAILING = {
    "404": sends("secret", status=404),
    "500": sends("secret", status=500),
    "HTML": sends("<html>secret</html>", "text/html"),
    "CSV": sends("o\r\nsecret", "text/csv"),
    "malformed": sends('{"head":{"vars":["o"]},"results":{"bindings":[{"secret', RESULTS),
    "XML": sends("<sparql>secret", "application/sparql-results+xml"),
    "no IRI": sends(
        '{"head":{"vars":["o"]},"results":{"bindings":[{"o":{"type":"uri","value":"http://x> {"}}]}}',
        RESULTS,
    ),
    "boolean": sends('{"head":{},"boolean":true}', RESULTS),
    "nested": sends(_nested(20_000), RESULTS),
    "entities": sends(
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><sparql>&b;</sparql>',
        "application/sparql-results+xml",
    ),
    "too long": sends(b" " * (1 << 20), RESULTS),
    "no media type": sends("secret", "secret"),
    "encoded": sends(b"x", RESULTS, Content_Encoding="gzip"),
    "elsewhere": redirects("http://127.0.0.1:9/secret"),
}


@pytest.mark.parametrize("answer", FAILING.values(), ids=FAILING)
def test_a_target_that_fails_is_named_and_with_silent_passed_over(
    tmp_path: Path, there: Elsewhere, answer: Answer
) -> None:
    iri = there.at("/sparql", answer)
    text = "SELECT * { e:d e:q ?s SERVICE%s <%s> { ?s e:q ?o } }"

    async def scenario(engine: Engine) -> None:
        error = await outcome(ask(engine, PREFIXES + text % ("", iri)))
        assert isinstance(error, RemoteFailure)
        assert iri in str(error)
        assert "secret" not in str(error)
        answer = json.loads(await ask(engine, PREFIXES + text % (" SILENT", iri)))
        assert sorted(answer["head"]["vars"]) == ["o", "s"]
        assert [sorted(row) for row in answer["results"]["bindings"]] == [["s"], ["s"]]
        assert await count(engine) == 12

    run(tmp_path, scenario, egress_to(there, iri), Limits(remote_bytes=1 << 18))


def test_a_target_that_dribbles_is_given_up(tmp_path: Path, there: Elsewhere) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/sparql-results+json\r\n\r\n"
    iri = there.at("/sparql", endless(b" ", head, pause=0.02))
    there.at("/d.ttl", endless(b" ", head, pause=0.02))

    async def scenario(engine: Engine) -> None:
        query = ask(engine, f"SELECT * {{ SERVICE <{iri}> {{ ?s ?p ?o }} }}")
        assert isinstance(await outcome(query), RemoteTimeout)
        silent = f"SELECT * {{ SERVICE SILENT <{iri}> {{ ?s ?p ?o }} BIND(1 AS ?n) }}"
        assert await values(engine, silent) == ["1"]
        load = engine.update(f"LOAD <{there.url}/d.ttl>")
        assert isinstance(await outcome(load), RemoteTimeout)

    run(tmp_path, scenario, egress_to(there, iri), Limits(remote_timeout=0.5))


def test_what_one_request_fetches_is_counted_together(tmp_path: Path, there: Elsewhere) -> None:
    empty = '{"head":{"vars":["o"]},"results":{"bindings":[]}}'
    iri = there.at("/sparql", sends(empty + " " * 1000, RESULTS))
    block = f"OPTIONAL {{ SERVICE <{iri}> {{ ?s ?p ?o }} }}"

    async def scenario(engine: Engine) -> None:
        assert len(json.loads(await ask(engine, f"SELECT * {{ {block * 3} }}"))["results"]) == 1
        error = await outcome(ask(engine, f"SELECT * {{ {block * 6} }}"))
        assert isinstance(error, RemoteFailure)
        assert "remote_bytes" in str(error)

    run(tmp_path, scenario, egress_to(there, iri), Limits(remote_bytes=5000))


def test_limits_of_a_query_hold_for_what_is_fetched_too(tmp_path: Path, there: Elsewhere) -> None:
    numbers = " , ".join(map(str, range(2000)))
    iri = there.at("/sparql", endpoint(store(f"e:s e:n {numbers} .")))
    block = "".join(f"SERVICE <{iri}> {{ ?s e:n ?n{i} }} " for i in range(3))
    text = f"{PREFIXES} SELECT (SUM(?n0 * ?n1 * ?n2) AS ?x) {{ {block} }}"

    async def scenario(engine: Engine) -> None:
        error = await outcome(ask(engine, text))
        assert isinstance(error, LimitExceeded)
        assert error.limit == "query_timeout"
        assert await count(engine) == 12

    run(tmp_path, scenario, egress_to(there, iri), Limits(query_timeout=1.0))


def test_few_fetch_at_once_and_all_get_their_answer(tmp_path: Path, there: Elsewhere) -> None:
    lock, now, most = threading.Lock(), 0, 0
    all_at_once = threading.Event()

    def answer(handler: Any, request: Request) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
            if now == 2:
                all_at_once.set()
        all_at_once.wait(10)
        with lock:
            now -= 1
        endpoint(store(THERE))(handler, request)

    iri = there.at("/sparql", answer)

    async def scenario(engine: Engine) -> None:
        text = f"{PREFIXES} SELECT ?o {{ SERVICE <{iri}> {{ e:b e:r ?o }} }}"
        asked = [values(engine, text, client=str(i)) for i in range(12)]
        assert await asyncio.gather(*asked) == [["true"]] * 12

    run(tmp_path, scenario, egress_to(there, iri), Limits(remote_at_once=2))
    assert most == 2


def test_who_goes_away_ends_the_fetch(tmp_path: Path, there: Elsewhere) -> None:
    asked, ended = threading.Event(), threading.Event()

    def answer(handler: Any, _: Request) -> None:
        asked.set()
        try:
            handler.rfile.read(1)  # comes back when the connection ends
        finally:
            ended.set()

    iri = there.at("/sparql", answer)

    async def scenario(engine: Engine) -> None:
        task = asyncio.ensure_future(ask(engine, f"SELECT * {{ SERVICE <{iri}> {{}} }}"))
        assert await asyncio.to_thread(asked.wait, 10)
        task.cancel()
        assert await asyncio.to_thread(ended.wait, 10)
        assert await count(engine) == 12

    run(tmp_path, scenario, egress_to(there, iri))


# --- LOAD -----------------------------------------------------------------------------------------

GRAPH = store("e:a e:p e:b , 'x'@en , _:n . _:n e:q ( 1 2 ) .")
EVERYTHING = "SELECT ?s ?p ?o { GRAPH <http://e/h> { ?s ?p ?o } }"


async def rows_of(engine: Engine, graph: str = "http://e/h") -> list[Row]:
    body = await ask(engine, EVERYTHING.replace("http://e/h", graph))
    results = ox.parse_query_results(body, ox.QueryResultsFormat.JSON)
    assert isinstance(results, ox.QuerySolutions)
    return [tuple(row) for row in results]


@pytest.mark.parametrize(
    ("rdf_format", "media_type", "path"),
    [
        (ox.RdfFormat.TURTLE, "text/turtle", "/d"),
        (ox.RdfFormat.TURTLE, "text/plain", "/d.ttl"),
        (ox.RdfFormat.TURTLE, "application/octet-stream", "/d.TTL?version=1.nt"),
        (ox.RdfFormat.N_TRIPLES, "application/n-triples", "/d.ttl"),
        (ox.RdfFormat.N_TRIPLES, "text/plain", "/d"),
        (ox.RdfFormat.RDF_XML, "application/rdf+xml", "/d"),
        (ox.RdfFormat.RDF_XML, "application/xml", "/d.rdf"),
        (ox.RdfFormat.JSON_LD, "application/ld+json", "/d"),
        (ox.RdfFormat.JSON_LD, "text/plain", "/d.jsonld"),
    ],
)
def test_every_format_of_a_graph(
    tmp_path: Path, there: Elsewhere, rdf_format: ox.RdfFormat, media_type: str, path: str
) -> None:
    body = GRAPH.dump(format=rdf_format, from_graph=ox.DefaultGraph())
    there.at(path.partition("?")[0], sends(body, media_type))

    async def scenario(engine: Engine) -> None:
        await engine.update(f"LOAD <{there.url}{path}> INTO GRAPH <http://e/h>")
        assert same_bag(await rows_of(engine), [tuple(quad.triple) for quad in GRAPH])

    run(tmp_path, scenario, egress_to(there))


def test_a_document_is_read_from_where_it_was_found(tmp_path: Path, there: Elsewhere) -> None:
    there.at("/dir/d.ttl", sends("<x> <y> <> ."))
    there.at("/a", redirects("/dir/d.ttl", 303))

    async def scenario(engine: Engine) -> None:
        await engine.update("PREFIX e: <http://e/> LOAD <a> INTO GRAPH e:h", base=f"{there.url}/b")
        found = sorted(term.value for row in await rows_of(engine) for term in row if term)
        assert found == [f"{there.url}/dir/{name}" for name in ("d.ttl", "x", "y")]

    run(tmp_path, scenario, egress_to(there))


def test_operations_take_effect_in_turn(tmp_path: Path, there: Elsewhere) -> None:
    there.at("/1.ttl", sends("<http://e/s> <http://e/p> 1 , [] ."))
    there.at("/2.ttl", sends("<http://e/s> <http://e/p> 2 ."))
    iri = there.at("/sparql", endpoint(store(THERE)))
    text = f"""PREFIX e: <http://e/>
        INSERT DATA {{ GRAPH e:h {{ e:s e:p "SERVICE" }} }} ;
        LOAD <{there.url}/1.ttl> INTO GRAPH e:h ;
        DELETE {{ GRAPH e:h {{ ?s ?p 1 }} }} INSERT {{ GRAPH e:h {{ ?s ?p ?x }} }}
            WHERE {{ GRAPH e:h {{ ?s ?p 1 }} SERVICE <{iri}> {{ e:b e:r ?x }} }} ;
        LOAD SILENT <{there.url}/2.ttl> INTO GRAPH e:h ;
        LOAD <{there.url}/2.ttl> ; LOAD SILENT <{there.url}/none.ttl> INTO GRAPH e:h"""

    async def scenario(engine: Engine) -> None:
        await engine.update(text)
        found = [row[2] for row in await rows_of(engine)]
        assert sorted(term.value for term in found if isinstance(term, ox.Literal)) == [
            "2",
            "SERVICE",
            "true",
        ]
        assert len(found) == 4
        assert await count(engine, "SELECT (COUNT(*) AS ?n) { <http://e/s> ?p 2 }") == 1

    run(tmp_path, scenario, egress_to(there, iri))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (sends("secret", status=404), "404"),
        (sends("<a:a> <a:b> secret", "text/turtle"), "malformed text/turtle"),
        (sends("secret", "text/html"), "text/html, which is not a graph"),
        (sends("<a:a> <a:b> 1 <a:g> .", "application/n-quads"), "not a graph"),
        (sends("[" * 4000, "application/ld+json"), "nested too deeply"),
        (sends("<!DOCTYPE x><x/>", "application/rdf+xml"), "document type"),
        (sends("#" * (1 << 20)), "remote_bytes"),
    ],
)
def test_all_or_nothing(tmp_path: Path, there: Elsewhere, answer: Answer, said: str) -> None:
    there.at("/good.ttl", sends("<http://e/s> <http://e/p> 1 ."))
    iri = there.at("/bad.ttl", answer)
    text = f"INSERT DATA {{ <a:a> <a:b> 1 }} ; LOAD <{there.url}/good.ttl> ; LOAD%s <{iri}>"

    async def scenario(engine: Engine) -> None:
        error = await outcome(engine.update(text % ""))
        assert isinstance(error, RemoteFailure)
        assert said in str(error)
        assert iri in str(error)
        assert "secret" not in str(error)
        assert await count(engine) == 12
        await engine.update(text % " SILENT")
        assert await count(engine) == 14

    run(tmp_path, scenario, egress_to(there), Limits(remote_bytes=1 << 18))


@pytest.mark.parametrize("silent", ["", " SILENT"])
def test_what_cannot_be_written_is_not_written_by_load_either(
    tmp_path: Path, there: Elsewhere, silent: str
) -> None:
    iri = there.at("/d.ttl", sends("<http://e/s> <http://e/p> 1 ."))
    writes = WritePolicy(union=True, derived=frozenset({"http://e/derived"}))

    async def scenario(engine: Engine) -> None:
        for text in ("LOAD{} <{}>", "LOAD{} <{}> INTO GRAPH <http://e/derived>"):
            error = await outcome(engine.update(text.format(silent, iri)))
            assert isinstance(error, Forbidden)
        await engine.update(f"LOAD{silent} <{iri}> INTO GRAPH <http://e/g>")
        assert await count(engine, "SELECT (COUNT(*) AS ?n) { <http://e/s> ?p 1 }") == 1

    run(tmp_path, scenario, egress_to(there), writes=writes)


def test_a_context_elsewhere_is_never_fetched(tmp_path: Path, there: Elsewhere) -> None:
    context = there.at("/context", sends('{"@context":{}}', "application/ld+json"))
    document = json.dumps({"@context": context, "@id": "http://e/s", "http://e/p": 1})
    iri = there.at("/d.jsonld", sends(document, "application/ld+json"))

    async def scenario(engine: Engine) -> None:
        error = await outcome(engine.update(f"LOAD <{iri}>"))
        assert isinstance(error, RemoteFailure)

    run(tmp_path, scenario, egress_to(there))
    assert [request.path for request in there.requests] == ["/d.jsonld"]


def test_an_entity_elsewhere_is_never_fetched(tmp_path: Path, there: Elsewhere) -> None:
    entity = there.at("/entity", sends("text"))
    document = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{entity}">]><x>&e;</x>'
    iri = there.at("/d.rdf", sends(document, "application/rdf+xml"))

    async def scenario(engine: Engine) -> None:
        assert isinstance(await outcome(engine.update(f"LOAD <{iri}>")), ChiptrailError)

    run(tmp_path, scenario, egress_to(there))
    assert [request.path for request in there.requests] == ["/d.rdf"]


def test_using_leaves_load_alone(tmp_path: Path, there: Elsewhere) -> None:
    iri = there.at("/d.ttl", sends("<http://e/s> <http://e/p> 1 ."))
    text = f"LOAD <{iri}> INTO GRAPH <http://e/h> ; INSERT {{ ?s ?p 3 }} WHERE {{ ?s ?p ?o }}"

    async def scenario(engine: Engine) -> None:
        await engine.update(text, using=("http://e/h",))
        assert await values(engine, "SELECT ?s { ?s ?p 3 }") == ["http://e/s"]

    run(tmp_path, scenario, egress_to(there))
