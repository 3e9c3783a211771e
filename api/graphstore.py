"""SPARQL 1.1 Graph Store HTTP Protocol: graphs by their names, read and written whole.

A graph is named by ``/data?graph=IRI`` or ``/data?default``; a path below ``/data/`` is the
name of a graph itself, and so is one below ``/graph/`` (under the base IRI of the data).
Where none is named, ``/data`` is the dataset: GET gives all graphs, and with a document that has
graphs of its own POST adds to these and PUT replaces these. A document without a media type is
taken for RDF/XML, as the protocol wants it (section 5).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from api.authorisation import credit, written_headers
from api.conditional import etag, names_version
from api.exchange import Exchange, answer_headers, by_name, content_type
from api.negotiation import Offer, negotiate
from kg.errors import Conflict, InvalidInput, NotAcceptable, NotFound, UnsupportedMedia
from kg.formats import DATASET_FORMATS, GRAPH_FORMATS
from kg.serving import Credit, Document, Written

_OFFERS = tuple(Offer(f.name, (f.media_type, *f.also), ("1.2", "1.1")) for f in GRAPH_FORMATS)
_DATASET_OFFERS = tuple(Offer(f.name, (f.media_type, *f.also), ("1.2",)) for f in DATASET_FORMATS)
_FORM_DATA = "multipart/form-data"
_WITHOUT_TYPE = "application/rdf+xml"
_READ_AS = {name: f.media_type for f in GRAPH_FORMATS for name in (f.media_type, *f.also)}
_DATASETS = tuple(f.media_type for f in DATASET_FORMATS)
_GRAPHS = (*(f.media_type for f in GRAPH_FORMATS), _FORM_DATA)
ACCEPTED = (*_GRAPHS, *_DATASETS)

_ATTEMPTS = 5
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|\\^`]*")


@dataclass(frozen=True)
class Target:
    """``iri`` None is the default graph, or with ``dataset`` all graphs.

    ``fresh``: a graph that gets its name now.
    """

    iri: str | None
    fresh: bool = False
    dataset: bool = False

    @property
    def name(self) -> str:
        if self.dataset:
            return "the dataset"
        return "the default graph" if self.iri is None else f"<{self.iri}>"


async def serve(exchange: Exchange) -> None:
    """Answer a request to the graph store."""
    target = _target(exchange)
    if exchange.method in ("GET", "HEAD"):
        await _read(exchange, target)
        return
    by = credit(exchange)
    documents = await _documents(exchange, target) if exchange.method != "DELETE" else []
    if exchange.method == "POST" and not any(document.body for document in documents):
        await _condition(exchange, target)
        # There is nothing to add, so nothing is made.
        await exchange.whole(204, {"Cache-Control": "no-store"})
        return
    written = await _write(exchange, target, documents, by)
    headers = written_headers(written)
    if target.fresh and target.iri is not None:
        headers["Location"] = target.iri
    await exchange.whole(201 if written.created else 204, headers)


def _target(exchange: Exchange) -> Target:
    """The graph that the request is about.

    :raises InvalidInput: none or several are named, or not by an absolute IRI.
    """
    direct = _direct(exchange)
    given = by_name(exchange.parameters)
    names, default = given.get("graph", ()), given.get("default", ())
    if bool(direct) + len(names) + len(default) > 1:
        raise InvalidInput("name one graph: by its path, by ?default or by one ?graph=")
    if direct or names:
        return Target(_checked(direct or names[0]))
    if default:
        return Target(None)
    return _unnamed(exchange)


def _unnamed(exchange: Exchange) -> Target:
    """The dataset, or for a POST of one graph a new graph."""
    method = exchange.method
    if method in ("GET", "HEAD"):
        return Target(None, dataset=True)
    if method in ("PUT", "POST") and exchange.media_type in _DATASETS:
        return Target(None, dataset=True)
    if method == "POST":
        return Target(f"{exchange.url.rstrip('/')}/{secrets.token_hex(8)}", fresh=True)
    also = f", or send graphs with their names ({', '.join(_DATASETS)})" if method == "PUT" else ""
    raise InvalidInput(f"name the graph: ?default or ?graph=IRI{also}")


def _direct(exchange: Exchange) -> str:
    """The graph that the path names; empty where it is that of the graph store."""
    path: str = exchange.scope["path"]
    if path.startswith("/graph/"):
        return exchange.service.names.base + path[1:]
    return "" if path in ("/data", "/data/") else exchange.url


def _checked(iri: str) -> str:
    if not _IRI.fullmatch(iri):
        raise InvalidInput(f"not an absolute IRI: {iri!r}")
    return iri


async def _read(exchange: Exchange, target: Target) -> None:
    service, offers = exchange.service, _DATASET_OFFERS if target.dataset else _OFFERS
    offer, media_type = negotiate(exchange.header(b"accept"), offers)
    if exchange.header(b"if-none-match").strip() == "*" and not await _exists(exchange, target):
        raise NotFound(f"there is no graph {target.name}")
    tag = exchange.has(etag(service.version, media_type))
    if tag is not None:
        await exchange.whole(304, answer_headers(content_type(media_type), tag))
        return
    rdf12 = not media_type.endswith("version=1.1")
    with exchange.watched():
        try:
            if target.dataset:
                answer = await service.engine.dataset(offer.media_type, exchange.client)
            else:
                answer = await service.engine.graph(
                    target.iri, offer.media_type, rdf12, exchange.client
                )
        except NotAcceptable as error:
            fitting = (o for o in _OFFERS if o.name != "jsonld" and not (rdf12 and o is offer))
            offered = [o.media_type for o in fitting]
            raise NotAcceptable(f"{error}; there is: {', '.join(offered)}", offered) from None
        tag = etag(answer.version, media_type)
        headers = answer_headers(content_type(media_type), tag)
        if answer.body is None:
            await exchange.stream(headers, answer)
        else:
            await exchange.whole(200, headers, answer.body)


# --- writing ----------------------------------------------------------------------------------


async def _write(
    exchange: Exchange, target: Target, documents: list[Document], by: Credit
) -> Written:
    """Do it, under the conditions that the request makes.

    A condition pins the version of the data; if that has moved on meanwhile, whether it
    still holds is asked anew.
    """
    for _ in range(_ATTEMPTS):
        version = await _condition(exchange, target)
        try:
            return await _perform(exchange, target, documents, version, by)
        except Conflict:
            if version == exchange.service.version:
                raise
    raise Conflict("other writes kept coming between: try again")


async def _perform(
    exchange: Exchange,
    target: Target,
    documents: list[Document],
    version: str | None,
    by: Credit,
) -> Written:
    engine = exchange.service.engine
    if exchange.method == "DELETE":
        return await engine.delete_graph(target.iri, version, by)
    first, *more = documents
    if target.dataset:
        write = engine.put_dataset if exchange.method == "PUT" else engine.post_dataset
        return await write(first, version, by)
    if exchange.method == "PUT":
        return await engine.put_graph(target.iri, first, version, by)
    return await engine.post_graph(target.iri, first, version, more, by)


async def _condition(exchange: Exchange, target: Target) -> str | None:
    """The version that the data must still be, for the conditions to hold; None: any.

    :raises Conflict: they do not hold now.
    """
    match, none_match = exchange.header(b"if-match"), exchange.header(b"if-none-match")
    if not match and not none_match:
        return None
    version = exchange.service.version
    exists = await _exists(exchange, target)
    if match and not (exists and names_version(match, version)):
        raise Conflict(f"{target.name} is not what If-Match names")
    if none_match and exists and names_version(none_match, version):
        raise Conflict(f"{target.name} is what If-None-Match names")
    return version


async def _exists(exchange: Exchange, target: Target) -> bool:
    if target.fresh or target.dataset:
        return target.dataset
    try:
        answer = await exchange.service.engine.graph(
            target.iri, "application/n-triples", client=exchange.client
        )
    except NotFound:
        return False
    answer.close()
    return True


# --- the body ---------------------------------------------------------------------------------


async def _documents(exchange: Exchange, target: Target) -> list[Document]:
    """What the request carries: one graph, or as a form one in each part."""
    if exchange.media_type == _FORM_DATA and exchange.method == "POST":
        boundary = _boundary(exchange.header(b"content-type"))
        parts = _parts(await exchange.body("upload_bytes"), boundary)
        return [_document(exchange, target, body, kind) for kind, body in parts]
    media_type = exchange.media_type
    if not target.dataset:
        _read_as(media_type)  # before the body is read
    return [_document(exchange, target, await exchange.body("upload_bytes"), media_type)]


def _document(exchange: Exchange, target: Target, body: bytes, media_type: str) -> Document:
    media_type = media_type if target.dataset else _read_as(media_type)
    return Document(body, media_type, target.iri or exchange.url, exchange.client)


def _read_as(media_type: str) -> str:
    found = _READ_AS.get(media_type or _WITHOUT_TYPE)
    if found is None:
        raise UnsupportedMedia(
            f"a graph comes as {', '.join(_GRAPHS)}, not {media_type}", list(_GRAPHS)
        )
    return found


def _boundary(content_type: str) -> bytes:
    found = re.search(r'boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', content_type)
    if found is None:
        raise InvalidInput("multipart/form-data without a boundary")
    return (found[1] or found[2]).encode("latin-1")


def _parts(body: bytes, boundary: bytes) -> Iterator[tuple[str, bytes]]:
    """Media type and content of each part (RFC 7578).

    :raises InvalidInput: the body is not of that form, or empty.
    """
    _, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if len(parts) < 2 or not parts.pop().startswith(b"--"):
        raise InvalidInput("the form is empty or cut off, or its boundary is another")
    for part in parts:
        head, separator, content = part.partition(b"\r\n\r\n")
        if not separator:
            raise InvalidInput("a part of the form has no content")
        yield _part_type(head), content


def _part_type(head: bytes) -> str:
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-type":
            return value.partition(";")[0].strip().lower()
    return ""
