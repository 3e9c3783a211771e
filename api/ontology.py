"""The ontology under its own address, in every form, and what goes with it: context and shapes.

``/ont`` is the document of the vocabulary, so it answers itself (its terms are ``/ont#Claim``);
``/ont.ttl`` and its twins are the forms, ``/ont/0.1.0`` the version, ``/ont/core`` a module.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from api.conditional import etag, headers, not_modified
from api.documents import HTML, JSON, OFFERS, TURTLE, dereference
from api.links import document_links, header, link
from api.negotiation import Offer, negotiate
from api.pages import ontology_sections, render_ontology
from api.service import Service, service_of
from kg.compaction import context_text
from kg.errors import NotFound
from kg.resources import ontology_directory

router = APIRouter(tags=["Linked data"])

_OFFERS = (HTML, *(offer for offer in OFFERS if offer is not HTML))
"""The page first: who comes here without a wish is a person."""


def _sends(*media_types: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {media_type: {} for media_type in media_types}}}


@router.get(
    "/ont",
    summary="The ontology: its page, or RDF by negotiation",
    response_class=Response,
    responses=_sends(*(offer.media_type for offer in OFFERS)),
)
async def ontology(request: Request) -> Response:
    offer, _ = negotiate(request.headers.get("accept"), _OFFERS)
    return await _answer(request, offer)


@router.get("/ont.{suffix}", include_in_schema=False)
async def ontology_document(request: Request, suffix: str) -> Response:
    offer = next((offer for offer in OFFERS if offer.name == suffix), None)
    if offer is None:
        there_is = ", ".join(f"/ont.{offer.name}" for offer in OFFERS)
        raise NotFound(f"no /ont.{suffix}; there are: {there_is}")
    return await _answer(request, offer)


@router.get("/ont/{name:path}", include_in_schema=False)
async def version_or_module(request: Request, name: str) -> Response:
    service = service_of(request)
    version = await _version(service)
    stem, dot, suffix = name.rpartition(".")
    offer = next((offer for offer in OFFERS if dot and suffix == offer.name), None)
    if (stem if offer else name) != version:
        return await dereference(request, "ont", name)
    return await (_answer(request, offer) if offer else ontology(request))


async def _version(service: Service) -> str:
    rows = await service.select("documents/version.rq")
    return rows[0]["version"]["value"] if rows else ""


async def _answer(request: Request, offer: Offer) -> Response:
    service = service_of(request)
    tag = etag(service.version, offer.name)
    if (unchanged := not_modified(request, tag)) is not None:
        return unchanged
    more = headers(tag) | header(
        [
            link(service.names.base + "ont", "describes"),
            *document_links(service, "/ont", OFFERS, offer),
        ]
    )
    if offer is HTML:
        page = await render_ontology(request, service)
        page.headers.update(more)
        return page
    if offer is JSON:
        return JSONResponse(await _json(service), headers=more)
    item = service.iri(service.names.prefixes["g"] + "ontology")
    answer = await service.run("documents/graph.rq", offer.media_type, item=item)
    return StreamingResponse(answer, media_type=offer.media_type, headers=more)


async def _json(service: Service) -> dict[str, Any]:
    sections = await ontology_sections(service)
    terms = [{"kind": kind, **term} for kind, found in sections for term in found]
    iri = service.names.base + "ont"
    head = {"id": "ont", "iri": iri, "type": "Ontology", "label": "The Chiptrail ontology"}
    return head | {"version": await _version(service), "terms": terms}


@router.get(
    "/context.jsonld",
    summary="The JSON-LD context",
    response_class=Response,
    responses=_sends("application/ld+json"),
)
async def context(request: Request) -> Response:
    text = context_text(service_of(request).names)
    return Response(text, media_type="application/ld+json")


@router.get(
    "/shapes",
    summary="The SHACL shapes",
    response_class=Response,
    responses=_sends(TURTLE.media_type),
)
async def shapes(request: Request) -> Response:
    service = service_of(request)
    files = sorted((ontology_directory() / "shapes").glob("*.shapes.ttl"))
    text = "\n".join(service.names.rebase(path.read_text(encoding="utf-8")) for path in files)
    return Response(text, media_type="text/turtle")
