"""Claims, verdicts and links: a graph for each article, ``g:assessments``, ``g:links``."""

from __future__ import annotations

from collections.abc import Iterable

from pyoxigraph import Literal, NamedNode

from kg.mapping.core import (
    Context,
    Document,
    Output,
    Value,
    Writer,
    english,
    ids,
    integer,
    literal,
    maybe,
)
from kg.records import (
    Assessment,
    Claim,
    Content,
    ExternalClaim,
    Link,
    Quantity,
    Record,
)


def _claim(claim: Claim, out: Output, context: Context) -> None:
    source = out.header.source or ""
    document = context.documents.get(source) or Document(f"claims-{source}", None)
    stated = claim.stated or document.published
    graph = "history" if claim.record.to else document.graph
    _content(
        claim,
        graph,
        {
            "a": "ct:Claim",
            "ct:hedge": f"con:{claim.hedge}",
            "ct:polarity": "con:denied" if claim.denied else "con:affirmed",
            "ct:speaker": f"id:{claim.via[0]}",
            "ct:attribution": _chain(claim, graph, out),
            "ct:inDocument": f"src:{source}",
            "ct:span": _text_span(claim, source, graph, out),
            "ct:upstream": maybe("src", claim.upstream),
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
            "ct:corrects": maybe("c", claim.corrects),
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
    made = record.from_ or out.header.recorded or context.default_recorded
    objects = [*ids("id", [claim.object]), *ids("con", [claim.concept])]
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
            "ct:validPrecision": maybe("con", claim.valid.precision),
            "ct:recordedFrom": made,
            "ct:recordedTo": record.to,
            "ct:supersededBy": maybe("c", record.superseded_by),
            "ct:endReason": maybe("con", record.reason),
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
            "rdfs:label": english(_quantity_text(quantity)),
            "ct:low": quantity.low,
            "ct:high": quantity.high,
            "ct:bound": Literal(quantity.bound),
            "ct:unit": maybe("unit", quantity.unit),
        },
    )


def _quantity_text(quantity: Quantity) -> str:
    """``at most 115000 chip``, ``1400 to 2800 USD-per-unit``."""
    low, high = (None if n is None else literal(n).value for n in (quantity.low, quantity.high))
    amount = f"{low} to {high}" if quantity.bound == "range" else f"{high if low is None else low}"
    kind = "" if quantity.bound in ("exact", "range") else quantity.bound.replace("_", " ")
    return " ".join(part for part in (kind, amount, quantity.unit) if part)


def _chain(claim: Claim, graph: str, out: Output) -> list[Value]:
    last = len(claim.via)
    return [
        out.node(
            f"c:{claim.id}-a{step}",
            graph,
            {
                "a": "ct:Attribution",
                "rdfs:label": english(f"{step}. {agent}"),
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
            "rdfs:label": english(f"characters {start} to {end}"),
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
            "rdfs:label": english(f"{assessment.claim} is {assessment.verdict}"),
            "ct:assesses": f"c:{assessment.claim}",
            "ct:verdict": f"con:{assessment.verdict}",
            "ct:verdictScope": f"con:{assessment.scope}",
            "ct:evidence": ids("ev", assessment.evidence),
            "ct:correctedBy": maybe("c", assessment.corrected_by),
            "rdfs:comment": english(assessment.reason),
        },
    )


def _link(link: Link, out: Output, _: Context) -> None:
    out.node(
        f"c:link-{link.id}",
        "links",
        {
            "a": "ct:ClaimLink",
            "rdfs:label": english(f"{link.id}: {link.type} ({', '.join(link.claims)})"),
            "ct:linkType": f"con:{link.type}",
            "ct:member": ids("c", link.claims),
            "ct:strict": None if link.strict is None else literal(link.strict),
            "rdfs:comment": english(link.comment),
        },
    )


CLAIM_WRITERS: dict[type[Record], Writer] = {
    Claim: _claim,
    ExternalClaim: _external_claim,
    Assessment: _assessment,
    Link: _link,
}
