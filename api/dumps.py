"""Dumps: files of the whole data set, written once a version by a process of their own.

================================  ========================================================
``/dumps/``                       the index: JSON, a page, or a DCAT catalogue in RDF
``/dumps/<version>/``             the same, of one version
``/dumps/<version>/<file>``       a file; in pieces, too (Range), for ever the same bytes
``/dumps/latest/<file>``          302 to the file of the version in force
================================  ========================================================
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
from pyoxigraph import RdfFormat, serialize

from api.conditional import etag, headers, not_modified
from api.negotiation import Offer, negotiate
from api.pages import page
from api.problems import problem
from api.service import Service, service_of
from kg.errors import Defect, NotFound, Unavailable
from kg.exports import EXPORTS, dcat, short_version
from kg.exports.dumps import SUMS, Index, directory, read_index, versions
from kg.formats import GRAPH_FORMATS

router = APIRouter(prefix="/dumps", tags=["Dumps"])

LATEST = "latest"
PATIENCE = 8.0
"""Seconds that a request waits for dumps that are being written, before it is told to come back."""

_JSON = Offer("json", ("application/json",))
_HTML = Offer("html", ("text/html", "application/xhtml+xml"))
_RDF = tuple(Offer(f.name, (f.media_type,)) for f in GRAPH_FORMATS)
_OFFERS = (_JSON, _HTML, *_RDF)

_FILES = frozenset({SUMS, *(export.file for export in EXPORTS.values() if export.file)})
_FOREVER = "public, max-age=31536000, immutable"
_RANGES = re.compile(r"bytes=\s*(\d+-\d*|-\d+)(\s*,\s*(\d+-\d*|-\d+))*\s*")
_METHODS = ["GET", "HEAD"]

# For the API's description.
_PROBLEM: dict[str, Any] = {"content": {"application/problem+json": {}}}
_INDEX: dict[int | str, dict[str, Any]] = {
    200: {"content": {offer.media_type: {} for offer in _OFFERS}},
    304: {"description": "the client has it"},
    404: {"description": "no dumps of this version", **_PROBLEM},
    406: {"description": "no such format", **_PROBLEM},
    503: {"description": "being written; Retry-After says when to ask again", **_PROBLEM},
}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {t: {} for t in ("application/gzip", "application/zip", "text/plain")}},
    206: {"description": "the part that was asked for"},
    302: {"description": "latest: the address with its version"},
    304: {"description": "the client has it"},
    404: {"description": "no such version or file", **_PROBLEM},
    416: {"description": "a range beyond the end", **_PROBLEM},
    503: _INDEX[503],
}


class Dumps:
    """Starts the process that writes, at most one a version."""

    def __init__(self) -> None:
        self._writing: dict[str, asyncio.Task[None]] = {}

    async def index(self, service: Service) -> Index:
        """Of the version in force, written first where need be.

        :raises Unavailable: it takes longer than a request should wait.
        """
        version, store = short_version(service.version), service.settings.store
        found = await asyncio.to_thread(read_index, store, version)
        if found is not None:
            return found
        if version not in self._writing:
            self._writing[version] = asyncio.create_task(_write(service))
        task = self._writing[version]
        await asyncio.wait({task}, timeout=PATIENCE)
        if not task.done():
            raise Unavailable("the dumps of this version are being written", int(PATIENCE))
        del self._writing[version]
        task.result()
        found = await asyncio.to_thread(read_index, store, version)
        if found is None:
            raise Unavailable("the data has just changed")
        return found


async def _write(service: Service) -> None:
    """Run ``python -m kg.exports`` to its end. Raises Defect with what it complains of."""
    settings = service.settings
    options = ["--own-default-graph"] if settings.default_graph == "strict" else []
    options += ["--nanopub-key", settings.nanopub_key] if settings.nanopub_key else []
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "kg.exports", str(settings.store), *options),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        last = complaint.decode(errors="replace").strip().rpartition("\n")[2]
        raise Defect(f"the dumps could not be written: {last}")


@router.api_route("", methods=_METHODS, include_in_schema=False)
async def without_slash() -> Response:
    return RedirectResponse("/dumps/", 308)


@router.get(
    "/",
    summary="The dumps of the version in force, with sizes and checksums",
    response_class=Response,
    responses=_INDEX,
)
@router.head("/", include_in_schema=False)
async def latest_index(request: Request) -> Response:
    service = service_of(request)
    dumps: Dumps = request.app.state.dumps
    return await _show(request, await dumps.index(service))


@router.get(
    "/{version}/",
    summary="The dumps of one version, or of the latest",
    response_class=Response,
    responses={**_INDEX, 302: _FILE[302]},
)
@router.head("/{version}/", include_in_schema=False)
async def one_index(request: Request, version: str) -> Response:
    service = service_of(request)
    if version == LATEST:
        return RedirectResponse(f"/dumps/{short_version(service.version)}/", 302)
    return await _show(request, await _index(request, service, version))


@router.get(
    "/{version}/{file}",
    summary="A dump; Range and If-Range resume a download",
    response_class=Response,
    responses=_FILE,
)
@router.head("/{version}/{file}", include_in_schema=False)
async def one_file(request: Request, version: str, file: str) -> Response:
    service = service_of(request)
    if file not in _FILES:
        raise NotFound(f"no dump {file!r}; there are: {', '.join(sorted(_FILES))}")
    if version == LATEST:
        return RedirectResponse(f"/dumps/{short_version(service.version)}/{file}", 302)
    index = await _index(request, service, version)
    path = directory(service.settings.store, index.version) / file
    dump = index.dump(file)
    if dump is None and file != SUMS:
        raise NotFound(f"version {version} has no {file}")
    tag = f'"{dump.sha256[:32]}"' if dump else f'"{index.version}.sums"'
    known = not_modified(request, tag)
    if known is not None:
        return known
    media_type = dump.packaging or dump.media_type if dump else "text/plain"
    return _download(request, path, tag, media_type)


async def _index(request: Request, service: Service, version: str) -> Index:
    if version == short_version(service.version):
        dumps: Dumps = request.app.state.dumps
        return await dumps.index(service)
    store = service.settings.store
    kept = await asyncio.to_thread(versions, store)
    found = await asyncio.to_thread(read_index, store, version) if version in kept else None
    if found is None:
        there = ", ".join(dict.fromkeys([LATEST, short_version(service.version), *kept]))
        raise NotFound(f"no dumps of version {version!r}; there are: {there}")
    return found


def _download(request: Request, path: Path, tag: str, media_type: str) -> Response:
    asked = request.headers.get("range", "")
    size = path.stat().st_size
    if _RANGES.fullmatch(asked) is None:
        # A Range that is malformed or of another unit is as good as none (RFC 9110, 14.2).
        request.scope["headers"] = [h for h in request.scope["headers"] if h[0] != b"range"]
    elif _beyond(asked, size):
        return problem(416, f"{path.name} has {size} bytes", headers=_unsatisfied(size))
    kept = {"ETag": tag, "Cache-Control": _FOREVER}
    return FileResponse(
        path, headers=kept, media_type=media_type or "text/plain", filename=path.name
    )


def _beyond(ranges: str, size: int) -> bool:
    """Whether none of the ranges begins within the file."""
    starts = [part.strip().partition("-")[0] for part in ranges.partition("=")[2].split(",")]
    return all(start and int(start) >= size for start in starts)


def _unsatisfied(size: int) -> dict[str, str]:
    return {"Content-Range": f"bytes */{size}"}


async def _show(request: Request, index: Index) -> Response:
    offer, _ = negotiate(request.headers.get("accept"), _OFFERS)
    tag = etag(index.data_version, f"dumps-{offer.name}")
    if (unchanged := not_modified(request, tag)) is not None:
        return unchanged
    if offer is _JSON:
        shown: Response = JSONResponse(_as_json(index))
    elif offer is _HTML:
        shown = page(request, "dumps.html", title="Dumps", index=index, sums=SUMS)
    else:
        shown = _as_rdf(index, offer, str(request.base_url).rstrip("/"))
    shown.headers.update(headers(tag) | {"Link": '</.well-known/void>; rel="describedby"'})
    return shown


def _as_json(index: Index) -> dict[str, object]:
    folder = f"/dumps/{index.version}"
    dumps = [{"url": f"{folder}/{dump.file}", **dump.model_dump()} for dump in index.dumps]
    return {**index.model_dump(), "checksums": f"{folder}/{SUMS}", "dumps": dumps}


def _as_rdf(index: Index, offer: Offer, root: str) -> Response:
    rdf_format = RdfFormat.from_media_type(offer.media_type) or RdfFormat.TURTLE
    quads = dcat.describe(index, root)
    text = serialize(quads, format=rdf_format, prefixes=dcat.PREFIXES) or b""
    return Response(text, media_type=offer.media_type)
