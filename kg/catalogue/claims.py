"""Documents of claims with their whole provenance."""

from __future__ import annotations

from pyoxigraph import NamedNode

from kg.catalogue.entry import (
    Entry,
    Facet,
    citation,
    compact,
    days,
    head,
    ids,
    make_entry,
)
from kg.catalogue.view import Json, View


def claim_entry(view: View, node: NamedNode, collection: str) -> Entry:
    verdicts = [_verdict(view, a) for a in view.subjects("ct:assesses", node)]
    valid = (view.value(node, "ct:validFrom"), view.value(node, "ct:validTo"))
    recorded = (view.value(node, "ct:recordedFrom"), view.value(node, "ct:recordedTo"))
    document = compact(
        {
            **head(view, node),
            "type": "ExternalClaim" if "ExternalClaim" in view.types(node) else "Claim",
            "paraphrase": view.value(node, "ct:paraphrase"),
            **_content(view, node),
            **_provenance(view, node),
            "valid": compact({"from": valid[0], "to": valid[1]} | _precision(view, node)),
            "recorded": compact({"from": recorded[0], "to": recorded[1]}),
            "end_reason": view.reference(view.node(node, "ct:endReason")),
            "superseded_by": view.reference(view.node(node, "ct:supersededBy")),
            "rank": view.reference(view.node(node, "ct:rank")),
            "current": view.reference(view.node(node, "ct:currentBasis")),
            "verdicts": verdicts,
            "links": [_link_reference(view, n) for n in view.subjects("ct:member", node)],
            "note": " ".join(view.values(node, "rdfs:comment")) or None,
        }
    )
    facets = _claim_facets(document) | _source_facets(view, node)
    return make_entry(collection, document, facets, valid, recorded)


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
    return compact(
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
        "source": citation(view, document) if document else None,
        "span": _span(view, span) if span else None,
        "upstream": citation(view, upstream) if upstream else None,
        "corrects": view.reference(view.node(node, "ct:corrects")),
        "stated": compact(
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
    return compact(
        {
            "iri": node.value,
            "start": view.value(selector, "oa:start") if selector else None,
            "end": view.value(selector, "oa:end") if selector else None,
            "sha256_16": view.value(node, "ct:passageHash"),
        }
    )


def _verdict(view: View, node: NamedNode) -> Json:
    return compact(
        {
            "iri": node.value,
            "verdict": view.reference(view.node(node, "ct:verdict")),
            "scope": view.reference(view.node(node, "ct:verdictScope")),
            "reason": " ".join(view.values(node, "rdfs:comment")) or None,
            "corrected_by": view.reference(view.node(node, "ct:correctedBy")),
            "evidence": [
                citation(view, e) | {"fact": " ".join(view.values(e, "rdfs:comment"))}
                for e in view.nodes(node, "ct:evidence")
            ],
        }
    )


def _link_reference(view: View, node: NamedNode) -> Json:
    kind = view.node(node, "ct:linkType")
    return compact(
        {
            "id": link_slug(view, node),
            "type": view.slug(kind) if kind else None,
            "strict": view.value(node, "ct:strict"),
            "claims": [view.slug(member) for member in view.nodes(node, "ct:member")],
            "comment": " ".join(view.values(node, "rdfs:comment")),
        }
    )


def link_slug(view: View, node: NamedNode) -> str:
    return view.slug(node).removeprefix("link-")


def _claim_facets(document: Json) -> dict[str, list[Facet]]:
    single = ("subject", "property", "object", "hedge", "polarity", "speaker", "source", "rank")
    facets: dict[str, list[Facet]] = {key: ids([document.get(key)]) for key in single}
    facets["type"] = [document["type"]]
    facets["upstream"] = ids([document.get("upstream")])
    facets["origin"] = facets["upstream"] or facets["source"]
    facets["about"] = facets["subject"] + facets["object"]
    facets["current"] = ids([document.get("current")])
    stated, valid = document.get("stated", {}), document.get("valid", {})
    facets["stated"] = days([stated.get("latest")])
    facets["valid_from"] = days([valid.get("from")])
    facets["valid_to"] = days([valid.get("to")])
    facets["corrects"] = ids([document.get("corrects")])
    facets["link"] = [link["type"] for link in document.get("links", []) if "type" in link]
    return facets | _chain(document) | _verdicts(document) | _quantities(document)


def _chain(document: Json) -> dict[str, list[Facet]]:
    """``agent`` is anybody in it; ``originator`` and ``publisher`` its ends."""
    steps = document.get("attribution", [])
    facets = {"agent": ids(step.get("agent") for step in steps)}
    for role in ("originator", "publisher"):
        facets[role] = ids(step.get("agent") for step in steps if role in step["roles"])
    return facets


def _verdicts(document: Json) -> dict[str, list[Facet]]:
    verdicts = document.get("verdicts", [])
    return {
        "checked": [bool(verdicts)],
        "verdict": ids(verdict.get("verdict") for verdict in verdicts),
        "verdict_scope": ids(verdict.get("scope") for verdict in verdicts),
        "evidence": ids(item for verdict in verdicts for item in verdict.get("evidence", [])),
    }


def _quantities(document: Json) -> dict[str, list[Facet]]:
    """``quantity``: both ends, where they are numbers; ``day``: where they are dates."""
    quantity = document.get("quantity", {})
    ends = [quantity[end] for end in ("low", "high") if end in quantity]
    return {
        "unit": ids([quantity.get("unit")]),
        "quantity": [end for end in ends if not isinstance(end, str)],
        "day": days(end for end in ends if isinstance(end, str)),
    }


def _source_facets(view: View, node: NamedNode) -> dict[str, list[Facet]]:
    grades = (view.references(d, "ct:reliability") for d in view.nodes(node, "ct:inDocument"))
    return {"reliability": [grade for found in grades for grade in ids(found)]}
