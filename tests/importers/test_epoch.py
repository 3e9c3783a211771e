"""Epoch AI's hardware table: columns by prefix, matching, rivals, the check of TPP."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from kg.errors import InvalidData
from kg.importers import Options, import_file
from kg.importers.chips import ChipNames
from kg.importers.epoch import Column, columns, same_figure
from kg.importers.register import view_of
from kg.intake import Intake
from tests.importers.conftest import DATA, Import, ask, shared

TABLE = DATA / "ml_hardware_2026-11-02.csv"
BANDWIDTH = """SELECT ?m ?value ?source { ?m ct:of id:nvidia-h100-sxm ;
  ct:metric con:dram-bandwidth ; ct:value ?value ; dct:source ?source }"""


def test_columns_are_found_by_how_their_name_begins() -> None:
    header = [
        *("Memory size per board (Byte)", "Memory bandwidth (GB/s)", "Memory clock (MHz)"),
        *("Tensor-FP16/BF16 performance (FLOP/s)", "FP16 (half precision) performance (TFLOP/s)"),
        *("Release date", "Release price (USD)", "TDP (horsepower)"),
    ]
    found = list(columns(dict.fromkeys(header)))
    known = [(c.metric, c.unit, c.factor) for c in found if isinstance(c, Column)]
    assert known == [
        ("memory-capacity", "GB", Decimal("1e-9")),
        ("dram-bandwidth", "GB-per-s", 1),
        ("peak-fp16-matrix", "TOPS", Decimal("1e-12")),
        ("peak-fp16", "TOPS", 1),
        ("launch-date", None, 1),
    ]
    assert [c for c in found if isinstance(c, str)] == ["column 'TDP (horsepower)': unknown unit"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("989.43", "989.4", True),
        ("1000", "989.5", False),
        ("3350", "3.35e3", True),
        ("1979", "1978.5", False),
        ("18000", "1800", False),
    ],
)
def test_figures_that_are_roundings_of_each_other(one: str, other: str, same: bool) -> None:
    assert same_figure(Decimal(one), Decimal(other)) is same


def test_a_figure_that_differs_is_a_rival_and_one_that_agrees_a_reference(
    take: Import, intake: Intake
) -> None:
    before = ask(intake, BANDWIDTH)
    result = take("epoch", TABLE)
    assert result.source == "epoch-2026-11-02"
    rival = ("id:nvidia-h100-sxm#dram-bandwidth.2", "3360", "src:epoch-2026-11-02")
    assert ask(intake, BANDWIDTH) == [*before, rival]
    tdp = "?m ct:of id:nvidia-h100-sxm ; ct:metric con:tdp ; rdfs:seeAlso ?also"
    assert ask(intake, f"SELECT ?m ?also {{ {tdp} }}") == [
        ("id:nvidia-h100-sxm#tdp", "src:epoch-2026-11-02")
    ]
    (difference,) = [d for d in result.differences if d.what == "dram-bandwidth"]
    assert (difference.imported, difference.recorded) == ("3,360", "3,350")
    assert difference.percent == Decimal("0.3")


def test_the_total_performance_is_compared_and_not_taken_over(take: Import, intake: Intake) -> None:
    result = take("epoch", TABLE)
    (difference,) = [d for d in result.differences if d.what == "tpp"]
    assert (difference.subject, difference.percent) == ("nvidia-gb300", Decimal("10.0"))
    assert ask(intake, "SELECT ?m { GRAPH g:import-epoch { ?m ct:metric con:tpp } }") == []


def test_a_model_leaves_its_figures_to_its_configurations(take: Import, intake: Intake) -> None:
    result = take("epoch", TABLE)
    assert ask(intake, "SELECT ?m { ?m ct:of id:nvidia-a100 }") == []
    assert any("nvidia-a100 is a model" in note.message for note in result.notes)


def test_unknown_chips_are_reported_and_added_on_request(take: Import, intake: Intake) -> None:
    result = take("epoch", TABLE)
    assert result.unmatched == ["Example Hopper X1", "Example of Nobody"]
    assert ask(intake, "SELECT ?c { ?c rdfs:label 'Example Hopper X1'@en }") == []
    result = take("epoch", TABLE, add_unknown=True)
    assert result.counts["chips added"] == 1
    figures = "?m ct:of id:example-hopper-x1 ; ct:metric ?metric ; ct:value ?value"
    assert ask(intake, f"SELECT ?metric ?value {{ {figures} }}") == [
        ("con:die-area", "600"),
        ("con:launch-date", "2026-05-01"),
        ("con:peak-fp16-matrix", "500"),
        ("con:peak-int8", "1000"),
        ("con:process-node", "4"),
        ("con:tdp", "450"),
    ]
    assert any("Nobody at All" in note.message for note in result.notes)
    assert not take("epoch", TABLE, add_unknown=True).changes


def test_a_cell_that_is_no_number_is_named_and_the_rest_goes_in(
    take: Import, intake: Intake, tmp_path: Path
) -> None:
    path = tmp_path / TABLE.name
    text = TABLE.read_text(encoding="utf-8")
    path.write_text(text.replace("3360000000000.0", "fast").replace("450.0", "-450.0"))
    with pytest.raises(InvalidData):
        take("epoch", path, strict=True, add_unknown=True)
    result = take("epoch", path, add_unknown=True)
    assert [(f.line, f.record) for f in result.findings] == [
        (2, "NVIDIA H100 SXM5 80GB"),
        (6, "Example Hopper X1"),
    ]
    assert "'Memory bandwidth (byte/s)'" in result.findings[0].message
    assert len(ask(intake, BANDWIDTH)) == 1


def test_a_table_of_something_else(intake: Intake, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InvalidData, match="hardware name"):
        import_file("epoch", path, intake, Options())


def test_a_coarse_name_counts_only_where_it_is_unambiguous(intake: Intake) -> None:
    names = ChipNames(view_of(intake))
    found = names.match(["NVIDIA A10 PCIe", "NVIDIA V100S 32GB", "NVIDIA A100 SXM4", "Gaudi3"])
    assert {name: match.target for name, match in found.items()} == {
        "NVIDIA A10 PCIe": "nvidia-a10",
        "NVIDIA V100S 32GB": "nvidia-v100s-pcie",
        "Gaudi3": "intel-gaudi3",
    }


def test_the_real_table(take: Import) -> None:
    path = shared("epoch_ml_hardware_2026-04.csv")
    result = take("epoch", path)
    assert (result.source, result.findings) == ("epoch-2026-04", [])
    assert result.counts["chips matched"] > 80
    differing = {d.subject: d.percent for d in result.differences if d.what == "tpp"}
    assert differing == {
        "nvidia-gb300": Decimal("1.9"),
        "amd-mi355x": Decimal("-7.0"),
        "intel-max-1550": Decimal("-87.4"),
        "google-tpu-v2": Decimal("-2.2"),
    }
    assert not take("epoch", path).changes
