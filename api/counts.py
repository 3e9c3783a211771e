"""How much there is: counted once for each version of the data, under the limits of all queries."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from kg.errors import LimitExceeded, Unavailable
from kg.resources import query
from kg.serving import Engine, QueryRequest

_CLIENT = "counting"


@dataclass(frozen=True)
class Counts:
    """What could not be counted within the limits is None.

    ``graphs``: triples by the IRI of the named graph; the others are about the default graph.
    ``classes`` and ``properties``: instances and triples by IRI.
    """

    graphs: Mapping[str, int] | None
    triples: int | None
    subjects: int | None
    classes: Mapping[str, int] | None
    properties: Mapping[str, int] | None


class Counter:
    """Counts the version in force when asked, and remembers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._counting = asyncio.Lock()
        self._found: tuple[str, Counts] | None = None

    async def counts(self) -> Counts:
        async with self._counting:
            version = self._engine.snapshot.version
            if self._found is None or self._found[0] != version:
                self._found = (version, await self._count())
            return self._found[1]

    async def _count(self) -> Counts:
        totals = await self._rows("totals")
        triples, subjects = map(int, totals[0]) if totals else (None, None)
        return Counts(
            await self._by_iri("graphs"),
            triples,
            subjects,
            await self._by_iri("classes"),
            await self._by_iri("properties"),
        )

    async def _by_iri(self, name: str) -> dict[str, int] | None:
        rows = await self._rows(name)
        return None if rows is None else {iri: int(number) for iri, number in sorted(rows)}

    async def _rows(self, name: str) -> list[list[str]] | None:
        request = QueryRequest(query(f"counts/{name}.rq"), "text/csv", client=_CLIENT)
        try:
            text = (await (await self._engine.query(request)).read()).decode("utf-8")
        except (LimitExceeded, Unavailable):
            return None
        return list(csv.reader(io.StringIO(text)))[1:]
