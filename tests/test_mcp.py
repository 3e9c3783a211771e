"""The tools for agents, listed and called by an MCP client; what must be cited with each answer."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, get_args

import anyio
import httpx
import pytest
from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult, ListToolsResult

from api.mcp import Hedge, Verdict
from api.mcp import server as tools_of
from tests.conftest import COMMAND, Serve, chiptrail, environment

TOOLS = {
    "search",
    "get_entity",
    "claims_about",
    "contradictions",
    "control_status",
    "party_status",
    "sparql",
}


def call(url: str, tool: str, **arguments: Any) -> CallToolResult:
    """One call in a session of its own, in this process."""

    async def run() -> CallToolResult:
        async with Client(tools_of(url)) as agent:
            return await agent.call_tool(tool, arguments)

    return anyio.run(run)


def answer(url: str, tool: str, **arguments: Any) -> dict[str, Any]:
    found = call(url, tool, **arguments)
    assert not found.is_error, found.content
    assert found.structured_content is not None
    text = json.loads(getattr(found.content[0], "text", ""))
    assert text["result"] == found.structured_content["result"]
    return found.structured_content


def refusal(url: str, tool: str, **arguments: Any) -> str:
    found = call(url, tool, **arguments)
    assert found.is_error
    return str(found.content[0])


@pytest.fixture(scope="session")
def version(client: httpx.Client) -> str:
    return str(client.get("/api/stats").json()["version"])[:16]


def test_the_command_speaks_over_standard_input_and_output(server: str, version: str) -> None:
    command = StdioServerParameters(
        command=str(COMMAND), args=["mcp", "--url", server], env=environment()
    )

    async def run() -> tuple[str | None, ListToolsResult, CallToolResult]:
        async with Client(command) as agent:
            found = await agent.call_tool("search", {"text": "H20"})
            return agent.instructions, await agent.list_tools(), found

    instructions, listed, found = anyio.run(run)
    assert "Cite the original sources first" in (instructions or "")
    assert {tool.name for tool in listed.tools} == TOOLS
    for tool in listed.tools:
        assert tool.description
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint
    assert found.structured_content is not None
    assert found.structured_content["result"]["items"][0]["id"] == "nvidia-h20"
    assert found.structured_content["data_version"] == version


def test_claims_come_with_sources_hedges_verdicts_and_version(server: str, version: str) -> None:
    found = answer(server, "claims_about", name="Chinese companies (generic)", verdict="refuted")
    claim = next(c for c in found["result"]["claims"] if c["id"] == "c0-17")
    assert claim["hedge"]["id"] == "reported"
    assert claim["verdicts"][0]["verdict"]["id"] == "refuted"
    cited = [c for c in found["citations"] if c["claim"] == "c0-17"]
    assert [c["role"] for c in cited] == ["source", "upstream", "evidence"]
    assert (cited[0]["url"], cited[0]["hedge"]) == ("https://robot.writer.dog/?p=31873", "reported")
    assert found["data_version"] == version


@pytest.mark.parametrize("name", ["H20", "nvidia-h20", "https://w3id.org/chiptrail/id/nvidia-h20"])
def test_things_go_by_any_name(server: str, name: str) -> None:
    found = answer(server, "get_entity", name=name)
    assert found["result"]["record"]["id"] == "nvidia-h20"
    assert {c["url"] for c in found["citations"]} >= {"https://epoch.ai/data/ml_hardware.csv"}


def test_a_claim_is_an_entity_too(server: str) -> None:
    found = answer(server, "get_entity", name="c0-17")
    assert found["result"]["collection"] == "claims"
    assert found["citations"][0]["claim"] == "c0-17"


@pytest.mark.parametrize(("scheme", "offered"), [("hedges", Hedge), ("verdicts", Verdict)])
def test_agents_see_the_concepts_that_there_are(server: str, scheme: str, offered: Any) -> None:
    query = f"SELECT ?concept {{ ?concept skos:inScheme con:scheme-{scheme} }}"
    rows = answer(server, "sparql", query=query)["result"]["rows"]
    assert {row["concept"].rpartition("/")[2] for row in rows} == set(get_args(offered))


def test_contradictions_name_the_claims_of_both_sides(server: str) -> None:
    found = answer(server, "contradictions", about="H20")
    one = next(c for c in found["result"]["contradictions"] if c["id"] == "L13")
    sides = {claim["id"] for claim in one["claims"]}
    assert len(sides) >= 2
    assert sides <= {c["claim"] for c in found["citations"]}


def test_figures_that_contradict_each_other_are_cited_too(server: str) -> None:
    found = answer(server, "contradictions", about="AMD Instinct MI350X")
    figures = found["result"]["contradictions"][0]["measurements"]
    urls = {source["url"] for figure in figures for source in figure["sources"]}
    assert urls <= {c["url"] for c in found["citations"]}


def test_control_status_says_what_decides_it(server: str) -> None:
    asked = {"chip": "H20", "destination": "CN", "date": "2025-05-01"}
    found = answer(server, "control_status", **asked)
    status = found["result"]
    assert status["us"]["requirement"] == "licence-required"
    assert {rule["outcome"] for rule in status["us"]["rules"]} == {"met"}
    assert "not legal advice" in status["notice"]
    assert any(c["url"] for c in found["citations"])
    whole = answer(server, "control_status", **asked, all_rules=True)["result"]
    assert len(whole["us"]["rules"]) > len(status["us"]["rules"])


def test_party_status_cites_the_list(server: str) -> None:
    found = answer(server, "party_status", firm="Huawei", date="2025-05-01")
    assert found["result"]["status"] == "listed"
    assert any("federalregister.gov" in (c["url"] or "") for c in found["citations"])


def test_what_was_known_then(server: str) -> None:
    asked = {"chip": "H20", "destination": "CN", "date": "2025-05-01", "known_at": "2026-11-20"}
    found = answer(server, "control_status", **asked)
    assert found["result"]["us"]["requirement"] == "indeterminate", "nothing was on record yet"
    asked = {"firm": "Huawei", "date": "2025-05-01", "known_at": "2026-11-21"}
    assert answer(server, "party_status", **asked)["result"]["status"] == "listed"


def test_sparql_cites_the_sources_of_the_claims_that_it_finds(server: str, version: str) -> None:
    query = "SELECT ?claim { ?claim ct:property ct:stockpiledQuantity }"
    found = answer(server, "sparql", query=query)
    assert len(found["result"]["rows"]) >= 1
    assert "c0-17" in {c["claim"] for c in found["citations"]}
    assert found["data_version"] == version
    assert answer(server, "sparql", query="ASK {}")["result"] == {"boolean": True}


def test_what_begins_like_a_claim_need_not_be_one(server: str) -> None:
    query = "SELECT ?check { ?check ct:assesses c:c0-17 }"
    found = answer(server, "sparql", query=query)
    assert len(found["result"]["rows"]) == 1
    assert found["citations"] == []


def test_rows_are_cut_and_it_is_said(server: str) -> None:
    query = "SELECT ?claim { ?claim a ct:Claim } ORDER BY ?claim"
    found = answer(server, "sparql", query=query, max_rows=30)
    assert (len(found["result"]["rows"]), found["result"]["truncated"]) == (30, True)
    assert len({c["claim"] for c in found["citations"]}) <= 10


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "an unknown name": ("get_entity", {"name": "H21X"}, "nothing is called 'H21X'"),
    "a filter": ("claims_about", {"name": "H20", "limit": 1000}, "100"),
    "syntax": ("sparql", {"query": "SELECT {"}, "error at 2:8"),
    "an update": ("sparql", {"query": "DROP ALL"}, "update"),
    "a way out": ("sparql", {"query": "ASK { SERVICE <http://127.0.0.1:9/> {} }"}, "not allowed"),
    "a graph": ("sparql", {"query": "DESCRIBE <urn:x>"}, "nothing acceptable"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_tell_the_agent_why(server: str, case: str) -> None:
    tool, arguments, why = REFUSED[case]
    assert why in refusal(server, tool, **arguments)


def test_the_limits_of_the_endpoint_hold(built_store: Path, serve: Serve) -> None:
    url = serve(built_store, CHIPTRAIL_QUERY_TIMEOUT="0.2")
    query = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
    assert "0.2" in refusal(url, "sparql", query=query)


def test_no_server_is_said_at_the_call() -> None:
    assert "does not answer" in refusal("http://127.0.0.1:9", "search", text="H20")


def test_a_bad_url_is_wrong_use() -> None:
    done = chiptrail("mcp", "--url", "nonsense")
    assert done.returncode == 2
    assert "http" in done.stderr


def test_standard_output_carries_nothing_but_the_protocol(server: str) -> None:
    done = subprocess.run(
        [COMMAND, "mcp", "--url", server],
        input="this is no JSON-RPC\n",
        capture_output=True,
        text=True,
        env=environment(),
        timeout=30,
    )
    assert done.returncode == 0
    assert all(line.startswith("{") for line in done.stdout.splitlines())
