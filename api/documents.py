"""Dereferencing: the IRI of a thing answers 303 to a document about it.

``/id/nvidia-h20`` is a chip, ``/id/nvidia-h20.ttl`` a document about it. The path under the
serving address stands for the same path under the base IRI; the two may differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import (
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)

from api.conditional import etag, headers, not_modified, rdf_response
from api.negotiation import Offer, negotiate
from api.pages import render_ontology, render_thing
from api.records import gone_because
from api.service import Service, context_url, service_of
from kg.compaction import context_text
from kg.errors import NotFound, Unavailable
from kg.namespaces import OWN_PATHS
from kg.resources import ontology_directory

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
COLLECTIONS_OF = {
    "id": ("chips", "firms", "policies", "entities"),
    "claim": ("claims",),
    "rule": ("policies",),
    "src": ("sources",),
    "ev": ("sources",),
    "con": ("concepts",),
}
"""Kind of thing → where its REST document may stand."""

_OF_CLOSED = ("history", "sources", "entities", "ontology")


@dataclass(frozen=True)
class Thing:
    """``kind`` is the path segment (id, claim, …), ``slug`` the rest."""

    kind: str
    slug: str
    iri: str

    @property
    def path(self) -> str:
        return f"/{self.kind}/{quote(self.slug, safe='/:@!$&()*+,;=~')}"


def _thing(service: Service, kind: str, slug: str) -> Thing:
    return Thing(kind, slug, f"{service.names.base}{kind}/{slug}")


def _sends(*offers: Offer) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {offer.media_type: {} for offer in offers}}}


@router.get(
    "/ont",
    summary="The ontology: its page, or RDF by negotiation",
    response_class=Response,
    responses=_sends(*OFFERS),
)
async def ontology(request: Request) -> Response:
    service = service_of(request)
    offers = (HTML, TURTLE, JSON_LD, N_TRIPLES, RDF_XML)
    offer, _ = negotiate(request.headers.get("accept"), offers)
    if offer is HTML:
        return await render_ontology(request, service)
    item = service.iri(service.names.prefixes["g"] + "ontology")
    return await _rdf(request, service, offer, "documents/graph.rq", item=item)


@router.get(
    "/context.jsonld",
    summary="The JSON-LD context",
    response_class=Response,
    responses=_sends(JSON_LD),
)
async def context(request: Request) -> Response:
    text = context_text(service_of(request).names)
    return Response(text, media_type="application/ld+json")


@router.get(
    "/shapes", summary="The SHACL shapes", response_class=Response, responses=_sends(TURTLE)
)
async def shapes(request: Request) -> Response:
    service = service_of(request)
    files = sorted((ontology_directory() / "shapes").glob("*.shapes.ttl"))
    text = "\n".join(service.names.rebase(path.read_text(encoding="utf-8")) for path in files)
    return Response(text, media_type="text/turtle")


async def dereference(request: Request, kind: str, slug: str) -> Response:
    """A thing (303 to the document of the negotiated type) or, with a suffix, a document."""
    service = service_of(request)
    stem, dot, suffix = slug.rpartition(".")
    for offer in OFFERS:
        if dot and suffix == offer.name:
            return await _document(request, service, _thing(service, kind, stem), offer)
    thing = _thing(service, kind, slug)
    if not _closed(service, thing) and not await _exists(service, thing):
        return await _elsewhere(service, thing)
    offer, _ = negotiate(request.headers.get("accept"), OFFERS)
    return RedirectResponse(f"{thing.path}.{offer.name}", 303, headers={"Vary": "Accept"})


def _route(kind: str) -> None:
    async def endpoint(request: Request, slug: str) -> Response:
        return await dereference(request, kind, slug)

    router.add_api_route(
        f"/{kind}/{{slug:path}}", endpoint, methods=["GET", "HEAD"], include_in_schema=False
    )


for _kind in KINDS:
    _route(_kind)


async def _exists(service: Service, thing: Thing) -> bool:
    return await service.ask("documents/exists.rq", item=service.iri(thing.iri))


async def _elsewhere(service: Service, thing: Thing) -> Response:
    """308 to the thing that now carries the name. Raises NotFound where nothing does."""
    from_iri = service.iri(thing.iri)
    found = await service.select("documents/alias.rq", item=from_iri, slug=_string(thing.slug))
    for row in found:
        target = row["item"]["value"]
        if target.startswith(service.names.base):
            return RedirectResponse("/" + target.removeprefix(service.names.base), 308)
    raise NotFound(f"nothing is called <{thing.iri}> here")


def _string(text: str) -> str:
    """``text`` as a SPARQL string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r") + '"'


