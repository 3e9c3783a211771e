"""Control status over HTTP: one question, a batch, what if, what changed, and parties."""

from __future__ import annotations

import asyncio
import csv
import datetime
import io
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, TypeAdapter, ValidationError

from api.conditional import etag, headers, not_modified
from api.negotiation import Offer, negotiate
from api.parameters import day, read_once, required
from api.problems import as_problem
from api.service import service_of
from kg.desks import KEPT, Desks
from kg.errors import ChiptrailError, InvalidInput, LimitExceeded, UnsupportedMedia
from kg.moments import moment
from kg.policy.desk import MAX_BATCH, Ask, Desk, Threshold, WhatIf, read_ask

router = APIRouter(prefix="/api", tags=["Control status"])

JSON = Offer("json", ("application/json",))
CSV = Offer("csv", ("text/csv",))
M = TypeVar("M", bound=BaseModel)


@router.get("/control-status", summary="Could this chip go to that place on that day, and why")
async def control_status(request: Request) -> Response:
    service = service_of(request)
    tag = etag(service.version, "json")
    unchanged = not_modified(request, tag)
    ask = read_ask(read_once(request, tuple(Ask.model_fields)))
    return unchanged or _json((await _desk(service.desks, ask.known_at)).control_status(ask), tag)


@router.post("/control-status", summary="Up to 1,000 questions, as JSON or CSV, answered alike")
async def batch(request: Request) -> Response:
    service = service_of(request)
    rows = _rows(_media_type(request), await request.body())
    if len(rows) > MAX_BATCH:
        message = f"{len(rows)} questions; ask at most {MAX_BATCH} at once"
        raise LimitExceeded(message, "batch_rows", MAX_BATCH)
    offers = (CSV, JSON) if _media_type(request) == CSV.media_type else (JSON, CSV)
    offer, _ = negotiate(request.headers.get("accept"), offers)
    desks = _FewDesks(service.desks)
    answers = [await _answer(desks, row) for row in rows]
    if offer is CSV:
        return Response(_as_csv(rows, answers), media_type="text/csv")
    return JSONResponse({"items": answers, "count": len(answers)})


@router.post("/control-status/what-if", summary="The same for a chip that does not exist")
async def what_if(request: Request) -> Response:
    ask = _body(await request.body(), WhatIf)
    return _json((await _desk(service_of(request).desks, ask.known_at)).what_if(ask))


@router.post("/control-status/threshold", summary="Move a limit of a rule: which chips flip")
async def threshold(request: Request) -> Response:
    ask = _body(await request.body(), Threshold)
    changes = (await _desk(service_of(request).desks, ask.known_at)).threshold(ask)
    return JSONResponse({"items": [c.model_dump() for c in changes], "count": len(changes)})


@router.get("/control-status/diff", summary="Which chips change status between two days")
async def diff(request: Request) -> Response:
    service = service_of(request)
    given = read_once(request, ("destination", "from", "to", "known_at"))
    first, second = (day(name, required(name, given)) for name in ("from", "to"))
    known_at = moment("known_at", given["known_at"]) if "known_at" in given else None
    desk = await _desk(service.desks, known_at)
    changes = desk.diff(required("destination", given), (first, second), known_at)
    body = {"items": [change.model_dump() for change in changes], "count": len(changes)}
    return JSONResponse(body, headers=headers(etag(service.version, "json")))


@router.get("/party-status", summary="Is a firm listed on a day, by itself or by ownership")
async def party_status(request: Request) -> Response:
    service = service_of(request)
    names = ("firm", "owner", "ownership", "date", "known_at")
    given = read_once(request, names, ("owner", "ownership"))
    on = day("date", required("date", given))
    known_at = moment("known_at", given["known_at"]) if "known_at" in given else None
    owners = request.query_params.getlist("owner")
    shares = request.query_params.getlist("ownership")
    if ("firm" in given) == bool(owners):
        raise InvalidInput("give either firm, or owner and ownership (each may be repeated)")
    if len(owners) != len(shares):
        raise InvalidInput("give one ownership (a percentage) for each owner")
    tag = etag(service.version, "json")
    desk = await _desk(service.desks, known_at)
    found = (
        desk.firm_status(given["firm"], on, known_at)
        if "firm" in given
        else desk.owned_status(dict(zip(owners, shares, strict=True)), on, known_at)
    )
    return _json(found, tag)


