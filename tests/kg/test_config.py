from __future__ import annotations

from pathlib import Path

import pytest

from kg.config import load_settings, variables
from kg.errors import InvalidInput
from kg.serving import limits


def test_flags_win_over_the_environment_and_that_over_defaults() -> None:
    environment = {"CHIPTRAIL_PORT": "9000", "CHIPTRAIL_HOST": "::1"}
    settings = load_settings({"port": 7000, "host": None}, environment)
    assert (settings.port, settings.host, settings.store) == (7000, "::1", Path("store"))


def test_limits_come_from_the_environment_too() -> None:
    environment = {"CHIPTRAIL_QUERY_TIMEOUT": "2.5", "CHIPTRAIL_QUERY_MEMORY": "256"}
    given = load_settings({}, environment).limits
    assert (given.query_timeout, given.query_memory) == (2.5, 256)


def test_memory_is_what_the_container_may_use(tmp_path: Path) -> None:
    group, most = tmp_path / "cgroup", tmp_path / "a" / "b" / "memory.max"
    group.write_text("4:memory:/elsewhere\n0::/a/b\n")
    assert limits.memory(group, tmp_path) == limits.memory()
    most.parent.mkdir(parents=True)
    less = limits.memory() // 2
    most.write_text("max\n")
    (tmp_path / "a" / "memory.max").write_text(f"{less}\n")
    assert limits.memory(group, tmp_path) == less
    older = tmp_path / "memory" / "memory.limit_in_bytes"
    older.parent.mkdir()
    older.write_text(f"{less - 1}\n")
    assert limits.memory(group, tmp_path) == less - 1


@pytest.mark.parametrize(("text", "value"), [("on", True), ("True", True), ("0", False)])
def test_a_switch_is_true_or_false(text: str, value: bool) -> None:
    assert load_settings({}, {"CHIPTRAIL_PLANNER": text}).limits.planner is value


@pytest.mark.parametrize(
    ("name", "value"),
    [("PLANNER", "maybe"), ("PORT", "many"), ("QUERY_TIMEOUT", "soon"), ("DEFAULT_GRAPH", "both")],
)
def test_a_value_that_does_not_fit_is_named(name: str, value: str) -> None:
    with pytest.raises(InvalidInput, match=f"CHIPTRAIL_{name} must be .*{value}"):
        load_settings({}, {f"CHIPTRAIL_{name}": value})


def test_every_setting_is_listed() -> None:
    names = [name for name, _, _ in variables()]
    for expected in ("BASE", "STORE", "WRITE_TOKEN", "QUERY_TIMEOUT", "QUERY_MEMORY"):
        assert f"CHIPTRAIL_{expected}" in names
