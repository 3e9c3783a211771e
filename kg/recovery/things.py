"""Entities, firms and chips with their figures, read back from the graph."""

from __future__ import annotations

from collections.abc import Iterator

from pyoxigraph import NamedNode

from kg.catalogue.view import View
from kg.mapping import RDF_TYPE
from kg.recovery.core import ANY, DATE, NUMBER, NUMBER_OR_DATE, Fields, Node

_NOT_THINGS = {
    "CountryGroup",
    "GroupMembership",
    "Instrument",
    "ListingEntry",
    "Measurement",
    "Ownership",
    "StatusDetermination",
}
"""Classes of nodes that stand in ``id:`` and are other records, or parts of them."""
_CHIPS = {"Chip"}
_FIRMS = {"Company", "GovernmentBody", "Organization"}
_OF_FIRMS = (
    "schema:legalName",
    "ct:country",
    "ct:businessRole",
    "ct:parent",
    "ct:hasOwnership",
    "ct:wikidataId",
    "ct:lei",
    "ct:ticker",
    "ct:cik",
    "ct:listingCheckedOn",
)
"""A thing of any class that has one of these is written down as a firm."""


def things(view: View) -> Iterator[tuple[str, Node]]:
    """Every thing with the kind of record that it is (chips, firms or entities)."""
    for iri, classes in sorted(_classes(view).items()):
        if not classes & _NOT_THINGS and "#" not in iri:
            node = Node(view, NamedNode(iri))
            kind = _kind(node, classes)
            if kind != "entities" or node.has("rdfs:label"):
                yield kind, node


def _classes(view: View) -> dict[str, set[str]]:
    """IRI → local names of its classes, of every node in ``id:``."""
    ours, namespace = (f"<{view.names.prefixes[prefix]}" for prefix in ("ct", "id"))
    found: dict[str, set[str]] = {}
    for quad in view.store.quads_for_pattern(None, RDF_TYPE, None, None):
        node, class_ = str(quad.subject), str(quad.object)
        if node.startswith(namespace) and class_.startswith(ours):
            found.setdefault(node[1:-1], set()).add(class_[len(ours) : -1])
    return found


def _kind(node: Node, classes: set[str]) -> str:
    if classes & _CHIPS or node.has("ct:productKind"):
        return "chips"
    if classes & _FIRMS or any(map(node.has, _OF_FIRMS)) or node.inverse("ct:listedParty"):
        return "firms"
    return "entities"


def entity(node: Node) -> Fields:
    return {
        "id": node.name("id"),
        "class": node.class_(),
        "label": node.text("rdfs:label"),
        "names": node.texts_by_language("skos:altLabel"),
        "aliases": node.values("ct:alias"),
        "iso": node.value("ct:isoCode"),
        "part_of": node.slug("ct:partOf", "id"),
        "note": node.text("rdfs:comment"),
        "sources": node.slugs("dct:source", "src"),
    }


def firm(node: Node) -> Fields:
    return {
        **entity(node),
        "legal_name": node.text("schema:legalName"),
        "country": node.slug("ct:country", "id"),
        "roles": node.slugs("ct:businessRole", "con"),
        "parent": node.slug("ct:parent", "id"),
        "owners": [_ownership(part) for part in node.parts("ct:hasOwnership")],
        "identifiers": {
            "wikidata": node.values("ct:wikidataId"),
            "lei": node.values("ct:lei"),
            "ticker": node.values("ct:ticker"),
            "cik": node.values("ct:cik"),
        },
        "listings": [_listing(row) for row in node.inverse("ct:listedParty")],
        "listing_checked": _listing_checked(node),
    }


def _ownership(node: Node) -> Fields:
    return {
        "owner": node.slug("ct:owner", "id"),
        "percent": node.value("ct:percent", NUMBER),
        "from": node.value("ct:validFrom", DATE),
        "to": node.value("ct:validTo", DATE),
        "sources": node.slugs("dct:source", "src"),
    }


def _listing(row: Node) -> Fields:
    return {
        "list": row.slug("ct:list", "con"),
        "name": row.value("ct:listedName"),
        "country": row.slug("ct:country", "id"),
        "citations": row.values("ct:citation"),
        "requirement": row.text("ct:licenceRequirementText"),
        "review": row.text("ct:reviewPolicyText"),
        "listed_from": row.value("ct:listedFrom", DATE),
        "listed_to": row.value("ct:listedTo", DATE),
        "sources": row.slugs("dct:source", "src"),
    }


def _listing_checked(node: Node) -> Fields | None:
    day = node.value("ct:listingCheckedOn", DATE)
    source = node.slug("ct:listingCheckedIn", "src")
    return None if day is None else {"date": day, "hits": 0, "source": source}


def chip(node: Node) -> Fields:
    grade = node.slug("ct:dataGrade", "con")
    return {
        **entity(node),
        "maker": node.slug("ct:manufacturer", "id"),
        "designer_country": node.slug("ct:designedIn", "id"),
        "kind": node.slug("ct:productKind", "con"),
        "configuration_of": node.slug("ct:configurationOf", "id"),
        "variant_of": node.slug("ct:variantOf", "id"),
        "foundry": node.slugs("ct:fabricatedBy", "id"),
        "grade": grade and grade.removeprefix("grade-"),
        "figures": _figures(node),
    }


def _figures(node: Node) -> list[Fields]:
    """The published figures by metric, rivals in the order of their numbers."""
    figures = [
        _figure(part)
        for part in node.inverse("ct:of")
        if part.slug("ct:status", "con") != "derived"
    ]
    return sorted(figures, key=lambda figure: str(figure["metric"]))


def _figure(node: Node) -> Fields:
    return {
        "metric": node.slug("ct:metric", "con"),
        "value": node.value("ct:value", ANY),
        "low": node.value("ct:low", NUMBER_OR_DATE),
        "high": node.value("ct:high", NUMBER_OR_DATE),
        "unit": node.slug("ct:unit", "unit"),
        "source": node.slug("dct:source", "src"),
        "status": node.slug("ct:status", "con"),
        "note": node.text("rdfs:comment"),
    }
