from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kg import snapshots
from kg.errors import Conflict, Defect, Unavailable
from tests.serving.stores import publish


def test_a_generation_is_absent_until_it_is_published(tmp_path: Path) -> None:
    building = snapshots.begin(tmp_path)
    (building / "store").mkdir()
    snapshots.write_facts(building, {"version": "v1"})
    assert snapshots.current(tmp_path) is None
    assert snapshots.publish(tmp_path, building) == snapshots.current(tmp_path)
    assert not building.exists()


def test_generations_count_up_and_the_old_ones_go_when_told(tmp_path: Path) -> None:
    first, second, third = (publish(tmp_path, b"", str(n)) for n in range(3))
    assert [first.number, second.number, third.number] == [1, 2, 3]
    with snapshots.hold(first):
        snapshots.prune(tmp_path)
    assert (first.path.exists(), second.path.exists(), third.path.exists()) == (True, False, True)
    snapshots.prune(tmp_path)
    assert not first.path.exists()
    assert snapshots.current(tmp_path) == third
    with pytest.raises(Unavailable), snapshots.hold(second):
        pass


def test_what_is_not_a_snapshot_is_not_published(tmp_path: Path) -> None:
    with pytest.raises(Defect):
        snapshots.publish(tmp_path, snapshots.begin(tmp_path))
    assert snapshots.current(tmp_path) is None


def test_a_publication_on_an_old_generation_is_refused(tmp_path: Path) -> None:
    first = publish(tmp_path, b"", "first")
    second = publish(tmp_path, b"", "second")
    building = snapshots.begin(tmp_path)
    (building / "store").mkdir()
    snapshots.write_facts(building, {"version": "third"})
    with pytest.raises(Conflict):
        snapshots.publish(tmp_path, building, snapshots.number_after(first))
    assert snapshots.current(tmp_path) == second


def test_a_crashed_build_is_swept_away_and_a_running_one_is_not(tmp_path: Path) -> None:
    script = f"import pathlib, kg.snapshots as s; s.begin(pathlib.Path({str(tmp_path)!r}))"
    subprocess.run([sys.executable, "-c", script], check=True)
    (left,) = (tmp_path / "generations").iterdir()
    ours = snapshots.begin(tmp_path)
    snapshots.sweep(tmp_path)
    assert (left.exists(), ours.exists()) == (False, True)


def test_orphans_of_a_killed_bulk_load_are_not_published(tmp_path: Path) -> None:
    building = snapshots.begin(tmp_path)
    (building / "store").mkdir()
    (building / "store" / "bulk-1.sst").touch()
    snapshots.write_facts(building, {"version": "v1"})
    snapshot = snapshots.publish(tmp_path, building)
    assert list(snapshot.store.iterdir()) == []
