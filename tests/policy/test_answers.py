"""What is sent: the fields, the arithmetic, the sources, the words."""

from __future__ import annotations

import datetime
import json

import pytest

from kg.policy.answers import NOTICE, ControlStatus, control_status
from kg.policy.outcome import Question
from kg.policy.rulebook import Rulebook
from kg.policy.status import StatusService
from tests.policy.conftest import Ask

FIELDS = [
    "chip",
    "destination",
    "date",
    "end_user_hq",
    "ship_from",
    "known_at",
    "us",
    "others",
    "missing",
    "decided_by",
    "explanation",
    "citations",
    "notice",
]


def answer(ask: Ask, book: Rulebook, *question: str) -> ControlStatus:
    return control_status(ask(*question), book)


def test_fields_of_the_contract(ask: Ask, book: Rulebook) -> None:
    plain = json.loads(answer(ask, book, "nvidia-h20", "CN", "2025-04-09").model_dump_json())
    assert set(FIELDS) <= set(plain)
    assert {n: plain[n] for n in FIELDS[:6]} == {
        "chip": "nvidia-h20",
        "destination": "CN",
        "date": "2025-04-09",
        "end_user_hq": None,
        "ship_from": "US",
        "known_at": None,
    }
    assert plain["us"]["requirement"] == "licence-required"
    assert plain["us"]["letter"] == "us-letter-2025-04"
    assert plain["notice"] == NOTICE


def test_arithmetic_and_sources_of_a_condition(ask: Ask, book: Rulebook) -> None:
    found = answer(ask, book, "nvidia-h20", "CN", "2024-06-01")
    rule = next(rule for rule in found.us.rules if rule.rule == "us-3a090a-2023")
    tpp, *_ = rule.conditions
    assert (tpp.metric, tpp.value, tpp.threshold) == ("tpp", 2368, ">= 4800")
    assert tpp.outcome == rule.outcome == "not-met"
    assert tpp.arithmetic is not None
    assert tpp.arithmetic.endswith("= 2,368")
    assert tpp.sources
    assert rule.sources


def test_density_is_explained(ask: Ask, book: Rulebook) -> None:
    text = answer(ask, book, "nvidia-l4", "CN", "2023-11-17").explanation
    assert "performance density 6.585 (1,936 / 294 mm2 = 6.585) is >= 5.92" in text


def test_rivals_and_missing_figures_in_words(ask: Ask, book: Rulebook) -> None:
    found = answer(ask, book, "nvidia-rtx-pro-6000d", "CN", "2025-09-17")
    assert found.missing == ["total processing performance"]
    (decided,) = found.decided_by
    assert decided.startswith("Rival figures for DRAM bandwidth: 1,398 GB/s [cac-6000d] or 1,570")
    (order,) = found.others
    assert (order.jurisdiction, order.activity, order.effect, order.hedge) == (
        "CN",
        "purchase",
        "halted",
        "reported",
    )
    assert order.sources == ["cac-6000d", "c2-01", "c2-02"]


def test_preconditions_are_listed(ask: Ask, book: Rulebook) -> None:
    found = answer(ask, book, "nvidia-h200-sxm", "CN", "2026-01-15")
    (review,) = (rule for rule in found.us.rules if rule.rule == "us-review-2026-01")
    assert len(review.preconditions) == 5
    assert all(text in found.explanation for text in review.preconditions)


def test_an_exception_that_does_not_reach_a_letter(ask: Ask, book: Rulebook) -> None:
    found = answer(ask, book, "nvidia-rtx-5090", "CN", "2025-05-01")
    assert (found.us.paragraph, found.us.exception, found.us.review) == ("3A090.a", "NAC", None)
    assert "does not reach the requirement of us-letter-2025-04-bandwidth" in found.explanation


def test_citations_have_addresses(ask: Ask, book: Rulebook) -> None:
    found = answer(ask, book, "nvidia-h100-sxm", "CN", "2024-06-01")
    addresses = {citation.label: citation.url for citation in found.citations}
    label = "Advanced computing rule of October 2023 (88 FR 73458)"
    assert addresses[label] == "https://www.federalregister.gov/d/2023-23055"


def test_differing_boards_are_told(service: StatusService, ask: Ask, book: Rulebook) -> None:
    found = answer(ask, book, "nvidia-h200", "US", "2026-01-15")
    assert found.us.requirement == "none-found"
    assert found.others == []
    (tariff,) = found.other_rules
    assert (tariff.rule, tariff.outcome) == ("us-section232-2026", "indeterminate")
    outcomes = {c.chip: [rule.outcome for rule in c.other_rules] for c in found.configurations}
    assert outcomes == {"nvidia-h200-sxm": ["met"], "nvidia-h200-nvl": ["not-met"]}


@pytest.mark.parametrize("day", ["2022-01-01", "2023-06-01", "2024-06-01", "2026-06-01"])
def test_no_answer_says_allowed(day: str, service: StatusService, ask: Ask, book: Rulebook) -> None:
    for chip in service.chips:
        for place in ("CN", "DE"):
            text = control_status(ask(chip, place, day), book).model_dump_json().lower()
            assert "allowed" not in text
            assert "permitted" not in text


def test_nothing_was_recorded_yet(ask: Ask, service: StatusService, book: Rulebook) -> None:
    dated = StatusService(book, service.chips, datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
    question = Question(
        chip="nvidia-h20",
        destination="china",
        on=datetime.date(2025, 4, 9),
        known_at=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
    )
    found = control_status(dated.status(question), book)
    assert found.us.requirement == "indeterminate"
    assert "held no rules" in found.explanation
