"""Articles, reports, references and evidence: the graph ``g:sources``."""

from __future__ import annotations

from collections.abc import Iterable

from pyoxigraph import Literal

from kg.mapping.core import Context, Output, Value, Writer, english, ids, integer, maybe
from kg.records import (
    Article,
    Evidence,
    Published,
    Record,
    Reference,
    Report,
)


def _published(published: Published | None) -> dict[str, Value]:
    if published is None:
        return {}
    return {
        "ct:publishedEarliest": published.earliest,
        "ct:publishedLatest": published.latest,
        "ct:publishedBasis": f"con:{published.basis}",
        "ct:publishedReason": english(published.reason),
    }


def _addresses(urls: list[str]) -> dict[str, Value | Iterable[Value]]:
    return {"schema:url": urls[:1], "rdfs:seeAlso": urls[1:]}


def _article(article: Article, out: Output, _: Context) -> None:
    out.node(
        f"src:{article.id}",
        "sources",
        {
            "a": "ct:SourceDocument",
            "dct:title": english(article.title),
            "rdfs:label": english(article.title),
            "dct:publisher": f"id:{article.publisher}",
            "dct:creator": english(article.author),
            "dct:language": Literal(article.language),
            "schema:url": article.url,
            "dct:identifier": Literal(article.file),
            "ct:sha256": Literal(article.sha256),
            "ct:characterCount": integer(article.length),
            **_published(article.published),
            "ct:reliability": f"con:admiralty-{article.reliability.lower()}",
            "ct:reliabilityReason": english(article.reliability_reason),
            "ct:claimGraph": f"g:{article.graph}",
            "rdfs:comment": english(article.note),
        },
    )


def _report(report: Report, out: Output, _: Context) -> None:
    out.node(
        f"src:{report.id}",
        "sources",
        {
            "a": "ct:UpstreamReport",
            "dct:title": english(report.title),
            "rdfs:label": english(report.title),
            "dct:publisher": maybe("id", report.publisher),
            "dct:date": report.date,
            "rdfs:comment": english(report.note),
        },
    )


def _reference(reference: Reference, out: Output, _: Context) -> None:
    out.node(
        f"src:{reference.id}",
        "sources",
        {
            "a": "ct:Reference",
            "dct:title": english(reference.title),
            "rdfs:label": english(reference.title),
            "ct:location": english(reference.where),
            **_addresses(reference.urls),
            "ct:reliability": f"con:admiralty-{reference.reliability.lower()}",
            "rdfs:comment": english(reference.note),
        },
    )


def _evidence(evidence: Evidence, out: Output, _: Context) -> None:
    date = evidence.date
    out.node(
        f"ev:{evidence.id}",
        "sources",
        {
            "a": "ct:Evidence",
            "rdfs:label": english(f"Evidence {evidence.id}"),
            "dct:date": Literal(date) if isinstance(date, str) else date,
            "rdfs:comment": english(evidence.fact),
            "ct:evidenceKind": ids("con", evidence.kind),
            **_addresses(evidence.urls),
            "ct:verification": english(evidence.verification),
        },
    )


SOURCE_WRITERS: dict[type[Record], Writer] = {
    Article: _article,
    Report: _report,
    Reference: _reference,
    Evidence: _evidence,
}
