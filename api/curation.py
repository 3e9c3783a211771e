"""Retracting and superseding claims, with a bearer token. Nothing is ever deleted."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.authorisation import REASON_HEADER, REASON_LENGTH, credit_of, written_headers
from api.records import find_record, history_path
from api.service import Service, service_of
from kg.curation import GRAPH_QUERY, SUPERSEDED, Closing, Curator, Json
from kg.errors import Conflict, Forbidden, InvalidInput, LimitExceeded, UnsupportedMedia
from kg.exports.material import short_version
from kg.serving import Credit

router = APIRouter(prefix="/api", tags=["Curation"])

BODY_LIMIT = 1 << 20
JSON_TYPE = "application/json"

M = TypeVar("M", bound=BaseModel)


class Retraction(BaseModel):
    """Why a claim is taken back."""

    model_config = ConfigDict(extra="forbid")

    end_reason: str = Field(examples=["extraction-error"])
    comment: str = Field(default="", max_length=REASON_LENGTH)


class Supersession(BaseModel):
    """The record that takes a claim's place, in the fields of docs/data-model.md, and why."""

    model_config = ConfigDict(extra="forbid")

    record: dict[str, Any]
    end_reason: str = SUPERSEDED
    comment: str = Field(default="", max_length=REASON_LENGTH)


def _body(kind: type[BaseModel]) -> dict[str, Any]:
    """What the description says of a body that is read by hand."""
    schema = {"schema": kind.model_json_schema()}
    content = {"required": True, "content": {"application/json": schema}}
    return {"requestBody": content, "security": [{"token": []}]}


@router.post("/claims/{slug}/retract", summary="Take a claim back", openapi_extra=_body(Retraction))
async def retract(request: Request, slug: str) -> Response:
    service, by = _writer(request)
    wanted = await _read(request, Retraction)
    curator, live, graph = await _standing(service, slug)
    closing = curator.retract(live, graph, wanted.end_reason)
    return await _apply(service, closing, by, wanted.comment)


@router.post(
    "/claims/{slug}/supersede",
    summary="Set a better record in a claim's place",
    openapi_extra=_body(Supersession),
)
async def supersede(request: Request, slug: str) -> Response:
    service, by = _writer(request)
    wanted = await _read(request, Supersession)
    curator, live, graph = await _standing(service, slug)
    closing = curator.supersede(live, graph, wanted.record, wanted.end_reason)
    return await _apply(service, closing, by, wanted.comment)


async def _standing(service: Service, slug: str) -> tuple[Curator, Json, str]:
    """A claim in force: who may close it, its document, the IRI of the graph it stands in."""
    curator = Curator(service.catalogue, service.names)
    live = curator.live(find_record(service, "claims", slug)["id"])
    return curator, live, await _graph(service, live["iri"])


def _writer(request: Request) -> tuple[Service, Credit]:
    service, found = service_of(request), request.headers
    if service.settings.default_graph != "union":
        raise Forbidden("with --default-graph strict the records are not kept in step with writes")
    by = credit_of(service, found.get("authorization", ""), found.get(REASON_HEADER, ""))
    return service, by


async def _read(request: Request, kind: type[M]) -> M:
    """The body of a request, an object in JSON."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != JSON_TYPE:
        given = media_type or "without a type"
        raise UnsupportedMedia(f"this comes as {JSON_TYPE}, not {given}", [JSON_TYPE])
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_LIMIT:
            message = f"the body is longer than {BODY_LIMIT:,} bytes"
            raise LimitExceeded(message, "upload_bytes", BODY_LIMIT)
    try:
        return kind.model_validate(json.loads(body, parse_float=Decimal))
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InvalidInput(said) from None
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the body is not JSON: {error}") from None


async def _graph(service: Service, claim: str) -> str:
    """The IRI of the graph in which a claim stands."""
    found = await service.select(GRAPH_QUERY, claim=service.iri(claim))
    if not found:
        raise Conflict("the claim is not there any more: somebody else was first")
    return found[0]["graph"]["value"]


async def _apply(service: Service, closing: Closing, by: Credit, comment: str) -> Response:
    by = replace(by, operation=closing.operation, about=closing.claim, reason=by.reason or comment)
    written = await service.engine.update(closing.text, credit=by, must_change=True)
    slug = service.names.shorten(closing.claim).partition(":")[2]
    body = {
        "id": slug,
        "operation": closing.operation,
        "closed": closing.closed,
        "revision": written.number,
        "version": short_version(written.version),
        "history": history_path("claims", slug),
    }
    return JSONResponse(body, headers=written_headers(written))
