"""How rules combine: close calls, rival figures, models, defeat, places, time."""

from __future__ import annotations

import datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from kg.errors import InvalidData, UnknownName
from kg.metrics import DRAM, Reading
from kg.policy.facts import chip_facts, reading_of
from kg.policy.logic import Outcome
from kg.policy.names import Names
from kg.policy.outcome import Question
from kg.policy.records import POLICY_KINDS, RecordSpan
from kg.policy.rulebook import Rulebook
from kg.policy.status import StatusService
from kg.records import KINDS, Figure, Records, read_records
from kg.resources import examples_directory
from tests.policy.conftest import Ask

RULE_OF_2023 = "2024-01-15"


@pytest.mark.parametrize(
    ("chip", "requirement", "paragraph"),
    [
        ("nvidia-a10", "none-found", None),  # density 3.185, under 3.2
        ("nvidia-a30", "licence-required", "3A090.b"),  # density 3.2 exactly
        ("nvidia-a40", "licence-required", "3A090.b"),  # 2,395 and 3.81: the second limb
        ("nvidia-l20", "none-found", None),  # density 3.14
        ("nvidia-l4", "licence-required", "3A090.a"),  # by density alone
        ("nvidia-l2", "none-found", None),  # 1,544
        ("mtt-s4000", "indeterminate", None),  # 1,600 exactly, no die area
        ("nvidia-rtx-4090d", "none-found", None),  # Note 2
        ("nvidia-rtx-5090d", "none-found", None),  # Note 2
        ("nvidia-h20", "none-found", None),  # 2,368 and 2.91
        ("nvidia-h800-sxm", "licence-required", "3A090.a"),
        ("amd-mi250", "licence-required", "3A090.a"),  # both limbs: a before b
        ("nvidia-rtx-pro-6000d", "indeterminate", None),  # no rates published
        ("aws-trainium1", "indeterminate", None),  # TF32 at 19 or 32 bits, no die area
    ],
)
def test_close_calls_to_china(chip: str, requirement: str, paragraph: str | None, ask: Ask) -> None:
    decision = ask(chip, "CN", RULE_OF_2023).decision
    assert (decision.requirement, decision.paragraph) == (requirement, paragraph)


@pytest.mark.parametrize(
    ("chip", "review"),
    [
        ("amd-mi325x", "case-by-case"),  # 20,919 < 21,000
        ("amd-mi300x", "case-by-case"),
        ("nvidia-h100-sxm", "case-by-case"),
        ("nvidia-b200", "presumption-of-denial"),  # 36,000
        ("amd-mi355x", "presumption-of-denial"),
        ("nvidia-b30a", "presumption-of-denial"),
        ("nvidia-a800-sxm", "presumption-of-denial"),  # never sold in the United States
        ("nvidia-gh200", "presumption-of-denial"),  # availability unknown
    ],
)
def test_review_since_january_2026(chip: str, review: str, ask: Ask) -> None:
    assert ask(chip, "CN", "2026-02-01").decision.review == review


def test_availability_that_nobody_recorded_is_named_as_missing(ask: Ask) -> None:
    status = ask("nvidia-gh200", "CN", "2026-02-01")
    assert status.missing == ("us-availability-2026-01-15",)


def test_the_review_of_2026_is_for_shipments_from_the_united_states(ask: Ask) -> None:
    for where, review in {"US": "case-by-case", "TW": "presumption-of-denial"}.items():
        found = ask("nvidia-h200-sxm", "CN", "2026-02-01", ship_from=where)
        assert found.decision.review == review


def test_missing_figure_is_the_one_that_is_really_missing(ask: Ask) -> None:
    assert ask("mtt-s4000", "CN", RULE_OF_2023).missing == ("applicable-die-area",)
    assert ask("mtt-s4000", "CN", "2026-02-01").missing == ("applicable-die-area",)
    assert ask("nvidia-rtx-pro-6000d", "CN", RULE_OF_2023).missing == ("tpp",)


