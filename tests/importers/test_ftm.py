"""FollowTheMoney entities: sanctions, shares, identifiers, malformed lines."""

from __future__ import annotations

import pytest

from kg.errors import InvalidData
from kg.importers import Options, import_file
from kg.intake import Intake
from tests.importers.conftest import DATA, Import, ask

FILE = DATA / "entities.ftm.json"
CHILD, OTHER = "id:listed-example-child-chips-china", "id:listed-example-other-works-russia"


def test_a_sanction_is_a_row_of_its_list(take: Import, intake: Intake) -> None:
    result = take("ftm", FILE)
    assert result.source == "ftm-us-trade-csl-2026-11-02"
    rows = "GRAPH g:import-ftm { ?row ct:listedParty ?party ; ct:list ?list ; ct:listedFrom ?from }"
    assert ask(intake, f"SELECT ?party ?list ?from {{ {rows} }}") == [
        (OTHER, "con:entity-list", "2024-02-01")
    ]
    assert any("not modelled" in note.message for note in result.notes)


def test_a_share_needs_one_number(take: Import, intake: Intake) -> None:
    take("ftm", FILE)
    share = f"{CHILD} ct:hasOwnership ?share . ?share ct:owner ?owner"
    query = f"SELECT ?owner ?percent ?from {{ {share} ; ct:percent ?percent ; ct:validFrom ?from }}"
    assert ask(intake, query) == [("id:cambricon", "51.5", "2022-03-01")]
    assert ask(intake, f"SELECT ?owner {{ {share} }}") == [("id:cambricon",)]


def test_identifiers_go_to_the_firm_that_the_record_knows(take: Import, intake: Intake) -> None:
    result = take("ftm", FILE)
    assert ask(intake, "SELECT ?lei { id:cambricon ct:lei ?lei }") == [("300300EXAMPLE0000001",)]
    assert "Example Child Chips Co., Ltd." in result.unmatched


def test_nothing_is_closed_and_nothing_is_added_twice(take: Import) -> None:
    result = take("ftm", FILE)
    assert "rows closed" not in result.counts
    assert not take("ftm", FILE).changes


def test_malformed_lines_and_values_are_named(intake: Intake) -> None:
    findings = import_file("ftm", FILE, intake, Options()).findings
    assert sorted((f.line, f.message.partition(":")[0]) for f in findings) == [
        (1, "leiCode"),
        (6, "startDate"),
        (8, "percentage"),
        (10, "properties.name"),
        (11, "not a JSON value"),
    ]
    with pytest.raises(InvalidData):
        import_file("ftm", FILE, intake, Options(strict=True))
