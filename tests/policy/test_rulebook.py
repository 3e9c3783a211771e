"""Contradictions in rule files: nothing loads, and the finding says where."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from kg.errors import InvalidData
from kg.policy.records import POLICY_KINDS
from kg.policy.rulebook import Rulebook
from kg.records import KINDS, read_records

BASE = """\
references:
- {id: paper, title: A paper, reliability: A}
entities:
- {id: here, class: Place, label: Here, iso: HE}
- {id: united-states, class: Place, label: United States, iso: US}
- {id: there, class: Place, label: There, iso: TH}
country_groups:
- id: group-x
  label: Group X
  sources: [paper]
  members: [{place: there, to: 2020-01-31}, {place: here, from: 2020-02-01}]
rules:
- id: first
  title: The first rule
  jurisdiction: united-states
  activity: export
  effective: {from: 2020-01-01}
  destinations: [group-x]
  any_of: [[{metric: tpp, at_least: 100}]]
  requirement: licence-required
  sources: [paper]
"""
SECOND = """\
- id: second
  title: The second rule
  jurisdiction: united-states
  activity: export
  effective: {from: 2020-01-01}
  requirement: licence-required
  sources: [paper]
"""


def book_of(tmp_path: Path, text: str) -> Rulebook:
    path = tmp_path / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return Rulebook.from_records(read_records([path], KINDS | POLICY_KINDS))


def test_the_base_has_no_fault(tmp_path: Path) -> None:
    book = book_of(tmp_path, BASE + SECOND)
    assert sorted(book.rules) == ["first", "second"]
    assert book.change_dates == [datetime.date(2020, 1, 1), datetime.date(2020, 2, 1)]


def test_membership_is_dated(tmp_path: Path) -> None:
    book = book_of(tmp_path, BASE)
    january, february = datetime.date(2020, 1, 31), datetime.date(2020, 2, 1)
    assert book.covers(("group-x",), "there", january)
    assert not book.covers(("group-x",), "there", february)
    assert book.covers(("group-x",), "here", february)


CONTRADICTIONS = [
    ("  relaxes: [frist]\n", "relaxes: there is no 'frist'; nearest: first"),
    ("  exempts: [nothing]\n", "exempts: there is no 'nothing'"),
    ("  conditions_of: nothing\n", "conditions_of: there is no 'nothing'"),
    ("  instrument: nothing\n", "instrument: there is no 'nothing'"),
    ("  except: [group-y]\n", "destinations: there is no 'group-y'; nearest: group-x"),
    ("  makers: [nobody]\n", "makers: there is no 'nobody'"),
    ("  any_of: [[{metric: tpq, at_least: 1}]]\n", "metric: there is no 'tpq'; nearest: tpp"),
    ("  any_of: [[{metric: tpp}]]\n", "condition on tpp: no limit given"),
    (
        "  any_of: [[{metric: tpp, at_least: 5, less_than: 5}]]\n",
        "condition on tpp: no number can meet it",
    ),
    (
        "  enforcement: [{state: compliance-pending, from: 2021-01-02, to: 2021-01-01}]\n",
        "enforcement ends on 2021-01-01, before it starts on 2021-01-02",
    ),
    (
        "  review: kindly\n",
        "review: 'kindly' is not one of unstated, licences-promised, presumption-of-approval, "
        "case-by-case, presumption-of-denial, policy-of-denial",
    ),
    ("  relaxes: [second]\n", "relaxes: a cycle: second → second"),
    ("  conditions_of: second\n", "conditions_of: a cycle: second → second"),
]


@pytest.mark.parametrize(("line", "message"), CONTRADICTIONS, ids=[m for _, m in CONTRADICTIONS])
def test_contradiction(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(InvalidData) as caught:
        book_of(tmp_path, BASE + SECOND + line)
    (finding,) = caught.value.findings
    assert finding.message == message
    assert finding.record == "second"
    assert finding.where.endswith("rules.yaml")
    assert finding.line == 22


@pytest.mark.parametrize(
    ("effective", "message"),
    [
        (
            "{from: 2020-02-01, to: 2020-01-01}",
            "effective ends on 2020-01-01, before it starts on 2020-02-01",
        ),
        (
            "[{from: 2020-02-01}, {from: 2021-01-01}]",
            "effective: intervals overlap at 2021-01-01",
        ),
    ],
)
def test_intervals_of_effect(tmp_path: Path, effective: str, message: str) -> None:
    text = BASE + SECOND.replace("{from: 2020-01-01}", effective)
    with pytest.raises(InvalidData, match=message):
        book_of(tmp_path, text)


def test_a_cycle_through_several_rules(tmp_path: Path) -> None:
    text = BASE + "  relaxes: [second]\n" + SECOND + "  relaxes: [first]\n"
    with pytest.raises(InvalidData, match="relaxes: a cycle: "):
        book_of(tmp_path, text)


def test_relaxing_a_rule_of_another_time(tmp_path: Path) -> None:
    second = SECOND.replace("{from: 2020-01-01}", "{from: 2019-01-01, to: 2019-12-31}")
    with pytest.raises(InvalidData, match="relaxes: first is never in force at the same time"):
        book_of(tmp_path, BASE + second + "  relaxes: [first]\n")


@pytest.mark.parametrize(
    ("without", "message"),
    [
        ("  sources: [paper]\n", "a rule needs at least one source, evidence or claim"),
        ("  requirement: licence-required\n", "a rule needs an effect"),
    ],
)
def test_what_a_rule_needs(tmp_path: Path, without: str, message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        book_of(tmp_path, BASE + SECOND.replace(without, ""))


def test_a_membership_that_ends_before_it_starts(tmp_path: Path) -> None:
    text = BASE.replace("to: 2020-01-31", "from: 2020-03-01, to: 2020-01-31")
    with pytest.raises(InvalidData, match="membership of there ends on 2020-01-31"):
        book_of(tmp_path, text)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidData) as caught:
        book_of(tmp_path, BASE + SECOND + "  relaxes: [a1]\n  exempts: [a2]\n")
    assert len(caught.value.findings) == 2
