"""What a question is, and what an answer holds: the outcome of each rule, and the decision."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, replace

from kg.policy.evaluate import Judgement
from kg.policy.facts import ChipFacts
from kg.policy.logic import Outcome
from kg.policy.records import (
    HOME,
    LicenceException,
    Rule,
)
from kg.policy.rulebook import Shipment

Date = datetime.date


@dataclass(frozen=True, kw_only=True)
class Question(Shipment):
    """A shipment of a chip; ``end_user`` is a firm, ``end_use`` a use that some rules depend on.

    ``known_at``: answer from what this record said then.
    """

    chip: str
    ship_from: str | None = HOME
    known_at: datetime.datetime | None = None
    end_user: str | None = None
    end_use: str | None = None


@dataclass(frozen=True)
class RuleOutcome:
    """One rule's part in an answer."""

    judgement: Judgement
    state: str | None = None
    """The enforcement state on the day, where the text is not enforced."""
    review: str | None = None
    exception: LicenceException | None = None
    possible_exceptions: tuple[LicenceException, ...] = ()
    relaxed_by: tuple[str, ...] = ()
    exempted_by: tuple[str, ...] = ()
    through_headquarters: bool = False
    form: str | None = None
    """The kind of the rule's instrument."""

    @property
    def rule(self) -> Rule:
        return self.judgement.rule

    @property
    def outcome(self) -> Outcome:
        return self.judgement.outcome

    @property
    def requires(self) -> str:
        """What this rule alone brings: one of REQUIREMENTS."""
        if not self.rule.requirement or self.exempted_by or self.outcome is Outcome.NOT_MET:
            return "none-found"
        if self.outcome is Outcome.INDETERMINATE:
            return "indeterminate"
        return self.state or self.rule.requirement


@dataclass(frozen=True)
class Decision:
    """The part ``us``: what all findings together come to."""

    requirement: str
    paragraph: str | None = None
    review: str | None = None
    exception: str | None = None
    letter: str | None = None


@dataclass(frozen=True)
class Status:
    """The answer to a question; ``kg.policy.answers`` writes it out.

    ``others`` are the rules of other activities and jurisdictions at the destination, ``unasked``
    those that depend on an end use which the question leaves open. For a model without rates of
    its own, ``configurations`` holds the answer for each of its boards, and ``differing`` the
    parts of the decision in which they differ.
    """

    question: Question
    chip: ChipFacts
    decision: Decision
    findings: tuple[RuleOutcome, ...] = ()
    others: tuple[RuleOutcome, ...] = ()
    unasked: tuple[RuleOutcome, ...] = ()
    configurations: tuple[Status, ...] = ()
    differing: tuple[str, ...] = ()
    unknown_record: bool = False

    @property
    def decisive(self) -> tuple[RuleOutcome, ...]:
        """The rules that make the answer: those met that bring it or change its review, else
        those that are open, else all that were examined."""
        parts = self.configurations or (self,)
        every = {f.rule.id: f for part in parts for f in part.findings}.values()
        bearing = [f for f in every if f.outcome is Outcome.MET and self._bears(f)]
        open_ = [f for f in every if f.outcome is Outcome.INDETERMINATE]
        return tuple(bearing or open_ or every)

    def _bears(self, found: RuleOutcome) -> bool:
        """Whether a rule that is met brings the requirement, or changes the review of one."""
        parts = self.configurations or (self,)
        requirements = {part.decision.requirement for part in parts}
        if found.exempted_by:
            return False
        if found.rule.requirement:
            return found.requires in requirements
        return "licence-required" in requirements

    @property
    def missing(self) -> tuple[str, ...]:
        """Metrics whose absence leaves a rule open."""
        return tuple(dict.fromkeys(m for f in self._open() for m in f.judgement.missing))

    def at(self, destination: str) -> Status:
        """The same answer for a destination for which the rules say the same."""
        question = replace(self.question, destination=destination)
        parts = tuple(part.at(destination) for part in self.configurations)
        return replace(self, question=question, configurations=parts)

    @property
    def decided_by(self) -> tuple[str, ...]:
        """Metrics whose rival figures decide the outcome of a rule."""
        return tuple(dict.fromkeys(m for f in self._open() for m in f.judgement.decided_by))

    def _open(self) -> Iterator[RuleOutcome]:
        """The open rules that could change the answer: a review alone changes only a licence's."""
        for part in self.configurations or (self,):
            for found in part.findings:
                licence = part.decision.requirement == "licence-required"
                if found.outcome is Outcome.INDETERMINATE and (found.rule.requirement or licence):
                    yield found


def same(one: Status, other: Status) -> bool:
    """Whether two answers differ in nothing but the day."""
    return one.decision == other.decision and _basis(one) == _basis(other)


def _basis(status: Status) -> object:
    return (
        {_key(f) for f in status.decisive},
        {(f.rule.id, f.outcome) for f in status.others if f.outcome is not Outcome.NOT_MET},
        [(part.decision, _basis(part)) for part in status.configurations],
    )


def _key(found: RuleOutcome) -> object:
    exception = found.exception.exception if found.exception else None
    return (found.rule.id, found.outcome, found.state, found.review, exception)
