"""The build: same records, same bytes; all or nothing; what it derives."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pyoxigraph import DefaultGraph, Store

from api.cli import main
from kg import snapshots
from kg.build import build, canonical_version, named_quads
from kg.config import load_settings
from kg.errors import InvalidData
from kg.intake import read_base
from kg.namespaces import Namespaces
from kg.operations import load, stored_intake

NAMES = Namespaces()


@pytest.fixture
def store(built_store: Path) -> Path:
    """With the built-in base, for what is to hold of all of it. Read only."""
    return built_store


def opened(directory: Path) -> Store:
    snapshot = snapshots.current(directory)
    assert snapshot is not None
    return Store.read_only(str(snapshot.store))


def ask(directory: Path, pattern: str) -> bool:
    return bool(opened(directory).query(f"{NAMES.sparql_prologue} ASK {{ {pattern} }}"))


def select(directory: Path, query: str) -> list[tuple[str, ...]]:
    rows = opened(directory).query(NAMES.sparql_prologue + query)
    return [tuple(NAMES.shorten(term.value) for term in row) for row in rows]


def test_the_same_records_give_the_same_version(store: Path, tmp_path: Path) -> None:
    again = build(read_base(NAMES), tmp_path)
    first = snapshots.current(store)
    assert first is not None
    assert again.version == first.version
    assert canonical_version(named_quads(opened(tmp_path))) == again.version


def test_another_base_names_everything_under_it(small_base: Path, tmp_path: Path) -> None:
    names = Namespaces("https://example.org/graph/")
    build(read_base(names, small_base), tmp_path)
    iris = {q.predicate.value for q in opened(tmp_path)}
    assert "https://example.org/graph/ont#speaker" in iris
    assert not any(iri.startswith(NAMES.base) for iri in iris)


def test_a_build_that_fails_leaves_the_old_store_in_force(
    own_small_store: Path, small_base: Path, tmp_path: Path
) -> None:
    directory, examples = own_small_store, tmp_path / "examples"
    shutil.copytree(small_base, examples)
    before = snapshots.current(directory)
    claims = examples / "claims" / "nvidia-h200-ramp.yaml"
    claims.write_text(claims.read_text().replace("hedge: predicted", "hedge: guessed", 1))
    assert main(["build", "--store", str(directory), "--examples", str(examples)]) == 1
    assert snapshots.current(directory) == before
    assert [p.name for p in (directory / "generations").iterdir()] == [before.path.name]


def test_a_failure_while_writing_leaves_nothing_behind(
    own_small_store: Path, small_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = own_small_store
    before = snapshots.current(directory)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kg.build.write_catalogue", full)
    with pytest.raises(OSError, match="No space left"):
        build(read_base(NAMES, small_base), directory)
    assert snapshots.current(directory) == before
    assert len(list((directory / "generations").iterdir())) == 1


def test_the_default_graph_is_a_merge(store: Path) -> None:
    apart = {NAMES.expand(f"g:{graph}") for graph in ("history", "rdf12")}
    named, merged = set(), []
    for quad in opened(store):
        triple = (quad.subject, quad.predicate, quad.object)
        if isinstance(quad.graph_name, DefaultGraph):
            merged.append(triple)
        elif quad.graph_name not in apart:
            named.add(triple)
    assert len(merged) == len(set(merged))
    assert set(merged) == named
    assert ask(store, "GRAPH g:rdf12 { ?claim rdf:reifies ?triple }")
    assert not ask(store, "?claim rdf:reifies ?triple")


def test_a_reifier_stands_for_its_claim(store: Path) -> None:
    pattern = (
        "GRAPH g:rdf12 { c:c3-07 rdf:reifies"
        " <<( id:alibaba ct:interestedInBuying id:nvidia-h200 )>> }"
    )
    assert ask(store, pattern)


def test_computed_figures_name_what_they_were_computed_from(store: Path) -> None:
    rows = select(
        store,
        "SELECT ?value ?from ?source WHERE { ?m ct:of id:nvidia-h20 ; ct:metric con:tpp ;"
        " ct:value ?value ; ct:status con:derived ;"
        " prov:wasDerivedFrom ?from ; dct:source ?source }",
    )
    assert rows == [("2368", "id:nvidia-h20#peak-fp16-matrix", "src:epoch-2026-04")]


def test_nothing_derived_lacks_its_sources(store: Path) -> None:
    missing = (
        "?m ct:status con:derived . FILTER NOT EXISTS { ?m prov:wasDerivedFrom ?from ."
        " ?from ct:value ?value }"
    )
    assert not ask(store, missing)


def test_loading_into_a_store_keeps_what_is_there_and_derives_anew(
    small_store: Path, own_small_store: Path, tmp_path: Path
) -> None:
    directory = own_small_store
    settings = load_settings({"store": directory}, {})
    verdict = tmp_path / "verdict.yaml"
    verdict.write_text(
        "assessments:\n- {claim: c3-23, verdict: refuted, evidence: [E26], reason: A test.}\n"
    )
    before = snapshots.current(directory)
    load(settings, [verdict], None)
    after = snapshots.current(directory)
    assert before is not None and after is not None
    assert select(directory, "SELECT ?rank WHERE { c:c3-23 ct:rank ?rank }") == [
        ("con:deprecated",)
    ]
    assert select(small_store, "SELECT ?rank WHERE { c:c3-23 ct:rank ?rank }") == [("con:normal",)]
    assert (
        after.facts["graphs"][NAMES.base + "graph/measurements"]
        == (before.facts["graphs"][NAMES.base + "graph/measurements"])
    )


def test_a_graph_of_somebodys_own_is_loaded_unchecked(
    own_small_store: Path, tmp_path: Path
) -> None:
    directory, file = own_small_store, tmp_path / "own.ttl"
    file.write_text("<http://example.org/a> a <https://w3id.org/chiptrail/ont#Claim> .")
    load(load_settings({"store": directory}, {}), [file], "http://example.org/graph")
    assert ask(directory, "GRAPH <http://example.org/graph> { ?s ?p ?o }")
    with pytest.raises(InvalidData):
        load(load_settings({"store": directory}, {}), [file], NAMES.base + "graph/claims-own")


def test_a_store_asserts_what_it_was_built_from(store: Path, tmp_path: Path) -> None:
    """Building from a store's own assertions gives the store again."""
    snapshot = snapshots.current(store)
    assert snapshot is not None
    again = build(stored_intake(snapshot, NAMES), tmp_path)
    assert again.version == snapshot.version
