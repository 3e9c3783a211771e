"""What follows from the data by stated rules: ranks, best knowledge, derived figures, the merge.

The rules are the updates in ``kg/queries/derive``, run in the order of their names.
"""

from __future__ import annotations

import datetime

from pyoxigraph import Literal, Quad, Store

from kg.mapping import RDF_TYPE, literal
from kg.namespaces import Namespaces
from kg.resources import queries, query

FRESH_MONTHS = 18
"""How long a state holds after it was last stated (model: states are fresh for 18 months)."""


def describe_dataset(names: Namespaces, as_of: datetime.date, version: str) -> list[Quad]:
    """The node of the dataset itself: what "today" means in it, so that a build is repeatable."""
    node, graph = names.expand("g:dataset"), names.expand("g:sources")
    properties = {
        "ct:asOf": literal(as_of),
        "ct:freshSince": literal(_months_before(as_of, FRESH_MONTHS)),
        "ct:version": Literal(version),
        "rdfs:label": Literal("Chiptrail", language="en"),
    }
    typed = Quad(node, RDF_TYPE, names.expand("dcat:Dataset"), graph)
    return [typed, *(Quad(node, names.expand(p), o, graph) for p, o in properties.items())]


def _months_before(day: datetime.date, months: int) -> datetime.date:
    """The same day of the month, or the last day of a shorter month."""
    total = day.year * 12 + day.month - 1 - months
    year, month = divmod(total, 12)
    first_of_next = datetime.date(year + (month == 11), (month + 1) % 12 + 1, 1)
    last = (first_of_next - datetime.timedelta(days=1)).day
    return datetime.date(year, month + 1, min(day.day, last))


def derive(store: Store, names: Namespaces) -> None:
    """Add to ``store`` everything that the rules derive, and the merged default graph."""
    for name in queries("derive"):
        store.update(names.sparql_prologue + names.rebase(query(name)))
