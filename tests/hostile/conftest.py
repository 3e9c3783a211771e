"""A server with short patience, and somebody who goes on asking it a small question."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from ..empty_server import empty_server, writer
from ..processes import busy, descendants, open_files, resident, server_of

LIMITS = {
    "CHIPTRAIL_QUERY_TIMEOUT": "2",
    "CHIPTRAIL_QUERY_MEMORY": "256",
    "CHIPTRAIL_UPDATE_TIMEOUT": "3",
    "CHIPTRAIL_UPDATE_MEMORY": "512",
    "CHIPTRAIL_HEADER_TIMEOUT": "1.5",
    "CHIPTRAIL_BODY_TIMEOUT": "2",
    "CHIPTRAIL_STALL_TIMEOUT": "2",
    "CHIPTRAIL_CONNECTIONS": "400",
    "CHIPTRAIL_UPLOAD_BYTES": str(4 << 20),
}
QUESTION = {"query": "SELECT ?o { <a:witness> <a:saw> ?o }"}
PATIENCE = 15.0
SLACK = 64 << 20
ELSEWHERE = "127.0.0.2"
"""Where the witness is: who has too many connections loses some, whichever they are."""


@dataclass
class Witness:
    """Asks the same small question again and again, on a new connection every few times."""

    base: str
    answers: int = 0
    faults: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def ask(self, client: httpx.Client) -> None:
        try:
            response = client.get("/sparql", params={**QUESTION, "again": str(self.answers)})
            seen = response.json()["results"]["bindings"]
            if [row["o"]["value"] for row in seen] != ["everything"]:
                self.faults.append(response.text)
        except (httpx.HTTPError, KeyError, ValueError) as error:
            self.faults.append(repr(error))
        self.answers += 1

    def watch(self) -> None:
        while not self._over.is_set():
            transport = httpx.HTTPTransport(local_address=ELSEWHERE)
            with httpx.Client(base_url=self.base, timeout=PATIENCE, transport=transport) as client:
                for _ in range(5):
                    self.ask(client)
                    self._over.wait(0.02)

    def dismiss(self) -> None:
        self._over.set()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with empty_server(tmp_path_factory.mktemp("hostile"), **LIMITS) as base:
        with writer(base) as client:
            body = "<a:witness> <a:saw> 'everything' ."
            headers = {"Content-Type": "text/turtle"}
            assert client.put("/data?default", content=body, headers=headers).is_success
        time.sleep(2)  # until the data is in memory, as it is in a server that has run for a while
        yield base


@pytest.fixture
def witness(server: str) -> Iterator[Witness]:
    """What a test does must not disturb the witness, and must leave nothing behind."""
    pid = server_of(server)
    processes, files, memory = len(descendants(pid)), open_files(pid), resident(pid)
    watching = Witness(server)
    thread = threading.Thread(target=watching.watch)
    thread.start()
    yield watching
    watching.dismiss()
    thread.join()
    assert watching.faults == []
    assert watching.answers > 0
    until(lambda: not busy(descendants(pid)), "a worker goes on")
    until(lambda: len(descendants(pid)) <= processes + 2, "there are more processes than before")
    until(lambda: open_files(pid) <= files + 16, "connections are left open")
    until(lambda: resident(pid) <= memory + SLACK, "memory does not return")


def until(holds: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.1)
