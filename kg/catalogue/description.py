"""What RDF says of records: the triples of ``documents/describe.rq``, read node by node.

The query says what a description is. Asking it of every record, or of many at once, takes the
engine much longer than to look their nodes up; which are their parts is read from the query.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from pyoxigraph import BlankNode, NamedNode, Triple

from kg.catalogue.view import Json, Term, View
from kg.compaction import canonical
from kg.namespaces import Namespaces
from kg.resources import query

_LABELS = 1 << 16
"""Nodes whose labels are remembered."""


def in_the_graph(document: Json) -> list[str]:
    """IRIs of the nodes that the record is about, where it is no node itself.

    Such are what queries found (a contradiction) and what is put together (an event).
    """
    if "record" in document:
        return [document["record"]["iri"]]
    if document["type"] != "Contradiction" or document["kind"] == "curated":
        return [document["iri"]]
    return [part["iri"] for part in document.get("claims") or document["measurements"]]


def closed_claims(view: View) -> list[NamedNode]:
    """Claims that stand in ``g:history`` and no more in ``view``, in the order of their IRIs."""
    live = set(view.instances("ct:Claim"))
    return [node for node in _history(view).instances("ct:Claim") if node not in live]


def _history(view: View) -> View:
    return View(view.store, view.names, view.names.expand("g:history"))


@dataclass(frozen=True)
class Description:
    """What RDF says of records. ``nodes``: IRIs of what they are about, in their order;
    ``texts``: what is said of each, as canonical N-Triples."""

    nodes: list[str]
    texts: list[str]


# Of versions of records (their numbers as JSON) in a revision: each node and its description. A
# version that came later than the revision, but counts from before it, is described as it came.
FIND_DESCRIPTIONS = """
SELECT d.node, d.text FROM json_each(?1) AS asked
CROSS JOIN entry AS e ON e.id = asked.value CROSS JOIN json_each(e.nodes) AS named
CROSS JOIN description AS d ON d.node = named.value
AND d.since <= MAX(e.since, ?2) AND (d.until IS NULL OR d.until > MAX(e.since, ?2))
ORDER BY asked.key, named.key
"""


def packed(text: str) -> bytes:
    return zlib.compress(text.encode())


def unpacked(data: bytes) -> str:
    return zlib.decompress(data).decode()


class Descriptions:
    """Descriptions of nodes, as canonical N-Triples (:func:`kg.compaction.canonical`), packed."""

    def __init__(self, view: View) -> None:
        parts = _Parts.of(view.names)
        self._closed = {node.value for node in closed_claims(view)}
        self._open, self._whole = _Reader(parts, view), _Reader(parts, view, _history(view))
        self._made: dict[str, bytes] = {}

    def of(self, document: Json) -> dict[str, bytes]:
        """The nodes that a record is about, by IRI; closed claims as the history has them."""
        return {iri: self._of_node(iri) for iri in in_the_graph(document)}

    def _of_node(self, iri: str) -> bytes:
        if iri not in self._made:
            reader = self._whole if iri in self._closed else self._open
            self._made[iri] = packed(canonical(reader.lines(NamedNode(iri))))
        return self._made[iri]


@dataclass(frozen=True)
class _Parts:
    """How the query finds parts of a thing and labels: ``paths`` of properties that lead to them,
    ``inverse`` properties that lead from them."""

    paths: tuple[tuple[NamedNode, ...], ...]
    inverse: tuple[NamedNode, ...]
    naming: tuple[NamedNode, ...]

    @classmethod
    def of(cls, names: Namespaces) -> _Parts:
        text = query("documents/describe.rq")

        def named(pattern: str, separator: str) -> tuple[str, ...]:
            return tuple(re.findall(pattern, text)[0].strip().split(separator))

        paths = named(r"\?item (\S+) \?part\b", "|")
        return cls(
            tuple(tuple(map(names.expand, path.split("/"))) for path in paths),
            tuple(map(names.expand, named(r"\?part (\S+) \?item\b", "|"))),
            tuple(map(names.expand, named(r"\?naming {(.+?)}", " "))),
        )


Read = dict[Term, dict[NamedNode, list[Triple]]]
"""Node → predicate → what is said of it."""


class _Reader:
    """Reads descriptions from some views of a store taken together."""

    def __init__(self, parts: _Parts, *views: View) -> None:
        self._parts, self._views = parts, views
        self._labels = lru_cache(_LABELS)(self._labels_of)

    def lines(self, item: NamedNode) -> Iterator[str]:
        """The triples of the description of ``item``, some more than once."""
        read: Read = {}
        for node in {item, *self._parts_of(item, read)}:
            for triples in self._read(node, read).values():
                for triple in triples:
                    yield f"{triple} ."
                    yield from self._labels(triple.object)

    def _parts_of(self, item: NamedNode, read: Read) -> set[Term]:
        """What is read on the way comes to ``read``."""
        found: set[Term] = set()
        for path in self._parts.paths:
            ends: list[Term] = [item]
            for step in path:
                ends = [t.object for node in ends for t in self._read(node, read).get(step, ())]
            found.update(ends)
        for predicate in self._parts.inverse:
            for view in self._views:
                found.update(t.subject for t in view.triples(None, predicate, item))
        return found

    def _read(self, node: Term, read: Read) -> dict[NamedNode, list[Triple]]:
        if node not in read:
            read[node] = self._said(node)
        return read[node]

    def _said(self, node: Term) -> dict[NamedNode, list[Triple]]:
        found: dict[NamedNode, list[Triple]] = {}
        if isinstance(node, NamedNode | BlankNode):
            for triple in (t for view in self._views for t in view.triples(node)):
                found.setdefault(triple.predicate, []).append(triple)
        return found

    def _labels_of(self, node: Term) -> tuple[str, ...]:
        if not isinstance(node, NamedNode | BlankNode):
            return ()
        return tuple(
            f"{triple} ."
            for predicate in self._parts.naming
            for view in self._views
            for triple in view.triples(node, predicate)
        )
