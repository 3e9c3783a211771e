"""(Server.) A small HTTP client for targets that are not trusted, listed though they are.

A name is resolved once, every address that it has is judged, and the connection is made to an
address that was judged, not to the name. Redirects are followed by hand, each as if it had been
asked for. An answer is bytes: nothing here looks into it.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from ipaddress import ip_address
from urllib.parse import urlencode, urljoin

import httptools

from kg.errors import InvalidInput, RemoteFailure, RemoteTimeout
from kg.serving.egress import Egress, Url

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Host and port → addresses. Raises OSError where there are none."""

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_REDIRECTS = 3
_OK = 200
_MOVED = (301, 302, 307, 308)
_SEE_OTHER = 303
_NOT_HTTP = (httptools.HttpParserError, httptools.HttpParserUpgrade)
_HEAD_BYTES = 64 << 10
_PIECE = 64 << 10
_AGENT = "Chiptrail"
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,100}")
_RESOLVERS = ThreadPoolExecutor(8, "resolver")
_LENGTHS = frozenset({"content-length", "transfer-encoding"})
_HEADERS = _LENGTHS | {"content-type", "content-encoding", "location"}


@dataclass(frozen=True)
class Order:
    """What is asked of a target. With ``form`` it is a POST of that form, else a GET.

    ``verb`` is SERVICE or LOAD: on whose list the target and all that it redirects to must be.
    """

    verb: str
    iri: str
    accept: str
    form: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Reply:
    """``iri``: where it came from after all redirects; ``media_type`` without parameters."""

    iri: str
    media_type: str
    body: bytes


@dataclass
class Allowance:
    """What one request may still spend: bytes, and time up to ``deadline`` of the loop's clock."""

    bytes: int
    deadline: float

    def spend(self, count: int) -> None:
        """:raises RemoteFailure: it is more than there is."""
        self.bytes -= count
        if self.bytes < 0:
            raise RemoteFailure("it sends more than remote_bytes allows: ask for less")


async def resolve(host: str, port: int) -> list[str]:
    """The system's resolver, in threads of its own: it cannot be stopped, and may take long."""
    found = await asyncio.get_running_loop().run_in_executor(
        _RESOLVERS, partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    )
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Fetcher:
    """Fetches from the targets of ``egress``. The environment's proxies are not used."""

    def __init__(self, egress: Egress, resolve: Resolve = resolve) -> None:
        self._egress, self._resolve = egress, resolve

    async def fetch(self, order: Order, allowance: Allowance) -> Reply:
        """The whole of a 200 answer.

        :raises RemoteTimeout: it was not there in time.
        :raises RemoteFailure: there was none, or not one that is taken; names the target.
        """
        try:
            async with asyncio.timeout_at(allowance.deadline):
                return await self._follow(order, allowance)
        except TimeoutError:
            raise RemoteTimeout(f"<{order.iri}> did not answer in time") from None
        except (RemoteFailure, InvalidInput) as error:
            raise RemoteFailure(f"<{order.iri}> did not answer as it must: {error}") from None
        except (OSError, *_NOT_HTTP) as error:
            raise RemoteFailure(f"<{order.iri}> did not answer: {_reason(error)}") from None

    async def _follow(self, order: Order, allowance: Allowance) -> Reply:
        url = Url.of(order.iri)
        for _ in range(_REDIRECTS + 1):
            answer = await self._ask(url, order, allowance)
            if answer.status == _OK:
                return Reply(str(url), answer.media_type, bytes(answer.body))
            if answer.status not in (*_MOVED, _SEE_OTHER) or not answer.location:
                raise RemoteFailure(f"its status is {answer.status}")
            url = self._redirected(url, order, answer.location)
            if answer.status == _SEE_OTHER:
                order = replace(order, form=())
        raise RemoteFailure(f"it redirects more than {_REDIRECTS} times")

    def _redirected(self, url: Url, order: Order, location: str) -> Url:
        try:
            target = urljoin(str(url), location)
        except ValueError as error:
            raise RemoteFailure("it redirects to what is no IRI") from error
        if not self._egress.allows(order.verb, target):
            raise RemoteFailure("it redirects to what the configuration does not list")
        to = Url.of(target)
        if url.scheme == "https" and to.scheme != "https":
            raise RemoteFailure("it redirects from https to http")
        return to

    async def _ask(self, url: Url, order: Order, allowance: Allowance) -> _Answer:
        """One request and its answer; of the body of one that is not 200, nothing."""
        reader, writer = await self._connect(url, allowance.deadline)
        try:
            writer.write(_request(url, order))
            answer = _Answer()
            while not answer.complete:
                data = await reader.read(_PIECE)
                allowance.spend(len(data))
                answer.feed(data)
            return answer
        finally:
            writer.transport.abort()

    async def _connect(self, url: Url, deadline: float) -> Connection:
        """Try the addresses in turn, each for its share of the time that is left."""
        *addresses, last = await self._addresses(url)
        for number, address in enumerate(addresses):
            left = deadline - asyncio.get_running_loop().time()
            with suppress(OSError):  # TimeoutError is one
                async with asyncio.timeout(left / (len(addresses) + 1 - number)):
                    return await _open(address, url)
        return await _open(last, url)

    async def _addresses(self, url: Url) -> list[str]:
        """Where to connect to. All that the name has must be permitted, not only one."""
        if url.address is not None:
            return [url.host]
        found = await self._resolve(url.host, url.port)
        if not found or not all(self._egress.permits(url, ip_address(one)) for one in found):
            raise RemoteFailure("its name leads to an address that is not public")
        return found


