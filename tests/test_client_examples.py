"""The examples for those who write clients, run as they stand in ``examples/clients``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from rdflib import RDFS, Graph, Namespace, URIRef

EXAMPLES = Path(__file__).parents[1] / "examples" / "clients"

PROGRAMS = {
    ".py": [sys.executable, "-W", "error"],
    ".sh": ["sh"],
    ".mjs": ["node"],
}
NEEDED = {".sh": "curl", ".mjs": "node"}


def run(name: str, server: str) -> str:
    """What the example prints; skipped, saying so, without the program that it needs."""
    kind = Path(name).suffix
    if kind in NEEDED and shutil.which(NEEDED[kind]) is None:
        pytest.skip(f"{NEEDED[kind]} is not installed")
    environment = {"PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8", "LC_ALL": "C.UTF-8"}
    command = [*PROGRAMS[kind], str(EXAMPLES / name), server]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def count(client: httpx.Client, collection: str, **filters: str) -> int:
    found: int = client.get(f"/api/{collection}", params=filters).json()["count"]
    return found


def test_python_client(server: str, client: httpx.Client) -> None:
    printed = run("python_client.py", server)
    claims = [
        line for line in printed.splitlines() if line.startswith(("c", "x-")) and "  [" in line
    ]
    assert len(claims) == count(client, "claims", about="nvidia-h20")
    assert "A licence is required for Nvidia H20 to China on 2025-05-01" in printed
    assert "unknown chip 'H21'; nearest: nvidia-h20" in printed


def test_sparqlwrapper(server: str, client: httpx.Client) -> None:
    printed = run("sparqlwrapper.py", server)
    refuted = {line.partition(":")[0] for line in printed.splitlines() if line[0] != " "}
    assert len(refuted) == count(client, "claims", verdict="refuted")
    assert "c0-17" in refuted
    assert "https://www.iheart.com/" in printed


def test_pandas(server: str, client: httpx.Client) -> None:
    lines = run("pandas_claims.py", server).splitlines()
    assert lines[0] == f"{count(client, 'claims')} claims"
    row = next(line for line in lines if line.startswith("china-ai-chip-repair-boom"))
    numbers = [int(cell) for cell in row.split()[1:]]
    assert sum(numbers) == count(client, "claims", source="china-ai-chip-repair-boom")
    assert any("refuted" in line for line in lines)


def test_rdflib(server: str) -> None:
    lines = run("rdflib_follow.py", server).splitlines()
    assert lines[1] == "maker: Nvidia https://w3id.org/chiptrail/id/nvidia"
    assert lines[2].startswith("Nvidia - ")
    assert lines[3] == "country: United States"


def test_curl(server: str, client: httpx.Client) -> None:
    printed = run("curl.sh", server)
    assert "https://robot.writer.dog/?p=31873" in printed
    assert (
        "c0-17,reported," in printed
        or "acquired before the ban, on Bloomberg's authority" in printed
    )
    assert f"{server}/id/nvidia-h20.jsonld application/ld+json" in printed
    assert printed.splitlines()[-2:] == [str(count(client, "claims")), "304"]


def test_javascript(server: str, client: httpx.Client) -> None:
    lines = run("javascript.mjs", server).splitlines()
    headings = [line for line in lines if "independent origin(s)" in line]
    assert len(headings) == count(client, "contradictions")
    hedges = [int(line.split()[-2]) for line in lines if line.endswith(" claims")]
    assert sum(hedges) == count(client, "claims")


def test_every_example_is_run() -> None:
    tested = {"python_client.py", "sparqlwrapper.py", "pandas_claims.py", "rdflib_follow.py"}
    tested |= {"curl.sh", "javascript.mjs"}
    assert {path.name for path in EXAMPLES.iterdir() if path.suffix in PROGRAMS} == tested


# --- a newcomer's journey with rdflib -----------------------------------------------------------

BASE = "https://w3id.org/chiptrail/"
CT = Namespace(f"{BASE}ont#")


def load(server: str, thing: str, media_type: str) -> Graph:
    """The document about ``thing``, as the media type asks for it, by 303 from the thing itself."""
    address = thing.replace(BASE, f"{server}/")
    with httpx.Client(headers={"Accept": media_type}) as http:
        see_other = http.get(address)
        assert see_other.status_code == 303
        document = http.get(see_other.url.join(see_other.headers["Location"]))
    assert document.headers["Content-Type"].partition(";")[0] == media_type
    return Graph().parse(data=document.text, format=media_type)


# rdflib's own JSON-LD parser uses a class that rdflib has deprecated.
OF_RDFLIB = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")


@OF_RDFLIB
@pytest.mark.parametrize(
    "media_type",
    ["text/turtle", "application/ld+json", "application/rdf+xml", "application/n-triples"],
)
def test_a_claim_leads_to_its_speaker_and_to_the_chip(server: str, media_type: str) -> None:
    claim = URIRef(f"{BASE}claim/c0-17")
    about_claim = load(server, claim, media_type)
    speaker = about_claim.value(claim, CT.speaker)
    assert about_claim.value(speaker, RDFS.label, any=True) is not None
    about_speaker = load(server, str(speaker), media_type)
    assert str(about_speaker.value(speaker, RDFS.label)) == "Bloomberg"
    check = next(about_claim.subjects(CT.assesses, claim))
    evidence = about_claim.value(check, CT.evidence)
    address = load(server, str(evidence), media_type).value(
        evidence, URIRef("https://schema.org/url")
    )
    assert str(address).startswith("https://www.iheart.com/")


@OF_RDFLIB
def test_the_forms_of_a_document_say_the_same(server: str) -> None:
    chip = f"{BASE}id/nvidia-h20"
    turtle = load(server, chip, "text/turtle")
    assert len(turtle) > 50
    for media_type in ("application/ld+json", "application/rdf+xml", "application/n-triples"):
        assert turtle.isomorphic(load(server, chip, media_type))
