"""All rules, country groups and instruments together, checked against each other.

A rulebook that loads has no contradiction in it: every name stands for something, every interval
ends after it starts, nothing relaxes itself in a circle.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from kg.errors import Finding, InvalidData
from kg.metrics import METRICS
from kg.policy.records import (
    REQUIREMENTS,
    REVIEWS,
    Condition,
    CountryGroup,
    EffectiveInterval,
    Exclusion,
    Instrument,
    Interval,
    Rule,
    Scope,
    address_of,
    citation_of,
    is_home_export,
)
from kg.records import Article, Chip, Entity, Evidence, Firm, Located, Records, Reference, Report

Date = datetime.date
ONE_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Source:
    """What to print for a source, and where it can be read."""

    label: str
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Shipment:
    """What goes where and when; places are slugs. ``headquarters`` are those of the end user or
    of its ultimate parent."""

    destination: str
    on: Date
    headquarters: str | None = None
    ship_from: str | None = None


@dataclass(frozen=True)
class Rulebook:
    """``names``: slug → label of every entity that the records know; ``codes``: place → ISO
    3166-1 code."""

    rules: Mapping[str, Rule]
    groups: Mapping[str, CountryGroup]
    instruments: Mapping[str, Instrument]
    sources: Mapping[str, Source] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_records(cls, records: Records) -> Rulebook:
        """Raises InvalidData naming file, line and rule of each contradiction."""
        findings = check(records)
        if findings:
            raise InvalidData(findings)
        return cls(
            {rule.id: rule for rule in sorted(records.of(Rule), key=_first_day)},
            {group.id: group for group in records.of(CountryGroup)},
            {instrument.id: instrument for instrument in records.of(Instrument)},
            dict(_sources(records)),
            {entity.id: entity.label for entity in _entities(records)},
            {entity.id: entity.iso for entity in records.of(Entity) if entity.iso},
        )

    def covers(self, names: Sequence[str], place: str, on: Date) -> bool:
        """Whether ``place`` is one of ``names`` or, on that day, in a group among them."""
        return any(name == place or self._is_member(name, place, on) for name in names)

    def _is_member(self, group: str, place: str, on: Date) -> bool:
        found = self.groups.get(group)
        return found is not None and any(
            member.place == place and member.holds(on) for member in found.members
        )

    def applies(self, scope: Scope, shipment: Shipment) -> bool:
        """Whether a scope reaches a shipment; an unstated headquarters is nowhere."""
        on, destination = shipment.on, shipment.destination
        headquarters, ship_from = shipment.headquarters, shipment.ship_from
        if scope.ship_from and not (ship_from and self.covers(scope.ship_from, ship_from, on)):
            return False
        if headquarters and self.covers(scope.except_headquarters, headquarters, on):
            return False
        if headquarters and self.covers(scope.headquarters, headquarters, on):
            return True
        if self.covers(scope.except_, destination, on):
            return False
        if scope.destinations:
            return self.covers(scope.destinations, destination, on)
        return not scope.headquarters

    def conditions_of(
        self, rule: Rule
    ) -> tuple[tuple[tuple[Condition, ...], ...], tuple[Exclusion, ...]]:
        """The condition groups and exclusions of a rule, its own or those it refers to."""
        while rule.conditions_of is not None:
            rule = self.rules[rule.conditions_of]
        return rule.any_of, rule.exclusions

    def form_of(self, rule: Rule) -> str | None:
        """The kind of the rule's instrument, such as ``is-informed-letter``."""
        return self.instruments[rule.instrument].kind if rule.instrument else None

    def name(self, slug: str) -> str:
        group = self.groups.get(slug)
        return group.label if group else self.names.get(slug, slug)

    def code(self, place: str) -> str:
        """The ISO code of a place, or its slug where it has none."""
        return self.codes.get(place, place)

    @cached_property
    def change_dates(self) -> list[Date]:
        """Every day on which an answer may become another one, in order."""
        rules = self.rules.values()
        return sorted({*self.membership_dates, *(d for r in rules for d in change_dates_of(r))})

    @cached_property
    def membership_dates(self) -> frozenset[Date]:
        """Every day on which a place joins or leaves a country group."""
        members = (member for group in self.groups.values() for member in group.members)
        return frozenset(day for member in members for day in _ends(member))

    def with_rule(self, rule: Rule) -> Rulebook:
        """A copy in which ``rule`` is added, or stands in for the rule of its id."""
        return replace(self, rules={**self.rules, rule.id: rule})


def _entities(records: Records) -> list[Entity]:
    return [*records.of(Entity), *records.of(Firm), *records.of(Chip)]


def _sources(records: Records) -> Iterator[tuple[str, Source]]:
    for reference in records.of(Reference):
        yield reference.id, Source(reference.title, next(iter(reference.urls), None))
    for article in records.of(Article):
        yield article.id, Source(article.title, article.url)
    for report in records.of(Report):
        yield report.id, Source(report.title)
    for evidence in records.of(Evidence):
        yield evidence.id, Source(f"Evidence {evidence.id}", evidence.urls[0])
    for instrument in records.of(Instrument):
        cited = citation_of(instrument)
        label = f"{instrument.title} ({cited})" if cited else instrument.title
        yield instrument.id, Source(label, address_of(instrument))


