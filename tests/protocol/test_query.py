"""Query over HTTP beyond the W3C's tests: formats, errors, caching, transfer, limits."""

from __future__ import annotations

import gzip
import time
from urllib.parse import quote

import httpx
import pytest
from pyoxigraph import QueryResultsFormat, RdfFormat, parse, parse_query_results

from ..processes import busy, descendants, linux_only, server_of, until
from .conftest import update
from .raw import connect, exchange, read_reply

JSON = "application/sparql-results+json"
SELECT = "SELECT ?s ?o { ?s <a:p> ?o }"
CONSTRUCT = "CONSTRUCT { ?s <a:p> ?o } WHERE { ?s <a:p> ?o }"
MANY = (
    "SELECT ?a ?b ?c { VALUES ?a { 0 1 2 3 4 5 6 7 8 9 } VALUES ?b { 0 1 2 3 4 5 6 7 8 9 } "
    "VALUES ?c { 0 1 2 3 4 5 6 7 8 9 } VALUES ?d { 0 1 2 3 4 5 6 7 8 9 } "
    "VALUES ?e { 0 1 2 3 4 5 6 7 8 9 } }"
)
"""100,000 rows."""
ENDLESS = MANY.replace(
    "VALUES ?a", " ".join(f"VALUES ?{v} {{ 0 1 2 3 4 5 6 7 8 9 }}" for v in "fghijk") + " VALUES ?a"
)
"""10^11 rows: more than any limit lets through."""
SLOW = ENDLESS.replace("SELECT ?a ?b ?c {", "SELECT (COUNT(*) AS ?n) {")
"""The same, counted: nothing comes for a long time."""
TRIPLE_TERM = "CONSTRUCT { <a:r> <a:says> <<( <a:s> <a:p> <a:o> )>> } WHERE {}"


def get(http: httpx.Client, query: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return http.get("/sparql", params={"query": query}, headers=named)


# --- formats --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (JSON, JSON),
        ("application/json", "application/json"),
        ("application/sparql-results+xml", "application/sparql-results+xml"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("text/tab-separated-values", "text/tab-separated-values; charset=utf-8"),
        ("*/*", JSON),
        ("text/*;q=0.5, application/xml;q=0.4", "text/csv; charset=utf-8"),
        ("text/turtle, application/sparql-results+xml;q=0.1", "application/sparql-results+xml"),
        (f"{JSON};version=1.2", f"{JSON}; version=1.2"),
    ],
)
@pytest.mark.parametrize("query", [SELECT, "ASK {}"])
def test_results_in_every_format(
    http: httpx.Client, query: str, accept: str, media_type: str
) -> None:
    update(http, "INSERT DATA { <a:s> <a:p> 'é,\"\\t\\n' }")
    response = get(http, query, accept=accept)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == media_type
    assert response.headers["vary"] == "Accept, Accept-Encoding"
    results_format = QueryResultsFormat.from_media_type(media_type.partition(";")[0])
    if results_format not in (QueryResultsFormat.CSV, None):
        found = parse_query_results(response.content, results_format)
        if query == SELECT:
            assert [solution["o"].value for solution in found] == ['é,"\t\n']
        else:
            assert bool(found)


@pytest.mark.parametrize(
    "media_type",
    [
        "text/turtle",
        "application/n-triples",
        "application/rdf+xml",
        "application/ld+json",
        "application/trig",
        "application/n-quads",
    ],
)
@pytest.mark.parametrize("query", [CONSTRUCT, "DESCRIBE <a:s>"])
def test_graphs_in_every_format(http: httpx.Client, query: str, media_type: str) -> None:
    update(http, "INSERT DATA { <a:s> <a:p> 'é' }")
    response = get(http, query, accept=media_type)
    assert response.headers["content-type"].partition(";")[0] == media_type
    quads = list(parse(response.content, RdfFormat.from_media_type(media_type)))
    assert [quad.object.value for quad in quads] == ["é"]


@pytest.mark.parametrize(
    ("query", "accept", "offered"),
    [
        (SELECT, "text/turtle", "text/csv"),
        ("ASK {}", "image/png", JSON),
        (CONSTRUCT, "text/csv", "text/turtle"),
        (CONSTRUCT, "text/turtle;version=3", "text/turtle"),
        (SELECT, f"{JSON};q=0", "text/csv"),
    ],
)
def test_406_names_what_there_is(http: httpx.Client, query: str, accept: str, offered: str) -> None:
    response = get(http, query, accept=accept)
    assert response.status_code == 406
    assert response.headers["vary"] == "Accept"
    assert response.headers["content-type"] == "application/problem+json"
    assert offered in response.json()["offered"]


