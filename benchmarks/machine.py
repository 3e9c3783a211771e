"""The machine and the versions that a measurement was made with."""

from __future__ import annotations

import math
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path


def describe_machine(*packages: str) -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return platform.processor() or platform.machine()
    return next((line.partition(": ")[2] for line in lines if "model name" in line), "unknown")


def processors_in_use(seconds: float = 0.5) -> float:
    """How much of the processors is in use while we do nothing, from 0 to 1; NaN where the system
    does not tell."""
    before = _ticks()
    time.sleep(seconds)
    idle, total = (later - earlier for later, earlier in zip(_ticks(), before, strict=True))
    return 1 - idle / total if total else math.nan


def _ticks() -> tuple[int, int]:
    """Of all processors since the start: idle, and all in all (Linux)."""
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    except FileNotFoundError:
        return 0, 0
    ticks = [int(number) for number in first.split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)
