"""What of the record an answer is about: what is in force, what was known at a time, or a version.

``known_at``: the revision in force at that time, and within it what was recorded then.
``version``: a revision by its data version, as it was: the same bytes whenever it is asked for.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from api.parameters import day
from api.service import Service
from kg.catalogue import PageRequest
from kg.errors import InvalidInput, NotFound
from kg.history import as_text
from kg.moments import moment

PARAMETERS = ("valid_at", "known_at", "version")


@dataclass(frozen=True)
class AsOf:
    """``revision`` None: what is in force. ``version``: in full, where one was asked for."""

    valid_at: str | None = None
    known_at: str | None = None
    revision: int | None = None
    version: str | None = None

    def request(self, collection: str) -> PageRequest:
        """For the records of ``collection`` that stood then."""
        return PageRequest(
            collection, valid_at=self.valid_at, known_at=self.known_at, revision=self.revision
        )


def read_as_of(service: Service, given: Mapping[str, str]) -> AsOf:
    """Raises InvalidInput, and NotFound for a time or a version that the record does not have."""
    valid_at = day("valid_at", given["valid_at"]).isoformat() if "valid_at" in given else None
    if "version" in given:
        if "known_at" in given:
            raise InvalidInput("version and known_at both say which record: give one of them")
        found = service.history.of_version(given["version"].lower())
        return AsOf(valid_at, None, found["number"], found["version"])
    if "known_at" not in given:
        return AsOf(valid_at)
    time = moment("known_at", given["known_at"])
    _expect_begun(service, time)
    revision = service.history.at(time) if service.history.begun else None
    return AsOf(valid_at, _seconds(time), revision)


def _expect_begun(service: Service, time: datetime.datetime) -> None:
    """An empty answer about a time from which nothing is known would look like a fact."""
    facts = service.snapshot.facts.get("dataset") or {}
    known = [service.catalogue.beginning, facts.get("recorded"), service.history.begun]
    times = [datetime.datetime.fromisoformat(text) for text in known if text]
    if times and time < min(times):
        raise NotFound(
            f"nothing was on record at {_seconds(time)}: it begins {_seconds(min(times))}"
        )


def _seconds(time: datetime.datetime) -> str:
    """As the text that record times are kept in."""
    return as_text(time)[: len("2026-11-21T00:00:00")] + "Z"
