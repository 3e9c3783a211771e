"""What every document has: a head, citations, and how lists find it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pyoxigraph import NamedNode

from kg.catalogue.view import Json, Kind, View

Facet = str | int | float | bool


@dataclass(frozen=True)
class Entry:
    """A document, how lists find it, and the two times that lists are filtered by."""

    collection: str
    slug: str
    document: Json
    facets: dict[str, list[Facet]] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    valid: tuple[str | None, str | None] = (None, None)
    recorded: tuple[str | None, str | None] = (None, None)
    kinds: tuple[Kind, ...] = ()
    """The record's class and all superclasses, its own first."""
    nodes: Mapping[str, bytes] = field(default_factory=dict)
    """IRIs of the nodes that it is about, each with its description, packed."""


def compact(document: Json) -> Json:
    """Without the keys that have nothing to say; False and 0 stay."""
    return {k: v for k, v in document.items() if v not in (None, [], {}, "")}


def head(view: View, node: NamedNode) -> Json:
    types = view.types(node)
    return {
        "id": view.slug(node),
        "iri": node.value,
        "type": types[-1] if types else None,
        "label": view.label(node),
    }


def ids(references: Iterable[Json | None]) -> list[Facet]:
    return [reference["id"] for reference in references if reference]


_FIRST_DAY = "0000-01-01"  # its end makes a day of a year or of a month


def days(dates: Iterable[str | None]) -> list[Facet]:
    """Dates as days: a year, a month and a time from one to another are their first one."""
    starts = [date.partition("/")[0] for date in dates if date]
    return [start + _FIRST_DAY[len(start) :] for start in starts]


def citation(view: View, node: NamedNode) -> Json:
    """A citation: what it is called, where it is, how far it can be relied on."""
    reliability = view.node(node, "ct:reliability")
    return compact(
        {
            "id": view.slug(node),
            "iri": node.value,
            "label": view.label(node),
            "url": next((n.value for n in view.nodes(node, "schema:url")), None),
            "reliability": view.slug(reliability).upper()[-1] if reliability else None,
        }
    )


def citations(view: View, node: NamedNode, curie: str = "dct:source") -> list[Json]:
    return [citation(view, source) for source in view.nodes(node, curie)]


def make_entry(
    collection: str,
    document: Json,
    facets: dict[str, list[Facet]],
    valid: tuple[str | None, str | None] = (None, None),
    recorded: tuple[str | None, str | None] = (None, None),
) -> Entry:
    kept = {name: values for name, values in facets.items() if values}
    aliases: tuple[str, ...] = tuple(document.get("aliases", ()))
    return Entry(collection, document["id"], document, kept, aliases, valid, recorded)


def entity_head(view: View, node: NamedNode) -> Json:
    return {
        **head(view, node),
        "names": view.values(node, "skos:altLabel"),
        "aliases": view.values(node, "ct:alias"),
        "note": " ".join(view.values(node, "rdfs:comment")) or None,
        "sources": citations(view, node),
        "claims": claims_about(view, node),
    }


def claims_about(view: View, node: NamedNode) -> Json:
    as_subject = [view.slug(c) for c in view.subjects("ct:subject", node)]
    as_object = [view.slug(c) for c in view.subjects("ct:object", node)]
    said = [view.slug(c) for c in view.subjects("ct:speaker", node)]
    return compact({"as_subject": as_subject, "as_object": as_object, "as_speaker": said})


def inverse(view: View, node: NamedNode, curie: str) -> list[Json | None]:
    return [view.reference(subject) for subject in view.subjects(curie, node)]
