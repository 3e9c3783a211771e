"""The status of every chip as interval nodes in ``g:status``, for plain SPARQL clients."""

from __future__ import annotations

from collections.abc import Iterator

from pyoxigraph import Literal, NamedNode, Quad

from kg.mapping import RDF_TYPE, english, literal
from kg.namespaces import Namespaces
from kg.policy.scenarios import Determination, determinations
from kg.policy.status import StatusService


def status_quads(service: StatusService, names: Namespaces) -> Iterator[Quad]:
    """A ``ct:StatusDetermination`` for each chip, destination of interest and interval."""
    for found in determinations(service, service.chips):
        yield from _quads(found, names)


def _quads(found: Determination, names: Namespaces) -> Iterator[Quad]:
    expand, decision = names.expand, found.decision
    graph = expand("g:status")
    node = expand(f"id:{found.chip}#status-{found.destination}-{found.valid_from}")
    rules = [expand(f"rule:{rule}") for rule in found.rules]
    properties: dict[str, list[NamedNode | Literal | None]] = {
        "ct:chip": [expand(f"id:{found.chip}")],
        "ct:destination": [expand(f"id:{found.destination}")],
        "ct:activity": [expand("con:export")],
        "ct:validFrom": [literal(found.valid_from)],
        "ct:validTo": [literal(found.valid_to) if found.valid_to else None],
        "ct:requirement": [expand(f"con:{decision.requirement}")],
        "ct:reviewPolicy": [expand(f"con:{decision.review}") if decision.review else None],
        "ct:paragraph": [Literal(decision.paragraph) if decision.paragraph else None],
        "ct:explanation": [english(found.explanation)],
        "ct:explainedBy": [*rules],
    }
    yield Quad(node, RDF_TYPE, expand("ct:StatusDetermination"), graph)
    for curie, terms in properties.items():
        for term in terms:
            if term is not None:
                yield Quad(node, expand(curie), term, graph)
