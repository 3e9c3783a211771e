"""(Server.) What can be asked, and how a worker or the writer is told of it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple

from kg.serving.gate import Inspection
from kg.serving.writing import Credit


class QueryRequest(NamedTuple):
    """One query. ``client`` (an address, say) is whose turn it takes, nothing more.

    ``default_graphs`` and ``named_graphs`` are the protocol's dataset: if either is given,
    the query's own FROM and FROM NAMED count for nothing. ``rdf12`` false: the client's
    format cannot carry triple terms or base directions, refuse a graph that has them.
    """

    text: str
    media_type: str
    default_graphs: tuple[str, ...] = ()
    named_graphs: tuple[str, ...] = ()
    base: str | None = None
    rdf12: bool = True
    client: str = ""
    timeout: float | None = None
    """Seconds, where that is less than the limit."""
    inspection: Inspection | None = None
    """What :func:`~kg.serving.gate.inspect` says of the text, if it was asked already."""

    @property
    def key(self) -> tuple[Hashable, ...]:
        """All that the answer depends on but the data."""
        graphs = self.default_graphs, self.named_graphs
        return self.text, self.media_type, *graphs, self.base, self.rdf12


@dataclass(frozen=True)
class Document:
    """An uploaded graph. ``base`` resolves its relative IRIs."""

    body: bytes
    media_type: str
    base: str | None = None
    client: str = ""


def work_of(request: QueryRequest, inspection: Inspection, planner: bool) -> dict[str, Any]:
    """A query for a worker, which is told only what is out of the ordinary.

    ``planner``: its patterns may be put into another order.
    """
    work: dict[str, Any] = {
        "job": "query",
        "text": request.text,
        "base": request.base,
        "media_type": request.media_type,
    }
    if not request.rdf12:
        work["rdf12"] = False
    given = bool(request.default_graphs or request.named_graphs)
    asked = request if given else inspection
    if given or len(asked.default_graphs) > 1:
        work["default_graphs"] = list(dict.fromkeys(asked.default_graphs))
        work["named_graphs"] = list(dict.fromkeys(asked.named_graphs))
    elif planner and inspection.patterns > 1:
        work["plan"] = True
    return work


def order_of(
    operation: str, graph: str | None, if_version: str | None, credit: Credit
) -> dict[str, Any]:
    """A write of a graph, or of several, for the writer."""
    act = credit.act(operation, graph)
    return {"operation": operation, "graph": graph, "if_version": if_version, "act": act}
