"""Documents of instruments, rules and other measures."""

from __future__ import annotations

from pyoxigraph import NamedNode

from kg.catalogue.entry import (
    Entry,
    Facet,
    citations,
    compact,
    days,
    entity_head,
    ids,
    inverse,
    make_entry,
)
from kg.catalogue.view import Json, View

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
            "product_kinds": view.references(node, "ct:coversProductKind"),
            "makers": view.references(node, "ct:coversMaker"),
            "parties": view.references(node, "ct:coversParty"),
            "lists": view.references(node, "ct:coversList"),
            "destinations": view.references(node, "ct:destination"),
            "except_destinations": view.references(node, "ct:exceptDestination"),
            "headquarters": view.references(node, "ct:endUserHeadquarters"),
            "end_uses": view.references(node, "ct:endUse"),
            "exceptions": _exceptions(view, node),
            "conditions": _conditions(view, node, "ct:anyOf"),
            "exclusions": _conditions(view, node, "ct:exclusion"),
            "requirement": view.reference(view.node(node, "ct:requirement")),
            "review": view.reference(view.node(node, "ct:reviewPolicy")),
            "preconditions": [view.label(n) for n in view.nodes(node, "ct:precondition")],
            "relaxes": view.references(node, "ct:relaxes"),
            "exempts": view.references(node, "ct:exempts"),
            "amends": view.references(node, "ct:amends"),
            "based_on": citations(view, node, "ct:basedOn"),
        }
    )
    facets = _facets(view, node, document)
    start = dates["effectiveFrom"] or dates["effective"] or dates["announced"]
    facets["effective"] = [start] if start else []
    return make_entry(
        collection, document, facets, (start, dates["effectiveTo"] or dates["expired"])
    )


_ONE = ("jurisdiction", "kind", "instrument", "requirement", "review", "hedge")
_SEVERAL = {
    "authority": "authority",
    "activity": "activity",
    "product": "products",
    "product_kind": "product_kinds",
    "maker": "makers",
    "party": "parties",
    "list": "lists",
    "end_use": "end_uses",
    "exception": "exceptions",
    "relaxes": "relaxes",
    "amends": "amends",
    "source": "based_on",
}
"""Field → member of the document; its values are the ids there."""
_DAYS = ("announced", "published", "compliance", "expired")


def _facets(view: View, node: NamedNode, document: Json) -> dict[str, list[Facet]]:
    facets: dict[str, list[Facet]] = {name: ids([document.get(name)]) for name in _ONE}
    facets |= {name: ids(document.get(key, [])) for name, key in _SEVERAL.items()}
    facets["source"] += ids(document.get("sources", []))
    facets["type"] = [document["type"]]
    facets["paragraph"] = [document["paragraph"]] if "paragraph" in document else []
    facets["destination"] = [view.slug(place) for place in _places(view, node)]
    facets |= {name: days([document.get("dates", {}).get(name)]) for name in _DAYS}
    return facets


def _places(view: View, rule: NamedNode) -> list[NamedNode]:
    """Destinations, and for a country group also its members (dates of membership aside)."""
    found = view.nodes(rule, "ct:destination")
    memberships = [m for group in found for m in view.nodes(group, "ct:hasMembership")]
    return [*found, *(place for m in memberships for place in view.nodes(m, "ct:place"))]


def _exceptions(view: View, rule: NamedNode) -> list[Json]:
    found = [view.node(n, "ct:exception") for n in view.nodes(rule, "ct:licenceException")]
    return [reference for node in found if (reference := view.reference(node))]


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
