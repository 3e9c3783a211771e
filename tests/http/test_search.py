"""``/api/search`` over real HTTP: one list shape, one error shape, nothing to inject into."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx
import pytest
from pyoxigraph import RdfFormat, parse
from rdflib import Graph


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


def ids(client: httpx.Client, **parameters: str | int) -> set[str]:
    return {item["id"] for item in find(client, limit=500, **parameters)["items"]}


def test_search_asks_both_clocks(client: httpx.Client) -> None:
    """Claim c0-17 is about the time until 2022-08-26; everything was recorded on one day."""
    everything = ids(client, q="bloomberg")
    then = ids(client, q="bloomberg", valid_at="2022-01-01")
    assert "c0-17" in then <= everything
    assert ids(client, q="nvidia", valid_at="2022-01-01") < ids(client, q="nvidia")
    assert "c0-17" not in ids(client, q="bloomberg", valid_at="2023-01-01")
    assert ids(client, q="bloomberg", known_at="2026-11-22") == everything
    before = client.get("/api/search?q=bloomberg&known_at=2026-11-20")
    assert before.status_code == 404
    counts = find(client, q="bloomberg", valid_at="2022-01-01")
    assert counts["count"] == len(then)
    assert sum(kind["count"] for kind in counts["facets"]["type"]) == len(then)


@pytest.mark.parametrize("by", ["suffix", "header"])
def test_hits_as_a_table(client: httpx.Client, by: str) -> None:
    path, headers = (
        ("/api/search.csv", {}) if by == "suffix" else ("/api/search", {"Accept": "text/csv"})
    )
    response = client.get(path, params={"q": "h-20", "limit": 2}, headers=headers)
    assert response.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert rows[0]["id"] == "nvidia-h20"
    assert (rows[0]["matched.how"], rows[0]["score"]) == ("exact", "98.0")
    following = response.links["next"]["url"]
    assert client.get(following, headers=headers).text.count("\r\n") == 3


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning")
def test_hits_as_rdf_say_what_their_documents_say(client: httpx.Client) -> None:
    parameters = {"q": "biren br100 release", "limit": 20}
    hits = find(client, **parameters)["items"]
    assert hits
    turtle = client.get("/api/search.ttl", params=parameters)
    triples = set(parse(turtle.content, RdfFormat.TURTLE))
    subjects = {t.subject.value for t in triples}
    assert {hit["iri"] for hit in hits if hit["collection"] != "contradictions"} <= subjects
    graph = Graph().parse(
        f"{client.base_url}/api/search.jsonld?q=biren+br100+release&limit=20", format="json-ld"
    )
    assert len(graph) == len({(t.subject, t.predicate, t.object) for t in triples})


def test_only_some_members_of_hits(client: httpx.Client) -> None:
    (hit,) = find(client, q="h-20", limit=1, fields="label,score")["items"]
    assert set(hit) == {"id", "label", "score"}


def test_an_answer_is_not_sent_twice(client: httpx.Client) -> None:
    first = client.get("/api/search?q=h20")
    again = client.get("/api/search?q=h20", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "the parameter 'q' is missing"),
        ("q=h20&collection=chips", "no parameter 'collection' here; there are: q, type, limit"),
        ("q=h20&valid_at=soon", "valid_at must be a day"),
        ("q=h20&known_at=2026-13-01", "known_at must be a day or a time"),
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
