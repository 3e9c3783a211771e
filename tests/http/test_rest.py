"""The REST layer over real HTTP: one list shape, one error shape, both clocks."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from pyoxigraph import RdfFormat, parse

COLLECTIONS = {
    "chips": 132,
    "claims": 223,
    "sources": 115,
    "contradictions": 27,
    "timeline": 424,
}


def get(client: httpx.Client, path: str, **headers: str) -> Any:
    response = client.get(path, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize(
    "collection",
    ["chips", "firms", "policies", "claims", "sources", "contradictions", "timeline"],
)
def test_every_collection_lists_items_with_the_same_head(
    client: httpx.Client, collection: str
) -> None:
    body = get(client, f"/api/{collection}?limit=500")
    assert set(body) == {"items", "next", "count", "count_truncated"}
    assert body["count"] == len(body["items"]) == COLLECTIONS.get(collection, body["count"])
    for item in body["items"]:
        assert {"id", "iri", "type", "label"} <= set(item)
        assert get(client, f"/api/{collection}/{item['id']}") == item


def test_pages_cover_the_list_without_gap_or_repetition(client: httpx.Client) -> None:
    seen: list[str] = []
    path = "/api/claims?limit=50&sort=-stated"
    while path:
        body = get(client, path)
        seen += [item["id"] for item in body["items"]]
        path = body["next"]
    assert len(seen) == len(set(seen)) == COLLECTIONS["claims"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("claims?speaker=bloomberg", ["c0-17", "c0-18", "c0-19"]),
        ("claims?verdict=refuted", ["c0-17", "c0-18", "c1-21", "c4-26", "c4-29"]),
        ("claims?about=nvidia-h20&source=ai-forbidden-tools", ["c1-25", "c1-26", "c1-27"]),
        ("claims?property=legalCharacter&hedge=asserted", ["c0-02", "c1-08", "c1-37"]),
        (
            "claims?source=nvidia-h200-ramp&polarity=affirmed&property=interestedInBuying",
            ["c3-07", "c3-08"],
        ),
        ("claims?property=dutyCycle,repairThroughput", ["c0-20", "c1-16", "c1-28"]),
        ("claims?property=dutyCycle&property=repairThroughput", ["c0-20", "c1-16", "c1-28"]),
        ("contradictions?about=shenzhen-gpu-repair-industry", ["L03", "L17"]),
        (
            "contradictions?within_one_document=true",
            [
                *("L08", "L09", "L10", "L11", "L15", "L17", "L18", "L47", "L48"),
                "hedge-c2-05-c2-34-c2-75",
                *(f"straddle-aws-{chip}-tpp" for chip in ("inferentia2", "trainium1", "trainium3")),
            ],
        ),
        ("contradictions?kind=opposite-polarity", ["L04"]),
        ("contradictions?kind=rival-values", ["L03"]),
        ("contradictions?kind=hedge-conflict", ["hedge-c2-05-c2-34-c2-75"]),
        ("contradictions?kind=disjoint-values", ["values-c4-26-x-01"]),
        (
            "contradictions?kind=straddles-threshold",
            [
                "straddle-amd-mi350x-io-bandwidth",
                "straddle-aws-inferentia2-tpp",
                "straddle-aws-trainium1-tpp",
                "straddle-aws-trainium3-tpp",
                "straddle-cambricon-mlu590-tpp",
                "straddle-hygon-dcu-k100-dram-bandwidth",
                "straddle-nvidia-rtx-pro-6000d-dram-bandwidth",
            ],
        ),
        ("contradictions?claim=c2-05", ["L10", "hedge-c2-05-c2-34-c2-75"]),
        (
            "contradictions?settled=true",
            ["L08", "L09", "L15", "L16", "L17", "L18", "values-c4-26-x-01"],
        ),
        (
            "sources?type=SourceDocument&reliability=admiralty-d",
            ["nvidia-h200-ramp", "why-beijing-is-blocking-nvidia"],
        ),
        ("chips?maker=biren-technology", ["biren-br100", "biren-br104"]),
        (
            "chips?tpp_min=15000&tpp_max=16000&maker=nvidia&us_availability_2026_01_15=true",
            ["nvidia-h100-sxm", "nvidia-h200-sxm"],
        ),
        ("chips?market=china", ["nvidia-h20"]),
        (
            "chips?requirement_cn=licence-required&maker=amd&release_min=2025-01-01",
            ["amd-mi350x", "amd-mi355x"],
        ),
        (
            "chips?release_min=2025-06-01&maker=amd,google",
            ["amd-mi350x", "amd-mi355x", "google-tpu-v7"],
        ),
        ("claims?originator=bloomberg", ["c0-17", "c0-18", "c0-19"]),
        ("claims?unit=chip&quantity_min=100000", ["c0-17", "x-03"]),
        ("claims?document=china-ai-chip-repair-boom&verdict=refuted", ["c0-17", "c0-18"]),
        ("claims?upstream=bloomberg-2025-07-08&checked=true", ["c0-17", "c0-18", "c0-19"]),
        (
            "contradictions?hedge=opinion&origins_max=1",
            ["L10", "L47", "L48", "hedge-c2-05-c2-34-c2-75"],
        ),
        (
            "policies?destination=china&requirement=licence-required&maker=nvidia",
            [
                *("us-letter-2022-08", "us-letter-2023-10"),
                *("us-letter-2025-04", "us-letter-2025-04-bandwidth"),
            ],
        ),
        (
            "firms?list=entity-list&listed_from_min=2025-01-01",
            ["fudan-micro", "inspur-electronic", "nettrix", "sophgo", "zhipu"],
        ),
        (
            "firms?type=GovernmentBody&country=china&role=internet-regulator,antitrust-authority",
            ["cac", "samr"],
        ),
    ],
)
def test_filters(client: httpx.Client, query: str, expected: list[str]) -> None:
    assert [item["id"] for item in get(client, f"/api/{query}")["items"]] == expected


def test_a_claim_carries_its_whole_provenance(client: httpx.Client) -> None:
    claim = get(client, "/api/claims/c0-17")
    assert claim["hedge"]["id"] == "reported"
    assert [(s["step"], s["agent"]["id"], s["roles"]) for s in claim["attribution"]] == [
        (1, "bloomberg", ["originator"]),
        (2, "robot-writer-dog", ["publisher"]),
    ]
    assert (claim["span"]["start"], claim["span"]["end"]) == (1632, 1731)
    assert claim["span"]["sha256_16"] == "0f92bf742a099614"
    assert claim["source"]["reliability"] == "F"
    assert claim["upstream"]["id"] == "bloomberg-2025-07-08"
    assert claim["quantity"] == {
        "high": 115000,
        "bound": "at_most",
        "unit": {"id": "chip", "iri": "https://w3id.org/chiptrail/unit/chip", "label": "chip"},
    }
    (verdict,) = claim["verdicts"]
    assert verdict["verdict"]["id"] == "refuted"
    assert verdict["corrected_by"]["id"] == "x-03"
    assert verdict["evidence"][0]["url"].startswith("https://www.iheart.com/")
    assert claim["rank"]["id"] == "deprecated"
    assert "current" not in claim


def test_a_chip_keeps_rival_figures_and_says_what_was_computed_from_what(
    client: httpx.Client,
) -> None:
    chip = get(client, "/api/chips/nvidia-rtx-pro-6000d")
    bandwidths = [f["value"] for f in chip["figures"] if f["metric"]["id"] == "dram-bandwidth"]
    assert sorted(bandwidths) == [1100, 1398, 1570]
    (tpp,) = [
        f for f in get(client, "/api/chips/nvidia-h20")["figures"] if f["metric"]["id"] == "tpp"
    ]
    assert (tpp["value"], tpp["status"]) == (2368, "derived")
    assert tpp["computed_from"] == ["https://w3id.org/chiptrail/id/nvidia-h20#peak-fp16-matrix"]
    assert tpp["sources"]


def test_contradictions_count_independent_origins(client: httpx.Client) -> None:
    contradiction = get(client, "/api/contradictions/L04")
    assert [claim["id"] for claim in contradiction["claims"]] == ["c0-14", "c1-24"]
    assert contradiction["strict"] is True
    assert len(contradiction["independent_origins"]) == 2
    denied, affirmed = sorted(contradiction["sides"], key=lambda side: side["claims"], reverse=True)
    assert affirmed["says"].removeprefix("not: ") == denied["says"].removeprefix("not: ")
    assert (affirmed["claims"], denied["claims"]) == (["c0-14"], ["c1-24"])


def test_a_contradiction_that_a_query_finds_says_how_it_is_settled(client: httpx.Client) -> None:
    release = get(client, "/api/contradictions/values-c4-26-x-01")
    assert (release["kind"], release["strict"]) == ("disjoint-values", True)
    settled = release["settled_by"]
    assert settled["settled"] is True
    (verdict,) = settled["verdicts"]
    assert (verdict["claim"], verdict["corrected_by"]["id"]) == ("c4-26", "x-01")
    assert settled["text"].startswith("c4-26 is refuted (E12), corrected by x-01")
    assert get(client, "/api/contradictions/L04")["settled_by"]["settled"] is False


def test_a_hedge_conflict_names_the_curated_link_inside_it(client: httpx.Client) -> None:
    conflict = get(client, "/api/contradictions/hedge-c2-05-c2-34-c2-75")
    hedges = {claim["id"]: claim["hedge"]["id"] for claim in conflict["claims"]}
    assert hedges == {"c2-05": "opinion", "c2-34": "opinion", "c2-75": "asserted"}
    assert (conflict["strict"], conflict["curated_links"]) == (False, ["L10"])
    (origin,) = conflict["independent_origins"]
    assert origin["claims"] == ["c2-05", "c2-34", "c2-75"]


def test_retellings_of_one_report_are_one_origin(client: httpx.Client) -> None:
    ramp = get(client, "/api/contradictions/L14")
    origins = {origin["id"]: origin["claims"] for origin in ramp["independent_origins"]}
    assert origins == {"ai-forbidden-tools": ["c1-26"], "reuters-2025-12-12": ["c3-07", "c3-08"]}
    sides = {tuple(side["claims"]): side["independent_origins"] for side in ramp["sides"]}
    assert sorted(claim for claims in sides for claim in claims) == ["c1-26", "c3-07", "c3-08"]
    assert {origin for found in sides.values() for origin in found} == set(origins)


def test_figures_on_both_sides_of_a_threshold(client: httpx.Client) -> None:
    slug = "straddle-nvidia-rtx-pro-6000d-dram-bandwidth"
    straddle = get(client, f"/api/contradictions/{slug}")
    (threshold,) = straddle["thresholds"]
    assert threshold["condition"] == ">= 1400"
    meets = {figure["value"]: figure["meets"] for figure in straddle["measurements"]}
    assert meets == {1100: [], 1398: [], 1570: [">= 1400"]}
    assert all(figure.get("sources") or figure["note"] for figure in straddle["measurements"])


def test_aliases_are_accepted(client: httpx.Client) -> None:
    assert get(client, "/api/firms/biren")["id"] == "biren-technology"


def test_valid_at_and_known_at(client: httpx.Client) -> None:
    def ids(query: str) -> set[str]:
        return {item["id"] for item in get(client, f"/api/claims?limit=500&{query}")["items"]}

    assert "c0-17" in ids("valid_at=2022-01-01")
    assert "c0-17" not in ids("valid_at=2023-01-01")
    before = client.get("/api/claims?known_at=2026-11-20")
    assert (before.status_code, "begins" in before.json()["detail"]) == (404, True)
    assert len(ids("known_at=2026-11-21")) == COLLECTIONS["claims"]
    assert len(ids("known_at=2026-11-21T00:00:00Z")) == COLLECTIONS["claims"]


@pytest.mark.parametrize("sort", ["tpp", "-tpp", "maker", "-launch_date", "-id", "market"])
def test_what_lacks_the_field_comes_last_and_nothing_is_lost(
    client: httpx.Client, sort: str
) -> None:
    seen: list[dict[str, Any]] = []
    path = f"/api/chips?sort={sort}&limit=11&fields=figures,maker,markets"
    while path:
        body = get(client, path)
        seen += body["items"]
        path = body["next"]
    names = [item["id"] for item in seen]
    assert len(names) == len(set(names)) == COLLECTIONS["chips"]
    if sort.endswith("tpp"):
        least = [_least(item, "tpp") for item in seen]
        known = [value for value in least if value is not None]
        assert least == known + [None] * (len(least) - len(known))
        assert known == sorted(known, reverse=sort.startswith("-"))


def _least(chip: dict[str, Any], metric: str) -> float | None:
    values = [f["value"] for f in chip.get("figures", []) if f["metric"]["id"] == metric]
    return min((v for v in values if isinstance(v, int | float)), default=None)


def test_timeline_in_the_order_of_time(client: httpx.Client) -> None:
    dates: list[str] = []
    path = "/api/timeline?from=2022-08-01&to=2022-10-31&limit=7"
    while path:
        body = get(client, path)
        dates += [item["date"] for item in body["items"]]
        path = body["next"]
    assert dates == sorted(dates)
    assert len(dates) == body["count"] > 7
    assert "2022-08-01" <= dates[0] <= dates[-1] <= "2022-10-31"


def test_events_name_their_record_their_sources_and_how_firm_they_are(
    client: httpx.Client,
) -> None:
    items = get(client, "/api/timeline?about=biren-br100&type=release")["items"]
    assert [(item["date"], item["record"]["id"]) for item in items] == [
        ("2022-08-09", "x-01"),
        ("2023-09-01", "c4-26"),
    ]
    refuted = items[1]
    assert (refuted["end"], refuted["precision"]) == ("2023-12-31", "approx")
    assert refuted["rank"]["id"] == "deprecated"
    assert refuted["sources"][0]["id"] == "h20-restrictions-local-chips"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("type=not-enforced", ["not-enforced-us-diffusion-2025-01-13"]),
        ("about=baai&type=listed", ["listed-baai-listing1"]),
        ("about=us-review-2026-01&type=rule-effective", ["rule-effective-us-review-2026-01"]),
        ("type=evidence&from=2025-12-01&to=2025-12-01", ["evidence-E27"]),
    ],
)
def test_events_by_what_they_are_about(
    client: httpx.Client, query: str, expected: list[str]
) -> None:
    assert [item["id"] for item in get(client, f"/api/timeline?{query}")["items"]] == expected


def test_every_event_has_a_source(client: httpx.Client) -> None:
    body = get(client, "/api/timeline?limit=500")
    assert len(body["items"]) == body["count"]
    assert all(item["sources"] for item in body["items"])


def test_facets_count_the_whole_list(client: httpx.Client) -> None:
    body = get(client, "/api/chips?maker=nvidia,biren-technology&limit=1&facets=maker,country")
    assert set(body["facets"]) == {"maker", "country"}
    makers = body["facets"]["maker"]
    assert makers[0]["label"] == "Nvidia"
    assert makers[1] == {"value": "biren-technology", "label": "Biren Technology", "count": 2}
    assert sum(maker["count"] for maker in makers) == body["count"]
    for maker in makers:
        assert get(client, f"/api/chips?maker={maker['value']}")["count"] == maker["count"]


def test_days_can_be_bounded_like_numbers(client: httpx.Client) -> None:
    everything = get(client, "/api/claims?limit=500")["items"]
    late = {i["id"] for i in everything if i.get("stated", {}).get("latest", "") >= "2025-09-01"}
    body = get(client, "/api/claims?stated_min=2025-09-01&limit=500")
    assert {item["id"] for item in body["items"]} == late != set()


def test_sparse_fields(client: httpx.Client) -> None:
    items = get(client, "/api/claims?limit=2&fields=hedge,paraphrase")["items"]
    assert [set(item) for item in items] == [{"id", "hedge", "paraphrase"}] * 2


@pytest.mark.parametrize("suffix_or_header", ["suffix", "header"])
def test_csv(client: httpx.Client, suffix_or_header: str) -> None:
    if suffix_or_header == "suffix":
        response = client.get("/api/claims.csv?speaker=bloomberg")
    else:
        response = client.get("/api/claims?speaker=bloomberg", headers={"Accept": "text/csv"})
    assert response.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert [row["id"] for row in rows] == ["c0-17", "c0-18", "c0-19"]
    assert rows[0]["quantity.high"] == "115000"
    assert rows[0]["source"] == "china-ai-chip-repair-boom"


def test_a_record_in_rdf_is_what_lists_and_search_have_of_it(client: httpx.Client) -> None:
    listed = client.get("/api/claims.jsonld?limit=30").json()["@graph"]
    for item in listed[:30]:
        record = client.get(f"/api/claims/{item['id'].removeprefix('c:')}.jsonld")
        assert record.headers["content-type"].startswith("application/ld+json")
        beside = ("@context", "@included")
        assert {k: v for k, v in record.json().items() if k not in beside} == item
    turtle = client.get("/api/claims/c0-17.ttl")
    assert '</api/claims/c0-17.jsonld>; rel="alternate"' in turtle.headers["link"]
    assert client.get("/api/claims.ttl?speaker=bloomberg&limit=1").content == turtle.content
    assert client.get("/api/search.ttl?q=c0-17&limit=1").content == turtle.content


def test_the_document_of_a_thing_says_what_its_record_says_and_more(client: httpx.Client) -> None:
    for record, thing in (
        ("/api/claims/c0-17", "/claim/c0-17"),
        ("/api/chips/nvidia-h20", "/id/nvidia-h20"),
    ):
        said, all_said = (
            set(parse(client.get(f"{path}.ttl").content, RdfFormat.TURTLE))
            for path in (record, thing)
        )
        assert said <= all_said


def test_lists_in_rdf_come_in_the_order_that_is_asked_for(client: httpx.Client) -> None:
    items = [item["id"] for item in get(client, "/api/chips?limit=500&sort=-tpp")["items"]]
    text = client.get("/api/chips.ttl?limit=500&sort=-tpp").text
    blocks = re.findall(r"^id:(\S+) a ", text, re.MULTILINE)
    assert blocks[: len(items)] == items
    document = client.get("/api/chips.jsonld?limit=500&sort=-tpp").json()
    assert [chip["id"] for chip in document["@graph"][: len(items)]] == [
        f"entity:{i}" for i in items
    ]


def test_what_is_no_node_of_the_graph_is_its_records_in_rdf(client: httpx.Client) -> None:
    event = client.get("/api/timeline/evidence-E27.ttl")
    subjects = {q.subject.value for q in parse(event.content, RdfFormat.TURTLE)}
    assert "https://w3id.org/chiptrail/ev/E27" in subjects
    found = client.get("/api/contradictions/values-c4-26-x-01.ttl")
    subjects = {q.subject.value for q in parse(found.content, RdfFormat.TURTLE)}
    assert {f"https://w3id.org/chiptrail/claim/{c}" for c in ("c4-26", "x-01")} <= subjects


@pytest.mark.parametrize(
    ("path", "rdf_format"),
    [
        ("/api/claims.ttl?speaker=bloomberg", RdfFormat.TURTLE),
        ("/api/claims/c0-17.ttl", RdfFormat.TURTLE),
    ],
)
def test_rdf_twins_say_the_same(client: httpx.Client, path: str, rdf_format: RdfFormat) -> None:
    response = client.get(path)
    assert response.headers["content-type"].startswith(rdf_format.media_type)
    triples = {(q.subject.value, q.predicate.value) for q in parse(response.content, rdf_format)}
    assert (
        "https://w3id.org/chiptrail/claim/c0-17-q",
        "https://w3id.org/chiptrail/ont#high",
    ) in triples


def test_an_answer_is_not_sent_twice(client: httpx.Client) -> None:
    first = client.get("/api/claims/c0-17")
    again = client.get("/api/claims/c0-17", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/api/claims/c0-17.csv").headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/api/chips?colour=green", 400, "cannot be filtered by 'colour'"),
        ("/api/chips?limit=0", 400, "limit must be a whole number from 1 to 500"),
        ("/api/chips?limit=501", 400, "limit must be a whole number from 1 to 500"),
        ("/api/chips?limit=ten", 400, "limit must be a whole number"),
        ("/api/chips?limit=1&limit=2", 400, "given twice"),
        ("/api/chips?cursor=nonsense", 400, "the cursor is not one that this service gave"),
        ("/api/chips?sort=colour", 400, "have no field 'colour'"),
        ("/api/chips?valid_at=yesterday", 400, "must be a day as YYYY-MM-DD"),
        ("/api/chips?known_at=2026-13-01", 400, "must be a day or a time"),
        ("/api/chips?tpp_min=lots", 400, "tpp_min must be a number"),
        ("/api/chips?tpp_min=nan", 400, "tpp_min must be a number"),
        ("/api/chips?tpp_min=1&tpp_min=2", 400, "tpp_min is given twice"),
        ("/api/chips?maker_min=a", 400, "cannot be filtered by 'maker_min'"),
        ("/api/chips?facets=colour", 400, "chips have no field 'colour'; there are: "),
        ("/api/chips.csv?facets=maker", 400, "facets are counted in JSON only"),
        ("/api/timeline?from=May", 400, "date_min must be a day as YYYY-MM-DD"),
        ("/api/chips?known_at=9999-12-31T23:59:59-12:00", 400, "outside of the years"),
        ("/api/chips/nvidia-h2", 404, "nearest: nvidia-h20"),
        ("/api/gadgets", 404, "no collection 'gadgets'; there are: chips, firms"),
        ("/api/chips.docx", 404, "chips have no form 'docx'; there are: chips.json, chips.csv"),
        ("/api/chips/nvidia-h20?limit=1", 400, "no parameter 'limit' here"),
    ],
)
def test_errors_have_one_shape_and_say_what_is_allowed(
    client: httpx.Client, path: str, status: int, said: str
) -> None:
    response = client.get(path)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert {"type", "title", "status", "detail"} <= set(problem)
    assert problem["status"] == status
    assert said in problem["detail"]


@pytest.mark.parametrize(
    "text", ["' OR 1=1 --", '"; DROP TABLE entry; --', "} UNION { ?s ?p ?o", "<script>x</script>"]
)
def test_injections_find_nothing_and_break_nothing(client: httpx.Client, text: str) -> None:
    body = client.get("/api/claims", params={"speaker": text}).json()
    assert (body["items"], body["count"]) == ([], 0)
    assert client.get("/api/claims/" + quote(text, safe="")).status_code == 404
    assert get(client, "/api/claims?speaker=bloomberg")["count"] == 3


def test_a_cursor_belongs_to_its_list(client: httpx.Client) -> None:
    cursor = get(client, "/api/chips?limit=1")["next"].partition("cursor=")[2]
    response = client.get(f"/api/chips?sort=maker&cursor={cursor}")
    assert response.status_code == 400
    assert "belongs to another list" in response.json()["detail"]


def test_stats_say_which_data_this_is(client: httpx.Client) -> None:
    body = get(client, "/api/stats")
    assert len(body["version"]) == 64
    assert body["dataset"]["as_of"] == "2026-11-21"
    assert body["collections"]["claims"] == COLLECTIONS["claims"]
    assert json.dumps(body["graphs"]).count("claims-s00") == 5
