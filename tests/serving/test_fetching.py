"""The HTTP client, against servers that do what they like."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from kg.errors import RemoteFailure, RemoteTimeout
from kg.serving.egress import Egress, read_networks, read_targets
from kg.serving.fetching import Allowance, Fetcher, Order, Reply, resolve
from tests.elsewhere import Answer, Elsewhere, elsewhere, endless, raw, redirects, sends

LOOPBACK = "127.0.0.0/8"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/turtle\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
BODY = b"<a:a> <a:b> 1 ."


@pytest.fixture
def there() -> Iterator[Elsewhere]:
    with elsewhere() as found:
        yield found


def fetch(
    iri: str,
    targets: str = "",
    *,
    form: bool = False,
    fetcher: Fetcher | None = None,
    size: int = 1 << 16,
    seconds: float = 20.0,
) -> Reply:
    """``targets`` are allowed, by default ``iri`` alone."""
    order = Order("LOAD", iri, "text/turtle", (("query", "ASK {}"),) if form else ())
    fetcher = fetcher or Fetcher(Egress(documents=read_targets(targets or iri)))

    async def run() -> Reply:
        deadline = asyncio.get_running_loop().time() + seconds
        return await fetcher.fetch(order, Allowance(size, deadline))

    return asyncio.run(run())


def test_what_is_asked_and_what_comes_of_it(there: Elsewhere) -> None:
    iri = there.at("/a", sends(BODY, "Text/Turtle; charset=utf-8"))
    assert fetch(f"{iri}?b=ü") == Reply(f"{iri}?b=%C3%BC", "text/turtle", BODY)
    assert fetch(iri, form=True).body == BODY
    got, posted = there.requests
    assert (got.method, got.path, got.body) == ("GET", "/a?b=%C3%BC", b"")
    assert (posted.method, posted.query) == ("POST", "ASK {}")
    for request in there.requests:
        assert request.headers["Host"] == urlsplit(there.url).netloc
        assert request.headers["Accept-Encoding"] == "identity"
        assert not {"cookie", "authorization", "referer"} & set(map(str.lower, request.headers))


def test_proxies_of_the_environment_are_not_used(
    there: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    assert fetch(there.at("/a", sends(BODY))).body == BODY


@pytest.mark.parametrize(
    "answer",
    [
        raw(CHUNKED, b"5\r\n<a:a>\r\n", b"a;x=y\r\n <a:b> 1 .\r\n0\r\nTrailer: x\r\n\r\n"),
        raw(HEAD + b"\r\n" + BODY[:4], BODY[4:]),
        raw(b"HTTP/1.0 200 OK\r\nContent-Type: text/turtle\r\n\r\n", BODY),
        raw(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n",
            HEAD + b"\r\n",
            BODY,
        ),
        raw(HEAD + b"Content-Length: 15\r\n\r\n" + BODY + b"and more"),
    ],
    ids=["chunked", "until the end", "HTTP/1.0", "interim", "more than announced"],
)
def test_every_way_to_send_an_answer(there: Elsewhere, answer: Answer) -> None:
    reply = fetch(there.at("/a", answer))
    assert (reply.media_type, reply.body) == ("text/turtle", BODY)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (sends("secret", status=404), "status is 404"),
        (sends("secret", status=500), "status is 500"),
        (sends(gzip.compress(bytes(1 << 20)), Content_Encoding="gzip"), "encoded"),
        (raw(HEAD + b"Transfer-Encoding: gzip\r\n\r\n", BODY), "encoded"),
        (raw(b""), "cut off"),
        (raw(HEAD), "cut off"),
        (raw(HEAD + b"Content-Length: 16\r\n\r\n", BODY), "cut off"),
        (raw(CHUNKED, b"5\r\n<a:a>\r\n"), "cut off"),
        (raw(b"220 mail.example ESMTP\r\n"), "not speak HTTP"),
        (raw(HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), "not speak HTTP"),
        (
            raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
            "not speak HTTP",
        ),
        (endless(b"X: " + b"y" * 4000 + b"\r\n", HEAD), "headers are too long"),
        (endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 50, b""), "headers are too long"),
        (endless(b"x" * 4000, HEAD + b"\r\n"), "remote_bytes"),
        (endless(b"1\r\nx\r\n" * 500, CHUNKED), "remote_bytes"),
        (endless(b"X: y\r\n" * 500, CHUNKED + b"0\r\n"), "remote_bytes"),
        (raw(HEAD + b"Content-Length: 99999999999\r\n\r\n"), "cut off"),
    ],
)
def test_what_is_no_answer_is_said_with_the_target(
    there: Elsewhere, answer: Answer, said: str
) -> None:
    iri = there.at("/a", answer)
    with pytest.raises(RemoteFailure, match=said) as caught:
        fetch(iri, size=1 << 18)
    assert iri in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        endless(b"x", HEAD + b"\r\n", pause=0.02),
        endless(b"X: y\r\n", HEAD, pause=0.02),
        endless(b"", b"", pause=0.02),
    ],
    ids=["body", "headers", "silence"],
)
def test_who_dribbles_is_cut_off(there: Elsewhere, answer: Answer) -> None:
    with pytest.raises(RemoteTimeout, match="in time"):
        fetch(there.at("/a", answer), seconds=0.3)


def test_nobody_there() -> None:
    with pytest.raises(RemoteFailure, match="refuses the connection"):
        fetch("http://127.0.0.1:9/")
    with pytest.raises(RemoteFailure, match="name is not known"):
        fetch("http://nobody.invalid/")


# --- redirects ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_asked_the_same(there: Elsewhere, status: int) -> None:
    there.at("/b", sends(BODY))
    reply = fetch(there.at("/a", redirects("b", status)), f"{there.url}/", form=True)
    assert reply.iri == f"{there.url}/b"
    assert [request.query for request in there.requests] == ["ASK {}", "ASK {}"]


def test_see_other_is_fetched_without_the_form(there: Elsewhere) -> None:
    there.at("/b", sends(BODY))
    fetch(there.at("/a", redirects("/b", 303)), f"{there.url}/", form=True)
    assert [(r.method, r.body) for r in there.requests[1:]] == [("GET", b"")]


def test_redirects_come_to_an_end(there: Elsewhere) -> None:
    there.at("/a", redirects("/a"))
    with pytest.raises(RemoteFailure, match="more than 3 times"):
        fetch(f"{there.url}/a")
    assert len(there.requests) == 4


def test_a_redirect_to_what_is_not_listed_is_not_followed(there: Elsewhere) -> None:
    with elsewhere() as forbidden:
        secret = forbidden.at("/secret", sends(BODY))
        port = urlsplit(secret).port
        for to in (
            secret,
            f"//127.0.0.1:{port}/secret",
            "/c",
            "ftp://127.0.0.1/",
            "http://[",
            "\xe4",
        ):
            iri = there.at("/a", redirects(to))
            with pytest.raises(RemoteFailure, match="it redirects to what"):
                fetch(iri)
        assert not forbidden.requests
    assert {request.path for request in there.requests} == {"/a"}


# --- names ----------------------------------------------------------------------------------------


class Resolver:
    """Gives the next of ``answers`` each time, and the last for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), list[str]()

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def named(there: Elsewhere, path: str = "/a") -> str:
    """The IRI with a name for the host."""
    return f"http://data.example:{urlsplit(there.url).port}{path}"


