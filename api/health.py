"""Is the service ready, how fresh is its data, and what does it do: for whoever runs it."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.documents import KINDS
from api.service import Service, service_of

router = APIRouter(tags=["Service"])

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

ROUTES = {
    "api": "rest",
    "sparql": "query",
    "update": "update",
    "data": "graph-store",
    "reconcile": "reconcile",
    "dumps": "dump",
    ".well-known": "document",
    "ont": "document",
    "context.jsonld": "document",
    "shapes": "document",
    "healthz": "service",
    "readyz": "service",
    "metrics": "service",
    "": "page",
    "docs": "page",
    "openapi.json": "page",
    "static": "page",
    **dict.fromkeys(KINDS, "document"),
}
"""First part of a path → class of the route; whatever is not here is ``other``."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})


class Counts:
    """What is counted of the requests."""

    def __init__(self) -> None:
        self.answers = Counter[tuple[str, str, int]]()
        """(class of the route, method, status) → answers begun."""
        self.unparsed = Counter[tuple[str, str]]()
        """(class of the route, why) → requests that came and were not parsed: they were
        ``repeated``, or came with ``known_headers``."""

    def count(self, path: str, method: str, status: int) -> None:
        """An answer begins. Paths and methods that clients invent make no new series."""
        known = method if method in METHODS else "other"
        self.answers[route_class(path), known, status] += 1

    def count_unparsed(self, path: str, why: str) -> None:
        self.unparsed[route_class(path), why] += 1


class Traffic:
    """ASGI middleware around everything: counts the answers that are sent event by event."""

    def __init__(self, app: ASGIApp, counts: Counts) -> None:
        self.app, self.counts = app, counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.counts.count(scope["path"], scope["method"], message["status"])
            await send(message)

        await self.app(scope, receive, counted)


def route_class(path: str) -> str:
    """One of few names."""
    return ROUTES.get(path[1:].partition("/")[0], "other")


@router.get("/readyz", summary="Can it answer, and how old is what it answers from")
async def readyz(request: Request) -> JSONResponse:
    return JSONResponse(freshness(service_of(request)), headers={"Cache-Control": "no-store"})


def freshness(service: Service) -> dict[str, Any]:
    """Raises Unavailable (503) where there is no data yet."""
    snapshot = service.snapshot
    as_of = (snapshot.facts.get("dataset") or {}).get("as_of")
    written = (snapshot.path / "snapshot.json").stat().st_mtime
    return {
        "status": "ready",
        "version": snapshot.version,
        "generation": snapshot.number,
        "as_of": as_of,
        "age_days": _age(as_of),
        "written": datetime.datetime.fromtimestamp(written, datetime.UTC).isoformat("T", "seconds"),
        "in_memory": service.engine.in_memory,
    }


def _age(as_of: str | None) -> int | None:
    """Whole days since the data was true, by this machine's clock."""
    if as_of is None:
        return None
    today = datetime.datetime.now(datetime.UTC).date()
    return (today - datetime.date.fromisoformat(as_of)).days


@router.get("/metrics", summary="Counters for Prometheus", response_class=PlainTextResponse)
async def metrics(request: Request) -> PlainTextResponse:
    service = service_of(request)
    lines = [*_traffic(request.app.state.counts), *_engine(service), *_data(service)]
    return PlainTextResponse("".join(lines), media_type=METRICS_TYPE)


def _traffic(counts: Counts) -> Iterable[str]:
    series = [
        ({"route": route, "method": method, "status": str(status)}, count)
        for (route, method, status), count in sorted(counts.answers.items())
    ]
    yield from _metric("requests_total", "counter", "Requests answered.", series)
    series = [
        ({"route": route, "why": why}, count)
        for (route, why), count in sorted(counts.unparsed.items())
    ]
    meaning = "Requests that were not parsed: they were known, wholly or by their headers."
    yield from _metric("unparsed_requests_total", "counter", meaning, series)


def _engine(service: Service) -> Iterable[str]:
    engine = service.engine
    yield from _gauge("queries_running", "Queries that workers are busy with.", engine.running)
    yield from _gauge("queries_waiting", "Queries that wait for a worker.", engine.waiting)


def _data(service: Service) -> Iterable[str]:
    fresh, facts = freshness(service), service.snapshot.facts
    known = {name: str(fresh[name]) for name in ("version", "as_of") if fresh[name]}
    yield from _metric("data_info", "gauge", "The data in force.", [(known, 1)])
    yield from _gauge("data_generation", "Number of the generation in force.", fresh["generation"])
    if fresh["age_days"] is not None:
        yield from _gauge("data_age_days", "Days since the data was true.", fresh["age_days"])
    if "quads" in facts:
        yield from _gauge("quads", "Quads of the named graphs.", facts["quads"])


def _gauge(name: str, meaning: str, value: float) -> Iterable[str]:
    return _metric(name, "gauge", meaning, [({}, value)])


def _metric(
    name: str, kind: str, meaning: str, series: Iterable[tuple[Mapping[str, str], float]]
) -> Iterable[str]:
    """Lines of Prometheus' text format, version 0.0.4."""
    yield f"# HELP chiptrail_{name} {meaning}\n# TYPE chiptrail_{name} {kind}\n"
    for labels, value in series:
        text = ",".join(f'{key}="{label}"' for key, label in labels.items())
        yield f"chiptrail_{name}{{{text}}} {value}\n" if text else f"chiptrail_{name} {value}\n"
