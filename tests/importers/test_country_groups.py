"""Country groups: memberships begin and end with the issues of the regulations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kg.errors import InvalidData, InvalidInput
from kg.importers import Options, import_file
from kg.intake import Intake
from tests.importers.conftest import NAMES, Import, ask, shared

MEMBERS = """SELECT ?iso ?from ?to { id:country-group-%s ct:hasMembership ?m .
  ?m ct:place/ct:isoCode ?iso OPTIONAL { ?m ct:validFrom ?from } OPTIONAL { ?m ct:validTo ?to } }"""
A6 = ["Albania", "Cyprus", "Israel", "Malta", "Mexico", "Singapore", "South Africa", "Taiwan"]


def issue(directory: Path, day: str | None, **groups: object) -> Path:
    path = directory / "groups.json"
    content = {
        "groups": {name.replace("_", ":"): members for name, members in groups.items()},
        "labels": {"A:9": "an invented group"},
        "aliases": {"hong kong": "China (PRC)", "china": "China (PRC)", "myanmar": "Burma"},
    }
    path.write_text(json.dumps(content | ({"ecfrIssueDate": day} if day else {})))
    return path


def test_a_later_issue_ends_and_begins_memberships(
    take: Import, intake: Intake, tmp_path: Path
) -> None:
    later = [name for name in A6 if name != "Malta"] + ["Korea, South"]
    result = take("country-groups", issue(tmp_path, "2026-10-01", A_6=later))
    assert result.counts == {
        "memberships as before": 7,
        "memberships begun": 1,
        "memberships ended": 1,
    }
    rows = ask(intake, MEMBERS % "a6")
    assert ("MT", "", "2026-09-30") in rows
    assert ("KR", "2026-10-01", "") in rows
    assert len(rows) == 9
    assert not take("country-groups", tmp_path / "groups.json").changes


def test_a_place_that_comes_back_begins_anew(take: Import, intake: Intake, tmp_path: Path) -> None:
    take("country-groups", issue(tmp_path, "2026-10-01", A_6=A6[1:]))
    take("country-groups", issue(tmp_path, "2026-11-01", A_6=A6))
    albania = [row for row in ask(intake, MEMBERS % "a6") if row[0] == "AL"]
    assert albania == [("AL", "", "2026-09-30"), ("AL", "2026-11-01", "")]


def test_a_new_group_with_names_as_the_regulations_write_them(
    take: Import, intake: Intake, tmp_path: Path
) -> None:
    names = ["China (PRC)", "Burma", "Korea, North", "Bosnia & Herzegovina"]
    take("country-groups", issue(tmp_path, "2026-10-01", A_9=names))
    assert [row[0] for row in ask(intake, MEMBERS % "a9")] == ["BA", "CN", "HK", "KP", "MM"]
    label = ask(intake, "SELECT ?label { id:country-group-a9 rdfs:label ?label }")
    assert label == [("Country Group A:9 (an invented group)",)]


def test_a_name_that_cannot_be_read_ends_no_membership(
    take: Import, intake: Intake, tmp_path: Path
) -> None:
    path = issue(tmp_path, "2026-10-01", A_6=["Albanja", *A6[1:]], D_9="all")
    result = take("country-groups", path)
    assert [(f.record, f.message.partition(":")[0]) for f in result.findings] == [
        ("A:6", "name 1"),
        ("D:9", "a list of names should stand here, not 'all'"),
    ]
    assert ("AL", "", "") in ask(intake, MEMBERS % "a6")
    with pytest.raises(InvalidData):
        take("country-groups", path, strict=True)


def test_issues_come_in_the_order_of_their_days(take: Import, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="order of their days"):
        take("country-groups", issue(tmp_path, "2026-01-01", A_6=A6))
    with pytest.raises(InvalidInput, match="which day"):
        take("country-groups", issue(tmp_path, None, A_6=A6))


def test_a_file_without_groups(intake: Intake, tmp_path: Path) -> None:
    path = tmp_path / "groups.json"
    path.write_text('{"ecfrIssueDate": "2026-10-01"}')
    with pytest.raises(InvalidData, match="no country groups"):
        import_file("country-groups", path, intake, Options())


def test_the_real_issue_agrees_with_the_record(take: Import, intake: Intake) -> None:
    result = take("country-groups", shared("country-groups.json"))
    assert result.counts["memberships as before"] == 116
    assert "memberships begun" not in result.counts
    assert "memberships ended" not in result.counts
    # The regulations print an l for the I of the Ivory Coast.
    assert ["lvoire" in finding.message for finding in result.findings] == [True]
    assert NAMES.expand("g:import-country-groups") in {q.graph_name for q in result.quads}
