"""The log of a store: in step with the data, read page by page, carried by backups."""

from __future__ import annotations

import datetime
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kg import snapshots
from kg.errors import InvalidInput, NotFound
from kg.history import Act, Change, ChangeRequest, Evaluated, History, Log, read_since
from kg.history.changes import changed_fields, changes_of_graphs
from kg.history.log import copy_log
from kg.history.statuses import Stretch, first_difference
from tests.conftest import chiptrail
from tests.serving.stores import publish

CHANGE = Change("record", "record-added", "a firm", "firms", "a", about=("b",))


def log(directory: Path, number: int, *changes: Change, version: str = "", author: str = "") -> Log:
    opened = Log(directory)
    opened.append(number, version or f"{number:064x}", [Act("update", author)], changes)
    return opened


# --- the log --------------------------------------------------------------------------------------


def test_what_never_came_into_force_is_not_read_and_then_removed(tmp_path: Path) -> None:
    log(tmp_path, 1, CHANGE)
    log(tmp_path, 2, CHANGE, CHANGE, author="killed")
    assert History(tmp_path, 1).changes(ChangeRequest()).count == 1
    assert History(tmp_path, 1).last_change == 1
    with pytest.raises(NotFound):
        History(tmp_path, 1).revision(2)
    log(tmp_path, 2, CHANGE, author="again")
    found = History(tmp_path, 2)
    assert found.changes(ChangeRequest()).count == 2
    assert [act["author"] for act in found.revision(2)["acts"]] == ["again"]
    assert found.changes(ChangeRequest({"author": ["killed"]})).count == 0


def test_a_revision_is_logged_before_it_comes_into_force(tmp_path: Path) -> None:
    publish(tmp_path, b"")
    building = snapshots.begin(tmp_path)
    (building / "store").mkdir()
    snapshots.write_facts(building, {"version": "v2"})
    seen = []

    def record(number: int) -> None:
        current = snapshots.current(tmp_path)
        seen.append((number, current.number if current else None))
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        snapshots.publish(tmp_path, building, 2, record=record)
    assert seen == [(2, 1)]
    assert snapshots.require(tmp_path).number == 1


def test_times_go_up_even_where_the_clock_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(tmp_path, 1)
    backwards = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
    monkeypatch.setattr("kg.history.log.now", lambda: backwards)
    log(tmp_path, 2)
    first, second = History(tmp_path, 2).revisions(False, None, 10).items
    assert first["at"] < second["at"]
    assert second["parent"] == 1


def test_the_revision_in_force_at_a_time(tmp_path: Path) -> None:
    log(tmp_path, 1)
    log(tmp_path, 2)
    history = History(tmp_path, 2)
    first, second = (
        datetime.datetime.fromisoformat(str(history.time_of(number))) for number in (1, 2)
    )
    instant = datetime.timedelta(microseconds=1)
    assert [history.at(t) for t in (first - instant, first, second - instant, second)] == [
        0,
        1,
        1,
        2,
    ]


def evaluate(directory: Path, number: int, evaluated: dict[int, Evaluated]) -> None:
    with closing(Log(directory)) as opened:
        opened.append(number, f"{number:064x}", [Act("update")], [], evaluated)


def rests_on(directory: Path, upto: int) -> list[int | None]:
    """For the time before all revisions and for each of them: the one whose records count."""
    history = History(directory, upto)
    times = [str(history.time_of(number)) for number in range(1, upto + 1)]
    before = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
    return [
        history.evaluated_at(time)
        for time in (before, *map(datetime.datetime.fromisoformat, times))
    ]


def test_the_records_that_a_time_rests_on(tmp_path: Path) -> None:
    a, b, c = (Evaluated(text, "2026-11-21T00:00:00+00:00") for text in "abc")
    evaluate(tmp_path, 1, {1: Evaluated()})
    assert rests_on(tmp_path, 1) == [None, None], "there are none"
    evaluate(tmp_path, 2, {1: Evaluated(), 2: a})
    evaluate(tmp_path, 3, {2: a, 3: a})
    evaluate(tmp_path, 4, {3: a, 4: b})
    evaluate(tmp_path, 5, {})
    assert rests_on(tmp_path, 5) == [2, 2, 2, 2, None, None]
    assert rests_on(tmp_path, 3) == [None] * 4, "those in force, to who looks no further"
    evaluate(tmp_path, 6, {6: c})  # never came into force
    evaluate(tmp_path, 6, {6: Evaluated()})
    assert rests_on(tmp_path, 6) == [2, 2, 2, 2, 4, 4, None]
    history = History(tmp_path, 6)
    assert [history.evaluated(number) for number in (2, 4, 6)] == [a, b, Evaluated()]
    with pytest.raises(NotFound):
        history.evaluated(3)


