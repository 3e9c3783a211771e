"""SPARQL 1.1 Protocol, query: read the request, run it, send the answer.

What was asked before is answered without the engine, while the data stands
(:mod:`kg.serving.cache`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from api import service_description
from api.conditional import etag
from api.exchange import (
    FORM_TYPE,
    Exchange,
    Pairs,
    answer_headers,
    by_name,
    content_type,
    pairs,
)
from api.head import Head
from api.negotiation import Offer, negotiate
from kg.errors import Conflict, InvalidInput, NotAcceptable, UnsupportedMedia
from kg.formats import RDF_FORMATS, RESULT_FORMATS, Format
from kg.serving import Form, Inspection, Limits, QueryRequest, inspect

QUERY_TYPE = "application/sparql-query"

_NO_UPDATES = "only queries are answered here: an update goes to /update, by POST"
AT_ONCE = 32 << 10
"""Characters of a query that are looked at without letting others wait."""

_VERSIONS = ("1.2", "1.1")


def _offers(formats: Sequence[Format]) -> tuple[Offer, ...]:
    return tuple(Offer(f.name, (f.media_type, *f.also), _VERSIONS) for f in formats)


RESULT_OFFERS = _offers(RESULT_FORMATS)
GRAPH_OFFERS = _offers(RDF_FORMATS)
_EXPLANATION = Offer("txt", ("text/plain",))
TRIPLE_TERM_OFFERS = tuple(offer for offer in GRAPH_OFFERS if offer.name != "jsonld")


class ProtocolQuery(NamedTuple):
    """A query operation as the protocol carries it; ``explain``: how it would be carried out."""

    text: str | None
    default_graphs: tuple[str, ...] = ()
    named_graphs: tuple[str, ...] = ()
    explain: bool = False


class Prepared(NamedTuple):
    """A query as the engine gets it, and the form that its answer is to have."""

    request: QueryRequest
    inspection: Inspection
    offer: Offer
    media_type: str
    """As the client asked for it, with its version."""

    def headers(self, version: str) -> dict[str, str]:
        """Of the answer from the data of this ``version``."""
        tag = etag(version, self.media_type) if self.inspection.repeatable else None
        return answer_headers(content_type(self.media_type), tag)

    def repeats(self, version: str) -> str | None:
        """As long as which version of the data the answer stays the same."""
        return version if self.inspection.repeatable else None


async def query(exchange: Exchange) -> None:
    """Answer a request to ``/sparql``."""
    posted = exchange.method == "POST"
    if posted:
        _check_type(exchange)  # before the body is read
    body = await exchange.body("query_bytes") if posted else b""
    asked = _from_body(exchange, body) if posted else _from_url(exchange)
    if asked == ProtocolQuery(None) and not posted:
        await service_description.describe(exchange)
    elif asked.explain:
        await _answer_explained(exchange, asked)
    else:
        await _answer(exchange, asked)


def _check_type(exchange: Exchange) -> None:
    if exchange.media_type not in (FORM_TYPE, QUERY_TYPE):
        given = exchange.media_type or "without a type"
        raise UnsupportedMedia(
            f"a query comes as {FORM_TYPE} or {QUERY_TYPE}, not {given}; an update goes to /update",
            [FORM_TYPE, QUERY_TYPE],
        )


def _from_url(exchange: Exchange) -> ProtocolQuery:
    return _from_pairs(exchange.parameters)


def _from_body(exchange: Exchange, body: bytes) -> ProtocolQuery:
    if exchange.media_type == FORM_TYPE:
        return _from_pairs([*exchange.parameters, *pairs(body, "the form")])
    if "query" in by_name(exchange.parameters):
        raise InvalidInput("there are two queries: one in the URL and one in the body")
    return _from_pairs(exchange.parameters)._replace(text=_utf8(body))


def _utf8(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"the body is not UTF-8 at byte {error.start}") from None


def _from_pairs(parameters: Pairs) -> ProtocolQuery:
    given = by_name(parameters)
    texts = given.get("query", ())
    if "update" in given:
        raise InvalidInput(_NO_UPDATES)
    if len(texts) > 1:
        raise InvalidInput("the parameter 'query' is given more than once")
    return ProtocolQuery(
        texts[0] if texts else None,
        given.get("default-graph-uri", ()),
        given.get("named-graph-uri", ()),
        _explain(given.get("explain", ())),
    )


def _explain(given: tuple[str, ...]) -> bool:
    if not set(given) <= {"true", "false"}:
        raise InvalidInput("the parameter 'explain' is true or false")
    return "true" in given


async def _answer(exchange: Exchange, asked: ProtocolQuery) -> None:
    base = exchange.url
    inspection = await _inspect(_text(asked), exchange.service.engine.limits, base)
    query = prepare(asked, inspection, exchange.head, base, exchange.client)
    conditional = exchange.head.conditional
    # Whether there is an answer at all can be said only when it is there.
    anything = conditional and exchange.header(b"if-none-match").strip() == "*"
    if conditional and not anything and await _unchanged(exchange, query):
        return
    with exchange.watched():
        try:
            answer = await (exchange.begun or exchange.service.engine.query(query.request))
        except NotAcceptable as error:
            raise _names_what_there_is(error, query) from None
        if anything and await _unchanged(exchange, query):
            answer.close()
            return
        headers = query.headers(answer.version)
        if answer.body is None:
            await exchange.stream(headers, answer)
            return
        repeats = None if conditional else query.repeats(answer.version)
        await exchange.whole(200, headers, answer.body, repeats)


async def _answer_explained(exchange: Exchange, asked: ProtocolQuery) -> None:
    """Send the order of the query's patterns instead of its answer."""
    offer, _ = negotiate(exchange.header(b"accept"), (_EXPLANATION,))
    dataset = asked.default_graphs, asked.named_graphs
    request = QueryRequest(
        _text(asked), offer.media_type, *dataset, base=exchange.url, client=exchange.client
    )
    with exchange.watched():
        explanation = await exchange.service.engine.explain(request)
    headers = answer_headers(content_type(offer.media_type), None)
    await exchange.whole(200, headers, explanation.encode())


