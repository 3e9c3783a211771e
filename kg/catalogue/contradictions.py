"""Contradictions: those that people linked, and those that queries find.

The queries are files (``kg/queries/contradictions``), one a kind. What one finds over exactly
the claims of a curated link is no entry of its own: the link says that it was found, too.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from pyoxigraph import Literal, NamedNode

from kg.catalogue.claims import claim_entry, link_slug
from kg.catalogue.entry import Entry, Facet, compact, ids, make_entry
from kg.catalogue.things import measurement
from kg.catalogue.view import Json, Row, View, plain

CURATED, STRADDLES = "curated", "straddles-threshold"

SLUGS = {
    "opposite-polarity": "polarity",
    "disjoint-values": "values",
    "rival-values": "rival",
    "hedge-conflict": "hedge",
}
"""Kind that a query over claims finds → how slugs of it begin; the most telling kind first."""

NOT_STRICT = ("hedge-conflict",)
"""Kinds in which both sides can hold: they say the same, with different commitment."""

_LONGEST = 6  # members named in a slug; of more, the rest goes into a digest

_SIGNS = {
    "ct:minInclusive": ">=",
    "ct:minExclusive": ">",
    "ct:maxInclusive": "<=",
    "ct:maxExclusive": "<",
}


@dataclass(frozen=True)
class Conflict:
    """Claims that do not fit together. ``found_as``: every way in which that was noticed."""

    slug: str
    iri: str
    label: str
    strict: bool
    members: tuple[NamedNode, ...]
    found_as: tuple[str, ...]
    curated: tuple[str, ...] = ()
    """Curated links between some of the same claims."""


@dataclass
class Straddle:
    """A chip's rival figures of one metric, and the thresholds between them."""

    chip: NamedNode
    metric: NamedNode
    thresholds: dict[tuple[str, float], list[NamedNode]] = field(default_factory=dict)
    """(sign, limit) → the rules whose condition it is."""


def contradictions(view: View, collection: str) -> Iterator[Entry]:
    """An entry for each contradiction, curated ones first."""
    documents: dict[str, Json] = {}
    for conflict in _conflicts(view):
        for node in conflict.members:
            if node.value not in documents:
                documents[node.value] = claim_entry(view, node, "claims").document
        members = [documents[node.value] for node in conflict.members]
        yield _claims_entry(conflict, members, collection)
    for straddle in _straddles(view):
        yield _figures_entry(view, straddle, collection)


# --- finding ----------------------------------------------------------------------------------


def _conflicts(view: View) -> list[Conflict]:
    links = [_curated(view, node) for node in _links(view)]
    curated = [link for link in links if len(link.members) > 1]
    found: dict[tuple[NamedNode, ...], Conflict] = {}
    for kind in SLUGS:
        for members, label in _groups(view, kind):
            before = found.get(members)
            ways = (*before.found_as, kind) if before else (kind,)
            found[members] = replace(before or _found(view, kind, members, label), found_as=ways)
    merged = [_noticed(link, found.pop(_in_order(link.members), None)) for link in curated]
    return [*merged, *(_with_links(conflict, curated) for conflict in found.values())]


def _links(view: View) -> list[NamedNode]:
    return view.subjects("ct:linkType", view.names.expand("con:contradicts"))


def _curated(view: View, node: NamedNode) -> Conflict:
    return Conflict(
        link_slug(view, node),
        node.value,
        " ".join(view.values(node, "rdfs:comment")),
        bool(view.value(node, "ct:strict")),
        tuple(n for n in view.nodes(node, "ct:member") if "Claim" in view.types(n)),
        (CURATED,),
    )


def _groups(view: View, kind: str) -> Iterator[tuple[tuple[NamedNode, ...], str]]:
    """Members that conflict over one thing, and what that is."""
    groups: dict[tuple[str, ...], set[NamedNode]] = defaultdict(set)
    labels: dict[tuple[str, ...], str] = {}
    for row in view.select(f"contradictions/{kind}.rq"):
        pair = {_node(row, "first"), _node(row, "second")}
        shared = {name: term for name, term in row.items() if name not in ("first", "second")}
        key = tuple(f"{name} {term}" for name, term in sorted(shared.items()))
        groups[key].update(pair)
        labels[key] = _label(view, kind, shared)
    for key in sorted(groups):
        yield _in_order(groups[key]), labels[key]


