"""What a revision changed, read off the documents of its records before and after.

*The world* changed where a thing is new and its own date (a rule comes into force, somebody says
something) lies after the time of the revision before: it could not have been in the record. All
else is a change of *our record* of the world: a correction, a verdict, a late addition.

Documents repeat what other records say: the claims about a chip stand in the chip's document
too. What a change brings about elsewhere is no change of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kg.catalogue import Difference, counted, differences
from kg.catalogue.view import Json
from kg.history.log import Change, Quads

WORLD, RECORD = "world", "record"
NATURES = (WORLD, RECORD)

BEGUN, GRAPH_CHANGED, STATUS_CHANGED = "begun", "graph-changed", "status-changed"
KINDS = (
    BEGUN,
    "claim-added",
    "claim-superseded",
    "claim-retracted",
    "verdict-changed",
    "standing-changed",
    "rule-added",
    "rule-changed",
    "rule-removed",
    "record-added",
    "record-corrected",
    "record-removed",
    "contradiction-found",
    "contradiction-resolved",
    STATUS_CHANGED,
    GRAPH_CHANGED,
)
"""``standing-changed``: a claim's rank, links or place in the best knowledge, by no verdict of
its own."""

_DERIVED = ("timeline",)  # events repeat what the records say that they are of
_FOLLOWS = frozenset(
    {"claims", "retold_in", "rules", "chips", "configurations", "variants", "parts"}
)
_STANDING = frozenset({"rank", "current", "links"})
_SHORT = 300  # characters of JSON that a change tells of a field's value
_GRAPHS = 1000  # graphs of somebody's own that one revision names


def begun(catalogue: Path | None) -> Change:
    """The one change of the first revision of a store: with how much it began."""
    counts = counted(catalogue) if catalogue else {}
    label = ", ".join(f"{count} {name}" for name, count in counts.items()) or "an empty store"
    return Change(RECORD, BEGUN, f"begun with {label}", detail={"collections": counts})


def changes_of_records(catalogue: Path, revision: int, before: str | None) -> Iterator[Change]:
    """``catalogue`` is that of ``revision``; ``before``: the time of the revision before."""
    found = [d for d in differences(catalogue, revision) if d.collection not in _DERIVED]
    closed = {name: d.slug for d in found if (name := _successor(d))}
    for difference in found:
        if _successor(difference) is None:
            change = _change(difference, closed.get(difference.slug), before)
            if change is not None:
                yield change


def changes_of_graphs(quads: Quads, model: str | None = None) -> list[Change]:
    """One for each graph of ``quads`` in which anything changed.

    ``model``: how the IRIs of graphs begin whose changes are told of already, record by record.
    """
    changed = [
        (graph, counts)
        for graph, counts in sorted(quads.items())
        if any(counts) and not (model and graph.startswith(model))
    ]
    found = [_of_graph(graph, *counts) for graph, counts in changed[:_GRAPHS]]
    if len(changed) > _GRAPHS:
        more = len(changed) - _GRAPHS
        found.append(Change(RECORD, GRAPH_CHANGED, f"{more} more graphs", detail={"graphs": more}))
    return found


def _of_graph(graph: str, added: int, removed: int) -> Change:
    label = f"{added} quads added, {removed} removed"
    detail = {"added": added, "removed": removed}
    return Change(RECORD, GRAPH_CHANGED, label, iri=graph, detail=detail)


def _successor(difference: Difference) -> str | None:
    """The record that has taken the name of one which was closed under a name of its own."""
    if difference.collection != "claims" or difference.before or not difference.after:
        return None
    successor: str | None = difference.after.get("superseded_by", {}).get("id")
    return successor


def _change(difference: Difference, closed: str | None, before: str | None) -> Change | None:
    document = difference.after or difference.before or {}
    fields = changed_fields(difference.before, difference.after)
    kind = _kind(difference, fields, closed)
    if kind is None:
        return None
    detail = _detail(difference, fields) | ({"closed": closed} if closed else {})
    date = _date(difference.collection, document)
    new = difference.before is None and kind != "contradiction-found"
    world = new and before is not None and date is not None and date > before[: len("2026-11-21")]
    return Change(
        WORLD if world else RECORD,
        kind,
        document["label"],
        difference.collection,
        difference.slug,
        document["iri"],
        date,
        detail,
        _about(document),
    )


def _kind(difference: Difference, fields: Iterable[str], closed: str | None) -> str | None:
    """None for what only repeats changes of other records."""
    added, removed = difference.before is None, difference.after is None
    if difference.collection == "contradictions":
        return "contradiction-found" if added else "contradiction-resolved" if removed else None
    own = {name for name in fields if name not in _FOLLOWS}
    if not (added or removed or own):
        return None
    if difference.collection == "claims" and not removed:
        return "claim-added" if added else _kind_of_claim(difference.after or {}, own, closed)
    document = difference.after or difference.before or {}
    thing = "rule" if document["type"] == "Rule" else "record"
    changed = "changed" if thing == "rule" else "corrected"
    return f"{thing}-{'added' if added else 'removed' if removed else changed}"


def _kind_of_claim(after: Json, own: set[str], closed: str | None) -> str:
    if "recorded" in own and "to" in after.get("recorded", {}):
        return "claim-retracted"
    if closed:
        return "claim-superseded"
    if own - _STANDING - {"verdicts"}:
        return "record-corrected"
    return "verdict-changed" if "verdicts" in own else "standing-changed"


def changed_fields(before: Json | None, after: Json | None) -> list[str]:
    """The members that say something else than before; a label of something linked does not."""
    before, after = before or {}, after or {}
    names = sorted({*before, *after})
    return [name for name in names if _bare(before.get(name)) != _bare(after.get(name))]


def _bare(value: Any) -> Any:
    """``value`` with only the ids of what it links to."""
    if isinstance(value, list):
        return [_bare(item) for item in value]
    if not isinstance(value, dict):
        return value
    if {"id", "iri", "label"} <= value.keys():
        return value["id"]
    return {key: _bare(item) for key, item in value.items()}


def _detail(difference: Difference, fields: list[str]) -> dict[str, Any]:
    """Which fields changed, and their values before and after where they are short."""
    if difference.before is None or difference.after is None:
        return {}
    detail: dict[str, Any] = {"fields": fields}
    for name, document in (("before", difference.before), ("after", difference.after)):
        values = {field: _bare(document[field]) for field in fields if field in document}
        detail[name] = {key: value for key, value in values.items() if _is_short(value)}
    return detail


def _is_short(value: Any) -> bool:
    return len(json.dumps(value, ensure_ascii=False)) <= _SHORT


def _date(collection: str, document: Mapping[str, Any]) -> str | None:
    """The day that a record is about: when it was said, or comes into force, or happened."""
    if collection == "claims":
        return _text(
            document.get("stated", {}).get("latest") or document.get("valid", {}).get("from")
        )
    if collection == "policies":
        dates = document.get("dates", {})
        names = ("effectiveFrom", "effective", "published", "announced")
        return next((dates[name] for name in names if name in dates), None)
    if collection == "sources":
        return _text(document.get("date") or document.get("published", {}).get("latest"))
    return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _about(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The slugs of what the record is about."""
    things = [document.get(name) for name in ("subject", "object", "chip", "maker", "instrument")]
    things += (
        [*document.get("products", []), *document.get("claims", [])]
        if (document["type"] in ("Rule", "Contradiction"))
        else []
    )
    return tuple(sorted({thing["id"] for thing in things if isinstance(thing, dict)}))
