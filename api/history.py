"""``/api/changes`` and ``/api/revisions``: what happened to the record, when, by whom and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from api import feed, stream
from api.answers import CSV, JSON, as_csv, expect_one_of, list_links
from api.conditional import etag, headers, not_modified
from api.negotiation import Offer, negotiate
from api.parameters import MAX_LIMIT, limit, read_once
from api.service import Service, service_of
from kg.catalogue import COLLECTIONS, Version
from kg.errors import InvalidInput, NotFound
from kg.exports.material import short_version
from kg.history import FIELDS, KINDS, NATURES, ChangeRequest, Row, Rows, read_since

router = APIRouter(prefix="/api", tags=["History"])

Json = dict[str, Any]

ATOM = Offer("atom", ("application/atom+xml",))
EVENTS = Offer("events", ("text/event-stream",))
OFFERS = (JSON, CSV, ATOM, EVENTS)
FEED = "/api/changes.atom"
SORTS = ("number", "-number")

PARAMETERS = {
    "since": "the number of a change, or a day (from its beginning) or a time: only what is later",
    "limit": f"changes of a page, from 1 to {MAX_LIMIT}",
    "cursor": "where the page begins: from next of the page before",
    "sort": "number (oldest first), or -number (newest first)",
    "nature": "world or record: what changed",
    "kind": "kinds of change, separated by commas",
    "collection": "collections, separated by commas",
    "slug": "ids of records, separated by commas",
    "about": "ids of things that a change concerns: a record, its subject, a chip, a destination",
    "author": "names, separated by commas: of those who wrote in the same revision",
    "revision": "numbers of revisions, separated by commas",
}
_CHOICES = {"nature": NATURES, "kind": KINDS}


@dataclass(frozen=True)
class Asked:
    """``given``: the parameters as they came, for the link to the next page."""

    changes: ChangeRequest
    given: Mapping[str, str]


@router.get("/changes", summary="What changed: pages, CSV, an Atom feed, or a stream of events")
async def changes(request: Request) -> Response:
    offer, _ = negotiate(request.headers.get("accept"), OFFERS)
    return await _answer(request, offer)


@router.get("/changes.{form}", summary="What changed, in the form of the suffix")
async def changes_as(request: Request, form: str) -> Response:
    for offer in (JSON, CSV, ATOM):
        if offer.name == form:
            return await _answer(request, offer)
    raise NotFound(f"no form {form!r}; there are: json, csv, atom")


async def _answer(request: Request, offer: Offer) -> Response:
    service = service_of(request)
    asked = _read(request, newest_first=offer is ATOM)
    if offer is EVENTS:
        return stream.respond(request, asked.changes, as_change)
    tag = _tag(service, f"changes-{offer.name}")
    if (unchanged := not_modified(request, tag)) is not None:
        return unchanged
    page = service.history.changes(asked.changes)
    items = [as_change(row) for row in page.items]
    path = FEED if offer is ATOM else request.url.path  # readers of feeds choose no format
    link = _next(path, asked.given, page.next_cursor)
    if offer is ATOM:
        return feed.respond(request, items, link, headers(tag))
    if offer is CSV:
        return as_csv(items, tag, list_links(service, link))
    return JSONResponse(as_list(items, page, link), headers=headers(tag))


@router.get("/revisions", summary="Every build and write: a page of revisions")
async def revisions(request: Request) -> Response:
    service = service_of(request)
    given = read_once(request, ("limit", "cursor", "sort"))
    tag = _tag(service, "revisions")
    if (unchanged := not_modified(request, tag)) is not None:
        return unchanged
    newest_first = _sort(given, False)
    page = service.history.revisions(newest_first, _cursor(given), limit(given.get("limit")))
    items = [as_revision(row) for row in page.items]
    link = _next(request.url.path, given, page.next_cursor)
    return JSONResponse(as_list(items, page, link), headers=headers(tag))


@router.get("/revisions/{number}", summary="A revision with its writes and its changes")
async def one_revision(request: Request, number: str) -> Response:
    service = service_of(request)
    read_once(request, ())
    if not number.isdecimal() or not number.isascii():
        raise NotFound(f"a revision has a number, not {number!r}")
    tag = _tag(service, "revision")
    if (unchanged := not_modified(request, tag)) is not None:
        return unchanged
    row = service.history.revision(int(number[:18]))
    found = service.history.changes(ChangeRequest({"revision": [str(row["number"])]}, limit=100))
    link = "/api/changes?" + urlencode({"revision": row["number"], "cursor": found.next_cursor})
    body = as_revision(row) | {
        "writes": row["acts"],
        "changes": as_list(
            [as_change(change) for change in found.items],
            found,
            link if found.next_cursor else None,
        ),
    }
    return JSONResponse(body, headers=headers(tag))


@router.get("/{collection}/{slug}/history", summary="The versions of one record")
async def record_history(request: Request, collection: str, slug: str) -> Response:
    service = service_of(request)
    expect_one_of(collection, COLLECTIONS)
    read_once(request, ())
    current = service.catalogue.find(collection, slug)
    name = current["id"] if current else slug
    versions = service.catalogue.versions(collection, name)
    if not versions:
        service.catalogue.item(collection, name)  # raises UnknownName with the nearest
    tag = _tag(service, "history")
    if (unchanged := not_modified(request, tag)) is not None:
        return unchanged
    known = {"collection": [collection], "slug": [name]}
    told = service.history.changes(ChangeRequest(known, limit=MAX_LIMIT)).items
    items = [_version(service, collection, name, version, told) for version in versions]
    if versions[-1].until is not None:
        items.append(_end(service, versions[-1].until, told))
    body = {"items": items, "next": None, "count": len(items), "count_truncated": False}
    return JSONResponse({"collection": collection, "id": name} | body, headers=headers(tag))


# --- reading the request ----------------------------------------------------------------------


def _read(request: Request, newest_first: bool) -> Asked:
    given = read_once(request, tuple(PARAMETERS))
    equal = {name: _several(name, given[name]) for name in FIELDS if name in given}
    after, later_than = _since(given)
    asked = ChangeRequest(
        equal,
        after,
        later_than,
        _sort(given, newest_first),
        _cursor(given),
        limit(given.get("limit")),
    )
    return Asked(asked, given)


def _several(name: str, value: str) -> list[str]:
    values = value.split(",")
    for unknown in set(values) - set(_CHOICES.get(name, values)):
        raise InvalidInput(f"no {name} {unknown!r}; there are: {', '.join(_CHOICES[name])}")
    return values


def _since(given: Mapping[str, str]) -> tuple[int, str | None]:
    """The number of a change, or a time as it is kept."""
    return read_since(given["since"]) if "since" in given else (0, None)


def _sort(given: Mapping[str, str], newest_first: bool) -> bool:
    if "sort" not in given:
        return newest_first
    if given["sort"] not in SORTS:
        raise InvalidInput(f"sort must be one of {', '.join(SORTS)}, not {given['sort']!r}")
    return given["sort"] == "-number"


def _cursor(given: Mapping[str, str]) -> int | None:
    value = given.get("cursor")
    if value is None:
        return None
    if not value.isdecimal() or not value.isascii() or len(value) > 18:
        raise InvalidInput("the cursor is not one that this service gave; begin without one")
    return int(value)


# --- writing the answer -----------------------------------------------------------------------


def _tag(service: Service, form: str) -> str:
    """A build that changes nothing keeps the version of the data, and still is a revision."""
    return etag(service.version, f"{form}-{service.snapshot.number}")


def as_list(items: list[Json], page: Rows, link: str | None) -> Json:
    """The shape of every list."""
    more = {"count": page.count, "count_truncated": page.count_truncated}
    return {"items": items, "next": link, **more}


def _next(path: str, given: Mapping[str, str], cursor: int | None) -> str | None:
    return None if cursor is None else f"{path}?{urlencode({**given, 'cursor': cursor})}"


def as_change(row: Row) -> Json:
    """A change as it is sent: its number is its id, and what is not known is left out."""
    body: Json = {"id": str(row["number"]), **row, "version": short_version(row["version"])}
    if row["collection"] and not row["kind"].endswith("-removed"):
        body["url"] = permalink(row["collection"], row["slug"], row["version"])
    body["revision_url"] = f"/api/revisions/{row['revision']}"
    return {key: value for key, value in body.items() if value not in (None, "", {})}


def permalink(collection: str, slug: str, version: str) -> str:
    """Of a record as it was in a version of the data."""
    return f"/api/{collection}/{quote(slug, safe='')}?version={short_version(version)}"


def as_revision(row: Row) -> Json:
    """A revision as it is sent."""
    kept = {key: value for key, value in row.items() if key != "acts"}
    return {"id": str(row["number"]), **kept, "url": f"/api/revisions/{row['number']}"}


def _version(
    service: Service, collection: str, slug: str, version: Version, told: list[Row]
) -> Json:
    revision = _known_revision(service, version.since)
    ended = _known_revision(service, version.until) if version.until is not None else {}
    body = {
        "revision": version.since,
        "version": short_version(revision.get("version", "")),
        "since": revision.get("at"),
        "until": ended.get("at"),
        "recorded": dict(zip(("from", "to"), version.recorded, strict=True)),
        "author": revision.get("author"),
        "reason": revision.get("reason"),
        "operation": revision.get("operation"),
        "changes": _told(told, version.since),
    }
    if revision:
        body["url"] = permalink(collection, slug, revision["version"])
    return body


def _end(service: Service, number: int, told: list[Row]) -> Json:
    """The revision in which a record was removed."""
    revision = _known_revision(service, number)
    return {
        "revision": number,
        "removed": True,
        "since": revision.get("at"),
        "author": revision.get("author"),
        "reason": revision.get("reason"),
        "operation": revision.get("operation"),
        "changes": _told(told, number),
    }


def _known_revision(service: Service, number: int) -> Row:
    """Empty for one that was made before there was a log."""
    try:
        return service.history.revision(number)
    except NotFound:
        return {}


def _told(told: list[Row], number: int) -> list[Json]:
    return [
        {"id": str(row["number"]), "kind": row["kind"], "nature": row["nature"], **row["detail"]}
        for row in told
        if row["revision"] == number
    ]