def _label(view: View, kind: str, row: Row) -> str:
    what = {k: view.label(v) if isinstance(v, NamedNode) else v.value for k, v in row.items()}
    value = f", {what['value']}" if "value" in what else ""
    place = f" in {what['document']}" if "document" in what else ""
    return f"{what['subject']}, {what['property']}{value}{place}: {kind.replace('-', ' ')}."


def _found(view: View, kind: str, members: tuple[NamedNode, ...], label: str) -> Conflict:
    slug = "-".join([SLUGS[kind], *_shortened([view.slug(node) for node in members])])
    return Conflict(slug, _address(view, slug), label, kind not in NOT_STRICT, members, (kind,))


def _address(view: View, slug: str) -> str:
    return f"{view.names.base}api/contradictions/{slug}"


def _shortened(slugs: Sequence[str]) -> list[str]:
    if len(slugs) <= _LONGEST:
        return [*slugs]
    return [*slugs[:_LONGEST], hashlib.sha256(" ".join(slugs).encode()).hexdigest()[:8]]


def _in_order(members: Iterable[NamedNode]) -> tuple[NamedNode, ...]:
    return tuple(sorted(set(members), key=lambda node: node.value))


def _noticed(link: Conflict, found: Conflict | None) -> Conflict:
    return replace(link, found_as=(*link.found_as, *found.found_as)) if found else link


def _with_links(conflict: Conflict, curated: list[Conflict]) -> Conflict:
    """With the links that hold two or more of the same claims."""
    shared = [c.slug for c in curated if len(set(c.members) & set(conflict.members)) > 1]
    return replace(conflict, curated=tuple(shared))


def _straddles(view: View) -> list[Straddle]:
    found: dict[tuple[str, str], Straddle] = {}
    signs = {view.names.expand(curie).value: sign for curie, sign in _SIGNS.items()}
    for row in view.select(f"contradictions/{STRADDLES}.rq"):
        chip, metric, rule = (_node(row, name) for name in ("chip", "metric", "rule"))
        straddle = found.setdefault((chip.value, metric.value), Straddle(chip, metric))
        threshold = (signs[row["relation"].value], plain(cast("Literal", row["limit"])))
        straddle.thresholds.setdefault(threshold, []).append(rule)
    return [found[key] for key in sorted(found)]


def _node(row: Row, name: str) -> NamedNode:
    """What the query is written to bind to an IRI."""
    return cast("NamedNode", row[name])


# --- writing: claims ------------------------------------------------------------------------------


def _claims_entry(conflict: Conflict, members: list[Json], collection: str) -> Entry:
    documents = sorted({m["source"]["id"] for m in members if m.get("source")})
    origins = _origins(members)
    settled = _settled(conflict, members)
    document = {
        "id": conflict.slug,
        "iri": conflict.iri,
        "type": "Contradiction",
        "kind": conflict.found_as[0],
        "found_as": list(conflict.found_as),
        "label": conflict.label,
        "strict": conflict.strict,
        "curated_links": list(conflict.curated),
        "documents": documents,
        "independent_origins": origins,
        "within_one_document": len(documents) == 1,
        "sides": _sides(conflict, members),
        "claims": [_member(member) for member in members],
        "settled_by": settled,
    }
    facets: dict[str, list[Facet]] = {
        "kind": list(conflict.found_as),
        "strict": [conflict.strict],
        "within_one_document": [len(documents) == 1],
        "settled": [settled["settled"]],
        "source": list(documents),
        "origin": [group["id"] for group in origins],
        "origins": [len(origins)],
        "claim": [member["id"] for member in members],
        "subject": ids(member.get("subject") for member in members),
        "property": ids(member.get("property") for member in members),
        "hedge": ids(member.get("hedge") for member in members),
        "speaker": ids(member.get("speaker") for member in members),
        "verdict": ids(v.get("verdict") for m in members for v in m.get("verdicts", [])),
        "about": sorted({i for m in members for i in _about(m)}),
    }
    return make_entry(collection, document, facets, _hull(members), _recorded(members))


def _about(member: Json) -> list[str]:
    return [str(i) for i in ids([member.get("subject"), member.get("object")])]


def _origins(members: list[Json]) -> list[Json]:
    """Who stands behind the claims: retellings of one report are one origin.

    The report behind a claim, else its document, else the claim itself.
    """
    origins: dict[str, Json] = {}
    for member in members:
        origin = member.get("upstream") or member.get("source") or member
        head = {key: origin[key] for key in ("id", "iri", "label", "url") if key in origin}
        group = origins.setdefault(origin["id"], {**head, "claims": []})
        group["claims"].append(member["id"])
    return [origins[key] for key in sorted(origins)]


