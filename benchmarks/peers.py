"""The servers side by side: how each is installed, filled, started and spoken to.

Peers from PyPI live in environments of their own under ``build/bench-venvs``, made when first
needed. Virtuoso is used where the system has it (Debian: ``virtuoso-opensource``).
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlencode

from benchmarks.client import HOST
from benchmarks.load import REPEATED, Load, Question, questions, update_text
from kg.serving import Limits

TOKEN = "a token for the benchmark"
_VENVS = Path("build/bench-venvs")
_START_SECONDS = 600.0
_ANSWER_SECONDS = 15.0
_OXIGRAPH = ("oxigraph==0.5.13",)
_RDFLIB = (
    "rdflib-endpoint[cli]==0.6.3",
    "rdflib==7.6.0",
    "pyparsing==3.3.3",
    "fastapi==0.165.0",
    "starlette==1.10.0",
    "uvicorn==0.54.0",
    "uvloop==0.23.0",
    "httptools==0.9.0",
)


@dataclass(frozen=True)
class Ground:
    """Where a run takes place."""

    folder: Path
    load: Load
    store: Path
    """Directory of Chiptrail's store."""
    engine_store: Path
    """The RocksDB store in it."""


@dataclass(frozen=True)
class Peer:
    """A server. ``timeout`` where it is made: seconds that it lets a query run, where it can."""

    name: str
    version: str
    command: list[str]
    port: int
    path: str = "/sparql"
    update_path: str = "/sparql"
    environment: tuple[tuple[str, str], ...] = ()
    token: str = ""
    settled: str = ""
    """A path that tells, by ``"in_memory": true``, that it has all it wants there."""
    parameters: str = ""
    """What its queries carry in the URL beside themselves."""
    only: str = ""
    """The only question that it answers; empty for all."""

    def request(self, question: Question, serial: int) -> bytes:
        return (
            f"GET {self.path}?query={question.escaped(serial)}{self.parameters} HTTP/1.1\r\n"
            f"Host: {HOST}:{self.port}\r\nAccept: {question.accept}\r\n\r\n"
        ).encode()

    def update_request(self, serial: int) -> bytes:
        body = urlencode({"update": update_text(serial)})
        token = f"Authorization: Bearer {self.token}\r\n" if self.token else ""
        return (
            f"POST {self.update_path} HTTP/1.1\r\nHost: {HOST}:{self.port}\r\n{token}"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def fetch(self, question: Question, serial: int) -> bytes:
        """The body of one answer. Raises OSError where there is none."""
        query = quote(question.text(serial), safe="") + self.parameters
        url = f"http://{HOST}:{self.port}{self.path}?query={query}"
        request = urllib.request.Request(url, headers={"Accept": question.accept})
        with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as response:
            body: bytes = response.read()
        return body


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(peer: Peer, ground: Ground) -> Iterator[Peer]:
    """Start ``peer``, wait until it answers; end it in any case.

    Raises RuntimeError where it does not start, with the end of what it printed.
    """
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CHIPTRAIL_")}
    log = ground.folder / f"{peer.name.split()[0]}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            peer.command, stdout=output, stderr=output, env=clean | dict(peer.environment)
        )
    try:
        _wait(peer, process, ground.load, log)
        _settle(peer)
        yield peer
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()  # it is busy with what cannot be interrupted
            process.wait()


