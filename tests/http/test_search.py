"""``/api/search`` over real HTTP: one list shape, one error shape, nothing to inject into."""

from __future__ import annotations

from typing import Any

import httpx
import pytest


def find(client: httpx.Client, **parameters: str | int) -> Any:
    response = client.get("/api/search", params=parameters)
    assert response.status_code == 200, response.text
    return response.json()


def test_hits_have_the_head_of_a_record_and_say_why_they_were_found(client: httpx.Client) -> None:
    body = find(client, q="h-20", limit=3)
    assert set(body) == {"items", "next", "count", "count_truncated", "facets"}
    first = body["items"][0]
    assert first == {
        "id": "nvidia-h20",
        "iri": "https://w3id.org/chiptrail/id/nvidia-h20",
        "type": "Chip",
        "label": "Nvidia H20",
        "kind": "chip",
        "collection": "chips",
        "url": "/api/chips/nvidia-h20",
        "score": 98.0,
        "matched": {"text": "H20", "field": "short", "how": "exact"},
    }
    assert len(body["items"]) == 3 < body["count"]


def test_every_hit_is_a_record_that_can_be_read(client: httpx.Client) -> None:
    seen = set()
    for hit in find(client, q="huawei", limit=500)["items"]:
        document = client.get(hit["url"]).json()
        assert (document["id"], document["iri"]) == (hit["id"], hit["iri"])
        assert (document["type"], document["label"]) == (hit["type"], hit["label"])
        seen.add(hit["collection"])
    assert {"chips", "firms", "policies", "claims", "sources", "entities"} <= seen


def test_facets_count_by_type_and_type_filters(client: httpx.Client) -> None:
    body = find(client, q="nvidia", limit=500)
    counts = {facet["id"]: facet["count"] for facet in body["facets"]["type"]}
    assert sum(counts.values()) == body["count"] == len(body["items"])
    for kind, count in counts.items():
        assert sum(item["type"] == kind for item in body["items"]) == count
    chips = find(client, q="nvidia", type="Chip", limit=500)
    assert chips["count"] == counts["Chip"]
    assert chips["facets"] == body["facets"]
    products = find(client, q="nvidia", type="Product,Claim", limit=500)
    assert products["count"] > chips["count"]


def test_pages_follow_next(client: httpx.Client) -> None:
    seen: list[str] = []
    path = "/api/search?q=entity+list&limit=7"
    while path:
        body = client.get(path).json()
        seen += [item["iri"] for item in body["items"]]
        path = body["next"]
    assert len(seen) == len(set(seen)) == body["count"]


def test_places_persons_and_concepts_are_found_and_listed(client: httpx.Client) -> None:
    kinds = {"澳门": "Place", "jensen huang": "Person", "presumption of denial": "Concept"}
    for text, kind in kinds.items():
        assert find(client, q=text)["items"][0]["type"] == kind
    places = client.get("/api/entities?type=Place&limit=500").json()
    assert places["count"] == 203
    assert client.get("/api/entities/macao").json()["id"] == "macau"
    assert client.get("/api/concepts/tpp").json()["definition"]


def test_an_answer_is_not_sent_twice(client: httpx.Client) -> None:
    first = client.get("/api/search?q=h20")
    again = client.get("/api/search?q=h20", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "the parameter 'q' is missing"),
        ("q=h20&collection=chips", "no parameter 'collection' here; there are: q, type, limit"),
        ("q=h20&limit=0", "limit must be a whole number from 1 to 500"),
        ("q=h20&limit=501", "limit must be a whole number from 1 to 500"),
        ("q=h20&limit=many", "limit must be a whole number"),
        ("q=h20&limit=", "limit must be a whole number"),
        ("q=h20&limit=99999999999999999999", "limit must be a whole number"),
        ("q=h20&q=h200", "q is given twice"),
        ("q=h20&type=Compny", "no type 'Compny'; there is: Company"),
        ("q=h20&cursor=nonsense", "the cursor is not one that this service gave"),
        ("q=" + "a" * 501, "at most 500 characters"),
    ],
)
def test_errors_have_one_shape_and_say_what_is_allowed(
    client: httpx.Client, query: str, said: str
) -> None:
    response = client.get(f"/api/search?{query}")
    assert response.status_code == 400, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert said in response.json()["detail"]


@pytest.mark.parametrize(
    "text",
    [
        "' OR 1=1 --",
        '"; DROP TABLE entry; --',
        "} UNION { ?s ?p ?o",
        "<script>alert(1)</script>",
        'name_tokens MATCH "a" OR "b"',
        "\x00",
        "\u202e",
        "",
    ],
)
def test_injections_find_nothing_and_break_nothing(client: httpx.Client, text: str) -> None:
    body = find(client, q=text)
    assert (body["items"], body["count"], body["next"]) == ([], 0, None)
    assert body["facets"] == {"type": []}
    assert find(client, q="nvidia h20")["items"][0]["id"] == "nvidia-h20"