async def _document(request: Request, service: Service, thing: Thing, offer: Offer) -> Response:
    closed = _closed(service, thing)
    tag = etag(service.version, offer.name)
    if (unchanged := not_modified(request, tag)) is not None:
        return unchanged
    if not closed and not await _exists(service, thing):
        raise NotFound(f"nothing is called <{thing.iri}> here, so there is no document about it")
    if offer is HTML:
        return await _page(request, service, thing, tag, closed)
    if offer is JSON:
        return JSONResponse(_record(service, thing), headers=headers(tag) | _links(thing))
    if thing.kind == "graph":
        return await _rdf(
            request, service, offer, "documents/graph.rq", thing, item=service.iri(thing.iri)
        )
    address = context_url(request)
    answer = await service.describe([thing.iri], offer.media_type, address, closed)
    return rdf_response(answer, offer.media_type, tag, **_links(thing))


async def _rdf(
    request: Request,
    service: Service,
    offer: Offer,
    query: str,
    thing: Thing | None = None,
    **terms: str,
) -> Response:
    tag = etag(service.version, offer.name)
    if (unchanged := not_modified(request, tag)) is not None:
        return unchanged
    answer = await service.run(query, offer.media_type, **terms)
    links = _links(thing) if thing else {}
    return StreamingResponse(answer, media_type=offer.media_type, headers=headers(tag) | links)


async def _page(
    request: Request, service: Service, thing: Thing, tag: str, graphs: Sequence[str]
) -> HTMLResponse:
    item = service.iri(thing.iri)
    statements = await service.select("documents/statements.rq", graphs, item=item)
    inverse = await service.select("documents/inverse.rq", graphs, item=item)
    page = render_thing(request, service, thing, statements, inverse)
    page.headers.update(headers(tag) | _links(thing))
    return page


def _closed(service: Service, thing: Thing) -> tuple[str, ...]:
    """The graphs in which a closed record is described; none for what is in force.

    Raises Gone where it was retracted.
    """
    document = _found(service, "claims", thing.slug) if thing.kind == "claim" else None
    if document is None or "to" not in document.get("recorded", {}):
        return ()
    gone = gone_because(service, "claims", document)
    if gone is not None:
        raise gone
    return tuple(service.names.expand(f"g:{graph}").value for graph in _OF_CLOSED)


def _found(service: Service, collection: str, slug: str) -> dict[str, Any] | None:
    """The document of a record; None too where the store has no catalogue."""
    try:
        return service.catalogue.find(collection, slug)
    except Unavailable:
        return None


def _record(service: Service, thing: Thing) -> object:
    """The REST document of the thing. Raises NotFound where it is in no collection."""
    for collection in COLLECTIONS_OF.get(thing.kind, ()):
        document = service.catalogue.find(collection, thing.slug)
        if document is not None and document["iri"] == thing.iri:
            return document
    raise NotFound(f"<{thing.iri}> has no JSON document; its RDF and its page have all of it")


def _links(thing: Thing) -> dict[str, str]:
    """Link header: what the document is about, and the other forms of it."""
    alternates = [
        f'<{thing.path}.{offer.name}>; rel="alternate"; type="{offer.media_type}"'
        for offer in OFFERS
    ]
    return {"Link": ", ".join([f'<{thing.path}>; rel="describes"', *alternates])}
