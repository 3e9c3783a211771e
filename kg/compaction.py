"""RDF written for people: Turtle in blocks with prefixes, JSON-LD with short names.

For documents of some thousand triples, which are read whole; larger ones are streamed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, parse, serialize

from kg.errors import NotAcceptable
from kg.namespaces import Namespaces
from kg.resources import ontology_directory

Json = dict[str, Any]
Node = NamedNode | BlankNode

_RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
_STRING = "http://www.w3.org/2001/XMLSchema#string"
_BEFORE_LOCAL = (":", "/", "?", "#", "[", "]", "@")
"""How a namespace must end for JSON-LD 1.1 to take its short name for a prefix."""


def context_text(names: Namespaces) -> str:
    """The published JSON-LD context, under our base."""
    return names.rebase((ontology_directory() / "context.jsonld").read_text(encoding="utf-8"))


def read_n_triples(data: bytes) -> list[Triple]:
    return [quad.triple for quad in parse(data, RdfFormat.N_TRIPLES)]


def as_turtle(triples: Iterable[Triple], names: Namespaces, first: Iterable[str] = ()) -> bytes:
    """One block a subject, the subjects ``first`` (IRIs) before the others."""
    ordered = _in_order(triples, frozenset(first))
    return serialize(ordered, format=RdfFormat.TURTLE, prefixes=names.prefixes) or b""


def _in_order(triples: Iterable[Triple], first: frozenset[str]) -> list[Triple]:
    def place(triple: Triple) -> tuple[bool, str, bool, str, str]:
        subject, predicate = str(triple.subject), triple.predicate.value
        is_type = predicate == _RDF_TYPE
        return subject[1:-1] not in first, subject, not is_type, predicate, str(triple.object)

    return sorted(triples, key=place)


@dataclass(frozen=True)
class Context:
    """A JSON-LD context as ours is: prefixes, and terms with at most a type."""

    entries: Mapping[str, Any]

    @classmethod
    def of(cls, names: Namespaces) -> Context:
        return cls(json.loads(context_text(names))["@context"])

    @cached_property
    def prefixes(self) -> list[tuple[str, str]]:
        """(namespace, prefix), the longest namespace first."""
        found = [
            (value, name)
            for name, value in self.entries.items()
            if isinstance(value, str) and "://" in value and value.endswith(_BEFORE_LOCAL)
        ]
        return sorted(found, reverse=True)

    @cached_property
    def terms(self) -> dict[str, tuple[str, str | None]]:
        """IRI → its term, and what the term makes of values: ``@id``, a datatype, or nothing."""
        short = dict(self.prefixes)
        found: dict[str, tuple[str, str | None]] = {}
        for name, value in self.entries.items():
            entry = value if isinstance(value, dict) else {"@id": value}
            target = entry.get("@id")
            if isinstance(target, str) and not target.startswith("@") and target not in short:
                found[self._expanded(target)] = name, self._type(entry.get("@type"))
        return found

    def compact(self, triples: Iterable[Triple], url: str, first: Iterable[str] = ()) -> Json:
        """The triples as one JSON-LD document, a node object a subject, context at ``url``.

        Raises NotAcceptable for triple terms, which JSON-LD does not have.
        """
        nodes: dict[str, Json] = {}
        for triple in _in_order(triples, frozenset(first)):
            name = self._name(triple.subject)
            node = nodes.setdefault(name, {"id": name})
            key, value = self._statement(triple)
            node.setdefault(key, []).append(value)
        written = [{k: _one(v) for k, v in node.items()} for node in nodes.values()]
        return {"@context": url, "@graph": written}

    def _statement(self, triple: Triple) -> tuple[str, Any]:
        predicate, value = triple.predicate.value, triple.object
        if predicate == _RDF_TYPE and isinstance(value, NamedNode):
            return "type", self.terms.get(value.value, (self.short(value.value), None))[0]
        term, kind = self.terms.get(predicate, (self.short(predicate), None))
        if isinstance(value, Literal):
            return term, self._literal(value, kind)
        if not isinstance(value, NamedNode | BlankNode):
            message = "the answer has triple terms, which JSON-LD cannot carry"
            raise NotAcceptable(message, ["text/turtle", "application/n-triples"])
        name = self._name(value)
        return term, name if kind == "@id" else {"@id": name}

    @staticmethod
    def _literal(value: Literal, kind: str | None) -> str | Json:
        if value.language:
            return {"@value": value.value, "@language": value.language}
        datatype = value.datatype.value
        if datatype == (kind or _STRING):
            return value.value
        return {"@value": value.value, "@type": datatype}

    def _name(self, node: object) -> str:
        return self.short(node.value) if isinstance(node, NamedNode) else str(node)

    def short(self, iri: str) -> str:
        """``iri`` with a prefix where that is certain to be read back as the same."""
        for namespace, prefix in self.prefixes:
            local = iri.removeprefix(namespace)
            if local != iri and not local.startswith("//"):
                return f"{prefix}:{local}"
        return iri

    def _type(self, name: str | None) -> str | None:
        return name if name is None or name.startswith("@") else self._expanded(name)

    def _expanded(self, name: str) -> str:
        prefix, _, local = name.partition(":")
        namespace = self.entries.get(prefix)
        return namespace + local if isinstance(namespace, str) else name


def _one(values: Any) -> Any:
    return values[0] if isinstance(values, list) and len(values) == 1 else values
