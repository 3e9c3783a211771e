"""What the routes share: settings, the engine room, the catalogue of the snapshot in force."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from string import Template
from typing import Any

from fastapi import Request

from api.counts import Counter
from api.tokens import Tokens
from kg.catalogue import CATALOGUE_FILE, Catalogue, Description
from kg.compaction import Context, Turtle, canonical
from kg.config import Settings
from kg.derive import DERIVED_GRAPHS
from kg.desks import Desks
from kg.errors import InvalidInput, Unavailable
from kg.history import History
from kg.namespaces import Namespaces
from kg.policy.desk import Desk
from kg.resources import query
from kg.serving import Answer, Engine, QueryRequest, WritePolicy
from kg.snapshots import Snapshot

# Graphs that the build writes anew, and graphs that the merged default graph leaves out.
_BUILT = (*DERIVED_GRAPHS, "ontology")
_NOT_MERGED = ("history", "rdf12")

KEEPER = "kg.upkeep:Upkeep"
RECORDER = "kg.history.recording:Recorder"
"""What runs inside a write, in the writer process; the second where the model is not kept."""

WRITTEN = ("text/turtle", "application/ld+json")
"""Formats of documents that are put in order before they are sent."""

# RFC 3987 allows more, but these end an IRI in SPARQL and never stand in one of ours.
_NOT_IN_IRI = re.compile(r"[\x00-\x20<>\"{}|\\^`]")


class Service:
    """One running service over one store directory."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self.settings, self.engine = settings, engine
        self.names = Namespaces(settings.base)
        self.tokens = Tokens.of(settings)
        self.context, self.turtle = Context.of(self.names), Turtle(self.names)
        self.counter = Counter(engine)
        self._catalogue: tuple[int, Catalogue] | None = None
        self._desks: Desks | None = None
        self._history: History | None = None
        self.listeners = 0
        """Clients that follow the changes."""
        self.closing = asyncio.Event()
        """Set when the server stops: whoever waits for changes goes."""

    @property
    def snapshot(self) -> Snapshot:
        """The generation in force. Raises Unavailable where nothing was built yet."""
        return self.engine.snapshot

    @property
    def writable(self) -> bool:
        return bool(self.tokens.holders)

    @property
    def version(self) -> str:
        return self.snapshot.version

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue of the generation in force. Raises Unavailable where it has none."""
        snapshot = self.snapshot
        if self._catalogue is None or self._catalogue[0] != snapshot.number:
            path = snapshot.path / CATALOGUE_FILE
            if not path.exists():
                raise Unavailable("this store has no catalogue: it was served with --empty")
            self._catalogue = (snapshot.number, Catalogue(path))
        return self._catalogue[1]

    @property
    def history(self) -> History:
        """The log up to the generation in force."""
        snapshot = self.snapshot
        if self._history is None or self._history.upto != snapshot.number:
            self._history = History(self.settings.store, snapshot.number)
        return self._history

    @property
    def desks(self) -> Desks:
        """Answers about control status from the generation in force and from past ones."""
        snapshot = self.snapshot
        if self._desks is None or self._desks.number != snapshot.number:
            self._desks = Desks(snapshot, self._desks)
        return self._desks

    @property
    def desk(self) -> Desk:
        """Answers from the generation in force. Raises NotFound where it has no rules."""
        return self.desks.now

    async def run(
        self, name: str, media_type: str, graphs: Sequence[str] = (), **terms: str
    ) -> Answer:
        """Run a query of ours, ``$name`` in it replaced by SPARQL terms (see :meth:`iri`).

        ``graphs``: IRIs of those to look in, instead of the default graph.
        """
        text = Template(self.names.rebase(query(name))).substitute(terms)
        request = QueryRequest(
            self.names.sparql_prologue + text,
            media_type=media_type,
            default_graphs=tuple(graphs),
        )
        return await self.engine.query(request)

    async def describe(
        self, iri: str, media_type: str, context: str, graphs: Sequence[str] = ()
    ) -> bytes | Answer:
        """The document of a thing (``documents/thing.rq``): whole where it is for people.

        ``context`` as for :meth:`written`, ``graphs`` as for :meth:`run`.
        """
        name, items = "documents/thing.rq", self.iri(iri)
        if media_type not in WRITTEN:
            return await self.run(name, media_type, graphs, items=items)
        answer = await self.run(name, "application/n-triples", graphs, items=items)
        data = await answer.read()
        return await asyncio.to_thread(self._document, iri, data, media_type, context)

    def _document(self, iri: str, data: bytes, media_type: str, context: str) -> bytes:
        said = Description([iri], [canonical(data.decode().split("\n"))])
        return self.written(said, media_type, context)

    def written(self, said: Description, media_type: str, context: str) -> bytes:
        """``said`` in one of the formats that are put in order. ``context``: where the client
        finds the JSON-LD context."""
        if media_type == "text/turtle":
            return self.turtle.write(said.texts, said.nodes)
        return self.context.frame(zip(said.nodes, said.texts, strict=True), context).encode()

    async def select(
        self, name: str, graphs: Sequence[str] = (), **terms: str
    ) -> list[dict[str, dict[str, str]]]:
        """The bindings of a SELECT of ours; ``graphs`` as for :meth:`run`."""
        answer = await self._json(name, graphs, **terms)
        bindings: list[dict[str, dict[str, str]]] = answer["results"]["bindings"]
        return bindings

    async def ask(self, name: str, **terms: str) -> bool:
        return bool((await self._json(name, **terms))["boolean"])

    async def _json(self, name: str, graphs: Sequence[str] = (), **terms: str) -> Any:
        answer = await self.run(name, "application/sparql-results+json", graphs, **terms)
        return json.loads(await answer.read())

    @staticmethod
    def iri(text: str) -> str:
        """``text`` as an IRI in SPARQL. Raises InvalidInput where it cannot be one."""
        if _NOT_IN_IRI.search(text):
            raise InvalidInput(f"not an IRI: {text!r}")
        return f"<{text}>"


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Service]:
    """A service with its processes started, and ended with the context."""
    writes, egress = _write_policy(settings), settings.egress
    async with Engine(settings.store, settings.limits, writes, egress) as engine:
        yield Service(settings, engine)


def _write_policy(settings: Settings) -> WritePolicy:
    names = Namespaces(settings.base)
    return WritePolicy(
        settings.default_graph == "union",
        frozenset(names.expand(f"g:{graph}").value for graph in _BUILT),
        frozenset(names.expand(f"g:{graph}").value for graph in _NOT_MERGED),
        KEEPER if settings.default_graph == "union" else RECORDER,
    )


def context_url(request: Request) -> str:
    """Of the JSON-LD context, at the address that the client came to: the base may not answer."""
    return f"{request.base_url}context.jsonld"


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service
