"""(Child.) Has the engine imported, and perhaps a snapshot in memory; forks workers.

Started by the server as ``python -m kg.serving.zygote <descriptor>``. Single-threaded, so
that forking is safe, and it never reads anything from outside. On the control socket come
JSON lines; each ``fork`` brings the worker's end of a socket pair with it, ``advance`` a file
of :mod:`kg.serving.deltas`::

    → {"load": "/…/generations/3/store"}      ← {"held": 45678900}
    → {"advance": true} + descriptor           ← {"held": 45679000}
    → {"fork": "reader", "store": "/…/generations/3/store" | null, "memory": 1024} + descriptor
    → {"fork": "writer", "store_dir": "/…", "memory": 4096, …} + descriptor
                                               ← {"exited": 4711, "status": -6}

``null`` means the loaded data; ``held``: bytes of memory that it takes, about; ``status`` is
negative for a signal, as in subprocess.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pyoxigraph as ox

from kg.serving import deltas, sandbox, worker, writer
from kg.serving.differences import named_graphs


class Zygote:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._deaths = _deaths()
        self._store = ox.Store()
        self._bare = sandbox.resident_memory()

    def run(self) -> None:
        """Serve until the server closes the control socket, then end with all workers."""
        selector = selectors.DefaultSelector()
        selector.register(self._control, selectors.EVENT_READ, self._obey)
        selector.register(self._deaths, selectors.EVENT_READ, self._reap)
        while True:
            for key, _ in selector.select():
                key.data()

    def _obey(self) -> None:
        lines, descriptors, _, _ = socket.recv_fds(self._control, 1 << 16, 64)
        if not lines:
            sys.exit()
        while not lines.endswith(b"\n"):
            lines += self._control.recv(1 << 16)
        for line in lines.splitlines():
            order = json.loads(line)
            if "load" in order:
                self._load(order["load"])
            elif "advance" in order:
                self._advance(descriptors.pop(0))
            else:
                self._fork(order, descriptors)

    def _load(self, path: str) -> None:
        """Fill the store through a pipe from a child: an open disk store starts threads."""
        reading, writing = os.pipe()
        if os.fork() == 0:
            self._control.close()
            _child(lambda: _dump(path, writing))
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            for iri in json.loads(pipe.readline()):
                self._store.add_graph(ox.NamedNode(iri))
            # Not bulk_load: it gives blank nodes other names.
            self._store.bulk_extend(ox.parse(pipe, ox.RdfFormat.N_QUADS))
        gc.freeze()
        self._report({"held": sandbox.resident_memory() - self._bare})

    def _advance(self, descriptor: int) -> None:
        with os.fdopen(descriptor, "rb") as file:
            deltas.apply(file.read(), self._store)
        self._report({"held": sandbox.resident_memory() - self._bare})

    def _fork(self, order: dict[str, Any], descriptors: list[int]) -> None:
        """Fork a child onto the first descriptor; the others are for the next orders.

        Nobody but a child may hold its socket, or its end would go unnoticed.
        """
        descriptor = descriptors.pop(0)
        if os.fork() == 0:
            self._control.close()
            for foreign in descriptors:
                os.close(foreign)
            _child(lambda: self._be(order, descriptor))
        os.close(descriptor)

    def _be(self, order: dict[str, Any], descriptor: int) -> None:
        if order["fork"] == "writer":
            writer.main(descriptor, order)
        path = order["store"]
        worker.main(
            descriptor,
            lambda: self._store if path is None else ox.Store.read_only(path),
            order["memory"],
        )

    def _reap(self) -> None:
        os.read(self._deaths, 1 << 16)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self._report({"exited": pid, "status": os.waitstatus_to_exitcode(status)})

    def _report(self, message: dict[str, Any]) -> None:
        self._control.sendall(json.dumps(message).encode() + b"\n")


def _dump(path: str, descriptor: int) -> None:
    """Write a line of JSON, the graphs that have no quads, and all quads.

    In memory the engine finds first what came last, by subject, predicate or object over all
    graphs. So the default graph, which most queries read, comes last: one with LIMIT need not go
    through all the others first.
    """
    sandbox.die_with_parent()
    store = ox.Store.read_only(path)
    with os.fdopen(descriptor, "wb") as pipe:
        pipe.write(json.dumps([*_empty_graphs(store)]).encode() + b"\n")
        ox.serialize(_named_quads(store), pipe, ox.RdfFormat.N_QUADS)
        store.dump(pipe, ox.RdfFormat.N_TRIPLES, from_graph=ox.DefaultGraph())


def _named_quads(store: ox.Store) -> Iterator[ox.Quad]:
    for graph in store.named_graphs():
        yield from store.quads_for_pattern(None, None, None, graph)


def _empty_graphs(store: ox.Store) -> Iterator[str]:
    for graph in named_graphs(store):
        if next(store.quads_for_pattern(None, None, None, graph), None) is None:
            yield graph.value


def _child(work: Callable[[], None]) -> None:
    """Run ``work`` in a forked child and end it without going back up the parent's stack."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        work()
    finally:
        os._exit(1 if sys.exc_info()[0] else 0)


def _deaths() -> int:
    """A descriptor that becomes readable when a child ends."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    os.set_blocking(reading, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reading


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    with suppress(ConnectionError):  # the server is gone
        Zygote(socket.socket(fileno=int(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
