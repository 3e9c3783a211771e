"""A graph read node by node, with plain Python values: what documents are written from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, cast

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, QuerySolutions, Store, Triple

from kg.mapping import RDF_TYPE
from kg.namespaces import Namespaces
from kg.resources import query

Term = NamedNode | BlankNode | Literal | Triple
Json = dict[str, Any]
Row = dict[str, NamedNode | Literal]

_DEFAULT = DefaultGraph()


@dataclass(frozen=True)
class Kind:
    """A class of our vocabulary; ``broader``: the ids of its direct superclasses in it."""

    id: str
    label: str
    description: str
    broader: tuple[str, ...]


class View:
    """A graph of a store: by default its merged one; with ``graph`` None all graphs together."""

    def __init__(
        self, store: Store, names: Namespaces, graph: DefaultGraph | NamedNode | None = _DEFAULT
    ) -> None:
        self.store, self.names, self._graph = store, names, graph
        self._labels: dict[str, str] = {}
        self._slugs: dict[str, str] = {}
        self._predicates: dict[str, NamedNode] = {}
        self._lineages: dict[str, tuple[Kind, ...]] = {}

    @cached_property
    def as_of(self) -> str:
        """The day that "today" means in this data; empty where it does not say."""
        return str(self.value(self.names.expand("g:dataset"), "ct:asOf") or "")

    def instances(self, curie: str) -> Iterator[NamedNode]:
        """The nodes of exactly one class, in the order of their IRIs."""
        quads = self.store.quads_for_pattern(None, RDF_TYPE, self.names.expand(curie), self._graph)
        nodes = {quad.subject for quad in quads if isinstance(quad.subject, NamedNode)}
        return iter(sorted(nodes, key=lambda node: node.value))

    def typed(self) -> Iterator[tuple[NamedNode, str]]:
        """Every named node with the IRI of each of its classes."""
        for quad in self.store.quads_for_pattern(None, RDF_TYPE, None, self._graph):
            if isinstance(quad.subject, NamedNode) and isinstance(quad.object, NamedNode):
                yield quad.subject, quad.object.value

    def triples(
        self,
        subject: NamedNode | BlankNode | None = None,
        predicate: NamedNode | None = None,
        value: Term | None = None,
    ) -> Iterator[Triple]:
        quads = self.store.quads_for_pattern(subject, predicate, value, self._graph)
        return (quad.triple for quad in quads)

    def objects(self, subject: NamedNode, curie: str) -> list[Term]:
        quads = self.store.quads_for_pattern(subject, self._predicate(curie), None, self._graph)
        found = {quad.object for quad in quads}
        return sorted(found, key=str) if len(found) > 1 else list(found)

    def subjects(self, curie: str, value: NamedNode) -> list[NamedNode]:
        quads = self.store.quads_for_pattern(None, self._predicate(curie), value, self._graph)
        found = {quad.subject for quad in quads}
        return sorted((s for s in found if isinstance(s, NamedNode)), key=lambda s: s.value)

    def nodes(self, subject: NamedNode, curie: str) -> list[NamedNode]:
        return [term for term in self.objects(subject, curie) if isinstance(term, NamedNode)]

    def node(self, subject: NamedNode, curie: str) -> NamedNode | None:
        return next(iter(self.nodes(subject, curie)), None)

    def values(self, subject: NamedNode, curie: str) -> list[Any]:
        return [plain(term) for term in self.objects(subject, curie) if isinstance(term, Literal)]

    def value(self, subject: NamedNode, curie: str) -> Any:
        return next(iter(self.values(subject, curie)), None)

    def types(self, subject: NamedNode) -> list[str]:
        """Local names of the node's classes in our vocabulary."""
        ours = self.names.prefixes["ct"]
        kinds = self.nodes(subject, "rdf:type")
        return [kind.value.removeprefix(ours) for kind in kinds if kind.value.startswith(ours)]

    def lineage(self, name: str) -> tuple[Kind, ...]:
        """The class with the local name ``name`` and all its superclasses, itself first."""
        if name not in self._lineages:
            found: dict[str, Kind] = {}
            waiting = [name]
            while waiting:
                kind = self._kind(waiting.pop(0))
                found.setdefault(kind.id, kind)
                waiting += [broader for broader in kind.broader if broader not in found]
            self._lineages[name] = tuple(found.values())
        return self._lineages[name]

    def _kind(self, name: str) -> Kind:
        ours = self.names.prefixes["ct"]
        node = NamedNode(ours + name)
        broader = [n.value for n in self.nodes(node, "rdfs:subClassOf")]
        return Kind(
            name,
            self.value(node, "rdfs:label") or name,
            self.value(node, "skos:definition") or "",
            tuple(iri.removeprefix(ours) for iri in broader if iri.startswith(ours)),
        )

    def slug(self, node: NamedNode) -> str:
        """The part of the IRI after its namespace: what the API calls a record by."""
        if node.value not in self._slugs:
            self._slugs[node.value] = self.names.shorten(node.value).partition(":")[2]
        return self._slugs[node.value]

    def label(self, node: NamedNode) -> str:
        if node.value not in self._labels:
            found = self.value(node, "rdfs:label") or self.value(node, "ct:paraphrase")
            self._labels[node.value] = found or self.slug(node)
        return self._labels[node.value]

    def reference(self, node: NamedNode | None) -> Json | None:
        if node is None:
            return None
        return {"id": self.slug(node), "iri": node.value, "label": self.label(node)}

    def references(self, subject: NamedNode, curie: str) -> list[Json]:
        return [ref for node in self.nodes(subject, curie) if (ref := self.reference(node))]

    def select(self, name: str) -> list[Row]:
        """The rows of a SELECT in ``kg/queries``, by variable; unbound ones are left out."""
        text = self.names.sparql_prologue + self.names.rebase(query(name))
        found = cast("QuerySolutions", self.store.query(text))
        names = [variable.value for variable in found.variables]
        return [{name: row[name] for name in names if row[name] is not None} for row in found]

    def _predicate(self, curie: str) -> NamedNode:
        if curie not in self._predicates:
            self._predicates[curie] = self.names.expand(curie)
        return self._predicates[curie]


def plain(term: Literal) -> Any:
    """A literal as JSON would have it: numbers, booleans, and text for everything else."""
    kind = term.datatype.value.rpartition("#")[2]
    if kind == "boolean":
        return term.value == "true"
    if kind == "integer":
        return int(term.value)
    if kind == "decimal":
        number = Decimal(term.value)
        return int(number) if number == number.to_integral_value() else float(number)
    return term.value
