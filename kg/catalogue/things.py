"""Documents of chips, with every figure and its source, and of firms."""

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
from kg.catalogue.view import Json, View


def measurement(view: View, node: NamedNode) -> Json:
    unit = view.node(node, "ct:unit")
    status = view.node(node, "ct:status")
    return compact(
        {
            "iri": node.value,
            "metric": view.reference(view.node(node, "ct:metric")),
            "value": view.value(node, "ct:value"),
            "low": view.value(node, "ct:low"),
            "high": view.value(node, "ct:high"),
            "unit": view.slug(unit) if unit else None,
            "status": view.slug(status) if status else None,
            "sources": citations(view, node),
            "computed_from": [n.value for n in view.nodes(node, "prov:wasDerivedFrom")],
            "note": " ".join(view.values(node, "rdfs:comment")) or None,
        }
    )


def chip_entry(view: View, node: NamedNode, collection: str) -> Entry:
    figures = [measurement(view, m) for m in view.subjects("ct:of", node)]
    document = compact(
        {
            **entity_head(view, node),
            "maker": view.reference(view.node(node, "ct:manufacturer")),
            "designed_in": view.reference(view.node(node, "ct:designedIn")),
            "kind": view.reference(view.node(node, "ct:productKind")),
            "configuration_of": view.reference(view.node(node, "ct:configurationOf")),
            "configurations": inverse(view, node, "ct:configurationOf"),
            "variant_of": view.reference(view.node(node, "ct:variantOf")),
            "variants": inverse(view, node, "ct:variantOf"),
            "foundries": view.references(node, "ct:fabricatedBy"),
            "grade": view.reference(view.node(node, "ct:dataGrade")),
            "figures": figures,
        }
    )
    keys = ("maker", "kind", "configuration_of", "variant_of", "grade")
    facets: dict[str, list[Facet]] = {key: ids([document.get(key)]) for key in keys}
    facets["country"] = ids([document.get("designed_in")])
    facets["foundry"] = ids(document.get("foundries", []))
    for figure in figures:
        if isinstance(figure.get("value"), int | float):
            name = figure["metric"]["id"].replace("-", "_")
            facets.setdefault(name, []).append(figure["value"])
    return make_entry(collection, document, facets)


def firm_entry(view: View, node: NamedNode, collection: str) -> Entry:
    listings = [_listing(view, n) for n in view.subjects("ct:listedParty", node)]
    document = compact(
        {
            **entity_head(view, node),
            "legal_name": view.value(node, "schema:legalName"),
            "country": view.reference(view.node(node, "ct:country")),
            "roles": view.references(node, "ct:businessRole"),
            "parent": view.reference(view.node(node, "ct:parent")),
            "owners": [_ownership(view, n) for n in view.nodes(node, "ct:hasOwnership")],
            "identifiers": compact(
                {key: view.values(node, f"ct:{key}") for key in ("lei", "ticker", "cik")}
                | {"wikidata": view.values(node, "ct:wikidataId")}
            ),
            "listings": listings,
            "listing_checked_on": view.value(node, "ct:listingCheckedOn"),
            "chips": inverse(view, node, "ct:manufacturer"),
        }
    )
    facets: dict[str, list[Facet]] = {
        "type": [document["type"]],
        "country": ids([document.get("country")]),
        "role": ids(document.get("roles", [])),
        "parent": ids([document.get("parent")]),
        "listed": [bool(listings)],
    }
    return make_entry(collection, document, facets)


def _ownership(view: View, node: NamedNode) -> Json:
    return compact(
        {
            "owner": view.reference(view.node(node, "ct:owner")),
            "percent": view.value(node, "ct:percent"),
            "from": view.value(node, "ct:validFrom"),
            "to": view.value(node, "ct:validTo"),
            "sources": citations(view, node),
        }
    )


def _listing(view: View, node: NamedNode) -> Json:
    return compact(
        {
            "list": view.reference(view.node(node, "ct:list")),
            "name": view.value(node, "ct:listedName"),
            "country": view.reference(view.node(node, "ct:country")),
            "citations": view.values(node, "ct:citation"),
            "licence_requirement": view.value(node, "ct:licenceRequirementText"),
            "review_policy": view.value(node, "ct:reviewPolicyText"),
            "from": view.value(node, "ct:listedFrom"),
            "to": view.value(node, "ct:listedTo"),
            "sources": citations(view, node),
        }
    )
