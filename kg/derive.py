"""What follows from the data by stated rules: ranks, best knowledge, derived figures, the merge.

The rules are the updates in ``kg/queries/derive``, run in the order of their names.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator

from pyoxigraph import Literal, Quad, Store

from kg.catalogue.view import View
from kg.mapping import RDF_TYPE, literal
from kg.measurements import derived_measurements
from kg.namespaces import Namespaces
from kg.policy.determined import status_quads
from kg.policy.status import StatusService
from kg.resources import queries, query

DERIVED_GRAPHS = ("current", "current-why", "rdf12", "status")
"""Graphs that hold nothing but what follows from the others."""

MERGE = "derive/4-merge.ru"
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


def derive(
    store: Store, names: Namespaces, statuses: StatusService | None = None, merge: bool = True
) -> None:
    """Add to ``store`` everything that the rules derive, and the merged default graph.

    ``statuses``: answers about control status, written out over time into ``g:status``.
    ``merge`` false leaves the default graph empty.
    """
    store.extend(list(derived_measurements(View(store, names, graph=None))))
    if statuses is not None:
        store.extend(status_quads(statuses, names))
    for name in queries("derive"):
        if merge or name != MERGE:
            store.update(names.sparql_prologue + names.rebase(query(name)))


def asserted(quads: Iterable[Quad], names: Namespaces) -> Iterator[Quad]:
    """Those of ``quads`` that somebody asserted: the input of a build, not its results."""
    graphs = {names.expand(f"g:{graph}") for graph in (*DERIVED_GRAPHS, "ontology")}
    rank, derived = names.expand("ct:rank"), names.expand("con:derived")
    kept = [q for q in quads if q.graph_name not in graphs and q.predicate != rank]
    computed = {q.subject for q in kept if q.object == derived}
    return (q for q in kept if q.subject not in computed)
