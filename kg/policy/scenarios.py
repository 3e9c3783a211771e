"""Questions about many answers at once: over time, what if, which chips change.

A threshold that is not the law's, figures of a chip that does not exist, another day: each gives
a ``StatusService`` of its own, and the answers of two of them can be compared.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from kg.errors import InvalidInput
from kg.metrics import Readings
from kg.policy.evaluate import Judgement, judge
from kg.policy.explain import explain
from kg.policy.facts import ChipFacts
from kg.policy.outcome import Decision, Question, Status
from kg.policy.records import Condition
from kg.policy.status import StatusService

Date = datetime.date

DESTINATIONS = (
    "china",
    "hong-kong",
    "macau",
    "russia",
    "united-arab-emirates",
    "saudi-arabia",
    "israel",
    "singapore",
    "malaysia",
    "taiwan",
    "vietnam",
    "germany",
)
"""The destinations for which every status is written out."""


@dataclass(frozen=True)
class Determination:
    """The status of a chip for a destination from ``valid_from`` to ``valid_to`` (None: open).

    ``rules``: those that make the answer.
    """

    chip: str
    destination: str
    valid_from: Date
    valid_to: Date | None
    decision: Decision
    explanation: str
    rules: tuple[str, ...]


def determinations(
    service: StatusService, chips: Iterable[str], destinations: Iterable[str] = DESTINATIONS
) -> Iterator[Determination]:
    """The US export status of ``chips`` over all time that the rules cover, without gaps."""
    groups = service.alike(destinations)
    for chip in chips:
        for group in groups:
            asked = Question(chip=chip, destination=group[0], on=Date.min)
            times = [*service.over_time(asked)]
            yield from (
                _determination(service, first, last, status.at(place))
                for place in group
                for first, last, status in times
            )


def _determination(
    service: StatusService, first: Date, last: Date | None, status: Status
) -> Determination:
    return Determination(
        status.question.chip,
        status.question.destination,
        first,
        last,
        status.decision,
        explain(status, service.book, last or Date.max),
        tuple(found.rule.id for found in status.decisive),
    )


def with_figures(
    service: StatusService, like: str, figures: Readings, slug: str = "what-if"
) -> StatusService:
    """A service that also knows ``slug``: the chip ``like`` with other figures.

    What follows from the figures is computed anew; a given total performance or density is taken
    as it is. Raises KeyError for an unknown chip.
    """
    return service.with_chip(service.chips[like].with_figures(slug, figures))


def with_threshold(
    service: StatusService, rule: str, metric: str, old: Decimal, new: Decimal
) -> StatusService:
    """A service in which every limit ``old`` on ``metric`` in a rule is ``new``.

    Rules that share the conditions of ``rule`` change with it. Raises KeyError for an unknown
    rule, InvalidInput where it has no such limit.
    """
    found = service.book.rules[rule]
    changed = found.model_copy(
        update={
            "any_of": tuple(
                tuple(_moved(condition, metric, old, new) for condition in group)
                for group in found.any_of
            )
        }
    )
    if changed == found:
        raise InvalidInput(f"{rule} has no limit {old} on {metric}")
    return service.with_rule(changed)


def _moved(condition: Condition, metric: str, old: Decimal, new: Decimal) -> Condition:
    if condition.metric != metric:
        return condition
    limits = ("at_least", "more_than", "at_most", "less_than")
    return condition.model_copy(
        update={name: new for name in limits if getattr(condition, name) == old}
    )


def compare_rules(
    service: StatusService, one: str, other: str
) -> list[tuple[ChipFacts, Judgement, Judgement]]:
    """The chips on which the product scopes of two rules differ. Raises KeyError."""
    book = service.book
    first, second = book.rules[one], book.rules[other]
    judged = [
        (chip, judge(book, first, chip), judge(book, second, chip))
        for chip in service.chips.values()
        if not chip.configurations
    ]
    return [row for row in judged if row[1].outcome is not row[2].outcome]
