"""Dereferencing: the IRI of a thing answers 303 to a document about it.

``/id/nvidia-h20`` is a chip, ``/id/nvidia-h20.ttl`` a document about it. The path under the
serving address stands for the same path under the base IRI; the two may differ.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import (
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)

from api.conditional import etag, headers, not_modified, rdf_response
from api.links import document_links, header, license_links, link
from api.negotiation import Offer, negotiate
from api.pages import render_thing
from api.service import Service, context_url, service_of
from api.things import Thing, claims_about, json_document, resolve
from kg.namespaces import OWN_PATHS

router = APIRouter(tags=["Linked data"])

HTML = Offer("html", ("text/html", "application/xhtml+xml"))
TURTLE = Offer("ttl", ("text/turtle",))
JSON_LD = Offer("jsonld", ("application/ld+json",))
N_TRIPLES = Offer("nt", ("application/n-triples",))
RDF_XML = Offer("rdf", ("application/rdf+xml",))
JSON = Offer("json", ("application/json",))
OFFERS = (TURTLE, HTML, JSON_LD, N_TRIPLES, RDF_XML, JSON)
"""Turtle first: a client that asks for nothing in particular is a program."""

KINDS = tuple(path.rstrip("/") for path in OWN_PATHS.values() if path.endswith("/"))


async def dereference(request: Request, kind: str, slug: str) -> Response:
    """A thing (303 to the document of the negotiated type) or, with a suffix, a document.

    A thing that was merged, or another name of one, leads to what it is now (308).
    """
    service = service_of(request)
    stem, dot, suffix = slug.rpartition(".")
    sent = next((offer for offer in OFFERS if dot and suffix == offer.name), None)
    if sent is not None and (unchanged := not_modified(request, _tag(service, sent))) is not None:
        return unchanged
    thing, elsewhere = await resolve(service, kind, stem if sent else slug)
    if elsewhere is not None:
        return RedirectResponse(elsewhere + (f".{suffix}" if sent else ""), 308)
    if sent is not None:
        return await _document(request, service, thing, sent)
    offer, _ = negotiate(request.headers.get("accept"), OFFERS)
    return RedirectResponse(
        f"{thing.path}.{offer.name}", 303, headers=_described_by(service, thing)
    )


def _route(kind: str) -> None:
    async def endpoint(request: Request, slug: str) -> Response:
        return await dereference(request, kind, slug)

    router.add_api_route(
        f"/{kind}/{{slug:path}}", endpoint, methods=["GET", "HEAD"], include_in_schema=False
    )


for _kind in KINDS:
    _route(_kind)


def _tag(service: Service, offer: Offer) -> str:
    return etag(service.version, offer.name)


def _described_by(service: Service, thing: Thing) -> dict[str, str]:
    """Of a thing: the documents that describe it."""
    documents = (link(f"{thing.path}.{o.name}", "describedby", o.media_type) for o in OFFERS)
    return {"Vary": "Accept"} | header([*documents, *license_links(service)])


def _headers(service: Service, thing: Thing, offer: Offer) -> dict[str, str]:
    """Of a document about a thing."""
    about = link(thing.iri, "describes")
    links = [about, *document_links(service, thing.path, OFFERS, offer)]
    return headers(_tag(service, offer)) | header(links)


async def _document(request: Request, service: Service, thing: Thing, offer: Offer) -> Response:
    more = _headers(service, thing, offer)
    if offer is HTML:
        return await _page(request, service, thing, more)
    if offer is JSON:
        return JSONResponse(await json_document(service, thing), headers=more)
    if thing.kind == "graph":
        item = service.iri(thing.iri)
        content = await service.run("documents/graph.rq", offer.media_type, item=item)
        return StreamingResponse(content, media_type=offer.media_type, headers=more)
    address = context_url(request)
    answer = await service.describe(thing.iri, offer.media_type, address, thing.graphs)
    return rdf_response(answer, offer.media_type, _tag(service, offer), **more)


async def _page(
    request: Request, service: Service, thing: Thing, more: dict[str, str]
) -> HTMLResponse:
    item = service.iri(thing.iri)
    statements = await service.select("documents/statements.rq", thing.graphs, item=item)
    inverse = await service.select("documents/inverse.rq", thing.graphs, item=item)
    claims = claims_about(service, thing).get("claims_about")
    page = render_thing(request, service, thing, statements, inverse, claims)
    page.headers.update(more)
    return page
