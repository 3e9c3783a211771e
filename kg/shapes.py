"""Validation: the SHACL shapes over the data, and findings that say where to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import shacl
from pyoxigraph import Quad, RdfFormat, Triple, parse, serialize

from kg.errors import Finding
from kg.namespaces import Namespaces
from kg.records import Located


@dataclass(frozen=True)
class Origin:
    """Where a node was described: a file, its line when known, the record's name."""

    where: str
    line: int | None = None
    record: str = ""


def origins_of(located: Mapping[str, Located]) -> dict[str, Origin]:
    return {iri: Origin(item.where, item.line, item.name) for iri, item in located.items()}


class Validator:
    """The compiled shapes of a directory of Turtle files."""

    def __init__(self, directory: Path, names: Namespaces) -> None:
        self._names = names
        triples: list[Quad] = []
        for path in sorted(directory.glob("*.shapes.ttl")):
            text = names.rebase(path.read_text(encoding="utf-8"))
            triples += parse(input=text, format=RdfFormat.TURTLE)
        self._shapes = shacl.Shapes.from_text(_ntriples(triples), format="ntriples")

    def validate(
        self,
        quads: Iterable[Quad],
        origins: Mapping[str, Origin],
        only: frozenset[str] | None = None,
    ) -> list[Finding]:
        """What is wrong with the merge of ``quads``, each finding with its place.

        ``only``: IRIs of the nodes to report on (and nodes without an IRI), so that a small
        file can be checked against a large base that is known to be right.
        """
        report = self._shapes.validate_text(_ntriples(quads), format="ntriples")
        findings = {
            self._finding(result, origins)
            for result in report.results
            if only is None or _iri(result.focus_node) in only or result.focus_node[0] == "_"
        }
        return sorted(findings, key=lambda f: (f.where, f.line or 0, f.record, f.message))

    def _finding(self, result: shacl.Result, origins: Mapping[str, Origin]) -> Finding:
        iri = _iri(result.focus_node)
        origin = origins.get(iri, Origin("data"))
        node = self._names.shorten(iri)
        path = f"{self._shorten_path(result.path)}: " if result.path else ""
        value = f" (found {self._shorten_value(result)})" if result.value is not None else ""
        message = f"{path}{result.message or result.component}{value}"
        record = origin.record or node
        return Finding(origin.where, origin.line, record, message, result.component)

    def _shorten_path(self, path: str) -> str:
        return self._names.shorten(path.strip("<>")) if path.startswith("<") else path

    def _shorten_value(self, result: shacl.Result) -> str:
        return self._names.shorten(result.value_plain or "")


def _iri(term: str) -> str:
    return term[1:-1] if term.startswith("<") else term


def _ntriples(quads: Iterable[Quad | Triple]) -> str:
    triples = {Triple(quad.subject, quad.predicate, quad.object) for quad in quads}
    return (serialize(triples, format=RdfFormat.N_TRIPLES) or b"").decode()
