"""The records that people write: one typed class a kind, as docs/data-model.md lists them.

These classes check only what makes a record a record: which fields there are and what type
each has. What makes the data *right* (one value a claim, known names, dates in order) is said
once, in the SHACL shapes, which see every way of bringing data in.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from kg.errors import Finding, InvalidData
from kg.yamlfile import Path_, YamlFile, read_yaml

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.]*(-[a-z0-9.]+)*$")]
"""A name in an IRI: lower case, digits, dots, hyphens."""
ClaimId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*-[0-9]+(-v[0-9]+)?$")]
EvidenceId = Annotated[str, StringConstraints(pattern=r"^[A-Z][0-9]+$")]
LinkId = Annotated[str, StringConstraints(pattern=r"^[A-Z]+[0-9]+$")]
PropertyName = Annotated[str, StringConstraints(pattern=r"^[a-z][A-Za-z0-9]*$")]
PassageHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$"), BeforeValidator(str)]
Grade = Literal["A", "B", "C", "D", "E", "F"]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s<>\"{}|\\^`]+$")]
Number = int | Decimal
UnitName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$")]


class Record(BaseModel):
    """Base of all records: unknown fields are errors, a record never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# --- sources ----------------------------------------------------------------------------------


class Published(Record):
    """When a document came out, as an interval of days, and how that is known."""

    earliest: datetime.date
    latest: datetime.date
    basis: Slug
    reason: str | None = None


class Article(Record):
    """A document whose claims were read out one by one."""

    id: Slug
    graph: Slug
    title: str
    publisher: Slug
    author: str | None = None
    url: Url
    language: str = "en"
    file: str
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    length: int
    published: Published
    reliability: Grade
    reliability_reason: str
    note: str | None = None


class Report(Record):
    """The report behind a report: not read itself, but what an article retells."""

    id: Slug
    title: str
    publisher: Slug | None = None
    date: datetime.date | None = None
    note: str | None = None


class Reference(Record):
    """A document or data set that figures and rules are taken from."""

    id: Slug
    title: str
    where: str | None = None
    urls: list[Url] = []
    reliability: Grade
    note: str | None = None


class Evidence(Record):
    """What was found when a claim was checked."""

    id: EvidenceId
    date: datetime.date | str | None = None
    fact: str
    kind: list[Slug]
    urls: list[Url] = Field(min_length=1)
    verification: str | None = None


# --- things -----------------------------------------------------------------------------------


class Entity(Record):
    """A thing that claims speak of."""

    id: Slug
    class_: str = Field(alias="class", pattern=r"^[A-Z][A-Za-z]+$")
    label: str
    names: dict[str, list[str]] = {}
    aliases: list[Slug] = []
    iso: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    part_of: Slug | None = None
    note: str | None = None
    sources: list[Slug] = []


class Identifiers(Record):
    wikidata: list[str] = []
    lei: list[str] = []
    ticker: list[str] = []
    cik: list[str] = []


class Ownership(Record):
    owner: Slug
    percent: Number
    from_: datetime.date | None = Field(default=None, alias="from")
    to: datetime.date | None = None
    sources: list[Slug] = []


class Listing(Record):
    """One row of a screening list."""

    list_: Slug = Field(alias="list")
    name: str
    country: Slug | None = None
    citations: list[str] = []
    requirement: str | None = None
    review: str | None = None
    listed_from: datetime.date | None = None
    listed_to: datetime.date | None = None
    sources: list[Slug] = []


class ListingCheck(Record):
    """A search of a screening list that found nothing: not proof that nothing applies."""

    date: datetime.date
    hits: int
    source: Slug | None = None


class Firm(Entity):
    class_: str = Field(default="Company", alias="class", pattern=r"^[A-Z][A-Za-z]+$")
    legal_name: str | None = None
    country: Slug | None = None
    roles: list[Slug] = []
    parent: Slug | None = None
    owners: list[Ownership] = []
    identifiers: Identifiers = Identifiers()
    listings: list[Listing] = []
    listing_checked: ListingCheck | None = None


