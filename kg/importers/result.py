"""What an importer is asked, and what it gives back."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from pyoxigraph import Quad

from kg.errors import Finding, InvalidData
from kg.intake import ALL_WRITERS, Intake
from kg.mapping import Writer, map_records
from kg.records import Header, Located, Record, Records
from kg.shapes import Origin, origins_of


@dataclass(frozen=True)
class Options:
    """``as_of``: the day of the snapshot, for files that do not say it.

    ``lists``: screening lists to take (concept slugs). ``accept``: the least score at which a
    name counts as the thing in the record; what scores less is only reported.
    """

    strict: bool = False
    as_of: datetime.date | None = None
    lists: tuple[str, ...] = ("entity-list",)
    accept: float = 0.8
    add_unknown: bool = False


@dataclass(frozen=True)
class Match:
    """A name in the file, and what it was taken for: ``target`` is a slug.

    ``score`` runs from 0 to 1; ``accepted`` is False for a candidate that a person may look at.
    """

    name: str
    target: str
    score: float
    reason: str
    accepted: bool = True


@dataclass(frozen=True)
class Difference:
    """The file and the record disagree: ``subject`` is a slug, ``what`` a metric or a field."""

    subject: str
    what: str
    imported: str
    recorded: str
    percent: Decimal | None = None

    def __str__(self) -> str:
        share = "" if self.percent is None else f" ({self.percent:+} %)"
        return f"{self.subject}: {self.what} {self.imported}, recorded {self.recorded}{share}"


@dataclass
class ImportResult:
    """What one file says, as quads in a graph of its own; nothing of it is applied yet.

    ``quads`` are added. ``replaced`` are quads of closed records: they go to ``g:history``, where
    nothing is lost. ``findings`` are malformed rows and cells, which were left out; ``notes``
    are sound rows that somebody may want to look at. ``unmatched`` are names that stand for
    nothing in the record.
    """

    kind: str
    source: str
    graph: str
    quads: list[Quad] = field(default_factory=list)
    replaced: list[Quad] = field(default_factory=list)
    origins: dict[str, Origin] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    matches: list[Match] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """Whether applying this would change anything."""
        return bool(self.quads or self.replaced)

    def count(self, what: str, number: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + number

    def refuse_if(self, strict: bool) -> None:
        """Raises InvalidData with every finding where ``strict`` and there are any."""
        if strict and self.findings:
            raise InvalidData(self.findings)

    def write(
        self,
        intake: Intake,
        records: Sequence[Located],
        writers: Mapping[type[Record], Writer] = ALL_WRITERS,
    ) -> None:
        """Map ``records`` to quads of this result's graph, leaving out what is known already."""
        output = map_records(Records(records), intake.names, intake.info.recorded, writers)
        graph = intake.names.expand(self.graph)
        own = (Quad(q.subject, q.predicate, q.object, graph) for q in output.quads)
        known = frozenset(intake.quads)
        self.quads += [quad for quad in dict.fromkeys(own) if quad not in known]
        self.origins |= origins_of(output.origins)

    def apply(self, intake: Intake) -> None:
        """Add the quads to ``intake``, and move those of closed records to the history."""
        history = intake.names.expand("g:history")
        gone = frozenset(self.replaced)
        kept = [quad for quad in intake.quads if quad not in gone]
        moved = [Quad(q.subject, q.predicate, q.object, history) for q in self.replaced]
        intake.quads = [*kept, *moved, *self.quads]
        for iri, origin in self.origins.items():
            intake.origins.setdefault(iri, origin)


def located(kind: str, records: Iterable[Record], where: str, line: int | None) -> list[Located]:
    """Records that stand in line ``line`` of the file ``where``."""
    return [Located(kind, record, Header(), where, line) for record in records]
