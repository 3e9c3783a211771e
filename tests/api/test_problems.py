from __future__ import annotations

import inspect
import json

import pytest

from api.problems import STATUS, as_problem
from kg import errors

TREE = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, errors.ChiptrailError)
]


def test_every_error_has_its_status() -> None:
    assert set(TREE) == set(STATUS)


def test_the_tree_is_drawn_as_it_stands() -> None:
    drawing = errors.__doc__ or ""
    assert all(cls.__name__ in drawing for cls in TREE)


@pytest.mark.parametrize(
    ("error", "status", "more"),
    [
        (errors.InvalidQuery("no", 2, 7), 400, {"line": 2, "column": 7}),
        (errors.UnknownName("chip", "h2", ["h20"]), 404, {"nearest": ["h20"]}),
        (errors.NotAcceptable("no", ["text/csv"]), 406, {"offered": ["text/csv"]}),
        (errors.RemoteFailure("it is down"), 502, {}),
        (errors.RemoteTimeout("it is slow"), 504, {}),
        (errors.LimitExceeded("too long", "query_timeout", 30.0), None, {"limit": "query_timeout"}),
        (
            errors.InvalidData([errors.Finding("f.yaml", 3, "c0-1", "wrong")]),
            422,
            {"findings": ["f.yaml:3: c0-1: wrong"]},
        ),
    ],
)
def test_a_problem_carries_what_its_error_knows(
    error: errors.ChiptrailError, status: int | None, more: dict[str, object]
) -> None:
    response = as_problem(error)
    body = json.loads(bytes(response.body))
    assert response.media_type == "application/problem+json"
    assert body["status"] == response.status_code
    assert status in (None, response.status_code)
    assert body["detail"] == str(error)
    assert more.items() <= body.items()


def test_a_busy_service_says_when_to_come_back() -> None:
    assert as_problem(errors.Unavailable("busy", 7)).headers["retry-after"] == "7"
