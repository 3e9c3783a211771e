"""Lists in SQL: which versions of which records, in which order, from where on.

A page begins after a (sort value, slug), never at a number of rows: it costs the same wherever it
begins, and nothing is skipped or shown twice when the data changes between two pages. Records
that lack the field that a list is sorted by come last, by slug, in either direction.

Every statement is fixed text with marks for values; nothing from outside is ever part of it.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kg.errors import InvalidInput

Condition = tuple[str, list[object]]
"""SQL over ``entry e``, and the values of its marks in their order."""
Position = tuple[str | float | None, str]
"""Sort value (None: the record has none) and slug of the last record of a page."""


@dataclass(frozen=True)
class PageRequest:
    """What to list. ``equal``: field → accepted values; ``at_least``/``at_most``: numbers, or
    days (ISO 8601) for fields that hold days.

    ``sort`` is a field or ``id``, with ``-`` before it for descending order. The two times are
    ISO dates: ``valid_at`` about when, ``known_at`` as recorded when. ``revision``: the versions
    of that revision, instead of those in force; with ``known_at``, it is the one in force then.
    """

    collection: str
    equal: Mapping[str, Sequence[str]] = field(default_factory=dict)
    at_least: Mapping[str, float | str] = field(default_factory=dict)
    at_most: Mapping[str, float | str] = field(default_factory=dict)
    valid_at: str | None = None
    known_at: str | None = None
    revision: int | None = None
    sort: str = "id"
    cursor: str | None = None
    limit: int = 50

    @property
    def sort_field(self) -> str | None:
        """None where the order is that of the slugs."""
        name = self.sort.removeprefix("-")
        return None if name == "id" else name

    @property
    def is_whole(self) -> bool:
        """Whether all that is in force and open is asked for, whatever the page."""
        times = (self.valid_at, self.known_at, self.revision)
        return not (self.equal or self.at_least or self.at_most or any(times))


# --- what is listed ---------------------------------------------------------------------------


def condition(request: PageRequest) -> Condition:
    clauses, values = ["e.collection = ?"], [request.collection]
    parts = [standing(request), *_equal(request), *_bounds(request)]
    return _all([(" AND ".join(clauses), list(values)), *parts])


def standing(request: PageRequest) -> Condition:
    """The version of each record that the times ask for; closed records only for a time."""
    parts = [in_force(request), times(request)]
    if request.known_at is None:
        parts.append(("e.recorded_to IS NULL", []))
    return _all(parts)


def in_force(request: PageRequest) -> Condition:
    """The condition that picks one version of each record."""
    if request.revision is None:
        return "e.until IS NULL", []
    since = "since" if request.known_at is None else "known_since"
    picked = f"e.{since} <= ? AND (e.until IS NULL OR e.until > ?)"
    return picked, [request.revision, request.revision]


def times(request: PageRequest) -> Condition:
    """The conditions that the two times make."""
    found: list[Condition] = [("TRUE", [])]
    for column, at, until in (
        ("valid", request.valid_at, ">="),  # days are inclusive,
        ("recorded", request.known_at, ">"),  # what was closed at a time was no more at it
    ):
        if at is not None:
            found.append((f"COALESCE(e.{column}_from, '') <= ?", [at]))
            found.append((f"COALESCE(e.{column}_to, '9999') {until} ?", [at]))
    return _all(found)


def _equal(request: PageRequest) -> list[Condition]:
    found = []
    for name, accepted in request.equal.items():
        values = [value for text in accepted for value in _spelt(text)]
        marks = ", ".join("?" * len(values))
        found.append(_having(request, name, f"f.value IN ({marks})", values))
    return found


def _spelt(text: str) -> list[object]:
    """``text`` as it may be kept: as it is, or as a number."""
    try:
        number = float(text)
    except ValueError:
        return [text]
    return [text, number] if math.isfinite(number) else [text]


def _bounds(request: PageRequest) -> list[Condition]:
    return [
        _having(
            request, name, f"typeof(f.value) {_comparable(limit)} AND f.value {sign} ?", [limit]
        )
        for limits, sign in ((request.at_least, ">="), (request.at_most, "<="))
        for name, limit in limits.items()
    ]


def _comparable(limit: float | str) -> str:
    return "= 'text'" if isinstance(limit, str) else "!= 'text'"


def _having(
    request: PageRequest, name: str, said: str, values: Sequence[float | str | object]
) -> Condition:
    """Records of which some value in the field ``name`` is as ``said``."""
    in_force = " AND f.until IS NULL" if request.revision is None else ""
    where = f"f.collection = ? AND f.field = ?{in_force} AND {said}"
    found = f"e.id IN (SELECT f.entry FROM facet f WHERE {where})"  # noqa: S608
    return found, [request.collection, name, *values]


def _all(parts: Sequence[Condition]) -> Condition:
    return " AND ".join(part for part, _ in parts), [v for _, values in parts for v in values]


# --- statements -------------------------------------------------------------------------------


def counting(request: PageRequest, most: int) -> Condition:
    """How many there are, counted up to ``most``."""
    where, values = condition(request)
    found = f"SELECT COUNT(*) FROM (SELECT 1 FROM entry e WHERE {where} LIMIT {most})"  # noqa: S608
    return found, values


def ordered(request: PageRequest, limit: int, after: Position | None) -> list[Condition]:
    """Statements whose rows (id, slug, sort value), one after the other, begin after ``after``.

    The second is needed only where the first gives fewer than ``limit``.
    """
    name = request.sort_field
    if name is None:
        return [_without(request, limit, after, "")]
    missing = "NOT EXISTS (SELECT 1 FROM facet m WHERE m.entry = e.id AND m.field = ?)"
    if after is not None and after[0] is None:
        return [_without(request, limit, after, missing)]
    return [_with(request, limit, after, name), _without(request, limit, None, missing)]


def _with(request: PageRequest, limit: int, after: Position | None, name: str) -> Condition:
    """In the order of the least value of a field."""
    where, values = condition(request)
    sign, order = ("<", "DESC") if request.sort.startswith("-") else (">", "ASC")
    current = " AND s.until IS NULL" if request.revision is None else ""
    start = f" AND (s.value, s.slug) {sign} (?, ?)" if after else ""
    found = (
        "SELECT e.id, s.slug, s.value FROM facet s JOIN entry e ON e.id = s.entry"  # noqa: S608
        f" WHERE s.collection = ? AND s.field = ?{current} AND s.least{start} AND {where}"
        f" ORDER BY s.value {order}, s.slug {order} LIMIT {limit}"
    )
    return found, [request.collection, name, *(after or ()), *values]


def _without(request: PageRequest, limit: int, after: Position | None, more: str) -> Condition:
    """In the order of the slugs; ``more``: a condition with the sort field as its value."""
    parts = [condition(request)]
    sign, order = ("<", "DESC") if request.sort.startswith("-") else (">", "ASC")
    if more:
        parts.append((more, [request.sort_field]))
    if after is not None:
        parts.append((f"e.slug {sign} ?", [after[1]]))
    where, values = _all(parts)
    found = f"SELECT e.id, e.slug, NULL FROM entry e WHERE {where} ORDER BY e.slug {order}"  # noqa: S608
    return f"{found} LIMIT {limit}", values


def facet_counts(request: PageRequest, name: str, most: int) -> Condition:
    """(value, how many of the listed records have it), the most frequent first."""
    end = f"GROUP BY v.value ORDER BY 2 DESC, 1 LIMIT {most}"
    if request.is_whole:
        where = "v.collection = ? AND v.field = ? AND v.until IS NULL AND v.open"
        return f"SELECT v.value, COUNT(*) FROM facet v WHERE {where} {end}", [  # noqa: S608
            request.collection,
            name,
        ]
    where, values = condition(request)
    found = (
        f"WITH chosen AS MATERIALIZED (SELECT e.id FROM entry e WHERE {where})"  # noqa: S608
        " SELECT v.value, COUNT(*) FROM chosen c JOIN facet v ON v.entry = c.id AND v.field = ?"
    )
    return f"{found} {end}", [*values, name]


# --- cursors ----------------------------------------------------------------------------------


def encode_cursor(sort: str, position: Position) -> str:
    text = json.dumps([sort, *position], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(request: PageRequest) -> Position | None:
    """Raises InvalidInput for a cursor that this list never gave."""
    if request.cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(request.cursor + "=" * (-len(request.cursor) % 4))
        made_for, value, slug = json.loads(text)
    except (binascii.Error, ValueError, TypeError) as error:
        message = "the cursor is not one that this service gave; begin without one"
        raise InvalidInput(message) from error
    fits = value is None or isinstance(value, str | int | float)
    if made_for != request.sort or not fits or not isinstance(slug, str):
        raise InvalidInput("the cursor belongs to another list; begin without one")
    return value, slug
