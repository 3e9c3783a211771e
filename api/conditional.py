"""Strong ETags: the version of the data and the form in which it is sent."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response

CACHE = "public, no-cache"
"""Keep it, but ask whether it is still so: the answer is a 304 while the data stands."""


def etag(version: str, form: str) -> str:
    """``form`` tells apart what one address can answer with: a media type, mostly."""
    tag = "".join(c if c.isalnum() else "-" for c in form)
    return f'"{version[:16]}.{tag}"'


def not_modified(request: Request, tag: str) -> Response | None:
    """A 304 where the client already has this, else None."""
    known = request.headers.get("if-none-match")
    if known is None or not _matches(known, tag):
        return None
    return Response(status_code=304, headers=headers(tag))


def headers(tag: str) -> dict[str, str]:
    return {"ETag": tag, "Cache-Control": CACHE, "Vary": "Accept"}


def _matches(known: str, tag: str) -> bool:
    tags = (part.strip().removeprefix("W/") for part in known.split(","))
    return known.strip() == "*" or tag in tags