async def _open(address: str, url: Url) -> Connection:
    if url.scheme == "http":
        return await asyncio.open_connection(address, url.port)
    return await asyncio.open_connection(address, url.port, ssl=_tls(), server_hostname=url.host)


class _Answer:
    """An answer while it comes: bytes in, status, headers and body out."""

    def __init__(self) -> None:
        self.status = 0
        self.body = bytearray()
        self.complete = False
        self._headers: dict[str, str] = {}
        self._received = 0
        self._in_body = False
        self._parser = httptools.HttpResponseParser(self)

    @property
    def media_type(self) -> str:
        """Empty where there is none, or something else in its place."""
        given = self._headers.get("content-type", "").partition(";")[0].strip().lower()
        return given if _MEDIA_TYPE.fullmatch(given) else ""

    @property
    def location(self) -> str:
        return self._headers.get("location", "")

    def feed(self, data: bytes) -> None:
        """The next bytes, none at the end of the connection.

        :raises RemoteFailure: it is cut off, or encoded.
        :raises HttpParserError: it is not HTTP; HttpParserUpgrade: nor wants to be.
        """
        if not data:
            self._end()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except _NOT_HTTP:
            if not self.complete:  # else it is of what comes after
                raise
        if not self._in_body and self._received > _HEAD_BYTES:
            raise RemoteFailure("its headers are too long")
        if self._in_body:
            self._judge()

    def _judge(self) -> None:
        """Of what need not be read, nothing more is."""
        if self.status != _OK:
            self.complete = True
            return
        encoding = self._headers.get("content-encoding", "identity").lower()
        transfer = self._headers.get("transfer-encoding", "chunked").lower()
        if (encoding, transfer) != ("identity", "chunked"):
            raise RemoteFailure("it sends encoded content although it was asked not to")

    def _end(self) -> None:
        """Where no length was said, the end of the connection is the end of the answer."""
        if not self._in_body or not _LENGTHS.isdisjoint(self._headers):
            raise RemoteFailure("its answer is cut off")
        self.complete = True

    # --- what the parser calls ----------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        key = name.decode("latin-1").lower()
        if key in _HEADERS and not self._in_body:
            self._headers[key] = value.decode("latin-1").strip()

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self._in_body = self.status >= _OK
        if not self._in_body:  # an interim answer (100, 103): the real one follows
            self._headers.clear()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = self._in_body


def _request(url: Url, order: Order) -> bytes:
    body = urlencode(order.form).encode("ascii")
    lines = [
        f"{'POST' if body else 'GET'} {url.path} HTTP/1.1",
        f"Host: {url.authority}",
        f"User-Agent: {_AGENT}",
        f"Accept: {order.accept}",
        "Accept-Encoding: identity",
        "Connection: close",
    ]
    if body:
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _reason(error: Exception) -> str:
    """Without addresses, and without anything that came from there."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate does not hold ({error.verify_message})"
        case ssl.SSLError():
            return "TLS fails"
        case socket.gaierror():
            return "its name is not known"
        case httptools.HttpParserError() | httptools.HttpParserUpgrade():
            return "it does not speak HTTP"
        case ConnectionRefusedError():
            return "it refuses the connection"
    return "the connection fails"
