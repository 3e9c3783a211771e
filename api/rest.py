"""REST: collections and items of the catalogue, as JSON, CSV, JSON-LD and Turtle.

Every list has the same shape, the same parameters and the same errors; which fields can be
filtered is what the catalogue holds.
"""

from __future__ import annotations

import csv
import datetime
import io
import math
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from api.conditional import etag, headers, not_modified
from api.negotiation import Offer, negotiate
from api.service import Service, service_of
from kg.catalogue import COLLECTIONS, PageRequest, flatten
from kg.errors import InvalidInput, NotFound

router = APIRouter(prefix="/api", tags=["REST"])

Json = dict[str, Any]

JSON = Offer("json", ("application/json",))
CSV = Offer("csv", ("text/csv",))
TURTLE = Offer("ttl", ("text/turtle",))
JSON_LD = Offer("jsonld", ("application/ld+json",))
OFFERS = (JSON, CSV, JSON_LD, TURTLE)

DEFAULT_LIMIT, MAX_LIMIT = 50, 500
GENERAL = ("limit", "sort", "cursor", "fields", "valid_at", "known_at")


@router.get("/stats", summary="Counts, version and freshness")
async def stats(request: Request) -> Response:
    service = service_of(request)
    facts = service.snapshot.facts
    body = {
        "version": service.version,
        "dataset": facts.get("dataset"),
        "base": facts.get("base"),
        "quads": facts.get("quads"),
        "graphs": facts.get("graphs"),
        "collections": service.catalogue.counts(),
    }
    return _conditional_json(request, service, body)


@router.get("/{collection}", summary="A list of records")
async def list_records(request: Request, collection: str) -> Response:
    service = service_of(request)
    name, offer = _read_name(request, collection)
    _check_collection(name)
    wanted = _page_request(service, name, request.query_params.multi_items())
    tag = etag(service.version, offer.name)
    if (unchanged := not_modified(request, tag)) is not None:
        return unchanged
    page = service.catalogue.page(wanted)
    if offer in (TURTLE, JSON_LD):
        return await _as_rdf(service, offer, [item["iri"] for item in page.items], tag)
    items = [_only(item, _fields(request)) for item in page.items]
    link = _next_link(request, page.next_cursor)
    if offer is CSV:
        return _as_csv(items, tag, link)
    body = {
        "items": items,
        "next": link,
        "count": page.count,
        "count_truncated": page.count_truncated,
    }
    return JSONResponse(body, headers=headers(tag))


@router.get("/{collection}/{slug}", summary="One record, by its slug or an alias")
async def one_record(request: Request, collection: str, slug: str) -> Response:
    service = service_of(request)
    _check_collection(collection)
    name, offer = _read_name(request, slug)
    _only_parameters(request, ("fields",))
    document = service.catalogue.item(collection, name)
    tag = etag(service.version, offer.name)
    if (unchanged := not_modified(request, tag)) is not None:
        return unchanged
    if offer in (TURTLE, JSON_LD):
        return await _as_rdf(service, offer, [document["iri"]], tag)
    document = _only(document, _fields(request))
    if offer is CSV:
        return _as_csv([document], tag, None)
    return JSONResponse(document, headers=headers(tag))


# --- reading the request ------------------------------------------------------------------------


def _read_name(request: Request, name: str) -> tuple[str, Offer]:
    """The name without its suffix, and the format: the suffix decides, then Accept."""
    stem, dot, suffix = name.rpartition(".")
    for offer in OFFERS:
        if dot and suffix == offer.name:
            return stem, offer
    return name, negotiate(request.headers.get("accept"), OFFERS)[0]


def _check_collection(name: str) -> None:
    if name not in COLLECTIONS:
        raise NotFound(f"no collection {name!r}; there are: {', '.join(COLLECTIONS)}")