def _sides(conflict: Conflict, members: list[Json]) -> list[Json]:
    """Claims that say the same, with as many origins as stand behind them independently.

    They differ in how firmly they say it where that is the conflict.
    """
    sides: dict[str, Json] = {}
    for member in members:
        says = _says(member, "hedge-conflict" in conflict.found_as)
        sides.setdefault(says, {"says": says, "claims": []})["claims"].append(member["id"])
    for side in sides.values():
        origins = _origins([m for m in members if m["id"] in side["claims"]])
        side["independent_origins"] = [origin["id"] for origin in origins]
    return [sides[says] for says in sorted(sides)]


def _says(member: Json, with_hedge: bool) -> str:
    parts = [member["subject"]["label"], member["property"]["label"], _value(member)]
    if member.get("polarity", {}).get("id") == "denied":
        parts.insert(0, "not:")
    if with_hedge:
        parts.append(f"({member['hedge']['label']})")
    return " ".join(parts)


def _value(member: Json) -> str:
    if "quantity" not in member:
        value = member.get("object", {}).get("label") or member.get("literal", "")
        return str(value)
    quantity = member["quantity"]
    ends = dict.fromkeys(str(quantity[end]) for end in ("low", "high") if end in quantity)
    unit = quantity.get("unit", {}).get("label", "")
    return " ".join([quantity.get("bound", "").replace("_", " "), " to ".join(ends), unit]).strip()


def _member(member: Json) -> Json:
    """What a reader needs of a claim to weigh it against another."""
    keys = (
        *("id", "iri", "type", "paraphrase", "hedge", "polarity", "object", "literal", "quantity"),
        *("speaker", "source", "span", "upstream", "valid", "stated", "rank", "verdicts"),
    )
    return compact({key: member.get(key) for key in keys})


def _settled(conflict: Conflict, members: list[Json]) -> Json:
    """The verdicts that decide between the sides, or what would.

    Settled: no more than one claim is left standing, or one is supported where only one can hold.
    """
    ranks = {member["id"]: (member.get("rank") or {}).get("id") for member in members}
    standing = [slug for slug, rank in ranks.items() if rank != "deprecated"]
    supported = [slug for slug, rank in ranks.items() if rank == "preferred"]
    settled = len(standing) <= 1 or (conflict.strict and len(supported) == 1)
    verdicts = [_verdict(m["id"], verdict) for m in members for verdict in m.get("verdicts", [])]
    evidence = [_from_evidence(m) for m in members if m["type"] == "ExternalClaim"]
    text = _said([*verdicts, *evidence]) if settled else _wanted(conflict, members, standing)
    return {"settled": settled, "text": text, "verdicts": verdicts, "evidence": evidence}


def _verdict(claim: str, verdict: Json) -> Json:
    kept = {key: verdict.get(key) for key in ("verdict", "scope", "corrected_by", "evidence")}
    return {"claim": claim, **compact(kept)}


def _from_evidence(member: Json) -> Json:
    return compact({"claim": member["id"], "evidence": [member["source"]]})


def _said(decisions: list[Json]) -> str:
    return "; ".join(_sentence(decision) for decision in decisions) + "."


def _sentence(decision: Json) -> str:
    evidence = ", ".join(item["id"] for item in decision.get("evidence", []))
    verdict = decision.get("verdict", {}).get("label")
    said = (
        f"{decision['claim']} is {verdict}"
        if verdict
        else f"{decision['claim']} comes from evidence"
    )
    corrected = decision.get("corrected_by", {}).get("id")
    return (
        said
        + (f" ({evidence})" if evidence else "")
        + (f", corrected by {corrected}" if corrected else "")
    )


def _wanted(conflict: Conflict, members: list[Json], standing: list[str]) -> str:
    open_sides = [m for m in members if m["id"] in standing and not m.get("verdicts")]
    what = sorted({f"{m['subject']['label']} ({m['property']['label']})" for m in members})
    unchecked = ", ".join(m["id"] for m in open_sides) or "none of them"
    if "hedge-conflict" in conflict.found_as:
        hedges = ", ".join(sorted({m["hedge"]["label"] for m in members}))
        return f"Open: the outlet would have to say which it stands by ({hedges})."
    if not conflict.strict:
        return f"Both sides can hold. Without a verdict: {unchecked}."
    return f"Open: evidence on {' and '.join(what)}. Without a verdict: {unchecked}."


