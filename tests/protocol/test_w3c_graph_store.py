"""The W3C's tests of the Graph Store HTTP Protocol, under their names.

Graphs are identified directly, by the path, and indirectly, by ``?graph=``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import httpx
import pytest
from pyoxigraph import Dataset, Quad, RdfFormat, parse

from ..conformance.comparison import same_bag

TURTLE = {"Content-Type": "text/turtle; charset=utf-8"}
WANTED = {"Accept": "text/turtle; charset=utf-8"}
PERSON = "http://www.example/gsp/person/1"
PREFIXES = """@prefix foaf: <http://xmlns.com/foaf/0.1/> .
@prefix v: <http://www.w3.org/2006/vcard/ns#> .
"""


def card(name: str, subject: str = f"<{PERSON}>") -> str:
    return f'{PREFIXES}{subject} a foaf:Person ; foaf:businessCard [ a v:VCard ; v:fn "{name}" ] .'


Address = Callable[[str], tuple[str, Mapping[str, str]]]


def direct(name: str) -> tuple[str, Mapping[str, str]]:
    return f"/data/{name}", {}


def indirect(name: str) -> tuple[str, Mapping[str, str]]:
    return "/data", {"graph": f"http://www.example/gsp/{name}"}


def default(_: str) -> tuple[str, Mapping[str, str]]:
    return "/data", {"default": ""}


both_ways = pytest.mark.parametrize("address", [direct, indirect])


def assert_graph(response: httpx.Response, *expected: str) -> None:
    """The graph of the answer is that of the Turtle texts together, up to blank nodes."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "text/turtle; charset=utf-8"
    found = [tuple(quad.triple) for quad in parse(response.text, RdfFormat.TURTLE)]
    wanted: set[Quad] = set()
    for text in expected:
        wanted |= set(parse(text, RdfFormat.TURTLE, rename_blank_nodes=True))
    assert same_bag(found, [tuple(quad.triple) for quad in Dataset(wanted)])


@pytest.mark.parametrize("address", [direct, indirect, default])
def test_put_get_repeat(http: httpx.Client, address: Address) -> None:
    path, parameters = address("person/1.ttl")
    first = http.put(path, params=parameters, content=card("Jane"), headers=TURTLE)
    assert first.status_code == (204 if address is default else 201)
    assert_graph(http.get(path, params=parameters, headers=WANTED), card("Jane"))
    second = http.put(path, params=parameters, content=card("Joe"), headers=TURTLE)
    assert second.status_code == 204
    assert_graph(http.get(path, params=parameters, headers=WANTED), card("Joe"))


@both_ways
def test_put_delete_get_delete(http: httpx.Client, address: Address) -> None:
    path, parameters = address("person/2.ttl")
    http.put(path, params=parameters, content=card("Jane", "[]"), headers=TURTLE)
    assert http.delete(path, params=parameters).status_code == 204
    assert http.get(path, params=parameters).status_code == 404
    assert http.delete(path, params=parameters).status_code == 404


@both_ways
def test_post_get_post_get(http: httpx.Client, address: Address) -> None:
    path, parameters = address("person/1.ttl")
    more = [
        f'{PREFIXES}<{PERSON}> foaf:{name} "{value}" .'
        for name, value in (("familyName", "Doe"), ("givenName", "Jane"))
    ]
    first = http.post(path, params=parameters, content=card("Jane"), headers=TURTLE)
    assert first.status_code == 201
    assert_graph(http.get(path, params=parameters, headers=WANTED), card("Jane"))
    files = [(f"{i}.ttl", (f"{i}.ttl", text, "text/turtle")) for i, text in enumerate(more)]
    assert http.post(path, params=parameters, files=files).status_code == 204
    assert_graph(http.get(path, params=parameters, headers=WANTED), card("Jane"), *more)


@both_ways
def test_head_existing(http: httpx.Client, address: Address) -> None:
    path, parameters = address("person/1.ttl")
    http.put(path, params=parameters, content=card("Jane"), headers=TURTLE)
    response = http.head(path, params=parameters, headers=WANTED)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/turtle; charset=utf-8"
    assert response.content == b""


@both_ways
def test_head_non_existing(http: httpx.Client, address: Address) -> None:
    path, parameters = address("person/4.ttl")
    response = http.head(path, params=parameters, headers=WANTED)
    assert (response.status_code, response.content) == (404, b"")


def test_post_get_new_graph(http: httpx.Client) -> None:
    created = http.post("/data", content=card("Jane", "[]"), headers=TURTLE)
    assert created.status_code == 201
    location = created.headers["location"]
    assert_graph(http.get("/data", params={"graph": location}), card("Jane", "[]"))
    assert_graph(http.get(location), card("Jane", "[]"))


def test_put_get_uri_pct_encoded(http: httpx.Client) -> None:
    encoded = "/data?graph=http%3A%2F%2Fwww.example%2Fgsp%2Fperson%2F1.ttl"
    assert http.put(encoded, content=card("Jane"), headers=TURTLE).status_code == 201
    plain = "/data?graph=http://www.example/gsp/person/1.ttl"
    assert_graph(http.get(plain, headers=WANTED), card("Jane"))


def test_put_get_uri_pct_encoded_twice(http: httpx.Client) -> None:
    once, twice = (f"/data?graph=http://www.example/person/{n}.ttl" for n in ("%31", "%2531"))
    assert http.put(once, content=card("Jane"), headers=TURTLE).status_code == 201
    assert http.put(twice, content=card("Joe"), headers=TURTLE).status_code == 201
    assert_graph(http.get(once, headers=WANTED), card("Jane"))
    assert_graph(http.get(twice, headers=WANTED), card("Joe"))
