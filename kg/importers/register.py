"""What the record knows already that imported rows are matched against."""

from __future__ import annotations

from collections.abc import Iterator

from pyoxigraph import NamedNode, Quad, Store

from kg.catalogue import View
from kg.importers.names import NameIndex, normalise
from kg.intake import Intake

FIRM_CLASSES = ("Company", "Organization", "GovernmentBody")
NAME_ONLY = "listed-"
"""How the slug of a party begins that a list names and of which nothing else is known."""


def view_of(intake: Intake) -> View:
    """Everything that ``intake`` holds but closed records, node by node."""
    history = intake.names.expand("g:history")
    store = Store()
    store.extend(
        Quad(quad.subject, quad.predicate, quad.object)
        for quad in intake.quads
        if quad.graph_name != history
    )
    return View(store, intake.names)


def has_reference(view: View, source: str) -> bool:
    return "Reference" in view.types(view.names.expand(f"src:{source}"))


def places(view: View) -> dict[str, str]:
    """ISO code, and every name in normalised form → slug of a place."""
    found: dict[str, str] = {}
    for node in view.instances("ct:Place"):
        slug = view.slug(node)
        for code in view.values(node, "ct:isoCode"):
            found[code] = slug
        for name in names_of(view, node):
            found.setdefault(normalise(name), slug)
    return found


def names_of(view: View, node: NamedNode) -> Iterator[str]:
    for curie in ("rdfs:label", "schema:legalName", "skos:altLabel", "ct:alias"):
        yield from view.values(node, curie)


def firm_names(view: View) -> NameIndex:
    """The firms of the record by all their names."""
    index = NameIndex(_part_of(view))
    for node in (node for name in FIRM_CLASSES for node in view.instances(f"ct:{name}")):
        country = view.node(node, "ct:country")
        where = view.slug(country) if country else None
        own = [*view.values(node, "rdfs:label"), *view.values(node, "schema:legalName")]
        index.add(view.slug(node), where, own, other=False)
        other = [*view.values(node, "skos:altLabel"), *view.values(node, "ct:alias")]
        index.add(view.slug(node), where, other, other=True)
    return index


def _part_of(view: View) -> dict[str, str]:
    around = ((node, view.node(node, "ct:partOf")) for node in view.instances("ct:Place"))
    return {view.slug(node): view.slug(place) for node, place in around if place}
