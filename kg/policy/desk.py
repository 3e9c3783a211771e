"""Questions about control status as people put them: names, codes and dates as text.

The desk turns them into slugs and dates, asks the evaluator, and gives answers that can be sent.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from kg.errors import InvalidInput, NotFound, UnknownName
from kg.metrics import METRICS, Reading
from kg.moments import moment
from kg.names import nearest
from kg.policy.answers import ControlStatus, PartyAnswer, control_status, party_status
from kg.policy.facts import chip_facts
from kg.policy.names import Names
from kg.policy.outcome import Question
from kg.policy.parties import PartyService
from kg.policy.rulebook import Rulebook
from kg.policy.scenarios import with_figures, with_threshold
from kg.policy.status import StatusService
from kg.records import Firm, Records

MAX_BATCH = 1000


class _AsKnown(BaseModel):
    """``known_at``: a day (its end) or a time: answer from what the record said then, at the desk
    of that time (:mod:`kg.desks`)."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    known_at: datetime.datetime | None = Field(
        default=None,
        description="a day (its end) or a time: from the records as they stood in the store then",
    )

    @field_validator("known_at", mode="before")
    @classmethod
    def _as_moment(cls, value: object) -> object:
        text = value.isoformat() if isinstance(value, datetime.date) else value
        return moment("known_at", text) if isinstance(text, str) else value


class Ask(_AsKnown):
    """One question. Chips and firms by slug, alias or name; places by ISO code, slug or name.

    ``end_user``: a firm; ``end_use``: a use that some rules turn on.
    """

    chip: str = Field(min_length=1)
    destination: str = Field(min_length=1)
    date: datetime.date
    end_user_hq: str | None = None
    ship_from: str | None = None
    end_user: str | None = None
    end_use: str | None = None


class WhatIf(Ask):
    """A question about a chip that does not exist: ``chip`` with other ``figures``.

    ``figures``: metric → number (or true/false), in the unit of the metric.
    """

    figures: dict[str, Decimal | bool] = Field(min_length=1)


class Threshold(_AsKnown):
    """A rule's limit moved: which chips change status for a destination on a day?"""

    rule: str
    metric: str
    old: Decimal
    new: Decimal
    destination: str
    date: datetime.date


class Change(BaseModel):
    """A chip whose status is another one after a change of day or rule."""

    chip: str
    before: dict[str, str | None]
    after: dict[str, str | None]


