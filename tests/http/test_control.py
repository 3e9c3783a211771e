"""Control status over real HTTP: the worked cases, a batch, what if, what changed, parties."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx
import pytest

from tests.policy.conftest import HERE as POLICY
from tests.policy.conftest import rows

CASES = rows(POLICY / "control_cases.tsv")
LISTINGS = rows(POLICY / "listing_cases.tsv")
H20 = {"chip": "nvidia-h20", "destination": "CN", "date": "2025-04-09"}


def question(case: dict[str, str]) -> dict[str, str]:
    names = {"chip": "chip", "destination": "destination", "on": "date"}
    names |= {"headquarters": "end_user_hq", "ship_from": "ship_from"}
    return {parameter: case[column] for column, parameter in names.items() if case[column]}


def summary(answer: dict[str, Any]) -> dict[str, str]:
    us = answer["us"]
    review = "" if us["review"] == "unstated" else us["review"]
    return {
        "requirement": us["requirement"],
        "paragraph": us["paragraph"] or "",
        "review": review or "",
        "exception": us["exception"] or "",
        "letter": us["letter"] or "",
    }


def check(case: dict[str, str], answer: dict[str, Any]) -> None:
    found = summary(answer)
    assert found == {name: case[name] for name in found}
    if case["chinese_rule"]:
        assert case["chinese_rule"] in [other["rule"] for other in answer["others"]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_each_worked_case(client: httpx.Client, case: dict[str, str]) -> None:
    response = client.get("/api/control-status", params=question(case))
    assert response.status_code == 200, response.text
    check(case, response.json())


def test_all_worked_cases_in_one_batch(client: httpx.Client) -> None:
    response = client.post("/api/control-status", json=[question(case) for case in CASES])
    body = response.json()
    assert body["count"] == len(CASES)
    for case, answer in zip(CASES, body["items"], strict=True):
        check(case, answer)


@pytest.mark.parametrize("case", LISTINGS, ids=lambda case: case["case"])
def test_each_listing_case(client: httpx.Client, case: dict[str, str]) -> None:
    parameters = {"date": case["on"]}
    if case["firm"]:
        parameters["firm"] = case["firm"]
    else:
        parameters |= {"owner": case["owner"], "ownership": case["percent"]}
    body = client.get("/api/party-status", params=parameters).json()
    assert (body["status"], body["basis"] or "") == (case["status"], case["basis"])


def test_an_answer_carries_arithmetic_sources_and_words(client: httpx.Client) -> None:
    answer = client.get("/api/control-status", params=H20 | {"date": "2024-06-01"}).json()
    assert answer["us"]["requirement"] == "none-found"
    tests = {
        (c["metric"], c["threshold"]): c for r in answer["us"]["rules"] for c in r["conditions"]
    }
    tpp = tests["tpp", ">= 4800"]
    assert (tpp["value"], tpp["outcome"]) == (2368, "not-met")
    assert tpp["arithmetic"] == "148 FP16 matrix x 16 bit = 2,368"
    assert tpp["sources"]
    assert answer["citations"]
    assert "allowed" not in answer["explanation"].lower()
    assert answer["notice"].endswith("other rules may apply")


def test_the_unknown_is_an_answer(client: httpx.Client) -> None:
    asked = {"chip": "nvidia-rtx-pro-6000d", "destination": "CN", "date": "2025-07-25"}
    answer = client.get("/api/control-status", params=asked).json()
    assert answer["us"]["requirement"] == "indeterminate"
    assert "total processing performance" in answer["missing"]


def test_after_the_suspension_both_sides_are_shown(client: httpx.Client) -> None:
    asked = {"owner": "inspur-group", "ownership": "60", "date": "2026-11-15"}
    body = client.get("/api/party-status", params=asked).json()
    assert body["status"] == "conflicting"
    assert {"kanmon-timeline", "affiliates-memos"} <= set(body["sources"])


def test_a_batch_of_csv_comes_back_as_csv_with_bad_rows_marked(client: httpx.Client) -> None:
    asked = (
        "id,chip,destination,date\r\n1,nvidia-h20,CN,2025-04-09\r\n2,nvidia-h2,CN,2025-04-09\r\n"
    )
    asked = asked.replace("id,", "").replace("\r\n1,", "\r\n").replace("\r\n2,", "\r\n")
    response = client.post(
        "/api/control-status", content=asked, headers={"Content-Type": "text/csv"}
    )
    assert response.headers["content-type"].startswith("text/csv")
    first, second = csv.DictReader(io.StringIO(response.text))
    assert (first["chip"], first["requirement"], first["error"]) == (
        "nvidia-h20",
        "licence-required",
        "",
    )
    assert "nearest: nvidia-h20" in second["error"]


def test_what_if(client: httpx.Client) -> None:
    asked = {**H20, "date": "2023-12-01", "figures": {"peak-fp16-matrix": 151}}
    answer = client.post("/api/control-status/what-if", json=asked).json()
    assert (answer["us"]["requirement"], answer["us"]["paragraph"]) == (
        "licence-required",
        "3A090.b",
    )


def test_a_moved_threshold_flips_chips(client: httpx.Client) -> None:
    asked = {
        "rule": "us-3a090a-2023",
        "metric": "tpp",
        "old": 4800,
        "new": 4000,
        "destination": "CN",
        "date": "2024-01-15",
    }
    flipped = client.post("/api/control-status/threshold", json=asked).json()["items"]
    assert "nvidia-rtx-5090d-v2" not in [change["chip"] for change in flipped]
    assert all(change["before"] != change["after"] for change in flipped)
    assert flipped


def test_diff_of_two_days(client: httpx.Client) -> None:
    query = "destination=CN&from=2025-04-08&to=2025-04-09"
    changes = client.get(f"/api/control-status/diff?{query}").json()["items"]
    by_chip = {change["chip"]: change for change in changes}
    assert by_chip["nvidia-h20"]["before"]["requirement"] == "none-found"
    assert by_chip["nvidia-h20"]["after"]["requirement"] == "licence-required"
    assert "nvidia-h100-sxm" not in by_chip


def test_before_the_record_began_nothing_is_known(client: httpx.Client) -> None:
    answer = client.get("/api/control-status", params=H20 | {"known_at": "2026-11-01"}).json()
    assert answer["us"]["requirement"] == "indeterminate"
    now = client.get("/api/control-status", params=H20 | {"known_at": "2026-11-22"}).json()
    assert now["us"]["requirement"] == "licence-required"


@pytest.mark.parametrize(
    ("parameters", "status", "said"),
    [
        (H20 | {"chip": "nvidia-h2"}, 404, "nearest: nvidia-h20"),
        (H20 | {"destination": "Chine"}, 404, "nearest: china"),
        (H20 | {"date": "2025-04-31"}, 400, "date"),
        (H20 | {"date": ""}, 400, "date: Field required"),
        (H20 | {"colour": "green"}, 400, "no parameter 'colour'"),
        (H20 | {"end_user": "huawai"}, 404, "nearest: huawei"),
    ],
)
def test_what_cannot_be_answered_says_why(
    client: httpx.Client, parameters: dict[str, str], status: int, said: str
) -> None:
    response = client.get("/api/control-status", params=parameters)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert said in response.json()["detail"]


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"tpp": True}, "tpp must be a number in TOPS-bit"),
        ({"tpp": -1}, "not below zero"),
        ({"teraflops": 3}, "unknown metric 'teraflops'"),
        ({"designed-for-datacenter": 1}, "must be true or false"),
        ({}, "figures"),
    ],
)
def test_figures_that_cannot_be(client: httpx.Client, figures: dict[str, Any], said: str) -> None:
    response = client.post("/api/control-status/what-if", json={**H20, "figures": figures})
    assert response.status_code in (400, 404)
    assert said in response.json()["detail"]


def test_a_batch_has_a_limit(client: httpx.Client) -> None:
    response = client.post("/api/control-status", json=[H20] * 1001)
    assert response.status_code in (400, 413)
    assert "at most 1000" in response.json()["detail"]


@pytest.mark.parametrize(
    "query",
    [
        "date=2025-01-01",
        "firm=huawei&owner=smic&ownership=50&date=2025-01-01",
        "owner=smic&date=2025-01-01",
    ],
)
def test_party_questions_that_are_not_whole(client: httpx.Client, query: str) -> None:
    assert client.get(f"/api/party-status?{query}").status_code == 400


def test_a_firm_is_found_by_any_name(client: httpx.Client) -> None:
    for name in ("huawei", "华为", "Huawei Technologies"):
        body = client.get("/api/party-status", params={"firm": name, "date": "2020-01-01"}).json()
        assert (body["firm"], body["status"]) == ("huawei", "listed")