class Figure(Record):
    """One value of one metric from one source; rivals are further figures of the metric."""

    metric: Slug
    value: bool | Number | datetime.date | str | None = None
    low: datetime.date | Number | None = None
    high: datetime.date | Number | None = None
    unit: UnitName | None = None
    source: Slug | None = None
    status: Slug = "reported"
    note: str | None = None


class Chip(Entity):
    class_: str = Field(default="Chip", alias="class", pattern=r"^[A-Z][A-Za-z]+$")
    maker: Slug
    designer_country: Slug | None = None
    kind: Slug = "accelerator"
    configuration_of: Slug | None = None
    variant_of: Slug | None = None
    foundry: list[Slug] = []
    grade: Literal["high", "medium", "low"] | None = None
    figures: list[Figure] = []


# --- claims -----------------------------------------------------------------------------------


class Quantity(Record):
    """Numbers or dates between two bounds; an open side is left out."""

    low: datetime.date | Number | None = None
    high: datetime.date | Number | None = None
    bound: Literal["exact", "approx", "at_least", "at_most", "range"]
    unit: UnitName | None = None


class Valid(Record):
    """About when the claim speaks."""

    from_: datetime.date | None = Field(default=None, alias="from")
    to: datetime.date | None = None
    precision: Slug | None = None


class RecordTime(Record):
    """When this record was made and, if it was, closed; not when anything happened."""

    from_: datetime.datetime | None = Field(default=None, alias="from")
    to: datetime.datetime | None = None
    superseded_by: ClaimId | None = None
    reason: Slug | None = None


def _span(value: object) -> object:
    """``1632-1731`` → (1632, 1731): code points, half-open."""
    start, dash, end = str(value).partition("-")
    if not (dash and start.isdecimal() and end.isdecimal()):
        raise ValueError("write a span as START-END, in characters, such as 1632-1731")
    return int(start), int(end)


Span = Annotated[tuple[int, int], BeforeValidator(_span)]


class Content(Record):
    """What a claim says: subject, property and a value of one of four kinds."""

    id: ClaimId
    paraphrase: str
    subject: Slug
    property: PropertyName
    object: Slug | None = None
    concept: Slug | None = None
    literal: bool | Number | datetime.date | str | None = None
    quantity: Quantity | None = None
    valid: Valid = Valid()
    record: RecordTime = RecordTime()
    note: str | None = None


class Claim(Content):
    """One document says one thing about one subject."""

    hedge: Slug
    denied: bool = False
    via: list[Slug] = Field(min_length=1)
    span: Span | None = None
    sha256: PassageHash | None = None
    stated: Published | None = None
    upstream: Slug | None = None


class ExternalClaim(Content):
    """What evidence says instead."""

    evidence: EvidenceId
    corrects: ClaimId | None = None


class Assessment(Record):
    """A verdict on a claim: on its content, or only on that it was said."""

    claim: ClaimId
    verdict: Slug
    scope: Slug = "content"
    evidence: list[EvidenceId] = []
    corrected_by: ClaimId | None = None
    reason: str | None = None


class Link(Record):
    """How claims stand to each other."""

    id: LinkId
    type: Slug
    claims: list[ClaimId]
    strict: bool | None = None
    comment: str


# --- files ------------------------------------------------------------------------------------

KINDS: dict[str, type[Record]] = {
    "articles": Article,
    "reports": Report,
    "references": Reference,
    "evidence": Evidence,
    "entities": Entity,
    "firms": Firm,
    "chips": Chip,
    "claims": Claim,
    "external_claims": ExternalClaim,
    "assessments": Assessment,
    "links": Link,
}
"""The key of a file's list → the class of the records in it."""

HEADER_KEYS = ("source", "recorded")
"""Keys of a claims file that hold for all its claims."""


class Header(Record):
    source: Slug | None = None
    recorded: datetime.datetime | None = None


