"""``/api/search``: everything with a name or a sentence, in one ranked list."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.answers import (
    CSV,
    OFFERS,
    RDF,
    as_csv,
    as_json,
    json_list,
    json_response,
    list_links,
    next_page,
    only,
    rdf_of,
    read_name,
)
from api.asof import PARAMETERS as TIMES
from api.asof import read_as_of
from api.conditional import etag, not_modified
from api.parameters import limit, read_once, required
from api.service import service_of
from kg.catalogue import Hit, Search

router = APIRouter(prefix="/api", tags=["REST"])

Json = dict[str, Any]

PARAMETERS = ("q", "type", "limit", "cursor", "fields", *TIMES)
COLUMNS = (
    *("id", "iri", "type", "label", "kind", "collection", "url", "score"),
    *("matched.text", "matched.field", "matched.how"),
)


@router.get("/search", summary="Names, part numbers and sentences; prefixes and typos")
async def search(request: Request) -> Response:
    service = service_of(request)
    offer = read_name(request, request.url.path.rpartition("/")[2])[1]
    given = read_once(request, PARAMETERS)
    as_of = read_as_of(service, given)
    tag = etag(as_of.version or service.version, offer.name)
    if (unchanged := not_modified(request, tag)) is not None:
        return unchanged
    standing = as_of.request("")
    engine = service.catalogue.search_at(standing)
    kinds = [kind for kind in given.get("type", "").split(",") if kind]
    text, size = required("q", given), limit(given.get("limit"))
    found = await asyncio.to_thread(engine.find, text, kinds, size, given.get("cursor"))
    following = next_page(request, found.next_cursor)
    links = list_links(service, following)
    if offer in RDF:
        records = [(hit.collection, hit.slug) for hit in found.hits]
        said = await asyncio.to_thread(service.catalogue.describe, standing, records)
        return await rdf_of(request, offer, said, tag, links)
    fields = given["fields"].split(",") if "fields" in given else None
    items = [only(_item(engine, hit), fields) for hit in found.hits]
    if offer is CSV:
        return as_csv(items, tag, links, _columns(fields))
    about = {
        "next": following,
        "count": found.count,
        "count_truncated": found.count_truncated,
        "facets": {
            "type": [_kind(engine, kind) | {"count": n} for kind, n in found.facets.items()]
        },
    }
    return json_response(json_list(map(as_json, items), about), tag, links)


for _offer in OFFERS:
    router.add_api_route(
        f"/search.{_offer.name}", search, include_in_schema=False, name=f"search_{_offer.name}"
    )


def _item(engine: Search, hit: Hit) -> Json:
    return {
        "id": hit.slug,
        "iri": hit.iri,
        "type": hit.kind,
        "label": hit.label,
        "kind": _kind(engine, hit.kind)["label"],
        "collection": hit.collection,
        "url": f"/api/{hit.collection}/{hit.slug}",
        "score": hit.score,
        "matched": {"text": hit.matched, "field": hit.sort, "how": hit.how},
    }


def _kind(engine: Search, kind: str) -> Json:
    return {"id": kind, "label": engine.kinds[kind].label if kind in engine.kinds else kind}


def _columns(fields: list[str] | None) -> list[str]:
    if fields is None:
        return [*COLUMNS]
    return [name for name in COLUMNS if name.partition(".")[0] in {"id", *fields}]
