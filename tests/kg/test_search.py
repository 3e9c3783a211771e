"""Search over the built-in base and over small catalogues: what is found, in which order."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kg.catalogue import CATALOGUE_FILE, Catalogue, Entry, Search, naming, write_catalogue
from kg.catalogue.view import Kind
from kg.errors import InvalidInput
from kg.snapshots import require


@pytest.fixture(scope="module")
def search(built_store: Path) -> Search:
    return Catalogue(require(built_store).path / CATALOGUE_FILE).search


def entry(collection: str, slug: str, label: str, kind: str = "Company", **more: object) -> Entry:
    recorded = more.pop("recorded", (None, None))
    iri = f"https://example.org/id/{slug}"
    document = {"id": slug, "iri": iri, "type": kind, "label": label, **more}
    kinds = (Kind(kind, kind.lower(), "", ("Thing",)), Kind("Thing", "thing", "", ()))
    return Entry(collection, slug, document, kinds=kinds, recorded=recorded)  # type: ignore[arg-type]


def catalogue(directory: Path, *entries: Entry) -> Search:
    path = directory / CATALOGUE_FILE
    write_catalogue(path, entries)
    return Catalogue(path).search


# --- what is found first --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "slug", "how"),
    [
        ("Nvidia H20", "nvidia-h20", "exact"),
        ("h-20", "nvidia-h20", "exact"),
        ("H 20", "nvidia-h20", "exact"),
        ("ＮＶＩＤＩＡ　Ｈ２０", "nvidia-h20", "exact"),
        ("RTX6000D", "nvidia-rtx-pro-6000d", "exact"),
        ("geforce rtx4090", "nvidia-rtx-4090", "exact"),
        ("910b", "huawei-ascend-910b", "words"),
        ("昇腾", "huawei-ascend", "exact"),
        ("昇腾910", "huawei-ascend-910", "exact"),
        ("长江", "ymtc", "prefix"),
        ("三星", "samsung", "prefix"),
        ("海力士", "sk-hynix", "words"),
        ("biren", "biren-technology", "exact"),
        ("nvid", "nvidia", "prefix"),
        ("taiwan semi", "tsmc", "prefix"),
        ("loudmatri", "huawei-cloudmatrix", "part"),
        ("moorethreads", "moore-threads", "exact"),
        ("moorethre", "moore-threads", "part"),
        ("Nvidai", "nvidia", "typo"),
        ("huwei ascned 910b", "huawei-ascend-910b", "typo"),
        ("moorethreds", "moore-threads", "typo"),
        ("Cambrican", "cambricon", "typo"),
        ("jensen", "jensen-huang", "prefix"),
        ("CN", "china", "exact"),
        ("88 FR 73458", "us-ac-2023-10-17", "exact"),
        ("c0-17", "c0-17", "exact"),
        ("L04", "L04", "exact"),
        ("115000", "stockpile-115k", "words"),
        ("acquired before the ban", "c0-17", "words"),
        ("total processing", "tpp", "prefix"),
    ],
)
def test_the_first_hit_is_the_one_that_is_meant(
    search: Search, text: str, slug: str, how: str
) -> None:
    first = search.find(text).hits[0]
    assert (first.slug, first.how) == (slug, how), first


def test_ranks_whole_names_before_beginnings_words_and_sentences(search: Search) -> None:
    hits = search.find("H20", limit=500).hits
    ways = list(dict.fromkeys(hit.how for hit in hits))
    assert ways == ["exact", "prefix", "words"]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert hits[-1].collection in ("claims", "contradictions", "sources", "policies")


def test_things_come_before_statements_where_they_fit_as_well(tmp_path: Path) -> None:
    statement = entry("claims", "c-1", "Mellanox was bought.", "Claim")
    firm = entry("firms", "mellanox", "Mellanox")
    hits = catalogue(tmp_path, statement, firm).find("mellanox").hits
    assert [hit.slug for hit in hits] == ["mellanox", "c-1"]


def test_a_number_is_never_taken_for_a_misspelt_one(search: Search) -> None:
    assert search.find("H21").count == 0
    assert search.find("RTX 4091").count == 0


def test_every_label_alias_and_slug_finds_its_record(built_store: Path) -> None:
    opened = Catalogue(require(built_store).path / CATALOGUE_FILE)
    for collection in ("chips", "firms", "entities", "concepts"):
        for document in opened.documents(collection):
            named = (document["label"], document["id"], *document.get("names", []))
            for name in (*named, *document.get("aliases", [])):
                found = {hit.iri for hit in opened.search.find(name, limit=500).hits}
                assert document["iri"] in found, name


def test_retracted_records_are_not_found(tmp_path: Path) -> None:
    withdrawn = entry("firms", "gone", "Gonesilicon", recorded=("2025-01-01", "2025-06-01"))
    assert catalogue(tmp_path, withdrawn, entry("firms", "kept", "Kept")).find("gonesi").hits == []


# --- kinds, pages, counts -------------------------------------------------------------------------


def test_kinds_hold_those_below_them_and_facets_stay_whole(search: Search) -> None:
    everything = search.find("huawei", limit=500)
    organizations = search.find("huawei", ["Organization"], limit=500)
    assert {hit.kind for hit in organizations.hits} == {"Company", "GovernmentBody"} & {
        hit.kind for hit in everything.hits
    }
    assert organizations.facets == everything.facets
    assert sum(everything.facets.values()) == everything.count
    with pytest.raises(InvalidInput, match="no type 'Compny'; there is: Company"):
        search.find("huawei", ["Compny"])


def test_pages_hold_every_hit_once_in_order(search: Search) -> None:
    whole = [hit.iri for hit in search.find("nvidia", limit=500).hits]
    pages: list[str] = []
    cursor = None
    while True:
        page = search.find("nvidia", limit=20, cursor=cursor)
        pages += [hit.iri for hit in page.hits]
        if (cursor := page.next_cursor) is None:
            break
    assert pages == whole
    assert len(set(whole)) == len(whole) > 100


@pytest.mark.parametrize("cursor", ["", "x", "bm9uc2Vuc2U", "WyJuIl0", "WzEsMl0"])
def test_a_cursor_of_another_making_is_refused(search: Search, cursor: str) -> None:
    with pytest.raises(InvalidInput, match="begin without one"):
        search.find("nvidia", cursor=cursor)
    other = search.find("huawei", limit=1).next_cursor
    with pytest.raises(InvalidInput, match="another search"):
        search.find("nvidia", cursor=other)


def test_counts_are_cut_recognisably(tmp_path: Path) -> None:
    many = [entry("firms", f"firm-{n}", f"Common {n}") for n in range(1100)]
    found = catalogue(tmp_path, *many).find("common", limit=10)
    assert (found.count, found.count_truncated) == (1000, True)


# --- hostile texts --------------------------------------------------------------------------------

INJECTIONS = (
    *("' OR 1=1 --", '"; DROP TABLE name; --', "x' UNION SELECT * FROM sqlite_master --"),
    *(
        'name_tokens : "a"',
        "NEAR(a b)",
        "a AND OR NOT",
        "* * *",
        '"""',
        "^quizzical",
        "{qa qb}: qc",
    ),
    *("} UNION { ?s ?p ?o", "<script>alert(1)</script>", "%%%", "\0", "\ud800", "🐉", "((((("),
    *("NOT quizzical", '"unclosed', "a" * 400, "- - -", "col:val OR rowid:1", "{{7*7}}"),
)


