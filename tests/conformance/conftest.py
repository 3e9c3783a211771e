from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..empty_server import empty_server, writer
from .carrying_out import Runner


@pytest.fixture(scope="session")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    with empty_server(tmp_path_factory.mktemp("conformance")) as base, writer(base) as client:
        yield Runner(client)