def _page_request(
    service: Service, collection: str, parameters: Iterable[tuple[str, str]]
) -> PageRequest:
    known = service.catalogue.fields.get(collection, set())
    equal: dict[str, list[str]] = {}
    at_least: dict[str, float] = {}
    at_most: dict[str, float] = {}
    general: dict[str, str] = {}
    for name, value in parameters:
        stem, _, end = name.rpartition("_")
        if name in GENERAL:
            _once(general, name, value)
        elif name in known:
            equal.setdefault(name, []).extend(value.split(","))
        elif end in ("min", "max") and stem in known:
            (at_least if end == "min" else at_most)[stem] = _number(name, value)
        else:
            raise InvalidInput(_unknown_parameter(collection, name, known))
    return PageRequest(
        collection,
        equal,
        at_least,
        at_most,
        valid_at=_date("valid_at", general),
        known_at=_moment("known_at", general),
        sort=general.get("sort", "id"),
        cursor=general.get("cursor"),
        limit=_limit(general.get("limit")),
    )


def _unknown_parameter(collection: str, name: str, known: set[str]) -> str:
    fields = ", ".join(sorted(known))
    return (
        f"{collection} cannot be filtered by {name!r}; fields: {fields} (numbers also with _min"
        f" and _max); general parameters: {', '.join(GENERAL)}"
    )


def _only_parameters(request: Request, allowed: tuple[str, ...]) -> None:
    for name in request.query_params:
        if name not in allowed:
            raise InvalidInput(f"no parameter {name!r} here; there is: {', '.join(allowed)}")


def _once(general: dict[str, str], name: str, value: str) -> None:
    if general.setdefault(name, value) != value:
        raise InvalidInput(f"{name} is given twice with different values")


def _number(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidInput(f"{name} must be a number, not {value!r}")
    return number


def _limit(value: str | None) -> int:
    if value is None:
        return DEFAULT_LIMIT
    if not value.isdecimal() or not value.isascii() or not 1 <= int(value) <= MAX_LIMIT:
        raise InvalidInput(f"limit must be a whole number from 1 to {MAX_LIMIT}, not {value!r}")
    return int(value)


def _date(name: str, general: Mapping[str, str]) -> str | None:
    if name not in general:
        return None
    try:
        return datetime.date.fromisoformat(general[name]).isoformat()
    except ValueError:
        message = f"{name} must be a day as YYYY-MM-DD, not {general[name]!r}"
        raise InvalidInput(message) from None


def _moment(name: str, general: Mapping[str, str]) -> str | None:
    """A day (its end) or a time, as the UTC text that record times are kept in."""
    if name not in general:
        return None
    try:
        moment = datetime.datetime.fromisoformat(general[name])
    except ValueError:
        message = f"{name} must be a day or a time in ISO 8601, not {general[name]!r}"
        raise InvalidInput(message) from None
    if len(general[name]) == len("2026-11-21"):
        moment = moment.replace(hour=23, minute=59, second=59)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _fields(request: Request) -> list[str] | None:
    text = request.query_params.get("fields")
    return None if text is None else ["id", *text.split(",")]


# --- writing the answer ---------------------------------------------------------------------------


def _only(document: Json, fields: list[str] | None) -> Json:
    return document if fields is None else {k: v for k, v in document.items() if k in fields}


def _next_link(request: Request, cursor: str | None) -> str | None:
    if cursor is None:
        return None
    kept = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
    return f"{request.url.path}?{urlencode([*kept, ('cursor', cursor)])}"


def _conditional_json(request: Request, service: Service, body: Json) -> Response:
    tag = etag(service.version, "json")
    return not_modified(request, tag) or JSONResponse(body, headers=headers(tag))


async def _as_rdf(service: Service, offer: Offer, iris: list[str], tag: str) -> Response:
    items = " ".join(map(service.iri, iris))
    answer = await service.run("documents/describe.rq", offer.media_type, items=items)
    return StreamingResponse(answer, media_type=offer.media_type, headers=headers(tag))


def _as_csv(items: list[Json], tag: str, link: str | None) -> Response:
    rows = [flatten(item) for item in items]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    more = {"Link": f'<{link}>; rel="next"'} if link else {}
    return Response(text.getvalue(), media_type="text/csv", headers=headers(tag) | more)
