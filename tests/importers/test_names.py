"""Names of firms and chips, and pages of the Federal Register."""

from __future__ import annotations

import datetime

import pytest

from kg.importers.citations import (
    LONGEST,
    Citation,
    CitedInstrument,
    InstrumentIndex,
    citations,
)
from kg.importers.names import NameIndex, normalise, spellings


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Cambricon Technologies Corporation Limited", "CAMBRICON TECHNOLOGIES CORP., LTD."),
        ("Xi’an Huawei Technologies Co., Ltd.", "Xi'an Huawei Technologies"),
        ("Huawei Technologies (Bolivia) S.R.L.", "Huawei Technologies (Bolivia) SRL"),
        ("Smith & Sons", "Smith and Sons"),
        ("中科寒武纪科技股份有限公司", "中科寒武纪科技"),
        ("Société Générale", "SOCIETE GENERALE"),
    ],
)
def test_one_name_in_two_spellings(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("MetaX", "Jimuxi Metax Trading"),
        ("Inspur", "Inspur Group Co., Ltd."),
        ("Inspur", "Inspur (Beijing)"),
        ("The Co.", "Ltd."),
    ],
)
def test_two_names(one: str, other: str) -> None:
    assert not {form for form, _ in spellings(one)} & {form for form, _ in spellings(other)}


def test_a_short_form_in_brackets_is_a_further_name() -> None:
    name = "Semiconductor Manufacturing International Corporation (SMIC)"
    assert ("smic", True) in spellings(name)
    assert ("semiconductor manufacturing international", False) in spellings(name)


@pytest.fixture
def index() -> NameIndex:
    index = NameIndex({"hong-kong": "china"})
    index.add("metax", "china", ["MetaX"], other=False)
    index.add("metax", "china", ["Muxi Integrated Circuit"], other=True)
    return index


@pytest.mark.parametrize(
    ("name", "aliases", "countries", "score"),
    [
        ("Metax Co., Ltd.", [], ["china"], 1.0),
        ("Muxi Integrated Circuit Co., Ltd.", [], ["china"], 0.95),
        ("Something Else", ["muxi integrated circuit"], ["china"], 0.9),
        ("MetaX", [], ["hong-kong"], 0.95),
        ("MetaX", [], [], 0.9),
        ("MetaX", [], ["germany"], 0.5),
        ("Nanjing MetaX Trading", [], ["china"], 0.6),
    ],
)
def test_scores(
    index: NameIndex, name: str, aliases: list[str], countries: list[str], score: float
) -> None:
    (match,) = index.best(name, aliases, countries)
    assert (match.target, match.score) == ("metax", score)
    assert match.reason


def test_a_part_of_a_word_is_no_match(index: NameIndex) -> None:
    assert index.best("Jimuxi Integrated Circuit", ["Metaxa"], ["china"]) == []


def test_citations_in_the_spellings_of_the_list() -> None:
    text = "84  FR 21233; 80FR 69852 (11/12/15), 9/7/2016; 81 FR 64696 and 84 fr 40241; 88 FR 71992"
    assert list(map(str, citations(text))) == [
        "84 FR 21233",
        "80 FR 69852",
        "81 FR 64696",
        "84 FR 40241",
        "88 FR 71992",
    ]
    assert citations("76 FR No. 197 (10/12/2011)") == []
    assert citations(None) == []


def test_a_page_belongs_to_the_rule_in_whose_range_it_lies() -> None:
    day = datetime.date(2025, 1, 16)
    rules = [
        CitedInstrument(Citation(90, 4617), None, "zhipu", day),
        CitedInstrument(Citation(90, 4621), None, "sophgo", day),
        CitedInstrument(Citation(90, 14046), 14048, "inspur", day),
    ]
    index = InstrumentIndex(rules)

    def of(page: int, volume: int = 90) -> str | None:
        found = index.of(Citation(volume, page))
        return found.slug if found else None

    assert [of(4616), of(4617), of(4620), of(4621)] == [None, "zhipu", "zhipu", "sophgo"]
    assert [of(4621 + LONGEST - 1), of(4621 + LONGEST)] == ["sophgo", None]
    assert [of(14048), of(14049), of(4617, volume=91)] == ["inspur", None, None]
