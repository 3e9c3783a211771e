"""What if: own figures, another threshold, another day, another rule."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from kg.errors import InvalidInput
from kg.metrics import Reading
from kg.policy.outcome import Question
from kg.policy.scenarios import (
    DESTINATIONS,
    compare_rules,
    determinations,
    with_figures,
    with_threshold,
)
from kg.policy.status import StatusService
from tests.policy.conftest import Ask

DAY = datetime.date(2024, 6, 1)


def reading(value: str) -> tuple[Reading, ...]:
    return (Reading(value=Decimal(value), status="estimated"),)


def test_a_chip_that_does_not_exist(service: StatusService, ask: Ask) -> None:
    own = with_figures(service, "nvidia-h20", {"peak-fp16-matrix": reading("150")})
    # 150 x 16 = 2,400 and 2,400 / 814 = 2.95: the first limb of paragraph b
    assert ask("what-if", "CN", "2024-06-01", of=own).decision.paragraph == "3A090.b"
    assert ask("nvidia-h20", "CN", "2024-06-01", of=own).decision.requirement == "none-found"


def test_a_given_total_is_taken_as_it_is(service: StatusService, ask: Ask) -> None:
    own = with_figures(service, "nvidia-h20", {"tpp": reading("4800")})
    assert ask("what-if", "CN", "2024-06-01", of=own).decision.paragraph == "3A090.a"


def test_which_chips_flip_with_a_threshold(service: StatusService) -> None:
    other = with_threshold(service, "us-3a090a-2023", "tpp", Decimal(4800), Decimal(6000))
    questions = [Question(chip=chip, destination="china", on=DAY) for chip in service.chips]
    changed = {
        before.chip.slug: (before.decision.paragraph, after.decision.paragraph)
        for before, after in service.diff(questions, other)
    }
    # density keeps the A100 in paragraph a; the MI250 falls to b, the 4090 is no data centre part
    assert "nvidia-a100-sxm4-80" not in changed
    assert changed["amd-mi250"] == ("3A090.a", "3A090.b")


def test_a_threshold_that_is_not_there(service: StatusService) -> None:
    with pytest.raises(InvalidInput, match="no limit 4801 on tpp"):
        with_threshold(service, "us-3a090a-2023", "tpp", Decimal(4801), Decimal(6000))


def test_two_days_compared(service: StatusService) -> None:
    questions = [
        Question(chip=chip, destination="china", on=datetime.date(2023, 11, 16))
        for chip in ("nvidia-l40", "nvidia-t4", "nvidia-h100-sxm")
    ]
    changed = {
        before.chip.slug: (before.decision.paragraph, after.decision.paragraph)
        for before, after in service.diff(questions, service, datetime.date(2023, 11, 17))
    }
    assert changed == {
        "nvidia-l40": (None, "3A090.b"),
        "nvidia-h100-sxm": ("3A090", "3A090.a"),
    }


def test_two_rules_compared(service: StatusService) -> None:
    differing = {
        chip.slug: (str(one.outcome), str(other.outcome))
        for chip, one, other in compare_rules(service, "us-3a090-2022", "us-3a090a-2023")
    }
    assert differing["nvidia-a800-sxm"] == ("not-met", "met")
    assert "nvidia-a100-sxm4-80" not in differing


def test_determinations_of_a_model(service: StatusService) -> None:
    found = list(determinations(service, ["nvidia-a800"], ["china"]))

    def on(day: str) -> tuple[str, tuple[str, ...]]:
        when = datetime.date.fromisoformat(day)
        (one,) = (
            d for d in found if d.valid_from <= when and (d.valid_to is None or when <= d.valid_to)
        )
        return one.decision.requirement, one.rules

    assert on("2023-01-15") == ("none-found", ("us-3a090-2022",))
    assert on("2024-01-15") == ("licence-required", ("us-3a090a-2023",))


def test_every_chip_has_a_status_for_every_destination(service: StatusService) -> None:
    chips = ["nvidia-h20", "nvidia-rtx-pro-6000d", "hbm3-stack"]
    found = list(determinations(service, chips))
    assert {(d.chip, d.destination) for d in found} == {
        (chip, place) for chip in chips for place in DESTINATIONS
    }
    assert all(d.explanation for d in found)
