"""The changes as an Atom feed (RFC 4287), newest first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from fastapi import Request
from fastapi.responses import Response

from api.service import service_of

MEDIA_TYPE = "application/atom+xml"
NAMESPACE = "http://www.w3.org/2005/Atom"

_BEGINNING = "1970-01-01T00:00:00Z"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Json = dict[str, Any]


def respond(
    request: Request, items: list[Json], next_link: str | None, headers: Mapping[str, str]
) -> Response:
    """A feed document of ``items``, changes as they are sent as JSON."""
    service = service_of(request)
    facts = service.snapshot.facts.get("dataset") or {}
    root = str(request.base_url).rstrip("/")
    feed = Element("feed", xmlns=NAMESPACE)
    _text(feed, "id", f"{service.names.base}api/changes")
    _text(feed, "title", f"Changes of {facts.get('title', 'the store')}")
    _text(feed, "updated", items[0]["at"] if items else _BEGINNING)
    _text(SubElement(feed, "author"), "name", str(facts.get("title", "the store")))
    _link(feed, "self", str(request.url), MEDIA_TYPE)
    _link(feed, "alternate", f"{root}/api/changes", "application/json")
    if next_link:
        _link(feed, "next", root + next_link, MEDIA_TYPE)
    for item in items:
        _entry(feed, item, service.names.base, root)
    body = tostring(feed, encoding="utf-8", xml_declaration=True)
    return Response(body, media_type=f"{MEDIA_TYPE}; charset=utf-8", headers=dict(headers))


def _entry(feed: Element, item: Json, base: str, root: str) -> None:
    entry = SubElement(feed, "entry")
    _text(entry, "id", f"{base}api/revisions/{item['revision']}#change-{item['id']}")
    _text(entry, "title", f"{item['kind'].replace('-', ' ')}: {item['label']}")
    _text(entry, "updated", item["at"])
    _text(entry, "published", item["at"])
    _text(SubElement(entry, "author"), "name", item.get("author", "unknown"))
    SubElement(entry, "category", term=item["kind"])
    SubElement(entry, "category", term=item["nature"], label=f"the {item['nature']} changed")
    address = str(item.get("url") or item["revision_url"])
    _link(entry, "alternate", root + address, "application/json")
    _text(entry, "summary", _summary(item))


def _summary(item: Json) -> str:
    fields = item.get("detail", {}).get("fields", [])
    parts = [
        f"{item['collection']} {item['slug']}" if "collection" in item else item.get("iri", ""),
        f"changed: {', '.join(fields)}" if fields else "",
        f"as of {item['date']}" if "date" in item else "",
        f"because: {item['reason']}" if "reason" in item else "",
        f"revision {item['revision']}",
    ]
    return "; ".join(filter(None, parts))


def _text(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = _NOT_XML.sub("\ufffd", text)


def _link(parent: Element, rel: str, href: str, media_type: str) -> None:
    SubElement(parent, "link", rel=rel, href=href, type=media_type)
