"""Strong ETags: the version of the data and the form in which it is sent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from kg.serving import Answer

CACHE = "public, no-cache"
"""Keep it, but ask whether it is still so: the answer is a 304 while the data stands."""

_VERSION_LENGTH = 16
_SAFE = re.compile(r"[^A-Za-z0-9]")


@lru_cache(maxsize=256)
def etag(version: str, form: str) -> str:
    """``form`` tells apart what one address can answer with: a media type, mostly."""
    return f'"{version[:_VERSION_LENGTH]}.{_SAFE.sub("-", form)}"'


def not_modified(request: Request, tag: str) -> Response | None:
    """A 304 where the client already has this, else None."""
    known = ",".join(request.headers.getlist("if-none-match"))
    if request.method not in ("GET", "HEAD") or not matches(known, tag):
        return None
    return Response(status_code=304, headers=headers(tag))


def headers(tag: str) -> dict[str, str]:
    return {"ETag": tag, "Cache-Control": CACHE, "Vary": "Accept"}


def rdf_response(answer: bytes | Answer, media_type: str, tag: str, **more: str) -> Response:
    """RDF that is whole, or that comes in pieces; ``more`` are further headers."""
    all_headers = headers(tag) | more
    if isinstance(answer, bytes):
        return Response(answer, media_type=media_type, headers=all_headers)
    return StreamingResponse(answer, media_type=media_type, headers=all_headers)


def matches(known: str, tag: str) -> bool:
    """Whether an If-None-Match with the value ``known`` names ``tag`` (weak comparison)."""
    return known.strip() == "*" or tag in (one.removeprefix("W/") for one in _tags(known))


def names(wanted: str, tag: str) -> bool:
    """Whether an If-Match with the value ``wanted`` names ``tag`` (strong comparison)."""
    return wanted.strip() == "*" or tag in _tags(wanted)


def names_version(known: str, version: str) -> bool:
    """Whether an If-Match with the value ``known`` names ``version`` in any form."""
    start = f'"{version[:_VERSION_LENGTH]}.'
    return known.strip() == "*" or any(tag.startswith(start) for tag in _tags(known))


def _tags(known: str) -> Iterable[str]:
    return (part.strip() for part in known.split(","))
