"""How to cite a record: the address of its JSON document with another suffix.

``/api/claims/c0-17.txt``, ``….bib``, ``….csl.json``: the original sources first, Chiptrail last.
"""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.conditional import etag, headers, not_modified
from api.service import Service, service_of
from kg.catalogue import COLLECTIONS
from kg.errors import InvalidInput, NotFound
from kg.exports import citation

router = APIRouter(prefix="/api", tags=["Citations"])

FORMS = {
    "txt": "text/plain",
    "bib": "application/x-bibtex",
    "csl.json": "application/vnd.citationstyles.csl+json",
}
"""Suffix → media type."""

_PROBLEM: dict[str, Any] = {"content": {"application/problem+json": {}}}


def citation_of(service: Service, collection: str, slug: str, form: str) -> str:
    """The citation of a record. Raises NotFound, UnknownName with the nearest slugs."""
    if collection not in COLLECTIONS:
        raise NotFound(f"no collection {collection!r}; there are: {', '.join(COLLECTIONS)}")
    facts = dict(service.snapshot.facts.get("dataset") or {})
    dataset = citation.Dataset(service.catalogue, service.names.base, service.version, facts)
    works = citation.works(dataset, service.catalogue.item(collection, slug))
    if form == "txt":
        return citation.as_text(works)
    if form == "bib":
        return citation.as_bibtex(works)
    return json.dumps(citation.as_csl(works), ensure_ascii=False, indent=2) + "\n"


def _route(form: str, media_type: str, summary: str) -> None:
    async def endpoint(request: Request, collection: str, slug: str) -> Response:
        service = service_of(request)
        if request.query_params:
            raise InvalidInput("a citation takes no parameters")
        text = citation_of(service, collection, slug, form)
        tag = etag(service.version, f"cite-{form}")
        unchanged = not_modified(request, tag)
        return unchanged or Response(text, media_type=media_type, headers=headers(tag))

    path = f"/{{collection}}/{{slug}}.{form}"
    router.add_api_route(
        path,
        endpoint,
        methods=["GET"],
        summary=summary,
        name=f"cite_{form}",
        response_class=Response,
        responses={
            200: {"content": {media_type: {}}},
            304: {"description": "the client has it"},
            400: {"description": "parameters, which it does not take", **_PROBLEM},
            404: {"description": "no such record; the nearest names", **_PROBLEM},
        },
    )
    router.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)


_route("txt", FORMS["txt"], "How to cite a record, as text")
_route("bib", FORMS["bib"], "How to cite a record, as BibTeX")
_route("csl.json", FORMS["csl.json"], "How to cite a record, as CSL-JSON")
