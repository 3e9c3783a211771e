"""The changes as they come: Server-Sent Events (HTML, 9.2).

Each event has the number of its change as id: a client that lost the connection sends the last
one as ``Last-Event-ID`` and misses nothing. A listener waits for the engine to serve another
generation; while nothing changes it costs a comment every :data:`HEARTBEAT` seconds.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from api.parameters import MAX_LIMIT
from api.service import Service, service_of
from kg.errors import InvalidInput, Unavailable
from kg.history import ChangeRequest, Row

HEARTBEAT = 15.0

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_COMMENT = b":\n\n"


def respond(
    request: Request, asked: ChangeRequest, as_json: Callable[[Row], dict[str, Any]]
) -> Response:
    """The changes after ``Last-Event-ID``, or after ``since``, or those that are yet to come.

    Raises Unavailable where too many listen already.
    """
    service = service_of(request)
    if asked.newest_first or asked.cursor is not None:
        raise InvalidInput("a stream goes forward from 'since' and takes no sort and no cursor")
    if request.scope.get("head"):
        return Response(media_type="text/event-stream", headers=_HEADERS)
    if service.listeners >= service.settings.listeners:
        raise Unavailable(f"{service.listeners} clients are listening already", 30)
    start = replace(asked, after=_start(request, service, asked), limit=MAX_LIMIT)
    events = _events(service, start, as_json)
    return StreamingResponse(events, media_type="text/event-stream", headers=_HEADERS)


def _start(request: Request, service: Service, asked: ChangeRequest) -> int:
    last = request.headers.get("last-event-id")
    if last is not None:
        if not last.isdecimal() or not last.isascii():
            raise InvalidInput(f"Last-Event-ID must be the number of a change, not {last!r}")
        return int(last[:18])
    if asked.after or asked.later_than:
        return asked.after
    return service.history.last_change


async def _events(
    service: Service, asked: ChangeRequest, as_json: Callable[[Row], dict[str, Any]]
) -> AsyncIterator[bytes]:
    service.listeners += 1
    try:
        yield b"retry: 3000\n\n"
        while not service.closing.is_set():
            turn = service.engine.turn
            page = await asyncio.to_thread(service.history.changes, asked)
            for row in page.items:
                asked = replace(asked, after=row["number"])
                yield _event(as_json(row))
            if page.next_cursor is None and not await _waited(turn, service.closing):
                yield _COMMENT
    finally:
        service.listeners -= 1


async def _waited(*events: asyncio.Event) -> bool:
    """Wait until one of them is set; False if that takes longer than a heartbeat."""
    tasks = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        done, _ = await asyncio.wait(tasks, timeout=HEARTBEAT, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)
    finally:
        for task in tasks:
            task.cancel()


def _event(change: dict[str, Any]) -> bytes:
    data = json.dumps(change, ensure_ascii=False, separators=(",", ":"))
    return f"id: {change['id']}\ndata: {data}\n\n".encode()