def test_another_record_time_of_the_dataset_is_another_state(tmp_path: Path) -> None:
    evaluate(tmp_path, 1, {1: Evaluated("a", "2026-11-21T00:00:00+00:00")})
    evaluate(tmp_path, 2, {2: Evaluated("a", "2026-11-22T00:00:00+00:00")})
    assert rests_on(tmp_path, 2) == [1, 1, None]


def test_a_log_of_before_records_were_kept_is_read_and_copied(tmp_path: Path) -> None:
    evaluate(tmp_path, 1, {})
    with closing(sqlite3.connect(tmp_path / "history.sqlite")) as connection:
        connection.execute("DROP TABLE evaluated")
    assert rests_on(tmp_path, 1) == [None, None]
    saved = tmp_path / "saved"
    saved.mkdir()
    copy_log(tmp_path / "history.sqlite", saved / "history.sqlite", 1)
    assert rests_on(saved, 1) == [None, None]
    a, b = (Evaluated(text, "2026-11-21T00:00:00+00:00") for text in "ab")
    evaluate(tmp_path, 2, {1: a, 2: b})
    assert rests_on(tmp_path, 2) == [1, 1, None]


def test_a_version_names_the_first_revision_that_had_it(tmp_path: Path) -> None:
    same = "ab" * 32
    for number, version in ((1, same), (2, "cd" * 32), (3, same)):
        log(tmp_path, number, version=version)
    assert History(tmp_path, 3).of_version(same[:16])["number"] == 1
    assert History(tmp_path, 3).of_version("cd" * 8)["number"] == 2
    with pytest.raises(NotFound):
        History(tmp_path, 1).of_version("cd" * 8)
    for wrong in ("abab", "x" * 16, "a" * 65):
        with pytest.raises(InvalidInput):
            History(tmp_path, 3).of_version(wrong)


