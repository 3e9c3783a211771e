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
from collections.abc import Collection, Mapping, Sequence
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
    def has_times(self) -> bool:
        """Whether something else is asked for than what is in force and open."""
        return (self.valid_at, self.known_at, self.revision) != (None, None, None)


# --- what is listed ---------------------------------------------------------------------------


def condition(request: PageRequest, broad: bool = False) -> Condition:
    """``broad``: for a statement that goes through records in their order and will soon have
    enough of them; otherwise those that fit are looked up first."""
    having = _checked if broad else _looked_up
    parts = [having(request, wanted, "e.id") for wanted in _wishes(request)]
    return _all([("e.collection = ?", [request.collection]), standing(request), *parts])


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


@dataclass(frozen=True)
class _Wish:
    """Some value in the field ``name`` is to be as ``said``: SQL over ``facet f``."""

    name: str
    said: str
    values: list[object]


def _wishes(request: PageRequest) -> list[_Wish]:
    found = []
    for name, accepted in request.equal.items():
        values = [value for text in accepted for value in _spelt(text)]
        found.append(_Wish(name, f"f.value IN ({', '.join('?' * len(values))})", values))
    for limits, sign in ((request.at_least, ">="), (request.at_most, "<=")):
        for name, limit in limits.items():
            found.append(_Wish(name, f"{_comparable(limit)} AND f.value {sign} ?", [limit]))
    return found


def _spelt(text: str) -> list[object]:
    """``text`` as it may be kept: as it is, or as a number."""
    try:
        number = float(text)
    except ValueError:
        return [text]
    return [text, number] if math.isfinite(number) else [text]


def _comparable(limit: float | str) -> str:
    return f"typeof(f.value) {'=' if isinstance(limit, str) else '!='} 'text'"


def _looked_up(request: PageRequest, wish: _Wish, entry: str) -> Condition:
    where, values = _in_facets(request, wish)
    return f"{entry} IN (SELECT f.entry FROM facet f WHERE {where})", values  # noqa: S608


def _checked(_: PageRequest, wish: _Wish, entry: str) -> Condition:
    where = f"f.entry = {entry} AND f.field = ? AND {wish.said}"
    return f"EXISTS (SELECT 1 FROM facet f WHERE {where})", [wish.name, *wish.values]  # noqa: S608


def _in_facets(request: PageRequest, wish: _Wish) -> Condition:
    current = " AND f.until IS NULL" if request.revision is None else ""
    where = f"f.collection = ? AND f.field = ?{current} AND {wish.said}"
    return where, [request.collection, wish.name, *wish.values]


def _all(parts: Sequence[Condition]) -> Condition:
    return " AND ".join(part for part, _ in parts), [v for _, values in parts for v in values]


# --- statements -------------------------------------------------------------------------------


def counting(request: PageRequest, most: int, single: Collection[str] = ()) -> Condition:
    """How many there are, counted up to ``most``. ``single``: fields with one value at most."""
    wishes = _wishes(request)
    if wishes and not request.has_times:
        return _counting_facets(request, wishes, most, single)
    where, values = condition(request)
    found = f"SELECT COUNT(*) FROM (SELECT 1 FROM entry e WHERE {where} LIMIT {most})"  # noqa: S608
    return found, values


def _counting_facets(
    request: PageRequest, wishes: Sequence[_Wish], most: int, single: Collection[str]
) -> Condition:
    """Facets know what is open: records need not be looked at."""
    first, *others = wishes
    further = [_checked(request, wish, "g.entry") for wish in others]
    where, values = _in_facets(request, first)
    which = "" if first.name in single else "DISTINCT "
    chosen = f"SELECT {which}f.entry FROM facet f WHERE {where} AND f.open"  # noqa: S608
    checks, more = _all([("TRUE", []), *further])
    found = f"SELECT COUNT(*) FROM (SELECT 1 FROM ({chosen}) g WHERE {checks} LIMIT {most})"  # noqa: S608
    return found, [*values, *more]


