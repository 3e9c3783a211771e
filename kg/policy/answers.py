"""Answers as they are sent: the JSON of a control status, typed."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from kg.metrics import Plain, Reading, label_of
from kg.policy.evaluate import Test
from kg.policy.explain import explain, explain_party, rivals_text
from kg.policy.logic import Outcome
from kg.policy.outcome import RuleOutcome, Status
from kg.policy.parties import Holding, PartyStatus
from kg.policy.records import Rule
from kg.policy.rulebook import Rulebook, Source
from kg.records import Listing

NOTICE = "computed from the listed rules; not legal advice; other rules may apply"

Json = bool | int | float | str | None


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ConditionAnswer(Answer):
    """One test of one figure. ``value`` is in ``unit``; null where no figure is known.

    ``group``: which of the rule's condition groups (from 1) it belongs to; ``exclusion``: the
    label of the exclusion instead.
    """

    metric: str
    value: Json
    unit: str | None
    threshold: str
    outcome: Outcome
    sources: list[str]
    arithmetic: str | None
    status: str | None
    group: int | None
    exclusion: str | None


class RuleAnswer(Answer):
    rule: str
    title: str
    jurisdiction: str
    activity: str
    outcome: Outcome
    named: bool
    paragraph: str | None
    requirement: str | None
    review: str | None
    exception: str | None
    enforcement: str | None
    hedge: str
    relaxed_by: list[str]
    exempted_by: list[str]
    conditions: list[ConditionAnswer]
    preconditions: list[str]
    sources: list[str]


class UsAnswer(Answer):
    """``review`` is null where no application is in question: nothing found, not enforced, or a
    licence exception available."""

    requirement: str
    paragraph: str | None
    review: str | None
    exception: str | None
    letter: str | None
    rules: list[RuleAnswer]


class OtherAnswer(Answer):
    """A measure on another activity, or of another jurisdiction, that is met."""

    jurisdiction: str
    activity: str
    effect: str
    requirement: str | None
    hedge: str
    rule: str
    title: str
    preconditions: list[str]
    sources: list[str]


class CitationAnswer(Answer):
    label: str
    url: str | None


class ControlStatus(Answer):
    """Places as ISO 3166-1 codes, products and rules as slugs, dates in ISO 8601.

    ``other_rules`` holds the rules of ``others`` with their conditions, met or not;
    ``configurations`` the answers for the boards of a model without figures of its own.
    """

    chip: str
    destination: str
    date: datetime.date
    end_user_hq: str | None
    ship_from: str | None
    known_at: datetime.datetime | None
    us: UsAnswer
    others: list[OtherAnswer]
    other_rules: list[RuleAnswer]
    configurations: list[ControlStatus]
    missing: list[str]
    decided_by: list[str]
    explanation: str
    citations: list[CitationAnswer]
    notice: str


class ListingAnswer(Answer):
    """A row of a screening list, in its own words."""

    list_: str = Field(serialization_alias="list")
    name: str
    citations: list[str]
    licence_requirement: str | None
    review_policy: str | None
    listed_from: datetime.date | None
    sources: list[str]


class HoldingAnswer(Answer):
    owner: str
    owned: str | None
    percent: float
    sources: list[str]


class PartyAnswer(Answer):
    """``status``: listed, not-listed or conflicting; ``basis``: listing or ownership.

    ``ownership``: the holdings of listed parties that count, ``share`` their sum in percent;
    ``checked``: the day of a list in which the firm was looked for and not found.
    """

    firm: str | None
    date: datetime.date
    known_at: datetime.datetime | None
    status: str
    basis: str | None
    rules: list[str]
    listings: list[ListingAnswer]
    ownership: list[HoldingAnswer]
    share: float | None
    conflict: str | None
    checked: datetime.date | None
    sources: list[str]
    citations: list[CitationAnswer]
    explanation: str
    notice: str


def party_status(
    found: PartyStatus, book: Rulebook, known_at: datetime.datetime | None = None
) -> PartyAnswer:
    """The answer to be sent for ``found``."""
    instruments = [rule.instrument for rule in found.rules if rule.instrument]
    return PartyAnswer(
        firm=found.subject or None,
        date=found.on,
        known_at=known_at,
        status=found.status,
        basis=found.basis,
        rules=[rule.id for rule in found.rules],
        listings=[_listing(row) for row in found.rows],
        ownership=[_holding(step) for step in found.chain],
        share=None if found.share is None else float(found.share),
        conflict=found.conflict,
        checked=found.checked,
        sources=list(found.sources),
        citations=[*_citations([*instruments, *found.sources], book)],
        explanation=explain_party(found, book),
        notice=NOTICE,
    )


def _listing(row: Listing) -> ListingAnswer:
    return ListingAnswer(
        list_=row.list_,
        name=row.name,
        citations=list(row.citations),
        licence_requirement=row.requirement,
        review_policy=row.review,
        listed_from=row.listed_from,
        sources=list(row.sources),
    )


def _holding(step: Holding) -> HoldingAnswer:
    return HoldingAnswer(
        owner=step.owner,
        owned=step.owned or None,
        percent=float(step.percent),
        sources=list(step.sources),
    )


def control_status(status: Status, book: Rulebook) -> ControlStatus:
    """The answer to be sent for ``status``."""
    question, decision = status.question, status.decision
    return ControlStatus(
        chip=question.chip,
        destination=book.code(question.destination),
        date=question.on,
        end_user_hq=book.code(question.headquarters) if question.headquarters else None,
        ship_from=book.code(question.ship_from) if question.ship_from else None,
        known_at=question.known_at,
        us=UsAnswer(
            requirement=decision.requirement,
            paragraph=decision.paragraph,
            review=decision.review,
            exception=decision.exception,
            letter=decision.letter,
            rules=[rule_answer(found, book) for found in _in_order(status.findings)],
        ),
        others=[_other(f, book) for f in status.others if f.outcome is Outcome.MET],
        other_rules=[rule_answer(found, book) for found in _in_order(status.others)],
        configurations=[control_status(part, book) for part in status.configurations],
        missing=[label_of(metric) for metric in status.missing],
        decided_by=[*_decided_by(status)],
        explanation=explain(status, book),
        citations=[*citations(status, book)],
        notice=NOTICE,
    )


def _in_order(findings: Iterable[RuleOutcome]) -> list[RuleOutcome]:
    """Met ones first, then open ones, then the others."""
    order = [Outcome.MET, Outcome.INDETERMINATE, Outcome.NOT_MET]
    return sorted(findings, key=lambda found: (order.index(found.outcome), found.rule.id))


def rule_answer(found: RuleOutcome, book: Rulebook) -> RuleAnswer:
    rule = found.rule
    return RuleAnswer(
        rule=rule.id,
        title=rule.title,
        jurisdiction=book.code(rule.jurisdiction),
        activity=rule.activity,
        outcome=found.outcome,
        named=found.judgement.named,
        paragraph=rule.paragraph,
        requirement=rule.requirement,
        review=found.review,
        exception=found.exception.exception if found.exception else None,
        enforcement=found.state,
        hedge=rule.hedge,
        relaxed_by=list(found.relaxed_by),
        exempted_by=list(found.exempted_by),
        conditions=[_condition(test) for test in found.judgement.tests],
        preconditions=list(rule.preconditions),
        sources=sources_of(rule),
    )


def _condition(test: Test) -> ConditionAnswer:
    reading = test.reading or Reading()
    return ConditionAnswer(
        metric=test.metric,
        value=as_json(reading.value),
        unit=reading.unit,
        threshold=test.threshold,
        outcome=test.outcome,
        sources=list(reading.sources),
        arithmetic=reading.arithmetic,
        status=reading.status if test.reading else None,
        group=None if test.group is None else test.group + 1,
        exclusion=test.exclusion,
    )


def as_json(value: Plain | None) -> Json:
    """Numbers as JSON numbers: whole ones as integers, others to six decimals."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(round(value, 6))
    return value.isoformat() if isinstance(value, datetime.date) else value


