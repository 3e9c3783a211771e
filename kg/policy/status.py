"""Could this product go to that place on that day, under which rule, and says who?

``StatusService`` answers one question (``status``), lays a chip's status out over time
(``determinations``) and compares days, rules and thresholds (``diff``). An answer is
never "allowed": where no recorded rule is met it is "none-found".
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from kg.policy.decision import decide, strictness, together, with_defeats
from kg.policy.evaluate import Judgement, holds, judge
from kg.policy.facts import ChipFacts
from kg.policy.logic import Outcome
from kg.policy.outcome import Decision, Question, RuleOutcome, Status, same
from kg.policy.records import (
    EffectiveInterval,
    LicenceException,
    ReviewClause,
    Rule,
    is_home_export,
)
from kg.policy.rulebook import ONE_DAY, Rulebook

Date = datetime.date

_CACHE_SIZE = 20_000
"""Shipments whose rules are remembered; questions about other days and places come and go."""


_InForce = tuple[Rule, EffectiveInterval]


@dataclass
class StatusService:
    """Answers from one rulebook and the facts of all chips.

    ``recorded`` is the record time of rules that carry none of their own.
    """

    book: Rulebook
    chips: Mapping[str, ChipFacts]
    recorded: datetime.datetime | None = None
    _judged: dict[tuple[str, str], Judgement] = field(default_factory=dict, repr=False)
    _in_force: dict[object, list[_InForce]] = field(default_factory=dict, repr=False)
    _dates: dict[Question, list[Date]] = field(default_factory=dict, repr=False)
    _clauses: dict[tuple[int, str], Outcome] = field(default_factory=dict, repr=False)

    # --- one question ---------------------------------------------------------------------

    def status(self, question: Question) -> Status:
        """Raises KeyError for a chip that is not in the record."""
        chip = self.chips[question.chip]
        if not chip.configurations:
            return self._of_one(question, chip)
        boards = [self.status(replace(question, chip=slug)) for slug in chip.configurations]
        return together(question, chip, boards)

    def _of_one(self, question: Question, chip: ChipFacts) -> Status:
        if not any(self._known(rule, question.known_at) for rule in self.book.rules.values()):
            return Status(question, chip, Decision("indeterminate"), unknown_record=True)
        found = [
            self._outcome(rule, interval, chip, question)
            for rule, interval in self._rules_for(question)
            if self._reaches(rule, chip, question)
        ]
        asked = with_defeats([f for f in found if _is_asked(f.rule, question)])
        export = tuple(f for f in asked if is_home_export(f.rule))
        others = tuple(f for f in asked if not is_home_export(f.rule))
        unasked = tuple(f for f in found if not _is_asked(f.rule, question))
        return Status(question, chip, decide(export), export, others, unasked)

    def _known(self, rule: Rule, known_at: datetime.datetime | None) -> bool:
        return rule.recorded.holds(known_at, self.recorded)

    def _rules_for(self, question: Question) -> list[_InForce]:
        """The rules in force for a shipment, whatever its product: shared by all chips."""
        key = (
            question.destination,
            question.on,
            question.headquarters,
            question.ship_from,
            question.known_at,
        )
        found = self._in_force.get(key)
        if found is None:
            found = [*self._find_rules(question)]
            if len(self._in_force) >= _CACHE_SIZE:
                self._in_force.clear()
            self._in_force[key] = found
        return found

    def _find_rules(self, question: Question) -> Iterator[_InForce]:
        for rule in self.book.rules.values():
            if is_home_export(rule) and question.destination == rule.jurisdiction:
                continue
            interval = next((i for i in rule.effective if i.holds(question.on)), None)
            known = interval is not None and self._known(rule, question.known_at)
            if interval is not None and known and self.book.applies(rule, question):
                yield rule, interval

    def _outcome(
        self, rule: Rule, interval: EffectiveInterval, chip: ChipFacts, question: Question
    ) -> RuleOutcome:
        on, book = question.on, self.book
        judgement = self._judge(rule, chip)
        if interval.contested and judgement.outcome is Outcome.MET:
            judgement = replace(judgement, outcome=Outcome.INDETERMINATE)
        form = book.form_of(rule)
        if judgement.outcome is Outcome.NOT_MET:
            return RuleOutcome(judgement, form=form)
        return RuleOutcome(
            judgement,
            state=next((e.state for e in rule.enforcement if e.holds(on)), None),
            review=self._review(rule, chip, question),
            exception=self._exception(rule, chip, question),
            possible_exceptions=tuple(
                e for e in rule.exceptions if e.unverified and e.during.holds(on)
            ),
            through_headquarters=bool(rule.destinations)
            and not book.covers(rule.destinations, question.destination, on),
            form=form,
        )

    def _reaches(self, rule: Rule, chip: ChipFacts, question: Question) -> bool:
        """Whether a rule comes into question for this product and these parties."""
        if not _covers_product(rule, chip):
            return False
        of_parties = rule.parties or rule.ownership
        if of_parties and question.end_user not in rule.parties:
            return False
        if rule.end_uses and question.end_use not in (None, *rule.end_uses):
            return False
        return self._designed(rule, chip, question.on)

    def _designed(self, rule: Rule, chip: ChipFacts, on: Date) -> bool:
        designer = chip.designer or ""
        if rule.designers and not self.book.covers(rule.designers, designer, on):
            return False
        return not self.book.covers(rule.except_designers, designer, on)

    def _judge(self, rule: Rule, chip: ChipFacts) -> Judgement:
        key = (rule.id, chip.slug)
        found = self._judged.get(key)
        if found is None:
            found = self._judged[key] = judge(self.book, rule, chip)
        return found

    def _review(self, rule: Rule, chip: ChipFacts, question: Question) -> str | None:
        """The first clause that fits; where that is open, the strictest of those it may be."""
        possible: list[str] = []
        for clause in rule.reviews:
            if not self.book.applies(clause, question):
                continue
            outcome = self._holds(clause, chip)
            if outcome is not Outcome.NOT_MET:
                possible.append(clause.policy)
            if outcome is Outcome.MET:
                break
        return max(possible, key=strictness) if possible else rule.review

    def _exception(
        self, rule: Rule, chip: ChipFacts, question: Question
    ) -> LicenceException | None:
        for exception in rule.exceptions:
            if (
                not exception.unverified
                and exception.during.holds(question.on)
                and self.book.applies(exception, question)
                and self._holds(exception, chip) is Outcome.MET
            ):
                return exception
        return None

    def _holds(self, clause: ReviewClause | LicenceException, chip: ChipFacts) -> Outcome:
        """Whether the conditions of a clause hold for a product; kept, as rules ask it often."""
        key = (id(clause), chip.slug)  # clauses live as long as the book that holds them
        found = self._clauses.get(key)
        if found is None:
            found = self._clauses[key] = holds(clause.all_of, chip.figures)
        return found

    # --- many questions -------------------------------------------------------------------

    def over_time(self, question: Question) -> Iterator[tuple[Date, Date | None, Status]]:
        """(first day, last day or None, status) of each time in which the answer is the same.

        Begins with the first day on which any recorded rule applies; ``question.on`` is not used.
        """
        start: Date | None = None
        held: Status | None = None
        for day in self._change_dates(question):
            status = self.status(replace(question, on=day))
            if held is not None and start is not None and same(held, status):
                continue
            if held is not None and start is not None:
                yield start, day - ONE_DAY, held
            start, held = day, status
        if held is not None and start is not None:
            yield start, None, held

    def alike(self, destinations: Iterable[str]) -> list[list[str]]:
        """``destinations`` in groups for which the rules have always said the same."""
        groups: dict[str, list[str]] = {}
        for place in destinations:
            asked = Question(chip="", destination=place, on=Date.min)
            days = (replace(asked, on=day) for day in self.book.change_dates)
            said = repr([[*self._clauses_on(question)] for question in days])
            groups.setdefault(said, []).append(place)
        return [*groups.values()]

    def _change_dates(self, question: Question) -> list[Date]:
        """The days on which an answer to ``question`` may become another one, in order.

        They are the same for every product: the days on which the rules for such a shipment,
        or their clauses, change.
        """
        key = replace(question, chip="", on=Date.min)
        if key not in self._dates:
            days: list[Date] = []
            held: object = None
            for day in self.book.change_dates:
                found = [*self._clauses_on(replace(question, on=day))]
                if found != held or day in self.book.membership_dates:
                    days.append(day)
                held = found
            self._dates[key] = days
        return self._dates[key]

    def _clauses_on(self, question: Question) -> Iterator[object]:
        """What the rules in force say about a shipment, whatever its product."""
        on, applies = question.on, self.book.applies
        for rule, interval in self._rules_for(question):
            states = [e.state for e in rule.enforcement if e.holds(on)]
            reviews = [applies(clause, question) for clause in rule.reviews]
            exceptions = [e.during.holds(on) and applies(e, question) for e in rule.exceptions]
            yield rule.id, interval, states, reviews, exceptions

    def diff(
        self, questions: Iterable[Question], other: StatusService, on: Date | None = None
    ) -> Iterator[tuple[Status, Status]]:
        """(before, after) for the questions that ``other`` answers otherwise, or that are
        answered otherwise on the day ``on``: two sets of rules, or two days."""
        for question in questions:
            before = self.status(question)
            after = other.status(replace(question, on=on or question.on))
            if before.decision != after.decision:
                yield before, after

    def with_rule(self, rule: Rule) -> StatusService:
        """The same record with one rule added or replaced."""
        return StatusService(self.book.with_rule(rule), self.chips, self.recorded)

    def with_chip(self, chip: ChipFacts) -> StatusService:
        """The same record with one chip added or replaced."""
        return StatusService(self.book, {**self.chips, chip.slug: chip}, self.recorded)


def _covers_product(rule: Rule, chip: ChipFacts) -> bool:
    of_kind = not rule.product_kinds or chip.kind in rule.product_kinds
    return of_kind and (not rule.makers or chip.maker in rule.makers)


def _is_asked(rule: Rule, question: Question) -> bool:
    return not rule.end_uses or question.end_use in rule.end_uses