def test_rival_figures_decide(ask: Ask) -> None:
    status = ask("nvidia-rtx-pro-6000d", "CN", "2025-05-01")
    assert status.decided_by == (DRAM,)
    letter = next(f for f in status.findings if f.rule.id == "us-letter-2025-04-bandwidth")
    assert letter.outcome is Outcome.INDETERMINATE
    outcomes = {
        t.reading.value: t.outcome for t in letter.judgement.tests if t.reading and t.metric == DRAM
    }
    assert outcomes[Decimal(1398)] is Outcome.NOT_MET
    assert outcomes[Decimal(1570)] is Outcome.MET


def test_rival_figures_that_agree_decide_nothing(ask: Ask) -> None:
    status = ask("nvidia-h200-nvl", "CN", "2024-06-01")
    assert len(status.chip.figures[DRAM]) > 1
    assert (status.decision.requirement, status.decided_by) == ("licence-required", ())


def test_a_model_answers_for_each_of_its_boards(ask: Ask) -> None:
    status = ask("nvidia-h200", "CN", "2026-02-01")
    boards = {part.chip.slug for part in status.configurations}
    assert boards == {"nvidia-h200-sxm", "nvidia-h200-nvl"}
    assert status.decision.review == "case-by-case"
    assert status.differing == ()


def test_a_model_whose_boards_differ_is_not_decided(service: StatusService, ask: Ask) -> None:
    weak = service.chips["nvidia-h200-nvl"].with_figures(
        "nvidia-h200-nvl", {"tpp": (Reading(value=Decimal(1000)),)}
    )
    status = ask("nvidia-h200", "CN", "2024-06-01", of=service.with_chip(weak))
    assert status.decision.requirement == "indeterminate"
    assert "requirement" in status.differing
    found = {part.chip.slug: part.decision.requirement for part in status.configurations}
    assert found == {"nvidia-h200-sxm": "licence-required", "nvidia-h200-nvl": "none-found"}


def test_a_rule_that_names_a_model_covers_its_boards(ask: Ask) -> None:
    status = ask("nvidia-h200-sxm", "CN", "2026-02-01")
    assert "cn-h200-customs-2026" in {f.rule.id for f in status.others}


def test_relaxing_is_what_lifts_the_presumption_of_denial(service: StatusService, ask: Ask) -> None:
    rule = service.book.rules["us-review-2026-01"]
    without = service.with_rule(rule.model_copy(update={"relaxes": ()}))
    assert ask("nvidia-h200-sxm", "CN", "2026-02-01", of=without).decision.review == (
        "presumption-of-denial"
    )


def test_what_only_changes_a_review_does_not_explain_a_free_chip(ask: Ask) -> None:
    status = ask("nvidia-v100s-pcie", "CN", "2026-02-01")
    assert status.decision.requirement == "none-found"
    assert {found.outcome for found in status.decisive if found.rule.requirement} == {
        Outcome.NOT_MET
    }
    assert "us-3a090a-2023" in {found.rule.id for found in status.decisive}


def test_hong_kong_follows_china_in_the_groups(ask: Ask) -> None:
    assert ask("nvidia-h100-sxm", "HK", RULE_OF_2023).decision == (
        ask("nvidia-h100-sxm", "CN", RULE_OF_2023).decision
    )


@pytest.mark.parametrize(
    ("destination", "hq", "requirement"),
    [
        ("SG", "", "none-found"),
        ("SG", "CN", "licence-required"),
        ("SG", "HK", "licence-required"),
        ("SG", "SG", "none-found"),
        ("IL", "", "none-found"),  # D:4 and A:6
        ("IL", "CN", "licence-required"),
        ("VN", "", "licence-required"),  # D:1
        ("IN", "", "none-found"),  # A:5
        ("US", "CN", "none-found"),  # not an export
    ],
)
def test_destination_and_headquarters(
    destination: str, hq: str, requirement: str, ask: Ask
) -> None:
    found = ask("nvidia-h100-sxm", destination, RULE_OF_2023, hq)
    assert found.decision.requirement == requirement


def test_the_emirates_move_between_country_groups(ask: Ask) -> None:
    before = ask("nvidia-l40", "AE", "2026-07-09")
    after = ask("nvidia-l40", "AE", "2026-07-10")
    assert before.decision.exception == "ACA"
    assert [f.rule.id for f in after.decisive] == ["us-3a090b-uae-2026"]


