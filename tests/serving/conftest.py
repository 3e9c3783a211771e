from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import stores
from tests.serving.stores import publish, rows


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 2,000 triples in 10 graphs; not to be written to."""
    store_dir = tmp_path_factory.mktemp("published")
    publish(store_dir, rows(2_000))
    return store_dir


@pytest.fixture
def store_dir(published: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    copy = tmp_path / "store"
    shutil.copytree(published, copy, copy_function=os.link)
    return copy


@pytest.fixture(scope="session")
def million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of a million triples in its default graph; not to be written to."""
    store_dir = tmp_path_factory.mktemp("million")
    triples = b"".join(
        b"<http://example.org/s%d> <http://example.org/p> <http://example.org/o%d> .\n"
        % (i, i % 1000)
        for i in range(1_000_000)
    )
    publish(store_dir, triples, merge=False)
    return store_dir


@pytest.fixture(autouse=True)
def bystanders() -> Iterator[None]:
    """A test may kill its children; the servers of other tests are not among them."""
    stores.BYSTANDERS.clear()
    stores.BYSTANDERS.update(stores.children())
    yield
    stores.BYSTANDERS.clear()