def _text(asked: ProtocolQuery) -> str:
    if not asked.text:
        raise InvalidInput("there is no query: give the parameter 'query'")
    return asked.text


async def _inspect(text: str, limits: Limits, base: str) -> Inspection:
    """The measures of the text, taken in a thread where others would notice how long it takes."""
    if len(text) <= AT_ONCE:
        return inspect(text, limits, base)
    return await asyncio.to_thread(inspect, text, limits, base)


def prepare(
    asked: ProtocolQuery, inspection: Inspection, head: Head, base: str, client: str
) -> Prepared:
    """What is asked of the engine.

    :raises InvalidInput: there is no query, or it is an update.
    :raises NotAcceptable: there is no format that the client accepts.
    """
    if inspection.form is Form.UPDATE:
        raise InvalidInput(_NO_UPDATES)
    offer, media_type = _negotiate(head, inspection.form)
    request = QueryRequest(
        _text(asked),
        offer.media_type,
        asked.default_graphs,
        asked.named_graphs,
        base,
        not media_type.endswith("version=1.1"),
        client,
        inspection=inspection,
    )
    return Prepared(request, inspection, offer, media_type)


def _negotiate(head: Head, form: Form) -> tuple[Offer, str]:
    if form is Form.UNKNOWN:
        # No answer will come of it but an error, which needs no format.
        return RESULT_OFFERS[0], RESULT_OFFERS[0].media_type
    offers = GRAPH_OFFERS if form.gives_graph else RESULT_OFFERS
    return negotiate(head.header(b"accept"), offers)


async def _unchanged(exchange: Exchange, query: Prepared) -> bool:
    """Answer without running the query where the client has the answer already.

    :raises Conflict: it made that a condition of a POST (RFC 9110, 13.1.2).
    """
    tag = exchange.has(etag(exchange.service.version, query.media_type))
    if tag is None or not query.inspection.repeatable:
        return False
    if exchange.method == "POST":
        raise Conflict("the answer is what If-None-Match names")
    await exchange.whole(304, answer_headers(content_type(query.media_type), tag))
    return True


def _names_what_there_is(error: NotAcceptable, query: Prepared) -> NotAcceptable:
    """The engine knows what does not fit, not what would: the same in RDF 1.2, or another."""
    offers = TRIPLE_TERM_OFFERS if query.inspection.form.gives_graph else RESULT_OFFERS
    rdf12 = query.request.rdf12
    fitting = [offer for offer in offers if offer is not query.offer or not rdf12]
    offered = error.offered or [f"{offer.media_type}; version=1.2" for offer in fitting]
    return NotAcceptable(f"{error}; there is: {', '.join(offered)}", offered)
