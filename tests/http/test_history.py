"""History over real HTTP: one story of writes, told once, and what every past answer is after it.

``story`` serves a store of its own and does to it what a curator does; before each step it keeps
the answers of the moment. The tests compare: with the answers for the past now, after a restart,
and after a load that builds everything anew.
"""

from __future__ import annotations

import csv
import datetime
import hashlib
import io
import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from pyoxigraph import DefaultGraph, Store

from kg.catalogue import CATALOGUE_FILE, Catalogue, PageRequest
from kg.intake import ALL_KINDS, base_files
from kg.namespaces import Namespaces
from kg.records import read_records
from kg.snapshots import require
from tests.conftest import chiptrail, serving
from tests.empty_server import empty_server, writer
from tests.kg.by_query import by_the_query

NAMES = Namespaces()
ANNA, BO = "a token of Anna", "a token of Bo"
ATOM = "{http://www.w3.org/2005/Atom}"

VERDICT = (
    "DELETE { GRAPH g:assessments { ?a ct:verdict con:supported } }"
    " INSERT { GRAPH g:assessments { ?a ct:verdict con:refuted } }"
    " WHERE { GRAPH g:assessments { ?a ct:assesses c:c3-07 ; ct:verdict con:supported } }"
)
RULE = (
    'INSERT DATA { GRAPH g:policy { rule:invented a ct:Rule ; rdfs:label "An invented rule"@en ;'
    " ct:hedge con:asserted ; ct:jurisdiction id:united-states ; ct:activity con:export ;"
    ' ct:destination id:germany ; ct:effectiveFrom "2031-02-01"^^xsd:date ;'
    " ct:coversProduct id:nvidia-t4 ; ct:requirement con:licence-required ;"
    " ct:basedOn src:swkelly }"
    " GRAPH g:entities { id:germany rdfs:seeAlso <https://example.org/germany> } }"
)
SUCCESSOR = {
    "paraphrase": "Repairing one H100 costs between 1,400 and 2,900 US dollars.",
    "subject": "nvidia-h100",
    "property": "repairPrice",
    "quantity": {"low": 1400, "high": 2900.5, "bound": "range", "unit": "USD-per-unit"},
    "hedge": "asserted",
    "via": ["bauf-partner"],
    "span": "2802-2871",
}
PATHS = (
    "/api/claims/c3-07",
    "/api/claims/c1-21",
    "/api/claims/c1-19",
    "/api/claims?limit=500",
    "/api/claims?limit=5&sort=-stated&facets=verdict,subject",
    "/api/claims?verdict=refuted",
    "/api/claims.csv?limit=500",
    "/api/policies?limit=500",
    "/api/contradictions?limit=500",
    "/api/claims/c3-07.ttl",
    "/api/claims/c1-21.jsonld",
    "/api/claims/c1-19.ttl",
    "/api/chips/nvidia-t4.ttl",
    "/api/entities/germany",
    "/api/entities/germany.ttl",
    "/api/claims.ttl?limit=500",
    "/api/claims.jsonld?limit=5&sort=-stated",
    "/api/timeline.ttl?about=alibaba",
    "/api/policies.jsonld?limit=500",
    "/api/contradictions.ttl?limit=500",
)
"""What is compared at every past time."""


