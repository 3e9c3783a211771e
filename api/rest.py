"""REST: collections and items of the catalogue, as JSON, CSV, JSON-LD and Turtle.

Every list has the same shape, the same parameters and the same errors; which fields can be
filtered is what the catalogue holds.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from api.asof import PARAMETERS, AsOf, expect_in_force, read_as_of
from api.conditional import etag, headers, not_modified, rdf_response
from api.lists import ListRequest, read_list
from api.negotiation import Offer, negotiate
from api.parameters import read_once
from api.records import find_record
from api.service import Service, context_url, service_of
from kg.catalogue import COLLECTIONS, Page, flatten
from kg.errors import InvalidInput, NotFound

router = APIRouter(prefix="/api", tags=["REST"])

Json = dict[str, Any]

JSON = Offer("json", ("application/json",))
CSV = Offer("csv", ("text/csv",))
TURTLE = Offer("ttl", ("text/turtle",))
JSON_LD = Offer("jsonld", ("application/ld+json",))
OFFERS = (JSON, CSV, JSON_LD, TURTLE)


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
    check_collection(name)
    wanted = read_list(service, name, request.query_params.multi_items())
    if wanted.facets and offer is not JSON:
        raise InvalidInput("facets are counted in JSON only")
    if offer in (TURTLE, JSON_LD):
        expect_in_force(service, wanted.as_of)
    tag = _tag(service, wanted.as_of, offer)
    if (unchanged := not_modified(request, tag)) is not None:
        return unchanged
    page = service.catalogue.page(wanted.page)
    if offer in (TURTLE, JSON_LD):
        return await _as_rdf(request, offer, page.items, tag)
    items = [_only(item, wanted.fields) for item in page.items]
    link = _next_link(request, page.next_cursor)
    if offer is CSV:
        return as_csv(items, tag, link)
    return JSONResponse(_list(service, wanted, page, items, link), headers=headers(tag))


@router.get("/{collection}/{slug}", summary="One record, by its slug or an alias")
async def one_record(request: Request, collection: str, slug: str) -> Response:
    service = service_of(request)
    check_collection(collection)
    name, offer = _read_name(request, slug)
    given = read_once(request, ("fields", *PARAMETERS))
    as_of = read_as_of(service, given)
    if offer in (TURTLE, JSON_LD):
        expect_in_force(service, as_of)
    document = find_record(service, collection, name, as_of)
    tag = _tag(service, as_of, offer)
    if (unchanged := not_modified(request, tag)) is not None:
        return unchanged
    if offer in (TURTLE, JSON_LD):
        return await _as_rdf(request, offer, [document], tag)
    fields = given["fields"].split(",") if "fields" in given else None
    document = _only(document, fields)
    if offer is CSV:
        return as_csv([document], tag, None)
    return JSONResponse(document, headers=headers(tag))


# --- reading the request ------------------------------------------------------------------------


def _read_name(request: Request, name: str) -> tuple[str, Offer]:
    """The name without its suffix, and the format: the suffix decides, then Accept."""
    stem, dot, suffix = name.rpartition(".")
    for offer in OFFERS:
        if dot and suffix == offer.name:
            return stem, offer
    return name, negotiate(request.headers.get("accept"), OFFERS)[0]


def check_collection(name: str) -> None:
    if name not in COLLECTIONS:
        raise NotFound(f"no collection {name!r}; there are: {', '.join(COLLECTIONS)}")


def _tag(service: Service, as_of: AsOf, offer: Offer) -> str:
    """An answer from a version stands as long as that version is remembered: for good."""
    return etag(as_of.version or service.version, offer.name)


# --- writing the answer ---------------------------------------------------------------------------


def _list(
    service: Service, wanted: ListRequest, page: Page, items: list[Json], link: str | None
) -> Json:
    body = {
        "items": items,
        "next": link,
        "count": page.count,
        "count_truncated": page.count_truncated,
    }
    if not wanted.facets:
        return body
    counted = service.catalogue.facets(wanted.page, wanted.facets)
    facets = {name: [asdict(count) for count in counts] for name, counts in counted.items()}
    return body | {"facets": facets}


def _only(document: Json, fields: Iterable[str] | None) -> Json:
    if fields is None:
        return document
    kept = {"id", *fields}
    return {key: value for key, value in document.items() if key in kept}


def _next_link(request: Request, cursor: str | None) -> str | None:
    if cursor is None:
        return None
    kept = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
    return f"{request.url.path}?{urlencode([*kept, ('cursor', cursor)])}"


def _conditional_json(request: Request, service: Service, body: Json) -> Response:
    tag = etag(service.version, "json")
    return not_modified(request, tag) or JSONResponse(body, headers=headers(tag))


async def _as_rdf(request: Request, offer: Offer, documents: list[Json], tag: str) -> Response:
    iris = [iri for document in documents for iri in _in_the_graph(document)]
    service, context = service_of(request), context_url(request)
    answer = await service.describe(iris, offer.media_type, context)
    return rdf_response(answer, offer.media_type, tag)


def _in_the_graph(document: Json) -> list[str]:
    """IRIs of the nodes that the record is about, where it is no node itself.

    Such are what queries found (a contradiction) and what is put together (an event).
    """
    if "record" in document:
        return [document["record"]["iri"]]
    if document["type"] != "Contradiction" or document["kind"] == "curated":
        return [document["iri"]]
    return [part["iri"] for part in document.get("claims") or document["measurements"]]


def as_csv(items: list[Json], tag: str, link: str | None) -> Response:
    rows = [flatten(item) for item in items]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    more = {"Link": f'<{link}>; rel="next"'} if link else {}
    return Response(text.getvalue(), media_type="text/csv", headers=headers(tag) | more)
