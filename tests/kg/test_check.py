"""Bad input names file, line or record, and reason; nothing is written; the exit status is 1.

Each broken file is a good one with one thing changed, so that the change is what is found.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from api.cli import main
from kg.check import check_files, check_source
from kg.errors import InvalidData, InvalidInput
from kg.intake import read_base
from kg.namespaces import Namespaces

NAMES = Namespaces()

TEXT = "A made-up article. Café firms bought 12 chips, somebody said."
PASSAGE = (19, 45)


def digest(start: int, end: int) -> str:
    return hashlib.sha256(TEXT[start:end].encode()).hexdigest()[:16]


GOOD = f"""\
source: made-up
recorded: 2026-11-21T00:00:00Z
articles:
- id: made-up
  graph: claims-made-up
  title: A made-up article
  publisher: aicnbc
  url: https://example.org/made-up
  file: made-up.txt
  sha256: {hashlib.sha256(TEXT.encode()).hexdigest()}
  length: {len(TEXT)}
  published: {{earliest: 2025-09-01, latest: 2025-09-02, basis: inferred, reason: made up}}
  reliability: E
  reliability_reason: Made up.
claims:
- id: z0-1
  paraphrase: Chinese companies bought twelve chips.
  subject: chinese-companies
  property: stockpiledQuantity
  quantity: {{low: 12, high: 12, bound: exact, unit: chip}}
  hedge: reported
  via: [anonymous-reports, aicnbc]
  span: {PASSAGE[0]}-{PASSAGE[1]}
  sha256: '{digest(*PASSAGE)}'
  valid: {{from: 2025-01-01, to: 2025-06-30}}
assessments:
- claim: z0-1
  verdict: disputed
  evidence: [E01]
  reason: Made up.