@pytest.mark.parametrize(
    "accept",
    [
        "text/turtle;version=1.2",
        "text/turtle",
        "application/n-triples; version=1.2",
        "application/trig",
        "application/rdf+xml;version=1.2",
    ],
)
def test_triple_terms_go_where_they_can(http: httpx.Client, accept: str) -> None:
    response = get(http, TRIPLE_TERM, accept=accept)
    assert response.status_code == 200
    assert ("version=1.2" in response.headers["content-type"]) == ("version=1.2" in accept)
    media_type = response.headers["content-type"].partition(";")[0]
    (quad,) = parse(response.content, RdfFormat.from_media_type(media_type))
    assert quad.object.predicate.value == "a:p"


@pytest.mark.parametrize("accept", ["application/ld+json", "text/turtle;version=1.1"])
def test_triple_terms_go_nowhere_else(http: httpx.Client, accept: str) -> None:
    response = get(http, TRIPLE_TERM, accept=accept)
    assert response.status_code == 406
    assert "text/turtle; version=1.2" in response.json()["offered"]
    # The same format is fine for what it can carry.
    assert get(http, CONSTRUCT, accept=accept).status_code == 200


def test_triple_terms_in_results(http: httpx.Client) -> None:
    query = "SELECT ?t { BIND(<<( <a:s> <a:p> <a:o> )>> AS ?t) }"
    for accept in (JSON, "application/sparql-results+xml", "text/tab-separated-values"):
        response = get(http, query, accept=accept)
        assert response.status_code == 200
        assert "a:o" in response.text


@pytest.mark.parametrize(
    ("query", "accept", "offered"),
    [
        ("SELECT ('a\\u0008b' AS ?x) {}", "application/sparql-results+xml", JSON),
        ("CONSTRUCT { <a:s> <a:p> 'a\\u0008b' } {}", "application/rdf+xml", "text/turtle"),
        ("CONSTRUCT { <a:s> <http://e/1> 1 } {}", "application/rdf+xml", "text/turtle"),
        ("SELECT ('x'@en--ltr AS ?x) {}", f"{JSON};version=1.1", JSON),
        (
            "SELECT (<<( <a:s> <a:p> 1 )>> AS ?x) {}",
            "application/sparql-results+xml;version=1.1",
            JSON,
        ),
    ],
)
def test_what_a_format_cannot_carry_is_said_in_another(
    http: httpx.Client, query: str, accept: str, offered: str
) -> None:
    response = get(http, query, accept=accept)
    assert response.status_code == 406, response.text
    other = response.json()["offered"][0]
    assert other.startswith(offered)
    assert get(http, query, accept=other).status_code == 200


def test_a_comma_in_an_iri_is_no_column(http: httpx.Client) -> None:
    response = get(http, "SELECT ?x { BIND(<http://e/doc#char=1,20> AS ?x) }", accept="text/csv")
    assert response.text == 'x\r\n"http://e/doc#char=1,20"\r\n'


# --- errors ---------------------------------------------------------------------------------------


def test_a_syntax_error_has_its_place(http: httpx.Client) -> None:
    response = get(http, "SELECT *\nWHERE { ?s ?p }")
    problem = response.json()
    assert response.status_code == problem["status"] == 400
    assert (problem["line"], problem["column"]) == (2, 15)


@pytest.mark.parametrize(
    "query",
    [
        "query=ASK%20%7B%7D%20%23%FF",
        "query=ASK%20%7B%7D&default-graph-uri=%C3%28",
        "query=ASK%20%7B%7D&nothing=%ED%A0%80",
        "query=",
        "query=ASK%7B%7D&query=ASK%7B%7D",
    ],
)
@pytest.mark.parametrize("form", [False, True])
def test_bad_parameters(http: httpx.Client, query: str, form: bool) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if form:
        response = http.post("/sparql", content=query.encode("ascii"), headers=headers)
    else:
        response = http.get(f"/sparql?{query}")
    assert response.status_code == 400
    assert response.json()["title"] == "Bad Request"