def _first_day(rule: Rule) -> tuple[Date, str]:
    """Rules are told in the order in which they took effect, wherever they were read from."""
    return min(interval.from_ or Date.min for interval in rule.effective), rule.id


def change_dates_of(rule: Rule) -> Iterator[Date]:
    """The days on which what a rule says may become something else."""
    exceptions = [exception.during for exception in rule.exceptions]
    for interval in (*rule.effective, *rule.enforcement, *exceptions):
        yield from _ends(interval)


def _ends(interval: Interval) -> Iterator[Date]:
    if interval.from_ is not None:
        yield interval.from_
    if interval.to is not None and interval.to < Date.max:
        yield interval.to + ONE_DAY


# --- contradictions ---------------------------------------------------------------------------


def check(records: Records) -> list[Finding]:
    """Everything that does not fit together in the policy records."""
    return [finding for test in _TESTS for finding in test(_Policy(records))]


class _Policy:
    """The policy records with their places, by kind and id."""

    def __init__(self, records: Records) -> None:
        self.rules = self._of(records, Rule)
        self.groups = self._of(records, CountryGroup)
        self.instruments = self._of(records, Instrument)
        entities = _entities(records)
        self.entities = {e.id for e in entities} | {a for e in entities for a in e.aliases}
        self.sources = dict(_sources(records))
        self.metrics = set(METRICS) | {f.metric for chip in records.of(Chip) for f in chip.figures}

    @staticmethod
    def _of(records: Records, kind: type[Rule | CountryGroup | Instrument]) -> dict[str, Located]:
        return {item.name: item for item in records if type(item.record) is kind}

    def finding(self, item: Located, message: str, rule: str) -> Finding:
        return Finding(item.where, item.line, item.name, message, rule)


def _unknown_names(policy: _Policy) -> Iterator[Finding]:
    for item in (*policy.rules.values(), *policy.groups.values(), *policy.instruments.values()):
        for field_name, names, known in _references(item, policy):
            for name in names:
                if name not in known:
                    yield _unknown(policy, item, field_name, name, known)


def _unknown(
    policy: _Policy, item: Located, field_name: str, name: str, known: Iterable[str]
) -> Finding:
    near = get_close_matches(name, list(known), 3)
    hint = f"; nearest: {', '.join(near)}" if near else ""
    message = f"{field_name}: there is no {name!r}{hint}"
    return policy.finding(item, message, "policy-unknown-name")


_Reference = tuple[str, Iterable[str], Iterable[str]]


def _references(item: Located, policy: _Policy) -> Iterator[_Reference]:
    """(field, the names in it, the names that there are)."""
    record = item.record
    if isinstance(record, Rule):
        yield from _references_of_rule(record, policy)
    elif isinstance(record, CountryGroup):
        yield "members", [member.place for member in record.members], policy.entities
        yield "sources", record.sources, policy.sources
    elif isinstance(record, Instrument):
        yield "amends", record.amends, policy.instruments
        yield "sources", record.sources, policy.sources
        yield "authority", record.authority, policy.entities


def _references_of_rule(rule: Rule, policy: _Policy) -> Iterator[_Reference]:
    places = policy.entities | policy.groups.keys()
    for scope in (rule, *rule.reviews, *rule.exceptions):
        yield "destinations", [*scope.destinations, *scope.except_, *scope.ship_from], places
        yield "headquarters", [*scope.headquarters, *scope.except_headquarters], places
    yield "designers", [*rule.designers, *rule.except_designers], places
    yield "products", rule.products, policy.entities
    yield "makers", rule.makers, policy.entities
    yield "parties", rule.parties, policy.entities
    yield "relaxes", rule.relaxes, policy.rules
    yield "exempts", rule.exempts, policy.rules
    yield "conditions_of", [rule.conditions_of] if rule.conditions_of else [], policy.rules
    yield "instrument", [rule.instrument] if rule.instrument else [], policy.instruments
    yield "sources", rule.sources, policy.sources
    yield "metric", [condition.metric for condition in _conditions(rule)], policy.metrics


def _conditions(rule: Rule) -> Iterator[Condition]:
    for group in rule.any_of:
        yield from group
    for exclusion in rule.exclusions:
        yield from exclusion.all_of
    for review in rule.reviews:
        yield from review.all_of
    for exception in rule.exceptions:
        yield from exception.all_of


def _bad_intervals(policy: _Policy) -> Iterator[Finding]:
    for item in (*policy.rules.values(), *policy.groups.values()):
        for what, interval in _intervals(item):
            if interval.from_ and interval.to and interval.to < interval.from_:
                message = f"{what} ends on {interval.to}, before it starts on {interval.from_}"
                yield policy.finding(item, message, "policy-interval")
    for item in policy.rules.values():
        yield from _overlaps(policy, item)


