"""A node of the graph as a record reads it: the counterpart of ``kg.mapping.core``.

A reader asks a node for what its record needs. What is not as a record has it (two values where
there is room for one, a text where a number belongs, a name of a foreign namespace) becomes a
problem of the record, which is then left out.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeVar

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode

from kg.catalogue.view import Term, View

Plain = bool | int | Decimal | datetime.datetime | datetime.date | str
Fields = dict[str, Any]
"""Field (under the name that people write) → plain value; None where there is none."""
Kinds = tuple[type[Plain], ...]

ANY: Kinds = (bool, int, Decimal, datetime.date, str)
NUMBER: Kinds = (int, Decimal)
DATE: Kinds = (datetime.date,)
TIME: Kinds = (datetime.datetime,)
TEXT: Kinds = (str,)
NUMBER_OR_DATE = NUMBER + DATE

T = TypeVar("T")


@dataclass(frozen=True)
class Node:
    """``problems`` is shared by all nodes of a record.

    Properties are CURIEs. A method that gives one thing gives None where there is none.
    """

    view: View
    term: NamedNode | BlankNode
    problems: list[str] = field(default_factory=list)

    def name(self, prefix: str) -> str | None:
        """Its own name in a namespace."""
        found = self._name(self.term, prefix)
        if found is None:
            self._problem(f"not in the namespace {prefix}:")
        return found

    def class_(self) -> str | None:
        """The local name of its class; classes of other vocabularies do not count."""
        terms = self._objects("rdf:type")
        return self.only("rdf:type", [name for t in terms if (name := self._name(t, "ct"))])

    def has(self, curie: str) -> bool:
        return bool(self._objects(curie))

    def slugs(self, curie: str, prefix: str) -> list[str]:
        return self.slugs_by_prefix(curie, prefix)[prefix]

    def slug(self, curie: str, prefix: str) -> str | None:
        return self.only(curie, self.slugs(curie, prefix))

    def slugs_by_prefix(self, curie: str, *prefixes: str) -> dict[str, list[str]]:
        """The names that stand there, by their namespace."""
        found: dict[str, list[str]] = {prefix: [] for prefix in prefixes}
        for term in self._objects(curie):
            names = ((prefix, self._name(term, prefix)) for prefix in prefixes)
            prefix, name = next(((p, n) for p, n in names if n), ("", None))
            if name is None:
                self._problem(f"{curie}: {term} is not in the namespace {' or '.join(prefixes)}:")
            else:
                found[prefix].append(name)
        return found

    def text(self, curie: str) -> str | None:
        """English before no language before other languages."""
        literals = [term for term in self._objects(curie) if isinstance(term, Literal)]
        literals.sort(key=lambda term: (term.language != "en", term.language is not None))
        return literals[0].value if literals else None

    def texts_by_language(self, curie: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for term in self._objects(curie):
            if isinstance(term, Literal):
                found.setdefault(term.language or "en", []).append(term.value)
        return found

    def values(self, curie: str, kinds: Kinds = TEXT) -> list[Plain]:
        """Literals; those of another type than ``kinds`` are a problem."""
        found = []
        for term in self._objects(curie):
            value = _plain(term) if isinstance(term, Literal) else None
            if type(value) in kinds and value is not None:
                found.append(value)
            else:
                names = " or ".join(_NAMES[kind] for kind in kinds)
                self._problem(f"{curie}: {term} is not {names}")
        return found

    def value(self, curie: str, kinds: Kinds = ANY) -> Plain | None:
        return self.only(curie, self.values(curie, kinds))

    def parts(self, curie: str) -> list[Node]:
        """The nodes that stand there in the order of their names, blank ones last."""
        nodes: list[NamedNode | BlankNode] = []
        for term in self._objects(curie):
            if isinstance(term, NamedNode | BlankNode):
                nodes.append(term)
            else:
                self._problem(f"{curie}: {term} is not a node")
        nodes.sort(key=lambda node: (isinstance(node, BlankNode), in_order(node.value)))
        return [Node(self.view, node, self.problems) for node in nodes]

    def part(self, curie: str) -> Node | None:
        return self.only(curie, self.parts(curie))

    def sequence(self, curie: str) -> list[Node]:
        """Parts whose order says something, so that they must have names."""
        parts = self.parts(curie)
        if len(parts) > 1 and isinstance(parts[-1].term, BlankNode):
            self._problem(f"{curie}: the order counts, so give the nodes names that end in 1, 2, …")
        return parts

    def inverse(self, curie: str) -> list[Node]:
        """The nodes that point here, in the order of their names."""
        nodes = self.view.subjects(curie, NamedNode(self.term.value))
        nodes.sort(key=lambda node: in_order(node.value))
        return [Node(self.view, node, self.problems) for node in nodes]

    def addresses(self, curie: str) -> list[str]:
        return [part.term.value for part in self.parts(curie)]

    def only(self, curie: str, found: Sequence[T]) -> T | None:
        if len(found) > 1:
            self._problem(f"{curie}: there is room for one, found {len(found)}")
        return found[0] if len(found) == 1 else None

    def _objects(self, curie: str) -> list[Term]:
        prefix, _, local = curie.partition(":")
        return self._triples.get(self.view.names.prefixes[prefix] + local, [])

    @cached_property
    def _triples(self) -> dict[str, list[Term]]:
        """Property → what was asserted of it, in order. What only follows from claims (and so
        stands in ``g:current``, and from there in the merge) was not asserted here."""
        current, merge = self.view.names.expand("g:current"), DefaultGraph()
        derived: set[tuple[str, Term]] = set()
        merged: set[tuple[str, Term]] = set()
        asserted: set[tuple[str, Term]] = set()
        for quad in self.view.store.quads_for_pattern(self.term, None, None, None):
            graph = quad.graph_name
            place = derived if graph == current else merged if graph == merge else asserted
            place.add((quad.predicate.value, quad.object))
        found: dict[str, list[Term]] = {}
        for predicate, term in asserted | (merged - derived):
            found.setdefault(predicate, []).append(term)
        for terms in found.values():
            if len(terms) > 1:
                terms.sort(key=str)
        return found

    def _name(self, term: Term, prefix: str) -> str | None:
        namespace = self.view.names.prefixes[prefix]
        if isinstance(term, NamedNode) and term.value.startswith(namespace):
            return term.value.removeprefix(namespace)
        return None

    def _problem(self, message: str) -> None:
        self.problems.append(message)


Reader = Callable[[Node], Fields]

_NAMES: dict[type[Plain], str] = {
    bool: "true or false",
    int: "a whole number",
    Decimal: "a number",
    datetime.date: "a date",
    datetime.datetime: "a time",
    str: "a text",
}


def in_order(name: str) -> list[tuple[str, int]]:
    """A key by which ``…#member2`` comes before ``…#member10``."""
    return [(text, int(digits or 0)) for text, digits in re.findall(r"([^0-9]*)([0-9]*)", name)]


def _plain(term: Literal) -> Plain | None:
    """The value of a literal; None where its text is not of its type."""
    kind = term.datatype.value.rpartition("#")[2]
    try:
        return _READERS[kind](term.value) if kind in _READERS else term.value
    except (ValueError, ArithmeticError):
        return None


def _number(text: str) -> int | Decimal:
    return Decimal(text) if "." in text else int(text)


_READERS: dict[str, Callable[[str], Plain]] = {
    "boolean": lambda text: text in ("true", "1"),
    "integer": int,
    "decimal": _number,
    "double": Decimal,
    "float": Decimal,
    "date": datetime.date.fromisoformat,
    "dateTime": datetime.datetime.fromisoformat,
}


def without_none(value: Any) -> Any:
    """The same fields without those that are None, at every depth."""
    if isinstance(value, dict):
        return {key: without_none(part) for key, part in value.items() if part is not None}
    return [without_none(part) for part in value] if isinstance(value, list) else value
