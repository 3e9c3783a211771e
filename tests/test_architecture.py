"""What the house is built on: who may import whom, and how large a room may be."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = [path for package in ("kg", "api") for path in (ROOT / package).rglob("*.py")]


def test_imports_point_one_way() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports"))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_modules_fit_one_idea_and_functions_one_glance() -> None:
    lengths: list[int] = []
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 520, f"{path} wants splitting"
        lengths += [
            (node.end_lineno or 0) - node.lineno + 1
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
    assert statistics.median(lengths) <= 9
    assert statistics.quantiles(lengths, n=10)[-1] <= 32


def test_nothing_is_caught_broadly() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler):
                name = node.type.id if isinstance(node.type, ast.Name) else "?"
                cleans_up = isinstance(node.body[-1], ast.Raise)
                assert node.type is not None, path
                assert name not in ("Exception", "BaseException") or cleans_up, (path, node.lineno)