def fetcher_of(iri: str, resolver: Resolver, networks: str = "") -> Fetcher:
    return Fetcher(Egress(documents=read_targets(iri), networks=read_networks(networks)), resolver)


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["::1"], []]
)
def test_a_name_that_leads_inside_is_not_followed(there: Elsewhere, addresses: list[str]) -> None:
    iri = named(there)
    with pytest.raises(RemoteFailure, match="not public") as caught:
        fetch(iri, fetcher=fetcher_of(iri, Resolver(addresses)))
    assert "127.0.0.1" not in str(caught.value)
    assert not there.requests


def test_a_name_is_asked_for_once_and_the_address_that_was_judged_is_used(there: Elsewhere) -> None:
    there.at("/a", sends(BODY))
    iri, resolver = named(there), Resolver(["127.0.0.1"], ["169.254.169.254"])
    assert fetch(iri, fetcher=fetcher_of(iri, resolver, LOOPBACK)).body == BODY
    assert resolver.asked == ["data.example"]
    assert there.requests[0].headers["Host"] == urlsplit(iri).netloc


def test_a_name_that_turns_inside_on_the_way_is_judged_again(there: Elsewhere) -> None:
    there.at("/a", redirects("/a"))
    iri, resolver = named(there), Resolver(["127.0.0.2", "127.0.0.1"], ["10.0.0.1"])
    with pytest.raises(RemoteFailure, match="not public"):
        fetch(iri, fetcher=fetcher_of(iri, resolver, LOOPBACK))
    assert len(there.requests) == 1


def test_another_address_is_tried_where_one_is_dead(there: Elsewhere) -> None:
    there.at("/a", sends(BODY))
    iri = named(there)
    fetcher = fetcher_of(iri, Resolver(["127.0.0.9", "127.0.0.1"]), LOOPBACK)
    assert fetch(iri, fetcher=fetcher).body == BODY


def test_localhost_is_this_machine(there: Elsewhere) -> None:
    there.at("/a", sends(BODY))
    iri = f"http://localhost:{urlsplit(there.url).port}/a"
    assert asyncio.run(resolve("127.0.0.1", 80)) == ["127.0.0.1"]
    assert fetch(iri, fetcher=fetcher_of(iri, Resolver(["127.0.0.1"]))).body == BODY
