"""The quick way of most queries: a GET with a query and nothing else, run without ASGI's events.

What is out of the ordinary (a mistake, a condition, an answer that is long) goes the ordinary way,
:mod:`api.sparql`; what has been begun goes on there.
"""

from __future__ import annotations

import asyncio

from api.compression import INLINE, LEAST, compress
from api.endpoints import SHARED
from api.exchange import as_gzip, raw, unquoted
from api.head import RawHeaders
from api.known import Glance
from api.service import Service
from api.sparql import AT_ONCE, Prepared, ProtocolQuery, prepare
from kg.errors import ChiptrailError
from kg.serving import Answer, Limits, inspect

_PATHS = ("/sparql", "/sparql/")
_QUERY = b"query="


class Quick:
    """A query that runs as ``task``."""

    def __init__(self, asked: Glance, query: Prepared, task: asyncio.Task[Answer]) -> None:
        self.asked, self.task = asked, task
        self._query = query

    def whole(self) -> tuple[RawHeaders, bytes, str | None] | None:
        """Headers and body, and as long as which version of the data they can be repeated, when
        the task is done; None where the ordinary way is to go on."""
        if self.task.cancelled() or self.task.exception() is not None:
            return None
        answer = self.task.result()
        body, zipped = answer.body, self.asked.head.gzip
        if body is None or (zipped and len(body) > INLINE):
            return None
        headers = self._query.headers(answer.version)
        if zipped and len(body) >= LEAST:
            headers, body = as_gzip(headers), compress(body)
        return raw(headers) + SHARED, body, self._query.repeats(answer.version)


def begin(service: Service, asked: Glance, client: str) -> Quick | None:
    """Begin to answer; None where the request has to go the ordinary way from here."""
    encoded = asked.query
    if asked.path not in _PATHS or not encoded.startswith(_QUERY) or b"&" in encoded:
        return None
    if asked.head.conditional:
        return None
    try:
        query = _read(unquoted(encoded.removeprefix(_QUERY)), asked, service.engine.limits, client)
    except (ChiptrailError, UnicodeDecodeError):
        return None  # there it is told what is wrong
    if query is None:
        return None
    task = asyncio.get_running_loop().create_task(service.engine.query(query.request))
    return Quick(asked, query, task)


def _read(text: str, asked: Glance, limits: Limits, client: str) -> Prepared | None:
    if len(text) > AT_ONCE or not asked.head.host:
        return None
    base = f"http://{asked.head.host}{asked.path}"
    inspection = inspect(text, limits, base)
    return prepare(ProtocolQuery(text), inspection, asked.head, base, client)
