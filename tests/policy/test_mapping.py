"""Rules as triples: the questions that others ask of them, in SPARQL."""

from __future__ import annotations

import datetime

import pytest
from pyoxigraph import QuerySolutions, Store

from kg.mapping import WRITERS, map_records
from kg.namespaces import Namespaces
from kg.policy.mapping import POLICY_WRITERS
from kg.records import Records

NAMES = Namespaces()


@pytest.fixture(scope="module")
def store(records: Records) -> Store:
    recorded = datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC)
    output = map_records(records, NAMES, recorded, WRITERS | POLICY_WRITERS)
    store = Store()
    store.extend(output.quads)
    return store


def ask(store: Store, query: str) -> set[tuple[str, ...]]:
    found = store.query(NAMES.sparql_prologue + query, use_default_graph_as_union=True)
    assert isinstance(found, QuerySolutions)
    return {tuple(_short(term) for term in row) for row in found}


def _short(term: object) -> str:
    value: str = getattr(term, "value", "")
    return NAMES.shorten(value)


def test_measures_of_china(store: Store) -> None:
    found = ask(
        store,
        "SELECT ?chip ?req { ?r a ct:Rule ; ct:jurisdiction id:china ; ct:coversProduct ?chip ;"
        " ct:requirement ?req ; ct:effectiveFrom ?from }",
    )
    assert {
        ("id:nvidia-h20", "con:purchase-discouraged"),
        ("id:nvidia-rtx-pro-6000d", "con:purchase-halted"),
        ("id:nvidia-h200", "con:import-decision-pending"),
    } <= found


def test_rules_that_rest_on_claims(store: Store) -> None:
    assert ask(store, "SELECT ?rule ?c { ?rule a ct:Rule ; ct:basedOn ?c . ?c a ct:Claim }") == {
        ("rule:cn-h20-advice-2025", "c:c0-33"),
        ("rule:cn-h20-advice-2025", "c:c2-03"),
        ("rule:cn-rtx6000d-order-2025", "c:c2-01"),
        ("rule:cn-rtx6000d-order-2025", "c:c2-02"),
        ("rule:cn-h200-undecided-2025", "c:c3-10"),
    }


def test_order_of_the_us_rules(store: Store) -> None:
    found = ask(
        store,
        "SELECT ?rule ?from { ?rule a ct:Rule ; ct:jurisdiction id:united-states ;"
        " ct:effectiveFrom ?from }",
    )
    assert {
        ("rule:us-letter-2022-08", "2022-08-26"),
        ("rule:us-3a090-2022", "2022-10-21"),
        ("rule:us-entity-list-2023", "2023-10-17"),
        ("rule:us-letter-2023-10", "2023-10-23"),
        ("rule:us-3a090a-2023", "2023-11-17"),
        ("rule:us-3a090b-2023", "2023-11-17"),
        ("rule:us-letter-2025-04", "2025-04-09"),
        ("rule:us-h20-conditional-2025", "2025-08-08"),
        ("rule:us-review-2026-01", "2026-01-15"),
    } <= found
    assert len({rule for rule, _ in found}) == len(found)


def test_conditions(store: Store) -> None:
    found = ask(
        store,
        "SELECT ?group ?metric ?least ?unit { rule:us-3a090a-2023 ct:anyOf ?group ."
        " ?group ct:allOf ?c . ?c ct:metric ?metric ; ct:minInclusive ?least ; ct:unit ?unit }",
    )
    assert found == {
        ("rule:us-3a090a-2023#g1", "con:tpp", "4800", "unit:TOPS-bit"),
        ("rule:us-3a090a-2023#g2", "con:tpp", "1600", "unit:TOPS-bit"),
        ("rule:us-3a090a-2023#g2", "con:performance-density", "5.92", "unit:TPP-per-mm2"),
    }


def test_dated_membership(store: Store) -> None:
    found = ask(
        store,
        "SELECT ?group ?from ?to { ?group ct:hasMembership ?m ."
        " ?m ct:place id:united-arab-emirates . OPTIONAL { ?m ct:validFrom ?from }"
        " OPTIONAL { ?m ct:validTo ?to } }",
    )
    assert found == {
        ("id:country-group-d4", "", "2026-07-09"),
        ("id:country-group-a5", "2026-07-10", ""),
    }


def test_contested_interval(store: Store) -> None:
    found = ask(
        store,
        "SELECT ?from ?to { rule:us-affiliates-2025 ct:hasInterval ?i . ?i ct:effectiveFrom ?from"
        " ; ct:contested ?why . OPTIONAL { ?i ct:effectiveTo ?to } }",
    )
    assert found == {("2026-11-10", "")}


def test_every_action_is_an_instrument(store: Store) -> None:
    found = ask(store, "SELECT ?i { ?i a ct:Instrument ; ct:jurisdiction ?j ; dct:source ?s }")
    assert len(found) == 75
