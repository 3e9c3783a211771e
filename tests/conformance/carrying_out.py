"""Carries a case out over HTTP, against a server whose default graph is the store's own."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from pyoxigraph import (
    BlankNode,
    Literal,
    NamedNode,
    Quad,
    QueryBoolean,
    QueryResultsFormat,
    RdfFormat,
    Store,
    parse,
    parse_query_results,
)

from ..elsewhere import Elsewhere, elsewhere, endpoint
from ..empty_server import empty_server, writer
from .comparison import Row, Term, canonical, same_bag, same_sequence, within
from .manifest import PUBLISHED, SUITES, Case, Data, cases

JSON = "application/sparql-results+json"
_FROM = re.compile(r"\bFROM\s+(?:NAMED\s+)?<([^>]*)>", re.IGNORECASE)
_RS = "http://www.w3.org/2001/sw/DataAccess/tests/result-set#"
_RDF_TYPE = NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
_FORMATS = {"srx": QueryResultsFormat.XML, "srj": QueryResultsFormat.JSON}
_EVERYTHING = "SELECT ?g ?s ?p ?o { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }"


class Failed(Exception):
    """The case is not passed; says why."""


class Respelt(Failed):
    """It is passed but for the spelling of literals, which the store does not keep."""


@dataclass(frozen=True)
class Result:
    """``columns`` empty and one row of one boolean for ASK; ``ordered``: the order counts."""

    columns: tuple[str, ...]
    rows: Sequence[Row]
    ordered: bool = False


class Runner:
    """Carries out cases in turn on one server, which it empties and fills.

    ``there`` stands for the endpoints that cases ask with SERVICE.
    """

    def __init__(self, client: httpx.Client, there: Elsewhere) -> None:
        self._client, self._there = client, there
        self._loaded: Data | None = None

    def run(self, case: Case) -> None:
        """Raises :class:`Failed`."""
        if "Syntax" in case.kind:
            self._syntax(case)
        elif "Update" in case.kind:
            self._update(case)
        elif case.kind == "CSVResultFormatTest":
            self._csv(case)
        else:
            self._query(case)

    def _syntax(self, case: Case) -> None:
        if case.request.endswith(".ru"):
            self._loaded = None
            response = self._send_update(case.text)
        else:
            self._load(Data())
            response = self._ask(case.text, "*/*")
        if response.status_code >= 500:
            raise Failed(_status(response))
        # 403: it was read before it was refused for reaching out (LOAD, SERVICE). 400 without a
        # position: it was read before it was found to ask for what there is not (a function, say).
        malformed = response.status_code == 400 and "line" in response.json()
        if case.positive and malformed:
            raise Failed(f"found to be malformed: {_status(response)}")
        if not case.positive and response.status_code != 400:
            raise Failed(f"not found to be malformed: {_status(response)}")

    def _query(self, case: Case) -> None:
        self._load(_with_from(case))
        expected = _expected(case)
        graph = expected is None
        text = self._with_services(case, _based(case))
        response = self._ask(text, "application/n-triples" if graph else JSON)
        if not response.is_success:
            raise Failed(_status(response))
        if graph:
            wanted = _graph_rows(str(case.result))
            found = {tuple(q.triple) for q in parse(response.content, RdfFormat.N_TRIPLES)}
            _compare(Result((), [*found]), Result((), wanted), case)
        else:
            _compare(_result(response.content, QueryResultsFormat.JSON), expected, case)

    def _with_services(self, case: Case, text: str) -> str:
        """Fill the endpoints of a case, and ask these instead of those that it names."""
        for iri, file in case.services:
            store = Store()
            store.load(path=SUITES / file)
            there = self._there.at(_stand_in(iri), endpoint(store))
            text = text.replace(f"<{iri}>", f"<{there}>")
        return text

    def _csv(self, case: Case) -> None:
        self._load(case.data)
        response = self._ask(_based(case), "text/csv")
        wanted = (SUITES / str(case.result)).read_text(encoding="utf-8")
        _compare(_table(response.text), _table(wanted), case)

    def _update(self, case: Case) -> None:
        self._load(case.data)
        self._loaded = None
        response = self._send_update(_based(case))
        if not response.is_success:
            raise Failed(_status(response))
        found = _result(self._ask(_EVERYTHING, JSON).content, QueryResultsFormat.JSON)
        assert isinstance(case.result, Data)
        columns = ("g", "s", "p", "o")
        rows = [tuple(row[found.columns.index(c)] for c in columns) for row in found.rows]
        wanted = [(_graph_name(q), *q.triple) for q in _quads(case.result)]
        _compare(Result(columns, rows), Result(columns, wanted), case)

    def _load(self, data: Data) -> None:
        """Make ``data`` the whole content of the server, by one update."""
        if data == self._loaded:
            return
        blocks = [
            f"GRAPH {quad.graph_name} {{ {quad.triple} }}"
            if isinstance(quad.graph_name, NamedNode)
            else f"{quad.triple} ."
            for quad in _quads(data)
        ]
        response = self._send_update("DROP ALL; INSERT DATA {\n" + "\n".join(blocks) + "\n}")
        if not response.is_success:
            raise Failed(f"the data was refused: {_status(response)}")
        self._loaded = data

    def _ask(self, text: str, accept: str) -> httpx.Response:
        headers = {"Content-Type": "application/sparql-query", "Accept": accept}
        return self._client.post("/sparql", content=text.encode(), headers=headers)

    def _send_update(self, text: str) -> httpx.Response:
        headers = {"Content-Type": "application/sparql-update"}
        return self._client.post("/update", content=text.encode(), headers=headers)


@contextmanager
def running(directory: Path) -> Iterator[Runner]:
    """A runner on a server of its own, which may ask the stand-ins of all endpoints."""
    with elsewhere() as there:
        services = {there.url + _stand_in(iri) for case in cases() for iri, _ in case.services}
        settings = {"CHIPTRAIL_SERVICE_TARGETS": " ".join(services)}
        with empty_server(directory, **settings) as base, writer(base) as client:
            yield Runner(client, there)


def _stand_in(iri: str) -> str:
    return "/" + iri.removeprefix("http://")


def _status(response: httpx.Response) -> str:
    return f"{response.status_code} {response.text[:300]}"


def _based(case: Case) -> str:
    """The request with the address of its file as the base of relative IRIs."""
    return f"BASE <{PUBLISHED}{case.request}>\n{case.text}"


def _with_from(case: Case) -> Data:
    """The data of the case, and the files that its query names itself with FROM."""
    named = dict(case.data.named)
    if not case.data.default and not case.data.named:
        folder = case.request.rpartition("/")[0]
        for name in _FROM.findall(case.text):
            path = f"{folder}/{name}"
            if (SUITES / path).exists():
                named[PUBLISHED + path] = path
    return Data(case.data.default, tuple(sorted(named.items())))


def _quads(data: Data) -> list[Quad]:
    quads = [quad for path in data.default for quad in _parse(path)]
    for name, path in data.named:
        quads += [Quad(*quad.triple, NamedNode(name)) for quad in _parse(path)]
    return quads


def _parse(path: str) -> Iterator[Quad]:
    rdf_format = RdfFormat.from_extension(path.rpartition(".")[2]) or RdfFormat.TURTLE
    body = (SUITES / path).read_bytes()
    return parse(body, rdf_format, base_iri=PUBLISHED + path, rename_blank_nodes=True)


def _graph_name(quad: Quad) -> Term | None:
    return quad.graph_name if isinstance(quad.graph_name, NamedNode) else None


def _graph_rows(path: str) -> list[Row]:
    return [tuple(quad.triple) for quad in _parse(path)]


# --- expected results -----------------------------------------------------------------------


def _expected(case: Case) -> Result | None:
    """The result that the case names; None where it is a graph."""
    path = str(case.result)
    extension = path.rpartition(".")[2]
    body = (SUITES / path).read_bytes()
    if extension == "tsv":
        return _result(body, QueryResultsFormat.TSV)
    if extension in _FORMATS:
        return _result(body, _FORMATS[extension])
    quads = list(_parse(path))
    if any(quad.object == NamedNode(f"{_RS}ResultSet") for quad in quads):
        return _result_set(quads)
    return None


def _result(body: bytes, results_format: QueryResultsFormat) -> Result:
    found = parse_query_results(body, results_format)
    if isinstance(found, QueryBoolean):
        return Result((), [(Literal(bool(found)),)])
    columns = tuple(variable.value for variable in found.variables)
    return Result(columns, [tuple(solution) for solution in found])


def _result_set(quads: Sequence[Quad]) -> Result:
    """A result written as a graph, in the vocabulary of the first test suites."""
    facts: dict[tuple[object, str], list[Term]] = {}
    for quad in quads:
        key = (quad.subject, quad.predicate.value.removeprefix(_RS))
        facts.setdefault(key, []).append(quad.object)
    root = next(q.subject for q in quads if q.object == NamedNode(f"{_RS}ResultSet"))
    if (root, "boolean") in facts:
        return Result((), [(facts[root, "boolean"][0],)])
    columns = tuple(sorted(term.value for term in facts.get((root, "resultVariable"), [])))
    solutions = facts.get((root, "solution"), [])
    ordered = any((node, "index") in facts for node in solutions)
    if ordered:
        solutions.sort(key=lambda node: int(facts[node, "index"][0].value))
    rows = [_solution(facts, node, columns) for node in solutions]
    return Result(columns, rows, ordered)


def _solution(
    facts: dict[tuple[object, str], list[Term]], node: Term, columns: Sequence[str]
) -> Row:
    bound = {
        facts[binding, "variable"][0].value: facts[binding, "value"][0]
        for binding in facts.get((node, "binding"), [])
    }
    return tuple(bound.get(column) for column in columns)


def _table(text: str) -> Result:
    """CSV: cells as strings; what looks like a blank node is one."""
    header, *rows = csv.reader(io.StringIO(text))
    cells = [
        tuple(BlankNode(c[2:]) if c.startswith("_:") else Literal(c) for c in row) for row in rows
    ]
    return Result(tuple(header), cells)


def _compare(found: Result, wanted: Result, case: Case) -> None:
    if sorted(found.columns) != sorted(wanted.columns):
        raise Failed(f"columns {found.columns}, not {wanted.columns}")
    order = [found.columns.index(column) for column in wanted.columns]
    rows = [tuple(row[i] for i in order) for row in found.rows] if order else found.rows
    same = within if case.lax else same_sequence if wanted.ordered else same_bag
    if same(rows, wanted.rows):
        return
    if same(canonical(rows), canonical(wanted.rows)):
        raise Respelt("the same values, spelt otherwise")
    raise Failed(f"another answer: {_shown(rows)} instead of {_shown(wanted.rows)}")


def _shown(rows: Sequence[Row]) -> str:
    return "; ".join(" ".join(map(str, row)) for row in rows[:20])


def in_order(cases: Sequence[Case]) -> list[Case]:
    """Syntax first, updates last, and those of the same data together: less to load."""
    return sorted(
        cases, key=lambda case: ("Syntax" not in case.kind, "Update" in case.kind, str(case.data))
    )
