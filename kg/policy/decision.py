"""From the outcomes of all rules to one decision: defeat, strength, strictness.

A requirement holds if any rule is met; the review is the strictest of the met rules, unless
another met rule relaxes it. What the boards of a model agree on is what holds for the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

from kg.policy.facts import ChipFacts
from kg.policy.logic import Outcome, agreement
from kg.policy.outcome import Decision, Question, RuleOutcome, Status
from kg.policy.records import (
    REQUIREMENTS,
    REVIEWS,
    Rule,
)

LETTER = "is-informed-letter"


def with_defeats(findings: Sequence[RuleOutcome]) -> list[RuleOutcome]:
    """Mark the rules that another met rule relaxes or exempts from."""
    met = [f.rule for f in findings if f.outcome is Outcome.MET]
    relaxed = _by_target(met, "relaxes")
    exempted = _by_target(met, "exempts")
    if not relaxed and not exempted:
        return list(findings)
    return [
        replace(
            f,
            relaxed_by=relaxed.get(f.rule.id, ()),
            exempted_by=exempted.get(f.rule.id, ()),
        )
        for f in findings
    ]


def _by_target(rules: Sequence[Rule], relation: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for rule in rules:
        for target in getattr(rule, relation):
            found[target] = (*found.get(target, ()), rule.id)
    return found


def decide(findings: Sequence[RuleOutcome]) -> Decision:
    """The strongest requirement, and what goes with it.

    A published paragraph comes before a letter. Where a licence exception is available for the
    paragraph, there is no application whose review could be stated.
    """
    requirement = max((f.requires for f in findings), key=strength, default="none-found")
    if requirement in ("none-found", "indeterminate"):
        return Decision(requirement)
    deciding = [f for f in findings if f.requires == requirement]
    controlling = _controlling(deciding)
    paragraph = controlling.rule.paragraph if controlling else None
    if requirement != "licence-required":
        return Decision(requirement, paragraph)
    exception = controlling.exception if controlling else None
    return Decision(
        requirement,
        paragraph,
        None if exception else _strictest_review(findings),
        exception.exception if exception else None,
        None if paragraph else _letter(deciding, LETTER),
    )


def _controlling(deciding: Sequence[RuleOutcome]) -> RuleOutcome | None:
    """The finding whose paragraph is cited: one without an exception first, then by name."""
    cited = [f for f in deciding if f.rule.paragraph]
    return min(cited, key=lambda f: (f.exception is not None, f.rule.paragraph), default=None)


def _letter(deciding: Sequence[RuleOutcome], form: str) -> str | None:
    """The rule that stands in a letter: firmly sourced and naming the product comes first."""
    letters = [f for f in deciding if f.form == form]
    first = min(
        letters,
        key=lambda f: (f.rule.hedge != "asserted", not f.judgement.named, f.rule.id),
        default=None,
    )
    return first.rule.id if first else None


def _strictest_review(findings: Sequence[RuleOutcome]) -> str:
    standing = [
        f.review
        for f in findings
        if f.outcome is Outcome.MET and f.review and not (f.relaxed_by or f.exempted_by)
    ]
    return max(standing, key=strictness, default=REVIEWS[0])


def together(question: Question, model: ChipFacts, boards: Sequence[Status]) -> Status:
    """The status of a model: what all its boards agree on, never one of them picked."""
    decisions = [board.decision for board in boards]
    values = {part.name: {getattr(d, part.name) for d in decisions} for part in fields(Decision)}
    agreed = {name: next(iter(found)) for name, found in values.items() if len(found) == 1}
    decision = Decision(
        agreed.get("requirement", "indeterminate"),
        agreed.get("paragraph"),
        agreed.get("review"),
        agreed.get("exception"),
        agreed.get("letter"),
    )
    return Status(
        question,
        model,
        decision,
        others=_others_together(boards),
        configurations=tuple(boards),
        differing=tuple(name for name in values if name not in agreed),
    )


def _others_together(boards: Sequence[Status]) -> tuple[RuleOutcome, ...]:
    """The other rules of all boards; open where they are met for some boards and not for all."""
    by_rule: dict[str, list[RuleOutcome]] = {}
    for found in (found for board in boards for found in board.others):
        by_rule.setdefault(found.rule.id, []).append(found)
    found_together = []
    for first, *rest in by_rule.values():
        outcomes = [found.outcome for found in (first, *rest)]
        absent = [Outcome.NOT_MET] * (len(boards) - len(outcomes))
        judgement = replace(first.judgement, outcome=agreement([*outcomes, *absent]))
        found_together.append(replace(first, judgement=judgement))
    return tuple(found_together)


def strictness(review: str) -> int:
    return REVIEWS.index(review)


def strength(requirement: str) -> int:
    return REQUIREMENTS.index(requirement)
