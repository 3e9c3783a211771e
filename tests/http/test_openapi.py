"""The OpenAPI description against the service: generated requests, every answer as described."""

from __future__ import annotations

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import positive_data_acceptance

EXAMPLES = 12
"""Requests for an operation. All of it takes about ten seconds."""

EXCLUDED = [
    # A cursor, a query, a graph, a day before another: what makes them wrong cannot be said in
    # JSON Schema. Such requests get 400 with what is allowed, which other tests look at.
    positive_data_acceptance,
]


def test_every_answer_is_as_described(server: str) -> None:
    load_all_checks()
    description = schemathesis.openapi.from_url(f"{server}/openapi.json")
    operations = [result.ok() for result in description.get_all_operations()]
    assert len(operations) > 40
    for operation in operations:
        _try(operation, server)


def _try(operation: schemathesis.APIOperation, server: str) -> None:  # type: ignore[type-arg]
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def answers_as_described(case: schemathesis.Case) -> None:
        case.call_and_validate(base_url=server, excluded_checks=EXCLUDED)

    answers_as_described()


def test_examples_of_parameters_work(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    items = [path for path in paths if path.startswith("/api/") and path.endswith("/{slug}")]
    assert len(items) == 9
    for path in items:
        slug = paths[path]["get"]["parameters"][0]["example"]
        body = client.get(path.replace("{slug}", slug)).json()
        assert body["id"] == slug
        example = paths[path]["get"]["responses"]["200"]["content"]["application/json"]["example"]
        assert example == body
