"""Fixtures of the protocol tests: one server of an empty store, which tests fill and empty."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from ..empty_server import empty_server, writer


@pytest.fixture(scope="session")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base URL of a server whose default graph is the store's own; short limits."""
    limits = {"CHIPTRAIL_QUERY_TIMEOUT": "2", "CHIPTRAIL_UPLOAD_BYTES": str(1 << 20)}
    with empty_server(tmp_path_factory.mktemp("strict"), **limits) as base:
        yield base


@pytest.fixture(scope="session")
def _writer(strict: str) -> Iterator[httpx.Client]:
    with writer(strict) as client:
        yield client


@pytest.fixture
def http(_writer: httpx.Client) -> httpx.Client:
    """A client that may write, to an empty store."""
    update(_writer, "DROP ALL")
    return _writer


def update(client: httpx.Client, text: str) -> None:
    headers = {"Content-Type": "application/sparql-update"}
    response = client.post("/update", content=text, headers=headers)
    assert response.status_code == 204, response.text


def ask(client: httpx.Client, text: str) -> bool:
    headers = {"Content-Type": "application/sparql-query"}
    response = client.post("/sparql", content=text, headers=headers)
    assert response.status_code == 200, response.text
    answer: bool = response.json()["boolean"]
    return answer
