"""Claims, verdicts and links, read back from the graph."""

from __future__ import annotations

from kg.records import Header
from kg.recovery.core import ANY, DATE, NUMBER_OR_DATE, TIME, Fields, Node
from kg.recovery.sources import published


def header(node: Node) -> Header:
    """What a claim has from its file; of the rest the record itself knows."""
    return Header(source=node.slug("ct:inDocument", "src"))


def claim(node: Node) -> Fields:
    span = node.part("ct:span")
    return {
        **_content(node),
        "hedge": node.slug("ct:hedge", "con"),
        "denied": node.slug("ct:polarity", "con") == "denied",
        "via": _chain(node),
        "span": span and _positions(span),
        "sha256": span and span.value("ct:passageHash"),
        "stated": _stated(node),
        "upstream": node.slug("ct:upstream", "src"),
    }


def external_claim(node: Node) -> Fields:
    return {
        **_content(node),
        "evidence": node.slug("ct:inDocument", "ev"),
        "corrects": node.slug("ct:corrects", "c"),
    }


def _content(node: Node) -> Fields:
    objects = node.slugs_by_prefix("ct:object", "id", "con")
    quantity = node.part("ct:quantity")
    return {
        "id": node.name("c"),
        "paraphrase": node.text("ct:paraphrase"),
        "subject": node.slug("ct:subject", "id"),
        "property": node.slug("ct:property", "ct"),
        "object": node.only("ct:object", objects["id"]),
        "concept": node.only("ct:object", objects["con"]),
        "literal": node.value("ct:literal", ANY),
        "quantity": quantity and _quantity(quantity),
        "valid": {
            "from": node.value("ct:validFrom", DATE),
            "to": node.value("ct:validTo", DATE),
            "precision": node.slug("ct:validPrecision", "con"),
        },
        "record": {
            "from": node.value("ct:recordedFrom", TIME),
            "to": node.value("ct:recordedTo", TIME),
            "superseded_by": node.slug("ct:supersededBy", "c"),
            "reason": node.slug("ct:endReason", "con"),
        },
        "note": node.text("rdfs:comment"),
    }


def _quantity(node: Node) -> Fields:
    return {
        "low": node.value("ct:low", NUMBER_OR_DATE),
        "high": node.value("ct:high", NUMBER_OR_DATE),
        "bound": node.value("ct:bound"),
        "unit": node.slug("ct:unit", "unit"),
    }


def _chain(node: Node) -> list[str | None]:
    """Who passed it on, in the order of the steps."""
    steps = node.parts("ct:attribution")
    steps.sort(key=lambda step: str(step.value("ct:step", (int,))).zfill(9))
    return [step.slug("ct:agent", "id") for step in steps]


def _positions(span: Node) -> str | None:
    selector = span.part("oa:hasSelector")
    if selector is None:
        return None
    return "-".join(str(selector.value(f"oa:{end}", (int,))) for end in ("start", "end"))


def _stated(node: Node) -> Fields | None:
    """When it was said, if that is not simply when the document came out."""
    stated, document = published(node, "ct:stated"), node.part("ct:inDocument")
    return None if document and stated == published(document) else stated


def assessment(node: Node) -> Fields:
    return {
        "claim": node.slug("ct:assesses", "c"),
        "verdict": node.slug("ct:verdict", "con"),
        "scope": node.slug("ct:verdictScope", "con"),
        "evidence": node.slugs("ct:evidence", "ev"),
        "corrected_by": node.slug("ct:correctedBy", "c"),
        "reason": node.text("rdfs:comment"),
    }


def link(node: Node) -> Fields:
    name = node.name("c")
    return {
        "id": name and name.removeprefix("link-"),
        "type": node.slug("ct:linkType", "con"),
        "claims": _members(node),
        "strict": node.value("ct:strict", (bool,)),
        "comment": node.text("rdfs:comment"),
    }


def _members(node: Node) -> list[str]:
    """In the order of the label: which of two claims refines the other stands nowhere else."""
    inside = (node.text("rdfs:label") or "").partition("(")[2].removesuffix(")")
    named, members = inside.split(", "), node.slugs("ct:member", "c")
    return sorted(members, key=lambda name: named.index(name) if name in named else len(named))