def _wait(peer: Peer, process: subprocess.Popen[bytes], load: Load, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            peer.fetch(questions(load)[REPEATED], 0)
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
        except OSError:
            pass
        else:
            return
        time.sleep(0.1)
    raise RuntimeError(f"{peer.name} did not start: {log.read_text()[-2000:]}")


def _settle(peer: Peer) -> None:
    """Wait until the peer serves from memory, where it is to come to that."""
    deadline = time.monotonic() + _START_SECONDS
    while peer.settled and time.monotonic() < deadline:
        with urllib.request.urlopen(f"http://{HOST}:{peer.port}{peer.settled}") as response:
            if json.load(response)["in_memory"]:
                break
        time.sleep(0.5)


# --- each of them -----------------------------------------------------------------------------


def bare(what: str, name: str, ground: Ground, only: str = "") -> Peer:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.bare", what, ground.load.folder]
    return Peer(name, "", [*command, str(ground.engine_store), str(port)], port, only=only)


def in_memory(ground: Ground) -> bool:
    """Whether Chiptrail holds a store of this size in memory."""
    return _size(ground.engine_store) <= Limits().memory_snapshot_bytes


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def chiptrail(ground: Ground, timeout: float | None = None) -> Peer:
    port = free_port()
    command = [str(Path(sys.executable).with_name("chiptrail")), "serve", "--port", str(port)]
    environment = [("CHIPTRAIL_WRITE_TOKEN", TOKEN), ("CHIPTRAIL_STORE", str(ground.store))]
    if timeout is not None:
        environment.append(("CHIPTRAIL_QUERY_TIMEOUT", str(timeout)))
    return Peer(
        "Chiptrail", "", command, port,
        update_path="/update", environment=tuple(environment), token=TOKEN,
        settled="/readyz" if in_memory(ground) else "",
    )  # fmt: skip


def oxigraph(ground: Ground, timeout: float | None = None) -> Peer:
    port, program = free_port(), str(_installed("oxigraph", _OXIGRAPH) / "oxigraph")
    location = ground.folder / "oxigraph"
    if not location.exists():
        fill = [program, "load", "-l", str(location), "-f", str(ground.load.quads_file)]
        subprocess.run(fill, check=True, capture_output=True)
    command = [program, "serve", "-l", str(location), "-b", f"{HOST}:{port}"]
    limit = [] if timeout is None else ["--timeout-s", str(round(timeout))]
    return Peer(
        "Oxigraph's server", _OXIGRAPH[0], command + limit, port,
        path="/query", update_path="/update",
    )  # fmt: skip


def rdflib_endpoint(ground: Ground) -> Peer:
    """It has no time limit; its store is in memory and holds the triples in one graph."""
    port, program = free_port(), str(_installed("rdflib-endpoint", _RDFLIB) / "rdflib-endpoint")
    command = [program, "serve", "--host", HOST, "--port", str(port), "--enable-update"]
    return Peer(
        "rdflib-endpoint", ", ".join(_RDFLIB[:2]), [*command, str(ground.load.triples_file)], port,
        path="/", update_path="/",
    )  # fmt: skip


def _installed(name: str, requirements: tuple[str, ...]) -> Path:
    """The ``bin`` of an environment that holds just ``requirements``, made where it is missing."""
    folder = _VENVS / name
    marker = folder / "installed"
    wanted = "\n".join(requirements)
    if not marker.is_file() or marker.read_text() != wanted:
        print(f"installing {name} in {folder}", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        pip = [str(folder / "bin/pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *requirements], check=True)
        marker.write_text(wanted)
    return (folder / "bin").absolute()


# --- Virtuoso ---------------------------------------------------------------------------------

_VIRTUOSO = ("virtuoso-t", "isql-vt")
_GRAPH = "https://bench.example/load"
"""Where Virtuoso has the triples: it has no default graph of its own."""

_VIRTUOSO_INI = """\
[Database]
DatabaseFile = {folder}/virtuoso.db
ErrorLogFile = {folder}/virtuoso.log
TransactionFile = {folder}/virtuoso.trx
xa_persistent_file = {folder}/virtuoso.pxa
[TempDatabase]
DatabaseFile = {folder}/virtuoso-temp.db
TransactionFile = {folder}/virtuoso-temp.trx
[Parameters]
ServerPort = {sql_port}
DirsAllowed = {load}
NumberOfBuffers = 170000
MaxDirtyBuffers = 130000
ServerThreads = 64
[HTTPServer]
ServerPort = {port}
ServerThreads = 40
KeepAliveTimeout = 60
MaxKeepAlives = 64
[SPARQL]
ResultSetMaxRows = 1000000
{limit}
"""


def has_virtuoso() -> bool:
    return all(map(shutil.which, _VIRTUOSO))


def virtuoso(ground: Ground, timeout: float | None = None) -> Peer:
    """Needs :func:`has_virtuoso`."""
    program, isql = _VIRTUOSO
    folder, port, sql_port = ground.folder / "virtuoso", free_port(), free_port()
    filled = folder.exists()
    folder.mkdir(exist_ok=True)
    limit = "" if timeout is None else f"MaxQueryExecutionTime = {round(timeout)}"
    values = {"folder": folder, "sql_port": sql_port, "load": ground.load.folder}
    configuration = folder / "virtuoso.ini"
    configuration.write_text(_VIRTUOSO_INI.format(**values, port=port, limit=limit))
    command = [program, "+foreground", "+configfile", str(configuration)]
    if not filled:
        _fill_virtuoso(command, [isql, str(sql_port)], ground.load)
    said = subprocess.run([program, "-?"], capture_output=True, text=True)
    lines = (said.stdout + said.stderr).splitlines()
    version = next((line.strip() for line in lines if line.startswith("Version")), "")
    parameters = f"&default-graph-uri={quote(_GRAPH, safe='')}"
    return Peer("Virtuoso", version, command, port, parameters=parameters)


def _fill_virtuoso(command: list[str], isql: list[str], load: Load) -> None:
    statements = (
        f"ld_dir('{load.folder}', 'load.nt', '{_GRAPH}'); rdf_loader_run(); "
        'grant SPARQL_UPDATE to "SPARQL"; checkpoint;'
    )
    sql = partial(subprocess.run, capture_output=True, text=True)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(240):
            if sql([*isql, "dba", "dba", "exec=select 1;"]).returncode == 0:
                break
            time.sleep(0.5)
        done = sql([*isql, "dba", "dba", f"exec={statements}"])
        if done.returncode:
            raise RuntimeError(f"Virtuoso was not filled: {done.stderr[-500:]}")
        sql([*isql, "dba", "dba", "exec=shutdown;"])
        process.wait(60)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