def test_a_party_exempt_from_the_requirement(ask: Ask) -> None:
    chip, place = "nvidia-h100-sxm", "AE"
    assert ask(chip, place, "2026-07-10").decision.requirement == "licence-required"
    for day, requirement in {
        "2026-07-09": "licence-required",
        "2026-07-10": "none-found",
        "2027-04-06": "none-found",
        "2027-04-07": "licence-required",
    }.items():
        assert ask(chip, place, day, end_user="g42").decision.requirement == requirement


def test_an_entity_list_rule_needs_its_party(ask: Ask) -> None:
    assert ask("nvidia-t4", "CN", "2024-01-01").decision.requirement == "none-found"
    listed = ask("nvidia-t4", "CN", "2024-01-01", end_user="biren-technology").decision
    assert (listed.requirement, listed.review) == ("licence-required", "presumption-of-denial")


# --- other activities ---------------------------------------------------------------------------


def others(ask: Ask, chip: str, place: str, on: str, **more: str) -> dict[str, Outcome]:
    return {f.rule.id: f.outcome for f in ask(chip, place, on, **more).others}


@pytest.mark.parametrize(
    ("chip", "outcome"),
    [
        ("nvidia-h200-sxm", Outcome.MET),  # first band
        ("nvidia-h200-nvl", Outcome.NOT_MET),  # 13,368 < 14,000
        ("amd-mi325x", Outcome.MET),  # second band
        ("nvidia-h100-sxm", Outcome.NOT_MET),  # 3,350 GB/s < 4,500
    ],
)
def test_tariff_bands(chip: str, outcome: Outcome, ask: Ask) -> None:
    assert others(ask, chip, "US", "2026-01-15") == {"us-section232-2026": outcome}
    assert others(ask, chip, "US", "2026-01-14") == {}


def test_guidance_on_chinese_circuits(ask: Ask) -> None:
    assert others(ask, "huawei-ascend-910b", "DE", "2025-05-12") == {}
    assert others(ask, "huawei-ascend-910b", "DE", "2025-05-13") == {
        "us-gp10-guidance-2025": Outcome.MET
    }
    assert others(ask, "nvidia-h100-sxm", "DE", "2025-05-13") == {}


def test_state_funded_data_centres(ask: Ask) -> None:
    use = {"end_use": "state-funded-data-centre"}
    rule = "cn-state-datacentres-2025"
    assert others(ask, "amd-mi308x", "CN", "2025-11-05", **use)[rule] is Outcome.MET
    assert rule not in others(ask, "amd-mi308x", "CN", "2025-11-04", **use)
    assert rule not in others(ask, "huawei-ascend-910c", "CN", "2025-11-05", **use)
    unasked = ask("amd-mi308x", "CN", "2025-11-05").unasked
    assert [found.rule.id for found in unasked] == [rule]


# --- time -------------------------------------------------------------------------------------


def test_intervals_have_no_gaps_and_agree_with_every_day(service: StatusService, ask: Ask) -> None:
    question = Question(chip="nvidia-h20", destination="china", on=datetime.date.min)
    spans = list(service.over_time(question))
    assert spans[-1][1] is None
    for (_, last, _), (first, _, _) in pairwise(spans):
        assert last is not None
        assert first == last + datetime.timedelta(days=1)
    for first, last, status in spans:
        for day in (first, last or datetime.date(2030, 1, 1)):
            assert ask("nvidia-h20", "CN", day.isoformat()).decision == status.decision


def test_status_of_the_h20_over_time(service: StatusService) -> None:
    question = Question(chip="nvidia-h20", destination="china", on=datetime.date.min)
    changes = {
        str(first): (status.decision.requirement, status.decision.review)
        for first, _, status in service.over_time(question)
    }
    assert changes["2025-04-09"] == ("licence-required", "unstated")
    assert changes["2025-07-14"] == ("licence-required", "licences-promised")


