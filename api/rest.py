"""REST: collections and items of the catalogue, as JSON, CSV, JSON-LD and Turtle.

Every list has the same shape, the same parameters and the same errors; which fields can be
filtered is what the catalogue holds.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from api.answers import (
    CSV,
    JSON,
    OFFERS,
    RDF,
    as_csv,
    as_json,
    columns_of,
    expect_one_of,
    json_list,
    json_response,
    list_links,
    next_page,
    only,
    rdf_of,
    read_name,
    whole_csv,
)
from api.asof import PARAMETERS, AsOf, read_as_of
from api.conditional import etag, headers, not_modified
from api.links import document_links, header, link
from api.lists import ListRequest, read_list
from api.negotiation import Offer
from api.parameters import read_once
from api.records import find_record
from api.service import Service, service_of
from kg.catalogue import COLLECTIONS, Page
from kg.errors import InvalidInput

router = APIRouter(prefix="/api", tags=["REST"])

Json = dict[str, Any]


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
    name, offer = read_name(request, collection)
    expect_one_of(name, COLLECTIONS)
    wanted = read_list(service, name, request.query_params.multi_items())
    _check_form(wanted, offer)
    tag = _tag(service, wanted.as_of, offer)
    if (unchanged := not_modified(request, tag)) is not None:
        return unchanged
    if wanted.whole:
        return whole_csv(service, wanted.page, _columns(service, wanted), tag)
    if offer in RDF:
        said, cursor = await asyncio.to_thread(service.catalogue.described_page, wanted.page)
        links = list_links(service, next_page(request, cursor))
        return await rdf_of(request, offer, said, tag, links)
    page = await asyncio.to_thread(service.catalogue.page, wanted.page)
    following = next_page(request, page.next_cursor)
    links = list_links(service, following)
    if offer is CSV:
        return as_csv(page.items, tag, links, _columns(service, wanted))
    content = await asyncio.to_thread(_json, service, wanted, page, following)
    return json_response(content, tag, links)


@router.get("/{collection}/{slug}", summary="One record, by its slug or an alias")
async def one_record(request: Request, collection: str, slug: str) -> Response:
    service = service_of(request)
    expect_one_of(collection, COLLECTIONS)
    name, offer = read_name(request, slug)
    given = read_once(request, ("fields", *PARAMETERS))
    as_of = read_as_of(service, given)
    document = find_record(service, collection, name, as_of)
    tag = _tag(service, as_of, offer)
    if (unchanged := not_modified(request, tag)) is not None:
        return unchanged
    links = _links(service, collection, document, offer)
    if offer in RDF:
        found = [(collection, document["id"])]
        said = service.catalogue.describe(as_of.request(collection), found)
        return await rdf_of(request, offer, said, tag, links)
    fields = given["fields"].split(",") if "fields" in given else None
    document = only(document, fields)
    if offer is CSV:
        columns = columns_of(service.catalogue, collection, as_of.revision, fields)
        return as_csv([document], tag, links, columns)
    return json_response(as_json(document).encode(), tag, links)


def _check_form(wanted: ListRequest, offer: Offer) -> None:
    if wanted.facets and offer is not JSON:
        raise InvalidInput("facets are counted in JSON only")
    if wanted.whole and offer is not CSV:
        raise InvalidInput("limit=all is for CSV, which is streamed; other forms come in pages")


def _tag(service: Service, as_of: AsOf, offer: Offer) -> str:
    """An answer from a version stands as long as that version is remembered: for good."""
    return etag(as_of.version or service.version, offer.name)


def _links(service: Service, collection: str, document: Json, offer: Offer) -> dict[str, str]:
    path = f"/api/{collection}/{document['id']}"
    about = link(document["iri"], "describes")
    return header([about, *document_links(service, path, OFFERS, offer)])


def _columns(service: Service, wanted: ListRequest) -> list[str]:
    page = wanted.page
    return columns_of(service.catalogue, page.collection, page.revision, wanted.fields)


def _json(service: Service, wanted: ListRequest, page: Page, following: str | None) -> bytes:
    about: Json = {
        "next": following,
        "count": page.count,
        "count_truncated": page.count_truncated,
    }
    if wanted.facets:
        counted = service.catalogue.facets(wanted.page, wanted.facets)
        facets = {name: [asdict(count) for count in counts] for name, counts in counted.items()}
        about["facets"] = facets
    return json_list(_sent(page.texts, wanted.fields), about)


def _sent(texts: Iterable[str], fields: Iterable[str] | None) -> Iterable[str]:
    """The documents as they are kept, unless only some of their members are asked for."""
    if fields is None:
        return texts
    return (as_json(only(json.loads(text), fields)) for text in texts)


def _conditional_json(request: Request, service: Service, body: Json) -> Response:
    tag = etag(service.version, "json")
    return not_modified(request, tag) or JSONResponse(body, headers=headers(tag))
