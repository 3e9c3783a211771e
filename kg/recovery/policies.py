"""Instruments, country groups and rules, read back from the graph ``g:policy``."""

from __future__ import annotations

import re

from kg.metrics import METRICS
from kg.recovery.core import DATE, NUMBER, TIME, Fields, Node

# --- instruments and country groups -----------------------------------------------------------

_CITATIONS = {
    "fr": re.compile(r"\d+ FR \d+"),
    "document": re.compile(r"(\d{2}|\d{4}|[A-Z]\d)-\d{4,5}"),
    "rin": re.compile(r"\d{4}-[A-Z]{2}\d{2}"),
    "docket": re.compile(r"\d{6}-\d{4}"),
    "cfr": re.compile(r"\d+ CFR .*"),
    "number": re.compile(".*"),
}
"""Kind of citation → how it looks; the first that fits."""


def instrument(node: Node) -> Fields:
    grade = node.slug("ct:dataGrade", "con")
    return {
        "id": node.name("id"),
        "title": node.text("rdfs:label"),
        "kind": node.slug("ct:instrumentKind", "con"),
        "jurisdiction": node.slug("ct:jurisdiction", "id"),
        "authority": node.slugs("ct:authority", "id"),
        "citation": _citation(node),
        "announced": node.value("ct:announced", DATE),
        "published": node.value("ct:published", DATE),
        "effective": node.value("ct:effective", DATE),
        "compliance": node.value("ct:compliance", DATE),
        "not_enforced": node.value("ct:notEnforced", DATE),
        "suspended": node.value("ct:suspended", DATE),
        "reinstated": node.value("ct:reinstated", DATE),
        "expired": node.value("ct:expired", DATE),
        "hedge": node.slug("ct:hedge", "con"),
        "grade": grade and grade.removeprefix("grade-"),
        "amends": node.slugs("ct:amends", "id"),
        "sources": node.slugs("dct:source", "src"),
        "note": node.text("rdfs:comment"),
    }


def _citation(node: Node) -> Fields:
    found: dict[str, list[str]] = {}
    for text in map(str, node.values("ct:citation")):
        kind = next(kind for kind, looks in _CITATIONS.items() if looks.fullmatch(text))
        found.setdefault(kind, []).append(text)
    return {kind: node.only(f"ct:citation ({kind})", texts) for kind, texts in found.items()}


def country_group(node: Node) -> Fields:
    return {
        "id": node.name("id"),
        "label": node.text("rdfs:label"),
        "members": [_membership(part) for part in node.parts("ct:hasMembership")],
        "sources": node.slugs("dct:source", "src"),
        "note": node.text("rdfs:comment"),
    }


def _membership(node: Node) -> Fields:
    return {
        "place": node.slug("ct:place", "id"),
        "from": node.value("ct:validFrom", DATE),
        "to": node.value("ct:validTo", DATE),
        "sources": node.slugs("dct:source", "src"),
        "note": node.text("rdfs:comment"),
    }


# --- rules ------------------------------------------------------------------------------------


def rule(node: Node) -> Fields:
    based_on = node.slugs_by_prefix("ct:basedOn", "src", "ev", "c")
    return {
        "id": node.name("rule"),
        "title": node.text("rdfs:label"),
        "jurisdiction": node.slug("ct:jurisdiction", "id"),
        "activity": node.slug("ct:activity", "con"),
        "instrument": node.slug("ct:partOf", "id"),
        "paragraph": node.value("ct:paragraph"),
        "hedge": node.slug("ct:hedge", "con"),
        "effective": [_interval(part) for part in node.sequence("ct:hasInterval") or [node]],
        "enforcement": [_enforcement(part) for part in node.parts("ct:enforcement")],
        **_scope(node),
        **_products(node),
        **_parties(node),
        **_effect(node),
        "sources": based_on["src"],
        "evidence": based_on["ev"],
        "claims": based_on["c"],
        "recorded": {
            "from": node.value("prov:generatedAtTime", TIME),
            "to": node.value("prov:invalidatedAtTime", TIME),
        },
        "note": node.text("rdfs:comment"),
    }


