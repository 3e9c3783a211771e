"""The questions that the graph must answer, asked over HTTP of a real server.

``cqNN-name.rq`` holds a question and its query, ``cqNN-name.csv`` the expected rows of the columns
that matter, written down from the articles and the evidence, not from the engine's answers; terms
as CURIEs, an unbound one empty. The queries of 1 to 40 are a contract with others: their text does
not change. A line ``# At least:`` says that the answer may rightly hold more rows.
"""

from __future__ import annotations

import csv
from pathlib import Path

import httpx
import pytest

from kg.namespaces import Namespaces
from tests.conftest import Serve, chiptrail

HERE = Path(__file__).parent
NAMES = Namespaces()
AT_LEAST = "# At least:"
SUPERSEDED = "cq26"

Row = tuple[str, ...]


QUESTIONS = [p for p in sorted(HERE.glob("cq*.rq")) if not p.stem.startswith(SUPERSEDED)]


@pytest.mark.parametrize("path", QUESTIONS, ids=lambda path: path.stem)
def test_answer(path: Path, server: str) -> None:
    _check(path, server)


def test_superseded_record_answers_as_of_its_time(
    own_small_store: Path, serve: Serve, server: str
) -> None:
    path = HERE / "cq26-bitemporal.rq"
    loaded = chiptrail("load", HERE / "cq26-superseded.yaml", "--store", own_small_store)
    assert loaded.returncode == 0, loaded.stderr
    _check(path, serve(own_small_store))
    columns, rows = _expected(path.with_suffix(".csv"))
    now = _ask(server, path.read_text(encoding="utf-8"), columns)
    assert now == {max(rows)}, "the later of the times, in the whole base"


def test_every_question_has_its_expected_rows() -> None:
    stems = {suffix: {p.stem for p in HERE.glob(f"cq*-*{suffix}")} for suffix in (".rq", ".csv")}
    assert stems[".rq"] == stems[".csv"]
    numbers = sorted(int(stem[2:4]) for stem in stems[".rq"])
    assert numbers == list(range(1, len(numbers) + 1))


def _check(path: Path, base: str) -> None:
    query = path.read_text(encoding="utf-8")
    columns, expected = _expected(path.with_suffix(".csv"))
    found = _ask(base, query, columns)
    assert expected <= found
    if AT_LEAST not in query:
        assert found == expected


def _expected(path: Path) -> tuple[list[str], set[Row]]:
    with path.open(encoding="utf-8", newline="") as file:
        columns, *rows = csv.reader(file)
    assert len(set(map(tuple, rows))) == len(rows), f"{path.name} repeats a row"
    return columns, {tuple(row) for row in rows}


def _ask(base: str, query: str, columns: list[str]) -> set[Row]:
    response = httpx.get(
        f"{base}/sparql",
        params={"query": query},
        headers={"Accept": "application/sparql-results+json"},
        timeout=30.0,
    )
    assert response.status_code == 200, response.text
    solutions = response.json()["results"]["bindings"]
    return {tuple(_term(solution.get(column)) for column in columns) for solution in solutions}


def _term(term: dict[str, str] | None) -> str:
    if term is None:
        return ""
    return NAMES.shorten(term["value"]) if term["type"] == "uri" else term["value"]
