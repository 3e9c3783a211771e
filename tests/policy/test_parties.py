"""Listings, and the 50 percent rule through chains of owners."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from decimal import Decimal

import pytest

from kg.policy.answers import party_status
from kg.policy.names import Names
from kg.policy.parties import PartyService
from kg.policy.records import RecordSpan
from kg.policy.rulebook import Rulebook
from kg.records import Firm, Ownership, Records
from tests.policy.conftest import HERE, SHARED, rows

CASES = rows(HERE / "listing_cases.tsv")
OWNED = "affiliate-60pct-of-inspur-group"


def day(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


@pytest.fixture(scope="module")
def parties(book: Rulebook, records: Records) -> PartyService:
    return PartyService(book, {firm.id: firm for firm in records.of(Firm)})


@pytest.fixture(scope="module")
def names(records: Records) -> Names:
    return Names.from_records(records)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_case(case: dict[str, str], parties: PartyService, names: Names) -> None:
    on = day(case["on"])
    if case["owner"]:
        share = {names.firm(case["owner"]): Decimal(case["percent"])}
        found = parties.of_owned(share, on)
    else:
        found = parties.of_firm(names.firm(case["firm"]), on)
    assert (found.status, found.basis or "") == (case["status"], case["basis"])


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared case files are not here")
def test_the_table_is_the_shared_one() -> None:
    words = {
        "EL": ("listed", "listing"),
        "not-listed": ("not-listed", ""),
        "EL-by-ownership": ("listed", "ownership"),
    }
    shared = {
        row["id"]: (
            ("", "inspur-group", "60") if row["subject"] == OWNED else (row["subject"], "", ""),
            row["date"],
            words[row["expected_status"]],
        )
        for row in rows(SHARED / "listing_cases.tsv")
    }
    assert shared == {
        row["case"]: (
            (row["firm"], row["owner"], row["percent"]),
            row["on"],
            (row["status"], row["basis"]),
        )
        for row in CASES
        if row["case"].startswith("T")
    }


def firm(slug: str, **owners: str) -> Firm:
    return Firm(
        id=slug,
        label=slug,
        owners=[
            Ownership(owner=owner.replace("_", "-"), percent=Decimal(percent))
            for owner, percent in owners.items()
        ],
    )


def chain(book: Rulebook, *firms: Firm) -> PartyService:
    known = [firm("huawei"), firm("inspur-group"), *firms]
    return PartyService(book, {one.id: one for one in known})


IN_FORCE = day("2025-10-01")


def test_shares_of_several_listed_owners_add_up(book: Rulebook) -> None:
    service = chain(book, firm("both", huawei="30", inspur_group="20"), firm("one", huawei="49.9"))
    found = service.of_firm("both", IN_FORCE)
    assert (found.status, found.share) == ("listed", Decimal(50))
    assert [holding.owner for holding in found.chain] == ["huawei", "inspur-group"]
    assert service.of_firm("one", IN_FORCE).status == "not-listed"


def test_ownership_goes_through_the_chain(book: Rulebook) -> None:
    service = chain(
        book, firm("daughter", huawei="60"), firm("granddaughter", daughter="50", nobody="50")
    )
    found = service.of_firm("granddaughter", IN_FORCE)
    assert found.status == "listed"
    steps = [(holding.owner, holding.owned) for holding in found.chain]
    assert steps == [("daughter", "granddaughter"), ("huawei", "daughter")]


def test_a_minority_above_breaks_the_chain(book: Rulebook) -> None:
    service = chain(book, firm("daughter", huawei="49"), firm("granddaughter", daughter="100"))
    assert service.of_firm("granddaughter", IN_FORCE).status == "not-listed"


def test_firms_that_own_each_other(book: Rulebook) -> None:
    service = chain(book, firm("east", west="60"), firm("west", east="60"))
    assert service.of_firm("east", IN_FORCE).status == "not-listed"


def test_after_the_suspension_both_sides_are_shown(parties: PartyService) -> None:
    found = parties.of_owned({"inspur-group": Decimal(60)}, day("2026-11-10"))
    assert found.status == "conflicting"
    assert found.conflict is not None
    assert {"affiliates-memos", "kanmon-timeline"} <= set(found.sources)
    below = parties.of_owned({"inspur-group": Decimal("49.9")}, day("2026-11-10"))
    assert below.status == "not-listed"


def test_a_listed_firm_shows_its_rule_and_rows(parties: PartyService) -> None:
    found = parties.of_firm("huawei", day("2025-01-01"))
    assert [rule.id for rule in found.rules] == ["us-entity-list-2019-05"]
    assert found.rows
    assert all(row.citations for row in found.rows)


def test_chinese_and_english_names(names: Names) -> None:
    assert names.firm("华为") == names.firm("HUAWEI") == "huawei"
    assert names.firm("biren") == "biren-technology"


def test_owners_that_nobody_knows(parties: PartyService) -> None:
    with pytest.raises(KeyError):
        parties.of_owned({"nobody": Decimal(60)}, IN_FORCE)


def test_answers_tell_chain_conflict_and_rows(parties: PartyService, book: Rulebook) -> None:
    owned = parties.of_owned({"inspur-group": Decimal(60)}, day("2026-11-10"))
    sent = party_status(owned, book)
    assert (sent.status, sent.share, sent.rules) == ("conflicting", 60.0, ["us-affiliates-2025"])
    assert "Inspur Group holds 60 percent of the firm." in sent.explanation
    assert "contested" in sent.explanation
    listed = party_status(parties.of_firm("huawei", day("2025-01-01")), book)
    plain = json.loads(listed.model_dump_json(by_alias=True))
    assert plain["listings"][0]["list"] == "entity-list"
    assert "84 FR 22961" in plain["citations"][0]["label"]
    absent = party_status(parties.of_firm("metax", day("2026-07-31")), book)
    assert absent.checked == day("2026-07-31")
    assert "no proof" in absent.explanation


def test_only_rules_on_record_list_anybody(book: Rulebook) -> None:
    begun, closed = (datetime.datetime(2026, month, 1, tzinfo=datetime.UTC) for month in (1, 6))
    rule = book.rules["us-entity-list-2019-05"]
    span = RecordSpan.model_validate({"to": closed})
    changed = book.with_rule(rule.model_copy(update={"recorded": span}))
    service = PartyService(changed, {"huawei": firm("huawei")}, begun)

    def status(known_at: datetime.datetime | None) -> str:
        asked = replace(service, known_at=known_at)
        return asked.of_firm("huawei", IN_FORCE).status

    hour = datetime.timedelta(hours=1)
    found = [status(at) for at in (begun - hour, begun, closed - hour, closed, None)]
    assert found == ["not-listed", "listed", "listed", "not-listed", "not-listed"]
