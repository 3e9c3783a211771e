"""SPARQL 1.1 Protocol, query: read the request, run it, stream the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from api.conditional import etag, headers, not_modified
from api.negotiation import Offer, negotiate
from api.pages import page
from api.service import Service, service_of
from kg.errors import InvalidInput, UnsupportedMedia
from kg.formats import RDF_FORMATS, RESULT_FORMATS, Format
from kg.serving import Form, QueryRequest

router = APIRouter(tags=["SPARQL"])

QUERY_TYPE = "application/sparql-query"
FORM_TYPE = "application/x-www-form-urlencoded"

_PARAMETERS = ("query", "default-graph-uri", "named-graph-uri")


def _offers(formats: Sequence[Format]) -> tuple[Offer, ...]:
    return tuple(Offer(f.name, (f.media_type, *f.also)) for f in formats)


RESULT_OFFERS = _offers(RESULT_FORMATS)
GRAPH_OFFERS = _offers(RDF_FORMATS)
_WORKBENCH = Offer("html", ("text/html", "application/xhtml+xml"))


@dataclass(frozen=True)
class ProtocolQuery:
    """A query operation as the protocol carries it."""

    text: str | None
    default_graphs: tuple[str, ...] = ()
    named_graphs: tuple[str, ...] = ()


@router.get("/sparql", summary="Query by GET; without a query, the workbench")
@router.head("/sparql", include_in_schema=False)
async def query_by_get(request: Request) -> Response:
    asked = _from_pairs(request.query_params.multi_items())
    if asked.text is None:
        return _without_query(request)
    return await _answer(request, asked)


@router.post("/sparql", summary="Query by POST, as a form or directly")
async def query_by_post(request: Request) -> Response:
    return await _answer(request, await _from_body(request))


async def _from_body(request: Request) -> ProtocolQuery:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = _utf8(await request.body())
    if media_type == FORM_TYPE:
        pairs = parse_qsl(body, keep_blank_values=True, errors="strict")
        return _from_pairs([*request.query_params.multi_items(), *pairs])
    if media_type == QUERY_TYPE:
        dataset = _from_pairs(request.query_params.multi_items())
        return ProtocolQuery(body, dataset.default_graphs, dataset.named_graphs)
    raise UnsupportedMedia(
        f"a query comes as {FORM_TYPE} or {QUERY_TYPE}, not {media_type or 'without a type'}",
        [FORM_TYPE, QUERY_TYPE],
    )


def _utf8(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"the body is not UTF-8 at byte {error.start}") from None


def _from_pairs(pairs: Sequence[tuple[str, str]]) -> ProtocolQuery:
    found = {name: [value for key, value in pairs if key == name] for name in _PARAMETERS}
    if len(found["query"]) > 1:
        raise InvalidInput("the parameter 'query' is given more than once")
    return ProtocolQuery(
        next(iter(found["query"]), None),
        tuple(found["default-graph-uri"]),
        tuple(found["named-graph-uri"]),
    )


async def _answer(request: Request, asked: ProtocolQuery) -> Response:
    if not asked.text:
        raise InvalidInput("there is no query: give the parameter 'query'")
    service = service_of(request)
    form = service.engine.inspect(asked.text).form
    offer, media_type = _negotiate(request, form)
    tag = etag(service.version, media_type)
    if (unchanged := not_modified(request, tag)) is not None:
        return unchanged
    answer = await service.engine.query(
        QueryRequest(
            asked.text,
            offer.media_type,
            asked.default_graphs,
            asked.named_graphs,
            client=request.client.host if request.client else "",
        )
    )
    tag = etag(answer.version, media_type)
    if answer.body is not None:
        return Response(answer.body, media_type=media_type, headers=headers(tag))
    return StreamingResponse(answer, media_type=media_type, headers=headers(tag))


def _negotiate(request: Request, form: Form) -> tuple[Offer, str]:
    offers = GRAPH_OFFERS if form.gives_graph else RESULT_OFFERS
    return negotiate(request.headers.get("accept"), offers)


def _without_query(request: Request) -> Response:
    offer, _ = negotiate(request.headers.get("accept"), (_WORKBENCH, *GRAPH_OFFERS))
    if offer is _WORKBENCH:
        return page(request, "workbench.html", title="SPARQL", prologue=_prologue(request))
    raise InvalidInput("there is no query: give the parameter 'query'")


def _prologue(request: Request) -> str:
    service: Service = service_of(request)
    return service.names.sparql_prologue