@dataclass
class Moment:
    """``answers``: path → body, as they were while ``version`` was in force, at ``at``."""

    version: str
    at: str
    answers: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Story:
    """``claims``: how many there are in the records of the base."""

    base: str
    store: Path
    claims: int
    moments: list[Moment] = field(default_factory=list)
    done: dict[str, httpx.Response] = field(default_factory=dict)

    def client(self, token: str = ANNA, base: str = "") -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=base or self.base, headers=headers, timeout=120.0)

    def remember(self) -> None:
        """Keep the answers of now; what follows is later by more than record times tell apart."""
        with self.client() as client:
            version = client.get("/api/stats").json()["version"][:16]
            time.sleep(1.1)
            moment = Moment(version, datetime.datetime.now(datetime.UTC).isoformat())
            for path in PATHS:
                answer = client.get(path)
                if answer.is_success:
                    moment.answers[path] = answer.content
            self.moments.append(moment)
            time.sleep(1.1)

    def update(self, name: str, text: str, **headers: str) -> None:
        with self.client() as client:
            data = {"update": NAMES.sparql_prologue + text}
            self.done[name] = client.post("/update", data=data, headers=headers)

    def post(self, name: str, path: str, body: object, token: str = ANNA) -> None:
        with self.client(token) as client:
            self.done[name] = client.post(path, json=body)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tokens") / "tokens"
    lines = [
        f"{name} sha256:{hashlib.sha256(token.encode()).hexdigest()}"
        for name, token in (("anna", ANNA), ("bo", BO))
    ]
    file.write_text("# who may write\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def story(
    small_store: Path, small_base: Path, tokens: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("story")
    store = Path(shutil.copytree(small_store, folder / "store"))
    records = read_records(base_files(small_base), ALL_KINDS)
    claims = sum(record.kind in ("claims", "external_claims") for record in records)
    with serving(store, folder / "log", CHIPTRAIL_WRITE_TOKENS=str(tokens)) as base:
        told = Story(base, store, claims)
        told.remember()
        told.update("verdict", VERDICT, **{"Change-Reason": "UTF-8''Reuters%20%E2%80%93%20no"})
        told.remember()
        told.update("rule", RULE)
        told.remember()
        told.post(
            "supersede",
            "/api/claims/c1-19/supersede",
            {"record": SUCCESSOR, "comment": "read again"},
            BO,
        )
        told.remember()
        reason = {"end_reason": "extraction-error", "comment": "eight cards, not one"}
        told.post("retract", "/api/claims/c1-21/retract", reason)
        yield told


def at(path: str, **parameters: str) -> str:
    return str(httpx.URL(path).copy_merge_params(parameters))


def as_dict(body: bytes | httpx.Response) -> Any:
    return json.loads(body if isinstance(body, bytes) else body.content)


def test_every_step_was_done(story: Story) -> None:
    for name, answer in story.done.items():
        assert answer.is_success, (name, answer.text)
        assert answer.headers["link"].startswith("</api/revisions/")
    assert len({moment.version for moment in story.moments}) == len(story.moments) == 4
    assert all(len(moment.answers) == len(PATHS) for moment in story.moments)


# --- the past -------------------------------------------------------------------------------------


def expect_the_past(story: Story, base: str) -> None:
    """Every answer for a past time or version is, byte for byte, the one that was given then."""
    with httpx.Client(base_url=base, timeout=60.0) as client:
        for moment in story.moments:
            for path, body in moment.answers.items():
                for how in ({"known_at": moment.at}, {"version": moment.version}):
                    answer = client.get(at(path, **how))
                    assert answer.status_code == 200, answer.text
                    # a list in JSON names its next page; JSON-LD the server, for its context
                    same = answer.content.replace(base.encode(), story.base.encode())
                    if b'"next":' in body:
                        expected = {**as_dict(body), "next": None}
                        assert {**as_dict(same), "next": None} == expected, (path, how)
                    else:
                        assert same == body, (path, how)


def test_past_answers_are_what_they_were(story: Story) -> None:
    expect_the_past(story, story.base)


def test_past_answers_outlive_a_restart_and_a_load(story: Story, tmp_path: Path) -> None:
    store = Path(shutil.copytree(story.store, tmp_path / "store"))
    file = tmp_path / "verdict.yaml"
    file.write_text(
        "assessments:\n- {claim: c3-23, verdict: refuted, evidence: [E26], reason: A test.}\n"
    )
    loaded = chiptrail("load", file, "--store", store, "--author", "cleo", "--reason", "a test")
    assert loaded.returncode == 0, loaded.stderr
    with serving(store, tmp_path / "log") as base:
        expect_the_past(story, base)
        changes = httpx.get(f"{base}/api/changes?author=cleo").json()["items"]
        assert [(c["kind"], c["slug"], c["reason"]) for c in changes] == [
            ("verdict-changed", "c3-23", "a test")
        ]


def test_a_permalink_has_an_etag_that_stays(story: Story) -> None:
    with story.client() as client:
        path = at("/api/claims/c3-07", version=story.moments[0].version)
        answer = client.get(path)
        assert story.moments[0].version in answer.headers["etag"]
        again = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304


def test_lists_of_the_past_page_and_filter(story: Story) -> None:
    with story.client() as client:
        seen: list[str] = []
        path: str | None = at("/api/claims?limit=5", version=story.moments[0].version)
        while path:
            body = client.get(path).json()
            seen += [item["id"] for item in body["items"]]
            path = body["next"]
        assert len(seen) == len(set(seen)) == body["count"] == story.claims > 10
        refuted = {"verdict": "refuted", "fields": "id"}
        now = client.get("/api/claims", params=refuted).json()["items"]
        then = client.get(
            "/api/claims", params=refuted | {"version": story.moments[0].version}
        ).json()["items"]
        assert {"id": "c3-07"} in now
        assert {"id": "c3-07"} not in then
        assert {"id": "c1-21"} in then
        assert {"id": "c1-21"} not in now, "retracted"


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("version=12345", 400, "16 to 64 hexadecimal digits"),
        ("version=0123456789abcdef", 404, "no revision has the version"),
        ("known_at=2001-01-01", 404, "nothing was on record at 2001-01-01T23:59:59Z"),
        ("known_at=yesterday", 400, "must be a day or a time"),
        ("known_at=2031-01-01&version=0123456789abcdef", 400, "give one of them"),
        ("valid_at=2019-02-30", 400, "must be a day"),
    ],
)
def test_times_that_there_are_not(story: Story, query: str, status: int, said: str) -> None:
    with story.client() as client:
        for path in ("/api/claims", "/api/claims/c3-07"):
            answer = client.get(f"{path}?{query}")
            assert answer.status_code == status
            assert said in answer.json()["detail"]


