"""A server of an empty store of its own whose default graph is the store's, for tests that write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from .conftest import serving

TOKEN = "a token for tests"


@contextmanager
def empty_server(directory: Path, *arguments: str, **variables: str) -> Iterator[str]:
    """Yields the base URL. ``directory`` is where the store and the log come to lie."""
    flags = ("--empty", "--default-graph", "strict", *arguments)
    settings = {"CHIPTRAIL_WRITE_TOKEN": TOKEN, **variables}
    with serving(directory / "store", directory / "log", *flags, **settings) as base:
        yield base


def writer(base: str) -> httpx.Client:
    """A client that may write."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return httpx.Client(base_url=base, headers=headers, timeout=60.0)