def _hull(members: list[Json]) -> tuple[str | None, str | None]:
    """From when to when any of the sides is said to hold."""
    starts = [m.get("valid", {}).get("from") for m in members]
    ends = [m.get("valid", {}).get("to") for m in members]
    return (
        min(s for s in starts if s) if all(starts) else None,
        max(e for e in ends if e) if all(ends) else None,
    )


def _recorded(members: list[Json]) -> tuple[str | None, str | None]:
    """While all of the sides stood in the record."""
    starts = [t for m in members if (t := m.get("recorded", {}).get("from"))]
    ends = [t for m in members if (t := m.get("recorded", {}).get("to"))]
    return max(starts, default=None), min(ends, default=None)


# --- writing: figures -----------------------------------------------------------------------------


def _figures_entry(view: View, straddle: Straddle, collection: str) -> Entry:
    chip, metric = straddle.chip, straddle.metric
    figures = [_figure(view, m, straddle) for m in _measurements(view, chip, metric)]
    origins = _figure_origins(figures)
    slug = f"straddle-{view.slug(chip)}-{view.slug(metric)}"
    thresholds = [_threshold(view, *item) for item in sorted(straddle.thresholds.items())]
    document = {
        "id": slug,
        "iri": _address(view, slug),
        "type": "Contradiction",
        "kind": STRADDLES,
        "found_as": [STRADDLES],
        "label": f"{view.label(chip)}, {view.label(metric)}: figures on both sides of a threshold.",
        "strict": True,
        "documents": [group["id"] for group in origins],
        "independent_origins": origins,
        "within_one_document": len(origins) == 1,
        "chip": view.reference(chip),
        "metric": view.reference(metric),
        "thresholds": thresholds,
        "measurements": figures,
        "settled_by": _figures_settled(view, straddle, figures),
    }
    rules = {rule.value: rule for rules in straddle.thresholds.values() for rule in rules}
    facets: dict[str, list[Facet]] = {
        "kind": [STRADDLES],
        "strict": [True],
        "settled": [False],
        "within_one_document": [len(origins) == 1],
        "source": [group["id"] for group in origins],
        "origin": [group["id"] for group in origins],
        "origins": [len(origins)],
        "subject": [view.slug(chip)],
        "metric": [view.slug(metric)],
        "rule": sorted(view.slug(rule) for rule in rules.values()),
        "about": sorted([view.slug(chip), *(view.slug(rule) for rule in rules.values())]),
    }
    return make_entry(collection, document, facets)


def _measurements(view: View, chip: NamedNode, metric: NamedNode) -> list[NamedNode]:
    return [n for n in view.subjects("ct:of", chip) if metric in view.nodes(n, "ct:metric")]


def _figure(view: View, node: NamedNode, straddle: Straddle) -> Json:
    document = measurement(view, node)
    value = document.get("value")
    met = [f"{sign} {limit}" for sign, limit in sorted(straddle.thresholds)]
    kept = [text for text in met if value is not None and _meets(value, *text.split())]
    return {"id": view.slug(node), **document, "meets": kept}


def _meets(value: float, sign: str, limit: str) -> bool:
    number = float(limit)
    return {
        ">=": value >= number,
        ">": value > number,
        "<=": value <= number,
        "<": value < number,
    }[sign]


def _threshold(view: View, threshold: tuple[str, float], rules: list[NamedNode]) -> Json:
    distinct = {rule.value: rule for rule in rules}
    references = [view.reference(distinct[iri]) for iri in sorted(distinct)]
    return {"condition": " ".join(map(str, threshold)), "rules": references}


def _figure_origins(figures: list[Json]) -> list[Json]:
    origins: dict[str, Json] = {}
    for figure in figures:
        for source in figure.get("sources", []):
            group = origins.setdefault(source["id"], {**source, "measurements": []})
            group["measurements"].append(figure["id"])
    return [origins[key] for key in sorted(origins)]


def _figures_settled(view: View, straddle: Straddle, figures: list[Json]) -> Json:
    values = ", ".join(f"{f['value']} ({f['status']})" for f in figures if "value" in f)
    text = (
        f"Open: a data sheet or a measurement of the {view.label(straddle.metric)} of"
        f" {view.label(straddle.chip)}; on record are {values}."
    )
    return {"settled": False, "text": text, "verdicts": [], "evidence": []}
