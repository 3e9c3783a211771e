"""Imports into a store: built anew, unchanged the second time, whole or not at all."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from pyoxigraph import Store

from kg import snapshots
from kg.config import Settings, load_settings
from kg.errors import InvalidData, InvalidInput, UnknownName
from kg.importers import Options
from kg.importers.run import import_into
from tests.importers.conftest import DATA, NAMES, shared

JULY = Options(as_of=datetime.date(2026, 7, 31))


@pytest.fixture
def settings(own_small_store: Path) -> Settings:
    return load_settings({"store": own_small_store}, {})


def count(settings: Settings, pattern: str) -> int:
    snapshot = snapshots.current(settings.store)
    assert snapshot is not None
    query = f"SELECT (COUNT(*) AS ?n) {{ {pattern} }}"
    (row,) = Store.read_only(str(snapshot.store)).query(NAMES.sparql_prologue + query)
    return int(row["n"].value)


def test_an_import_is_in_the_store_and_changes_nothing_again(settings: Settings) -> None:
    steps: list[str] = []
    first = import_into(settings, "csl", DATA / "consolidated.json", JULY, steps.append)
    assert count(settings, "GRAPH g:import-csl { ?row a ct:ListingEntry }") == 3
    assert count(settings, "?row ct:listedParty id:listed-metax-germany") == 1
    assert steps[0] == "read" and "publish" in steps
    again = import_into(settings, "csl", DATA / "consolidated.json", JULY)
    assert (again.snapshot.number, again.snapshot.version) == (
        first.snapshot.number,
        first.snapshot.version,
    )


def test_rivals_are_among_what_is_derived(settings: Settings) -> None:
    import_into(settings, "epoch", DATA / "ml_hardware_2026-11-02.csv", Options())
    combined = "?m ct:of id:nvidia-h100-sxm ; ct:metric con:combined-bandwidth ; ct:value ?v"
    assert count(settings, combined) == 2
    assert count(settings, f"{combined} ; prov:wasDerivedFrom ?from . ?from ct:value 3360.0") == 1


def test_a_refused_import_leaves_the_store(settings: Settings, tmp_path: Path) -> None:
    before = snapshots.current(settings.store)
    with pytest.raises(InvalidData):
        import_into(settings, "ftm", DATA / "entities.ftm.json", Options(strict=True))
    with pytest.raises(UnknownName, match="csl"):
        import_into(settings, "cls", DATA / "consolidated.json", JULY)
    with pytest.raises(InvalidInput, match="no such file"):
        import_into(settings, "csl", tmp_path / "none.json", JULY)
    assert snapshots.current(settings.store) == before


def test_the_whole_entity_list_twice(settings: Settings) -> None:
    path = shared("screening-list.json")
    first = import_into(settings, "csl", path, Options())
    assert count(settings, "?row a ct:ListingEntry ; ct:list con:entity-list") == 3419
    again = import_into(settings, "csl", path, Options())
    assert not again.result.changes
    assert again.snapshot.version == first.snapshot.version
