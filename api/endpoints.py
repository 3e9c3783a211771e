"""The addresses of the SPARQL protocols, before all other routes.

========================  ===========================================================
``/sparql``               query, service description (:mod:`api.sparql`)
``/update``               update (:mod:`api.update`)
``/data``, ``/data/…``    graph store (:mod:`api.graphstore`)
``/graph/…``              writes to a graph by its own name; reads are ordinary documents
``/.well-known/void``     the dataset (:mod:`api.service_description`)
========================  ===========================================================
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from api import graphstore, service_description, sparql, update
from api.exchange import FORM_TYPE, ClientGone, Exchange
from api.problems import as_problem, problem
from kg.errors import ChiptrailError

_EXPOSED = "ETag, Link, Location, Retry-After"
_REQUEST_HEADERS = "Accept, Content-Type, If-None-Match"
_DAY = "86400"
SHARED = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", _EXPOSED.encode()),
]
"""What lets pages of any site read an answer; never with credentials."""


@dataclass(frozen=True)
class Endpoint:
    """``shared``: methods that pages of other sites may use (CORS): those that only read."""

    handler: Callable[[Exchange], Awaitable[None]]
    methods: tuple[str, ...]
    shared: tuple[str, ...] = ()
    accepts: tuple[str, ...] = ()


_READ = ("GET", "HEAD", "OPTIONS")
_QUERY = Endpoint(
    sparql.query,
    ("GET", "HEAD", "POST", "OPTIONS"),
    ("GET", "HEAD", "POST"),
    (FORM_TYPE, sparql.QUERY_TYPE),
)
_UPDATE = Endpoint(update.update, ("POST", "OPTIONS"), (), (FORM_TYPE, update.UPDATE_TYPE))
_STORE = Endpoint(
    graphstore.serve, (*_READ, "PUT", "POST", "DELETE"), ("GET", "HEAD"), graphstore.ACCEPTED
)
_VOID = Endpoint(service_description.describe_dataset, _READ, ("GET", "HEAD"))

_ENDPOINTS = {
    "/sparql": _QUERY,
    "/sparql/": _QUERY,
    "/update": _UPDATE,
    "/update/": _UPDATE,
    "/data": _STORE,
    "/data/": _STORE,
    "/.well-known/void": _VOID,
}
_UNDER = {"/data/": ("PUT", "POST", "DELETE", *_READ), "/graph/": ("PUT", "POST", "DELETE")}


class Endpoints:
    """ASGI: answers the protocols before ``app`` is asked, which answers everything else."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = _find(scope) if scope["type"] == "http" else None
        if endpoint is None:
            await self.app(scope, receive, send)
            return
        scope["app"] = self.app
        shared = SHARED if endpoint.shared else []
        exchange = Exchange(scope["state"]["service"], scope, receive, send, shared)
        try:
            await _serve(endpoint, exchange)
        except ClientGone:
            return
        except ChiptrailError as error:
            if exchange.started:
                raise  # the server cuts the connection: see Exchange.stream
            await exchange.respond(as_problem(error))
        finally:
            exchange.close()


def _find(scope: Scope) -> Endpoint | None:
    path: str = scope["path"]
    found = _ENDPOINTS.get(path)
    if found is None:
        for prefix, methods in _UNDER.items():
            if path.startswith(prefix) and scope["method"] in methods:
                return _STORE
    return found


async def _serve(endpoint: Endpoint, exchange: Exchange) -> None:
    if exchange.method not in endpoint.methods:
        allowed = ", ".join(endpoint.methods)
        answer = problem(405, f"there is: {allowed}", headers={"Allow": allowed})
        await exchange.respond(answer)
    elif exchange.method == "OPTIONS":
        await exchange.whole(204, _options(endpoint))
    else:
        await endpoint.handler(exchange)


def _options(endpoint: Endpoint) -> dict[str, str]:
    """What there is; for pages of other sites (CORS) what they may use of it."""
    headers = {"Allow": ", ".join(endpoint.methods)}
    if endpoint.accepts:
        headers["Accept-Post"] = ", ".join(endpoint.accepts)
    if endpoint.shared:
        headers["Access-Control-Allow-Methods"] = ", ".join(endpoint.shared)
        headers["Access-Control-Allow-Headers"] = _REQUEST_HEADERS
        headers["Access-Control-Max-Age"] = _DAY
    return headers
