"""Every error that Chiptrail raises on purpose.

::

    ChiptrailError
    ├── InvalidInput        what a user gave cannot be used
    │   ├── InvalidData     a file or record has findings (carries all of them)
    │   ├── InvalidQuery    a SPARQL text is malformed (carries line and column)
    │   └── UnknownName     no such chip, place, date, concept… (carries near names)
    ├── NotFound            the thing asked for does not exist
    ├── Gone                it existed and was withdrawn (carries when, why, its history)
    ├── NotAcceptable       no format that the client accepts can carry the answer
    ├── UnsupportedMedia    the body's media type is not one that can be read
    ├── Forbidden           refused by configuration (writes without a token, egress)
    ├── Unauthorized        the token is missing or wrong
    ├── Conflict            a precondition of the request does not hold
    ├── LimitExceeded       a limit ended the work (carries which one)
    ├── Unavailable         too busy, or no store yet: try again
    ├── RemoteFailure       a target of SERVICE or LOAD did not give what was asked of it
    │   └── RemoteTimeout   nor in time
    └── Defect              the engine or our own code failed

The HTTP layer maps each class to a status once (``api.problems``), the command line
to an exit status (``api.cli``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """One thing wrong with the data, said so that its author can mend it.

    ``where`` is a file, ``line`` its 1-based line when known, ``record`` the id of the
    record or the IRI of the node, ``rule`` the name of the check.
    """

    where: str
    line: int | None
    record: str
    message: str
    rule: str = ""

    def __str__(self) -> str:
        place = self.where if self.line is None else f"{self.where}:{self.line}"
        return ": ".join(part for part in (place, self.record, self.message) if part)


class ChiptrailError(Exception):
    """Base of the tree; ``str(error)`` is a sentence for the user."""


class InvalidInput(ChiptrailError):
    pass


class InvalidData(InvalidInput):
    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = sorted(findings, key=lambda f: (f.where, f.line or 0, f.record, f.message))
        super().__init__("\n".join(map(str, self.findings)))


class InvalidQuery(InvalidInput):
    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        self.line, self.column = line, column
        super().__init__(message)


class UnknownName(InvalidInput):
    def __init__(self, kind: str, name: str, nearest: Sequence[str] = ()) -> None:
        self.kind, self.name, self.nearest = kind, name, list(nearest)
        hint = f"; nearest: {', '.join(self.nearest)}" if self.nearest else ""
        super().__init__(f"unknown {kind} {name!r}{hint}")


class NotFound(ChiptrailError):
    pass


class Gone(ChiptrailError):
    """``since`` when, ``reason`` why, ``history`` the address of what it was."""

    def __init__(self, message: str, since: str, reason: str, history: str) -> None:
        self.since, self.reason, self.history = since, reason, history
        super().__init__(message)


class NotAcceptable(ChiptrailError):
    def __init__(self, message: str, offered: Sequence[str]) -> None:
        self.offered = list(offered)
        super().__init__(message)


class UnsupportedMedia(ChiptrailError):
    def __init__(self, message: str, supported: Sequence[str]) -> None:
        self.supported = list(supported)
        super().__init__(message)


class Forbidden(ChiptrailError):
    pass


class Unauthorized(ChiptrailError):
    pass


class Conflict(ChiptrailError):
    pass


class LimitExceeded(ChiptrailError):
    """``limit`` names the setting (``query_timeout``), ``value`` what it was set to."""

    def __init__(self, message: str, limit: str, value: float) -> None:
        self.limit, self.value = limit, value
        super().__init__(message)


class Unavailable(ChiptrailError):
    def __init__(self, message: str, retry_after: int = 1) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class RemoteFailure(ChiptrailError):
    pass


class RemoteTimeout(RemoteFailure):
    pass


class Defect(ChiptrailError):
    pass
