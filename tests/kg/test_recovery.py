"""``kg.recovery``: records come back from the graph as they went in."""

from __future__ import annotations

import datetime
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyoxigraph import Quad, RdfFormat, Store

from kg import snapshots
from kg.catalogue import View
from kg.errors import Defect
from kg.intake import ALL_KINDS, ALL_WRITERS, base_files
from kg.mapping import map_records
from kg.metrics import METRICS
from kg.namespaces import Namespaces
from kg.policy.records import Condition, Rule
from kg.recordfile import RECORDS_FILE, read_records_file, write_records
from kg.records import Chip, ExternalClaim, Header, Located, Records, read_records
from kg.recovery import CLAIMED, EVALUATED, Recovered, recover
from kg.resources import examples_directory
from tests.kg.generated import records as generated

NAMES = Namespaces()
RECORDED = datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC)
EVERYTHING = EVALUATED + CLAIMED

SEQUENCES = {
    "claims",  # of a link
    "effective",
    "exceptions",
    "exclusions",
    "listings",
    "members",
    "owners",
    "preconditions",
    "reviews",
    "via",
}
"""Fields whose order the graph keeps; the other lists are sets there."""


def quads_of(records: Records) -> list[Quad]:
    return map_records(records, NAMES, RECORDED, ALL_WRITERS).quads


def store_of(quads: list[Quad]) -> Store:
    store = Store()
    store.extend(quads)
    return store


def from_turtle(text: str, kinds: tuple[str, ...] = EVERYTHING) -> Recovered:
    prefixes = "".join(f"PREFIX {p}: <{iri}>\n" for p, iri in NAMES.prefixes.items())
    store = Store()
    store.load(prefixes + text, RdfFormat.TRIG)
    return recover(View(store, NAMES, graph=None), kinds)


def findings(text: str) -> list[str]:
    return [str(finding) for finding in from_turtle(text).findings]


# --- the built-in base ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def base() -> Records:
    return read_records(base_files(examples_directory()), ALL_KINDS)


@pytest.fixture(scope="module")
def recovered(base: Records) -> Records:
    found = recover(View(store_of(quads_of(base)), NAMES, graph=None), EVERYTHING)
    assert found.findings == []
    return found.records


def comparable(item: Located) -> Any:
    """The fields of a record as the graph keeps them."""
    fields = item.record.model_dump(by_alias=True)
    if item.kind in ("claims", "external_claims"):
        fields["record"]["from"] = fields["record"]["from"] or item.header.recorded or RECORDED
    for part in [*fields.get("members", ()), *fields.get("listings", ())]:
        part["sources"] = part["sources"] or fields["sources"]
    return _comparable(fields, item.kind)


