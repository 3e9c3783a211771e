from __future__ import annotations

from collections.abc import Iterator

import pytest

from .carrying_out import Runner, running


@pytest.fixture(scope="session")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    with running(tmp_path_factory.mktemp("conformance")) as found:
        yield found
