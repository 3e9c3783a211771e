"""Writes into the model over real HTTP: checked, and everything that follows from them follows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kg.namespaces import Namespaces
from tests.conftest import serving

NAMES = Namespaces()
TOKEN = "a-token-for-this-test"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def writable(small_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of one server for all tests here: each writes what the others do not look at."""
    folder = tmp_path_factory.mktemp("upkeep")
    store = Path(shutil.copytree(small_store, folder / "store"))
    with (
        serving(store, folder / "log", CHIPTRAIL_WRITE_TOKEN=TOKEN) as base,
        httpx.Client(base_url=base, timeout=60.0, headers=HEADERS) as client,
    ):
        yield client


def update(client: httpx.Client, text: str) -> httpx.Response:
    return client.post("/update", data={"update": NAMES.sparql_prologue + text})


def ask(client: httpx.Client, pattern: str) -> bool:
    query = f"{NAMES.sparql_prologue} ASK {{ {pattern} }}"
    answer = client.get("/sparql", params={"query": query}).json()
    return bool(answer["boolean"])


def test_a_verdict_changes_rank_best_knowledge_and_rest(writable: httpx.Client) -> None:
    assert ask(writable, "GRAPH g:current { id:alibaba ct:interestedInBuying id:nvidia-h200 }")
    done = update(
        writable,
        "DELETE { GRAPH g:assessments { ?a ct:verdict con:supported } }"
        " INSERT { GRAPH g:assessments { ?a ct:verdict con:refuted } }"
        " WHERE { GRAPH g:assessments { ?a ct:assesses c:c3-07 ; ct:verdict con:supported } }",
    )
    assert done.is_success, done.text
    assert not ask(writable, "GRAPH g:current { id:alibaba ct:interestedInBuying id:nvidia-h200 }")
    assert not ask(writable, "id:alibaba ct:interestedInBuying id:nvidia-h200"), "nor in the merge"
    assert ask(writable, "c:c3-07 ct:rank con:deprecated")
    claim = writable.get("/api/claims/c3-07").json()
    assert claim["rank"]["id"] == "deprecated"
    assert claim["verdicts"][0]["verdict"]["id"] == "refuted"


def test_a_rule_written_in_rdf_is_evaluated(writable: httpx.Client) -> None:
    question = {"chip": "nvidia-t4", "destination": "DE", "date": "2026-03-01"}
    before = writable.get("/api/control-status", params=question).json()
    assert before["us"]["requirement"] == "none-found"
    done = update(
        writable,
        "INSERT DATA { GRAPH g:policy {"
        ' rule:invented a ct:Rule ; rdfs:label "An invented rule"@en ; ct:hedge con:asserted ;'
        " ct:jurisdiction id:united-states ; ct:activity con:export ; ct:destination id:germany ;"
        ' ct:effectiveFrom "2026-02-01"^^xsd:date ; ct:coversProduct id:nvidia-t4 ;'
        " ct:requirement con:licence-required ; ct:basedOn src:swkelly } }",
    )
    assert done.is_success, done.text
    after = writable.get("/api/control-status", params=question).json()
    assert after["us"]["requirement"] == "licence-required"
    assert "An invented rule" in after["explanation"]
    assert ask(
        writable,
        "?s ct:chip id:nvidia-t4 ; ct:destination id:germany ; ct:explainedBy rule:invented",
    )


def test_what_the_shapes_refuse_changes_nothing(writable: httpx.Client) -> None:
    version = writable.get("/api/stats").json()["version"]
    refused = update(
        writable, "INSERT DATA { GRAPH g:links { c:link-X1 a ct:ClaimLink ; ct:member c:c0-01 } }"
    )
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert any("c:link-X1" in finding for finding in refused.json()["findings"])
    assert writable.get("/api/stats").json()["version"] == version


def test_a_graph_of_somebodys_own_is_nobodys_business(writable: httpx.Client) -> None:
    graph, before = "http://example.org/notes", writable.get("/api/stats").json()
    done = writable.put(
        "/data",
        params={"graph": graph},
        content="<http://example.org/a> a <https://w3id.org/chiptrail/ont#Claim> .",
        headers={"Content-Type": "text/turtle"},
    )
    assert done.status_code == 201, done.text
    assert ask(writable, f"GRAPH <{graph}> {{ ?s ?p ?o }}")
    after = writable.get("/api/stats").json()
    assert after["version"] != before["version"]
    assert after["collections"] == before["collections"]


@pytest.mark.parametrize("graph", ["current", "current-why", "rdf12", "status", "ontology"])
def test_derived_graphs_cannot_be_written(writable: httpx.Client, graph: str) -> None:
    refused = update(writable, f"INSERT DATA {{ GRAPH g:{graph} {{ id:nvidia ct:x id:nvidia }} }}")
    assert refused.status_code == 403
    assert "derived" in refused.json()["detail"]
