"""Control status of the past over real HTTP: what was answered for a time is always answered for it.

``told`` serves a store of its own and does to its rules, chips and firms what people do: edits them
where they stand. Before each step it asks about the moment, and keeps the answers.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from kg.history import Act, Evaluated, History, Log
from kg.namespaces import Namespaces
from tests.conftest import chiptrail, serving

NAMES = Namespaces()
TOKEN = "a token for this test"
H20 = {"chip": "nvidia-h20", "destination": "CN", "date": "2024-06-01"}
MOVED = {
    "rule": "us-3a090a-2023",
    "metric": "tpp",
    "old": 1600,
    "new": 1200,
    "destination": "CN",
    "date": "2024-06-01",
}
DAYS = {"destination": "CN", "from": "2024-06-01", "to": "2025-06-01"}
HUAWEI = {"firm": "huawei", "date": "2020-01-01"}

STEPS = {
    "a lower threshold": (
        "DELETE { GRAPH g:policy { ?c ct:minInclusive ?limit } }"
        " INSERT { GRAPH g:policy { ?c ct:minInclusive 2000.0 } }"
        " WHERE { GRAPH g:policy { ?c ct:minInclusive ?limit"
        ' FILTER (STRENDS(STR(?c), "/us-3a090a-2023#g1c1")) } }'
    ),
    "other figures and a later listing": (
        "DELETE { GRAPH g:measurements { ?m ct:value ?value } }"
        " INSERT { GRAPH g:measurements { ?m ct:value 40.0 } }"
        " WHERE { GRAPH g:measurements { ?m ct:of id:nvidia-h20 ; ct:metric ?k ; ct:value ?value"
        " VALUES ?k { con:peak-fp16-matrix con:peak-tf32 con:peak-fp8 con:peak-int8 } } } ;"
        " DELETE { GRAPH ?g { ?listing ?from ?day } }"
        ' INSERT { GRAPH ?g { ?listing ?from "2021-01-01"^^xsd:date } }'
        " WHERE { VALUES (?g ?from) { (g:policy ct:effectiveFrom) (g:entities ct:listedFrom) }"
        ' GRAPH ?g { ?listing ?from ?day FILTER (STR(?day) = "2019-05-16") } }'
    ),
    "a graph of somebody's own": (
        "INSERT DATA { GRAPH <http://example.org/notes> { <a:a> <a:b> 1 } }"
    ),
}


@dataclass
class Moment:
    """``answers``: those to :func:`ask` about the time ``at``, given then."""

    at: str
    answers: dict[str, bytes]


@dataclass
class Told:
    base: str
    store: Path
    moments: list[Moment] = field(default_factory=list)


def ask(base: str, known_at: str) -> dict[str, bytes]:
    """The answer of every route that knows ``known_at``."""
    about = {**H20, "known_at": known_at}
    sheet = f"chip,destination,date,known_at\r\n{','.join(about.values())}\r\n"
    with httpx.Client(base_url=f"{base}/api", timeout=60.0) as client:
        answers = {
            "one": client.get("/control-status", params=about),
            "batch": client.post("/control-status", json=[about, about | {"chip": "nvidia-l4"}]),
            "sheet": client.post(
                "/control-status", content=sheet, headers={"Content-Type": "text/csv"}
            ),
            "what if": client.post(
                "/control-status/what-if", json=about | {"figures": {"die-area": 900}}
            ),
            "threshold": client.post(
                "/control-status/threshold", json=MOVED | {"known_at": known_at}
            ),
            "diff": client.get("/control-status/diff", params=DAYS | {"known_at": known_at}),
            "firm": client.get("/party-status", params={**HUAWEI, "known_at": known_at}),
        }
    assert all(answer.is_success for answer in answers.values()), answers
    return {name: answer.content for name, answer in answers.items()}


def update(base: str, text: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    data = {"update": NAMES.sparql_prologue + text}
    done = httpx.post(f"{base}/update", data=data, headers=headers, timeout=60.0)
    assert done.is_success, done.text


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat()


def requirement(answer: bytes) -> str:
    return str(json.loads(answer)["us"]["requirement"])


def rows_of(answer: bytes) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(answer.decode())))


@pytest.fixture(scope="module")
def told(small_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("told")
    store = Path(shutil.copytree(small_store, folder / "store"))
    with serving(store, folder / "log", CHIPTRAIL_WRITE_TOKEN=TOKEN) as base:
        story = Told(base, store)
        for text in STEPS.values():
            at = now()
            story.moments.append(Moment(at, ask(base, at)))
            update(base, text)
        yield story


def expect_the_past(told: Told, base: str) -> None:
    """Every answer about a past time is, byte for byte, the one that was given then."""
    for moment in told.moments:
        assert ask(base, moment.at) == moment.answers


def test_every_step_changed_an_answer(told: Told) -> None:
    first, _, third = told.moments
    found = [requirement(moment.answers["one"]) for moment in told.moments]
    assert found == ["none-found", "licence-required", "none-found"]
    assert first.answers["one"] != third.answers["one"], "other figures, the same outcome"
    found = [rows_of(moment.answers["sheet"])[0]["requirement"] for moment in told.moments]
    assert found == ["none-found", "licence-required", "none-found"]
    firms = [json.loads(moment.answers["firm"])["status"] for moment in told.moments]
    assert firms == ["listed", "listed", "not-listed"]


def test_past_answers_are_what_they_were(told: Told) -> None:
    expect_the_past(told, told.base)


def test_today_is_another_answer(told: Told) -> None:
    today = httpx.get(f"{told.base}/api/control-status", params=H20).json()
    (tpp,) = (
        condition["value"]
        for rule in today["us"]["rules"]
        for condition in rule["conditions"]
        if (rule["rule"], condition["threshold"]) == ("us-3a090a-2023", ">= 2000")
    )
    assert tpp == 44 * 32
    assert today["known_at"] is None


def test_before_the_first_revision_its_records_answer_by_their_own_times(told: Told) -> None:
    early = ask(told.base, "2026-11-21T00:00:00+00:00")
    assert requirement(early["one"]) == "none-found"
    assert json.loads(early["firm"])["status"] == "listed"
    with httpx.Client(base_url=f"{told.base}/api") as client:
        none = client.get("/control-status", params=H20 | {"known_at": "2026-11-20"})
        assert none.json()["us"]["requirement"] == "indeterminate"
        none = client.get("/party-status", params=HUAWEI | {"known_at": "2026-11-20"})
        assert none.status_code == 404
        assert "no rules were on record" in none.json()["detail"]


def test_a_day_means_its_end(told: Told) -> None:
    asked = H20 | {"known_at": "2026-11-22"}
    answer = httpx.get(f"{told.base}/api/control-status", params=asked).json()
    assert answer["known_at"] == "2026-11-22T23:59:59.999999Z"


@pytest.mark.parametrize("route", ["control-status", "party-status"])
def test_times_that_there_are_not(told: Told, route: str) -> None:
    asked = H20 if route == "control-status" else HUAWEI
    for wrong in ("yesterday", "9999-12-31T23:59:59-12:00"):
        answer = httpx.get(f"{told.base}/api/{route}", params=asked | {"known_at": wrong})
        assert answer.status_code == 400, answer.text
        assert "known_at" in answer.json()["detail"]


def test_a_past_answer_has_the_etag_of_the_data(told: Told) -> None:
    asked = H20 | {"known_at": told.moments[0].at}
    with httpx.Client(base_url=f"{told.base}/api") as client:
        past, today = (client.get("/control-status", params=q) for q in (asked, H20))
        assert past.headers["etag"] == today.headers["etag"]
        known = {"If-None-Match": past.headers["etag"]}
        assert client.get("/control-status", params=asked, headers=known).status_code == 304


# --- elsewhere ------------------------------------------------------------------------------------


def test_past_answers_outlive_a_restart_a_backup_and_a_build(
    told: Told, small_base: Path, tmp_path: Path
) -> None:
    saved, store = tmp_path / "saved", tmp_path / "store"
    for command in (
        ("backup", saved, "--store", told.store),
        ("restore", saved, "--store", store),
        ("build", "--discard", "--examples", small_base, "--store", store),
    ):
        done = chiptrail(*command)
        assert done.returncode == 0, done.stderr
    with serving(store, tmp_path / "log") as base:
        expect_the_past(told, base)
        today = httpx.get(f"{base}/api/control-status", params=H20).content
        assert requirement(today) == requirement(told.moments[0].answers["one"])


def test_the_command_answers_alike(told: Told) -> None:
    for moment in told.moments[:2]:
        done = chiptrail(
            *("status", "nvidia-h20", "CN", "--on", "2024-06-01", "--store", told.store),
            *("--known-at", moment.at, "--format", "json"),
        )
        assert json.loads(done.stdout) == json.loads(moment.answers["one"]), done.stderr


def kept(store: Path) -> list[int]:
    with closing(sqlite3.connect(store / "history.sqlite")) as log:
        return [row[0] for row in log.execute("SELECT revision FROM evaluated ORDER BY revision")]


def test_records_are_kept_where_they_changed(told: Told) -> None:
    assert kept(told.store) == [1, 2, 3], "not of a write into somebody's own graph"


def test_a_log_of_before_they_were_kept_goes_on(told: Told, tmp_path: Path) -> None:
    store = Path(shutil.copytree(told.store, tmp_path / "store"))
    with closing(sqlite3.connect(store / "history.sqlite")) as log:
        log.execute("DROP TABLE evaluated")
    with serving(store, tmp_path / "log", CHIPTRAIL_WRITE_TOKEN=TOKEN) as base:
        at = now()
        before = ask(base, at)
        assert requirement(before["one"]) == "none-found"
        assert requirement(ask(base, told.moments[1].at)["one"]) == "none-found", "as in force"
        update(base, STEPS["other figures and a later listing"].replace("40.0", "400.0"))
        assert kept(store) == [4, 5]
        assert requirement(ask(base, now())["one"]) == "licence-required"
        assert ask(base, at) == before


# --- many states of the rules -----------------------------------------------------------------------

WITHOUT = 4
"""The revision of ``long_log`` in which there were no rules."""


@pytest.fixture
def long_log(own_small_store: Path) -> tuple[Path, list[str]]:
    """A store in its seventh revision, in each of which the records are written another way; and
    the times of them all."""
    (built,) = own_small_store.glob("generations/1")
    text = (built / "records.json").read_text(encoding="utf-8")
    with closing(Log(own_small_store)) as log:
        for number in range(2, 8):
            found = Evaluated(text + " " * number, "2026-11-21T00:00:00+00:00")
            log.append(
                number,
                f"{number:064x}",
                [Act("build")],
                [],
                {number: Evaluated() if number == WITHOUT else found},
            )
    built.rename(built.with_name("7"))
    (own_small_store / "CURRENT").write_text("7\n", encoding="ascii")
    history = History(own_small_store, 7)
    return own_small_store, [str(history.time_of(number)) for number in range(1, 8)]


def test_a_batch_asks_about_a_few_states(long_log: tuple[Path, list[str]], tmp_path: Path) -> None:
    store, times = long_log
    asked = [*(H20 | {"known_at": time} for time in [*times, times[0]]), H20]
    with serving(store, tmp_path / "log") as base:
        answers = httpx.post(f"{base}/api/control-status", json=asked, timeout=60.0).json()
        alone = httpx.get(f"{base}/api/control-status", params=asked[5])
    statuses = [answer.get("status") for answer in answers["items"]]
    assert statuses == [None, None, None, 404, None, 400, None, None, None]
    assert "no rules in this store then" in answers["items"][WITHOUT - 1]["detail"]
    assert "4 past states" in answers["items"][5]["detail"]
    assert alone.is_success, "the sixth state by itself"
