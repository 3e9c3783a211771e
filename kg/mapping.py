"""Records → quads, as docs/data-model.md says.

Every subject written is remembered with the record that it came from, so that whatever is
later found wrong with a node can be shown in the file where somebody can mend it.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pyoxigraph import Literal, NamedNode, Quad

from kg.namespaces import EXTERNAL_PREFIXES, Namespaces
from kg.records import (
    Article,
    Assessment,
    Chip,
    Claim,
    Content,
    Entity,
    Evidence,
    ExternalClaim,
    Figure,
    Firm,
    Link,
    Listing,
    Located,
    Ownership,
    Published,
    Quantity,
    Record,
    Records,
    Reference,
    Report,
)

RDF_TYPE = NamedNode(EXTERNAL_PREFIXES["rdf"] + "type")
XSD = EXTERNAL_PREFIXES["xsd"]

Value = NamedNode | Literal | str | bool | int | Decimal | datetime.date | None


def literal(value: bool | int | Decimal | datetime.date | str) -> Literal:
    """The RDF literal of a plain value; every number is an xsd:decimal.

    One number type, because the store would fold the integer types into one anyway and a query
    should not have to care which one a figure was typed as.
    """
    if isinstance(value, bool):
        return Literal(value)
    if isinstance(value, int | Decimal):
        return Literal(_decimal(Decimal(value)), datatype=NamedNode(XSD + "decimal"))
    if isinstance(value, datetime.datetime):
        text = value.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Literal(text, datatype=NamedNode(XSD + "dateTime"))
    if isinstance(value, datetime.date):
        return Literal(value.isoformat(), datatype=NamedNode(XSD + "date"))
    return Literal(value)


def _decimal(number: Decimal) -> str:
    """As the store keeps it: no exponent, at most 18 decimals, no zero that says nothing."""
    return f"{number:.18f}".rstrip("0").rstrip(".")


def english(text: str | None) -> Literal | None:
    return None if text is None else Literal(text, language="en")


def integer(value: int) -> Literal:
    return Literal(str(value), datatype=NamedNode(XSD + "integer"))


@dataclass
class Output:
    """The quads written so far, and the record behind each subject."""

    names: Namespaces
    quads: list[Quad] = field(default_factory=list)
    origins: dict[str, Located] = field(default_factory=dict)
    located: Located | None = None

    def node(
        self, iri: str, graph: str, properties: Mapping[str, Value | Iterable[Value]]
    ) -> NamedNode:
        """Write the node ``iri`` (a CURIE or an IRI) into ``g:<graph>``.

        Keys are CURIEs of properties (``a`` for rdf:type); strings as values are CURIEs, texts
        must be Literals; None values are left out; lists give several triples.
        """
        subject = self.resource(iri)
        where = self.names.expand(f"g:{graph}")
        if self.located is not None:
            self.origins.setdefault(subject.value, self.located)
        for key, values in properties.items():
            predicate = RDF_TYPE if key == "a" else self.names.expand(key)
            for value in values if isinstance(values, list | tuple) else (values,):
                if value is not None:
                    self.quads.append(Quad(subject, predicate, self.term(value), where))
        return subject

    def resource(self, iri: str) -> NamedNode:
        return NamedNode(iri) if iri.startswith(("http:", "https:")) else self.names.expand(iri)

    def term(self, value: Any) -> NamedNode | Literal:
        if isinstance(value, NamedNode | Literal):
            return value
        return self.resource(value) if isinstance(value, str) else literal(value)


@dataclass(frozen=True)
class Document:
    """What claims take from the article that they stand in."""

    graph: str
    published: Published | None

    @classmethod
    def of(cls, article: Article) -> Document:
        return cls(article.graph, article.published)


@dataclass(frozen=True)
class Context:
    """What the mapping of one record needs to know of the others."""

    documents: Mapping[str, Document]
    default_recorded: datetime.datetime


Writer = Callable[[Any, Output, Context], None]


def map_records(
    records: Records,
    names: Namespaces,
    recorded: datetime.datetime,
    writers: Mapping[type[Record], Writer],
    known: Mapping[str, Document] | None = None,
) -> Output:
    """All quads of ``records``. ``known``: articles outside of them that claims may cite."""
    documents = {article.id: Document.of(article) for article in records.of(Article)}
    context = Context(dict(known or {}) | documents, recorded)
    output = Output(names)
    for located in records:
        output.located = located
        writers[type(located.record)](located.record, output, context)
    output.located = None
    return output


# --- sources ----------------------------------------------------------------------------------


def _ids(prefix: str, slugs: Iterable[str | None]) -> list[Value]:
    return [f"{prefix}:{slug}" for slug in slugs if slug is not None]


def _id(prefix: str, slug: str | None) -> str | None:
    return None if slug is None else f"{prefix}:{slug}"


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
            "dct:publisher": _id("id", report.publisher),
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
            "ct:evidenceKind": _ids("con", evidence.kind),
            **_addresses(evidence.urls),
            "ct:verification": english(evidence.verification),
        },
    )


# --- things -----------------------------------------------------------------------------------


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
        "ct:partOf": _id("id", entity.part_of),
        "rdfs:comment": english(entity.note),
        "dct:source": _ids("src", entity.sources),
    }


def _entity(entity: Entity, out: Output, _: Context) -> None:
    out.node(f"id:{entity.id}", "entities", _named(entity))


def _firm(firm: Firm, out: Output, _: Context) -> None:
    identifiers = firm.identifiers
    owners = [_ownership(firm, i, owner, out) for i, owner in enumerate(firm.owners, 1)]
    for number, listing in enumerate(firm.listings, 1):
        _listing(firm, number, listing, out)
    checked = firm.listing_checked
    out.node(
        f"id:{firm.id}",
        "entities",
        {
            **_named(firm),
            "schema:legalName": english(firm.legal_name),
            "ct:country": _id("id", firm.country),
            "ct:businessRole": _ids("con", firm.roles),
            "ct:parent": _id("id", firm.parent),
            "ct:hasOwnership": owners,
            "ct:wikidataId": [Literal(value) for value in identifiers.wikidata],
            "ct:lei": [Literal(value) for value in identifiers.lei],
            "ct:ticker": [Literal(value) for value in identifiers.ticker],
            "ct:cik": [Literal(value) for value in identifiers.cik],
            "ct:listingCheckedOn": checked.date if checked and not checked.hits else None,
            "ct:listingCheckedIn": _id("src", checked.source) if checked else None,
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
            "dct:source": _ids("src", ownership.sources),
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
            "ct:country": _id("id", listing.country),
            "ct:citation": [Literal(citation) for citation in listing.citations],
            "ct:licenceRequirementText": english(listing.requirement),
            "ct:reviewPolicyText": english(listing.review),
            "ct:listedFrom": listing.listed_from,
            "ct:listedTo": listing.listed_to,
            "dct:source": _ids("src", listing.sources or firm.sources),
        },
    )


def _chip(chip: Chip, out: Output, _: Context) -> None:
    out.node(
        f"id:{chip.id}",
        "entities",
        {
            **_named(chip),
            "ct:manufacturer": f"id:{chip.maker}",
            "ct:designedIn": _id("id", chip.designer_country),
            "ct:productKind": f"con:{chip.kind}",
            "ct:configurationOf": _id("id", chip.configuration_of),
            "ct:variantOf": _id("id", chip.variant_of),
            "ct:fabricatedBy": _ids("id", chip.foundry),
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
            "ct:unit": _id("unit", figure.unit),
            "dct:source": _id("src", figure.source),
            "ct:status": f"con:{figure.status}",
            "rdfs:comment": english(figure.note),
        },
    )


# --- claims -----------------------------------------------------------------------------------


def _claim(claim: Claim, out: Output, context: Context) -> None:
    source = _header(out).source or ""
    document = context.documents.get(source) or Document(f"claims-{source}", None)
    stated, graph = claim.stated or document.published, document.graph
    _content(
        claim,
        "history" if claim.record.to else graph,
        {
            "a": "ct:Claim",
            "ct:hedge": f"con:{claim.hedge}",
            "ct:polarity": "con:denied" if claim.denied else "con:affirmed",
            "ct:speaker": f"id:{claim.via[0]}",
            "ct:attribution": _chain(claim, graph, out),
            "ct:inDocument": f"src:{source}",
            "ct:span": _text_span(claim, source, graph, out),
            "ct:upstream": _id("src", claim.upstream),
            "ct:statedEarliest": stated.earliest if stated else None,
            "ct:statedLatest": stated.latest if stated else None,
            "ct:statedBasis": f"con:{stated.basis}" if stated else None,
        },
        out,
        context,
    )


def _external_claim(claim: ExternalClaim, out: Output, context: Context) -> None:
    _content(
        claim,
        "history" if claim.record.to else "claims-external",
        {
            "a": ["ct:Claim", "ct:ExternalClaim"],
            "ct:hedge": "con:asserted",
            "ct:polarity": "con:affirmed",
            "ct:inDocument": f"ev:{claim.evidence}",
            "ct:corrects": _id("c", claim.corrects),
        },
        out,
        context,
    )


def _content(
    claim: Content,
    graph: str,
    more: dict[str, Value | Iterable[Value]],
    out: Output,
    context: Context,
) -> None:
    record, name = claim.record, f"c:{claim.id}"
    made = record.from_ or _header(out).recorded or context.default_recorded
    objects = [*_ids("id", [claim.object]), *_ids("con", [claim.concept])]
    out.node(
        name,
        graph,
        {
            **more,
            "ct:paraphrase": english(claim.paraphrase),
            "ct:subject": f"id:{claim.subject}",
            "ct:property": f"ct:{claim.property}",
            "ct:object": objects,
            "ct:literal": None if claim.literal is None else literal(claim.literal),
            "ct:quantity": _quantity(f"{name}-q", claim.quantity, graph, out),
            "ct:validFrom": claim.valid.from_,
            "ct:validTo": claim.valid.to,
            "ct:validPrecision": _id("con", claim.valid.precision),
            "ct:recordedFrom": made,
            "ct:recordedTo": record.to,
            "ct:supersededBy": _id("c", record.superseded_by),
            "ct:endReason": _id("con", record.reason),
            "rdfs:comment": english(claim.note),
        },
    )


def _quantity(name: str, quantity: Quantity | None, graph: str, out: Output) -> NamedNode | None:
    if quantity is None:
        return None
    return out.node(
        name,
        graph,
        {
            "a": "ct:Quantity",
            "ct:low": quantity.low,
            "ct:high": quantity.high,
            "ct:bound": Literal(quantity.bound),
            "ct:unit": _id("unit", quantity.unit),
        },
    )


def _chain(claim: Claim, graph: str, out: Output) -> list[Value]:
    last = len(claim.via)
    return [
        out.node(
            f"c:{claim.id}-a{step}",
            graph,
            {
                "a": "ct:Attribution",
                "ct:step": integer(step),
                "ct:agent": f"id:{agent}",
                "ct:role": _roles(step, last),
            },
        )
        for step, agent in enumerate(claim.via, 1)
    ]


def _roles(step: int, last: int) -> list[Value]:
    ends: list[Value] = ["con:originator"] if step == 1 else []
    if step == last:
        ends.append("con:publisher")
    return ends or ["con:relay"]


def _text_span(claim: Claim, source: str, graph: str, out: Output) -> NamedNode | None:
    if claim.span is None:
        return None
    start, end = claim.span
    selector = out.node(
        f"src:{source}#selector={start},{end}",
        graph,
        {"a": "oa:TextPositionSelector", "oa:start": integer(start), "oa:end": integer(end)},
    )
    return out.node(
        f"src:{source}#char={start},{end}",
        graph,
        {
            "a": "ct:TextSpan",
            "oa:hasSource": f"src:{source}",
            "oa:hasSelector": selector,
            "ct:passageHash": None if claim.sha256 is None else Literal(claim.sha256),
        },
    )


def _assessment(assessment: Assessment, out: Output, _: Context) -> None:
    out.node(
        f"c:{assessment.claim}-assess",
        "assessments",
        {
            "a": "ct:Assessment",
            "ct:assesses": f"c:{assessment.claim}",
            "ct:verdict": f"con:{assessment.verdict}",
            "ct:verdictScope": f"con:{assessment.scope}",
            "ct:evidence": _ids("ev", assessment.evidence),
            "ct:correctedBy": _id("c", assessment.corrected_by),
            "rdfs:comment": english(assessment.reason),
        },
    )


def _link(link: Link, out: Output, _: Context) -> None:
    out.node(
        f"c:link-{link.id}",
        "links",
        {
            "a": "ct:ClaimLink",
            "ct:linkType": f"con:{link.type}",
            "ct:member": _ids("c", link.claims),
            "ct:strict": None if link.strict is None else literal(link.strict),
            "rdfs:comment": english(link.comment),
        },
    )


def _header(out: Output) -> Any:
    if out.located is None:  # pragma: no cover - map_records sets it for every record
        raise AssertionError("a record is mapped without its place")
    return out.located.header


WRITERS: dict[type[Record], Writer] = {
    Article: _article,
    Report: _report,
    Reference: _reference,
    Evidence: _evidence,
    Entity: _entity,
    Firm: _firm,
    Chip: _chip,
    Claim: _claim,
    ExternalClaim: _external_claim,
    Assessment: _assessment,
    Link: _link,
}