def _other(found: RuleOutcome, book: Rulebook) -> OtherAnswer:
    rule = found.rule
    return OtherAnswer(
        jurisdiction=book.code(rule.jurisdiction),
        activity=rule.activity,
        effect=effect_of(rule),
        requirement=rule.requirement,
        hedge=rule.hedge,
        rule=rule.id,
        title=rule.title,
        preconditions=list(rule.preconditions),
        sources=sources_of(rule),
    )


def effect_of(rule: Rule) -> str:
    """``purchase-halted`` → ``halted``; words without such an ending stay whole."""
    requirement = rule.requirement or rule.review or ""
    ending = requirement.rpartition("-")[2]
    return ending if ending in ("discouraged", "halted", "pending") else requirement


def sources_of(rule: Rule) -> list[str]:
    """Slugs of the documents, evidence and claims that a rule rests on."""
    return [*rule.sources, *rule.evidence, *rule.claims]


def _decided_by(status: Status) -> Iterator[str]:
    for name in status.differing:
        yield f"configuration: they differ in {name}"
    parts = status.configurations or (status,)
    for part in parts:
        for metric in part.decided_by:
            yield rivals_text(metric, part.chip.figures.get(metric, ()))


def citations(status: Status, book: Rulebook) -> Iterator[CitationAnswer]:
    """The instruments and sources of the deciding rules, and of the figures tested by them."""
    return _citations(_cited(status), book)


def _citations(slugs: Iterable[str], book: Rulebook) -> Iterator[CitationAnswer]:
    for slug in dict.fromkeys(slugs):
        source = book.sources.get(slug, Source(slug))
        yield CitationAnswer(label=source.label, url=source.url)


def _cited(status: Status) -> Iterator[str]:
    met = [found for found in status.others if found.outcome is Outcome.MET]
    decisive = [*status.decisive, *met]
    for found in decisive:
        yield from [found.rule.instrument] if found.rule.instrument else []
        yield from (*found.rule.sources, *found.rule.evidence)
    for found in decisive:
        for test in found.judgement.tests:
            yield from test.reading.sources if test.reading else ()
