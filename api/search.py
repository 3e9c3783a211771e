"""``/api/search``: everything with a name or a sentence, in one ranked list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from api.conditional import etag, headers, not_modified
from api.parameters import limit, read_once, required
from api.service import service_of
from kg.catalogue import Hit, Search

router = APIRouter(prefix="/api", tags=["REST"])

PARAMETERS = ("q", "type", "limit", "cursor")


@router.get("/search", summary="Names, part numbers and sentences; prefixes and typos")
async def search(request: Request) -> Response:
    service = service_of(request)
    given = read_once(request, PARAMETERS)
    tag = etag(service.version, "json")
    if (unchanged := not_modified(request, tag)) is not None:
        return unchanged
    engine = service.catalogue.search
    kinds = [kind for kind in given.get("type", "").split(",") if kind]
    text = required("q", given)
    found = engine.find(text, kinds, limit(given.get("limit")), given.get("cursor"))
    body = {
        "items": [_item(engine, hit) for hit in found.hits],
        "next": _next(given, found.next_cursor),
        "count": found.count,
        "count_truncated": found.count_truncated,
        "facets": {
            "type": [_kind(engine, kind) | {"count": n} for kind, n in found.facets.items()]
        },
    }
    return JSONResponse(body, headers=headers(tag))


def _item(engine: Search, hit: Hit) -> dict[str, Any]:
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


def _kind(engine: Search, kind: str) -> dict[str, Any]:
    return {"id": kind, "label": engine.kinds[kind].label if kind in engine.kinds else kind}


def _next(given: Mapping[str, str], cursor: str | None) -> str | None:
    return None if cursor is None else "/api/search?" + urlencode({**given, "cursor": cursor})
