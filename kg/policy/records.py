"""Rules, country groups and instruments as people write them (docs/data-model.md, Policy).

These classes say which fields there are. Whether the fields fit together (a relaxed rule exists,
an interval ends after it starts, no cycle) is checked over all records by ``kg.policy.rulebook``.
"""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from kg.records import ClaimId, EvidenceId, Number, Record, Slug, UnitName

Date = datetime.date

HOME = "united-states"
"""Whose export rules the part ``us`` of an answer is about."""

REQUIREMENTS = (
    "none-found",
    "codified-not-enforced",
    "compliance-pending",
    "indeterminate",
    "licence-required",
)
"""What the export rules of HOME may come to, from the weakest to the strongest."""

REVIEWS = (
    "unstated",
    "licences-promised",
    "presumption-of-approval",
    "case-by-case",
    "presumption-of-denial",
    "policy-of-denial",
)
"""How applications may be reviewed, from what says least to the strictest."""


class Interval(Record):
    """Days from ``from`` to ``to``, both included; an open side is left out."""

    from_: Date | None = Field(default=None, alias="from")
    to: Date | None = None

    def holds(self, day: Date) -> bool:
        return (self.from_ is None or self.from_ <= day) and (self.to is None or day <= self.to)


class EffectiveInterval(Interval):
    """``contested``: why it is not known whether the rule is in force in this interval."""

    contested: str | None = None
    sources: tuple[Slug, ...] = ()


def _as_list(value: object) -> object:
    return [value] if isinstance(value, dict) else value


Effective = Annotated[tuple[EffectiveInterval, ...], BeforeValidator(_as_list), Field(min_length=1)]


class Scope(Record):
    """Where a clause applies.

    It applies where the destination is one of ``destinations`` (and none of ``except``), or the
    end user, or its ultimate parent, has its headquarters in one of ``headquarters``; without
    either list, everywhere. Each name is a place or a country group.
    """

    destinations: tuple[Slug, ...] = ()
    except_: tuple[Slug, ...] = Field(default=(), alias="except")
    headquarters: tuple[Slug, ...] = ()
    except_headquarters: tuple[Slug, ...] = ()
    ship_from: tuple[Slug, ...] = ()


class Condition(Record):
    """One test of one figure of the product."""

    metric: Slug
    at_least: Number | None = None
    more_than: Number | None = None
    at_most: Number | None = None
    less_than: Number | None = None
    equals: bool | Number | Slug | None = None
    unit: UnitName | None = None

    @property
    def tests(self) -> dict[str, Number | bool | str]:
        """Sign → limit, such as ``{">=": 4800}``."""
        fields = {
            ">=": self.at_least,
            ">": self.more_than,
            "<=": self.at_most,
            "<": self.less_than,
            "=": self.equals,
        }
        return {sign: limit for sign, limit in fields.items() if limit is not None}


class Exclusion(Record):
    """Products that the rule's own notes take out again."""

    label: str
    all_of: tuple[Condition, ...] = Field(min_length=1)


class ReviewClause(Scope):
    """How applications are reviewed; of a rule's clauses the first that fits counts."""

    policy: Slug
    all_of: tuple[Condition, ...] = ()


class Enforcement(Interval):
    """A time in which the text is in force and yet not (or not yet) enforced."""

    state: Literal["compliance-pending", "codified-not-enforced"]


class LicenceException(Scope):
    """When a licence exception stands in for the licence that the rule requires.

    ``unverified`` marks one whose conditions depend on facts outside of this record: it is
    listed, never applied.
    """

    exception: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]*$")]
    during: EffectiveInterval = EffectiveInterval()
    all_of: tuple[Condition, ...] = ()
    precondition: str | None = None
    unverified: bool = False


class OwnershipTest(Record):
    """Parties owned to ``at_least`` percent, together, by parties on ``list``."""

    list_: Slug = Field(alias="list")
    at_least: Number


class RecordSpan(Record):
    """From when to when this record said so (not when the rule applied)."""

    from_: datetime.datetime | None = Field(default=None, alias="from")
    to: datetime.datetime | None = None

    def holds(self, known_at: datetime.datetime | None, recorded: datetime.datetime | None) -> bool:
        """At ``known_at``; None: now. ``recorded``: where it begins if it does not say."""
        if known_at is None:
            return self.to is None
        start = self.from_ or recorded
        return (start is None or start <= known_at) and (self.to is None or known_at < self.to)


