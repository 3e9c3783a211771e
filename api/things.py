"""A thing: its name, what stands under that name, and what its JSON document says.

The document is the thing's record, as the REST layer has it, and what its neighbours say: the
claims about it with their state, and what links to it. A thing that is no record (a unit, a
graph, a part of something) is described by its statements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any
from urllib.parse import quote

from api.records import gone_because
from api.service import Service
from kg.catalogue import Catalogue, PageRequest
from kg.errors import NotFound, Unavailable, UnknownName

Json = dict[str, Any]
Binding = dict[str, dict[str, str]]

COLLECTIONS_OF = {
    "id": ("chips", "firms", "policies", "entities"),
    "claim": ("claims",),
    "rule": ("policies",),
    "src": ("sources",),
    "ev": ("sources",),
    "con": ("concepts",),
}
"""Kind of thing → where its record may stand."""

_OF_CLOSED = ("history", "sources", "entities", "ontology")

CLAIMS = 100
"""Claims that a document shows; the list that it names has all of them."""

_SAFE_IN_PATH = "/:@!$&()*+,;=~'"


@dataclass(frozen=True)
class Thing:
    """``kind`` is the path segment (id, claim, …), ``slug`` the rest, as the IRI has it.

    ``graphs``: IRIs of those that describe it, where it is not the default graph.
    """

    kind: str
    slug: str
    iri: str
    graphs: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Its address here: the IRI may hold letters that a URL may not."""
        return f"/{self.kind}/{quote(self.slug, safe=_SAFE_IN_PATH)}"


def spelt(service: Service, kind: str, slug: str) -> list[Thing]:
    """The things that a request for ``slug`` may mean.

    An IRI holds a letter as it is; some hold the percent-encoded form that a URL has.
    """
    slugs = dict.fromkeys([slug, quote(slug, safe=_SAFE_IN_PATH)])
    return [Thing(kind, name, f"{service.names.base}{kind}/{name}") for name in slugs]


async def resolve(service: Service, kind: str, slug: str) -> tuple[Thing, str | None]:
    """The thing called ``slug``, and the path of the thing that it is now or truly called.

    Raises UnknownName with the nearest names where there is neither, Gone for what was retracted.
    """
    for thing in spelt(service, kind, slug):
        if graphs := _closed(service, thing):
            return replace(thing, graphs=graphs), None
        item = service.iri(thing.iri)
        rows = await service.select("documents/resolve.rq", item=item, slug=_string(thing.slug))
        found = {row["how"]["value"]: row["item"]["value"] for row in reversed(rows)}
        if "merged" in found:
            return thing, _path(service, found["merged"])
        if "here" in found:
            return thing, None
        if found.get("alias", "").startswith(f"{service.names.base}{kind}/"):
            return thing, _path(service, found["alias"])
    raise _unknown(service, kind, slug)


def _closed(service: Service, thing: Thing) -> tuple[str, ...]:
    """The graphs in which a closed record is described; none for what is in force.

    Raises Gone where it was retracted.
    """
    catalogue = catalogue_of(service) if thing.kind == "claim" else None
    document = catalogue.find("claims", thing.slug) if catalogue else None
    if document is None or "to" not in document.get("recorded", {}):
        return ()
    gone = gone_because(service, "claims", document)
    if gone is not None:
        raise gone
    return tuple(service.names.expand(f"g:{graph}").value for graph in _OF_CLOSED)


def _path(service: Service, iri: str) -> str:
    """Raises NotFound where ``iri`` is not one of ours, and so not to be found here."""
    base = service.names.base
    if not iri.startswith(base):
        raise NotFound(f"it was merged into <{iri}>, which is not served here")
    return "/" + quote(iri.removeprefix(base), safe=_SAFE_IN_PATH)


def _unknown(service: Service, kind: str, slug: str) -> UnknownName:
    catalogue = catalogue_of(service)
    collections = COLLECTIONS_OF.get(kind, ()) if catalogue else ()
    near = [name for c in collections for name in _near(catalogue, c, slug)]
    return UnknownName(f"name under {service.names.base}{kind}/", slug, near[:5])


def _near(catalogue: Catalogue | None, collection: str, slug: str) -> list[str]:
    return catalogue.nearest(collection, slug) if catalogue else []