def test_the_past_in_rdf_is_that_of_its_records(story: Story) -> None:
    verdict, refuted = "c3-07", "ct:verdict con:refuted"
    with story.client() as client:
        first, now = (
            client.get(at(f"/api/claims/{verdict}.ttl", version=version)).text
            for version in (story.moments[0].version, story.moments[-1].version)
        )
        assert refuted in now
        assert refuted not in first
        assert client.get("/api/claims/c1-21.ttl").status_code == 410
        found = at("/api/search.ttl?q=c1-21", version=story.moments[0].version)
        assert "c:c1-21 a ct:Claim" in client.get(found).text
        assert client.get("/api/search.ttl?q=c1-21").is_success
        tag = client.get(found).headers["etag"]
        assert story.moments[0].version in tag
        assert client.get(found, headers={"If-None-Match": tag}).status_code == 304


def test_rdf_changes_where_json_does_not(story: Story) -> None:
    first, last = (moment.answers for moment in (story.moments[0], story.moments[-1]))
    assert first["/api/entities/germany"] == last["/api/entities/germany"]
    said = (answers["/api/entities/germany.ttl"].decode() for answers in (first, last))
    assert ["seeAlso" in text for text in said] == [False, True]


def test_lists_of_the_past_page_in_rdf(story: Story) -> None:
    with story.client() as client:
        seen: list[str] = []
        path: str | None = at("/api/claims.ttl?limit=5", version=story.moments[0].version)
        while path:
            answer = client.get(path)
            seen += re.findall(r"^(c:\S+) a ct:(?:External)?Claim ", answer.text, re.MULTILINE)
            path = answer.links.get("next", {}).get("url")
    assert len(seen) == len(set(seen)) == story.claims > 10


def test_closed_claims_are_described_as_the_history_has_them(story: Story) -> None:
    snapshot = require(story.store)
    store = Store.read_only(str(snapshot.store))
    catalogue = Catalogue(snapshot.path / CATALOGUE_FILE)
    for slug in ("c1-21", "c1-19-v1"):
        said = catalogue.describe(PageRequest("claims"), [("claims", slug)])
        graphs = DefaultGraph(), NAMES.expand("g:history")
        assert said.texts == [by_the_query(store, NAMES.expand(f"c:{slug}").value, *graphs)]
        assert "recordedTo" in said.texts[0]