def test_a_store_without_a_log_has_an_empty_history(tmp_path: Path) -> None:
    history = History(tmp_path, 7)
    assert history.changes(ChangeRequest()).items == []
    assert history.begun is None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", (12, None)),
        ("2026-11-21", (0, "2026-11-20T23:59:59.999999Z")),
        ("2026-11-21T10:00:00+02:00", (0, "2026-11-21T08:00:00.000000Z")),
    ],
)
def test_since(text: str, expected: tuple[int, str | None]) -> None:
    assert read_since(text) == expected


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "0001-01-01", "-1"])
def test_since_what_there_is_not(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_since(text)


# --- what changed ---------------------------------------------------------------------------------


def test_a_new_label_of_something_linked_is_no_change() -> None:
    before = {"maker": {"id": "a", "iri": "i", "label": "A"}, "value": 1}
    after = {"maker": {"id": "a", "iri": "i", "label": "A Ltd"}, "value": 1, "note": "new"}
    assert changed_fields(before, after) == ["note"]


def test_many_graphs_are_summed_up() -> None:
    changes = changes_of_graphs({f"http://example.org/{n:04}": [1, 0] for n in range(1_200)})
    assert len(changes) == 1_001
    assert changes[-1].label == "200 more graphs"


def test_a_status_differs_from_the_first_day_with_another_answer() -> None:
    was = [Stretch("2025-01-01", None, "none-found", None, None)]
    cut = [
        Stretch("2025-01-01", "2025-05-31", "none-found", None, None),
        Stretch("2025-06-01", None, "licence-required", None, None),
    ]
    assert first_difference(was, cut) == "2025-06-01"
    split = [
        Stretch("2025-01-01", "2025-05-31", "none-found", None, None),
        Stretch("2025-06-01", None, "none-found", None, None),
    ]
    assert first_difference(was, split) is None, "the same answer in two pieces"


def test_a_store_of_before_there_was_a_history_goes_on(
    own_small_store: Path, small_base: Path
) -> None:
    (catalogue,) = own_small_store.glob("generations/*/catalogue.sqlite")
    with closing(sqlite3.connect(catalogue)) as connection:
        connection.execute("PRAGMA user_version = 0")
    (own_small_store / "history.sqlite").unlink()
    served = chiptrail("export", "--store", own_small_store, "--format", "csv")
    assert "is of another version of Chiptrail" in served.stderr
    done = chiptrail("build", "--examples", small_base, "--store", own_small_store)
    assert done.returncode == 0, done.stderr
    changes = History(own_small_store, snapshots.require(own_small_store).number).changes(
        ChangeRequest()
    )
    assert [change["kind"] for change in changes.items] == ["begun"]


# --- the command ----------------------------------------------------------------------------------


def test_a_backup_carries_the_history(
    own_small_store: Path, small_base: Path, tmp_path: Path
) -> None:
    saved, other = tmp_path / "saved", tmp_path / "other"
    file = tmp_path / "verdict.yaml"
    file.write_text(
        "assessments:\n- {claim: c3-23, verdict: refuted, evidence: [E26], reason: A test.}\n"
    )
    assert chiptrail("backup", saved, "--store", own_small_store).returncode == 0
    loaded = chiptrail(
        "load", file, "--store", own_small_store, "--author", "cleo", "--reason", "why"
    )
    assert loaded.returncode == 0, loaded.stderr

    back = chiptrail("restore", saved, "--store", own_small_store, "--author", "cleo")
    assert back.returncode == 0, back.stderr
    text = chiptrail("changes", "--store", own_small_store).stdout
    assert [line.split()[3] for line in text.splitlines()] == [
        "begun",
        "verdict-changed",
        "verdict-changed",
    ]
    assert "(load by cleo: why)" in text
    assert "(restore by cleo)" in text

    assert chiptrail("restore", saved, "--store", other).returncode == 0
    carried = History(other, snapshots.require(other).number)
    operations = [row["operation"] for row in carried.revisions(False, None, 10).items]
    assert operations == ["build", "restore"]

    strange = tmp_path / "strange"
    assert chiptrail("build", "--examples", small_base, "--store", strange).returncode == 0
    refused = chiptrail("restore", saved, "--store", strange)
    assert refused.returncode == 2
    assert "a history of its own" in refused.stderr


def test_claims_are_closed_from_the_command_line(own_small_store: Path, tmp_path: Path) -> None:
    file = tmp_path / "successor.yaml"
    file.write_text(
        "claims:\n- id: c1-19\n  paraphrase: Repairing one H100 costs up to 2,900 US dollars.\n"
        "  subject: nvidia-h100\n  property: repairPrice\n"
        "  quantity: {low: 1400, high: 2900, bound: range, unit: USD-per-unit}\n"
        "  hedge: asserted\n  via: [bauf-partner]\n  span: 2802-2871\n"
    )
    store = ("--store", own_small_store, "--author", "cleo", "--comment", "read again")
    done = chiptrail("supersede", "c1-19", file, *store)
    assert done.returncode == 0, done.stderr
    assert "kept in g:history as c1-19-v1" in done.stdout
    done = chiptrail("retract", "c1-21", "--reason", "source-retracted", *store)
    assert done.returncode == 0, done.stderr
    again = chiptrail("retract", "c1-21", "--reason", "source-retracted", *store)
    assert again.returncode == 2
    assert "is closed since" in again.stderr
    text = chiptrail("changes", "--since", "1", "--store", own_small_store).stdout
    assert "claim-superseded    claims c1-19" in text
    assert "claim-retracted     claims c1-21" in text
    assert "(retract by cleo: read again)" in text
    rows = json.loads(
        chiptrail(
            *("query", "--store", own_small_store, "--format", "json"),
            "SELECT ?claim ?why { GRAPH g:history { ?claim ct:endReason ?why } } ORDER BY ?claim",
        ).stdout
    )["results"]["bindings"]
    assert [row["claim"]["value"].rpartition("/")[2] for row in rows] == ["c1-19-v1", "c1-21"]
