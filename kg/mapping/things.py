"""Entities, firms and chips with their figures: ``g:entities`` and ``g:measurements``."""

from __future__ import annotations

from collections.abc import Iterable

from pyoxigraph import Literal, NamedNode

from kg.mapping.core import Context, Output, Value, Writer, english, ids, literal, maybe
from kg.records import (
    Chip,
    Entity,
    Figure,
    Firm,
    Listing,
    Ownership,
    Record,
)


def _named(entity: Entity) -> dict[str, Value | Iterable[Value]]:
    other_names = [
        Literal(name, language=language)
        for language, names in entity.names.items()
        for name in names
    ]
    return {
        "a": f"ct:{entity.class_}",
        "rdfs:label": english(entity.label),
        "skos:altLabel": other_names,
        "ct:alias": [Literal(alias) for alias in entity.aliases],
        "ct:isoCode": None if entity.iso is None else Literal(entity.iso),
        "ct:partOf": maybe("id", entity.part_of),
        "rdfs:comment": english(entity.note),
        "dct:source": ids("src", entity.sources),
    }


def _entity(entity: Entity, out: Output, _: Context) -> None:
    out.node(f"id:{entity.id}", "entities", _named(entity))


def _firm(firm: Firm, out: Output, _: Context) -> None:
    identifiers = firm.identifiers
    owners = [_ownership(firm, i, owner, out) for i, owner in enumerate(firm.owners, 1)]
    for number, listing in enumerate(firm.listings, 1):
        _listing(firm, number, listing, out)
    # A search that found something says no more than the rows that it found.
    checked = (
        firm.listing_checked if firm.listing_checked and not firm.listing_checked.hits else None
    )
    out.node(
        f"id:{firm.id}",
        "entities",
        {
            **_named(firm),
            "schema:legalName": english(firm.legal_name),
            "ct:country": maybe("id", firm.country),
            "ct:businessRole": ids("con", firm.roles),
            "ct:parent": maybe("id", firm.parent),
            "ct:hasOwnership": owners,
            "ct:wikidataId": [Literal(value) for value in identifiers.wikidata],
            "ct:lei": [Literal(value) for value in identifiers.lei],
            "ct:ticker": [Literal(value) for value in identifiers.ticker],
            "ct:cik": [Literal(value) for value in identifiers.cik],
            "ct:listingCheckedOn": checked.date if checked else None,
            "ct:listingCheckedIn": maybe("src", checked.source) if checked else None,
        },
    )


def _ownership(firm: Firm, number: int, ownership: Ownership, out: Output) -> NamedNode:
    return out.node(
        f"id:{firm.id}#owner{number}",
        "entities",
        {
            "a": "ct:Ownership",
            "ct:owner": f"id:{ownership.owner}",
            "ct:percent": ownership.percent,
            "ct:validFrom": ownership.from_,
            "ct:validTo": ownership.to,
            "dct:source": ids("src", ownership.sources),
        },
    )


def _listing(firm: Firm, number: int, listing: Listing, out: Output) -> None:
    out.node(
        f"id:{firm.id}#listing{number}",
        "entities",
        {
            "a": "ct:ListingEntry",
            "ct:listedParty": f"id:{firm.id}",
            "ct:list": f"con:{listing.list_}",
            "ct:listedName": Literal(listing.name),
            "ct:country": maybe("id", listing.country),
            "ct:citation": [Literal(citation) for citation in listing.citations],
            "ct:licenceRequirementText": english(listing.requirement),
            "ct:reviewPolicyText": english(listing.review),
            "ct:listedFrom": listing.listed_from,
            "ct:listedTo": listing.listed_to,
            "dct:source": ids("src", listing.sources or firm.sources),
        },
    )


def _chip(chip: Chip, out: Output, _: Context) -> None:
    out.node(
        f"id:{chip.id}",
        "entities",
        {
            **_named(chip),
            "ct:manufacturer": f"id:{chip.maker}",
            "ct:designedIn": maybe("id", chip.designer_country),
            "ct:productKind": f"con:{chip.kind}",
            "ct:configurationOf": maybe("id", chip.configuration_of),
            "ct:variantOf": maybe("id", chip.variant_of),
            "ct:fabricatedBy": ids("id", chip.foundry),
            "ct:dataGrade": None if chip.grade is None else f"con:grade-{chip.grade}",
        },
    )
    rivals: dict[str, int] = {}
    for figure in chip.figures:
        rivals[figure.metric] = rivals.get(figure.metric, 0) + 1
        _figure(chip, figure, rivals[figure.metric], out)


def measurement_name(chip: str, metric: str, number: int) -> str:
    """CURIE of the ``number``-th (from 1) measurement of a metric of a chip."""
    return f"id:{chip}#{metric}" + (f".{number}" if number > 1 else "")


def _figure(chip: Chip, figure: Figure, number: int, out: Output) -> None:
    value = figure.value
    out.node(
        measurement_name(chip.id, figure.metric, number),
        "measurements",
        {
            "a": "ct:Measurement",
            "ct:of": f"id:{chip.id}",
            "ct:metric": f"con:{figure.metric}",
            "ct:value": None if value is None else literal(value),
            "ct:low": figure.low,
            "ct:high": figure.high,
            "ct:unit": maybe("unit", figure.unit),
            "dct:source": maybe("src", figure.source),
            "ct:status": f"con:{figure.status}",
            "rdfs:comment": english(figure.note),
        },
    )


THING_WRITERS: dict[type[Record], Writer] = {
    Entity: _entity,
    Firm: _firm,
    Chip: _chip,
}
