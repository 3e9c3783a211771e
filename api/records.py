"""One record by its name: as it stands, as it stood, or gone and why."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from api.asof import AsOf
from api.service import Service
from kg.errors import Gone, NotFound

Json = dict[str, Any]

SUPERSEDED = "superseded"


def find_record(service: Service, collection: str, name: str, as_of: AsOf = AsOf()) -> Json:  # noqa: B008
    """The document called ``name``, or by an alias of it.

    Raises UnknownName with the nearest names, NotFound for what was not on record, or did not
    hold, at the time that is asked about; Gone for what was retracted.
    """
    if as_of.known_at is None and as_of.version is None:
        document = service.catalogue.item(collection, name)
        if (gone := gone_because(service, collection, document)) is not None:
            raise gone
        if as_of.valid_at is None:
            return document
    current = service.catalogue.find(collection, name)
    slug = current["id"] if current else name
    found = service.catalogue.find_version(as_of.request(collection), slug)
    if found is None:
        raise _not_then(service, collection, slug)
    return found


def gone_because(service: Service, collection: str, document: Json) -> Gone | None:
    """Why a record is no more, where it was retracted; one that was superseded stays."""
    recorded = document.get("recorded", {})
    reason = document.get("end_reason", {})
    if "to" not in recorded or reason.get("id") == SUPERSEDED:
        return None
    since, why = recorded["to"], reason.get("label", "no reason given")
    said = [a["reason"] for a in service.history.acts_about(document["iri"]) if a["reason"]]
    comment = f" ({said[-1]})" if said else ""
    message = (
        f"{document['id']} was retracted at {since}: {why}{comment}; it is kept in its history"
    )
    return Gone(message, since, why + comment, history_path(collection, document["id"]))


def _not_then(service: Service, collection: str, slug: str) -> NotFound:
    """Raises UnknownName itself where nothing was ever called so."""
    versions = service.catalogue.versions(collection, slug)
    if not versions:
        service.catalogue.item(collection, slug)
    return NotFound(
        f"{slug} was not on record, or did not hold, at the time that is asked about;"
        f" see {history_path(collection, slug)}"
    )


def history_path(collection: str, slug: str) -> str:
    return f"/api/{collection}/{quote(slug, safe='')}/history"