@pytest.mark.parametrize("text", INJECTIONS)
def test_syntax_of_other_languages_finds_nothing_and_breaks_nothing(
    search: Search, text: str
) -> None:
    assert search.find(text).hits == []
    assert search.find("nvidia h20").hits[0].slug == "nvidia-h20"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=60))
def test_any_text_is_answered(search: Search, text: str) -> None:
    hits = search.find(text).hits
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(0 <= hit.score <= 100 for hit in hits)


def test_a_text_beyond_the_limit_is_refused(search: Search) -> None:
    with pytest.raises(InvalidInput, match="at most 500 characters"):
        search.find("a" * 501)


# --- the index ------------------------------------------------------------------------------------


def test_the_index_holds_what_the_catalogue_holds(built_store: Path) -> None:
    path = require(built_store).path / CATALOGUE_FILE
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    current = (
        "SELECT collection, slug FROM entry"
        " WHERE recorded_to IS NULL AND collection != 'timeline' ORDER BY 1, 2"
    )
    indexed = "SELECT collection, slug FROM record ORDER BY 1, 2"
    assert list(connection.execute(indexed)) == list(connection.execute(current))
    unnamed = "SELECT slug FROM record WHERE id NOT IN (SELECT record FROM name)"
    assert list(connection.execute(unnamed)) == []
    connection.close()


def test_the_same_entries_give_the_same_index(tmp_path: Path) -> None:
    entries = [entry("firms", f"f-{n}", f"Firm {n % 7} of {n}", names=["华为"]) for n in range(50)]
    dumps = []
    for name, order in (("a", entries), ("b", entries[::-1])):
        (tmp_path / name).mkdir()
        catalogue(tmp_path / name, *order)
        connection = sqlite3.connect(tmp_path / name / CATALOGUE_FILE)
        dumps.append(list(connection.execute("SELECT * FROM name ORDER BY id")))
        connection.close()
    assert dumps[0] == dumps[1]


def test_short_names_leave_out_the_maker(tmp_path: Path) -> None:
    maker = entry("firms", "acme", "Acme", names=["Acme Chips"], legal_name="Acme Inc.")
    chip = entry("chips", "acme-x1", "Acme Chips X1 (per GPU)", "Chip", maker={"id": "acme"})
    hit = catalogue(tmp_path, maker, chip).find("x1").hits[0]
    assert (hit.slug, hit.matched, hit.sort, hit.how) == ("acme-x1", "X1", "short", "exact")


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RTX 4090D", ["rtx", "4090", "d"]),
        ("昇腾910B芯片", ["昇", "腾", "910", "b", "芯", "片"]),
        ("115,000 units, 2.5 %", ["115000", "units", "2.5"]),
        ("Škoda™ Ｈ２０", ["skoda", "h", "20"]),
        ("3A090.a", ["3", "a", "090", "a"]),
        ("", []),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert naming.tokens(text) == expected


@given(st.text(max_size=40))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert naming.fold(naming.fold(text)) == naming.fold(text)
    assert json.dumps(naming.tokens(text))


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [
        ("huawei", "huawei", 0),
        ("huwei", "huawei", 1),
        ("haunwei", "huawei", 2),
        ("ascned", "ascend", 1),
        ("abc", "xyz", 3),
        ("", "ab", 2),
    ],
)
def test_edit_distance(a: str, b: str, distance: int) -> None:
    assert naming.edit_distance(a, b, 5) == distance == naming.edit_distance(b, a, 5)


@given(st.text("abcd", max_size=8), st.text("abcd", max_size=8), st.integers(0, 4))
def test_a_bounded_distance_is_the_distance_up_to_its_bound(a: str, b: str, bound: int) -> None:
    assert naming.edit_distance(a, b, bound) == min(naming.edit_distance(a, b, 20), bound + 1)
