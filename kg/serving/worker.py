"""(Child.) Answers one query at a time over a socket; dies when anything goes wrong.

There is no recovery in here on purpose: a worker that meets a fault that is not the
query's own ends, and the server starts another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import pyoxigraph as ox

from kg.serving import deltas, mistakes, sandbox, solutions, wire
from kg.serving.output import Csv, Output, Refusal
from kg.serving.planner import Plan, Planner
from kg.serving.wire import Inbox, Kind

_LONGEST_MESSAGE = 2000
_RETIRE_AFTER_GROWTH = 256 << 20
_WORN_WITH = 96 << 20
_POSITION = re.compile(r"error at (\d+):(\d+)|at line (\d+) column (\d+)")
_JSON_LD = "application/ld+json"

Work = dict[str, Any]


def main(descriptor: int, open_store: Callable[[], ox.Store], memory: int) -> None:
    """Serve until the server closes the socket. ``memory`` in MiB. Never returns."""

    def prepare() -> Callable[[], None]:
        store = open_store()
        return lambda: _serve(descriptor, store)

    sandbox.work(prepare, lambda value: wire.greet(descriptor, value), memory)


def _serve(descriptor: int, store: ox.Store) -> None:
    wear = sandbox.Wear(_WORN_WITH)
    planner, inbox = Planner(store), wire.Inbox(descriptor)
    work: Work = {}
    while True:
        inbox.linger(work.get("linger", 0.0))
        try:
            work = inbox.read_json(Kind.WORK)
        except EOFError:
            return
        if work["job"] == "advance":  # where it fails, this worker ends: its data would be old
            deltas.apply(_body(inbox), store)
            planner = Planner(store)
            continue
        output = Output(descriptor)
        try:
            if work.get("plan"):
                work["planned"] = planner.plan(work["text"], work["base"])
            _JOBS[work["job"]](store, work, inbox, output)
        except BrokenPipeError:
            return
        except (Refusal, SyntaxError, RuntimeError, ValueError, OSError, MemoryError) as error:
            wire.write(descriptor, wire.pack_json(Kind.FAIL, describe(error, work)))
            if isinstance(error, MemoryError):
                return
            continue
        output.end(_state(wear))


def _state(wear: sandbox.Wear) -> bytes:
    """What the server should know of this worker."""
    if wear.look() > _RETIRE_AFTER_GROWTH:
        return wire.RETIRE
    return wire.WORN if wear.worn else b""


def _query(store: ox.Store, work: Work, _: Inbox, output: Output) -> None:
    over, dataset = _dataset(store, work)
    if not work.get("rdf12", True):
        _expect_plain_solutions(_results(over, work, dataset))
    results = _results(over, work, dataset)
    if isinstance(results, ox.QueryTriples):
        _graph(results, work, output)
        return
    results_format = ox.QueryResultsFormat.from_media_type(work["media_type"])
    if results_format is None:
        raise Refusal("format", f"{work['media_type']} cannot carry bindings or a boolean")
    output.head("ask" if isinstance(results, ox.QueryBoolean) else "select")
    if isinstance(results, ox.QuerySolutions) and results_format == ox.QueryResultsFormat.CSV:
        results.serialize(Csv(output).file, ox.QueryResultsFormat.TSV)
    else:
        results.serialize(output.carrying(work["media_type"]), results_format)


def _results(
    store: ox.Store, work: Work, dataset: dict[str, Any]
) -> ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples:
    """Evaluate the planned text; what is wrong with a text is said of the one that was sent."""
    how = dataset | ({"custom_functions": solutions.FUNCTIONS} if work.get("federated") else {})
    planned = work["planned"].text if "planned" in work else work["text"]
    if planned != work["text"]:
        with suppress(SyntaxError):
            return store.query(planned, base_iri=work["base"], **how)
    return store.query(work["text"], base_iri=work["base"], **how)


def _graph(results: ox.QueryTriples, work: Work, output: Output) -> None:
    rdf_format = ox.RdfFormat.from_media_type(work["media_type"])
    if rdf_format is None:
        raise Refusal("format", f"{work['media_type']} cannot carry a graph")
    output.head("graph")
    rdf12 = work.get("rdf12", True)
    if rdf12 and work["media_type"] != _JSON_LD:
        results.serialize(output.carrying(work["media_type"]), rdf_format)
    else:
        plain = list(_plain(results, directions=rdf12))
        ox.serialize(plain, output.carrying(work["media_type"]), rdf_format)


def _plain(results: Iterable[ox.Triple], directions: bool) -> Iterator[ox.Triple]:
    """The triples, provided that RDF 1.1 can say them (``directions``: with base directions)."""
    for triple in results:
        _expect_plain(triple.object, directions)
        yield triple


def _expect_plain_solutions(
    results: ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples,
) -> None:
    """Look through solutions before they are written, in a run of their own."""
    if isinstance(results, ox.QuerySolutions):
        for solution in results:
            for term in solution:
                _expect_plain(term, directions=False)


def _expect_plain(term: object, directions: bool) -> None:
    if isinstance(term, ox.Triple):
        raise Refusal("format", "the answer has triple terms, which this format cannot carry")
    if isinstance(term, ox.Literal) and term.direction is not None and not directions:
        raise Refusal("format", "the answer has base directions, which RDF 1.1 cannot carry")


def _named_graph(store: ox.Store, work: Work, _: Inbox, output: Output) -> None:
    """The content of one graph; ``graph`` None is the default graph."""
    graph = ox.DefaultGraph() if work["graph"] is None else ox.NamedNode(work["graph"])
    if isinstance(graph, ox.NamedNode) and not store.contains_named_graph(graph):
        raise Refusal("missing", f"there is no graph {graph}")
    rdf_format = ox.RdfFormat.from_media_type(work["media_type"])
    if rdf_format is None:
        raise Refusal("format", f"{work['media_type']} cannot carry a graph")
    output.head("graph")
    if work["rdf12"] and work["media_type"] != _JSON_LD:
        store.dump(output.carrying(work["media_type"]), rdf_format, from_graph=graph)
    else:
        triples = (quad.triple for quad in store.quads_for_pattern(None, None, None, graph))
        plain = list(_plain(triples, directions=work["rdf12"]))
        ox.serialize(plain, output.carrying(work["media_type"]), rdf_format)


def _dump(store: ox.Store, work: Work, _: Inbox, output: Output) -> None:
    """All named graphs, and with ``default`` the default graph."""
    rdf_format = ox.RdfFormat.from_media_type(work["media_type"])
    if rdf_format is None or not rdf_format.supports_datasets:
        raise Refusal("format", f"{work['media_type']} cannot carry named graphs")
    output.head("dataset")
    if work["default"]:
        store.dump(output.file, rdf_format)
        return
    named = (quad for quad in store if not isinstance(quad.graph_name, ox.DefaultGraph))
    ox.serialize(named, output.file, rdf_format)


def _parse(_: ox.Store, work: Work, inbox: Inbox, output: Output) -> None:
    """Read an upload and hand it back as N-Triples, which are safe to load.

    With ``dataset`` it may have named graphs, and comes back as N-Quads.
    """
    body, dataset = _body(inbox), work["dataset"]
    rdf_format = ox.RdfFormat.from_media_type(work["media_type"])
    if rdf_format is None:
        raise Refusal("media", f"{work['media_type']} is not a format of RDF")
    quads = ox.parse(
        body,
        rdf_format,
        base_iri=work["base"],
        without_named_graphs=not dataset,
        rename_blank_nodes=True,  # so that documents can be put together
    )
    output.head("dataset" if dataset else "graph")
    if dataset:
        ox.serialize(map(_with_named_graph, quads), output.file, ox.RdfFormat.N_QUADS)
    else:
        ox.serialize((quad.triple for quad in quads), output.file, ox.RdfFormat.N_TRIPLES)


def _with_named_graph(quad: ox.Quad) -> ox.Quad:
    if isinstance(quad.graph_name, ox.BlankNode):
        raise Refusal("evaluation", "a graph must be named by an IRI, not by a blank node")
    return quad


def _solutions(_: ox.Store, work: Work, inbox: Inbox, output: Output) -> None:
    """Read what another endpoint answered to ``query``, and hand it back as VALUES.

    Without a media type there was no answer: the one solution without bindings.
    """
    body, names = _body(inbox), solutions.variables(work["query"])
    media_type = work["media_type"]
    nothing: list[solutions.Row] = [[None] * len(names)]
    rows = nothing if media_type is None else solutions.read(body, media_type, names)
    output.head("values")
    output.write(solutions.as_values(names, rows).encode())


def _body(inbox: Inbox) -> bytes:
    kind, body = inbox.read()
    if kind != Kind.BODY:
        raise Refusal("defect", "the document is missing")
    return body


def _check(_: ox.Store, work: Work, __: Inbox, output: Output) -> None:
    """Find out whether a query or an update is well formed."""
    _run_on_nothing(work)
    output.head("check")


def _explain(_: ox.Store, work: Work, __: Inbox, output: Output) -> None:
    """Tell people in what order the patterns of a query are evaluated."""
    _run_on_nothing(work)
    output.head("explanation")
    output.write(f"{work.get('planned', Plan(work['text']))}\n".encode())


def _run_on_nothing(work: Work) -> None:
    """:raises SyntaxError: the text is malformed."""
    empty = ox.Store()
    # Any other error is one of evaluation: the text is well formed.
    with suppress(RuntimeError, OSError):
        (empty.update if work["update"] else empty.query)(work["text"], base_iri=work["base"])


_JOBS: dict[str, Callable[[ox.Store, Work, Inbox, Output], None]] = {
    "query": _query,
    "graph": _named_graph,
    "dump": _dump,
    "parse": _parse,
    "solutions": _solutions,
    "check": _check,
    "explain": _explain,
}


def _dataset(store: ox.Store, work: Work) -> tuple[ox.Store, dict[str, Any]]:
    """The store and the arguments of ``query`` that make the dataset that was asked for.

    Several default graphs are merged for real, in memory: the engine's own union gives a
    triple that stands in two of them twice.
    """
    if "default_graphs" not in work:
        return store, {}
    default = [ox.NamedNode(iri) for iri in work["default_graphs"]]
    named = [ox.NamedNode(iri) for iri in work["named_graphs"]]
    if len(default) < 2:
        return store, {"default_graph": default, "named_graphs": named}
    merged = ox.Store()
    merged.load(_quads_of(store, default, named), ox.RdfFormat.N_QUADS)
    return merged, {"default_graph": [ox.DefaultGraph()], "named_graphs": named}


def _quads_of(store: ox.Store, default: list[ox.NamedNode], named: list[ox.NamedNode]) -> bytes:
    """N-Quads of one document, so that a blank node stays one across the graphs."""
    pieces = [_triples(store, graph) for graph in default]
    pieces += [_triples(store, g).replace(b" .\n", f" {g} .\n".encode()) for g in named]
    return b"".join(pieces)


def _triples(store: ox.Store, graph: ox.NamedNode) -> bytes:
    return store.dump(format=ox.RdfFormat.N_TRIPLES, from_graph=graph) or b""


def describe(error: Exception, work: Work) -> dict[str, Any]:
    """An error of the engine in its ``work`` as it goes to the server."""
    message = str(error)[:_LONGEST_MESSAGE]
    if isinstance(error, SyntaxError):
        return {"error": "syntax", **_mistake(message, work)}
    if isinstance(error, Refusal):
        return {"error": error.error, "message": message}
    if isinstance(error, MemoryError):
        return {"error": "memory", "message": message}
    return {"error": "evaluation", "message": message}


def _mistake(message: str, work: Work) -> dict[str, Any]:
    """What is wrong and where: in a document the engine knows, in a text of SPARQL nearly."""
    if "text" in work:
        found = mistakes.find(message, work["text"], work["base"], work.get("update", False))
        if found is not None:
            return asdict(found)
    position = _POSITION.search(message)
    line, column = map(int, filter(None, position.groups())) if position else (None, None)
    return {"message": message, "line": line, "column": column}
