"""Dumps over real HTTP: whole, in pieces, described; and the same facts by three routes."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from pyoxigraph import RdfFormat, Store, parse

from tests.conftest import Serve

Json = dict[str, Any]
Rows = set[tuple[str, ...]]

WAIT_SECONDS = 60.0
ROOT = "https://w3id.org/chiptrail/"


def index_of(client: httpx.Client) -> Json:
    """The index; the first to ask waits for the dumps to be written."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        response = client.get("/dumps/")
        if response.status_code != 503 or time.monotonic() > deadline:
            break
        time.sleep(float(response.headers["retry-after"]) / 10)
    assert response.status_code == 200, response.text
    found: Json = response.json()
    return found


@pytest.fixture(scope="module")
def index(client: httpx.Client) -> Json:
    return index_of(client)


@pytest.fixture(scope="module")
def files(client: httpx.Client, index: Json) -> dict[str, bytes]:
    """Every dump as it is downloaded."""
    return {dump["name"]: client.get(dump["url"]).content for dump in index["dumps"]}


def test_the_index_says_size_checksum_version_and_licence(
    client: httpx.Client, index: Json, files: dict[str, bytes]
) -> None:
    stats = client.get("/api/stats").json()
    assert index["data_version"] == stats["version"]
    assert index["licence"] == stats["dataset"]["licence"]
    assert index["date"] == stats["dataset"]["as_of"]
    assert {dump["name"] for dump in index["dumps"]} == {
        *("nq", "trig", "jsonld", "tables", "ftm", "statements", "nanopub", "claimreview")
    }
    for dump in index["dumps"]:
        content = files[dump["name"]]
        assert len(content) == dump["bytes"]
        assert hashlib.sha256(content).hexdigest() == dump["sha256"]


def test_the_checksums_are_those_of_sha256sum(client: httpx.Client, index: Json) -> None:
    response = client.get(index["checksums"])
    assert response.headers["content-type"].startswith("text/plain")
    lines = [f"{dump['sha256']}  {dump['file']}" for dump in index["dumps"]]
    assert response.text.splitlines() == lines


def test_head_tells_what_get_sends(client: httpx.Client, index: Json) -> None:
    dump = index["dumps"][0]
    head = client.head(dump["url"])
    assert head.status_code == 200
    assert head.content == b""
    assert int(head.headers["content-length"]) == dump["bytes"]
    assert head.headers["content-disposition"] == f'attachment; filename="{dump["file"]}"'
    assert head.headers["content-type"] == "application/gzip"
    assert head.headers["accept-ranges"] == "bytes"
    assert "content-encoding" not in head.headers


def test_a_broken_download_is_resumed(client: httpx.Client, index: Json) -> None:
    dump = index["dumps"][0]
    half = dump["bytes"] // 2
    first = client.get(dump["url"], headers={"Range": f"bytes=0-{half - 1}"})
    assert first.status_code == 206
    rest = client.get(
        dump["url"], headers={"Range": f"bytes={half}-", "If-Range": first.headers["etag"]}
    )
    assert rest.status_code == 206
    assert rest.headers["content-range"] == f"bytes {half}-{dump['bytes'] - 1}/{dump['bytes']}"
    assert hashlib.sha256(first.content + rest.content).hexdigest() == dump["sha256"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Range": "bytes=10-", "If-Range": '"of-another-version"'}, 200),
        ({"Range": "bytes=-100"}, 206),
        ({"Range": "bytes=ten-"}, 200),
        ({"Range": "lines=1-2"}, 200),
        ({"Range": "bytes=99999999999-"}, 416),
    ],
)
def test_ranges_that_cannot_be_sent(
    client: httpx.Client, index: Json, headers: dict[str, str], status: int
) -> None:
    dump = index["dumps"][0]
    response = client.get(dump["url"], headers=headers)
    assert response.status_code == status
    if status == 200:
        assert len(response.content) == dump["bytes"]
    if status == 416:
        assert response.headers["content-range"] == f"bytes */{dump['bytes']}"
        assert response.headers["content-type"] == "application/problem+json"


