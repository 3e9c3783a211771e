"""SPARQL 1.1 Protocol, update: read the request, have it done, say so."""

from __future__ import annotations

import asyncio

from api.authorisation import credit, written_headers
from api.conditional import names_version
from api.exchange import FORM_TYPE, Exchange, by_name, pairs
from kg.errors import Conflict, InvalidInput, UnsupportedMedia

UPDATE_TYPE = "application/sparql-update"

_QUERIES = "a query goes to /sparql"


async def update(exchange: Exchange) -> None:
    """Answer a POST to ``/update``: 204 once it is durable and every new query sees it."""
    by = credit(exchange)
    text, given = await _read(exchange)
    version = _condition(exchange)
    with exchange.watched():  # LOAD may fetch for long; what the writer has begun it finishes
        written = await exchange.service.engine.update(
            text,
            given.get("using-graph-uri", ()),
            given.get("using-named-graph-uri", ()),
            exchange.url,
            if_version=version,
            client=exchange.client,
            credit=by,
        )
    await exchange.whole(204, written_headers(written))


def _condition(exchange: Exchange) -> str | None:
    """The version that the data must still be, because the client read it; None: any.

    :raises Conflict: it is another already.
    """
    match, version = exchange.header(b"if-match").strip(), exchange.service.version
    if match and not names_version(match, version):
        raise Conflict("the data is not what If-Match names")
    return None if match in ("", "*") else version


async def _read(exchange: Exchange) -> tuple[str, dict[str, tuple[str, ...]]]:
    """The text of the update, and all parameters by their names."""
    if exchange.media_type == FORM_TYPE:
        form = await asyncio.to_thread(pairs, await exchange.body("update_bytes"), "the form")
        parameters = [*exchange.parameters, *form]
    elif exchange.media_type == UPDATE_TYPE:
        text = await exchange.text("update_bytes")
        parameters = [*exchange.parameters, ("update", text)]
    else:
        media_type = exchange.media_type or "without a type"
        message = f"an update comes as {FORM_TYPE} or {UPDATE_TYPE}, not {media_type}; {_QUERIES}"
        raise UnsupportedMedia(message, [FORM_TYPE, UPDATE_TYPE])
    given = by_name(parameters)
    texts = given.get("update", ())
    if "query" in given:
        raise InvalidInput(f"there is a query beside the update, or instead of it; {_QUERIES}")
    if len(texts) != 1 or not texts[0]:
        raise InvalidInput("there must be exactly one update")
    return texts[0], given
