"""The W3C's manifests of SPARQL tests, read into plain cases.

The suites are not part of the project; :data:`SUITES` is where they lie beside it, if they do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Store

SUITES = Path(__file__).parents[3] / "shared" / "w3c" / "rdf-tests" / "sparql"
ABSENT = f"the W3C's test suites are not here ({SUITES})"

PUBLISHED = "https://w3c.github.io/rdf-tests/sparql/"
"""Where the W3C publishes the files: what their relative IRIs are resolved against."""

_MF = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
_QT = "http://www.w3.org/2001/sw/DataAccess/tests/test-query#"
_UT = "http://www.w3.org/2009/sparql/tests/test-update#"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_RDFS = "http://www.w3.org/2000/01/rdf-schema#"

ROOTS = ("sparql10/manifest.ttl", "sparql11/manifest-all.ttl", "sparql12/manifest.ttl")

Node = NamedNode | BlankNode


@dataclass(frozen=True)
class Data:
    """Files of a dataset: of the default graph, and of named graphs by name."""

    default: tuple[str, ...] = ()
    named: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Case:
    """``name`` is ``sparql11/aggregates/agg01``; files are paths below :data:`SUITES`."""

    name: str
    kind: str
    request: str
    data: Data = field(default_factory=Data)
    result: str | Data | None = None
    lax: bool = False
    services: tuple[tuple[str, str], ...] = ()
    """Endpoints that SERVICE asks: IRI and file of the data of each."""

    @property
    def suite(self) -> str:
        """The line of the table that it counts in."""
        version = f"SPARQL {self.name[6]}.{self.name[7]}"
        if self.request.endswith(".ru"):
            return "update " + ("syntax" if "Syntax" in self.kind else "evaluation")
        return f"{version} " + ("syntax" if "Syntax" in self.kind else "query evaluation")

    @property
    def positive(self) -> bool:
        return "Negative" not in self.kind

    @cached_property
    def text(self) -> str:
        return (SUITES / self.request).read_text(encoding="utf-8")


def cases() -> list[Case]:
    """Every syntax and evaluation test, but those of entailment regimes; none where absent."""
    if not SUITES.exists():
        return []
    return [case for root in ROOTS for case in _Reader().read(root)]


class _Reader:
    def __init__(self) -> None:
        self._seen: set[str] = set()

    def read(self, path: str) -> Iterator[Case]:
        """The cases of a manifest and of those that it includes."""
        if path in self._seen or not (SUITES / path).exists():
            return
        self._seen.add(path)
        manifest = _Manifest(path)
        for included in manifest.included():
            yield from self.read(included)
        yield from manifest.entries()


class _Manifest:
    def __init__(self, path: str) -> None:
        self.path = path
        self._store = Store()
        body = (SUITES / path).read_bytes()
        self._store.load(body, RdfFormat.TURTLE, base_iri=PUBLISHED + path)

    def included(self) -> Iterator[str]:
        for quad in self._store.quads_for_pattern(None, NamedNode(f"{_MF}include"), None):
            yield from (_path(node) for node in self._list(quad.object))

    def entries(self) -> Iterator[Case]:
        for quad in self._store.quads_for_pattern(None, NamedNode(f"{_MF}entries"), None):
            for node in self._list(quad.object):
                kind = _local(self._one(node, f"{_RDF}type"))
                if kind.endswith(("Test", "Test11")) and self._one(node, f"{_MF}action"):
                    yield from self._case(node, kind)

    def _case(self, node: Node, kind: str) -> Iterator[Case]:
        name = f"{Path(self.path).parent}/{_local(node)}"
        action, result = self._one(node, f"{_MF}action"), self._one(node, f"{_MF}result")
        lax = self._one(node, f"{_MF}resultCardinality") is not None
        if "Syntax" in kind:
            yield Case(name, kind, _path(action))
        elif kind == "UpdateEvaluationTest":
            request = _path(self._one(action, f"{_UT}request"))
            yield Case(name, kind, request, self._data(action, _UT), self._data(result, _UT))
        elif kind in ("QueryEvaluationTest", "CSVResultFormatTest"):
            request = _path(self._one(action, f"{_QT}query"))
            data, services = self._data(action, _QT), tuple(self._services(action))
            yield Case(name, kind, request, data, _path(result), lax, services)

    def _data(self, node: Node, vocabulary: str) -> Data:
        default = tuple(_path(n) for n in self._all(node, f"{vocabulary}data"))
        named = [self._named(n, vocabulary) for n in self._all(node, f"{vocabulary}graphData")]
        return Data(default, tuple(sorted(named)))

    def _services(self, action: Node) -> Iterator[tuple[str, str]]:
        for node in self._all(action, f"{_QT}serviceData"):
            iri = self._one(node, f"{_QT}endpoint")
            yield iri.value, _path(self._one(node, f"{_QT}data"))

    def _named(self, node: Node, vocabulary: str) -> tuple[str, str]:
        if isinstance(node, NamedNode):
            return node.value, _path(node)
        file = self._one(node, f"{vocabulary}graph") or self._one(node, f"{vocabulary}data")
        label = self._one(node, f"{_RDFS}label")
        return label.value if label else file.value, _path(file)

    def _all(self, node: Node, predicate: str) -> list[Node]:
        found = self._store.quads_for_pattern(node, NamedNode(predicate), None)
        return sorted((quad.object for quad in found), key=str)

    def _one(self, node: Node | None, predicate: str) -> Node | Literal | None:
        found = self._all(node, predicate) if node else []
        return found[0] if found else None

    def _list(self, node: Node) -> Iterator[Node]:
        while node.value != f"{_RDF}nil":
            yield self._one(node, f"{_RDF}first")
            node = self._one(node, f"{_RDF}rest")


def _path(node: Node) -> str:
    return node.value.removeprefix(PUBLISHED)


def _local(node: Node) -> str:
    return node.value.rpartition("#")[2]
