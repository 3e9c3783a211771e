"""The command as users run it: output, exit status, files."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.conftest import Serve, chiptrail

ROOT = Path(__file__).parents[1]


def query(store: Path, text: str, *flags: str) -> str:
    done = chiptrail("query", text, "--store", store, *flags)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_question_of_the_readme_is_answered_as_it_says(built_store: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    answer = query(built_store, str(ROOT / "examples" / "stockpiles.rq"))
    assert f"```\n{answer}```" in readme


def test_a_build_prints_the_version_that_queries_see(small_base: Path, tmp_path: Path) -> None:
    first, second = (
        chiptrail("build", "--examples", small_base, "--store", tmp_path / name) for name in "ab"
    )
    version = first.stdout.split()[0]
    assert len(version) == 64
    assert second.stdout.split()[0] == version
    assert first.stderr == "", "quiet in a pipe"


def test_query_formats(built_store: Path) -> None:
    select = "SELECT ?who WHERE { c:c0-17 ct:speaker ?who }"
    assert query(built_store, select) == "who\n------------\nid:bloomberg\n"
    iri = "https://w3id.org/chiptrail/id/bloomberg"
    assert query(built_store, select, "--format", "csv") == f"who\n{iri}\n"
    results = json.loads(query(built_store, select, "--format", "json"))
    assert results["results"]["bindings"][0]["who"]["value"] == iri
    assert query(built_store, "ASK { c:c0-17 a ct:Claim }") == "true\n"
    turtle = query(built_store, "CONSTRUCT { ?c ct:rank ?r } WHERE { ?c ct:rank ?r }")
    assert "@prefix ct: <https://w3id.org/chiptrail/ont#>" in turtle


def test_a_query_is_explained(built_store: Path) -> None:
    text = "SELECT ?c { ?c a ct:Claim . ?c ct:speaker id:bloomberg }"
    lines = query(built_store, text, "--explain").splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines] == [
        "?c ct:speaker id:bloomberg  (written as number 2)",
        "?c a ct:Claim  (written as number 1)",
    ]
    assert "nothing to order" in query(built_store, "ASK { ?s ?p ?o }", "--explain")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["SELECT ?x WHERE { ?x"], "error at 1:2"),
        (["no-such-file.rq"], "no such file"),
        (["ASK {}", "--format", "ttl"], "ttl cannot carry the answer"),
        (["ASK { SERVICE <http://127.0.0.1:1/> {} }"], "SERVICE is for a server"),
    ],
)
def test_wrong_use_of_query(built_store: Path, arguments: list[str], said: str) -> None:
    done = chiptrail("query", *arguments, "--store", built_store)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_store_that_is_not_there(tmp_path: Path) -> None:
    done = chiptrail("query", "ASK {}", "--store", tmp_path / "none")
    assert (done.returncode, done.stdout) == (2, "")
    assert "run 'chiptrail build'" in done.stderr


def test_check_reports_findings_with_status_1(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("links:\n- {id: L99, type: contradicts, claims: [c0-01], comment: x}\n")
    done = chiptrail("check", bad)
    assert done.returncode == 1
    assert f"{bad}:2: L99: " in done.stderr
    assert done.stdout == ""


def test_exports_hold_the_same_facts(built_store: Path) -> None:
    lines = chiptrail("export", "--store", built_store).stdout.splitlines()
    graphs = {line.rsplit(" ", 2)[1] for line in lines}
    assert "<https://w3id.org/chiptrail/graph/current>" in graphs
    assert len(lines) == len(set(lines))
    rows = list(
        csv.DictReader(
            io.StringIO(chiptrail("export", "--store", built_store, "--format", "csv").stdout)
        )
    )
    speaker = [r["value"] for r in rows if (r["id"], r["field"]) == ("c0-17", "speaker")]
    assert speaker == ["bloomberg"]
    assert chiptrail("export", "--store", built_store, "--format", "trig").returncode == 0
    assert json.loads(chiptrail("export", "--store", built_store, "--format", "jsonld").stdout)


def test_a_backup_restores_to_the_same_version(built_store: Path, tmp_path: Path) -> None:
    saved, other = tmp_path / "saved", tmp_path / "other"
    assert chiptrail("backup", saved, "--store", built_store).returncode == 0
    assert chiptrail("backup", saved, "--store", built_store).returncode == 2, "never overwrites"
    done = chiptrail("restore", saved, "--store", other)
    assert done.returncode == 0, done.stderr
    ask = "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }"
    assert query(other, ask) == query(built_store, ask)


@pytest.mark.parametrize(
    "command",
    ["build", "serve", "load", "check", "query", "status", "import", "export", "backup", "restore"],
)
def test_every_command_has_help(command: str) -> None:
    done = chiptrail(command, "--help")
    assert done.returncode == 0
    assert len(done.stdout) > 100


def test_serve_help_lists_every_setting() -> None:
    text = chiptrail("serve", "--help").stdout
    assert "CHIPTRAIL_WRITE_TOKEN" in text
    assert "CHIPTRAIL_QUERY_TIMEOUT" in text


def test_status_says_why_and_who_says_so(built_store: Path) -> None:
    done = chiptrail("status", "nvidia-h20", "CN", "--on", "2025-04-09", "--store", built_store)
    assert done.returncode == 0, done.stderr
    first, _, explanation, *_ = done.stdout.splitlines()
    assert first == "nvidia-h20 to CN on 2025-04-09: licence-required, unstated, us-letter-2025-04"
    assert "Letter of April 2025 to Nvidia on the H20" in explanation
    assert done.stdout.splitlines()[-1].endswith("other rules may apply")


def test_status_of_what_there_is_not(built_store: Path) -> None:
    done = chiptrail("status", "nvidia-h2", "CN", "--store", built_store)
    assert (done.returncode, done.stdout) == (2, "")
    assert "nearest: nvidia-h20" in done.stderr


def test_a_build_never_throws_away_what_was_loaded(
    own_small_store: Path, small_base: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.ttl"
    own.write_text("<http://example.org/a> <http://example.org/b> 1 .")
    graph = "http://example.org/graph"
    store = ("--store", own_small_store)
    assert chiptrail("load", own, "--graph", graph, *store).returncode == 0
    build = ("build", "--examples", small_base, *store)
    refused = chiptrail(*build)
    assert refused.returncode == 2
    assert "--discard" in refused.stderr
    assert query(own_small_store, f"ASK {{ GRAPH <{graph}> {{ ?s ?p ?o }} }}") == "true\n"
    assert chiptrail(*build, "--discard").returncode == 0
    assert query(own_small_store, f"ASK {{ GRAPH <{graph}> {{ ?s ?p ?o }} }}") == "false\n"


def test_records_of_ones_own_do_not_give_way_to_the_built_in_base(
    own_small_store: Path, tmp_path: Path, serve: Serve
) -> None:
    ask = "SELECT (COUNT(*) AS ?n) { ?chip a ct:Chip }"
    before = query(own_small_store, ask)
    serve(own_small_store)
    assert query(own_small_store, ask) == before
    own = tmp_path / "own.ttl"
    own.write_text("<http://example.org/a> <http://example.org/b> 1 .")
    assert chiptrail("load", own, "--store", own_small_store).returncode == 0
    assert query(own_small_store, ask) == before


def test_triples_that_name_no_graph_have_a_place(own_small_store: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.ttl"
    own.write_text("<http://example.org/a> <http://example.org/b> [ ] .")
    assert chiptrail("load", own, "--store", own_small_store).returncode == 0
    assert (
        query(own_small_store, "ASK { GRAPH g:loaded { ?s <http://example.org/b> ?o } }")
        == "true\n"
    )


@pytest.mark.parametrize(("mode", "inside"), [("strict", ""), ("union", "GRAPH g:loaded ")])
def test_a_store_of_ones_own(tmp_path: Path, serve: Serve, mode: str, inside: str) -> None:
    store, own = tmp_path / "store", tmp_path / "own.ttl"
    own.write_text("<http://example.org/a> <http://example.org/b> 1 .")
    serve(store, "--empty", "--default-graph", mode)
    done = chiptrail("load", own, "--store", store, CHIPTRAIL_DEFAULT_GRAPH=mode)
    assert done.returncode == 0, done.stderr
    pattern = "{ <http://example.org/a> <http://example.org/b> 1 }"
    assert query(store, f"ASK {{ {inside}{pattern} }}") == "true\n"
    assert query(store, f"ASK {pattern}") == "true\n"
    assert query(store, "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }") == "n\n-\n1\n"
    assert chiptrail("build", "--store", store).returncode == 2, "it is not ours to replace"