def test_an_item_says_when_it_did_not_hold(story: Story) -> None:
    with story.client() as client:
        assert client.get("/api/claims/c0-17?valid_at=2022-01-01").is_success
        answer = client.get("/api/claims/c0-17?valid_at=2023-01-01")
        assert answer.status_code == 404
        assert "/api/claims/c0-17/history" in answer.json()["detail"]


# --- what changed ---------------------------------------------------------------------------------


def test_changes_say_what_who_and_why(story: Story) -> None:
    with story.client() as client:
        items = client.get("/api/changes?since=1").json()["items"]
    told = [(item["kind"], item["nature"], item["slug"], item["author"]) for item in items]
    assert told == [
        ("verdict-changed", "record", "c3-07", "anna"),
        ("rule-added", "world", "invented", "anna"),
        ("status-changed", "world", "nvidia-t4", "anna"),
        ("claim-superseded", "record", "c1-19", "bo"),
        ("claim-retracted", "record", "c1-21", "anna"),
        ("contradiction-resolved", "record", "L18", "anna"),
    ]
    assert items[0]["reason"] == "Reuters – no"
    assert items[0]["detail"]["before"]["rank"] == "preferred"
    assert items[0]["detail"]["after"]["rank"] == "deprecated"
    status = items[2]["detail"]
    assert (status["chip"], status["destination"]) == ("nvidia-t4", "germany")
    assert status["after"][-1]["requirement"] == "licence-required"
    assert items[2]["date"] == "2031-02-01"
    assert items[3]["detail"]["closed"] == "c1-19-v1"
    assert items[4]["detail"]["after"]["end_reason"] == "extraction-error"


def test_the_first_revision_is_one_change(story: Story) -> None:
    with story.client() as client:
        first = client.get("/api/changes?revision=1").json()
    assert first["count"] == 1
    assert first["items"][0]["kind"] == "begun"
    assert first["items"][0]["detail"]["collections"]["claims"] == story.claims


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("nature=world", ["rule-added", "status-changed"]),
        ("kind=claim-superseded,verdict-changed", ["verdict-changed", "claim-superseded"]),
        ("author=bo", ["claim-superseded"]),
        ("about=germany", ["status-changed"]),
        ("collection=claims&slug=c1-19", ["claim-superseded"]),
        ("sort=-number&kind=begun,verdict-changed", ["verdict-changed", "begun"]),
        ("since=2100-01-01", []),
    ],
)
def test_changes_are_filtered(story: Story, query: str, kinds: list[str]) -> None:
    with story.client() as client:
        items = client.get(f"/api/changes?{query}").json()["items"]
    assert [item["kind"] for item in items] == kinds


def test_changes_page_in_both_directions(story: Story) -> None:
    with story.client() as client:
        for sort in ("number", "-number"):
            seen: list[int] = []
            path: str | None = f"/api/changes?limit=2&sort={sort}"
            while path:
                body = client.get(path).json()
                seen += [item["number"] for item in body["items"]]
                path = body["next"]
            assert len(seen) == body["count"]
            assert seen == sorted(seen, reverse=sort == "-number")


def test_since_a_time(story: Story) -> None:
    with story.client() as client:
        later = client.get("/api/changes", params={"since": story.moments[3].at}).json()["items"]
        assert {item["revision"] for item in later} == {5}
        day = story.moments[0].at[:10]
        assert client.get("/api/changes", params={"since": day}).json()["count"] > 4


