"""The country groups of the EAR (Supplement No. 1 to Part 740) as of an issue of the eCFR.

The file is JSON made from the eCFR: ``{"ecfrIssueDate", "groups": {"D:1": ["Armenia", …]},
"labels": {…}, "aliases": {"hong kong": "China (PRC)", …}}``. An issue says who is in a group on
its day, not since when: a place that a later issue does not have any more was in the group until
the day before, at most, and one that is new is in it from that day, at the latest.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pyoxigraph import Literal, NamedNode, Quad

from kg.catalogue import View
from kg.errors import Finding, InvalidData, InvalidInput
from kg.importers.names import normalise
from kg.importers.reading import JsonMembers, as_date
from kg.importers.register import has_reference, places
from kg.importers.result import ImportResult, Options, located
from kg.intake import ALL_WRITERS, Intake
from kg.mapping import Context, Output, Writer, english, literal
from kg.policy.records import CountryGroup, Membership
from kg.records import Located, Record, Reference

GRAPH = "import-country-groups"
ADDRESS = "https://www.ecfr.gov/current/title-15/part-740"
Date = datetime.date


class ImportedMembership(Record):
    """A place that a later issue has in a group of the record."""

    group: str
    day: Date
    member: Membership


def import_country_groups(path: Path, intake: Intake, view: View, options: Options) -> ImportResult:
    """The groups of the file, compared with the memberships of the record.

    Raises InvalidData where the file is malformed, InvalidInput where its day is not known or
    lies before that of an issue in the record.
    """
    content = {name: row.values for name, row in JsonMembers(path, frozenset())}
    groups = content.get("groups")
    if not isinstance(groups, dict):
        message = "no country groups: 'groups' should be an object of lists of names"
        raise InvalidData([Finding(str(path), 1, "", message, "row")])
    day = options.as_of or _issue_day(path, content)
    _refuse_older(view, day)
    result = ImportResult("country-groups", f"country-groups-{day}", f"g:{GRAPH}")
    _Import(path, intake, view, content, day, result).run(groups)
    return result


def _issue_day(path: Path, content: Mapping[str, Any]) -> Date:
    try:
        return as_date(content["ecfrIssueDate"])
    except (KeyError, ValueError):
        raise InvalidInput(f"{path} does not say of which day it is; say so (as of)") from None


def _refuse_older(view: View, day: Date) -> None:
    groups = view.instances("ct:CountryGroup")
    cited = (view.slug(source) for group in groups for source in _sources(view, group))
    days = [name.removeprefix("country-groups-") for name in cited if "country-groups-" in name]
    latest = max(days, default="")
    if latest > day.isoformat():
        raise InvalidInput(
            f"an issue of {latest} is in the record already, this one is of {day}; "
            "import issues in the order of their days"
        )


def _sources(view: View, group: NamedNode) -> Iterator[NamedNode]:
    yield from view.nodes(group, "dct:source")


class _Import:
    """The work on one file."""

    def __init__(
        self,
        path: Path,
        intake: Intake,
        view: View,
        content: Mapping[str, Any],
        day: Date,
        result: ImportResult,
    ) -> None:
        self.path, self.intake, self.view = path, intake, view
        self.labels = _texts(content.get("labels"))
        self.aliases = _texts(content.get("aliases"))
        self.day, self.result = day, result
        self.places = places(view)
        self.records: list[Located] = []
        self.unread: set[str] = set()

    def run(self, groups: Mapping[str, Any]) -> None:
        for name, members in groups.items():
            if isinstance(members, list):
                self.group(name, list(self.members(name, members)))
            else:
                self.finding(name, f"a list of names should stand here, not {members!r}")
        if not has_reference(self.view, self.result.source):
            reference = Reference(
                id=self.result.source,
                title=f"Country groups of the EAR as of {self.day}",
                urls=[ADDRESS],
                reliability="A",
                note="Supplement No. 1 to Part 740, from the eCFR; text in the public domain.",
            )
            self.add("references", reference)
        self.result.write(self.intake, self.records, IMPORT_WRITERS)

    def members(self, group: str, names: Sequence[object]) -> Iterator[str]:
        """The places that a group's names stand for: the EAR treat Hong Kong as China, say."""
        for number, name in enumerate(names, 1):
            found = list(dict.fromkeys(self.meant_by(name))) if isinstance(name, str) else []
            if not found:
                self.unread.add(group)
                self.finding(group, f"name {number}: no place called {name!r} in the record")
            yield from found

    def meant_by(self, name: str) -> Iterator[str]:
        last, comma, first = name.partition(", ")
        inverted = f"{first} {last}" if comma else name
        also = [alias for alias, canonical in self.aliases.items() if canonical == name]
        for spelling in (name, inverted, *also):
            slug = self.places.get(normalise(spelling))
            if slug:
                yield slug

    def group(self, name: str, members: Sequence[str]) -> None:
        slug = "country-group-" + name.replace(":", "").lower()
        node = self.intake.names.expand(f"id:{slug}")
        if not self.view.types(node):
            self.new_group(slug, name, members)
            return
        open_ = dict(self.open_memberships(node))
        for place in dict.fromkeys(members):
            if place in open_:
                self.result.count("memberships as before")
            else:
                self.result.count("memberships begun")
                member = Membership.model_validate(
                    {"place": place, "from": self.day, "sources": [self.result.source]}
                )
                self.add("members", ImportedMembership(group=slug, day=self.day, member=member))
        for place in sorted(open_.keys() - set(members)):
            self.end(name, open_[place])
        self.add_quad(node, "dct:source", self.intake.names.expand(f"src:{self.result.source}"))

    def new_group(self, slug: str, name: str, members: Sequence[str]) -> None:
        self.result.count("groups added")
        label = self.labels.get(name)
        group = CountryGroup(
            id=slug,
            label=f"Country Group {name}" + (f" ({label})" if label else ""),
            members=tuple(Membership(place=place) for place in dict.fromkeys(members)),
            sources=(self.result.source,),
            note=f"Members as of {self.day}; no older issue was read.",
        )
        self.add("country_groups", group)

    def open_memberships(self, group: NamedNode) -> Iterator[tuple[str, NamedNode]]:
        for node in self.view.nodes(group, "ct:hasMembership"):
            place, end = self.view.node(node, "ct:place"), self.view.value(node, "ct:validTo")
            if place is not None and (end is None or end >= self.day.isoformat()):
                yield self.view.slug(place), node

    def end(self, group: str, membership: NamedNode) -> None:
        """End a membership that the issue does not have, if all of the group could be read."""
        if group in self.unread:
            where, text = str(self.path), f"not ended, for names could not be read: {membership}"
            self.result.notes.append(Finding(where, None, group, text, "row"))
            return
        self.result.count("memberships ended")
        last = self.day - datetime.timedelta(days=1)
        self.add_quad(membership, "ct:validTo", literal(last))
        text = f"Not in the issue of {self.day}; the last day is the latest possible."
        self.add_quad(membership, "rdfs:comment", Literal(text, language="en"))

    def add(self, kind: str, record: Record) -> None:
        self.records += located(kind, [record], str(self.path), None)

    def add_quad(self, node: NamedNode, curie: str, term: NamedNode | Literal) -> None:
        if term not in self.view.objects(node, curie):
            expand = self.intake.names.expand
            self.result.quads.append(Quad(node, expand(curie), term, expand(self.result.graph)))

    def finding(self, group: str, message: str) -> None:
        self.result.findings.append(Finding(str(self.path), None, group, message, "row"))


def _texts(value: object) -> dict[str, str]:
    items = value.items() if isinstance(value, dict) else ()
    return {str(key): text for key, text in items if isinstance(text, str)}


def _write_membership(imported: ImportedMembership, out: Output, _: Context) -> None:
    member = imported.member
    node = out.node(
        f"id:{imported.group}#member-{member.place}-{imported.day}",
        GRAPH,
        {
            "a": "ct:GroupMembership",
            "ct:place": f"id:{member.place}",
            "ct:validFrom": member.from_,
            "dct:source": [f"src:{source}" for source in member.sources],
            "rdfs:comment": english("The first day is the latest possible: that of the issue."),
        },
    )
    out.node(f"id:{imported.group}", GRAPH, {"ct:hasMembership": node})


IMPORT_WRITERS: Mapping[type[Record], Writer] = ALL_WRITERS | {
    ImportedMembership: _write_membership
}