def catalogue_of(service: Service) -> Catalogue | None:
    """None where the store has no catalogue."""
    try:
        return service.catalogue
    except Unavailable:
        return None


def _string(text: str) -> str:
    """``text`` as a SPARQL string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r") + '"'


# --- the JSON document ------------------------------------------------------------------------


async def json_document(service: Service, thing: Thing) -> Json:
    document = _record(service, thing) or await _statements(service, thing)
    return document | claims_about(service, thing) | await _linked_from(service, thing)


def _record(service: Service, thing: Thing) -> Json | None:
    catalogue = catalogue_of(service)
    for collection in COLLECTIONS_OF.get(thing.kind, ()) if catalogue else ():
        document = catalogue.find(collection, thing.slug) if catalogue else None
        if document is not None and document["iri"] == thing.iri:
            return document
    return None


def claims_about(service: Service, thing: Thing) -> Json:
    """``claims_about``: how many claims have the thing as subject or object, and their state."""
    catalogue = catalogue_of(service)
    if catalogue is None or "about" not in catalogue.fields.get("claims", {}):
        return {}
    page = catalogue.page(PageRequest("claims", {"about": [thing.slug]}, limit=CLAIMS))
    items = [claim for claim in page.items if _is_about(claim, thing)]
    if not items:
        return {}
    address = f"/api/claims?about={quote(thing.slug)}"
    return {
        "claims_about": {
            "count": page.count,
            "all": address,
            "items": [_state(claim) for claim in items],
        }
    }


def _is_about(claim: Json, thing: Thing) -> bool:
    """Slugs of different kinds may be the same."""
    ends = (claim.get("subject"), claim.get("object"))
    return any(end and end["iri"] == thing.iri for end in ends)


def _state(claim: Json) -> Json:
    keys = ("id", "iri", "label", "subject", "property", "object", "hedge", "polarity", "rank")
    verdicts = [verdict["verdict"] for verdict in claim.get("verdicts", [])]
    return {key: claim[key] for key in keys if key in claim} | {"verdicts": verdicts}


async def _linked_from(service: Service, thing: Thing) -> Json:
    rows = await service.select("documents/inverse.rq", thing.graphs, item=service.iri(thing.iri))
    return {
        "linked_from": [
            {
                "property": _reference(service, group[0], "property"),
                "count": int(group[0]["count"]["value"]),
                "items": [_reference(service, row, "subject") for row in group],
            }
            for group in grouped(rows, "property")
        ]
    }


async def _statements(service: Service, thing: Thing) -> Json:
    rows = await service.select(
        "documents/statements.rq", thing.graphs, item=service.iri(thing.iri)
    )
    said = {
        service.names.shorten(group[0]["property"]["value"]): [
            _reference(service, row, "value") for row in group
        ]
        for group in grouped(rows, "property")
    }
    kinds = [kind["id"] for kind in said.pop("rdf:type", [])]
    label = next((v["value"] for v in said.get("rdfs:label", []) if "value" in v), thing.slug)
    kind = kinds[0] if kinds else ("Graph" if thing.kind == "graph" else None)
    head = {"id": thing.slug, "iri": thing.iri, "type": kind, "label": label}
    triples = service.snapshot.facts.get("graphs", {}).get(thing.iri)
    return head | ({"triples": triples} if triples is not None else {}) | {"statements": said}


def _reference(service: Service, row: Binding, key: str) -> Json:
    """A term as JSON: a reference with its label, or a value with its language or datatype."""
    term = row[key]
    if term["type"] in ("uri", "bnode"):
        name = service.names.shorten(term["value"]).partition(":")[2] or term["value"]
        label = row.get(f"{key}Label", {}).get("value", name)
        return {"id": name, "iri": term["value"], "label": label}
    extra = {"language": term.get("xml:lang"), "datatype": term.get("datatype")}
    return {"value": term["value"]} | {k: v for k, v in extra.items() if v}


def grouped(rows: Sequence[Binding], key: str) -> list[list[Binding]]:
    """Rows that are in the order of ``key``, by its values."""
    return [list(group) for _, group in groupby(rows, key=lambda row: row[key]["value"])]