@pytest.mark.parametrize("body", [b"ASK {} # \xff", b"ASK { } # \xed\xa0\x80", b""])
def test_a_bad_body(http: httpx.Client, body: bytes) -> None:
    headers = {"Content-Type": "application/sparql-query"}
    assert http.post("/sparql", content=body, headers=headers).status_code == 400


def test_415_names_what_is_accepted(http: httpx.Client) -> None:
    response = http.post("/sparql", content="ASK {}", headers={"Content-Type": "text/plain"})
    assert response.status_code == 415
    assert "application/sparql-query" in response.json()["supported"]
    compressed = {"Content-Type": "application/sparql-query", "Content-Encoding": "gzip"}
    response = http.post("/sparql", content=gzip.compress(b"ASK {}"), headers=compressed)
    assert response.status_code == 415


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("/sparql", "PUT", "GET, HEAD, POST, OPTIONS"),
        ("/sparql", "DELETE", "GET, HEAD, POST, OPTIONS"),
        ("/update", "GET", "POST, OPTIONS"),
        ("/data", "PATCH", "GET, HEAD, OPTIONS, PUT, POST, DELETE"),
        ("/.well-known/void", "POST", "GET, HEAD, OPTIONS"),
    ],
)
def test_405_says_what_is_allowed(http: httpx.Client, path: str, method: str, allowed: str) -> None:
    response = http.request(method, path)
    assert response.status_code == 405
    assert response.headers["allow"] == allowed
    options = http.options(path)
    assert (options.status_code, options.headers["allow"]) == (204, allowed)


def test_an_update_is_not_a_query(http: httpx.Client) -> None:
    direct = {"Content-Type": "application/sparql-update"}
    for response in (
        get(http, "PREFIX a: <a:> DROP ALL"),
        http.get("/sparql", params={"update": "DROP ALL"}),
        http.post("/sparql", data={"update": "DROP ALL"}),
        http.post("/sparql", data={"query": "ASK {}", "update": "DROP ALL"}),
        http.post("/sparql", content="DROP ALL", headers=direct),
    ):
        assert response.status_code in (400, 415)
        assert "/update" in response.json()["detail"]


def test_a_dataset_without_a_query_is_no_question_about_the_service(http: httpx.Client) -> None:
    assert http.get("/sparql?default-graph-uri=http://e/g").status_code == 400


