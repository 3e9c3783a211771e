"""The W3C's SPARQL suites over HTTP, and that each exception still is one.

A case that is listed in ``exceptions.tsv`` must fail: when it no longer does, the list is
out of date.
"""

from __future__ import annotations

import pytest

from .carrying_out import Failed, Runner, in_order
from .exceptions import exceptions
from .manifest import ABSENT, SUITES, Case, cases

CASES = in_order(cases())
REASONS = exceptions()


@pytest.mark.skipif(not SUITES.exists(), reason=ABSENT)
def test_the_suites_are_read_and_every_exception_is_a_case() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names)) > 1200
    assert set(REASONS) <= set(names)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, runner: Runner) -> None:
    if case.name not in REASONS:
        runner.run(case)
        return
    with pytest.raises(Failed):
        runner.run(case)
