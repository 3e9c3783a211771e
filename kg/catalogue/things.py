"""Documents of chips, with every figure and its source, and of firms."""

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
            "markets": _markets(view, node),
            "requirements": _requirements(view, node),
            "grade": view.reference(view.node(node, "ct:dataGrade")),
            "figures": figures,
        }
    )
    keys = ("maker", "kind", "configuration_of", "variant_of", "grade")
    facets: dict[str, list[Facet]] = {key: ids([document.get(key)]) for key in keys}
    facets["type"] = [document["type"]]
    facets["country"] = ids([document.get("designed_in")])
    facets["foundry"] = ids(document.get("foundries", []))
    facets["market"] = ids(document.get("markets", []))
    for place, requirement in document.get("requirements", {}).items():
        facets[f"requirement_{place.lower()}"] = [requirement]
    for figure in figures:
        if "value" in figure:
            name = figure["metric"]["id"].replace("-", "_")
            facets.setdefault(name, []).append(figure["value"])
    return make_entry(collection, document, facets)


def _markets(view: View, node: NamedNode) -> list[Json]:
    """What the chip is said to be made for: claims say so, each of them named."""
    claims = view.subjects("ct:subject", node)
    said = [c for c in claims if view.names.expand("ct:designedForMarket") in _property(view, c)]
    found: dict[str, Json] = {}
    for claim in said:
        for market in view.references(claim, "ct:object"):
            found.setdefault(market["id"], market | {"claims": []})["claims"].append(
                view.slug(claim)
            )
    return [found[name] for name in sorted(found)]


def _property(view: View, claim: NamedNode) -> list[NamedNode]:
    return view.nodes(claim, "ct:property")


def _requirements(view: View, node: NamedNode) -> Json:
    """ISO code of a destination → what the rules require on the day that the data is of."""
    today = view.as_of
    found: dict[str, str] = {}
    for status in view.subjects("ct:chip", node):
        start, end = view.value(status, "ct:validFrom"), view.value(status, "ct:validTo")
        requirement = view.node(status, "ct:requirement")
        if requirement and (start or "") <= today <= (end or "9999"):
            for place in view.nodes(status, "ct:destination"):
                if code := view.value(place, "ct:isoCode"):
                    found[code] = view.slug(requirement)
    return dict(sorted(found.items()))


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
        "owner": ids(stake.get("owner") for stake in document.get("owners", [])),
        "listed": [bool(listings)],
        "list": ids(listing.get("list") for listing in listings),
        "listed_from": days(listing.get("from") for listing in listings),
        "chip": ids(document.get("chips", [])),
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
