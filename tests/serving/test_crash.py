from __future__ import annotations

from pathlib import Path

from tests.serving.crash import rounds


def test_what_was_acknowledged_survives_kills(tmp_path: Path) -> None:
    acknowledged, _ = rounds(10, tmp_path)
    assert acknowledged > 10
