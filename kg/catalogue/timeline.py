"""Events by the time at which they held or happened, each from a record that says so.

One event for each claim with a time, each date of an instrument, each beginning and end of a
rule, of its enforcement and of a listing, each release of a product and each dated fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyoxigraph import NamedNode

from kg.catalogue.entry import (
    Entry,
    Facet,
    citation,
    citations,
    compact,
    days,
    ids,
    make_entry,
)
from kg.catalogue.view import View

INSTRUMENT_DATES = {
    "announced": "announced",
    "published": "published",
    "effective": "effective",
    "compliance": "compliance",
    "notEnforced": "not-enforced",
    "suspended": "suspended",
    "reinstated": "reinstated",
    "expired": "expired",
}
"""Date of an instrument → type of the event."""

_PRECISIONS = {len("2025"): "year", len("2025-12"): "month"}


@dataclass(frozen=True)
class Event:
    """``node`` is the record that says so; ``end`` and ``precision`` where it says them."""

    kind: str
    slug: str
    label: str
    node: NamedNode
    date: str
    end: str | None = None
    precision: str | None = None
    about: tuple[NamedNode, ...] = ()
    sources: tuple[NamedNode, ...] = ()
    recorded: tuple[str | None, str | None] = (None, None)


def timeline(view: View, collection: str) -> Iterator[Entry]:
    """An entry for each event."""
    for find in (_claims, _releases, _rules, _enforcements, _instruments, _listings, _evidence):
        for event in find(view):
            yield _entry(view, event, collection)


def _entry(view: View, event: Event, collection: str) -> Entry:
    hedge = view.reference(view.node(event.node, "ct:hedge"))
    rank = view.reference(view.node(event.node, "ct:rank"))
    about = [view.reference(node) for node in event.about]
    start = str(days([event.date])[0])
    document = compact(
        {
            "id": event.slug,
            "iri": f"{view.names.base}api/timeline/{event.slug}",
            "type": event.kind,
            "label": event.label,
            "date": event.date,
            "end": event.end,
            "precision": event.precision,
            "record": view.reference(event.node),
            "about": about,
            "hedge": hedge,
            "rank": rank,
            "sources": [citation(view, node) for node in event.sources]
            or citations(view, event.node),
        }
    )
    facets: dict[str, list[Facet]] = {
        "type": [event.kind],
        "date": [start],
        "about": ids(about),
        "record": ids([document["record"]]),
        "source": ids(document.get("sources", [])),
        "hedge": ids([hedge]),
        "rank": ids([rank]),
        "speaker": [view.slug(node) for node in view.nodes(event.node, "ct:speaker")],
        "jurisdiction": [view.slug(node) for node in view.nodes(event.node, "ct:jurisdiction")],
        "precision": [event.precision] if event.precision else [],
    }
    return make_entry(collection, document, facets, (start, event.end), event.recorded)


def _in_time(view: View, node: NamedNode) -> tuple[str | None, str | None]:
    return view.value(node, "ct:recordedFrom"), view.value(node, "ct:recordedTo")


def _claims(view: View) -> Iterator[Event]:
    for node in view.instances("ct:Claim"):
        start, end = view.value(node, "ct:validFrom"), view.value(node, "ct:validTo")
        precision = view.node(node, "ct:validPrecision")
        if date := start or end:
            name = view.slug(precision) if precision else None
            yield _of_claim(view, "claim", node, date, end, name)


def _releases(view: View) -> Iterator[Event]:
    """Releases as claimed: a quantity that is a date."""
    for node in view.subjects("ct:property", view.names.expand("ct:releaseDate")):
        for quantity in view.nodes(node, "ct:quantity"):
            low, high = view.value(quantity, "ct:low"), view.value(quantity, "ct:high")
            if date := low or high:
                bound = view.value(quantity, "ct:bound")
                yield _of_claim(view, "release", node, date, high, bound)


def _of_claim(
    view: View, kind: str, node: NamedNode, date: str, end: str | None, precision: str | None
) -> Event:
    about = [*view.nodes(node, "ct:subject"), *view.nodes(node, "ct:object")]
    sources = [*view.nodes(node, "ct:inDocument"), *view.nodes(node, "ct:upstream")]
    return Event(
        kind,
        f"{kind}-{view.slug(node)}",
        view.label(node),
        node,
        date,
        end,
        precision,
        tuple(about),
        tuple(sources),
        _in_time(view, node),
    )


def _rules(view: View) -> Iterator[Event]:
    for rule in view.instances("ct:Rule"):
        for part in view.nodes(rule, "ct:hasInterval") or [rule]:
            start, end = view.value(part, "ct:effectiveFrom"), view.value(part, "ct:effectiveTo")
            if start:
                yield _of_rule(view, "rule-effective", rule, part, (start, end))
            if end:
                yield _of_rule(view, "rule-ended", rule, part, (end, None))


def _of_rule(
    view: View, kind: str, rule: NamedNode, part: NamedNode, dates: tuple[str, str | None]
) -> Event:
    recorded = view.value(rule, "prov:generatedAtTime"), view.value(rule, "prov:invalidatedAtTime")
    return Event(
        kind,
        f"{kind}-{_fragmentless(view, part)}",
        view.label(rule),
        rule,
        *dates,
        about=_rule_about(view, rule),
        sources=tuple(view.nodes(part, "dct:source") or view.nodes(rule, "ct:basedOn")),
        recorded=recorded,
    )


def _rule_about(view: View, rule: NamedNode) -> tuple[NamedNode, ...]:
    curies = (
        "ct:partOf",
        "ct:coversProduct",
        "ct:coversParty",
        "ct:coversMaker",
        "ct:jurisdiction",
    )
    return (rule, *(node for curie in curies for node in view.nodes(rule, curie)))


def _enforcements(view: View) -> Iterator[Event]:
    for rule in view.instances("ct:Rule"):
        for part in view.nodes(rule, "ct:enforcement"):
            start, end = view.value(part, "ct:validFrom"), view.value(part, "ct:validTo")
            state = view.node(part, "ct:enforcementState")
            if state and start:
                yield Event(
                    "enforcement",
                    f"enforcement-{_fragmentless(view, part)}",
                    f"{view.label(rule)}: {view.label(state)}",
                    rule,
                    start,
                    end,
                    about=_rule_about(view, rule),
                    sources=tuple(view.nodes(rule, "ct:basedOn")),
                )


def _instruments(view: View) -> Iterator[Event]:
    for node in view.instances("ct:Instrument"):
        about = [n for c in ("ct:authority", "ct:jurisdiction") for n in view.nodes(node, c)]
        for name, kind in INSTRUMENT_DATES.items():
            if date := view.value(node, f"ct:{name}"):
                slug = f"{kind}-{view.slug(node)}"
                yield Event(kind, slug, view.label(node), node, date, about=(node, *about))


def _listings(view: View) -> Iterator[Event]:
    for node in view.instances("ct:ListingEntry"):
        parties, lists = view.nodes(node, "ct:listedParty"), view.nodes(node, "ct:list")
        end = view.value(node, "ct:listedTo")
        said = f"{view.value(node, 'ct:listedName')}: {', '.join(map(view.label, lists))}"
        about = (*parties, *lists)
        for kind, curie in (("listed", "ct:listedFrom"), ("delisted", "ct:listedTo")):
            if date := view.value(node, curie):
                slug = f"{kind}-{_fragmentless(view, node)}"
                until = end if kind == "listed" else None
                yield Event(kind, slug, f"{said} ({kind})", node, date, until, about=about)


def _evidence(view: View) -> Iterator[Event]:
    for node in view.instances("ct:Evidence"):
        if date := view.value(node, "dct:date"):
            yield Event(
                "evidence",
                f"evidence-{view.slug(node)}",
                " ".join(view.values(node, "rdfs:comment")) or view.label(node),
                node,
                date,
                precision=_PRECISIONS.get(len(date)),
                about=_shown(view, node),
                sources=(node,),
            )


def _shown(view: View, evidence: NamedNode) -> tuple[NamedNode, ...]:
    """What the claims are about that rest on the evidence, or were checked against it."""
    claims = {n.value: n for n in view.subjects("ct:inDocument", evidence)}
    for assessment in view.subjects("ct:evidence", evidence):
        claims |= {n.value: n for n in view.nodes(assessment, "ct:assesses")}
    found = _subjects(view, claims.values())
    return tuple(found[iri] for iri in sorted(found))


def _subjects(view: View, claims: Iterable[NamedNode]) -> dict[str, NamedNode]:
    return {
        node.value: node
        for claim in claims
        for curie in ("ct:subject", "ct:object")
        for node in view.nodes(claim, curie)
    }


def _fragmentless(view: View, node: NamedNode) -> str:
    """A slug that can stand in an address: of a part, with a hyphen before its fragment."""
    return view.slug(node).replace("#", "-")
