"""The built-in knowledge base as the rules see it."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Callable
from pathlib import Path

import pytest

from kg.policy.facts import ChipFacts, chip_facts
from kg.policy.outcome import Question, Status
from kg.policy.records import POLICY_KINDS
from kg.policy.rulebook import Rulebook
from kg.policy.status import StatusService
from kg.records import KINDS, Entity, Records, read_records
from kg.resources import examples_directory

HERE = Path(__file__).parent
SHARED = HERE.parents[2] / "shared" / "domain"
Ask = Callable[..., Status]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture(scope="session")
def records() -> Records:
    files = sorted(p for p in examples_directory().rglob("*.yaml") if p.name != "dataset.yaml")
    return read_records(files, KINDS | POLICY_KINDS)


@pytest.fixture(scope="session")
def book(records: Records) -> Rulebook:
    return Rulebook.from_records(records)


@pytest.fixture(scope="session")
def chips(records: Records) -> dict[str, ChipFacts]:
    return chip_facts(records)


@pytest.fixture(scope="session")
def service(book: Rulebook, chips: dict[str, ChipFacts]) -> StatusService:
    return StatusService(book, chips)


@pytest.fixture(scope="session")
def places(records: Records) -> dict[str, str]:
    """ISO code → slug."""
    return {entity.iso: entity.id for entity in records.of(Entity) if entity.iso}


@pytest.fixture(scope="session")
def ask(service: StatusService, places: dict[str, str]) -> Ask:
    """Ask with ISO codes: ``ask("nvidia-h20", "CN", "2025-04-09")``."""

    def answer(
        chip: str,
        destination: str,
        on: str,
        hq: str = "",
        ship_from: str = "US",
        of: StatusService = service,
        **more: str,
    ) -> Status:
        question = Question(
            chip=chip,
            destination=places[destination],
            on=datetime.date.fromisoformat(on),
            headquarters=places[hq] if hq else None,
            ship_from=places[ship_from],
            **more,  # type: ignore[arg-type]  # end_user, end_use
        )
        return of.status(question)

    return answer
