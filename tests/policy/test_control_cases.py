"""Worked cases, each from computed figures. Their sources stand in the table."""

from __future__ import annotations

import pytest

from kg.policy.logic import Outcome
from kg.policy.outcome import Decision
from tests.policy.conftest import HERE, SHARED, Ask, rows

CASES = rows(HERE / "control_cases.tsv")

LETTERS = {
    "letter-2022": "us-letter-2022-08",
    "letter-2023-acceleration": "us-letter-2023-10",
    "letter-H20": "us-letter-2025-04",
    "letter-MI308": "us-letter-2025-04-mi308",
    "letter-Intel": "us-letter-2025-04-intel",
    "letter-bandwidth-inferred": "us-letter-2025-04-bandwidth",
}
CHINESE = {
    "CAC-summons": "cn-h20-summons-2025",
    "CAC-stop-order": "cn-rtx6000d-order-2025",
    "customs-block": "cn-h200-customs-2026",
    "import-halt": "cn-rtx5090dv2-2026",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_case(case: dict[str, str], ask: Ask) -> None:
    status = ask(
        case["chip"], case["destination"], case["on"], case["headquarters"], case["ship_from"]
    )
    assert _written(status.decision) == {name: case[name] for name in _written(status.decision)}
    if case["chinese_rule"]:
        met = [f.rule.id for f in status.others if f.outcome is Outcome.MET]
        assert case["chinese_rule"] in met


def _written(decision: Decision) -> dict[str, str]:
    review = "" if decision.review in (None, "unstated") else decision.review
    return {
        "requirement": decision.requirement,
        "paragraph": decision.paragraph or "",
        "review": review or "",
        "exception": decision.exception or "",
        "letter": decision.letter or "",
    }


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared case files are not here")
def test_the_table_is_the_shared_one() -> None:
    shared = {
        row["id"]: [
            *(row[n] for n in ("chip", "destination", "ship_from", "end_user_hq", "date")),
            *(row[n] for n in ("us_requirement", "us_paragraph", "us_review", "us_exception")),
            LETTERS.get(row["us_letter"], ""),
            CHINESE.get(row["cn_measure"], ""),
        ]
        for row in rows(SHARED / "control_cases.tsv")
    }
    assert {row["case"]: list(row.values())[1:12] for row in CASES} == shared
