"""One JSON document for each record that the REST layer serves, written from the graph.

Every document has ``id`` (its slug), ``iri``, ``type`` and ``label``; every figure in it names
its source. ``facets`` are what lists can be filtered and sorted by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from pyoxigraph import NamedNode

from kg.catalogue.view import Json, View

Facet = str | int | float | bool


@dataclass(frozen=True)
class Entry:
    """A document, how lists find it, and the two times that lists are filtered by."""

    collection: str
    slug: str
    document: Json
    facets: dict[str, list[Facet]] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    valid: tuple[str | None, str | None] = (None, None)
    recorded: tuple[str | None, str | None] = (None, None)


def entries(view: View) -> Iterator[Entry]:
    """Every entry of every collection."""
    for collection, (select, write) in COLLECTIONS.items():
        for node in select(view):
            yield write(view, node, collection)


def _compact(document: Json) -> Json:
    """Without the keys that have nothing to say; False and 0 stay."""
    return {k: v for k, v in document.items() if v not in (None, [], {}, "")}


def _head(view: View, node: NamedNode) -> Json:
    types = view.types(node)
    return {
        "id": view.slug(node),
        "iri": node.value,
        "type": types[-1] if types else None,
        "label": view.label(node),
    }


def _ids(references: Iterable[Json | None]) -> list[Facet]:
    return [reference["id"] for reference in references if reference]


def _source(view: View, node: NamedNode) -> Json:
    """A citation: what it is called, where it is, how far it can be relied on."""
    reliability = view.node(node, "ct:reliability")
    return _compact(
        {
            "id": view.slug(node),
            "iri": node.value,
            "label": view.label(node),
            "url": next((n.value for n in view.nodes(node, "schema:url")), None),
            "reliability": view.slug(reliability).upper()[-1] if reliability else None,
        }
    )


def _sources(view: View, node: NamedNode, curie: str = "dct:source") -> list[Json]:
    return [_source(view, source) for source in view.nodes(node, curie)]


# --- chips and firms --------------------------------------------------------------------------


def _entity(view: View, node: NamedNode) -> Json:
    return {
        **_head(view, node),
        "names": view.values(node, "skos:altLabel"),
        "aliases": view.values(node, "ct:alias"),
        "note": " ".join(view.values(node, "rdfs:comment")) or None,
        "sources": _sources(view, node),
        "claims": _claims_about(view, node),
    }


def _claims_about(view: View, node: NamedNode) -> Json:
    as_subject = [view.slug(c) for c in view.subjects("ct:subject", node)]
    as_object = [view.slug(c) for c in view.subjects("ct:object", node)]
    said = [view.slug(c) for c in view.subjects("ct:speaker", node)]
    return _compact({"as_subject": as_subject, "as_object": as_object, "as_speaker": said})


def _measurement(view: View, node: NamedNode) -> Json:
    unit = view.node(node, "ct:unit")
    status = view.node(node, "ct:status")
    return _compact(
        {
            "iri": node.value,
            "metric": view.reference(view.node(node, "ct:metric")),
            "value": view.value(node, "ct:value"),
            "low": view.value(node, "ct:low"),
            "high": view.value(node, "ct:high"),
            "unit": view.slug(unit) if unit else None,
            "status": view.slug(status) if status else None,
            "sources": _sources(view, node),
            "computed_from": [n.value for n in view.nodes(node, "prov:wasDerivedFrom")],
            "note": " ".join(view.values(node, "rdfs:comment")) or None,
        }
    )


def _chip(view: View, node: NamedNode, collection: str) -> Entry:
    figures = [_measurement(view, m) for m in view.subjects("ct:of", node)]
    document = _compact(
        {
            **_entity(view, node),
            "maker": view.reference(view.node(node, "ct:manufacturer")),
            "designed_in": view.reference(view.node(node, "ct:designedIn")),
            "kind": view.reference(view.node(node, "ct:productKind")),
            "configuration_of": view.reference(view.node(node, "ct:configurationOf")),
            "configurations": _inverse(view, node, "ct:configurationOf"),
            "variant_of": view.reference(view.node(node, "ct:variantOf")),
            "variants": _inverse(view, node, "ct:variantOf"),
            "foundries": view.references(node, "ct:fabricatedBy"),
            "grade": view.reference(view.node(node, "ct:dataGrade")),
            "figures": figures,
        }
    )
    keys = ("maker", "kind", "configuration_of", "variant_of", "grade")
    facets: dict[str, list[Facet]] = {key: _ids([document.get(key)]) for key in keys}
    facets["country"] = _ids([document.get("designed_in")])
    facets["foundry"] = _ids(document.get("foundries", []))
    for figure in figures:
        if isinstance(figure.get("value"), int | float):
            name = figure["metric"]["id"].replace("-", "_")
            facets.setdefault(name, []).append(figure["value"])
    return _entry(collection, document, facets)


def _inverse(view: View, node: NamedNode, curie: str) -> list[Json | None]:
    return [view.reference(subject) for subject in view.subjects(curie, node)]


def _firm(view: View, node: NamedNode, collection: str) -> Entry:
    listings = [_listing(view, n) for n in view.subjects("ct:listedParty", node)]
    document = _compact(
        {
            **_entity(view, node),
            "legal_name": view.value(node, "schema:legalName"),
            "country": view.reference(view.node(node, "ct:country")),
            "roles": view.references(node, "ct:businessRole"),
            "parent": view.reference(view.node(node, "ct:parent")),
            "owners": [_ownership(view, n) for n in view.nodes(node, "ct:hasOwnership")],
            "identifiers": _compact(
                {key: view.values(node, f"ct:{key}") for key in ("lei", "ticker", "cik")}
                | {"wikidata": view.values(node, "ct:wikidataId")}
            ),
            "listings": listings,
            "listing_checked_on": view.value(node, "ct:listingCheckedOn"),
            "chips": _inverse(view, node, "ct:manufacturer"),
        }
    )
    facets: dict[str, list[Facet]] = {
        "type": [document["type"]],
        "country": _ids([document.get("country")]),
        "role": _ids(document.get("roles", [])),
        "parent": _ids([document.get("parent")]),
        "listed": [bool(listings)],
    }
    return _entry(collection, document, facets)


def _ownership(view: View, node: NamedNode) -> Json:
    return _compact(
        {
            "owner": view.reference(view.node(node, "ct:owner")),
            "percent": view.value(node, "ct:percent"),
            "from": view.value(node, "ct:validFrom"),
            "to": view.value(node, "ct:validTo"),
            "sources": _sources(view, node),
        }
    )


def _listing(view: View, node: NamedNode) -> Json:
    return _compact(
        {
            "list": view.reference(view.node(node, "ct:list")),
            "name": view.value(node, "ct:listedName"),
            "country": view.reference(view.node(node, "ct:country")),
            "citations": view.values(node, "ct:citation"),
            "licence_requirement": view.value(node, "ct:licenceRequirementText"),
            "review_policy": view.value(node, "ct:reviewPolicyText"),
            "from": view.value(node, "ct:listedFrom"),
            "to": view.value(node, "ct:listedTo"),
            "sources": _sources(view, node),
        }
    )


# --- policies ---------------------------------------------------------------------------------

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


def _policy(view: View, node: NamedNode, collection: str) -> Entry:
    dates = {name: view.value(node, f"ct:{name}") for name in _POLICY_DATES}
    document = _compact(
        {
            **_entity(view, node),
            "jurisdiction": view.reference(view.node(node, "ct:jurisdiction")),
            "authority": view.references(node, "ct:authority"),
            "kind": view.reference(view.node(node, "ct:instrumentKind")),
            "citations": view.values(node, "ct:citation"),
            "paragraph": view.value(node, "ct:paragraph"),
            "activity": view.references(node, "ct:activity"),
            "hedge": view.reference(view.node(node, "ct:hedge")),
            "dates": _compact(dates),
            "instrument": view.reference(view.node(node, "ct:partOf")),
            "rules": _inverse(view, node, "ct:partOf"),
            "products": view.references(node, "ct:coversProduct"),
            "destinations": view.references(node, "ct:destination"),
            "conditions": _conditions(view, node, "ct:anyOf"),
            "exclusions": _conditions(view, node, "ct:exclusion"),
            "requirement": view.reference(view.node(node, "ct:requirement")),
            "review": view.reference(view.node(node, "ct:reviewPolicy")),
            "preconditions": [view.label(n) for n in view.nodes(node, "ct:precondition")],
            "relaxes": view.references(node, "ct:relaxes"),
            "amends": view.references(node, "ct:amends"),
            "based_on": _sources(view, node, "ct:basedOn"),
        }
    )
    facets: dict[str, list[Facet]] = {
        "type": [document["type"]],
        "jurisdiction": _ids([document.get("jurisdiction")]),
        "authority": _ids(document.get("authority", [])),
        "activity": _ids(document.get("activity", [])),
        "instrument": _ids([document.get("instrument")]),
        "product": _ids(document.get("products", [])),
        "requirement": _ids([document.get("requirement")]),
    }
    start = dates["effectiveFrom"] or dates["effective"] or dates["announced"]
    facets["effective"] = [start] if start else []
    return _entry(collection, document, facets, (start, dates["effectiveTo"] or dates["expired"]))


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


# --- sources ----------------------------------------------------------------------------------


def _document(view: View, node: NamedNode, collection: str) -> Entry:
    document = _compact(
        {
            **_head(view, node),
            "publisher": view.reference(view.node(node, "dct:publisher")),
            "author": view.value(node, "dct:creator"),
            "date": view.value(node, "dct:date"),
            "published": _compact(
                {
                    "earliest": view.value(node, "ct:publishedEarliest"),
                    "latest": view.value(node, "ct:publishedLatest"),
                    "basis": view.reference(view.node(node, "ct:publishedBasis")),
                    "reason": view.value(node, "ct:publishedReason"),
                }
            ),
            "urls": [n.value for n in view.nodes(node, "schema:url")],
            "see_also": [n.value for n in view.nodes(node, "rdfs:seeAlso")],
            "location": view.value(node, "ct:location"),
            "identifier": view.value(node, "dct:identifier"),
            "sha256": view.value(node, "ct:sha256"),
            "characters": view.value(node, "ct:characterCount"),
            "reliability": view.reference(view.node(node, "ct:reliability")),
            "reliability_reason": view.value(node, "ct:reliabilityReason"),
            "note": " ".join(view.values(node, "rdfs:comment")) or None,
            "claims": [view.slug(c) for c in view.subjects("ct:inDocument", node)],
            "retold_in": [view.slug(c) for c in view.subjects("ct:upstream", node)],
        }
    )
    facets: dict[str, list[Facet]] = {
        "type": [document["type"]],
        "publisher": _ids([document.get("publisher")]),
        "reliability": _ids([document.get("reliability")]),
    }
    return _entry(collection, document, facets)


# --- claims -----------------------------------------------------------------------------------


def _claim(view: View, node: NamedNode, collection: str) -> Entry:
    verdicts = [_verdict(view, a) for a in view.subjects("ct:assesses", node)]
    valid = (view.value(node, "ct:validFrom"), view.value(node, "ct:validTo"))
    recorded = (view.value(node, "ct:recordedFrom"), view.value(node, "ct:recordedTo"))
    document = _compact(
        {
            **_head(view, node),
            "type": "ExternalClaim" if "ExternalClaim" in view.types(node) else "Claim",
            "paraphrase": view.value(node, "ct:paraphrase"),
            **_content(view, node),
            **_provenance(view, node),
            "valid": _compact({"from": valid[0], "to": valid[1]} | _precision(view, node)),
            "recorded": _compact({"from": recorded[0], "to": recorded[1]}),
            "rank": view.reference(view.node(node, "ct:rank")),
            "current": view.reference(view.node(node, "ct:currentBasis")),
            "verdicts": verdicts,
            "links": [_link_reference(view, n) for n in view.subjects("ct:member", node)],
            "note": " ".join(view.values(node, "rdfs:comment")) or None,
        }
    )
    return _entry(collection, document, _claim_facets(document), valid, recorded)


def _content(view: View, node: NamedNode) -> Json:
    quantity = view.node(node, "ct:quantity")
    return {
        "subject": view.reference(view.node(node, "ct:subject")),
        "property": view.reference(view.node(node, "ct:property")),
        "object": view.reference(view.node(node, "ct:object")),
        "literal": view.value(node, "ct:literal"),
        "quantity": _quantity(view, quantity) if quantity else None,
        "hedge": view.reference(view.node(node, "ct:hedge")),
        "polarity": view.reference(view.node(node, "ct:polarity")),
    }


def _quantity(view: View, node: NamedNode) -> Json:
    return _compact(
        {
            "low": view.value(node, "ct:low"),
            "high": view.value(node, "ct:high"),
            "bound": view.value(node, "ct:bound"),
            "unit": view.reference(view.node(node, "ct:unit")),
        }
    )


def _provenance(view: View, node: NamedNode) -> Json:
    steps = [_step(view, n) for n in view.nodes(node, "ct:attribution")]
    document = view.node(node, "ct:inDocument")
    upstream = view.node(node, "ct:upstream")
    span = view.node(node, "ct:span")
    basis = view.node(node, "ct:statedBasis")
    return {
        "speaker": view.reference(view.node(node, "ct:speaker")),
        "attribution": sorted(steps, key=lambda step: step["step"]),
        "source": _source(view, document) if document else None,
        "span": _span(view, span) if span else None,
        "upstream": _source(view, upstream) if upstream else None,
        "corrects": view.reference(view.node(node, "ct:corrects")),
        "stated": _compact(
            {
                "earliest": view.value(node, "ct:statedEarliest"),
                "latest": view.value(node, "ct:statedLatest"),
                "basis": view.slug(basis) if basis else None,
            }
        ),
    }


def _precision(view: View, node: NamedNode) -> Json:
    precision = view.node(node, "ct:validPrecision")
    return {"precision": view.slug(precision) if precision else None}


def _step(view: View, node: NamedNode) -> Json:
    return {
        "step": view.value(node, "ct:step"),
        "agent": view.reference(view.node(node, "ct:agent")),
        "roles": [view.slug(role) for role in view.nodes(node, "ct:role")],
    }


def _span(view: View, node: NamedNode) -> Json:
    selector = view.node(node, "oa:hasSelector")
    return _compact(
        {
            "iri": node.value,
            "start": view.value(selector, "oa:start") if selector else None,
            "end": view.value(selector, "oa:end") if selector else None,
            "sha256_16": view.value(node, "ct:passageHash"),
        }
    )


def _verdict(view: View, node: NamedNode) -> Json:
    return _compact(
        {
            "iri": node.value,
            "verdict": view.reference(view.node(node, "ct:verdict")),
            "scope": view.reference(view.node(node, "ct:verdictScope")),
            "reason": " ".join(view.values(node, "rdfs:comment")) or None,
            "corrected_by": view.reference(view.node(node, "ct:correctedBy")),
            "evidence": [
                _source(view, e) | {"fact": " ".join(view.values(e, "rdfs:comment"))}
                for e in view.nodes(node, "ct:evidence")
            ],
        }
    )


def _link_reference(view: View, node: NamedNode) -> Json:
    kind = view.node(node, "ct:linkType")
    return _compact(
        {
            "id": _link_slug(view, node),
            "type": view.slug(kind) if kind else None,
            "strict": view.value(node, "ct:strict"),
            "claims": [view.slug(member) for member in view.nodes(node, "ct:member")],
            "comment": " ".join(view.values(node, "rdfs:comment")),
        }
    )


def _link_slug(view: View, node: NamedNode) -> str:
    return view.slug(node).removeprefix("link-")


def _claim_facets(document: Json) -> dict[str, list[Facet]]:
    single = ("subject", "property", "object", "hedge", "polarity", "speaker", "source", "rank")
    facets: dict[str, list[Facet]] = {key: _ids([document.get(key)]) for key in single}
    facets["type"] = [document["type"]]
    facets["upstream"] = _ids([document.get("upstream")])
    facets["origin"] = facets["upstream"] or facets["source"]
    facets["about"] = facets["subject"] + facets["object"]
    facets["verdict"] = [v["verdict"]["id"] for v in document.get("verdicts", []) if "verdict" in v]
    facets["current"] = _ids([document.get("current")])
    facets["stated"] = [document["stated"]["latest"]] if document.get("stated") else []
    return facets


# --- contradictions ---------------------------------------------------------------------------


def _contradiction(view: View, node: NamedNode, collection: str) -> Entry:
    members = [_claim(view, n, "claims").document for n in view.nodes(node, "ct:member")]
    origins = sorted({(m.get("upstream") or m.get("source") or m)["id"] for m in members})
    documents = sorted({m["source"]["id"] for m in members if m.get("source")})
    document = {
        "id": _link_slug(view, node),
        "iri": node.value,
        "type": "Contradiction",
        "label": " ".join(view.values(node, "rdfs:comment")),
        "strict": view.value(node, "ct:strict"),
        "documents": documents,
        "independent_origins": origins,
        "within_one_document": len(documents) == 1,
        "claims": [_side(member) for member in members],
    }
    facets: dict[str, list[Facet]] = {
        "strict": [bool(document["strict"])],
        "within_one_document": [len(documents) == 1],
        "source": list(documents),
        "claim": [member["id"] for member in members],
        "about": sorted({str(i) for member in members for i in _claim_facets(member)["about"]}),
    }
    return _entry(collection, document, facets)


def _side(member: Json) -> Json:
    """What a reader needs of a claim to weigh it against another."""
    keys = ("id", "iri", "paraphrase", "hedge", "polarity", "speaker", "source", "upstream", "rank")
    verdicts = [v["verdict"]["id"] for v in member.get("verdicts", []) if "verdict" in v]
    return _compact({key: member.get(key) for key in keys} | {"verdicts": verdicts})


def _contradictions(view: View) -> list[NamedNode]:
    return view.subjects("ct:linkType", view.names.expand("con:contradicts"))


def _entry(
    collection: str,
    document: Json,
    facets: dict[str, list[Facet]],
    valid: tuple[str | None, str | None] = (None, None),
    recorded: tuple[str | None, str | None] = (None, None),
) -> Entry:
    kept = {name: values for name, values in facets.items() if values}
    aliases: tuple[str, ...] = tuple(document.get("aliases", ()))
    return Entry(collection, document["id"], document, kept, aliases, valid, recorded)


Select = Callable[[View], Iterable[NamedNode]]
Write = Callable[[View, NamedNode, str], Entry]


def _of(*classes: str) -> Select:
    def select(view: View) -> list[NamedNode]:
        found = {node.value: node for name in classes for node in view.instances(f"ct:{name}")}
        return [found[iri] for iri in sorted(found)]

    return select


COLLECTIONS: dict[str, tuple[Select, Write]] = {
    "chips": (_of("Chip"), _chip),
    "firms": (_of("Company", "GovernmentBody"), _firm),
    "policies": (
        _of("Instrument", "Rule", "Policy", "RegulatoryAction", "PolicyProposal", "Investigation"),
        _policy,
    ),
    "claims": (_of("Claim"), _claim),
    "sources": (_of("SourceDocument", "UpstreamReport", "Reference", "Evidence"), _document),
    "contradictions": (_contradictions, _contradiction),
}
"""Collection → which nodes it lists, and how the document of one is written."""
