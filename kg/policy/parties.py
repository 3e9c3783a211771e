"""Is a firm on a list on a day, itself or through who owns it?

Ownership counts in aggregate and through the chain: a firm that listed parties hold to the limit
of the rule counts as one of them itself, and its own holdings count in full. Where the rule's
being in force is contested on that day, the answer is "conflicting" and shows both sides.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from kg.policy.records import EffectiveInterval, OwnershipTest, Rule
from kg.policy.rulebook import Rulebook
from kg.records import Firm, Listing, Ownership

Date = datetime.date

LISTED, NOT_LISTED, CONFLICTING = "listed", "not-listed", "conflicting"


@dataclass(frozen=True)
class Holding:
    """One step of an ownership chain: ``owner`` holds ``percent`` of ``owned``."""

    owner: str
    owned: str
    percent: Decimal
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class PartyStatus:
    """``status``: listed, not-listed or conflicting; ``basis``: listing, ownership or None.

    ``rows`` are list rows in force on the day, ``chain`` the holdings of listed parties that
    count, ``share`` their sum in percent, ``conflict`` why the answer is not known.
    """

    subject: str
    on: Date
    status: str
    basis: str | None = None
    rules: tuple[Rule, ...] = ()
    rows: tuple[Listing, ...] = ()
    chain: tuple[Holding, ...] = ()
    share: Decimal | None = None
    conflict: str | None = None
    sources: tuple[str, ...] = ()
    checked: Date | None = None
    """The day of a list in which the firm was looked for and not found."""


@dataclass(frozen=True)
class PartyService:
    """Answers from the rules that name parties, the firms' list rows and their owners.

    ``known_at``: from the rules that were on record then. ``recorded`` is the record time of
    rules that carry none of their own.
    """

    book: Rulebook
    firms: Mapping[str, Firm] = field(default_factory=dict)
    recorded: datetime.datetime | None = None
    known_at: datetime.datetime | None = None

    def rules(self) -> Iterator[Rule]:
        """Those on record."""
        for rule in self.book.rules.values():
            if rule.recorded.holds(self.known_at, self.recorded):
                yield rule

    def of_firm(self, firm: str, on: Date) -> PartyStatus:
        """Raises KeyError for a firm that is not in the record."""
        return self._status(firm, on, self.firms[firm].owners)

    def of_owned(self, owners: Mapping[str, Decimal], on: Date) -> PartyStatus:
        """A firm of which only the owners are known: slug → percent. Raises KeyError."""
        unknown = [owner for owner in owners if owner not in self.firms]
        if unknown:
            raise KeyError(unknown[0])
        holdings = [Ownership(owner=owner, percent=share) for owner, share in owners.items()]
        return self._status("", on, holdings)

    def _status(self, firm: str, on: Date, owners: Sequence[Ownership]) -> PartyStatus:
        rules = tuple(rule for rule in self._party_rules(on) if firm in rule.parties)
        rows = tuple(self._rows(firm, on))
        if rules or rows:
            sources = _sources(rules, (), [s for row in rows for s in row.sources])
            return PartyStatus(firm, on, LISTED, "listing", rules, rows, sources=sources)
        for rule, interval in self._ownership_rules(on):
            found = self._by_ownership(rule, interval, firm, on, owners)
            if found is not None:
                return found
        known = self.firms.get(firm)
        check = known.listing_checked if known else None
        sources = (check.source,) if check and check.source else ()
        return PartyStatus(
            firm, on, NOT_LISTED, sources=sources, checked=check.date if check else None
        )

    def _party_rules(self, on: Date) -> Iterator[Rule]:
        for rule in self.rules():
            if rule.list_ and rule.parties and any(i.holds(on) for i in rule.effective):
                yield rule

    def _rows(self, firm: str, on: Date) -> Iterator[Listing]:
        """Rows whose first day is known and reached; a row without one says nothing of a day."""
        known = self.firms.get(firm)
        for row in known.listings if known else ():
            if row.listed_from and row.listed_from <= on <= (row.listed_to or Date.max):
                yield row

    def _ownership_rules(self, on: Date) -> Iterator[tuple[Rule, EffectiveInterval]]:
        for rule in self.rules():
            interval = next((i for i in rule.effective if i.holds(on)), None)
            if rule.ownership and interval:
                yield rule, interval

    def _by_ownership(
        self,
        rule: Rule,
        interval: EffectiveInterval,
        firm: str,
        on: Date,
        owners: Sequence[Ownership],
    ) -> PartyStatus | None:
        if rule.ownership is None:
            return None
        share, chain = self._share(firm, owners, on, rule.ownership, frozenset({firm}))
        if share < rule.ownership.at_least:
            return None
        return PartyStatus(
            firm,
            on,
            CONFLICTING if interval.contested else LISTED,
            "ownership",
            (rule,),
            chain=tuple(chain),
            share=share,
            conflict=interval.contested,
            sources=_sources((rule,), interval.sources, [s for h in chain for s in h.sources]),
        )

    def _share(
        self,
        firm: str,
        owners: Sequence[Ownership],
        on: Date,
        test: OwnershipTest,
        seen: frozenset[str],
    ) -> tuple[Decimal, list[Holding]]:
        """Percent of ``firm`` that restricted parties hold on the day, and their holdings.

        ``seen`` are the firms already on the path: a circle of owners adds nothing.
        """
        share, chain = Decimal(0), list[Holding]()
        for stake in owners:
            if stake.owner in seen or not _held(stake, on):
                continue
            behind = self._restricted(stake.owner, on, test, seen | {stake.owner})
            if behind is not None:
                share += Decimal(stake.percent)
                holding = Holding(stake.owner, firm, Decimal(stake.percent), tuple(stake.sources))
                chain += [holding, *behind]
        return share, chain

    def _restricted(
        self, firm: str, on: Date, test: OwnershipTest, seen: frozenset[str]
    ) -> list[Holding] | None:
        """The holdings that make ``firm`` count as listed; none when it is listed itself; None
        when it does not count."""
        if any(rule.list_ == test.list_ and firm in rule.parties for rule in self._party_rules(on)):
            return []
        if any(row.list_ == test.list_ for row in self._rows(firm, on)):
            return []
        known = self.firms.get(firm)
        share, chain = self._share(firm, known.owners if known else (), on, test, seen)
        return chain if share >= test.at_least else None


def _held(stake: Ownership, on: Date) -> bool:
    return (stake.from_ or Date.min) <= on <= (stake.to or Date.max)


def _sources(rules: Sequence[Rule], first: Sequence[str], more: Sequence[str]) -> tuple[str, ...]:
    of_rules = [source for rule in rules for source in (*rule.sources, *rule.evidence)]
    return tuple(dict.fromkeys([*first, *of_rules, *more]))