def ordered(
    request: PageRequest,
    limit: int,
    after: Position | None,
    broad: bool,
    single: Collection[str] = (),
) -> list[Condition]:
    """Statements whose rows (id, slug, sort value), one after the other, begin after ``after``.

    The second is needed only where the first gives fewer than ``limit``. ``broad`` as for
    :func:`condition`, ``single`` as for :func:`counting`.
    """
    name = request.sort_field
    where = condition(request, broad)
    if name is None:
        return [_without(request, where, limit, after, "")]
    missing = "NOT EXISTS (SELECT 1 FROM facet m WHERE m.entry = e.id AND m.field = ?)"
    if after is not None and after[0] is None:
        return [_without(request, where, limit, after, missing)]
    join = "CROSS JOIN" if broad else "JOIN"  # the former is SQLite's: in the order of the text
    within = _all([_bounded(request, name, single), where])
    return [
        _with(request, within, limit, after, name, join),
        _without(request, where, limit, None, missing),
    ]


def _with(
    request: PageRequest,
    only: Condition,
    limit: int,
    after: Position | None,
    name: str,
    join: str,
) -> Condition:
    """In the order of the least value of a field."""
    where, values = only
    sign, order = ("<", "DESC") if request.sort.startswith("-") else (">", "ASC")
    current = " AND s.until IS NULL" if request.revision is None else ""
    start = f" AND (s.value, s.slug) {sign} (?, ?)" if after else ""
    found = (
        f"SELECT e.id, s.slug, s.value FROM facet s {join} entry e ON e.id = s.entry"  # noqa: S608
        f" WHERE s.collection = ? AND s.field = ?{current} AND s.least{start} AND {where}"
        f" ORDER BY s.value {order}, s.slug {order} LIMIT {limit}"
    )
    return found, [request.collection, name, *(after or ()), *values]


def _bounded(request: PageRequest, name: str, single: Collection[str]) -> Condition:
    """What the bounds of the field that a list is sorted by say of the least value itself."""
    found: list[Condition] = [("TRUE", [])]
    if name in request.at_most:
        found.append(("s.value <= ?", [request.at_most[name]]))
    if name in request.at_least and name in single:
        found.append(("s.value >= ?", [request.at_least[name]]))
    return _all(found)


def _without(
    request: PageRequest, only: Condition, limit: int, after: Position | None, more: str
) -> Condition:
    """In the order of the slugs; ``more``: a condition with the sort field as its value."""
    parts = [only]
    sign, order = ("<", "DESC") if request.sort.startswith("-") else (">", "ASC")
    if more:
        parts.append((more, [request.sort_field]))
    if after is not None:
        parts.append((f"e.slug {sign} ?", [after[1]]))
    where, values = _all(parts)
    found = f"SELECT e.id, e.slug, NULL FROM entry e WHERE {where} ORDER BY e.slug {order}"  # noqa: S608
    return f"{found} LIMIT {limit}", values


def facet_counts(request: PageRequest, name: str, most: int, broad: bool) -> Condition:
    """(value, how many of the listed records have it), the most frequent first."""
    wishes = _wishes(request)
    end = f"GROUP BY v.value ORDER BY 2 DESC, 1 LIMIT {most}"
    if not request.has_times and (broad or not wishes):
        checks, values = _all([("TRUE", []), *(_looked_up(request, w, "v.entry") for w in wishes)])
        where = f"v.collection = ? AND v.field = ? AND v.until IS NULL AND v.open AND {checks}"
        found = f"SELECT v.value, COUNT(*) FROM facet v WHERE {where} {end}"  # noqa: S608
        return found, [request.collection, name, *values]
    where, values = condition(request)
    found = (
        f"WITH chosen AS MATERIALIZED (SELECT e.id FROM entry e WHERE {where})"  # noqa: S608
        " SELECT v.value, COUNT(*) FROM chosen c CROSS JOIN facet v"
        " ON v.entry = c.id AND v.field = ?"
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
