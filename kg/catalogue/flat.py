"""A document as one row of a table."""

from __future__ import annotations

from typing import Any

from kg.catalogue.view import Json


def flatten(document: Json) -> dict[str, str]:
    """One row: nested values by dotted names, references by id, lists joined by a bar."""
    row: dict[str, str] = {}
    for key, value in document.items():
        if isinstance(value, dict) and "id" in value:
            row[key] = _cell(value["id"])
        elif isinstance(value, dict):
            row |= {f"{key}.{inner}": text for inner, text in flatten(value).items()}
        elif isinstance(value, list):
            row[key] = _cell(" | ".join(_item_text(item) for item in value))
        else:
            row[key] = _cell(value)
    return row


def _item_text(item: Any) -> str:
    if isinstance(item, dict):
        return str(item.get("id") or "; ".join(f"{k}={v}" for k, v in flatten(item).items()))
    return str(item)


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How text begins that a spreadsheet may run; the last four in East Asian settings."""


def _cell(value: Any) -> str:
    """Text that a spreadsheet shows and never runs as a formula; numbers as they are."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    is_text = not isinstance(value, int | float)
    return f"'{text}" if is_text and text.startswith(_FORMULA) else text
