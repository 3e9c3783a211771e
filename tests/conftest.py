"""Fixtures that tests of the whole share.

Strategy. The store is built once per session, by the command that users run, and is never
written to: ``built_store``. One server process serves it over HTTP for the whole session:
``server``, its base URL. Where any base will do, it is a small one (``small_base``,
``small_store``): what the built-in one takes six seconds for takes it half a second. A test that
needs other data works on a store of its own: it copies the small one (``own_small_store``),
changes the copy with ``chiptrail`` and starts a server of its own on it with ``serve``, which is
stopped when the test ends. Commands run as processes, with the environment free of
``CHIPTRAIL_*``, so that a developer's settings do not leak into the tests.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.small import write_small_base

COMMAND = Path(sys.executable).with_name("chiptrail")
START_SECONDS = 60.0
STOP_SECONDS = 15.0

Serve = Callable[..., str]


def environment(**variables: str) -> dict[str, str]:
    """The environment of a command: ours without ``CHIPTRAIL_*``, and ``variables``."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CHIPTRAIL_")}
    return clean | variables


def chiptrail(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``chiptrail`` to its end; its exit status is the caller's to judge."""
    command = [str(part) for part in (COMMAND, *arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(**variables))


@contextmanager
def serving(directory: Path, log: Path, *arguments: str, **variables: str) -> Iterator[str]:
    """Serve the store in ``directory`` from a process of its own; yields the base URL.

    What the server prints goes to the file ``log``, and into the error if it does not start.
    """
    port = _free_port()
    command = [str(COMMAND), "serve", "--store", str(directory), "--port", str(port), *arguments]
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=environment(**variables)
        )
        try:
            _wait_until_alive(f"http://127.0.0.1:{port}", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_alive(base: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(f"{base}/healthz").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"the server did not start:\n{log.read_text(encoding='utf-8')}")


@pytest.fixture(scope="session")
def built_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a store with the built-in knowledge base. Read only."""
    directory = tmp_path_factory.mktemp("built") / "store"
    done = chiptrail("build", "--store", directory)
    assert done.returncode == 0, done.stderr
    return directory


@pytest.fixture(scope="session")
def server(built_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base URL of a server of ``built_store``, without a slash at the end."""
    with serving(built_store, tmp_path_factory.mktemp("server") / "log") as base:
        yield base


@pytest.fixture(scope="session")
def small_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of the records of the small base, for ``chiptrail build --examples``."""
    directory = tmp_path_factory.mktemp("small-base")
    write_small_base(directory)
    return directory


@pytest.fixture(scope="session")
def small_store(small_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a store with the small base. Read only: see ``own_small_store``."""
    directory = tmp_path_factory.mktemp("small") / "store"
    done = chiptrail("build", "--examples", small_base, "--store", directory)
    assert done.returncode == 0, done.stderr
    return directory


@pytest.fixture
def own_small_store(small_store: Path, tmp_path: Path) -> Path:
    """Directory of a copy of ``small_store``, for a test that changes it."""
    return Path(shutil.copytree(small_store, tmp_path / "store"))


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """``serve(directory, *flags, **environment)`` starts a server and gives its base URL."""
    with ExitStack() as servers:

        def start(directory: Path, *arguments: str, **variables: str) -> str:
            log = tmp_path / f"{directory.name}.log"
            return servers.enter_context(serving(directory, log, *arguments, **variables))

        yield start


@pytest.fixture(scope="session")
def client(server: str) -> Iterator[httpx.Client]:
    """A client of ``server``: paths are relative to its base URL."""
    with httpx.Client(base_url=server, timeout=30.0) as opened:
        yield opened
