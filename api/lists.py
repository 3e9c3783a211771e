"""What a request for a list asks: filters, ranges, both clocks, facets and the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from api.asof import AsOf, read_as_of
from api.parameters import DEFAULT_LIMIT, MAX_LIMIT, day, limit, number, once
from api.service import Service
from kg.catalogue import PageRequest
from kg.errors import InvalidInput

ALL = "all"

GENERAL = {
    "limit": f"items of a page, from 1 to {MAX_LIMIT}; {DEFAULT_LIMIT} if not given;"
    f" {ALL}, for CSV: the whole list, streamed",
    "sort": "a field, with - before it for descending order",
    "cursor": "where the page begins: from next of the page before",
    "fields": "members of the items to send, separated by commas; id always",
    "facets": "fields whose values are counted over the whole list, separated by commas",
    "valid_at": "a day: only what held then",
    "known_at": "a day (its end) or a time: the record as it stood then",
    "version": "a data version (16 hexadecimal digits or more): the list as it was in it",
}
"""Parameters of every list, with their meaning."""

RENAMED = {
    "timeline": {"from": "date_min", "to": "date_max"},
    "chips": {"release_min": "launch_date_min", "release_max": "launch_date_max"},
    "claims": {"document": "source"},
    "contradictions": {"document": "source"},
}
"""Collection → other names of its parameters."""

DEFAULT_SORT = {"timeline": "date"}

_BATCH = 200
"""Records that a whole list is read by."""

RANGED = ("number", "day")
"""What a field must hold to be filtered by ``_min`` and ``_max``."""


@dataclass(frozen=True)
class ListRequest:
    """``fields``: the members of items to send, None for all; ``whole``: not a page only."""

    page: PageRequest
    as_of: AsOf
    facets: tuple[str, ...]
    fields: tuple[str, ...] | None
    whole: bool


def read_list(
    service: Service, collection: str, parameters: Iterable[tuple[str, str]]
) -> ListRequest:
    """Raises InvalidInput, saying what is allowed, for whatever is not; NotFound for a time or
    a version that the record does not have."""
    known = service.catalogue.fields.get(collection, {})
    equal: dict[str, list[str]] = {}
    limits: dict[str, str] = {}
    general: dict[str, str] = {}
    for given, value in parameters:
        name = RENAMED.get(collection, {}).get(given, given)
        if name in GENERAL:
            once(general, name, value)
        elif name in known:
            equal.setdefault(name, []).extend(value.split(","))
        elif is_range(name, known):
            once(limits, name, value)
        else:
            raise InvalidInput(_unknown_parameter(collection, given, known))
    as_of = read_as_of(service, general)
    whole = general.get("limit") == ALL
    page = PageRequest(
        collection,
        equal,
        _bounds("_min", limits, known),
        _bounds("_max", limits, known),
        valid_at=as_of.valid_at,
        known_at=as_of.known_at,
        revision=as_of.revision,
        sort=general.get("sort", DEFAULT_SORT.get(collection, "id")),
        cursor=general.get("cursor"),
        limit=_BATCH if whole else limit(general.get("limit")),
    )
    facets, fields = _names(general, "facets") or (), _names(general, "fields")
    return ListRequest(page, as_of, facets, fields, whole)


def is_range(name: str, known: Mapping[str, str]) -> bool:
    """Whether ``name`` is a field of ``known`` (field → what it holds) with _min or _max."""
    return name.endswith(("_min", "_max")) and known.get(name[:-4]) in RANGED


def _bounds(end: str, given: Mapping[str, str], known: Mapping[str, str]) -> dict[str, float | str]:
    found: dict[str, float | str] = {}
    for name, value in given.items():
        field = name.removesuffix(end)
        if field != name:
            is_number = known[field] == "number"
            found[field] = number(name, value) if is_number else day(name, value).isoformat()
    return found


def _names(general: Mapping[str, str], name: str) -> tuple[str, ...] | None:
    return tuple(general[name].split(",")) if name in general else None


def _unknown_parameter(collection: str, name: str, known: Mapping[str, str]) -> str:
    ranged = ", ".join(sorted(field for field, held in known.items() if held in RANGED))
    also = f" ({ranged} also with _min and _max)" if ranged else ""
    general = ", ".join([*GENERAL, *RENAMED.get(collection, ())])
    return (
        f"{collection} cannot be filtered by {name!r}; fields: {', '.join(sorted(known))}{also};"
        f" general parameters: {general}"
    )