def test_changes_as_csv(story: Story) -> None:
    with story.client() as client:
        rows = list(csv.DictReader(io.StringIO(client.get("/api/changes.csv").text)))
        total = client.get("/api/changes").json()["count"]
    assert len(rows) == total
    assert rows[1]["kind"] == "verdict-changed"
    assert rows[1]["author"] == "anna"


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/api/changes?kind=nonsense", 400, "there are: begun"),
        ("/api/changes?nature=both", 400, "world, record"),
        ("/api/changes?sort=label", 400, "number, -number"),
        ("/api/changes?cursor=abc", 400, "begin without one"),
        ("/api/changes?since=soon", 400, "the number of a change, a day or a time"),
        ("/api/changes?limit=501", 400, "from 1 to 500"),
        ("/api/changes?colour=red", 400, "there are: since"),
        ("/api/changes.xls", 404, "json, csv, atom"),
        ("/api/revisions/999", 404, "the latest is"),
        ("/api/revisions/first", 404, "has a number"),
        ("/api/claims/c9-99/history", 404, "unknown claim"),
        ("/api/nothing/c9-99/history", 404, "no collection"),
    ],
)
def test_what_is_wrong_is_said(story: Story, path: str, status: int, said: str) -> None:
    with story.client() as client:
        answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]


def test_a_revision_has_its_writes_and_its_changes(story: Story) -> None:
    with story.client() as client:
        link = story.done["verdict"].headers["link"]
        found = client.get(link.partition("<")[2].partition(">")[0]).json()
        listed = client.get("/api/revisions?sort=-number&limit=1").json()
    (write,) = found["writes"]
    assert (write["operation"], write["author"], write["reason"]) == (
        "update",
        "anna",
        "Reuters – no",
    )
    assert write["quads"][f"{NAMES.base}graph/assessments"] == [1, 1]
    assert [change["kind"] for change in found["changes"]["items"]] == ["verdict-changed"]
    assert found["parent"] == found["number"] - 1
    assert listed["items"][0]["operation"] == "retract"


def test_the_history_of_a_record(story: Story) -> None:
    with story.client() as client:
        versions = client.get("/api/claims/c1-21/history").json()["items"]
        first, *_, last = versions
        assert first["changes"] == []
        assert last["changes"][0]["kind"] == "claim-retracted"
        assert last["until"] is None
        assert versions[0]["until"] == versions[1]["since"]
        assert client.get(first["url"]).content == story.moments[0].answers["/api/claims/c1-21"]
        assert client.get(last["url"]).json()["end_reason"]["id"] == "extraction-error"


# --- closed records -------------------------------------------------------------------------------


def test_what_was_retracted_is_gone_and_says_why(story: Story) -> None:
    with story.client() as client:
        for path in ("/claim/c1-21", "/claim/c1-21.ttl", "/claim/c1-21.html", "/api/claims/c1-21"):
            answer = client.get(path)
            assert answer.status_code == 410
            problem = answer.json()
            assert "eight cards, not one" in problem["detail"]
            assert problem["reason"].startswith("extraction error")
            assert client.get(problem["history"]).is_success
        query = f"{NAMES.sparql_prologue} ASK {{ GRAPH g:history {{ c:c1-21 ct:endReason ?why }} }}"
        assert client.get("/sparql", params={"query": query}).json()["boolean"]
        query = f"{NAMES.sparql_prologue} ASK {{ c:c1-21 a ct:Claim }}"
        assert not client.get("/sparql", params={"query": query}).json()["boolean"]


