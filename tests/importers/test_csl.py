"""The Consolidated Screening List: three shapes, matching, dating, removals, malformed rows."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from kg.errors import InvalidData, InvalidInput, UnknownName
from kg.importers import Options, import_file
from kg.intake import Intake
from tests.importers.conftest import DATA, Import, ask, shared

FULL, TABLE, COMPACT = (DATA / f for f in ("consolidated.json", "consolidated.csv", "compact.json"))
JULY, AUGUST = date(2026, 7, 31), date(2026, 8, 31)
JIMUXI = "id:listed-jimuxi-example-trading-china"
ROWS = """SELECT ?party ?from ?to WHERE {
  GRAPH g:import-csl { ?row a ct:ListingEntry } ?row ct:listedParty ?party
  OPTIONAL { ?row ct:listedFrom ?from } OPTIONAL { ?row ct:listedTo ?to } }"""


def changed(path: Path, to: Path, change: object) -> Path:
    """A copy of the full list in which ``change`` has been at the results."""
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content["results"])  # type: ignore[operator]
    to.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    return to


def test_rows_become_listings_of_firms_or_of_parties_known_by_name(
    take: Import, intake: Intake
) -> None:
    result = take("csl", FULL, as_of=JULY)
    assert result.findings == []
    assert [m.target for m in result.matches if m.accepted] == ["biren-technology"]
    assert ask(intake, ROWS) == [
        (JIMUXI, "2025-03-25", ""),
        ("id:listed-metax-germany", "2015-01-08", ""),
        ("id:listed-old-example-institute-russia", "2001-10-01", ""),
    ]
    assert ask(
        intake,
        f"SELECT ?c ?s ?note {{ ?r ct:listedParty {JIMUXI} ; ct:country ?c ; dct:source ?s ; rdfs:comment ?note }}",
    ) == [("id:china", "src:csl-2026-07-31", "Addresses also in: hong-kong.")]


def test_a_row_of_the_record_stays_and_gains_its_other_names(take: Import, intake: Intake) -> None:
    take("csl", FULL, as_of=JULY)
    row = "?row ct:listedName 'Shanghai Biren Intelligent Technology Co., Ltd.'"
    assert len(ask(intake, f"SELECT ?row {{ {row} }}")) == 1
    assert ask(intake, f"SELECT ?name {{ {row} ; skos:altLabel ?name }}") == [
        ("Shanghai Biren Technology",),
        ("壁仞科技",),
    ]


def test_metax_of_another_country_is_only_a_candidate(take: Import) -> None:
    result = take("csl", FULL, as_of=JULY)
    (match,) = [m for m in result.matches if m.target == "metax"]
    assert (match.name, match.score, match.accepted) == ("Metax", 0.5, False)
    assert "another country" in match.reason


def test_the_table_says_what_the_json_says(intake: Intake) -> None:
    one = import_file("csl", FULL, intake, Options(as_of=JULY))
    two = import_file("csl", TABLE, intake, Options(as_of=JULY))
    assert one.quads and set(one.quads) == set(two.quads)


def test_the_compacted_list_says_its_own_day(take: Import, intake: Intake) -> None:
    result = take("csl", COMPACT)
    assert result.source == "csl-2026-08-31"
    assert ("id:listed-old-example-institute-russia", "", "") in ask(intake, ROWS)


def test_the_same_file_again_adds_nothing(take: Import) -> None:
    assert take("csl", FULL, as_of=JULY).changes
    again = take("csl", FULL, as_of=JULY)
    assert not again.changes
    assert again.counts["rows as before"] == 4


def test_other_lists_on_request(take: Import, intake: Intake) -> None:
    take("csl", FULL, as_of=JULY, lists=("specially-designated-nationals",))
    assert ask(intake, ROWS) == [("id:listed-another-example-bank-iran", "", "")]
    with pytest.raises(UnknownName, match="entity-list"):
        take("csl", FULL, as_of=JULY, lists=("entity-lst",))


def test_a_row_that_has_gone_is_closed_and_not_deleted(
    take: Import, intake: Intake, tmp_path: Path
) -> None:
    take("csl", FULL, as_of=JULY)
    known = ask(intake, "SELECT ?row { ?row a ct:ListingEntry ; ct:list con:entity-list }")
    # All rows of the record but one, so that the file is no mere excerpt.
    rows = ask(
        intake,
        """SELECT ?name (SAMPLE(?code) AS ?c) (GROUP_CONCAT(?fr; SEPARATOR='; ') AS ?cited) {
             ?row ct:list con:entity-list ; ct:listedName ?name ; ct:citation ?fr ;
                  ct:country/ct:isoCode ?code } GROUP BY ?row ?name""",
    )
    entries = [
        {"n": name, "s": 0, "c": [code], "fr": cited}
        for name, code, cited in rows
        if name != "Old Example Institute"
    ]
    later = tmp_path / "later.json"
    later.write_text(
        json.dumps(
            {
                "sourceGeneratedAt": "2026-08-31",
                "tables": {"sources": ["Entity List (EL) - Bureau of Industry and Security"]},
                "entries": entries,
            }
        )
    )
    result = take("csl", later)
    assert result.counts["rows closed"] == 1
    assert ("id:listed-old-example-institute-russia", "2001-10-01", "2026-08-30") in ask(
        intake, ROWS
    )
    every = ask(
        intake,
        "SELECT DISTINCT ?row { GRAPH ?g { ?row a ct:ListingEntry ; ct:list con:entity-list } }",
    )
    assert set(known) <= set(every)
    assert not take("csl", later).changes


def test_a_file_that_lacks_most_rows_is_taken_for_an_excerpt(take: Import, intake: Intake) -> None:
    take("csl", FULL, as_of=JULY)
    result = take("csl", COMPACT)
    assert "rows closed" not in result.counts
    assert any("excerpt" in note.message for note in result.notes)


def test_a_row_that_reads_otherwise_keeps_its_past_in_the_history(
    take: Import, intake: Intake, tmp_path: Path
) -> None:
    take("csl", FULL, as_of=JULY)

    def amend(rows: list[dict[str, object]]) -> None:
        rows[1]["federal_register_notice"] = "90 FR 14046; 91 FR 999"

    take("csl", changed(FULL, tmp_path / "later.json", amend), as_of=AUGUST)
    cited = f"?row ct:listedParty {JIMUXI} ; ct:citation ?c"
    assert ask(intake, f"SELECT ?c {{ {cited} }}") == [("90 FR 14046",), ("91 FR 999",)]
    past = f"GRAPH g:history {{ {cited} ; dct:isReplacedBy ?next ; prov:invalidatedAtTime ?end }}"
    assert ask(intake, f"SELECT ?c ?end {{ {past} ?next a ct:ListingEntry }}") == [
        ("90 FR 14046", "2026-08-31T00:00:00Z")
    ]
    assert ask(intake, "SELECT ?to { GRAPH g:history { ?row ct:listedTo ?to } }") == [
        ("2026-08-30",)
    ]


def test_an_older_snapshot_is_refused(take: Import) -> None:
    take("csl", FULL, as_of=AUGUST)
    with pytest.raises(InvalidInput, match="order of their days"):
        take("csl", FULL, as_of=JULY)


def test_a_file_without_a_day_needs_one(intake: Intake) -> None:
    with pytest.raises(InvalidInput, match="which day"):
        import_file("csl", FULL, intake, Options())


def test_a_malformed_row_is_named_and_the_others_go_in(
    take: Import, intake: Intake, tmp_path: Path
) -> None:
    def spoil(rows: list[dict[str, object]]) -> None:
        rows[0]["alt_names"] = 7
        rows[2]["start_date"] = "2001-13-01"

    path = changed(FULL, tmp_path / "spoilt.json", spoil)
    with pytest.raises(InvalidData) as refused:
        take("csl", path, as_of=JULY, strict=True)
    assert len(refused.value.findings) == 2
    result = take("csl", path, as_of=JULY)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [f.record for f in result.findings] == ["row 1", "row 3"]
    assert [lines[(f.line or 0) - 1].strip() for f in result.findings] == ["{", "{"]
    assert "alt_names" in result.findings[0].message
    assert "2001-13-01" in result.findings[1].message
    assert len(ask(intake, ROWS)) == 2


def test_a_short_row_of_the_table_is_named_with_its_line(take: Import, tmp_path: Path) -> None:
    path = tmp_path / "consolidated.csv"
    path.write_text(TABLE.read_text(encoding="utf-8") + "a6,too,short\n", encoding="utf-8")
    (finding,) = take("csl", path, as_of=JULY).findings
    assert (finding.line, finding.record) == (7, "row 6")
    assert "3 cells where the header has 15" in finding.message


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('{"results": [\n{"name": "a"},\n{"name": ]}', 3, "Expecting value"),
        ('{"results": [\n', 2, "ends in the middle"),
        ('{"other": 1}', 1, "no screening list"),
        ('{"entries": [{"n": "a"}]}', 1, "before the tables"),
        ("[]", 1, "should stand"),
    ],
)
def test_a_file_that_is_no_list(
    intake: Intake, tmp_path: Path, text: str, line: int, message: str
) -> None:
    path = tmp_path / "list.json"
    path.write_text(text)
    with pytest.raises(InvalidData) as error:
        import_file("csl", path, intake, Options(as_of=JULY))
    (finding,) = error.value.findings
    assert finding.line == line
    assert message in finding.message


def test_the_real_list(take: Import, intake: Intake) -> None:
    path = shared("screening-list.json")
    listed = {
        p
        for (p,) in ask(
            intake, "SELECT DISTINCT ?p { ?row ct:listedParty ?p ; ct:list con:entity-list }"
        )
    }
    checked = {p for (p,) in ask(intake, "SELECT ?p { ?p ct:listingCheckedOn ?day }")}
    result = take("csl", path)
    assert result.findings == []
    assert result.counts["rows taken"] == 3420
    assert (len(listed), len(checked)) == (28, 12)
    found = {f"id:{m.target}" for m in result.matches if m.accepted}
    assert found == listed
    assert not {f"id:{m.target}" for m in result.matches} & checked
    assert not take("csl", path).changes


def test_the_real_list_by_names_alone(intake: Intake) -> None:
    """Without the rows that the record has: only names, aliases and countries."""
    path = shared("screening-list.json")
    listed = {
        p
        for (p,) in ask(
            intake, "SELECT DISTINCT ?p { ?row ct:listedParty ?p ; ct:list con:entity-list }"
        )
    }
    rows = {q.subject for q in intake.quads if q.object.value.endswith("#ListingEntry")}
    intake.quads = [q for q in intake.quads if q.subject not in rows]
    result = import_file("csl", path, intake, Options())
    found = {f"id:{m.target}" for m in result.matches if m.accepted}
    assert found <= listed
    # Its row is that of a unit, under a name that the record does not give the firm.
    assert listed - found == {"id:sensetime"}
