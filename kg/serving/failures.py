"""(Server.) What a child reported, or how it ended, as errors of :mod:`kg.errors`."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from typing import Any

from kg.errors import (
    ChiptrailError,
    Conflict,
    Defect,
    Finding,
    Forbidden,
    InvalidData,
    InvalidQuery,
    LimitExceeded,
    NotAcceptable,
    NotFound,
    UnsupportedMedia,
)
from kg.serving.limits import Limits

log = logging.getLogger(__name__)

_REMEDIES = {
    "query_timeout": "narrow the query",
    "transfer_timeout": "ask for less at a time, or read faster",
    "query_memory": "narrow the query, or sort and group less",
    "update_memory": "do it in smaller steps",
    "query_nesting": "nest less deeply",
    "result_bytes": "ask for less, with LIMIT or in parts",
}


def limit(name: str, limits: Limits) -> LimitExceeded:
    """The error for having reached the limit ``name``."""
    value = getattr(limits, name)
    return LimitExceeded(f"ended by {name} ({value:,}): {_REMEDIES[name]}", name, value)


def ended(status: int | None, limits: Limits, memory: str = "query_memory") -> ChiptrailError:
    """Why a child is gone that was not ended on purpose. ``memory`` names its limit."""
    if status in (-signal.SIGABRT, -signal.SIGKILL):
        return limit(memory, limits)
    if status in (-signal.SIGSEGV, -signal.SIGBUS):
        return limit("query_nesting", limits)
    log.error("a worker ended with status %s in the middle of its work", status)
    return Defect("the process that worked on this ended unexpectedly")


def failed(failure: dict[str, Any], limits: Limits, memory: str = "query_memory") -> ChiptrailError:
    """What a child said went wrong."""
    message = str(failure["message"])
    match failure["error"]:
        case "syntax":
            return InvalidQuery(message, failure["line"], failure["column"])
        case "data":
            return InvalidData([Finding(*finding) for finding in failure["findings"]])
        case "memory":
            return limit(memory, limits)
    return _BY_NAME.get(failure["error"], Defect)(message)


_BY_NAME: dict[str, Callable[[str], ChiptrailError]] = {
    "evaluation": InvalidQuery,
    "forbidden": Forbidden,
    "missing": NotFound,
    "stale": Conflict,
    "format": lambda message: NotAcceptable(message, []),
    "media": lambda message: UnsupportedMedia(message, []),
}