def test_the_type_of_a_body_is_looked_at_before_it_is_asked_for(strict: str) -> None:
    head = (
        b"POST /sparql HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
        b"Content-Length: 6\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    with connect(strict) as connection:
        connection.sendall(head)
        assert read_reply(connection).status == 415


@pytest.mark.parametrize("hosts", ["", "Host: a\r\nHost: b\r\n"])
def test_a_request_has_one_host(strict: str, hosts: str) -> None:
    request = f"GET /healthz HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n"
    assert exchange(strict, request.encode()).status == 400
    assert exchange(strict, b"GET /healthz HTTP/1.0\r\n\r\n").status == 200


@pytest.mark.parametrize("limit", ["query_bytes", "query_nesting", "query_patterns"])
def test_what_is_too_large_is_refused_by_name(http: httpx.Client, limit: str) -> None:
    texts = {
        "query_bytes": f"ASK {{}} # {'x' * (1 << 20)}",
        "query_nesting": f"ASK {'{' * 3000}{'}' * 3000}",
        "query_patterns": f"ASK {{ {'?s ?p ?o . ' * 1000} }}",
    }
    headers = {"Content-Type": "application/sparql-query"}
    response = http.post("/sparql", content=texts[limit], headers=headers)
    assert response.status_code == (413 if limit == "query_bytes" else 400)
    assert response.json()["limit"] == limit


def test_a_query_is_explained(http: httpx.Client) -> None:
    data = " ".join(f"<a:s{n}> <a:p> {n} ." for n in range(50))
    update(http, f"INSERT DATA {{ {data} <a:s7> <a:q> 1 }}")
    text = "SELECT * { ?s <a:p> ?n . ?s <a:q> ?m }"
    response = http.get("/sparql", params={"query": text, "explain": "true"})
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    first, second = response.text.splitlines()
    assert "<a:q>" in first and "(written as number 2)" in first
    assert "<a:p>" in second and "50" in second
    form = http.post("/sparql", data={"query": text, "explain": "true"})
    headers = {"Content-Type": "application/sparql-query"}
    direct = http.post("/sparql", params={"explain": "true"}, content=text, headers=headers)
    assert response.text == form.text == direct.text
    answered = http.get("/sparql", params={"query": text, "explain": "false"})
    assert len(answered.json()["results"]["bindings"]) == 1
    given = {"query": text, "explain": "true", "default-graph-uri": "a:g"}
    assert "nothing to order" in http.get("/sparql", params=given).text


@pytest.mark.parametrize(
    ("text", "explain", "status"),
    [
        ("SELECT * { ?s ?p }", "true", 400),
        ("INSERT DATA {}", "true", 400),
        ("ASK {}", "maybe", 400),
        ("ASK { SERVICE <http://127.0.0.1:9/> {} }", "true", 403),
        (f"ASK {'{' * 3000}{'}' * 3000}", "true", 400),
    ],
)
def test_what_cannot_be_explained(http: httpx.Client, text: str, explain: str, status: int) -> None:
    response = http.get("/sparql", params={"query": text, "explain": explain})
    assert response.status_code == status, response.text


def test_service_is_refused(http: httpx.Client) -> None:
    response = get(http, "SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }")
    assert response.status_code == 403
    malformed = get(http, "SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p } }")
    assert (malformed.status_code, malformed.json()["column"]) == (400, 50)


# --- other sites ----------------------------------------------------------------------------------


def test_pages_of_other_sites_may_read_and_never_with_credentials(http: httpx.Client) -> None:
    response = get(http, "ASK {}", origin="https://elsewhere.example")
    assert response.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in response.headers
    preflight = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    for path, methods in (("/sparql", "GET, HEAD, POST"), ("/data", "GET, HEAD"), ("/update", "")):
        headers = http.options(path, headers=preflight).headers
        assert headers.get("access-control-allow-methods", "") == methods


# --- conditional requests -------------------------------------------------------------------------


def test_304_until_the_data_changes(http: httpx.Client) -> None:
    update(http, "INSERT DATA { <a:s> <a:p> 1 }")
    first = get(http, SELECT)
    tag = first.headers["etag"]
    again = get(http, SELECT, if_none_match=f'"x", W/{tag}')
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    assert get(http, SELECT, if_none_match='"x"').status_code == 200
    assert get(http, SELECT, if_none_match=tag, accept="text/csv").status_code == 200
    update(http, "INSERT DATA { <a:s> <a:p> 2 }")
    after = get(http, SELECT, if_none_match=tag)
    assert after.status_code == 200
    assert len(after.json()["results"]["bindings"]) == 2


@pytest.mark.parametrize(
    "path", ["/sparql?query=ASK%7B%7D", "/sparql", "/.well-known/void", "/data?default"]
)
@pytest.mark.parametrize("accept", ["application/rdf+xml, */*;q=0.1", "text/html, */*;q=0.1"])
def test_conditions_on_what_is_read(http: httpx.Client, path: str, accept: str) -> None:
    tag = http.get(path, headers={"Accept": accept}).headers["etag"]
    for condition, value, status in (
        ("If-None-Match", tag, 304),
        ("If-None-Match", "*", 304),
        ("If-None-Match", '"other"', 200),
        ("If-Match", tag, 200),
        ("If-Match", "*", 200),
        ("If-Match", '"other"', 412),
        ("If-Match", f"W/{tag}", 412),
    ):
        for method in ("GET", "HEAD"):
            response = http.request(method, path, headers={"Accept": accept, condition: value})
            assert response.status_code == status, (condition, value)


def test_an_answer_is_repeated_for_the_same_address_only(http: httpx.Client) -> None:
    """Relative IRIs are resolved against it."""
    query = {"query": "SELECT (STR(<x>) AS ?x) {}"}
    found = [http.get(path, params=query).text for path in ("/sparql", "/sparql/") * 2]
    assert "/sparql/x" in found[1]
    assert found[0] == found[2] != found[1] == found[3]


def test_an_answer_that_changes_by_itself_is_not_kept(http: httpx.Client) -> None:
    query = "SELECT (UUID() AS ?u) {}"
    first, second = get(http, query), get(http, query)
    assert first.text != second.text
    assert "etag" not in first.headers
    assert first.headers["cache-control"] == "no-store"


def test_repeated_answers_follow_the_data(http: httpx.Client) -> None:
    for number in range(20):
        update(http, f"INSERT DATA {{ <a:s> <a:p> {number} }}")
        for _ in range(3):
            assert len(get(http, SELECT).json()["results"]["bindings"]) == number + 1


def test_head_says_what_get_would(http: httpx.Client) -> None:
    for query in ("ASK {}", MANY, "ASK {"):
        got = get(http, query)
        head = http.head("/sparql", params={"query": query})
        assert head.content == b""
        for name in ("content-type", "etag", "vary"):
            assert head.headers.get(name) == got.headers.get(name)
        assert head.status_code == got.status_code


# --- transfer -------------------------------------------------------------------------------------


def test_gzip_when_asked(http: httpx.Client) -> None:
    plain = get(http, MANY, accept="text/csv", accept_encoding="identity")
    assert "content-encoding" not in plain.headers
    compressed = get(http, MANY, accept="text/csv", accept_encoding="br, gzip;q=0.5")
    assert compressed.headers["content-encoding"] == "gzip"
    assert compressed.content == plain.content
    assert int(compressed.num_bytes_downloaded) < len(plain.content) / 4
    for unwanted in ("gzip;q=0, identity", "gzip;q=0.5, identity", "gzip;q=0.000, *", "br"):
        plainly = get(http, MANY, accept="text/csv", accept_encoding=unwanted)
        assert "content-encoding" not in plainly.headers, unwanted
    assert compressed.headers["etag"] != plain.headers["etag"]
    for tag in (compressed.headers["etag"], plain.headers["etag"]):
        unchanged = get(http, MANY, accept="text/csv", if_none_match=tag, accept_encoding="gzip")
        assert (unchanged.status_code, unchanged.headers["etag"]) == (304, tag)


def test_pages_are_compressed_too(http: httpx.Client) -> None:
    response = http.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
    assert response.json()["openapi"].startswith("3.1")


def _query(text: str, more: str = "", version: str = "1.1", accept: str = "text/csv") -> bytes:
    return (
        f"GET /sparql?query={quote(text)} HTTP/{version}\r\nHost: localhost\r\n"
        f"Accept: {accept}\r\nConnection: close\r\n{more}\r\n"
    ).encode()


def _posted(text: str, size: int) -> bytes:
    """With a comment that makes the body so long."""
    body = f"{text} # ".ljust(size, "x").encode()
    head = "POST /sparql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sparql-query\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize("more", ["", "Accept-Encoding: gzip\r\n"])
def test_a_cut_answer_has_no_end(strict: str, more: str) -> None:
    """The limit on time comes in the middle of an endless answer."""
    reply = exchange(strict, _query(ENDLESS, more))
    assert reply.status == 200
    assert len(reply.body) > 10_000
    assert not reply.whole
    assert exchange(strict, _query(MANY, more)).whole


def test_a_client_library_sees_that_an_answer_was_cut(http: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        get(http, ENDLESS)


def test_a_limit_before_the_answer_begins_is_a_problem(http: httpx.Client) -> None:
    response = get(http, SLOW)
    assert response.status_code == 503
    assert response.json()["limit"] == "query_timeout"
    assert "retry-after" not in response.headers


def test_http_1_0_gets_a_length(strict: str) -> None:
    reply = exchange(strict, _query(MANY, version="1.0"))
    assert "transfer-encoding" not in reply.headers
    assert reply.whole
    assert reply.body.count(b"\n") == 100_001
    cut = exchange(strict, _query(ENDLESS, version="1.0"))
    assert cut.status == 503


@linux_only
@pytest.mark.parametrize("request_", [_query(SLOW), _query(ENDLESS), _posted(SLOW, 100_000)])
def test_a_query_ends_when_its_client_goes_away(strict: str, request_: bytes) -> None:
    server = server_of(strict)
    with connect(strict) as connection:
        head, end, body = request_.partition(b"\r\n\r\n")
        connection.sendall(head + end)
        time.sleep(0.1)
        connection.sendall(body)
        until(lambda: bool(busy(descendants(server))))
    until(lambda: not busy(descendants(server)))


def test_several_requests_in_one_go(strict: str) -> None:
    first = _query("ASK {}").replace(b"Connection: close\r\n", b"")
    with connect(strict) as connection:
        connection.sendall(first * 5 + _query("ASK { ?s <a:none> ?o }", accept=JSON))
        reply = read_reply(connection)
    assert reply.body.count(b"HTTP/1.1 200 OK") == 5