@dataclass(frozen=True)
class Desk:
    """Everything that answers need, made once for each version of the data."""

    book: Rulebook
    statuses: StatusService
    parties: PartyService
    names: Names

    @classmethod
    def of(cls, records: Records, recorded: datetime.datetime | None) -> Desk:
        """``recorded``: the record time of rules that carry none.

        Raises InvalidData where the rules contradict each other or a figure has a wrong unit.
        """
        book = Rulebook.from_records(records)
        return cls(
            book,
            StatusService(book, chip_facts(records), recorded),
            PartyService(book, {firm.id: firm for firm in records.of(Firm)}, recorded),
            Names.from_records(records),
        )

    # --- control status -----------------------------------------------------------------------

    def control_status(self, ask: Ask) -> ControlStatus:
        """Raises UnknownName with the nearest names."""
        return control_status(self.statuses.status(self._question(ask)), self.book)

    def what_if(self, ask: WhatIf) -> ControlStatus:
        """Raises UnknownName, InvalidInput for a value that is not one of its metric."""
        question = self._question(ask)
        figures = {name: (_reading(name, value),) for name, value in ask.figures.items()}
        service = with_figures(self.statuses, question.chip, figures)
        return control_status(service.status(replace(question, chip="what-if")), self.book)

    def threshold(self, ask: Threshold) -> list[Change]:
        """The chips that change status. Raises UnknownName, InvalidInput for no such limit."""
        if ask.rule not in self.book.rules:
            raise UnknownName("rule", ask.rule, nearest(ask.rule, self.book.rules))
        moved = with_threshold(self.statuses, ask.rule, ask.metric, ask.old, ask.new)
        return self._changes(moved, ask.destination, (ask.date, ask.date), ask.known_at)

    def diff(
        self,
        destination: str,
        days: tuple[datetime.date, datetime.date],
        known_at: datetime.datetime | None = None,
    ) -> list[Change]:
        """The chips whose status for ``destination`` differs between two days."""
        return self._changes(self.statuses, destination, days, known_at)

    def _changes(
        self,
        changed: StatusService,
        destination: str,
        days: tuple[datetime.date, datetime.date],
        known_at: datetime.datetime | None,
    ) -> list[Change]:
        place, (first, second) = self.names.place(destination), days
        asked = (
            Question(chip=chip, destination=place, on=first, known_at=known_at)
            for chip in self.statuses.chips
        )
        return [
            Change(
                chip=before.question.chip, before=vars(before.decision), after=vars(after.decision)
            )
            for before, after in self.statuses.diff(asked, changed, second)
        ]

    def _question(self, ask: Ask) -> Question:
        place = self.names.place
        question = Question(
            chip=self.names.chip(ask.chip),
            destination=place(ask.destination),
            on=ask.date,
            headquarters=place(ask.end_user_hq) if ask.end_user_hq else None,
            known_at=ask.known_at,
            end_user=self.names.firm(ask.end_user) if ask.end_user else None,
            end_use=ask.end_use or None,
        )
        return replace(question, ship_from=place(ask.ship_from)) if ask.ship_from else question

    # --- parties --------------------------------------------------------------------------------

    def firm_status(
        self, firm: str, on: datetime.date, known_at: datetime.datetime | None = None
    ) -> PartyAnswer:
        """Raises UnknownName with the nearest names, NotFound before anything was on record."""
        parties = self._parties(known_at)
        return party_status(parties.of_firm(self.names.firm(firm), on), self.book, known_at)

    def owned_status(
        self,
        owners: Mapping[str, str],
        on: datetime.date,
        known_at: datetime.datetime | None = None,
    ) -> PartyAnswer:
        """A firm known only by who owns how many percent of it: firm → percent as text.

        Raises the same, and InvalidInput for shares that cannot be.
        """
        parties = self._parties(known_at)
        shares: dict[str, Decimal] = {}
        for owner, text in owners.items():
            slug = self.names.firm(owner)
            shares[slug] = shares.get(slug, Decimal(0)) + _percent(text)
        if sum(shares.values()) > 100:
            raise InvalidInput("the owners together hold more than 100 percent")
        return party_status(parties.of_owned(shares, on), self.book, known_at)

    def _parties(self, known_at: datetime.datetime | None) -> PartyService:
        """Raises NotFound where nothing was on record: "not listed" would look like a fact."""
        found = replace(self.parties, known_at=known_at)
        if known_at is not None and not any(found.rules()):
            raise NotFound(f"no rules were on record at {known_at.isoformat()}")
        return found


def read_ask(row: Mapping[str, object]) -> Ask:
    """A question from one row of a batch; empty fields count as not given.

    Raises InvalidInput naming every field that is wrong.
    """
    given = {key: value for key, value in row.items() if value not in (None, "")}
    try:
        return Ask.model_validate(given)
    except ValidationError as error:
        found = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise InvalidInput("; ".join(found)) from None


def _reading(metric: str, value: Decimal | bool) -> Reading:
    known = METRICS.get(metric)
    if known is None:
        raise UnknownName("metric", metric, nearest(metric, METRICS))
    if isinstance(value, bool) != (known.unit is None):
        wanted = "true or false" if known.unit is None else f"a number in {known.unit}"
        raise InvalidInput(f"{metric} must be {wanted}, not {value}")
    if isinstance(value, Decimal) and not (value.is_finite() and value >= 0):
        raise InvalidInput(f"{metric} must be a finite number, not below zero")
    return Reading(value=value, unit=known.unit, status="assumed", note="given with the question")


def _percent(text: str) -> Decimal:
    try:
        share = Decimal(text.strip().removesuffix("%"))
    except InvalidOperation:
        share = Decimal("NaN")
    if not share.is_finite() or not 0 < share <= 100:
        raise InvalidInput(f"ownership must be a percentage above 0 and up to 100, not {text!r}")
    return share
