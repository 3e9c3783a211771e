from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from kg.errors import InvalidData
from kg.yamlfile import parse_yaml, read_yaml


def findings(text: str) -> list[str]:
    with pytest.raises(InvalidData) as caught:
        parse_yaml(text, "file.yaml")
    return [str(finding) for finding in caught.value.findings]


def test_scalars_are_what_they_look_like_and_nothing_more() -> None:
    text = "{a: NO, b: true, c: 0.10, d: 12, e: 2025-07-24, f: '2025-07-24', g: on, h: ~, i: 1e3}"
    assert parse_yaml(text, "f").content == {
        "a": "NO",
        "b": True,
        "c": Decimal("0.10"),
        "d": 12,
        "e": datetime.date(2025, 7, 24),
        "f": "2025-07-24",
        "g": "on",
        "h": None,
        "i": "1e3",
    }


def test_every_value_knows_its_line() -> None:
    file = parse_yaml("claims:\n- id: c0-1\n  quantity:\n    low: 3\n- id: c0-2\n", "f")
    assert file.line(("claims", 0, "quantity", "low")) == 4
    assert file.line(("claims", 1)) == 5
    assert file.line(("claims", 1, "no", "such")) == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2\n", "file.yaml:2: key 'a' stands twice in one mapping"),
        ("a: &x [1]\nb: *x\n", "file.yaml:1: YAML aliases are not allowed; write the value out"),
        ("a: [1, 2\n", "file.yaml:2: malformed YAML: did not find expected ',' or ']'"),
        ("a: 2025-02-30\n", "file.yaml:1: no such day: 2025-02-30"),
        ("- a\n", "file.yaml:1: the top of the file must be a mapping"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, said: str) -> None:
    assert findings(text) == [said]


def test_an_alias_bomb_is_refused_at_once() -> None:
    bomb = "a: &a [x]\n" + "".join(f"b{i}: &b{i} [*a, *a]\n" for i in range(50))
    assert all("aliases are not allowed" in said for said in findings(bomb))


def test_deep_nesting_is_refused() -> None:
    assert any("nested more than" in said for said in findings("a: " + "[" * 60 + "]" * 60))


def test_a_file_that_is_not_utf8_is_named_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"claims:\n- id: caf\xe9\n")
    with pytest.raises(InvalidData) as caught:
        read_yaml(path)
    (finding,) = caught.value.findings
    assert (finding.where, finding.line) == (str(path), 2)
    assert "not UTF-8: byte 0xe9" in finding.message
