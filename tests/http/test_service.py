"""What whoever runs the service sees, and methods of HTTP on every route."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.conftest import Serve

HEADS = (
    "/api/chips",
    "/api/claims/c0-17",
    "/api/claims.csv?limit=2",
    "/api/claims/c0-17.ttl",
    "/api/stats",
    "/api/search?q=h20",
    "/api/control-status?chip=nvidia-h20&destination=CN&date=2025-04-09",
    "/api/timeline?facets=type",
    "/readyz",
    "/static/chiptrail.css",
    "/openapi.json",
)


@pytest.mark.parametrize("path", HEADS)
def test_head_is_get_without_its_body(client: httpx.Client, path: str) -> None:
    got = client.get(path, headers={"Accept-Encoding": "identity"})
    head = client.head(path, headers={"Accept-Encoding": "identity"})
    assert (head.status_code, head.content) == (got.status_code, b"") == (200, b"")
    for name in ("etag", "content-type", "content-length"):
        assert head.headers.get(name) == got.headers.get(name)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/chips", "GET, HEAD, OPTIONS"),
        ("/api/control-status", "GET, HEAD, POST, OPTIONS"),
        ("/id/nvidia-h20", "GET, HEAD, OPTIONS"),
        ("/static/chiptrail.css", "GET, HEAD, OPTIONS"),
    ],
)
def test_methods_are_said(client: httpx.Client, path: str, allowed: str) -> None:
    options = client.options(path)
    assert (options.status_code, options.headers["allow"]) == (204, allowed)
    refused = client.delete(path)
    assert (refused.status_code, refused.headers["allow"]) == (405, allowed)
    assert refused.headers["content-type"] == "application/problem+json"
    assert allowed in refused.json()["detail"]


@pytest.mark.parametrize("path", ["/nowhere", "/api", "/api/chips/a/b", "/static/none.css", "/id/"])
def test_unknown_paths_are_problems_too(client: httpx.Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail"} <= set(response.json())


def test_ready_says_how_fresh_the_data_is(client: httpx.Client) -> None:
    body = client.get("/readyz").json()
    stats = client.get("/api/stats").json()
    assert body["status"] == "ready"
    assert body["version"] == stats["version"]
    assert body["as_of"] == stats["dataset"]["as_of"]
    assert isinstance(body["age_days"], int)


def test_an_empty_store_is_ready_and_has_no_age(
    serve: Serve, tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = serve(tmp_path_factory.mktemp("empty") / "store", "--empty")
    body = httpx.get(f"{base}/readyz").json()
    assert (body["status"], body["as_of"], body["age_days"]) == ("ready", None, None)
    assert httpx.get(f"{base}/metrics").status_code == 200
    assert "/api/{collection}" in httpx.get(f"{base}/openapi.json").json()["paths"]


def series(client: httpx.Client) -> dict[str, float]:
    response = client.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = [line for line in response.text.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r'chiptrail_\w+(\{(\w+="[^"]*",?)+\})? [0-9.]+', one) for one in lines)
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_metrics_count_answers_by_class_of_route_and_status(client: httpx.Client) -> None:
    rest = 'chiptrail_requests_total{route="rest",method="GET",status="400"}'
    query = 'chiptrail_requests_total{route="query",method="GET",status="200"}'
    other = 'chiptrail_requests_total{route="other",method="GET",status="404"}'
    before = series(client)
    client.get("/api/chips?colour=green")
    client.get("/sparql?query=ASK{}")
    client.get("/never-heard-of")
    after = series(client)
    for name in (rest, query, other):
        assert after[name] >= before.get(name, 0) + 1
    assert after["chiptrail_quads"] == client.get("/api/stats").json()["quads"]
    assert after["chiptrail_queries_running"] == after["chiptrail_queries_waiting"] == 0


def test_lists_are_described_with_the_fields_of_the_data(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    names = {parameter["name"] for parameter in paths["/api/chips"]["get"]["parameters"]}
    assert {"maker", "country", "tpp", "tpp_min", "tpp_max", "limit", "facets", "sort"} <= names
    assert "maker_min" not in names
    example = paths["/api/chips"]["get"]["responses"]["200"]["content"]["application/json"][
        "example"
    ]
    assert example["items"][0] == client.get("/api/chips?limit=1").json()["items"][0]
    status = paths["/api/control-status"]["get"]["responses"]["200"]["content"]["application/json"]
    assert status["example"]["us"]["letter"] == "us-letter-2025-04"
    question = "chip=nvidia-h20&destination=CN&date=2025-04-09&end_user_hq=CN"
    assert status["example"] == client.get(f"/api/control-status?{question}").json()
