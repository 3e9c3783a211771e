"""A document as properties with values: what reconciliation filters by and extends tables with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kg.catalogue.view import Json

Value = str | int | float | bool | Json
"""A scalar, or a reference: ``{id, iri, label}``."""

_HEAD = ("id", "type", "label", "figures")


def properties(document: Json) -> dict[str, list[Value]]:
    """Property → values. Nested fields have dotted names (``owners.percent``), figures the name
    of their metric (``dram_bandwidth``)."""
    found: dict[str, list[Value]] = {}
    for name, value in _walk("", {k: v for k, v in document.items() if k not in _HEAD}):
        if value not in found.setdefault(name, []):
            found[name].append(value)
    for figure in document.get("figures", []):
        if "value" in figure:
            found.setdefault(metric_name(figure), []).append(figure["value"])
    return found


def metric_name(figure: Json) -> str:
    return str(figure["metric"]["id"]).replace("-", "_")


def _walk(name: str, value: Any) -> Iterator[tuple[str, Value]]:
    if isinstance(value, list):
        for item in value:
            yield from _walk(name, item)
    elif isinstance(value, dict) and "id" not in value:
        for inner, item in value.items():
            yield from _walk(f"{name}.{inner}" if name else inner, item)
    else:
        yield name, value