def test_what_was_superseded_is_kept_under_a_name_of_its_own(story: Story) -> None:
    with story.client() as client:
        now, old = (client.get(f"/api/claims/{name}").json() for name in ("c1-19", "c1-19-v1"))
        assert now["quantity"]["high"] == 2900.5
        assert old["quantity"]["high"] == 2800
        assert old["superseded_by"]["id"] == "c1-19"
        assert old["recorded"]["to"] == now["recorded"]["from"]
        listed = client.get("/api/claims?limit=500&fields=id").json()["items"]
        assert {"id": "c1-19"} in listed
        assert {"id": "c1-19-v1"} not in listed, "closed records are left out"
        turtle = client.get("/claim/c1-19-v1.ttl")
        assert turtle.is_success
        assert "supersededBy" in turtle.text
        assert "2800" in turtle.text


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("c1-21/retract", {"end_reason": "extraction-error"}, 410, "was retracted at"),
        ("c9-99/retract", {"end_reason": "extraction-error"}, 404, "unknown claim"),
        ("c1-19-v1/retract", {"end_reason": "extraction-error"}, 400, "is closed since"),
        ("c3-07/retract", {"end_reason": "dislike"}, 404, "unknown end reason"),
        ("c3-07/retract", {"end_reason": "superseded"}, 400, "supersede, do not retract"),
        ("c3-07/retract", {}, 400, "end_reason: Field required"),
        ("c3-07/retract", {"end_reason": "extraction-error", "why": "x"}, 400, "why: Extra"),
        ("c3-07/supersede", {"record": SUCCESSOR | {"id": "c3-08"}}, 400, "id is c3-07"),
        ("c3-07/supersede", {"record": {"subject": "nvidia"}}, 422, "paraphrase: Field required"),
        ("c3-07/supersede", {"record": SUCCESSOR | {"hedge": "guessed"}}, 422, "guessed"),
        (
            "c3-07/supersede",
            {"record": SUCCESSOR | {"record": {"to": "2031-01-01T00:00:00Z"}}},
            400,
            "may have only from",
        ),
    ],
)
def test_what_cannot_be_closed_is_said(
    story: Story, path: str, body: object, status: int, said: str
) -> None:
    with story.client() as client:
        before = client.get("/api/stats").json()["version"]
        answer = client.post(f"/api/claims/{path}", json=body)
        assert answer.status_code == status, answer.text
        assert said in answer.text
        assert client.get("/api/stats").json()["version"] == before


# --- authors --------------------------------------------------------------------------------------


def test_only_who_holds_a_token_writes(story: Story) -> None:
    with story.client("no token") as client:
        refused = client.post("/api/claims/c3-07/retract", json={"end_reason": "x"})
        assert refused.status_code == 401
        assert client.post("/update", data={"update": "CLEAR ALL"}).status_code == 401


@pytest.mark.parametrize("reason", ["x" * 1001, "UTF-8''%FF", "UTF-8''a%0Ab"])
def test_reasons_that_cannot_be_kept_are_refused(story: Story, reason: str) -> None:
    with story.client() as client:
        text = "INSERT DATA { GRAPH <http://example.org/g> { <a:a> <a:b> 1 } }"
        headers = {"Change-Reason": reason}
        answer = client.post("/update", data={"update": text}, headers=headers)
    assert answer.status_code == 400
    assert "Change-Reason" in answer.json()["detail"]


@pytest.mark.parametrize("line", ["anna", "anna sha256:12", "an na sha256:" + "0" * 64])
def test_a_file_of_tokens_with_a_mistake_starts_no_server(tmp_path: Path, line: str) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"# a comment\n{line}\n", encoding="utf-8")
    store = str(tmp_path / "store")
    done = chiptrail("serve", "--empty", "--store", store, CHIPTRAIL_WRITE_TOKENS=str(file))
    assert done.returncode == 2
    assert f"{file}:2: a line has a name and sha256:" in done.stderr


# --- feeds and streams ----------------------------------------------------------------------------


