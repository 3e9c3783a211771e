"""The exports: the same facts as the store, readable by the libraries of their fields."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import BlankNode, NamedNode, Quad, RdfFormat, Store, Triple, parse, serialize

from kg import snapshots
from kg.errors import InvalidInput
from kg.exports import EXPORTS, Material
from kg.exports import citation as citations
from kg.exports.claimreview import RATINGS
from kg.exports.dates import interval
from kg.exports.dumps import KEPT, read_index, versions, write_dumps
from kg.exports.ftm import Entity, entities
from kg.exports.nanopub import NP, nanopub, signer
from tests.conftest import chiptrail

Export = Callable[[str], bytes]

RDF = {"nq": RdfFormat.N_QUADS, "trig": RdfFormat.TRIG, "jsonld": RdfFormat.JSON_LD}
NANOPUB = NamedNode(f"{NP}Nanopublication")


@pytest.fixture(scope="module")
def material(built_store: Path) -> Material:
    return Material(snapshots.require(built_store))


@pytest.fixture(scope="module")
def export(material: Material) -> Export:
    """``export(name)``: the bytes of an export, written once."""
    done: dict[str, bytes] = {}

    def write(name: str) -> bytes:
        if name not in done:
            out = io.BytesIO()
            EXPORTS[name].write(material, out)
            done[name] = out.getvalue()
        return done[name]

    return write


def outside(library: str, reader: str, *files: Path) -> Any:
    """What ``tests.kg.outside_readers`` says; skips where the library is not installed."""
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed (pip install '.[nanopub,ftm]')")
    command = [sys.executable, "-m", "tests.kg.outside_readers", reader, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# --- RDF --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RDF)
def test_every_rdf_export_holds_every_graph_but_the_triple_terms(
    material: Material, export: Export, name: str
) -> None:
    quads = list(parse(export(name), RDF[name]))
    numbers: dict[str, int] = {}
    for quad in quads:
        assert not isinstance(quad.object, Triple)
        graph = quad.graph_name.value
        numbers[graph] = numbers.get(graph, 0) + 1
    expected = dict(material.snapshot.facts["graphs"])
    assert expected.pop(material.names.expand("g:rdf12").value) > 0
    assert numbers == expected


def test_the_rdf_exports_say_the_same(export: Export) -> None:
    read = [
        {
            quad
            for quad in parse(export(name), RDF[name])
            if not isinstance(quad.subject, BlankNode) and not isinstance(quad.object, BlankNode)
        }
        for name in RDF
    ]
    assert len(read[0]) > 30_000
    assert read[0] == read[1] == read[2]


def test_a_default_graph_of_ones_own_is_exported(tmp_path: Path) -> None:
    store, file = tmp_path / "store", tmp_path / "own.nt"
    file.write_text("<http://example.org/a> <http://example.org/b> <http://example.org/c> .")
    building = snapshots.begin(store)
    disk = Store(building / "store")
    disk.load(path=file, format=RdfFormat.N_TRIPLES)
    disk.flush()
    del disk
    snapshots.write_facts(building, {"version": "0" * 64})
    snapshots.publish(store, building)
    own, merge = io.BytesIO(), io.BytesIO()
    EXPORTS["nq"].write(Material(snapshots.require(store), merged=False), own)
    EXPORTS["nq"].write(Material(snapshots.require(store), merged=True), merge)
    assert own.getvalue().count(b"\n") == 1
    assert merge.getvalue() == b""
    assert chiptrail("export", "--store", store, "--format", "ftm").returncode == 0
    assert chiptrail("export", "--store", store, "--format", "tables").returncode == 2


# --- tables -----------------------------------------------------------------------------------


def test_there_is_a_table_for_each_collection(material: Material, export: Export) -> None:
    archive = zipfile.ZipFile(io.BytesIO(export("tables")))
    package = json.loads(archive.read("datapackage.json"))
    assert package["licenses"] == [{"path": material.dataset["licence"]}]
    rows_of = {}
    for resource in package["resources"]:
        text = archive.read(resource["path"]).decode("utf-8")
        reader = csv.DictReader(io.StringIO(text, newline=""))
        rows_of[resource["name"]] = list(reader)
        assert reader.fieldnames == [field["name"] for field in resource["schema"]["fields"]]
    assert {n: len(rows) for n, rows in rows_of.items()} == material.catalogue.counts()
    claim = next(row for row in rows_of["claims"] if row["id"] == "c0-17")
    assert (claim["speaker"], claim["quantity.high"], claim["hedge"]) == (
        "bloomberg",
        "115000",
        "reported",
    )
    for row in (row for rows in rows_of.values() for row in rows):
        assert not any(cell.startswith(("=", "+", "@", "\t", "\r")) for cell in row.values())


def test_the_same_records_give_the_same_bytes(material: Material, export: Export) -> None:
    for name in ("tables", "statements", "nanopub"):
        again = io.BytesIO()
        EXPORTS[name].write(material, again)
        assert again.getvalue() == export(name), name


# --- nanopublications -------------------------------------------------------------------------


def claim_nanopub(material: Material, slug: str) -> list[Quad]:
    return nanopub(material, material.names.expand(f"c:{slug}"))


def asserted(quads: list[Quad]) -> list[tuple[str, str, str]]:
    """The assertion graph as plain text."""
    return [
        (q.subject.value, q.predicate.value, getattr(q.object, "value", ""))
        for q in quads
        if q.graph_name.value.endswith("/assertion")
    ]


def test_every_open_claim_is_a_nanopublication_of_four_graphs(
    material: Material, export: Export
) -> None:
    graphs: dict[str, set[str]] = {}
    for quad in parse(export("nanopub"), RdfFormat.TRIG):
        name, _, part = quad.graph_name.value.rpartition("/")
        graphs.setdefault(name, set()).add(part)
        assert not isinstance(quad.object, BlankNode)
    assert {n.rpartition("/")[2] for n in graphs} == set(material.catalogue.slugs("claims"))
    assert all(p == {"Head", "assertion", "provenance", "pubinfo"} for p in graphs.values())


def test_an_assertion_is_the_plain_triple(material: Material) -> None:
    expand = material.names.expand
    assert asserted(claim_nanopub(material, "c3-07")) == [
        (
            expand("id:alibaba").value,
            expand("ct:interestedInBuying").value,
            expand("id:nvidia-h200").value,
        )
    ]
    quantity = asserted(claim_nanopub(material, "c0-17"))
    assert quantity[0][1] == expand("ct:stockpiledQuantity").value
    assert (quantity[0][2], expand("ct:high").value, "115000") in quantity


def test_a_denial_does_not_assert_what_it_denies(material: Material) -> None:
    denied = [
        document["id"]
        for document in material.catalogue.documents("claims")
        if document["polarity"]["id"] == "denied"
    ]
    assert denied
    for slug in denied:
        claim = material.names.expand(f"c:{slug}")
        property_ = material.view.node(claim, "ct:property")
        triples = asserted(claim_nanopub(material, slug))
        assert property_ is not None
        assert property_.value not in {predicate for _, predicate, _ in triples}
        assert property_.value in {value for _, _, value in triples}


def test_provenance_says_who_said_it_where_and_how_firmly(material: Material) -> None:
    quads = claim_nanopub(material, "c0-17")
    found = {
        (material.names.shorten(q.predicate.value), material.names.shorten(q.object.value))
        for q in quads
        if q.graph_name.value.endswith("/provenance") and not isinstance(q.object, Triple)
    }
    assert {
        ("ct:speaker", "id:bloomberg"),
        ("ct:inDocument", "src:china-ai-chip-repair-boom"),
        ("ct:span", "src:china-ai-chip-repair-boom#char=1632,1731"),
        ("ct:role", "con:originator"),
        ("ct:hedge", "con:reported"),
        ("ct:verdict", "con:refuted"),
        ("ct:evidence", "ev:E01"),
    } <= found


def test_the_nanopub_library_finds_them_valid(material: Material, tmp_path: Path) -> None:
    files = []
    for slug in ("c0-17", "c3-07", "c0-02", "c4-26"):
        file = tmp_path / f"{slug}.trig"
        file.write_bytes(serialize(claim_nanopub(material, slug), format=RdfFormat.TRIG) or b"")
        files.append(file)
    external = next(iter(material.view.instances("ct:ExternalClaim")))
    files.append(tmp_path / "external.trig")
    files[-1].write_bytes(serialize(nanopub(material, external), format=RdfFormat.TRIG) or b"")
    found = outside("nanopub", "nanopubs", *files)
    assert len(found) == len(files)
    assert all(one["valid"] and one["assertions"] for one in found)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_key_signs_them(material: Material, tmp_path: Path) -> None:
    key, signed, altered = (tmp_path / name for name in ("key.pem", "signed.trig", "altered.trig"))
    outside("nanopub", "new-key", key)
    code = (
        "import sys, pathlib; from kg import snapshots; from kg.exports import Material;"
        "from kg.exports.nanopub import nanopub, signer; from pyoxigraph import serialize, RdfFormat;"
        "m = Material(snapshots.require(pathlib.Path(sys.argv[1])));"
        "quads = signer(pathlib.Path(sys.argv[2]), m.names.base)(nanopub(m, m.names.expand('c:c0-17')));"
        "serialize(quads, sys.argv[3], format=RdfFormat.TRIG)"
    )
    store = material.snapshot.path.parents[1]
    command = [sys.executable, "-c", code, str(store), str(key), str(signed)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    altered.write_text(signed.read_text().replace("115000", "115001"))
    (good,) = outside("nanopub", "nanopubs", signed)
    assert (good["valid"], good["trusty"], good["signature"]) == (True, True, True)
    assert "/c0-17/RA" in good["uri"]
    with pytest.raises(AssertionError, match="not valid"):
        outside("nanopub", "nanopubs", altered)


def test_a_key_that_is_none_is_refused(built_store: Path, tmp_path: Path) -> None:
    if importlib.util.find_spec("nanopub") is None:
        pytest.skip("nanopub is not installed (pip install '.[nanopub]')")
    key = tmp_path / "key.pem"
    key.write_text("-----BEGIN PRIVATE KEY-----\nnothing\n-----END PRIVATE KEY-----\n")
    for path in (key, tmp_path / "absent.pem"):
        done = chiptrail(
            "export", "--store", built_store, "--format", "nanopub", CHIPTRAIL_NANOPUB_KEY=str(path)
        )
        assert done.returncode == 2
        assert "cannot sign with" in done.stderr


def test_without_the_library_a_key_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "nanopub", None)
    with pytest.raises(InvalidInput, match="pip install"):
        signer(tmp_path / "key.pem", "http://example.org/")


# --- ClaimReview ------------------------------------------------------------------------------


def test_every_verdict_is_a_review(material: Material, export: Export) -> None:
    feed = json.loads(export("claimreview"))
    reviews = {review["@id"]: review for review in feed["dataFeedElement"]}
    verdicts = {
        verdict["iri"]: verdict
        for document in material.catalogue.documents("claims")
        for verdict in document.get("verdicts", [])
    }
    assert reviews.keys() == verdicts.keys()
    for iri, review in reviews.items():
        rating, verdict = review["reviewRating"], verdicts[iri]["verdict"]["id"]
        assert rating.get("ratingValue") == RATINGS[verdict].value
        assert verdict.split("-")[0] in rating["ratingExplanation"].lower()
        assert review["itemReviewed"]["@id"] == review["url"]
        assert review["isBasedOn"], "a verdict without evidence"


def test_a_verdict_on_the_saying_does_not_rate_what_was_said(export: Export) -> None:
    reviews = json.loads(export("claimreview"))["dataFeedElement"]
    saying = [r for r in reviews if r["reviewRating"]["alternateName"].startswith("Said: ")]
    assert len(saying) == 3
    assert all(" said: " in review["claimReviewed"] for review in saying)


def test_reviews_are_json_ld(export: Export) -> None:
    """The context is on the web; its vocabulary is all that is needed here."""
    feed = json.loads(export("claimreview"))
    feed["@context"] = {"@vocab": "https://schema.org/", "url": {"@type": "@id"}}
    quads = list(parse(json.dumps(feed), RdfFormat.JSON_LD))
    review = NamedNode("https://schema.org/ClaimReview")
    assert sum(q.object == review for q in quads) == len(feed["dataFeedElement"])


# --- FollowTheMoney ---------------------------------------------------------------------------


def test_followthemoney_reads_entities_and_statements(export: Export, tmp_path: Path) -> None:
    files = tmp_path / "entities.ftm.json", tmp_path / "statements.csv"
    for file, name in zip(files, ("ftm", "statements"), strict=True):
        file.write_bytes(export(name))
    found = outside("followthemoney", "ftm", *files)
    assert found["findings"] == []
    assert found["entities"] == found["lines"] == found["stated"] > 300
    assert "Huawei" in found["huawei"]["name"]
    assert found["huawei"]["country"] == ["cn"]


def test_references_stay_within_the_export(material: Material) -> None:
    found = {entity.id: entity for entity in entities(material)}
    for entity in found.values():
        targets = {v.text for v in entity.values if v.type == "entity"}
        assert targets <= found.keys(), entity.id


def test_a_listing_is_a_sanction_with_its_source(material: Material) -> None:
    listings = [e for e in entities(material) if e.schema == "Sanction"]
    firms = material.catalogue.documents("firms")
    recorded = sum(len(firm.get("listings", [])) for firm in firms)
    assert len(listings) >= recorded > 100
    huawei = [e for e in listings if e.properties["entity"] == ["chiptrail-huawei"]]
    assert len(huawei) == 12
    assert all(e.properties["program"] == ["Entity List"] and _sourced(e) for e in huawei)


def _sourced(entity: Entity) -> bool:
    return all(v.origin == ("csl-2026-07-31",) for v in entity.values if v.prop == "startDate")


def test_what_a_claim_says_is_no_entity(material: Material) -> None:
    mentions = [e for e in entities(material) if e.schema == "Documentation"]
    about = {e.id: e.properties for e in mentions}
    nvidia = about["chiptrail-src-nvidia-h200-ramp-about-nvidia"]
    assert nvidia["role"] == ["makes claims about"]
    assert set(nvidia["recordId"]) <= set(material.catalogue.slugs("claims"))


# --- dates and citations ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-07-08", ("2025-07-08", "2025-07-08")),
        ("2025-12", ("2025-12", "2025-12")),
        ("2023-08/2024", ("2023-08", "2024")),
        ("2025-12-12/15", ("2025-12-12", "2025-12-15")),
        ("last summer", None),
        ("", None),
    ],
)
def test_dates_are_read_as_the_records_write_them(
    text: str, expected: tuple[str, str] | None
) -> None:
    assert interval(text) == expected


def test_bibtex_escapes_what_tex_would_run() -> None:
    work = citations.Work(
        "a b/ü", "webpage", r"50% & \input{x}_#1 $y^2~", url="https://e.org/%7B?a={1}"
    )
    text = citations.as_bibtex([work])
    assert text.startswith("@misc{a-b--,")
    assert (
        r"50\% \& \textbackslash{}input\{x\}\_\#1 \$y\textasciicircum{}2\textasciitilde{}" in text
    )
    assert "url = {https://e.org/%7B?a=%7B1%7D}" in text


# --- dumps ------------------------------------------------------------------------------------


def test_dumps_are_written_once_and_the_oldest_go(own_small_store: Path) -> None:
    snapshot = snapshots.require(own_small_store)
    first = write_dumps(own_small_store, Material(snapshot))
    folder = own_small_store / "dumps" / first.version
    written = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    (own_small_store / "dumps" / ".new-left-by-a-crash").mkdir()
    assert write_dumps(own_small_store, Material(snapshot)) == first
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == written
    assert not list((own_small_store / "dumps").glob(".new-*"))
    for number in range(KEPT):
        building = snapshots.begin(own_small_store)
        Store(building / "store").flush()
        snapshots.write_facts(building, {"version": f"{number}" * 64})
        latest = Material(snapshots.publish(own_small_store, building))
        write_dumps(own_small_store, latest)
    assert versions(own_small_store) == [f"{n}" * 16 for n in reversed(range(KEPT))]
    assert read_index(own_small_store, first.version) is None