def _comparable(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        if "metric" in value and "unit" in value and value["metric"] in METRICS:
            value = {**value, "unit": value["unit"] or METRICS[value["metric"]].unit}
        return {key: _comparable(part, key) for key, part in value.items()}
    if not isinstance(value, list | tuple):
        return value
    parts = [_comparable(part, name) for part in value]
    if name == "figures":
        return sorted(parts, key=lambda figure: figure["metric"])
    if name == "urls":
        return parts[:1] + sorted(parts[1:])
    return parts if name in SEQUENCES else sorted(parts, key=str)


def test_every_record_of_the_base_comes_back(base: Records, recovered: Records) -> None:
    expected = {(item.kind, item.name): comparable(item) for item in base}
    found = {(item.kind, item.name): comparable(item) for item in recovered}
    assert found.keys() == expected.keys()
    for name in expected:
        assert found[name] == expected[name], name


def test_what_comes_back_is_the_same_graph(base: Records, recovered: Records) -> None:
    assert set(quads_of(recovered)) == set(quads_of(base))


def test_a_built_store_gives_back_what_was_asserted(built_store: Path, recovered: Records) -> None:
    store = Store.read_only(str(snapshots.require(built_store).store))
    found = recover(View(store, NAMES), EVERYTHING)
    assert found.findings == []
    assert list(found.records) == list(recovered)
    assert {(item.where, item.line) for item in found.records} == {("graph", None)}


# --- any record -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", EVERYTHING)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_quads_to_record_to_quads_is_the_identity(kind: str, data: st.DataObject) -> None:
    record = data.draw(generated(ALL_KINDS[kind]))
    header = Header(source="some-article") if kind == "claims" else Header()
    before = quads_of(Records([Located(kind, record, header, "somewhere.yaml", 1)]))
    found = recover(View(store_of(before), NAMES, graph=None), EVERYTHING)
    assert found.findings == []
    assert set(quads_of(found.records)) == set(before)


@pytest.mark.parametrize("number", ["296.0", "1.50", "1E+3", "-0.0"])
def test_how_a_number_was_written_does_not_matter(number: str) -> None:
    fields = {"id": "z0-1", "paraphrase": "", "subject": "s", "property": "p", "evidence": "E1"}
    quantity = {"low": Decimal(number), "bound": "at_least"}
    claim = ExternalClaim.model_validate({**fields, "quantity": quantity})
    before = quads_of(Records([Located("external_claims", claim, Header(), "x.yaml", 1)]))
    found = recover(View(store_of(before), NAMES, graph=None), CLAIMED)
    assert set(quads_of(found.records)) == set(before)


# --- what others wrote ------------------------------------------------------------------------

CHIP = """
id:x1 a ct:ComputeSystem ; rdfs:label "X1"@en, "甲一"@zh ; ct:manufacturer id:nvidia ;
  ct:productKind con:system .
[] a ct:Measurement ; ct:of id:x1 ; ct:metric con:tdp ; ct:value 1 ; ct:status con:reported .
<https://w3id.org/chiptrail/id/x1#tdp.10> a ct:Measurement ; ct:of id:x1 ; ct:metric con:tdp ;
  ct:value 4.0e2 ; ct:unit unit:W ; ct:status con:estimated .
<https://w3id.org/chiptrail/id/x1#tdp.9> a ct:Measurement ; ct:of id:x1 ; ct:metric con:tdp ;
  ct:value 350 ; ct:unit unit:W ; ct:status con:reported .
<https://w3id.org/chiptrail/id/x1#tpp> a ct:Measurement ; ct:of id:x1 ; ct:metric con:tpp ;
  ct:value 2368.0 ; ct:status con:derived .
"""


def test_a_chip_has_its_published_figures_in_their_order() -> None:
    (chip,) = from_turtle(CHIP).records.of(Chip)
    assert (chip.label, chip.class_, chip.maker) == ("X1", "ComputeSystem", "nvidia")
    assert [(f.metric, f.value, f.status) for f in chip.figures] == [
        ("tdp", 350, "reported"),
        ("tdp", 400, "estimated"),
    ]


def test_what_follows_from_a_claim_is_not_read_as_a_record() -> None:
    claimed = "id:x1 ct:manufacturer id:somebody-else ."
    (chip,) = from_turtle(f"{CHIP} GRAPH g:current {{ {claimed} }} {claimed}").records.of(Chip)
    assert chip.maker == "nvidia"


RULE = """
rule:r1 a ct:Rule ; rdfs:label "A rule"@en ; ct:jurisdiction id:united-states ;
  ct:activity con:export ; ct:effectiveFrom "2027-01-01"^^xsd:date ; ct:destination id:china ;
  ct:anyOf [ a ct:ConditionGroup ; ct:allOf
    [ a ct:Condition ; ct:metric con:tpp ; ct:minInclusive 4800 ; ct:maxExclusive 5000.5 ] ] ;
  ct:requirement con:licence-required ; ct:basedOn src:s1, ev:E1, c:c0-01 .
"""


def test_a_rule_may_be_written_with_blank_nodes() -> None:
    (rule,) = from_turtle(RULE).records.of(Rule)
    assert rule.any_of == ((Condition(metric="tpp", at_least=4800, less_than="5000.5"),),)
    assert rule.effective[0].from_ == datetime.date(2027, 1, 1)
    assert (rule.sources, rule.evidence, rule.claims) == (("s1",), ("E1",), ("c0-01",))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ('rule:r1 ct:effectiveTo "soon" .', 'ct:effectiveTo: "soon" is not a date'),
        (
            'rule:r1 ct:effectiveTo "2027-13-01"^^xsd:date .',
            'ct:effectiveTo: "2027-13-01"^^<http://www.w3.org/2001/XMLSchema#date> is not a date',
        ),
        ("rule:r1 ct:activity con:import .", "ct:activity: there is room for one, found 2"),
        (
            "rule:r1 ct:relaxes id:china .",
            "ct:relaxes: <https://w3id.org/chiptrail/id/china> is not in the namespace rule:",
        ),
        ('rule:r1 ct:anyOf "tpp" .', 'ct:anyOf: "tpp" is not a node'),
        (
            "rule:r1 ct:reviewClause [ ct:reviewPolicy con:denial ], [ ct:reviewPolicy con:none ] .",
            "ct:reviewClause: the order counts, so give the nodes names that end in 1, 2, …",
        ),
        (
            "rule:r1 ct:anyOf [ ct:allOf [ ct:minInclusive 1 ] ] .",
            "any_of.1.0.metric: Field required",
        ),
    ],
)
def test_what_cannot_be_read_is_a_finding_and_left_out(wrong: str, message: str) -> None:
    found = from_turtle(CHIP + RULE + wrong)
    assert [(f.where, f.record) for f in found.findings] == [("graph", "rule:r1")]
    # The first blank node may come before or after the one of the rule.
    assert found.findings[0].message.replace("any_of.0.0", "any_of.1.0") == message
    assert [item.kind for item in found.records] == ["chips"]