def test_the_feed_is_atom(story: Story) -> None:
    """What RFC 4287 requires of a feed and its entries."""
    with story.client() as client:
        answer = client.get("/api/changes?limit=3", headers={"Accept": "application/atom+xml"})
        assert answer.headers["content-type"].startswith("application/atom+xml")
        feed = ElementTree.fromstring(answer.content)
        assert feed.tag == f"{ATOM}feed"
        links = {link.get("rel"): link.get("href") for link in feed.findall(f"{ATOM}link")}
        following = ElementTree.fromstring(client.get(str(links["next"])).content)
    for element in (feed, *feed.findall(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            (found,) = element.findall(f"{ATOM}{name}")
            assert found.text
        datetime.datetime.fromisoformat(str(element.findtext(f"{ATOM}updated")))
        assert element.findtext(f"{ATOM}author/{ATOM}name")
    entries = feed.findall(f"{ATOM}entry")
    assert len(entries) == 3
    updated = [str(entry.findtext(f"{ATOM}updated")) for entry in entries]
    assert updated == sorted(updated, reverse=True)
    assert feed.findtext(f"{ATOM}updated") == updated[0]
    first, then = (
        {e.findtext(f"{ATOM}id") for e in f.findall(f"{ATOM}entry")} for f in (feed, following)
    )
    assert not first & then
    assert "claim retracted" in str(entries[1].findtext(f"{ATOM}title"))


class Listener(threading.Thread):
    """A client of the stream; ``events`` fills while it listens."""

    def __init__(self, base: str, wanted: int, **headers: str) -> None:
        super().__init__(daemon=True)
        self.base, self.wanted, self.headers = base, wanted, headers
        self.events: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.connected = threading.Event()

    def run(self) -> None:
        headers = {"Accept": "text/event-stream", **self.headers}
        with (
            httpx.Client(base_url=self.base, timeout=60.0) as client,
            client.stream("GET", "/api/changes", headers=headers) as answer,
        ):
            assert answer.headers["content-type"].startswith("text/event-stream")
            for line in answer.iter_lines():
                self.connected.set()
                if line.startswith("id: "):
                    self.ids.append(line[4:])
                if line.startswith("data: "):
                    self.events.append(json.loads(line[6:]))
                    if len(self.events) == self.wanted:
                        return


def insert(client: httpx.Client, value: int, reason: str = "") -> httpx.Response:
    text = f"INSERT DATA {{ GRAPH <http://example.org/g> {{ <a:s> <a:p> {value} }} }}"
    headers = {"Change-Reason": reason}
    return client.post("/update", data={"update": text}, headers=headers)


def test_a_stream_tells_what_comes_and_resumes(tmp_path: Path) -> None:
    with empty_server(tmp_path, CHIPTRAIL_LISTENERS="1") as base, writer(base) as client:
        first = Listener(base, 2)
        first.start()
        assert first.connected.wait(30)
        refused = client.get("/api/changes", headers={"Accept": "text/event-stream"})
        assert refused.status_code == 503
        assert "retry-after" in refused.headers
        for value in range(2):
            assert insert(client, value, f"number {value}").is_success
        first.join(30)
        assert [event["reason"] for event in first.events] == ["number 0", "number 1"]
        assert first.ids == [event["id"] for event in first.events]
        for value in range(2, 5):
            insert(client, value, f"number {value}")
        deadline = time.monotonic() + 30
        again = Listener(base, 3, **{"Last-Event-ID": first.ids[0]})
        while not again.connected.wait(0.1) and time.monotonic() < deadline:
            if not again.is_alive():  # the place of the first is free once its going is noticed
                again = Listener(base, 3, **{"Last-Event-ID": first.ids[0]})
                again.start()
        again.join(30)
        assert [event["reason"] for event in again.events] == ["number 1", "number 2", "number 3"]


def test_writes_that_are_published_together_are_all_in_the_log(tmp_path: Path) -> None:
    with empty_server(tmp_path) as base, writer(base) as client:

        def write(value: int) -> None:
            with writer(base) as own:
                answers.append((value, insert(own, value, f"number {value}")))

        answers: list[tuple[int, httpx.Response]] = []
        threads = [threading.Thread(target=write, args=(value,)) for value in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for value, answer in answers:
            link = answer.headers["link"].partition("<")[2].partition(">")[0]
            writes = client.get(link).json()["writes"]
            assert [w["reason"] for w in writes].count(f"number {value}") == 1
        revisions = client.get("/api/revisions?limit=500").json()["items"]
        logged = [
            write["reason"]
            for revision in revisions
            for write in client.get(revision["url"]).json()["writes"]
            if write["operation"] == "update"
        ]
        assert sorted(logged) == sorted(f"number {value}" for value in range(24))


def test_without_records_there_is_a_history_too(tmp_path: Path) -> None:
    with empty_server(tmp_path) as base, writer(base) as client:
        insert(client, 1, "a reason")
        changes = client.get("/api/changes").json()["items"]
        assert [change["kind"] for change in changes] == ["begun", "graph-changed"]
        assert changes[1]["iri"] == "http://example.org/g"
        assert changes[1]["author"] == "token"
        assert changes[1]["detail"] == {"added": 1, "removed": 0}
