"""Servers that are not ours, on loopback: SPARQL endpoints, documents, and ones that misbehave."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pyoxigraph as ox

RESULTS = "application/sparql-results+json"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Message
    body: bytes

    @property
    def query(self) -> str:
        """The SPARQL query in it."""
        text = self.body.decode()
        direct = self.headers["Content-Type"] == "application/sparql-query"
        return text if direct else parse_qs(text)["query"][0]


Answer = Callable[[BaseHTTPRequestHandler, Request], None]


@dataclass
class Elsewhere:
    """``answers`` by path; all others are 404. ``requests``: what has come so far."""

    url: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def at(self, path: str, answer: Answer) -> str:
        """Answer so at ``path``; the whole IRI."""
        self.answers[path] = answer
        return self.url + path


@contextmanager
def elsewhere(tls: ssl.SSLContext | None = None) -> Iterator[Elsewhere]:
    """A server on a port of its own; with ``tls`` of https."""
    found = Elsewhere()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = Request(self.command, self.path, self.headers, body)
            found.requests.append(request)
            answer = found.answers.get(self.path.partition("?")[0], sends(b"", status=404))
            with suppress(BrokenPipeError, ConnectionResetError):
                answer(self, request)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        found.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.socket.close()


def sends(
    body: bytes | str, media_type: str = "text/turtle", status: int = 200, **headers: str
) -> Answer:
    content = body.encode() if isinstance(body, str) else body

    def answer(handler: BaseHTTPRequestHandler, _: Request) -> None:
        handler.send_response(status)
        fields = {"Content-Type": media_type, "Content-Length": str(len(content)), **headers}
        for name, value in fields.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def redirects(to: str, status: int = 302) -> Answer:
    return sends(b"", status=status, Location=to)


def endpoint(store: ox.Store, media_type: str = RESULTS) -> Answer:
    """A SPARQL endpoint over ``store``."""
    results_format = ox.QueryResultsFormat.from_media_type(media_type)
    assert results_format is not None

    def answer(handler: BaseHTTPRequestHandler, request: Request) -> None:
        try:
            results = store.query(request.query)
            body = results.serialize(format=results_format)
        except (SyntaxError, RuntimeError, OSError) as error:
            sends(str(error), "text/plain", 400)(handler, request)
        else:
            sends(body, media_type)(handler, request)

    return answer


def raw(*pieces: bytes, pause: float = 0.0) -> Answer:
    """Sends these bytes as they are, ``pause`` seconds apart, and closes the connection."""

    def answer(handler: BaseHTTPRequestHandler, _: Request) -> None:
        handler.close_connection = True
        for piece in pieces:
            handler.wfile.write(piece)
            time.sleep(pause)

    return answer


def endless(piece: bytes, head: bytes, pause: float = 0.0) -> Answer:
    """``head``, and then ``piece`` over and over until nobody listens."""

    def answer(handler: BaseHTTPRequestHandler, request: Request) -> None:
        handler.close_connection = True
        handler.wfile.write(head)
        while True:
            handler.wfile.write(piece)
            time.sleep(pause)

    return answer
