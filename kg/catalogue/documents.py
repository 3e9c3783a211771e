"""One JSON document for each record that the REST layer serves, written from the graph.

Every document has ``id`` (its slug), ``iri``, ``type`` and ``label``; every figure in it names
its source. ``facets`` are what lists can be filtered and sorted by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from pyoxigraph import NamedNode

from kg.catalogue.claims import claim_entry
from kg.catalogue.contradictions import contradictions
from kg.catalogue.description import Descriptions, closed_claims
from kg.catalogue.entities import concept_entry, entity_entry
from kg.catalogue.entry import Entry
from kg.catalogue.policies import policy_entry
from kg.catalogue.sources import source_entry
from kg.catalogue.things import chip_entry, firm_entry
from kg.catalogue.timeline import timeline
from kg.catalogue.view import View


def _concepts(view: View) -> Iterator[NamedNode]:
    return view.instances("skos:Concept")


Select = Callable[[View], Iterable[NamedNode]]
Write = Callable[[View, NamedNode, str], Entry]
List = Callable[[View, str], Iterable[Entry]]


def _of(*classes: str) -> Select:
    def select(view: View) -> list[NamedNode]:
        found = {node.value: node for name in classes for node in view.instances(f"ct:{name}")}
        return [found[iri] for iri in sorted(found)]

    return select


def _entities(view: View) -> list[NamedNode]:
    """Things with a name of their own that are in none of the other collections."""
    ours, things = view.names.prefixes["ct"], view.names.prefixes["id"]
    elsewhere = {node.value for select in (_CHIPS, _FIRMS, _POLICIES) for node in select(view)}
    found = {
        node.value: node
        for node, kind in view.typed()
        if node.value.startswith(things)
        and "#" not in node.value
        and kind.startswith(ours)
        and node.value not in elsewhere
    }
    return [found[iri] for iri in sorted(found)]


_CHIPS = _of("Chip", "ComputeSystem")
_FIRMS = _of("Company", "GovernmentBody")
_POLICIES = _of(
    "Instrument", "Rule", "Policy", "RegulatoryAction", "PolicyProposal", "Investigation"
)


def _each(select: Select, write: Write) -> List:
    """Lists whose entries are of one node each."""
    return lambda view, collection: (write(view, node, collection) for node in select(view))


def _claims(view: View, collection: str) -> Iterator[Entry]:
    """The claims, and the closed ones, which stand in a graph apart."""
    yield from (claim_entry(view, node, collection) for node in _of("Claim")(view))
    everywhere = View(view.store, view.names, None)
    for node in closed_claims(view):
        yield claim_entry(everywhere, node, collection)


COLLECTIONS: dict[str, List] = {
    "chips": _each(_CHIPS, chip_entry),
    "firms": _each(_FIRMS, firm_entry),
    "policies": _each(_POLICIES, policy_entry),
    "claims": _claims,
    "sources": _each(
        _of("SourceDocument", "UpstreamReport", "Reference", "Evidence"), source_entry
    ),
    "contradictions": contradictions,
    "timeline": timeline,
    "entities": _each(_entities, entity_entry),
    "concepts": _each(_concepts, concept_entry),
}
"""Collection → how its entries are written from the graph."""


def entries(view: View) -> Iterator[Entry]:
    """Every entry of every collection, with its classes, and with what RDF says of it."""
    descriptions = Descriptions(view)
    for collection, write in COLLECTIONS.items():
        for entry in write(view, collection):
            kinds = view.lineage(entry.document["type"])
            yield replace(entry, kinds=kinds, nodes=descriptions.of(entry.document))
