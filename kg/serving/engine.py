"""(Server.) What the rest of the program asks: queries in, answers out.

::

    async with Engine(store_dir, limits) as engine:
        form = inspect(text, limits).form          # to agree on a format first
        answer = await engine.query(QueryRequest(text, media_type="text/csv"))
        async for piece in answer: ...
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from kg import snapshots
from kg.errors import ChiptrailError, InvalidQuery, Unavailable
from kg.serving import gate, uploads
from kg.serving.answers import Answer, begin
from kg.serving.cache import Cache
from kg.serving.egress import NOTHING, Egress
from kg.serving.federation import Federation
from kg.serving.fetching import Fetcher
from kg.serving.gate import Form, Inspection
from kg.serving.limits import Limits
from kg.serving.memory import Memory, source_of
from kg.serving.pool import Pool, Run
from kg.serving.processes import Worker, Zygote
from kg.serving.requests import Document, QueryRequest, order_of, work_of
from kg.serving.seats import Source
from kg.serving.updates import read_update, with_dataset, with_one_prologue
from kg.serving.writing import Credit, Scribe, WritePolicy, Written
from kg.snapshots import Snapshot

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_NOBODY = Credit()
_AT_ONCE = 32 << 10  # bytes that are looked at without letting others wait
_RESTART = 0.1  # seconds before a zygote that ended is replaced


class Engine:
    """Serves the snapshot that ``store_dir`` has in force, and follows when it changes."""

    def __init__(
        self,
        store_dir: Path,
        limits: Limits | None = None,
        writes: WritePolicy | None = None,
        egress: Egress = NOTHING,
    ) -> None:
        """``egress``: what SERVICE and LOAD may reach."""
        self.limits = limits or Limits()
        self._store_dir, self._egress = store_dir, egress
        self._writes = writes or WritePolicy()
        self._scribe = Scribe(self.limits, self._start_writer, self._published)
        self._pool = Pool(self.limits, self._released)
        self._federation = Federation(self.limits, egress, Fetcher(egress), self._ask)
        self._cache: Cache[Answer] = Cache(self.limits.cache_bytes, self.limits.cache_entry_bytes)
        self._zygote: Zygote
        self._following = asyncio.Lock()
        self._memory = Memory(self.limits, self._pool, self._start_zygote, self._following)
        self._alarm = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._turn = asyncio.Event()

    async def __aenter__(self) -> Engine:
        snapshots.sweep(self._store_dir)
        self._zygote = self._start_zygote()
        try:
            await self.follow()
        except BaseException:
            await self.close()
            raise
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End everything; whatever runs is told that the service is stopping."""
        await _stop(self._watching)
        await self._scribe.close()
        await self._memory.stop()
        await self._pool.close()
        self._zygote.close()
        await asyncio.sleep(0)  # sockets close in the next round of the loop

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that answers come from now.

        :raises Unavailable: nothing was published yet.
        """
        if self._pool.source is None:
            raise Unavailable("there is no data yet", 5)
        return self._pool.source.snapshot

    @property
    def in_memory(self) -> bool:
        """Answers come from a copy in memory (it takes a moment after each change)."""
        return self._pool.source is not None and self._pool.source.path is None

    @property
    def running(self) -> int:
        return self._pool.running

    @property
    def waiting(self) -> int:
        return self._pool.waiting

    async def query(self, request: QueryRequest) -> Answer:
        """Run a query; returns when the answer begins.

        :raises InvalidQuery: it is malformed, is an update, or cannot be evaluated.
        :raises NotAcceptable: its media type cannot carry this answer.
        :raises Forbidden: it would reach out to what is not on the list.
        :raises RemoteFailure: it reaches out to what is, and that fails.
        :raises LimitExceeded: a limit ended it.
        :raises Unavailable: too busy; or there is no data yet.
        """
        version = self.snapshot.version
        known = self._cache.get(request.key, version)
        if known is not None:
            return known
        inspection = request.inspection
        if inspection is None or inspection.remote or inspection.form is Form.UPDATE:
            inspection = await self._admit_query(request)
        work = work_of(request, inspection, self.limits.planner)
        if inspection.remote:
            run = await self._run_remote(request, inspection, work)
        else:
            run = await self._pool.run(work, request.client, timeout=request.timeout)
        answer = await begin(run, request.media_type)
        if answer.body is not None and inspection.repeatable:
            size = len(answer.body) + len(request.text)  # which can outweigh its answer
            self._cache.put(request.key, answer, size, answer.version)
        return answer

    async def _run_remote(
        self, request: QueryRequest, inspection: Inspection, work: dict[str, Any]
    ) -> Run:
        text = gate.disarm(request.text, inspection, self._egress)
        bringing = self._brought_in(text, request.base, inspection, request.client)
        async with bringing as brought_in:
            work["text"], work["federated"] = brought_in
            return await self._pool.run(work, request.client, timeout=request.timeout)

    async def explain(self, request: QueryRequest) -> str:
        """How the planner orders the patterns of a query, for people to read.

        :raises InvalidQuery: it is malformed, or is an update. The rest as for :meth:`query`.
        """
        inspection = await self._admit_query(request)
        text = gate.disarm(request.text, inspection)
        work = {
            **work_of(request, inspection, self.limits.planner),
            "job": "explain",
            "text": text,
            "update": False,
        }
        return (await self._ask(work, client=request.client)).decode()

    async def _admit_query(self, request: QueryRequest) -> Inspection:
        inspection = await self._admit(request.text, request.base, False, request.client)
        if inspection.form is Form.UPDATE:
            raise InvalidQuery("this is an update, not a query")
        return inspection

    async def _admit(self, text: str, base: str | None, update: bool, client: str) -> Inspection:
        """Look at a text before it is run.

        One that reaches out must be well formed before anything else is said or done.
        """
        inspection = await _aside(len(text), gate.inspect, text, self.limits, base or "", update)
        # SERVICE with a computed target cannot be made harmless; it is refused. (LOAD has none.)
        computed = any(one.verb == "SERVICE" and not one.iri for one in inspection.remote)
        if inspection.remote and not computed:
            harmless = gate.disarm(text, inspection)
            work = {"job": "check", "text": harmless, "base": base, "update": update}
            await self._ask(work, client=client)
        gate.refuse_remote(inspection, self._egress)
        return inspection

    @asynccontextmanager
    async def _brought_in(
        self, text: str, base: str | None, inspection: Inspection, client: str
    ) -> AsyncIterator[tuple[str, bool]]:
        """The text to run, and whether it holds what came from elsewhere."""
        if not any(self._egress.allows(one.verb, one.iri) for one in inspection.remote):
            yield text, False
            return
        async with self._federation.brought_in(text, base or "", client) as whole:
            yield whole, True

    async def _ask(
        self, work: dict[str, Any], body: bytes | None = None, client: str = ""
    ) -> bytes:
        """The whole answer of a worker; with a ``body`` it is ended after that."""
        return await (await begin(await self._pool.run(work, client, body))).read()

    async def graph(
        self, graph: str | None, media_type: str, rdf12: bool = True, client: str = ""
    ) -> Answer:
        """The content of one graph; None is the default graph.

        :raises NotFound: there is no such graph.
        :raises NotAcceptable: the media type cannot carry it.
        """
        work = {"job": "graph", "graph": graph, "media_type": media_type, "rdf12": rdf12}
        return await begin(await self._pool.run(work, client), media_type)

    async def dataset(self, media_type: str, client: str = "") -> Answer:
        """All named graphs; and the default graph where that is not their merge.

        :raises NotAcceptable: the media type cannot carry named graphs.
        """
        work = {"job": "dump", "media_type": media_type, "default": not self._writes.union}
        return await begin(await self._pool.run(work, client), media_type)

    async def update(
        self,
        text: str,
        using: tuple[str, ...] = (),
        using_named: tuple[str, ...] = (),
        base: str | None = None,
        if_version: str | None = None,
        client: str = "",
        credit: Credit = _NOBODY,
        must_change: bool = False,
    ) -> Written:
        """Run a SPARQL update; returns when it is durable and every new query sees it.

        ``using`` and ``using_named`` are the protocol's dataset for the WHERE of its
        operations. ``if_version``: only if the data is still that version. ``must_change``: it is
        refused where it would change nothing, because what it looks for is not there any more.

        :raises InvalidQuery: it is malformed, is a query, or has USING beside ``using``.
        :raises InvalidData: the shapes refuse what it does to a graph of the model.
        :raises Forbidden: it writes a derived graph or the merge, or reaches out to what is not on
            the list.
        :raises RemoteFailure: it reaches out to what is, and that fails.
        :raises Conflict: the data is another version than ``if_version``; it must change
            something and does not.
        :raises LimitExceeded: a limit ended it, and nothing was changed.
        :raises Unavailable: too many writes are waiting.
        """
        text = await _aside(len(text), with_one_prologue, text, base or "")
        inspection = await self._admit(text, base, True, client)
        if inspection.form not in (Form.UPDATE, Form.UNKNOWN):
            raise InvalidQuery("this is a query, not an update: the query endpoint answers it")
        text = gate.disarm(text, inspection, self._egress)
        text = await _aside(len(text), with_dataset, text, using, using_named, base or "")
        async with self._brought_in(text, base, inspection, client) as (text, federated):
            update = await _aside(len(text), read_update, text, base or "")
            return await self._scribe.write(
                {
                    "operation": "update",
                    "text": update.text,
                    "federated": federated,
                    "base": base,
                    "graphs": None if update.graphs is None else sorted(update.graphs),
                    "writes_default": update.writes_default,
                    "data": update.data,
                    "deletes": update.deletes,
                    "copied": update.copied,
                    "if_version": if_version,
                    "must_change": must_change,
                    "act": credit.act("update"),
                }
            )

    async def put_graph(
        self,
        graph: str | None,
        document: Document,
        if_version: str | None = None,
        credit: Credit = _NOBODY,
    ) -> Written:
        """Replace a graph; None is the default graph.

        :raises InvalidQuery: the document is malformed. The rest as for :meth:`update`.
        """
        return await self._write_graph("put", graph, [document], if_version, credit)

    async def post_graph(
        self,
        graph: str | None,
        document: Document,
        if_version: str | None = None,
        more: Sequence[Document] = (),
        credit: Credit = _NOBODY,
    ) -> Written:
        """Add one document or several to a graph; errors as for :meth:`put_graph`."""
        return await self._write_graph("post", graph, [document, *more], if_version, credit)

    async def put_dataset(
        self, document: Document, if_version: str | None = None, credit: Credit = _NOBODY
    ) -> Written:
        """Replace every graph that the document has triples of; all others stay as they are.

        :raises InvalidQuery: it is malformed, or a blank node names a graph. The rest as for
            :meth:`update`.
        """
        return await self._write_dataset("put_dataset", document, if_version, credit)

    async def post_dataset(
        self, document: Document, if_version: str | None = None, credit: Credit = _NOBODY
    ) -> Written:
        """Add to the graphs that the document has triples of; errors as for :meth:`put_dataset`."""
        return await self._write_dataset("post_dataset", document, if_version, credit)

    async def delete_graph(
        self, graph: str | None, if_version: str | None = None, credit: Credit = _NOBODY
    ) -> Written:
        """Remove a graph; None empties the default graph.

        :raises NotFound: there is none. The rest as for :meth:`update`.
        """
        return await self._scribe.write(order_of("delete", graph, if_version, credit))

    async def _write_graph(
        self,
        operation: str,
        graph: str | None,
        documents: Sequence[Document],
        if_version: str | None,
        credit: Credit,
    ) -> Written:
        triples = b"".join([await self._parsed(document) for document in documents])
        return await self._scribe.write(order_of(operation, graph, if_version, credit), triples)

    async def _write_dataset(
        self, operation: str, document: Document, if_version: str | None, credit: Credit
    ) -> Written:
        quads = await self._parsed(document, dataset=True)
        return await self._scribe.write(order_of(operation, None, if_version, credit), quads)

    async def _parsed(self, document: Document, dataset: bool = False) -> bytes:
        """The document as N-Triples or N-Quads, read in a child of its own."""
        body, media_type = document.body, document.media_type
        await _aside(len(body), uploads.inspect, body, media_type, self.limits)
        work = {"job": "parse", "dataset": dataset, "media_type": media_type}
        return await self._ask({**work, "base": document.base}, body, document.client)

    async def _start_writer(self) -> Worker:
        return await self._zygote.fork(
            {
                "fork": "writer",
                "store_dir": str(self._store_dir),
                "memory": self.limits.update_memory,
                "union": self._writes.union,
                "derived": sorted(self._writes.derived),
                "not_merged": sorted(self._writes.not_merged),
                "keeper": self._writes.keeper,
            }
        )

    async def _published(self, group: str) -> Snapshot | None:
        """Serve the generation in force; that one, if it holds ``group``."""
        await self.follow()
        return self.snapshot if self.snapshot.facts.get("group") == group else None

    async def follow(self) -> None:
        """Serve what ``CURRENT`` names now; returns when it does.

        :raises Unavailable: the processes for it could not be started.
        """
        async with self._following:
            snapshot = snapshots.current(self._store_dir)
            serving = self._pool.source
            if snapshot is None or (serving and _serves(serving, snapshot)):
                return
            if self._zygote.gone:
                self._zygote.close()
                self._zygote = self._start_zygote()
            if not await self._memory.move_to(snapshot):
                await self._pool.use(source_of(snapshot, self._zygote, snapshot.store))
                delay = self.limits.memory_snapshot_delay if serving else 0.0
                await self._memory.load(snapshot, delay)
            turn, self._turn = self._turn, asyncio.Event()
            turn.set()

    async def _watch(self) -> None:
        """Follow what other processes publish, and replace helpers that were lost."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.limits.watch):
                    await self._alarm.wait()
                await asyncio.sleep(_RESTART)
            self._alarm.clear()
            try:
                await self.follow()
            except ChiptrailError as error:
                log.warning("cannot follow: %s", error)

    def _lost(self) -> None:
        log.error("a process that starts workers ended; starting another")
        self._alarm.set()

    @property
    def turn(self) -> asyncio.Event:
        """Set when another generation is served than the one served now."""
        return self._turn

    async def warmed(self) -> None:
        """Wait until a snapshot that fits is in memory."""
        await self._memory.loaded()

    def _start_zygote(self) -> Zygote:
        return Zygote(self.limits.result_buffer, self._lost)

    def _released(self, source: Source) -> None:
        """The last reader of a snapshot is done."""
        if source.zygote is not self._zygote and not self._pool.uses(source.zygote):
            source.zygote.close()
        try:
            snapshots.prune(self._store_dir)
        except OSError as error:  # it is tried again when the next one is released
            log.warning("old generations could not be removed: %s", error)


async def _stop(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _aside(size: int, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """``function``'s result, from a thread where ``size`` (bytes) means that it takes long."""
    if size <= _AT_ONCE:
        return function(*arguments, **named)
    return await asyncio.to_thread(function, *arguments, **named)


def _serves(source: Source, snapshot: Snapshot) -> bool:
    return source.snapshot.number == snapshot.number and not source.zygote.gone
