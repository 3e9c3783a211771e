"""Citations over real HTTP: the original sources first, Chiptrail with its version last."""

from __future__ import annotations

import re

import httpx
import pytest

COLLECTIONS = ("chips", "firms", "policies", "claims", "sources", "contradictions")


def test_a_claim_is_cited_after_the_article_and_the_report_behind_it(client: httpx.Client) -> None:
    response = client.get("/api/claims/c0-17.txt")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    article, report, evidence, chiptrail = response.text.splitlines()
    assert "China's AI Chip Repair Boom" in article
    assert "2025-07-24 to 2025-08-31, inferred" in article
    assert "https://robot.writer.dog/?p=31873" in article
    assert report.startswith("Bloomberg (2025-07-08)")
    assert "39 planned data centres" in evidence
    version = client.get("/api/stats").json()["version"]
    assert chiptrail.startswith("Chiptrail (")
    assert version[:16] in chiptrail
    assert chiptrail.endswith("https://w3id.org/chiptrail/claim/c0-17.")


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_every_record_can_be_cited_in_every_form(client: httpx.Client, collection: str) -> None:
    for item in client.get(f"/api/{collection}?limit=5").json()["items"]:
        path = f"/api/{collection}/{item['id']}"
        text, bib, csl = (client.get(f"{path}.{form}") for form in ("txt", "bib", "csl.json"))
        assert text.status_code == bib.status_code == csl.status_code == 200
        works = csl.json()
        assert len(works) == len(text.text.splitlines()) == bib.text.count("@misc{")
        assert works[-1]["URL"] == item["iri"]
        assert works[-1]["type"] == "dataset"
        assert [work["id"] for work in works] == re.findall(r"@misc\{([^,]+),", bib.text)


def test_csl_says_which_dates_are_inferred(client: httpx.Client) -> None:
    response = client.get("/api/claims/c0-17.csl.json")
    assert response.headers["content-type"] == "application/vnd.citationstyles.csl+json"
    article, report, *_ = response.json()
    assert article["issued"] == {"date-parts": [[2025, 7, 24], [2025, 8, 31]], "circa": True}
    assert report["issued"] == {"date-parts": [[2025, 7, 8]]}
    assert article["author"] == [{"literal": article["publisher"]}]


def test_bibtex_balances_its_braces(client: httpx.Client) -> None:
    response = client.get("/api/firms/huawei.bib")
    assert response.headers["content-type"].startswith("application/x-bibtex")
    depth = 0
    for character in re.sub(r"\\[{}]", "", response.text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0


def test_a_source_is_cited_itself(client: httpx.Client) -> None:
    works = client.get("/api/sources/csl-2026-07-31.csl.json").json()
    assert [work["id"] for work in works] == ["csl-2026-07-31", "chiptrail-csl-2026-07-31"]


def test_head_and_304(client: httpx.Client) -> None:
    head = client.head("/api/claims/c0-17.bib")
    assert head.status_code == 200
    again = client.get("/api/claims/c0-17.bib", headers={"If-None-Match": head.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("path", "status", "hint"),
    [
        ("/api/claims/c0-170.bib", 404, "c0-17"),
        ("/api/chimps/nvidia-h20.txt", 404, "chips"),
        ("/api/claims/c0-17.txt?style=apa", 400, "no parameters"),
    ],
)
def test_mistakes_are_answered_with_what_there_is(
    client: httpx.Client, path: str, status: int, hint: str
) -> None:
    response = client.get(path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert hint in response.text
