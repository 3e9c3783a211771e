from __future__ import annotations

from pathlib import Path

import pytest

from kg.errors import InvalidData
from kg.records import Claim, read_records

CLAIM = """\
source: some-article
recorded: 2026-11-21T00:00:00Z
claims:
- id: z0-1
  paraphrase: Somebody says something.
  subject: nvidia
  property: locatedIn
  object: china
  hedge: asserted
  via: [aicnbc]
  span: 10-20
  sha256: '0123456789abcdef'
"""


def write(tmp_path: Path, text: str, name: str = "claims.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def findings(*paths: Path) -> list[str]:
    with pytest.raises(InvalidData) as caught:
        read_records(paths)
    return [str(finding) for finding in caught.value.findings]


def test_a_claim_is_read_with_its_place_and_header(tmp_path: Path) -> None:
    path = write(tmp_path, CLAIM)
    (located,) = read_records([path])
    claim = located.record
    assert isinstance(claim, Claim)
    assert (claim.span, claim.via) == ((10, 20), ["aicnbc"])
    assert (located.where, located.line, located.header.source) == (str(path), 4, "some-article")


def test_an_unknown_field_is_named_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, CLAIM + "  speeker: nvidia\n")
    assert findings(path) == [f"{path}:13: z0-1: speeker: Extra inputs are not permitted"]


def test_a_missing_field_is_named_at_its_record(tmp_path: Path) -> None:
    path = write(tmp_path, CLAIM.replace("  hedge: asserted\n", ""))
    assert findings(path) == [f"{path}:4: z0-1: hedge: Field required"]


def test_a_value_of_the_wrong_type_shows_what_was_found(tmp_path: Path) -> None:
    path = write(tmp_path, CLAIM.replace("10-20", "ten"))
    (said,) = findings(path)
    assert said.startswith(f"{path}:11: z0-1: span")
    assert "ten" in said


def test_a_list_of_nothing_known_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "clams:\n- id: z0-1\n")
    (said,) = findings(path)
    assert said.startswith(f"{path}:1: 'clams' is not a list of records; known lists: articles")


def test_an_id_used_twice_names_both_places(tmp_path: Path) -> None:
    first, second = write(tmp_path, CLAIM), write(tmp_path, CLAIM, "more.yaml")
    assert findings(first, second) == [f"{second}:4: z0-1: id stands twice; first in {first}:4"]


def test_ids_that_share_a_namespace_may_not_collide(tmp_path: Path) -> None:
    text = (
        "entities:\n- {id: one, class: Place, label: One}\n"
        "chips:\n- {id: one, label: One, maker: nvidia}\n"
    )
    (said,) = findings(write(tmp_path, text))
    assert "id stands twice" in said


def test_all_findings_of_all_files_come_at_once(tmp_path: Path) -> None:
    broken = write(tmp_path, "claims: [", "broken.yaml")
    wrong = write(tmp_path, CLAIM + "  speeker: nvidia\n", "wrong.yaml")
    said = findings(broken, wrong)
    assert [line.partition(":")[0] for line in said] == [str(broken), str(wrong)]