"""


def write(tmp_path: Path, text: str, name: str = "made-up.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def findings(path: Path) -> list[str]:
    with pytest.raises(InvalidData) as caught:
        check_files([path], NAMES)
    return [str(finding) for finding in caught.value.findings]


def test_the_good_file_is_good(tmp_path: Path) -> None:
    check_files([write(tmp_path, GOOD)], NAMES)


BROKEN = {
    "two values": ("  hedge: reported\n", "  concept: black-market\n  hedge: reported\n", 16, "z0-1"),
    "no value": (
        "  quantity: {low: 12, high: 12, bound: exact, unit: chip}\n", "", 16, "z0-1",
    ),
    "modality in the property": ("property: stockpiled", "property: mayStockpiled", 16, "z0-1"),
    "unknown property": ("property: stockpiledQuantity", "property: hoardedQuantity", 16, "z0-1"),
    "reported without originator": ("via: [anonymous-reports, aicnbc]", "via: [aicnbc]", 16, "z0-1"),
    "no span": (f"  span: {PASSAGE[0]}-{PASSAGE[1]}\n", "", 16, "z0-1"),
    "span outside the document": (f"-{PASSAGE[1]}\n", "-900\n", 16, "z0-1"),
    "span backwards": (f"{PASSAGE[0]}-{PASSAGE[1]}", f"{PASSAGE[1]}-{PASSAGE[0]}", 16, "z0-1"),
    "valid dates reversed": ("from: 2025-01-01", "from: 2026-01-01", 16, "z0-1"),
    "stated dates reversed": ("earliest: 2025-09-01", "earliest: 2025-10-01", 4, "made-up"),
    "bounds reversed": ("low: 12,", "low: 13,", 16, "z0-1"),
    "bound without its side": ("bound: exact", "bound: at_least", 16, "z0-1"),
    "unknown entity": ("subject: chinese-companies", "subject: chinese-firms", 16, "z0-1"),
    "unknown agent": ("via: [anonymous-reports,", "via: [nobody-known,", 16, "z0-1"),
    "unknown concept": ("verdict: disputed", "verdict: doubtful", 27, "z0-1"),
    "unknown hedge": ("hedge: reported", "hedge: whispered", 16, "z0-1"),
    "unknown unit": ("unit: chip}", "unit: furlong}", 16, "z0-1"),
    "assessment without evidence": ("  evidence: [E01]\n", "", 27, "z0-1"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_each_error_is_found_at_its_record(tmp_path: Path, name: str) -> None:
    old, new, line, record = BROKEN[name]
    assert GOOD.count(old) == 1
    path = write(tmp_path, GOOD.replace(old, new))
    said = findings(path)
    assert any(s.startswith(f"{path}:{line}: {record}: ") for s in said), said
    assert all(s.startswith(str(path)) for s in said), said


def test_a_rule_without_source_scope_or_effect_is_found(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """\
        @prefix ct: <https://w3id.org/chiptrail/ont#> .
        @prefix con: <https://w3id.org/chiptrail/con/> .
        @prefix id: <https://w3id.org/chiptrail/id/> .
        @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
        @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
        <https://w3id.org/chiptrail/rule/bare> a ct:Rule ; rdfs:label "A bare rule"@en ;
            ct:jurisdiction id:united-states ; ct:activity con:export ;
            ct:effectiveFrom "2025-01-01"^^xsd:date .
        """,
        "rule.ttl",
    )
    said = "\n".join(findings(path))
    assert said.count(f"{path}: rule:bare: ") >= 3
    for word in ("source", "scope", "effect"):
        assert word in said.lower(), said


def test_malformed_turtle_is_named_with_its_line(tmp_path: Path) -> None:
    path = write(
        tmp_path, "@prefix ct: <https://w3id.org/chiptrail/ont#> .\nct:a ct:b ;; .\n", "a.ttl"
    )
    (said,) = findings(path)
    assert said.startswith(f"{path}:2: ")


def test_a_file_of_no_known_kind_is_wrong_use(tmp_path: Path) -> None:
    path = write(tmp_path, "x", "claims.docx")
    assert main(["check", str(path)]) == 2
    assert main(["check", str(tmp_path / "nothing.yaml")]) == 2


def test_a_wrong_hash_is_found_against_the_text(tmp_path: Path) -> None:
    source = write(tmp_path, TEXT, "made-up.txt")
    good = check_files([write(tmp_path, GOOD)], NAMES)
    assert check_source(good, source) == 1
    bad = write(tmp_path, GOOD.replace(digest(*PASSAGE), "0" * 16), "bad.yaml")
    with pytest.raises(InvalidData) as caught:
        check_source(check_files([bad], NAMES), source)
    (finding,) = caught.value.findings
    assert (finding.where, finding.line, finding.record) == (str(bad), 16, "z0-1")
    assert "recorded is 0000000000000000" in finding.message


def test_another_edition_of_the_text_is_said_to_be_one(tmp_path: Path) -> None:
    source = write(tmp_path, TEXT.replace("12", "15"), "made-up.txt")
    intake = check_files([write(tmp_path, GOOD)], NAMES)
    with pytest.raises(InvalidData) as caught:
        check_source(intake, source)
    assert [f.rule for f in caught.value.findings] == ["sha256", "hash"]


def test_a_text_of_no_article_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no article has this name or this content"):
        check_source(read_base(NAMES), write(tmp_path, "other", "other.txt"))


def test_exit_status_and_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = (
        write(tmp_path, GOOD),
        write(tmp_path, GOOD.replace("low: 12", "low: 13"), "bad.yaml"),
    )
    assert main(["check", str(good)]) == 0
    assert main(["check", str(bad)]) == 1
    captured = capsys.readouterr()
    assert captured.out == "no findings\n"
    assert f"{bad}:16: z0-1: " in captured.err


ARTICLES = Path(__file__).parents[3] / "shared" / "seeds"


@pytest.mark.skipif(not ARTICLES.is_dir(), reason="the articles' texts are not on this machine")
def test_the_articles_spans_and_hashes_hold() -> None:
    intake = read_base(NAMES)
    verified = [check_source(intake, path) for path in sorted(ARTICLES.glob("*.txt"))]
    assert verified == [33, 36, 74, 23, 39]
