"""Graph → records: ``kg.mapping`` read backwards.

Rules, chips and firms may have come into a store as triples. What works on records (the policy
evaluator) is fed from the graph, so that it sees them all alike.

What triples do not keep, a record that comes back does not have: the order of lists that are sets
(sources, places, aliases, figures of different metrics), where a record stood, the way that a
number was written (296.0 is 296), the case of language tags, parts of seconds. What the mapping
fills in comes back spelled out: the sources that a list row or a member of a country group has
from its firm or group, the time at which a claim was recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError
from pyoxigraph import NamedNode

from kg.catalogue.view import View
from kg.errors import Finding
from kg.policy.records import POLICY_KINDS
from kg.records import KINDS, Header, Located, Record, Records
from kg.recovery import claims, policies, sources, things
from kg.recovery.core import Node, Reader, without_none

WHERE = "graph"
"""What a record read from the graph says of where it stands."""

ALL_KINDS = KINDS | POLICY_KINDS
THINGS = ("entities", "firms", "chips")
"""Kinds that share their classes: which one a thing is depends on what is said of it."""
CLASSES = {
    "articles": "ct:SourceDocument",
    "reports": "ct:UpstreamReport",
    "references": "ct:Reference",
    "evidence": "ct:Evidence",
    "instruments": "ct:Instrument",
    "country_groups": "ct:CountryGroup",
    "rules": "ct:Rule",
    "claims": "ct:Claim",
    "external_claims": "ct:ExternalClaim",
    "assessments": "ct:Assessment",
    "links": "ct:ClaimLink",
}
READERS: dict[str, Reader] = {
    "articles": sources.article,
    "reports": sources.report,
    "references": sources.reference,
    "evidence": sources.evidence,
    "entities": things.entity,
    "firms": things.firm,
    "chips": things.chip,
    "instruments": policies.instrument,
    "country_groups": policies.country_group,
    "rules": policies.rule,
    "claims": claims.claim,
    "external_claims": claims.external_claim,
    "assessments": claims.assessment,
    "links": claims.link,
}

EVALUATED = (
    "articles",
    "reports",
    "references",
    "evidence",
    "entities",
    "firms",
    "chips",
    "instruments",
    "country_groups",
    "rules",
)
"""The kinds of record that the policy evaluator works on."""
CLAIMED = ("claims", "external_claims", "assessments", "links")
"""The others. Closed claims stand in ``g:history``, which only a View of all graphs shows."""


@dataclass(frozen=True)
class Recovered:
    """``findings``: the nodes that cannot be read as a record and were left out."""

    records: Records
    findings: list[Finding] = field(default_factory=list)


def recover(view: View, kinds: Sequence[str] = EVALUATED) -> Recovered:
    """The records of some kinds in a store, those of a kind in the order of their IRIs.

    ``view`` says in which graph to look for them; what it says of them may stand in any graph but
    ``g:current``, which holds what follows from claims.
    """
    items: list[Located] = []
    findings: list[Finding] = []
    for kind, node in _nodes(view, kinds):
        record = _record(kind, node)
        if record is not None:
            items.append(Located(kind, record, _header(kind, node), WHERE, None))
        name = view.names.shorten(node.term.value)
        findings += [Finding(WHERE, None, name, text, "record") for text in node.problems]
    return Recovered(Records(items), findings)


def _nodes(view: View, kinds: Sequence[str]) -> Iterator[tuple[str, Node]]:
    for kind in kinds:
        if kind in CLASSES:
            yield from ((kind, Node(view, term)) for term in _instances(view, kind))
    if set(THINGS) & set(kinds):
        found = (thing for thing in things.things(view) if thing[0] in kinds)
        yield from sorted(found, key=lambda thing: thing[0])


def _instances(view: View, kind: str) -> Iterator[NamedNode]:
    external = set(view.instances("ct:ExternalClaim")) if kind == "claims" else set()
    return (node for node in view.instances(CLASSES[kind]) if node not in external)


def _record(kind: str, node: Node) -> Record | None:
    """None where the node has problems, all of which are noted in it."""
    fields = without_none(READERS[kind](node))
    if not node.problems:
        try:
            return ALL_KINDS[kind].model_validate(fields)
        except ValidationError as error:
            node.problems.extend(_messages(error))
    return None


def _messages(error: ValidationError) -> Iterator[str]:
    for item in error.errors():
        field_name = ".".join(str(part) for part in item["loc"])
        yield f"{field_name}: {item['msg']}"


def _header(kind: str, node: Node) -> Header:
    return claims.header(node) if kind == "claims" else Header()
