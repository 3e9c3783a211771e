"""The application: routes over one service, errors in one shape, nothing from outside hosts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount, Route

from api import (
    citations,
    control,
    curation,
    description,
    documents,
    dumps,
    health,
    history,
    ontology,
    problems,
    protocols,
    reconcile,
    rest,
    search,
)
from api.compression import Compression
from api.methods import Methods
from api.pages import page
from api.service import running, service_of
from kg.config import Settings

_HERE = Path(__file__).parent

_ROUTERS = (
    health.router,
    control.router,
    dumps.router,
    citations.router,  # before the records: the longer suffix is the nearer
    search.router,
    reconcile.router,
    curation.router,
    history.router,  # before the lists: changes and revisions are no collections
    rest.router,
    ontology.router,
    documents.router,
)


class Api(FastAPI):
    """With a description that has the protocols in it, and the fields of the data in force."""

    _described = ""

    def openapi(self) -> dict[str, Any]:
        service = self.state.service
        if self.openapi_schema is None or self._described != service.version:
            self.openapi_schema = None  # the framework keeps the first one
            found = protocols.describe(super().openapi())
            self.openapi_schema = description.describe(found, service)
            self._described = service.version
        return self.openapi_schema


def create_app(settings: Settings) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with running(settings) as service:
            app.state.service = service
            yield {"service": service}

    app = Api(
        title="Chiptrail",
        summary="Evidence on AI chips and export controls, as a knowledge graph",
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    problems.install(app)
    app.state.counts = health.Counts()
    routes = [route for router in _ROUTERS for route in router.routes]
    app.add_middleware(Compression)  # innermost: HEAD has the head of what GET sends
    app.add_middleware(Methods, routes=routes)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "HEAD", "POST", "OPTIONS"],
        allow_headers=["*"],
        expose_headers=["Content-Range", "ETag", "Link", "Location", "Retry-After"],
    )
    app.state.dumps = dumps.Dumps()
    for router in _ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
    app.add_api_route("/", home, include_in_schema=False)
    app.add_api_route("/docs", docs, include_in_schema=False)
    app.add_api_route("/healthz", healthz, tags=["Service"], summary="Is the process alive")
    routes += [route for route in app.routes if isinstance(route, Route | Mount)]
    return app


async def healthz() -> JSONResponse:
    return JSONResponse({"status": "ok"})


async def home(request: Request) -> Response:
    service = service_of(request)
    return page(request, "home.html", title="Chiptrail", counts=service.catalogue.counts())


async def docs(request: Request) -> Response:
    """The API page, drawn from the OpenAPI description; no script, no outside host."""
    description: Mapping[str, Any] = request.app.openapi()
    return page(request, "docs.html", title="API", description=description)
