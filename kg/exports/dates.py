"""Dates as the sources give them: a day, a month, a year, or a stretch of time."""

from __future__ import annotations

import re

_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")


def interval(text: str) -> tuple[str, str] | None:
    """First and last date of ``2025-07-08``, ``2023-08/2024`` or ``2025-12-12/15`` (ISO 8601);
    both the same for a single one. None for anything else."""
    start, _, end = text.partition("/")
    if end and len(end) < len("2024"):
        end = start[: -len(end)] + end
    dates = (start, end or start)
    return dates if all(_DATE.fullmatch(date) for date in dates) else None