# --- reading --------------------------------------------------------------------------------------


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _body(body: bytes, kind: type[M]) -> M:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise InvalidInput(_sentence(error)) from None


def _sentence(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())


_ROWS: TypeAdapter[list[dict[str, Any]]] = TypeAdapter(list[dict[str, Any]])


def _rows(media_type: str, body: bytes) -> list[dict[str, Any]]:
    if media_type == JSON.media_type:
        try:
            return _ROWS.validate_json(body)
        except ValidationError as error:
            raise InvalidInput(f"a batch is a list of objects: {_sentence(error)}") from None
    if media_type == CSV.media_type:
        return list(_csv_rows(body))
    supported = [JSON.media_type, CSV.media_type]
    raise UnsupportedMedia(f"a batch comes as {' or '.join(supported)}", supported)


def _csv_rows(body: bytes) -> Iterator[dict[str, Any]]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"the body is not UTF-8 at byte {error.start}") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    for row in reader:
        if None in row or None in row.values():
            raise InvalidInput(f"line {reader.line_num}: not as many fields as the header has")
        yield row


# --- answering ------------------------------------------------------------------------------------


async def _desk(desks: Desks, known_at: datetime.datetime | None) -> Desk:
    """In a thread where a past time is asked for: the desk may have to be made."""
    return desks.now if known_at is None else await asyncio.to_thread(desks.at, known_at)


class _FewDesks:
    """The desks of one batch, each made once, all of one state of the store."""

    def __init__(self, desks: Desks) -> None:
        self._desks = desks
        self._past: dict[int, Desk] = {}

    async def at(self, known_at: datetime.datetime | None) -> Desk:
        """Raises LimitExceeded where that is one desk of the past too many."""
        revision = self._desks.revision_at(known_at)
        if revision is None:
            return self._desks.now
        if revision not in self._past:
            if len(self._past) == KEPT:
                message = f"a batch may ask about {KEPT} past states of the rules, not more"
                raise LimitExceeded(message, "batch_states", KEPT)
            self._past[revision] = await asyncio.to_thread(self._desks.of, revision)
        return self._past[revision]


def _json(answer: BaseModel, tag: str | None = None) -> Response:
    body = answer.model_dump_json(by_alias=True)
    return Response(body, media_type="application/json", headers=headers(tag) if tag else None)


async def _answer(desks: _FewDesks, row: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to one row of a batch, or the problem with it: one bad row spoils no other."""
    try:
        ask = read_ask(row)
        answer = (await desks.at(ask.known_at)).control_status(ask)
    except ChiptrailError as error:
        problem = as_problem(error)
        return {"asked": dict(row), "status": problem.status_code, "detail": str(error)}
    return answer.model_dump(mode="json", by_alias=True)


_COLUMNS = ("requirement", "paragraph", "review", "exception", "letter")


def _as_csv(rows: list[dict[str, Any]], answers: list[dict[str, Any]]) -> str:
    """The rows as they were asked, with the answer's main fields behind them."""
    asked = list(dict.fromkeys(key for row in rows for key in row))
    columns = [*asked, *_COLUMNS, "others", "missing", "explanation", "error"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    for row, answer in zip(rows, answers, strict=True):
        writer.writerow(dict(row) | _flat(answer))
    return text.getvalue()


def _flat(answer: Mapping[str, Any]) -> dict[str, str]:
    if "us" not in answer:
        return {"error": answer["detail"]}
    main = {name: answer["us"][name] or "" for name in _COLUMNS}
    others = " | ".join(f"{o['jurisdiction']} {o['effect']}" for o in answer["others"])
    missing = " | ".join(answer["missing"])
    return main | {"others": others, "missing": missing, "explanation": answer["explanation"]}
