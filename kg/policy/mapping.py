"""Policy records → quads of the graph ``g:policy`` (docs/data-model.md, Policy)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pyoxigraph import Literal, NamedNode

from kg.mapping import Context, Output, Value, Writer, english, literal
from kg.metrics import METRICS
from kg.policy.records import (
    Condition,
    CountryGroup,
    EffectiveInterval,
    Enforcement,
    Instrument,
    LicenceException,
    Membership,
    ReviewClause,
    Rule,
    Scope,
)
from kg.records import Record

GRAPH = "policy"
Properties = Mapping[str, Value | Iterable[Value]]


def _all(prefix: str, slugs: Iterable[str]) -> list[Value]:
    return [f"{prefix}:{slug}" for slug in slugs]


def _one(prefix: str, slug: str | None) -> str | None:
    return None if slug is None else f"{prefix}:{slug}"


# --- instruments and country groups -----------------------------------------------------------


def _instrument(instrument: Instrument, out: Output, _: Context) -> None:
    cited = instrument.citation.model_dump(exclude_none=True)
    out.node(
        f"id:{instrument.id}",
        GRAPH,
        {
            "a": "ct:Instrument",
            "rdfs:label": english(instrument.title),
            "ct:instrumentKind": f"con:{instrument.kind}",
            "ct:jurisdiction": f"id:{instrument.jurisdiction}",
            "ct:authority": _all("id", instrument.authority),
            "ct:citation": [Literal(text) for text in cited.values()],
            "ct:announced": instrument.announced,
            "ct:published": instrument.published,
            "ct:effective": instrument.effective,
            "ct:compliance": instrument.compliance,
            "ct:notEnforced": instrument.not_enforced,
            "ct:suspended": instrument.suspended,
            "ct:reinstated": instrument.reinstated,
            "ct:expired": instrument.expired,
            "ct:hedge": f"con:{instrument.hedge}",
            "ct:amends": _all("id", instrument.amends),
            "ct:dataGrade": f"con:grade-{instrument.grade}" if instrument.grade else None,
            "dct:source": _all("src", instrument.sources),
            "rdfs:comment": english(instrument.note),
        },
    )


def _group(group: CountryGroup, out: Output, _: Context) -> None:
    members = [_membership(group, i, member, out) for i, member in enumerate(group.members, 1)]
    out.node(
        f"id:{group.id}",
        GRAPH,
        {
            "a": "ct:CountryGroup",
            "rdfs:label": english(group.label),
            "ct:hasMembership": members,
            "dct:source": _all("src", group.sources),
            "rdfs:comment": english(group.note),
        },
    )


def _membership(group: CountryGroup, number: int, member: Membership, out: Output) -> NamedNode:
    return out.node(
        f"id:{group.id}#member{number}",
        GRAPH,
        {
            "a": "ct:GroupMembership",
            "ct:place": f"id:{member.place}",
            "ct:validFrom": member.from_,
            "ct:validTo": member.to,
            "dct:source": _all("src", member.sources or group.sources),
            "rdfs:comment": english(member.note),
        },
    )


# --- rules ------------------------------------------------------------------------------------


def _rule(rule: Rule, out: Output, _: Context) -> None:
    out.node(
        f"rule:{rule.id}",
        GRAPH,
        {
            "a": "ct:Rule",
            "rdfs:label": english(rule.title),
            "ct:jurisdiction": f"id:{rule.jurisdiction}",
            "ct:activity": f"con:{rule.activity}",
            "ct:partOf": _one("id", rule.instrument),
            "ct:paragraph": Literal(rule.paragraph) if rule.paragraph else None,
            "ct:hedge": f"con:{rule.hedge}",
            **_times(rule, out),
            **_scope(rule),
            **_products(rule, out),
            **_parties(rule, out),
            **_effect(rule, out),
            "ct:basedOn": [
                *_all("src", rule.sources),
                *_all("ev", rule.evidence),
                *_all("c", rule.claims),
            ],
            "prov:generatedAtTime": rule.recorded.from_,
            "prov:invalidatedAtTime": rule.recorded.to,
            "rdfs:comment": english(rule.note),
        },
    )


def _times(rule: Rule, out: Output) -> Properties:
    first, last = rule.effective[0], rule.effective[-1]
    several = len(rule.effective) > 1
    return {
        "ct:effectiveFrom": first.from_,
        "ct:effectiveTo": last.to,
        "ct:contested": None if several else english(first.contested),
        "ct:hasInterval": [
            _interval(rule, i, interval, out) for i, interval in enumerate(rule.effective, 1)
        ]
        if several
        else None,
        "ct:enforcement": [
            _enforcement(rule, i, period, out) for i, period in enumerate(rule.enforcement, 1)
        ],
    }


def _interval(rule: Rule, number: int, interval: EffectiveInterval, out: Output) -> NamedNode:
    return out.node(
        f"rule:{rule.id}#interval{number}",
        GRAPH,
        {
            "a": "ct:RuleInterval",
            "ct:effectiveFrom": interval.from_,
            "ct:effectiveTo": interval.to,
            "ct:contested": english(interval.contested),
            "dct:source": _all("src", interval.sources),
        },
    )


def _enforcement(rule: Rule, number: int, period: Enforcement, out: Output) -> NamedNode:
    return out.node(
        f"rule:{rule.id}#enforcement{number}",
        GRAPH,
        {
            "a": "ct:EnforcementPeriod",
            "ct:enforcementState": f"con:{period.state}",
            "ct:validFrom": period.from_,
            "ct:validTo": period.to,
        },
    )


def _scope(scope: Scope) -> Properties:
    return {
        "ct:destination": _all("id", scope.destinations),
        "ct:exceptDestination": _all("id", scope.except_),
        "ct:endUserHeadquarters": _all("id", scope.headquarters),
        "ct:exceptEndUserHeadquarters": _all("id", scope.except_headquarters),
        "ct:shipFrom": _all("id", scope.ship_from),
    }


def _products(rule: Rule, out: Output) -> Properties:
    name = f"rule:{rule.id}"
    exclusions = enumerate(rule.exclusions, 1)
    return {
        "ct:coversProductKind": _all("con", rule.product_kinds),
        "ct:coversMaker": _all("id", rule.makers),
        "ct:coversDesignerIn": _all("id", rule.designers),
        "ct:exceptDesignerIn": _all("id", rule.except_designers),
        "ct:coversProduct": _all("id", rule.products),
        "ct:conditionsOf": _one("rule", rule.conditions_of),
        "ct:anyOf": [
            _conditions(f"{name}#g{i}", group, out) for i, group in enumerate(rule.any_of, 1)
        ],
        "ct:exclusion": [
            _conditions(f"{name}#x{i}", part.all_of, out, part.label) for i, part in exclusions
        ],
    }


def _conditions(
    name: str, conditions: Sequence[Condition], out: Output, label: str | None = None
) -> NamedNode:
    return out.node(
        name,
        GRAPH,
        {
            "a": "ct:ConditionGroup",
            "rdfs:label": english(label),
            "ct:allOf": _tests(name, conditions, out),
        },
    )


def _tests(name: str, conditions: Sequence[Condition], out: Output) -> list[Value]:
    return [_condition(f"{name}c{i}", test, out) for i, test in enumerate(conditions, 1)]


def _condition(name: str, condition: Condition, out: Output) -> NamedNode:
    known = METRICS.get(condition.metric)
    equals = condition.equals
    return out.node(
        name,
        GRAPH,
        {
            "a": "ct:Condition",
            "ct:metric": f"con:{condition.metric}",
            "ct:minInclusive": condition.at_least,
            "ct:minExclusive": condition.more_than,
            "ct:maxInclusive": condition.at_most,
            "ct:maxExclusive": condition.less_than,
            "ct:equals": Literal(equals) if isinstance(equals, str) else equals,
            "ct:unit": _one("unit", condition.unit or (known.unit if known else None)),
        },
    )


def _parties(rule: Rule, out: Output) -> Properties:
    return {
        "ct:coversParty": _all("id", rule.parties),
        "ct:coversList": _one("con", rule.list_),
        "ct:ownershipTest": _ownership(rule, out),
        "ct:endUse": _all("con", rule.end_uses),
    }


def _ownership(rule: Rule, out: Output) -> NamedNode | None:
    if rule.ownership is None:
        return None
    return out.node(
        f"rule:{rule.id}#ownership",
        GRAPH,
        {
            "a": "ct:OwnershipTest",
            "ct:list": f"con:{rule.ownership.list_}",
            "ct:minInclusive": rule.ownership.at_least,
        },
    )


def _effect(rule: Rule, out: Output) -> Properties:
    reviews = enumerate(rule.reviews, 1)
    exceptions = enumerate(rule.exceptions, 1)
    return {
        "ct:requirement": _one("con", rule.requirement),
        "ct:reviewPolicy": _one("con", rule.review),
        "ct:reviewClause": [_review(rule, i, clause, out) for i, clause in reviews],
        "ct:licenceException": [_exception(rule, i, part, out) for i, part in exceptions],
        "ct:precondition": [
            _precondition(f"rule:{rule.id}#p{i}", text, out)
            for i, text in enumerate(rule.preconditions, 1)
        ],
        "ct:relaxes": _all("rule", rule.relaxes),
        "ct:exempts": _all("rule", rule.exempts),
    }


def _review(rule: Rule, number: int, clause: ReviewClause, out: Output) -> NamedNode:
    name = f"rule:{rule.id}#review{number}"
    return out.node(
        name,
        GRAPH,
        {
            "a": "ct:ReviewClause",
            "ct:reviewPolicy": f"con:{clause.policy}",
            "ct:allOf": _tests(name, clause.all_of, out),
            **_scope(clause),
        },
    )


def _exception(rule: Rule, number: int, part: LicenceException, out: Output) -> NamedNode:
    name = f"rule:{rule.id}#exception{number}"
    group = _conditions(f"{name}g1", part.all_of, out) if part.all_of else None
    text = part.precondition
    return out.node(
        name,
        GRAPH,
        {
            "a": "ct:LicenceException",
            "ct:exception": f"con:{part.exception.lower()}",
            "ct:validFrom": part.during.from_,
            "ct:validTo": part.during.to,
            "ct:unverified": literal(True) if part.unverified else None,
            "ct:anyOf": group,
            "ct:precondition": _precondition(f"{name}p1", text, out) if text else None,
            **_scope(part),
        },
    )


def _precondition(name: str, text: str, out: Output) -> NamedNode:
    return out.node(name, GRAPH, {"a": "ct:Precondition", "rdfs:label": english(text)})


POLICY_WRITERS: dict[type[Record], Writer] = {
    Instrument: _instrument,
    CountryGroup: _group,
    Rule: _rule,
}
"""The class of a policy record → the function that writes it."""