def _interval(node: Node) -> Fields:
    return {
        "from": node.value("ct:effectiveFrom", DATE),
        "to": node.value("ct:effectiveTo", DATE),
        "contested": node.text("ct:contested"),
        "sources": node.slugs("dct:source", "src"),
    }


def _enforcement(node: Node) -> Fields:
    return {"state": node.slug("ct:enforcementState", "con"), **_valid(node)}


def _valid(node: Node) -> Fields:
    return {"from": node.value("ct:validFrom", DATE), "to": node.value("ct:validTo", DATE)}


def _scope(node: Node) -> Fields:
    return {
        "destinations": node.slugs("ct:destination", "id"),
        "except": node.slugs("ct:exceptDestination", "id"),
        "headquarters": node.slugs("ct:endUserHeadquarters", "id"),
        "except_headquarters": node.slugs("ct:exceptEndUserHeadquarters", "id"),
        "ship_from": node.slugs("ct:shipFrom", "id"),
    }


def _products(node: Node) -> Fields:
    return {
        "product_kinds": node.slugs("ct:coversProductKind", "con"),
        "makers": node.slugs("ct:coversMaker", "id"),
        "designers": node.slugs("ct:coversDesignerIn", "id"),
        "except_designers": node.slugs("ct:exceptDesignerIn", "id"),
        "products": node.slugs("ct:coversProduct", "id"),
        "conditions_of": node.slug("ct:conditionsOf", "rule"),
        "any_of": [_conditions(part) for part in node.parts("ct:anyOf")],
        "exclusions": [
            {"label": part.text("rdfs:label"), "all_of": _conditions(part)}
            for part in node.parts("ct:exclusion")
        ],
    }


def _conditions(node: Node) -> list[Fields]:
    return [_condition(part) for part in node.parts("ct:allOf")]


def _condition(node: Node) -> Fields:
    metric, unit = node.slug("ct:metric", "con"), node.slug("ct:unit", "unit")
    known = METRICS.get(metric or "")
    return {
        "metric": metric,
        "at_least": node.value("ct:minInclusive", NUMBER),
        "more_than": node.value("ct:minExclusive", NUMBER),
        "at_most": node.value("ct:maxInclusive", NUMBER),
        "less_than": node.value("ct:maxExclusive", NUMBER),
        "equals": node.value("ct:equals", (bool, *NUMBER, str)),
        "unit": None if known and known.unit == unit else unit,
    }


def _parties(node: Node) -> Fields:
    ownership = node.part("ct:ownershipTest")
    return {
        "parties": node.slugs("ct:coversParty", "id"),
        "list": node.slug("ct:coversList", "con"),
        "ownership": ownership and _ownership(ownership),
        "end_uses": node.slugs("ct:endUse", "con"),
    }


def _ownership(node: Node) -> Fields:
    return {
        "list": node.slug("ct:list", "con"),
        "at_least": node.value("ct:minInclusive", NUMBER),
    }


def _effect(node: Node) -> Fields:
    return {
        "requirement": node.slug("ct:requirement", "con"),
        "review": node.slug("ct:reviewPolicy", "con"),
        "reviews": [_review(part) for part in node.sequence("ct:reviewClause")],
        "exceptions": [_exception(part) for part in node.parts("ct:licenceException")],
        "preconditions": [part.text("rdfs:label") for part in node.parts("ct:precondition")],
        "relaxes": node.slugs("ct:relaxes", "rule"),
        "exempts": node.slugs("ct:exempts", "rule"),
    }


def _review(node: Node) -> Fields:
    policy = node.slug("ct:reviewPolicy", "con")
    return {"policy": policy, "all_of": _conditions(node), **_scope(node)}


def _exception(node: Node) -> Fields:
    name, group = node.slug("ct:exception", "con"), node.part("ct:anyOf")
    precondition = node.part("ct:precondition")
    return {
        "exception": name and name.upper(),
        "during": _valid(node),
        "all_of": _conditions(group) if group else [],
        "precondition": precondition and precondition.text("rdfs:label"),
        "unverified": node.value("ct:unverified", (bool,)),
        **_scope(node),
    }
