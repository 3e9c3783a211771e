"""Articles, reports, references and evidence, read back from the graph."""

from __future__ import annotations

from kg.recovery.core import DATE, Fields, Node


def published(node: Node, when: str = "ct:published") -> Fields | None:
    """An interval of days and how it is known; ``when``: what its three properties begin with."""
    interval = {
        "earliest": node.value(f"{when}Earliest", DATE),
        "latest": node.value(f"{when}Latest", DATE),
        "basis": node.slug(f"{when}Basis", "con"),
    }
    return interval if any(interval.values()) else None


def article(node: Node) -> Fields:
    day = published(node)
    return {
        "id": node.name("src"),
        "graph": node.slug("ct:claimGraph", "g"),
        "title": node.text("dct:title"),
        "publisher": node.slug("dct:publisher", "id"),
        "author": node.text("dct:creator"),
        "url": node.only("schema:url", node.addresses("schema:url")),
        "language": node.value("dct:language"),
        "file": node.value("dct:identifier"),
        "sha256": node.value("ct:sha256"),
        "length": node.value("ct:characterCount", (int,)),
        "published": day and {**day, "reason": node.text("ct:publishedReason")},
        "reliability": _grade(node),
        "reliability_reason": node.text("ct:reliabilityReason"),
        "note": node.text("rdfs:comment"),
    }


def report(node: Node) -> Fields:
    return {
        "id": node.name("src"),
        "title": node.text("dct:title"),
        "publisher": node.slug("dct:publisher", "id"),
        "date": node.value("dct:date", DATE),
        "note": node.text("rdfs:comment"),
    }


def reference(node: Node) -> Fields:
    return {
        "id": node.name("src"),
        "title": node.text("dct:title"),
        "where": node.text("ct:location"),
        "urls": _addresses(node),
        "reliability": _grade(node),
        "note": node.text("rdfs:comment"),
    }


def evidence(node: Node) -> Fields:
    return {
        "id": node.name("ev"),
        "date": node.value("dct:date"),
        "fact": node.text("rdfs:comment"),
        "kind": node.slugs("ct:evidenceKind", "con"),
        "urls": _addresses(node),
        "verification": node.text("ct:verification"),
    }


def _addresses(node: Node) -> list[str]:
    return node.addresses("schema:url") + node.addresses("rdfs:seeAlso")


def _grade(node: Node) -> str | None:
    """``con:admiralty-f`` → F."""
    grade = node.slug("ct:reliability", "con")
    return grade and grade.removeprefix("admiralty-").upper()