def test_known_at(service: StatusService, ask: Ask) -> None:
    learned = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    rule = service.book.rules["us-letter-2025-04"]
    later = service.with_rule(
        rule.model_copy(update={"recorded": RecordSpan.model_validate({"from": learned})})
    )
    later.recorded = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)

    def requirement(known_at: datetime.datetime | None) -> str:
        question = Question(
            chip="nvidia-h20",
            destination="germany",
            headquarters="china",
            on=datetime.date(2025, 4, 10),
            known_at=known_at,
        )
        return later.status(question).decision.requirement

    hour = datetime.timedelta(hours=1)
    assert requirement(None) == "licence-required"
    assert requirement(learned) == "licence-required"
    assert requirement(learned - hour) == "none-found"
    assert requirement(later.recorded - hour) == "indeterminate"


# --- rules that nobody foresaw ------------------------------------------------------------------

INVENTED = """\
references:
- {id: gazette, title: Official gazette, reliability: A}
entities:
- {id: ruritania, class: Place, label: Ruritania, iso: RR}
country_groups:
- id: group-of-the-north
  label: Group of the North
  sources: [gazette]
  members: [{place: ruritania, from: 2027-01-01, to: 2027-06-30}]
rules:
- id: us-cold-chips-2027
  title: Chips that stay cool
  jurisdiction: united-states
  activity: export
  paragraph: 9Z999
  effective: {from: 2027-01-01}
  destinations: [group-of-the-north]
  any_of: [[{metric: tdp, at_most: 100}]]
  exclusions: [{label: none of the fast ones, all_of: [{metric: tpp, at_least: 4800}]}]
  requirement: licence-required
  review: case-by-case
  sources: [gazette]
"""


@pytest.fixture(scope="module")
def invented(tmp_path_factory: pytest.TempPathFactory) -> tuple[Records, StatusService]:
    path = tmp_path_factory.mktemp("invented") / "invented.yaml"
    path.write_text(INVENTED, encoding="utf-8")
    files = [p for p in examples_directory().rglob("*.yaml") if p.name != "dataset.yaml"]
    records = read_records([*files, path], KINDS | POLICY_KINDS)
    return records, StatusService(Rulebook.from_records(records), chip_facts(records))


@pytest.mark.parametrize(
    ("chip", "on", "requirement"),
    [
        ("nvidia-t4", "2027-01-01", "licence-required"),  # 70 W
        ("nvidia-t4", "2027-06-30", "licence-required"),
        ("nvidia-t4", "2027-07-01", "none-found"),  # out of the group
        ("nvidia-t4", "2026-12-31", "none-found"),
        ("nvidia-a30", "2027-01-01", "none-found"),  # 165 W
    ],
)
def test_an_invented_rule_and_country_group(
    chip: str, on: str, requirement: str, invented: tuple[Records, StatusService]
) -> None:
    records, service = invented
    place = Names.from_records(records).place("RR")
    question = Question(chip=chip, destination=place, on=datetime.date.fromisoformat(on))
    decision = service.status(question).decision
    assert decision.requirement == requirement
    if requirement == "licence-required":
        assert (decision.paragraph, decision.review) == ("9Z999", "case-by-case")


# --- names and units ----------------------------------------------------------------------------


def test_unknown_names_come_with_near_ones(records: Records) -> None:
    names = Names.from_records(records)
    with pytest.raises(UnknownName, match="nvidia-h20"):
        names.chip("nvidia-h2O0")
    with pytest.raises(UnknownName, match="china"):
        names.place("Chnia")
    assert names.place("cn") == names.place("中国") == names.place("PRC") == "china"
    assert names.chip("RTX6000D") == "nvidia-rtx-pro-6000d"


def test_a_figure_in_a_wrong_unit(tmp_path: Path) -> None:
    path = tmp_path / "chip.yaml"
    path.write_text(
        "chips:\n"
        "- id: odd\n"
        "  label: Odd\n"
        "  maker: nobody\n"
        "  figures: [{metric: dram-bandwidth, value: 4, unit: mm2}]\n",
        encoding="utf-8",
    )
    with pytest.raises(InvalidData, match="unit 'mm2' is not one of this metric: GB-per-s"):
        chip_facts(read_records([path]))


def test_units_are_converted() -> None:
    figure = Figure(metric=DRAM, value=Decimal("4.8"), unit="TB-per-s")
    assert (reading_of(figure).value, reading_of(figure).unit) == (4800, "GB-per-s")
