"""One JSON document for each record that the REST layer serves, written from the graph.

Every document has ``id`` (its slug), ``iri``, ``type`` and ``label``; every figure in it names
its source. ``facets`` are what lists can be filtered and sorted by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pyoxigraph import NamedNode

from kg.catalogue.claims import claim_entry, contradiction_entry
from kg.catalogue.entry import Entry
from kg.catalogue.policies import policy_entry
from kg.catalogue.sources import source_entry
from kg.catalogue.things import chip_entry, firm_entry
from kg.catalogue.view import View


def _contradictions(view: View) -> list[NamedNode]:
    return view.subjects("ct:linkType", view.names.expand("con:contradicts"))


Select = Callable[[View], Iterable[NamedNode]]
Write = Callable[[View, NamedNode, str], Entry]


def _of(*classes: str) -> Select:
    def select(view: View) -> list[NamedNode]:
        found = {node.value: node for name in classes for node in view.instances(f"ct:{name}")}
        return [found[iri] for iri in sorted(found)]

    return select


COLLECTIONS: dict[str, tuple[Select, Write]] = {
    "chips": (_of("Chip", "ComputeSystem"), chip_entry),
    "firms": (_of("Company", "GovernmentBody"), firm_entry),
    "policies": (
        _of("Instrument", "Rule", "Policy", "RegulatoryAction", "PolicyProposal", "Investigation"),
        policy_entry,
    ),
    "claims": (_of("Claim"), claim_entry),
    "sources": (_of("SourceDocument", "UpstreamReport", "Reference", "Evidence"), source_entry),
    "contradictions": (_contradictions, contradiction_entry),
}
"""Collection → which nodes it lists, and how the document of one is written."""


def entries(view: View) -> Iterator[Entry]:
    """Every entry of every collection."""
    for collection, (select, write) in COLLECTIONS.items():
        for node in select(view):
            yield write(view, node, collection)