class Rule(Scope):
    """What must hold for which products, places and parties, and what follows.

    Scope: the named ``products``, or products that meet any of the ``any_of`` groups (each a list
    of conditions that must all hold); neither means every product of the kinds and makers given.
    """

    id: Slug
    title: str
    jurisdiction: Slug
    activity: Literal["export", "import", "purchase", "use"]
    instrument: Slug | None = None
    paragraph: str | None = None
    hedge: Slug = "asserted"
    effective: Effective
    enforcement: tuple[Enforcement, ...] = ()

    product_kinds: tuple[Slug, ...] = ()
    makers: tuple[Slug, ...] = ()
    designers: tuple[Slug, ...] = ()
    except_designers: tuple[Slug, ...] = ()
    products: tuple[Slug, ...] = ()
    any_of: tuple[tuple[Condition, ...], ...] = ()
    conditions_of: Slug | None = None
    exclusions: tuple[Exclusion, ...] = ()

    parties: tuple[Slug, ...] = ()
    list_: Slug | None = Field(default=None, alias="list")
    ownership: OwnershipTest | None = None
    end_uses: tuple[Slug, ...] = ()

    requirement: Slug | None = None
    review: Slug | None = None
    reviews: tuple[ReviewClause, ...] = ()
    exceptions: tuple[LicenceException, ...] = ()
    preconditions: tuple[str, ...] = ()
    relaxes: tuple[Slug, ...] = ()
    exempts: tuple[Slug, ...] = ()

    sources: tuple[Slug, ...] = ()
    evidence: tuple[EvidenceId, ...] = ()
    claims: tuple[ClaimId, ...] = ()
    recorded: RecordSpan = RecordSpan()
    note: str | None = None


def is_home_export(rule: Rule) -> bool:
    return rule.activity == "export" and rule.jurisdiction == HOME


class Membership(EffectiveInterval):
    """A place in a country group, from when to when."""

    place: Slug
    note: str | None = None


def _as_membership(value: object) -> object:
    return {"place": value} if isinstance(value, str) else value


class CountryGroup(Record):
    """Places that rules speak of by one name."""

    id: Slug
    label: str
    members: tuple[Annotated[Membership, BeforeValidator(_as_membership)], ...] = ()
    sources: tuple[Slug, ...] = ()
    note: str | None = None


class Citation(Record):
    """How the document is cited. ``fr`` names volume and first page: ``88 FR 73458``."""

    fr: str | None = None
    document: str | None = None
    rin: str | None = None
    docket: str | None = None
    cfr: str | None = None
    number: str | None = None


class Instrument(Record):
    """A legal or administrative act. Its dates are different things and stay apart."""

    id: Slug
    title: str
    kind: Slug
    jurisdiction: Slug
    authority: tuple[Slug, ...] = ()
    citation: Citation = Citation()
    announced: Date | None = None
    published: Date | None = None
    effective: Date | None = None
    compliance: Date | None = None
    not_enforced: Date | None = None
    suspended: Date | None = None
    reinstated: Date | None = None
    expired: Date | None = None
    hedge: Slug = "asserted"
    grade: Literal["high", "medium", "low"] | None = None
    amends: tuple[Slug, ...] = ()
    sources: tuple[Slug, ...] = Field(min_length=1)
    note: str | None = None


POLICY_KINDS: dict[str, type[Record]] = {
    "instruments": Instrument,
    "country_groups": CountryGroup,
    "rules": Rule,
}
"""The key of a file's list → the class of the records in it."""

PolicyRecord = Instrument | CountryGroup | Rule


def citation_of(instrument: Instrument) -> str | None:
    """The shortest usual citation of an instrument."""
    cited = instrument.citation
    return cited.fr or cited.number or cited.docket


def address_of(instrument: Instrument) -> str | None:
    """The Federal Register's permanent address of a document, where its number is known."""
    number = instrument.citation.document
    return f"https://www.federalregister.gov/d/{number}" if number else None
