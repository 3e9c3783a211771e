"""Documents of what no other collection holds: places, persons, groups; and concepts."""

from __future__ import annotations

from pyoxigraph import NamedNode

from kg.catalogue.entry import (
    Entry,
    Facet,
    citations,
    compact,
    entity_head,
    head,
    ids,
    inverse,
    make_entry,
)
from kg.catalogue.view import Json, View


def entity_entry(view: View, node: NamedNode, collection: str) -> Entry:
    document = compact(
        {
            **entity_head(view, node),
            "iso": view.value(node, "ct:isoCode"),
            "part_of": view.reference(view.node(node, "ct:partOf")),
            "parts": inverse(view, node, "ct:partOf"),
            "located_in": view.reference(view.node(node, "ct:locatedIn")),
            "affiliated_with": view.references(node, "ct:affiliatedWith"),
            "members": [_membership(view, n) for n in view.nodes(node, "ct:hasMembership")],
        }
    )
    facets: dict[str, list[Facet]] = {
        "type": [document["type"]],
        "part_of": ids([document.get("part_of")]),
        "located_in": ids([document.get("located_in")]),
        "member": ids(member.get("place") for member in document.get("members", [])),
        "iso": [document["iso"]] if "iso" in document else [],
    }
    return make_entry(collection, document, facets)


def _membership(view: View, node: NamedNode) -> Json:
    return compact(
        {
            "place": view.reference(view.node(node, "ct:place")),
            "from": view.value(node, "ct:validFrom"),
            "to": view.value(node, "ct:validTo"),
            "sources": citations(view, node),
        }
    )


def concept_entry(view: View, node: NamedNode, collection: str) -> Entry:
    document = compact(
        {
            **head(view, node),
            "type": "Concept",
            "names": view.values(node, "skos:altLabel"),
            "definition": view.value(node, "skos:definition"),
            "schemes": view.references(node, "skos:inScheme"),
            "broader": view.references(node, "skos:broader"),
            "unit": view.reference(view.node(node, "ct:metricUnit")),
        }
    )
    facets: dict[str, list[Facet]] = {
        "scheme": ids(document.get("schemes", [])),
        "broader": ids(document.get("broader", [])),
        "unit": ids([document.get("unit")]),
    }
    return make_entry(collection, document, facets)
