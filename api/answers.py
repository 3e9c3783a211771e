"""Lists and records in each of their forms, the same for collections, items and search."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from api.conditional import headers, rdf_response
from api.links import header, license_links, link
from api.negotiation import Offer, negotiate
from api.service import Service, context_url, service_of
from kg.catalogue import Catalogue, Description, PageRequest, flatten
from kg.errors import NotFound
from kg.snapshots import Snapshot, hold

Json = dict[str, Any]

JSON = Offer("json", ("application/json",))
CSV = Offer("csv", ("text/csv",))
TURTLE = Offer("ttl", ("text/turtle",))
JSON_LD = Offer("jsonld", ("application/ld+json",))
OFFERS = (JSON, CSV, JSON_LD, TURTLE)
RDF = (TURTLE, JSON_LD)


# --- reading the request ----------------------------------------------------------------------


def read_name(request: Request, name: str) -> tuple[str, Offer]:
    """The name without its suffix, and the form: the suffix decides, then Accept."""
    stem, dot, suffix = name.rpartition(".")
    for offer in OFFERS:
        if dot and suffix == offer.name:
            return stem, offer
    return name, negotiate(request.headers.get("accept"), OFFERS)[0]


def expect_one_of(name: str, known: Collection[str]) -> None:
    """Raises NotFound for a collection, or a form of one, that there is not."""
    stem, _, suffix = name.partition(".")
    if stem in known and suffix:
        there_is = ", ".join(f"{stem}.{offer.name}" for offer in OFFERS)
        raise NotFound(f"{stem} have no form {suffix!r}; there are: {there_is}")
    if name not in known:
        raise NotFound(f"no collection {name!r}; there are: {', '.join(known)}")


def only(document: Json, fields: Iterable[str] | None) -> Json:
    """Those members that are asked for, and the id."""
    if fields is None:
        return document
    kept = {"id", *fields}
    return {key: value for key, value in document.items() if key in kept}


def next_page(request: Request, cursor: str | None) -> str | None:
    if cursor is None:
        return None
    kept = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
    return f"{request.url.path}?{urlencode([*kept, ('cursor', cursor)])}"


# --- writing the answer -----------------------------------------------------------------------


def as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def json_list(texts: Iterable[str], about: Json) -> bytes:
    """A list whose items are JSON already; ``about``: the other members."""
    return f'{{"items":[{",".join(texts)}],{as_json(about)[1:]}'.encode()


def json_response(content: bytes, tag: str, more: Mapping[str, str] | None = None) -> Response:
    return Response(content, media_type="application/json", headers=headers(tag) | dict(more or {}))


def list_links(service: Service, following: str | None) -> dict[str, str]:
    after = [link(following, "next")] if following else []
    found = [*after, *license_links(service)]
    return header(found) if found else {}


async def rdf_of(
    request: Request, offer: Offer, said: Description, tag: str, more: Mapping[str, str]
) -> Response:
    """``said`` in the form of ``offer``."""
    write, context = service_of(request).written, context_url(request)
    content = await asyncio.to_thread(write, said, offer.media_type, context)
    return rdf_response(content, offer.media_type, tag, **more)


def as_csv(
    items: Sequence[Json],
    tag: str,
    more: Mapping[str, str] | None = None,
    columns: Sequence[str] | None = None,
) -> Response:
    """A table of ``items``; without ``columns``, of all that they have."""
    rows = [flatten(item) for item in items]
    if columns is None:
        columns = list(dict.fromkeys(key for row in rows for key in row))
    text = table([dict(zip(columns, columns, strict=True)), *rows], columns)
    return Response(text, media_type="text/csv", headers=headers(tag) | dict(more or {}))


def table(rows: Iterable[Mapping[str, str]], columns: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\r\n")
    writer.writerows(rows)
    return text.getvalue()


def columns_of(
    catalogue: Catalogue, collection: str, revision: int | None, fields: Sequence[str] | None
) -> list[str]:
    """What a collection has as a table, on every page alike; ``fields``: only these members."""
    names = catalogue.columns(collection, revision)
    if fields is None:
        return names
    return [name for name in names if name.partition(".")[0] in {"id", *fields}]


def whole_csv(
    service: Service, wanted: PageRequest, columns: Sequence[str], tag: str
) -> StreamingResponse:
    """A list from its beginning to its end, a page at a time: cut, it has no end."""
    rows = _rows(service.snapshot, service.catalogue, wanted, columns)
    more = headers(tag) | list_links(service, None)
    return StreamingResponse(rows, media_type="text/csv", headers=more)


async def _rows(
    snapshot: Snapshot, catalogue: Catalogue, wanted: PageRequest, columns: Sequence[str]
) -> AsyncIterator[str]:
    with hold(snapshot):
        yield table([dict(zip(columns, columns, strict=True))], columns)
        batches = catalogue.batches(wanted)
        while (texts := await asyncio.to_thread(next, batches, None)) is not None:
            yield await asyncio.to_thread(_table, texts, columns)


def _table(texts: Iterable[str], columns: Sequence[str]) -> str:
    return table((flatten(json.loads(text)) for text in texts), columns)
