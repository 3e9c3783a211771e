"""SPARQL 1.1 Protocol, update: read the request, have it done, say so."""

from __future__ import annotations

import asyncio

from api.authorisation import credit, written_headers
from api.exchange import FORM_TYPE, Exchange, Pairs, pairs, values
from kg.errors import InvalidInput, UnsupportedMedia

UPDATE_TYPE = "application/sparql-update"


async def update(exchange: Exchange) -> None:
    """Answer a POST to ``/update``: 204 once it is durable and every new query sees it."""
    by = credit(exchange)
    text, parameters = await _read(exchange)
    with exchange.watched():  # LOAD may fetch for long; what the writer has begun it finishes
        written = await exchange.service.engine.update(
            text,
            values(parameters, "using-graph-uri"),
            values(parameters, "using-named-graph-uri"),
            exchange.url,
            client=exchange.client,
            credit=by,
        )
    await exchange.whole(204, written_headers(written))


async def _read(exchange: Exchange) -> tuple[str, Pairs]:
    """The text of the update, and the parameters that stand beside it."""
    if exchange.media_type == FORM_TYPE:
        form = await asyncio.to_thread(pairs, await exchange.body("update_bytes"), "the form")
        parameters = [*exchange.parameters, *form]
    elif exchange.media_type == UPDATE_TYPE:
        text = await exchange.text("update_bytes")
        parameters = [*exchange.parameters, ("update", text)]
    else:
        given = exchange.media_type or "without a type"
        message = f"an update comes as {FORM_TYPE} or {UPDATE_TYPE}, not {given}"
        raise UnsupportedMedia(message, [FORM_TYPE, UPDATE_TYPE])
    texts = values(parameters, "update")
    if len(texts) != 1 or not texts[0]:
        raise InvalidInput("there must be exactly one update")
    return texts[0], parameters
