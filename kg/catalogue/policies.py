"""Documents of instruments, rules and other measures."""

from __future__ import annotations

from pyoxigraph import NamedNode

from kg.catalogue.entry import (
    Entry,
    Facet,
    citations,
    compact,
    entity_head,
    ids,
    inverse,
    make_entry,
)
from kg.catalogue.view import View

_POLICY_DATES = (
    "announced",
    "published",
    "effective",
    "compliance",
    "notEnforced",
    "suspended",
    "reinstated",
    "expired",
    "effectiveFrom",
    "effectiveTo",
)


def policy_entry(view: View, node: NamedNode, collection: str) -> Entry:
    dates = {name: view.value(node, f"ct:{name}") for name in _POLICY_DATES}
    document = compact(
        {
            **entity_head(view, node),
            "jurisdiction": view.reference(view.node(node, "ct:jurisdiction")),
            "authority": view.references(node, "ct:authority"),
            "kind": view.reference(view.node(node, "ct:instrumentKind")),
            "citations": view.values(node, "ct:citation"),
            "paragraph": view.value(node, "ct:paragraph"),
            "activity": view.references(node, "ct:activity"),
            "hedge": view.reference(view.node(node, "ct:hedge")),
            "dates": compact(dates),
            "instrument": view.reference(view.node(node, "ct:partOf")),
            "rules": inverse(view, node, "ct:partOf"),
            "products": view.references(node, "ct:coversProduct"),
            "destinations": view.references(node, "ct:destination"),
            "conditions": _conditions(view, node, "ct:anyOf"),
            "exclusions": _conditions(view, node, "ct:exclusion"),
            "requirement": view.reference(view.node(node, "ct:requirement")),
            "review": view.reference(view.node(node, "ct:reviewPolicy")),
            "preconditions": [view.label(n) for n in view.nodes(node, "ct:precondition")],
            "relaxes": view.references(node, "ct:relaxes"),
            "amends": view.references(node, "ct:amends"),
            "based_on": citations(view, node, "ct:basedOn"),
        }
    )
    facets: dict[str, list[Facet]] = {
        "type": [document["type"]],
        "jurisdiction": ids([document.get("jurisdiction")]),
        "authority": ids(document.get("authority", [])),
        "activity": ids(document.get("activity", [])),
        "instrument": ids([document.get("instrument")]),
        "product": ids(document.get("products", [])),
        "requirement": ids([document.get("requirement")]),
    }
    start = dates["effectiveFrom"] or dates["effective"] or dates["announced"]
    facets["effective"] = [start] if start else []
    return make_entry(
        collection, document, facets, (start, dates["effectiveTo"] or dates["expired"])
    )


_LIMITS = {
    "minInclusive": ">=",
    "minExclusive": ">",
    "maxInclusive": "<=",
    "maxExclusive": "<",
    "equals": "=",
}


def _conditions(view: View, node: NamedNode, curie: str) -> list[list[str]]:
    """Condition groups as they read: any of the groups, all of its conditions."""
    return [
        [_condition(view, condition) for condition in view.nodes(group, "ct:allOf")]
        for group in view.nodes(node, curie)
    ]


def _condition(view: View, node: NamedNode) -> str:
    metric = view.node(node, "ct:metric")
    name = view.slug(metric) if metric else "?"
    limits = [(sign, view.value(node, f"ct:{name}")) for name, sign in _LIMITS.items()]
    return " and ".join(f"{name} {sign} {limit}" for sign, limit in limits if limit is not None)