def test_who_has_it_gets_304(client: httpx.Client, index: Json) -> None:
    for path in (index["dumps"][0]["url"], "/dumps/", index["checksums"]):
        tag = client.get(path).headers["etag"]
        again = client.get(path, headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b""), path


def test_latest_leads_to_the_version(client: httpx.Client, index: Json) -> None:
    response = client.get("/dumps/latest/chiptrail.nq.gz")
    assert response.status_code == 302
    assert response.headers["location"] == f"/dumps/{index['version']}/chiptrail.nq.gz"
    assert client.get("/dumps/latest/").headers["location"] == f"/dumps/{index['version']}/"
    assert client.get(f"/dumps/{index['version']}/").json() == index


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/dumps/latest/chiptrail.rar", "chiptrail.nq.gz"),
        ("/dumps/0123456789abcdef/chiptrail.nq.gz", "latest"),
        ("/dumps/..%2F..%2Fsnapshot.json/chiptrail.nq.gz", ""),
        ("/dumps/.new-x/chiptrail.nq.gz", "latest"),
    ],
)
def test_what_there_is_not(client: httpx.Client, index: Json, path: str, hint: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert hint in response.text


def test_the_page_lists_every_file(client: httpx.Client, index: Json) -> None:
    response = client.get("/dumps/", headers={"Accept": "text/html"})
    assert response.headers["content-type"].startswith("text/html")
    for dump in index["dumps"]:
        assert f'href="{dump["url"]}"' in response.text
        assert dump["sha256"] in response.text


@pytest.mark.parametrize("media_type", ["text/turtle", "application/ld+json"])
def test_the_catalogue_describes_the_files(
    client: httpx.Client, server: str, index: Json, media_type: str
) -> None:
    response = client.get("/dumps/", headers={"Accept": media_type})
    store = Store()
    store.load(response.content, RdfFormat.from_media_type(media_type))
    rows = store.query(
        "PREFIX dcat: <http://www.w3.org/ns/dcat#> PREFIX spdx: <http://spdx.org/rdf/terms#>"
        "SELECT ?url ?size ?sum { ?catalogue a dcat:Catalog ; dcat:dataset ?dataset ."
        " ?dataset a dcat:Dataset ; dcat:distribution ?file ."
        " ?file a dcat:Distribution ; dcat:downloadURL ?url ; dcat:byteSize ?size ;"
        " spdx:checksum [ spdx:checksumValue ?sum ;"
        " spdx:algorithm spdx:checksumAlgorithm_sha256 ] }"
    )
    found = {(row["url"].value, int(row["size"].value), row["sum"].value) for row in rows}
    assert found == {(server + d["url"], d["bytes"], d["sha256"]) for d in index["dumps"]}


def test_the_description_of_the_dataset_leads_to_the_dumps(
    client: httpx.Client, server: str
) -> None:
    response = client.get("/.well-known/void", headers={"Accept": "application/n-triples"})
    assert (
        f"<http://rdfs.org/ns/void#dataDump> <{server}/dumps/latest/chiptrail.nq.gz>"
        in response.text
    )
    assert f"<{server}/dumps/>" in response.text


def test_an_older_version_stays_when_the_data_changes(own_small_store: Path, serve: Serve) -> None:
    base = serve(own_small_store, CHIPTRAIL_WRITE_TOKEN="secret")
    with httpx.Client(base_url=base, timeout=60.0) as client:
        before = index_of(client)
        update = "INSERT DATA { GRAPH <http://example.org/g> { <http://example.org/a> <http://example.org/b> 1 } }"
        written = client.post(
            "/update", data={"update": update}, headers={"Authorization": "Bearer secret"}
        )
        assert written.is_success, written.text
        after = index_of(client)
        assert after["version"] != before["version"]
        old, new = (client.get(index["dumps"][0]["url"]) for index in (before, after))
        assert hashlib.sha256(old.content).hexdigest() == before["dumps"][0]["sha256"]
        assert b"example.org" not in gzip.decompress(old.content)
        assert b"example.org" in gzip.decompress(new.content)


# --- one truth by every route -----------------------------------------------------------------


@pytest.fixture(scope="module")
def dumped(files: dict[str, bytes]) -> Store:
    """The N-Quads dump loaded again."""
    store = Store()
    store.extend(parse(gzip.decompress(files["nq"]), RdfFormat.N_QUADS))
    return store


@pytest.fixture(scope="module")
def tables(files: dict[str, bytes]) -> dict[str, list[dict[str, str]]]:
    archive = zipfile.ZipFile(io.BytesIO(files["tables"]))
    return {
        name.removesuffix(".csv"): list(
            csv.DictReader(io.StringIO(archive.read(name).decode("utf-8"), newline=""))
        )
        for name in archive.namelist()
        if name.endswith(".csv")
    }


def by_sparql(client: httpx.Client, query: str) -> Rows:
    response = client.post("/sparql", data={"query": query}, headers={"Accept": "text/csv"})
    assert response.status_code == 200, response.text
    return {tuple(row) for row in list(csv.reader(io.StringIO(response.text)))[1:]}


def by_dump(store: Store, query: str) -> Rows:
    rows = store.query(query, use_default_graph_as_union=True)
    return {tuple(value.value if value else "" for value in row) for row in rows}


def all_items(client: httpx.Client, path: str) -> list[Json]:
    items: list[Json] = []
    while path:
        body = client.get(path).json()
        items += body["items"]
        path = body["next"]
    return items


PREFIXES = f"PREFIX ct: <{ROOT}ont#> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> "


def test_claims_are_the_same_by_sparql_rest_and_dump(
    client: httpx.Client, dumped: Store, tables: dict[str, list[dict[str, str]]]
) -> None:
    query = (
        f"{PREFIXES} SELECT ?claim ?subject ?property ?hedge ?polarity ?speaker"
        " { ?claim a ct:Claim ; ct:subject ?subject ; ct:property ?property ; ct:hedge ?hedge ;"
        " ct:polarity ?polarity OPTIONAL { ?claim ct:speaker ?speaker } }"
    )
    columns = ("subject", "property", "hedge", "polarity", "speaker")
    asked = by_sparql(client, query)
    rest = {
        (item["iri"], *(item.get(column, {}).get("iri", "") for column in columns))
        for item in all_items(client, "/api/claims?limit=200")
    }
    in_table = {tuple(row[name] for name in ("iri", *columns)) for row in tables["claims"]}
    assert len(asked) == client.get("/api/stats").json()["collections"]["claims"]
    assert asked == rest == by_dump(dumped, query)
    assert in_table == {
        (iri, *(value.replace("#", "/").rpartition("/")[2] for value in values))
        for iri, *values in asked
    }


def as_json(text: str) -> Any:
    """A figure as JSON has it: a number, true or false; some are dates or words."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def test_figures_are_the_same_by_sparql_rest_and_dump(client: httpx.Client, dumped: Store) -> None:
    query = (
        f"{PREFIXES} SELECT ?chip ?figure ?metric ?value"
        " { ?figure ct:of ?chip ; ct:metric ?metric ; ct:value ?value }"
    )
    asked = by_sparql(client, query)
    rest = {
        (item["iri"], figure["iri"], figure["metric"]["iri"], figure["value"])
        for item in all_items(client, "/api/chips?limit=200")
        for figure in item.get("figures", [])
        if "value" in figure
    }
    assert len(asked) > 1000
    assert asked == by_dump(dumped, query)
    assert {(*row[:3], as_json(row[3])) for row in asked} == rest


def test_verdicts_are_the_same_by_sparql_rest_dump_and_review(
    client: httpx.Client, dumped: Store, files: dict[str, bytes]
) -> None:
    query = (
        f"{PREFIXES} SELECT ?claim ?assessment ?verdict"
        " { ?assessment ct:assesses ?claim ; ct:verdict ?verdict }"
    )
    asked = by_sparql(client, query)
    rest = {
        (item["iri"], verdict["iri"], verdict["verdict"]["iri"])
        for item in all_items(client, "/api/claims?limit=500")
        for verdict in item.get("verdicts", [])
    }
    feed = json.loads(gzip.decompress(files["claimreview"]))["dataFeedElement"]
    assert asked == rest == by_dump(dumped, query)
    assert {(review["url"], review["@id"]) for review in feed} == {row[:2] for row in asked}
