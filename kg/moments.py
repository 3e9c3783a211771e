"""Points in time as people write them."""

from __future__ import annotations

import datetime

from kg.errors import InvalidInput


def moment(name: str, value: str) -> datetime.datetime:
    """A day (its end) or a time, in UTC. Raises InvalidInput, which calls it ``name``."""
    try:
        found = datetime.datetime.fromisoformat(value)
    except ValueError:
        message = f"{name} must be a day or a time in ISO 8601, not {value!r}"
        raise InvalidInput(message) from None
    if len(value) == len("2026-11-21"):
        found = found.replace(hour=23, minute=59, second=59, microsecond=999_999)
    try:
        return (found if found.tzinfo else found.replace(tzinfo=datetime.UTC)).astimezone(
            datetime.UTC
        )
    except OverflowError:
        raise InvalidInput(f"{name} is outside of the years 1 to 9999") from None
