"""``make conformance``: carries all suites out and prints a table."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

from .carrying_out import Failed, Respelt, Runner, in_order, running
from .exceptions import exceptions
from .manifest import ABSENT, SUITES, Case, cases

LINE = "{:<28} {:>7} {:>9} {:>7} {:>7}"


def main() -> int:
    if not SUITES.exists():
        _say(f"skipped: {ABSENT}")
        return 0
    counts: Counter[tuple[str, str]] = Counter()
    unexpected: list[str] = []
    reasons = exceptions()
    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as runner:
        for case in in_order(cases()):
            outcome, why = _carry_out(runner, case)
            counts[case.suite, outcome] += 1
            if (outcome == "passed") == (case.name in reasons):
                unexpected.append(f"{case.name}: {why or 'passed, but is listed as an exception'}")
    _table(counts)
    for line in unexpected:
        _say(line)
    return 1 if unexpected else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _carry_out(runner: Runner, case: Case) -> tuple[str, str]:
    try:
        runner.run(case)
    except Respelt as error:
        return "respelt", str(error)
    except Failed as error:
        return "failed", str(error)
    return "passed", ""


def _table(counts: Counter[tuple[str, str]]) -> None:
    _say(LINE.format("suite", "passed", "respelt", "failed", "all"))
    for suite in sorted({suite for suite, _ in counts}):
        numbers = [counts[suite, outcome] for outcome in ("passed", "respelt", "failed")]
        _say(LINE.format(suite, *numbers, sum(numbers)))
    _say("respelt: the right values, but not in the spelling of the data (the store keeps values)")


if __name__ == "__main__":
    sys.exit(main())
