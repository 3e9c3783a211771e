"""Documents of articles, reports, references and evidence."""

from __future__ import annotations

from pyoxigraph import NamedNode

from kg.catalogue.entry import (
    Entry,
    Facet,
    compact,
    days,
    head,
    ids,
    make_entry,
)
from kg.catalogue.view import View


def source_entry(view: View, node: NamedNode, collection: str) -> Entry:
    document = compact(
        {
            **head(view, node),
            "publisher": view.reference(view.node(node, "dct:publisher")),
            "author": view.value(node, "dct:creator"),
            "date": view.value(node, "dct:date"),
            "published": compact(
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
            "language": view.value(node, "dct:language"),
            "kind": view.reference(view.node(node, "ct:evidenceKind")),
            "verification": view.value(node, "ct:verification"),
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
        "publisher": ids([document.get("publisher")]),
        "reliability": ids([document.get("reliability")]),
        "kind": ids([document.get("kind")]),
        "language": [document["language"]] if "language" in document else [],
        "published": days([document.get("published", {}).get("latest"), document.get("date")]),
        "claims": [len(document.get("claims", [])) + len(document.get("retold_in", []))],
    }
    return make_entry(collection, document, facets)
