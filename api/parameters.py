"""Parameters of a request, read one way everywhere: known, given once, of the right kind."""

from __future__ import annotations

import datetime
import math
from collections.abc import Collection, Mapping

from fastapi import Request

from kg.errors import InvalidInput

DEFAULT_LIMIT, MAX_LIMIT = 50, 500


def read_once(
    request: Request, allowed: Collection[str], several: Collection[str] = ()
) -> dict[str, str]:
    """The parameters that were given; of those in ``several``, the first.

    Raises InvalidInput for one that is not allowed, or given twice with different values.
    """
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in allowed:
            raise InvalidInput(f"no parameter {name!r} here; there are: {', '.join(allowed)}")
        if name in several:
            given.setdefault(name, value)
        else:
            once(given, name, value)
    return given


def once(given: dict[str, str], name: str, value: str) -> None:
    if given.setdefault(name, value) != value:
        raise InvalidInput(f"{name} is given twice with different values")


def required(name: str, given: Mapping[str, str]) -> str:
    if name not in given:
        raise InvalidInput(f"the parameter {name!r} is missing")
    return given[name]


def number(name: str, value: str) -> float:
    try:
        found = float(value)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise InvalidInput(f"{name} must be a number, not {value!r}")
    return found


def limit(value: str | None) -> int:
    """How many items a page has."""
    if value is None:
        return DEFAULT_LIMIT
    if not (value.isdecimal() and value.isascii()) or not 1 <= int(value[:9]) <= MAX_LIMIT:
        raise InvalidInput(f"limit must be a whole number from 1 to {MAX_LIMIT}, not {value!r}")
    return int(value)


def day(name: str, value: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(value)
    except ValueError:
        raise InvalidInput(f"{name} must be a day as YYYY-MM-DD, not {value!r}") from None