def test_a_record_in_a_foreign_namespace_is_a_finding() -> None:
    text = '<https://example.org/r> a ct:Rule ; rdfs:label "R"@en .'
    assert findings(text) == [
        "graph: https://example.org/r: not in the namespace rule:",
    ]


def test_what_is_missing_is_a_finding() -> None:
    text = 'id:y1 a ct:Chip ; rdfs:label "Y1"@en . id:n a ct:Place . src:r a ct:Reference .'
    assert findings(text) == [
        "graph: src:r: title: Field required",
        "graph: src:r: reliability: Field required",
        "graph: id:y1: maker: Field required",
    ]


# --- the file of a snapshot -------------------------------------------------------------------


def test_a_snapshot_holds_its_records(built_store: Path, recovered: Records) -> None:
    found = read_records_file(snapshots.require(built_store).path / RECORDS_FILE)
    assert list(found) == [item for item in recovered if item.kind in EVALUATED]


@pytest.mark.parametrize("kind", ["chips", "evidence", "rules"])
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_file_keeps_every_value(kind: str, data: st.DataObject, tmp_path: Path) -> None:
    record = data.draw(generated(ALL_KINDS[kind]))
    before = Records([Located(kind, record, Header(), "graph", None)])
    write_records(tmp_path / RECORDS_FILE, before)
    (after,) = read_records_file(tmp_path / RECORDS_FILE)
    assert repr(after) == repr(before[0])


def test_writing_does_not_reach_through_a_link(recovered: Records, tmp_path: Path) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    write_records(old, Records([item for item in recovered if item.kind == "rules"]))
    os.link(old, new)
    write_records(new, Records([]))
    assert len(read_records_file(new)) == 0
    assert len(read_records_file(old)) == len(recovered.of(Rule))


@pytest.mark.parametrize("content", [{"spells": [{}]}, {"rules": [{"id": "r1"}]}])
def test_a_file_of_another_version_is_told(content: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / RECORDS_FILE).write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(Defect, match="build the store again"):
        read_records_file(tmp_path / RECORDS_FILE)