@dataclass(frozen=True)
class Located:
    """A record, where it stands, and the header of its file."""

    kind: str
    record: Record
    header: Header
    where: str
    line: int | None

    @property
    def name(self) -> str:
        return str(getattr(self.record, "id", None) or getattr(self.record, "claim", ""))


R = TypeVar("R", bound=Record)


class Records(Sequence[Located]):
    """All records of some files, in the order in which they were read."""

    def __init__(self, items: Sequence[Located]) -> None:
        self._items = list(items)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]

    def __iter__(self) -> Iterator[Located]:
        return iter(self._items)

    def of(self, kind: type[R]) -> list[R]:
        """The records of exactly one class."""
        return [item.record for item in self._items if type(item.record) is kind]


def read_records(paths: Sequence[Path], kinds: Mapping[str, type[Record]] = KINDS) -> Records:
    """Every record in ``paths`` (YAML files).

    Raises InvalidData with all findings of all files: malformed files, unknown keys, fields of
    a wrong type, ids that stand twice.
    """
    items: list[Located] = []
    findings: list[Finding] = []
    for path in paths:
        try:
            items += _of_file(read_yaml(path), kinds)
        except InvalidData as error:
            findings += error.findings
    findings += _duplicates(items)
    if findings:
        raise InvalidData(findings)
    return Records(items)


def _of_file(file: YamlFile, kinds: Mapping[str, type[Record]]) -> list[Located]:
    findings: list[Finding] = []
    header = _header(file, findings)
    items: list[Located] = []
    for key, values in file.content.items():
        if key in HEADER_KEYS:
            continue
        if key not in kinds or not isinstance(values, list):
            known = ", ".join(kinds)
            message = f"{key!r} is not a list of records; known lists: {known}"
            findings.append(Finding(file.name, file.line((key,)), "", message, "yaml"))
            continue
        for index, value in enumerate(values):
            record = _record(file, (key, index), kinds[key], value, findings)
            if record is not None:
                line = file.line((key, index))
                items.append(Located(key, record, header, file.name, line))
    if findings:
        raise InvalidData(findings)
    return items


def _header(file: YamlFile, findings: list[Finding]) -> Header:
    values = {key: file.content[key] for key in HEADER_KEYS if key in file.content}
    return _record(file, (), Header, values, findings) or Header()


def _record(
    file: YamlFile, path: Path_, kind: type[R], value: object, findings: list[Finding]
) -> R | None:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        name = str(value.get("id") or value.get("claim") or "") if isinstance(value, dict) else ""
        findings += [_as_finding(file, path, name, dict(item)) for item in error.errors()]
        return None


def _as_finding(file: YamlFile, path: Path_, record: str, error: dict[str, Any]) -> Finding:
    # pydantic adds the names of union members to the path; those are not in the file.
    place = tuple(part for part in error["loc"] if isinstance(part, int | str))
    field = ".".join(str(part) for part in place)
    message = f"{field}: {error['msg']}"
    if error["type"] not in ("missing", "extra_forbidden"):
        message += f" (found {error['input']!r})"
    return Finding(file.name, file.line((*path, *place)), record, message, "record")


def _duplicates(items: Sequence[Located]) -> list[Finding]:
    first: dict[tuple[str, str], Located] = {}
    findings = []
    for item in items:
        key = (_namespace(item), item.name)
        before = first.setdefault(key, item)
        if before is not item:
            message = f"id stands twice; first in {before.where}:{before.line}"
            findings.append(Finding(item.where, item.line, item.name, message, "duplicate"))
    return findings


def _namespace(item: Located) -> str:
    """Records whose ids become IRIs in one namespace share it: there an id is used once."""
    groups = {
        ("entities", "firms", "chips", "instruments", "country_groups"): "id",
        ("articles", "reports", "references"): "src",
        ("claims", "external_claims"): "claim",
    }
    return next((name for kinds, name in groups.items() if item.kind in kinds), item.kind)
