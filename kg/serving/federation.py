"""(Server.) Puts what SERVICE and LOAD ask for into a text before it is run.

Workers have no network, and need none. What a text wants from elsewhere is fetched by this
process, which does not look into it, and read by a worker that is ended afterwards. What that
gives stands in the text that is run: solutions as VALUES, a graph as INSERT DATA. So everything
that holds for queries and updates holds for these.

A SERVICE is asked once, for all solutions of its own block, as the standard defines it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from kg.errors import (
    Forbidden,
    InvalidQuery,
    LimitExceeded,
    RemoteFailure,
    Unavailable,
)
from kg.formats import GRAPH_FORMATS, Format, by_extension
from kg.serving import gate, uploads
from kg.serving.egress import Egress
from kg.serving.fairness import Turnstile
from kg.serving.fetching import Allowance, Fetcher, Order, Reply
from kg.serving.limits import Limits
from kg.serving.tokens import Names, Prologue, Token, checked_iri, tokens

_TOGETHER = 4  # fetches of one request at once
_RESULTS = ", ".join(
    (
        "application/sparql-results+json",
        "application/sparql-results+xml;q=0.9",
        "text/tab-separated-values;q=0.8",
    )
)
_GRAPHS = ", ".join((*(one.media_type for one in GRAPH_FORMATS), "*/*;q=0.1"))
_VAGUE = frozenset({"", "text/plain", "application/octet-stream", "text/xml", "application/xml"})
"""Media types that say less than the end of a name does."""


@dataclass(frozen=True)
class Call:
    """A SERVICE or LOAD, at ``start`` to ``end`` of its text.

    ``query``: what the endpoint of SERVICE is asked. ``graph``: the term for the graph that LOAD
    goes into, empty for the default graph.
    """

    verb: str
    iri: str
    silent: bool
    start: int
    end: int
    query: str = ""
    graph: str = ""


class Ask(Protocol):
    """Has a worker read a document, and end."""

    def __call__(self, work: dict[str, Any], body: bytes, client: str) -> Awaitable[bytes]: ...


class Federation:
    """Brings in what the targets of ``egress`` give."""

    def __init__(self, limits: Limits, egress: Egress, fetcher: Fetcher, ask: Ask) -> None:
        self._limits, self._egress, self._fetcher, self._ask = limits, egress, fetcher, ask
        self._turns = Turnstile(limits.remote_at_once, limits.queue)

    @asynccontextmanager
    async def brought_in(self, text: str, base: str, client: str) -> AsyncIterator[str]:
        """The text to run. Leave the context when it has been handed on: it may be large.

        ``text`` must be well formed.

        :raises RemoteFailure: a target without SILENT gave nothing that can be used.
        :raises Unavailable: too many requests fetch already.
        """
        deadline = asyncio.get_running_loop().time() + self._limits.remote_timeout
        allowance = Allowance(self._limits.remote_bytes, deadline)
        try:
            async with asyncio.timeout_at(deadline):
                await self._turns.enter(client)
        except TimeoutError:
            message = "too many requests wait for what is elsewhere; try again later"
            raise Unavailable(message, 5) from None
        try:
            yield await self._bring(text, base, allowance, client)
        finally:
            self._turns.leave()

    async def _bring(self, text: str, base: str, allowance: Allowance, client: str) -> str:
        found = [one for one in await asyncio.to_thread(calls, text, base) if self._is_allowed(one)]
        places = asyncio.Semaphore(_TOGETHER)

        async def bring(call: Call) -> str:
            async with places:
                return await self._result(call, allowance, client)

        tasks = [asyncio.ensure_future(bring(call)) for call in found]
        try:
            pieces = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        return _put_in(text, found, pieces)

    def _is_allowed(self, call: Call) -> bool:
        return self._egress.allows(call.verb, call.iri)

    async def _result(self, call: Call, allowance: Allowance, client: str) -> str:
        """What stands for ``call`` in the text that is run."""
        bring = self._solutions if call.verb == "SERVICE" else self._graph
        try:
            return await bring(call, allowance, client)
        except RemoteFailure:
            if not call.silent:
                raise
        return "INSERT DATA {}" if call.verb == "LOAD" else await self._values(call, None, client)

    async def _solutions(self, call: Call, allowance: Allowance, client: str) -> str:
        order = Order("SERVICE", call.iri, _RESULTS, (("query", call.query),))
        return await self._values(call, await self._fetcher.fetch(order, allowance), client)

    async def _values(self, call: Call, reply: Reply | None, client: str) -> str:
        """None: the one solution without bindings that a SILENT one gives that fails."""
        inspection = gate.inspect(call.query, self._limits)
        work = {"job": "solutions", "query": gate.disarm(call.query, inspection)}
        if reply is None:
            return (await self._ask({**work, "media_type": None}, b"", client)).decode()
        return await self._read(call, reply, {**work, "media_type": reply.media_type}, client)

    async def _graph(self, call: Call, allowance: Allowance, client: str) -> str:
        reply = await self._fetcher.fetch(Order("LOAD", call.iri, _GRAPHS), allowance)
        media_type = _format_of(reply, call.iri).media_type
        work = {"job": "parse", "dataset": False, "media_type": media_type, "base": reply.iri}
        triples = await self._read(call, reply, work, client)
        if call.graph:
            triples = f"GRAPH {call.graph} {{ {triples} }}"
        return f"INSERT DATA {{ {triples} }}"

    async def _read(self, call: Call, reply: Reply, work: dict[str, Any], client: str) -> str:
        """What a worker makes of the reply. Nothing of its content gets into an error."""
        kind = work["media_type"]
        try:
            await asyncio.to_thread(uploads.inspect, reply.body, kind, self._limits)
            return (await self._ask(work, reply.body, client)).decode()
        except InvalidQuery as error:
            place = f", line {error.line}" if error.line else ""
            raise RemoteFailure(
                f"<{call.iri}> sends malformed {kind or 'content'}{place}"
            ) from None
        except (Forbidden, LimitExceeded) as error:
            raise RemoteFailure(f"<{call.iri}> sends what is not read: {error}") from None


def _put_in(text: str, found: list[Call], pieces: list[str]) -> str:
    parts, at = [], 0
    for call, piece in zip(found, pieces, strict=True):
        parts += [text[at : call.start], piece]
        at = call.end
    return " ".join([*parts, text[at:]])


def _format_of(reply: Reply, iri: str) -> Format:
    """By its media type, or where that is vague by the end of its name."""
    extension = by_extension(reply.iri.partition("?")[0].rpartition(".")[2])
    if reply.media_type in _VAGUE and extension in GRAPH_FORMATS:
        return extension
    for one in GRAPH_FORMATS:
        if reply.media_type in (one.media_type, *one.also):
            return one
    raise RemoteFailure(f"<{iri}> sends {reply.media_type or 'something'}, which is not a graph")


# --- where they stand -------------------------------------------------------------------------


def calls(text: str, base: str) -> list[Call]:
    """Every SERVICE that is not within another, and every LOAD, of a well-formed text."""
    return list(_Reader(text, base).read())


class _Reader:
    def __init__(self, text: str, base: str) -> None:
        self._text, self._base = text, base
        self._names = Names(base)
        self._prologue = Prologue(self._names)
        self._tokens: Iterator[Token] = tokens(text)

    def read(self) -> Iterator[Call]:
        for kind, token, at in self._tokens:
            word = token.upper() if kind == "word" else ""
            if self._prologue.takes((kind, token, at)):
                continue
            if word == "SERVICE":
                yield self._service(at)
            elif word == "LOAD":
                yield self._load(at)

    def _service(self, start: int) -> Call:
        silent, iri, _ = self._target()
        opening = end = next(self._tokens)[2]
        depth = 1
        while depth:
            _, sign, at = next(self._tokens)
            depth += (sign == "{") - (sign == "}")
            end = at + 1
        base = f"BASE <{checked_iri(self._base)}> " if self._base else ""
        query = f"{base}{self._prologue.text}SELECT * WHERE {self._text[opening:end]}"
        return Call("SERVICE", iri, silent, start, end, query=query)

    def _load(self, start: int) -> Call:
        silent, iri, end = self._target()
        _, following, _ = next(self._tokens, ("", "", 0))
        if following.upper() != "INTO":
            return Call("LOAD", iri, silent, start, end)
        next(self._tokens)  # GRAPH
        _, graph, at = next(self._tokens)
        return Call("LOAD", iri, silent, start, at + len(graph), graph=graph)

    def _target(self) -> tuple[bool, str, int]:
        """Whether it is silent, the IRI, and where that ends."""
        kind, token, at = next(self._tokens)
        silent = kind == "word" and token.upper() == "SILENT"
        if silent:
            kind, token, at = next(self._tokens)
        return silent, self._names.resolve(kind, token), at + len(token)
