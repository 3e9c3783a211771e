"""RDF written for people: Turtle in blocks with prefixes, JSON-LD as trees with short names.

For documents of some thousand triples, which are read whole; larger ones are streamed.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

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

    @cached_property
    def reverse(self) -> dict[str, str]:
        """IRI of a property → the term that reads it from its object to its subject."""
        return {
            self._expanded(entry["@reverse"]): name
            for name, entry in self.entries.items()
            if isinstance(entry, dict) and "@reverse" in entry
        }

    def frame(self, triples: Iterable[Triple], url: str, roots: Iterable[str] = ()) -> Json:
        """The triples as one JSON-LD document, context at ``url``: a tree for each root (an IRI).

        What is described because a root leads to it, or it to a root, stands inside the root,
        once; what has nothing but texts (a label) stands in every place that names it. One root
        alone is the document, and what it does not lead to is included in it.

        Raises NotAcceptable for triple terms, which JSON-LD does not have.
        """
        trees, others = _Forest(self, triples, roots).trees()
        if len(trees) != 1:
            return {"@context": url, "@graph": trees + others}
        return {"@context": url, **trees[0]} | ({"@included": others} if others else {})

    def statement(self, triple: Triple, inside: Json | None = None) -> tuple[str, Any]:
        """Key and value of a triple; ``inside``: the node object that its object is written as."""
        predicate, value = triple.predicate.value, triple.object
        if predicate == _RDF_TYPE and isinstance(value, NamedNode):
            return "type", self.terms.get(value.value, (self.short(value.value), None))[0]
        term, kind = self.terms.get(predicate, (self.short(predicate), None))
        if isinstance(value, Literal):
            return term, self._literal(value, kind)
        if not isinstance(value, NamedNode | BlankNode):
            message = "the answer has triple terms, which JSON-LD cannot carry"
            raise NotAcceptable(message, ["text/turtle", "application/n-triples"])
        if inside is not None:
            return term, inside
        name = self.name(value)
        return term, name if kind == "@id" else {"@id": name}

    @staticmethod
    def _literal(value: Literal, kind: str | None) -> str | Json:
        if value.language:
            return {"@value": value.value, "@language": value.language}
        datatype = value.datatype.value
        if datatype == (kind or _STRING):
            return value.value
        return {"@value": value.value, "@type": datatype}

    def name(self, node: object) -> str:
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


_DEEPEST = 24
"""Node objects inside each other; what lies deeper stands beside the root."""


@dataclass(frozen=True)
class _Place:
    """Where a node stands: inside ``parent``, by ``predicate`` that the parent is the subject
    of or, ``reverse``, the object; a root has neither."""

    parent: Node | None = None
    predicate: str = ""
    reverse: bool = False
    depth: int = field(default=0, compare=False)


class _Forest:
    """Triples as trees: breadth first, so that every node stands as near to a root as it can."""

    def __init__(self, context: Context, triples: Iterable[Triple], roots: Iterable[str]) -> None:
        self._context = context
        self._of: dict[Node, list[Triple]] = {}
        self._to: dict[object, list[Triple]] = {}
        ordered = dict.fromkeys(roots)
        for triple in _in_order(triples, frozenset(ordered)):
            self._of.setdefault(_subject(triple), []).append(triple)
            if triple.predicate.value in context.reverse:
                self._to.setdefault(triple.object, []).append(triple)
        self._roots: list[Node] = [n for n in map(NamedNode, ordered) if n in self._of]
        self._texts = {n for n, about in self._of.items() if n not in self._roots and _texts(about)}
        self._places: dict[Node, _Place] = {}

    def trees(self) -> tuple[list[Json], list[Json]]:
        """Those of the roots, and of what none of them leads to."""
        self._place(self._roots)
        named = {t.object for about in self._of.values() for t in about if _is_link(t)}
        others = []
        for node in self._of:
            if node not in self._places and not (node in self._texts and node in named):
                others.append(node)
                self._place([node])
        return [self._written(n) for n in self._roots], [self._written(n) for n in others]

    def _place(self, roots: Iterable[Node]) -> None:
        for root in roots:
            self._places[root] = _Place()
        waiting = deque(roots)
        while waiting:
            node = waiting.popleft()
            for inner, place in self._inside(node):
                free = inner in self._of and inner not in self._texts
                if free and inner not in self._places and place.depth <= _DEEPEST:
                    self._places[inner] = place
                    waiting.append(inner)

    def _inside(self, node: Node) -> Iterator[tuple[Node, _Place]]:
        depth = self._places[node].depth + 1
        for triple in filter(_is_link, self._of[node]):
            yield cast("Node", triple.object), _Place(node, triple.predicate.value, False, depth)
        for triple in self._to.get(node, ()):
            yield _subject(triple), _Place(node, triple.predicate.value, True, depth)

    def _written(self, node: Node) -> Json:
        place = self._places.get(node)
        found: dict[str, list[Any]] = {}
        for triple in self._of[node]:
            if place is None or place != self._place_of(triple, reverse=True):
                key, said = self._context.statement(triple, self._nested(triple))
                found.setdefault(key, []).append(said)
        written = {"id": self._context.name(node)} | {k: _one(v) for k, v in found.items()}
        return written | self._pointing(node)

    def _nested(self, triple: Triple) -> Json | None:
        """The object's own tree, where this is its place, or one of many."""
        if not _is_link(triple):
            return None
        inner = cast("Node", triple.object)
        here = self._places.get(inner) == self._place_of(triple)
        return self._written(inner) if here or inner in self._texts else None

    def _pointing(self, node: Node) -> dict[str, list[Json]]:
        """What names this node as the object of a property that has a reverse term."""
        found: dict[str, list[Json]] = {}
        for triple in self._to.get(node, ()):
            inner = _subject(triple)
            if self._places.get(inner) == self._place_of(triple, reverse=True):
                term = self._context.reverse[triple.predicate.value]
                found.setdefault(term, []).append(self._written(inner))
        return found

    def _place_of(self, triple: Triple, reverse: bool = False) -> _Place:
        """The place of the object inside the subject; ``reverse``: the other way round."""
        parent = cast("Node", triple.object) if reverse else _subject(triple)
        return _Place(parent, triple.predicate.value, reverse)


def _subject(triple: Triple) -> Node:
    """A triple term is never a subject."""
    return cast("Node", triple.subject)


def _is_link(triple: Triple) -> bool:
    """Whether the object can be written as a node object in the subject's."""
    return isinstance(triple.object, Node) and triple.predicate.value != _RDF_TYPE


def _texts(about: Iterable[Triple]) -> bool:
    return all(isinstance(triple.object, Literal) for triple in about)


def _one(values: Any) -> Any:
    return values[0] if isinstance(values, list) and len(values) == 1 else values