def _intervals(item: Located) -> Iterator[tuple[str, Interval]]:
    record = item.record
    if isinstance(record, Rule):
        yield from (("effective", interval) for interval in record.effective)
        yield from (("enforcement", interval) for interval in record.enforcement)
        yield from ((e.exception, e.during) for e in record.exceptions)
    elif isinstance(record, CountryGroup):
        yield from ((f"membership of {member.place}", member) for member in record.members)


def _overlaps(policy: _Policy, item: Located) -> Iterator[Finding]:
    rule = item.record
    spans = sorted(rule.effective, key=_start) if isinstance(rule, Rule) else ()
    for earlier, later in pairwise(spans):
        if earlier.to is None or (later.from_ or Date.min) <= earlier.to:
            message = f"effective: intervals overlap at {later.from_}"
            yield policy.finding(item, message, "policy-interval")


def _start(interval: Interval) -> Date:
    return interval.from_ or Date.min


def _cycles(policy: _Policy) -> Iterator[Finding]:
    for what, graph in _links(policy):
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            cycle: list[str] = error.args[1]
            items = policy.rules | policy.instruments
            message = f"{what}: a cycle: {' → '.join(cycle)}"
            yield policy.finding(items[cycle[0]], message, "policy-cycle")


def _links(policy: _Policy) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Relations that may not lead back to where they start."""
    rules = [item.record for item in policy.rules.values() if isinstance(item.record, Rule)]
    yield "relaxes", {rule.id: [*rule.relaxes, *rule.exempts] for rule in rules}
    yield "conditions_of", {r.id: [r.conditions_of] for r in rules if r.conditions_of}
    acts = [item.record for item in policy.instruments.values()]
    yield "amends", {act.id: list(act.amends) for act in acts if isinstance(act, Instrument)}


def _empty(policy: _Policy) -> Iterator[Finding]:
    """Rules without a source or effect, conditions that test nothing or what cannot be."""
    for item in policy.rules.values():
        rule = item.record
        if not isinstance(rule, Rule):
            continue
        for message in _shortcomings(rule):
            yield policy.finding(item, message, "policy-rule")


def _shortcomings(rule: Rule) -> Iterator[str]:
    if not (rule.sources or rule.evidence or rule.claims):
        yield "a rule needs at least one source, evidence or claim"
    if not (rule.requirement or rule.review or rule.reviews or rule.exempts or rule.ownership):
        yield "a rule needs an effect: requirement, review or exempts"
    if is_home_export(rule):
        yield from _unknown_words(rule)
    if rule.review and rule.reviews:
        yield "review and reviews: only one of them"
    if rule.conditions_of and (rule.any_of or rule.exclusions):
        yield "conditions_of and conditions of its own: only one of them"
    yield from _bad_conditions(rule)


def _bad_conditions(rule: Rule) -> Iterator[str]:
    for condition in _conditions(rule):
        if not condition.tests:
            yield f"condition on {condition.metric}: no limit given"
        if _is_empty(condition):
            yield f"condition on {condition.metric}: no number can meet it"


def _unknown_words(rule: Rule) -> Iterator[str]:
    """An export rule's words must have a place in the order from weak to strong."""
    if rule.requirement not in (None, *REQUIREMENTS):
        yield f"requirement: {rule.requirement!r} is not one of {', '.join(REQUIREMENTS)}"
    for review in filter(None, [rule.review, *(clause.policy for clause in rule.reviews)]):
        if review not in REVIEWS:
            yield f"review: {review!r} is not one of {', '.join(REVIEWS)}"


def _is_empty(condition: Condition) -> bool:
    lows = [v for v in (condition.at_least, condition.more_than) if v is not None]
    highs = [v for v in (condition.at_most, condition.less_than) if v is not None]
    if not lows or not highs:
        return False
    strict = condition.more_than == max(lows) or condition.less_than == min(highs)
    return max(lows) > min(highs) or (strict and max(lows) == min(highs))


def _never_together(policy: _Policy) -> Iterator[Finding]:
    for item in policy.rules.values():
        rule = item.record
        for name in [*rule.relaxes, *rule.exempts] if isinstance(rule, Rule) else []:
            other = policy.rules.get(name)
            if other is not None and not _meet(rule, other.record):
                message = f"relaxes: {name} is never in force at the same time"
                yield policy.finding(item, message, "policy-interval")


def _meet(one: object, other: object) -> bool:
    if not (isinstance(one, Rule) and isinstance(other, Rule)):
        return False
    return any(_touch(a, b) for a in one.effective for b in other.effective)


def _touch(one: EffectiveInterval, other: EffectiveInterval) -> bool:
    return (one.to is None or _start(other) <= one.to) and (
        other.to is None or _start(one) <= other.to
    )


_TESTS = (_unknown_names, _bad_intervals, _cycles, _empty, _never_together)
