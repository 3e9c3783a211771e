"""The Reconciliation API 0.2 over HTTP, asked as OpenRefine asks, its answers held to the schemas.

The schemas published with the specification are read from ../shared where it is; elsewhere those
checks are skipped, and the others hold the answers to what the protocol's clients read.
"""

from __future__ import annotations

import html.parser
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from tests.http.messy import STRANGERS, Messy, messy_names

SCHEMAS = Path(__file__).parents[3] / "shared" / "w3c" / "recon-schemas" / "0.2"
BATCH_SIZE = 10
"""How many names OpenRefine sends at once."""

Json = dict[str, Any]


def get(client: httpx.Client, path: str, **parameters: str | int) -> Any:
    response = client.get(path, params=parameters or None)
    assert response.status_code == 200, response.text
    return response.json()


def reconcile(client: httpx.Client, queries: Json) -> Json:
    response = client.post("/reconcile", data={"queries": json.dumps(queries)})
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    assert set(answer) == set(queries)
    return answer


def candidates(client: httpx.Client, text: str, **more: Any) -> list[Json]:
    found: list[Json] = reconcile(client, {"q0": {"query": text, **more}})["q0"]["result"]
    return found


def extend(client: httpx.Client, ids: list[str], *columns: Json) -> Json:
    query = json.dumps({"ids": ids, "properties": list(columns)})
    response = client.post("/reconcile", data={"extend": query})
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


# --- 500 messy names ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def answered(client: httpx.Client) -> list[tuple[Messy, list[Json]]]:
    """The 500 names with their candidates, asked ten at a time."""
    things = [get(client, f"/api/{c}?limit=500")["items"] for c in ("chips", "firms", "entities")]
    names = messy_names(*things)
    found = []
    for start in range(0, len(names), BATCH_SIZE):
        some = names[start : start + BATCH_SIZE]
        batch = {f"q{n}": {"query": one.text, "limit": 3} for n, one in enumerate(some)}
        answers = reconcile(client, batch)
        found += [(one, answers[f"q{n}"]["result"]) for n, one in enumerate(some)]
    return found


def test_the_clear_ones_of_500_messy_names_come_first(
    answered: list[tuple[Messy, list[Json]]],
) -> None:
    assert len(answered) == 500
    clear = [(one, found) for one, found in answered if one.clear and one.meant]
    assert len(clear) > 400
    missed = [
        (one.text, one.meant, found[:1])
        for one, found in clear
        if not found or found[0]["id"] != one.meant
    ]
    assert len(missed) <= 0.05 * len(clear), missed


def test_no_match_that_is_called_certain_is_wrong(
    answered: list[tuple[Messy, list[Json]]],
) -> None:
    wrong = [
        (one.text, one.meant, candidate["id"])
        for one, found in answered
        for candidate in found
        if candidate["match"] and candidate["id"] != one.meant
    ]
    assert wrong == []


def test_most_clear_names_are_matched_without_a_question(
    answered: list[tuple[Messy, list[Json]]],
) -> None:
    clear = [found for one, found in answered if one.clear and one.meant]
    assert sum(found[0]["match"] for found in clear if found) > 0.6 * len(clear)


def test_strangers_are_never_certain(client: httpx.Client) -> None:
    batch = {name: {"query": name} for name in STRANGERS}
    for name, answer in reconcile(client, batch).items():
        assert not any(candidate["match"] for candidate in answer["result"]), name


# --- which one, how surely, why -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "thing", "match"),
    [
        ("NVIDIA H20 GPU", "nvidia-h20", True),
        ("H20 141GB", "nvidia-h20-141", True),
        ("H20 96 GB", "nvidia-h20", True),
        ("H20 48 GB", "nvidia-h20", False),
        ("RTX4090D", "nvidia-rtx-4090d", True),
        ("Huawei 910B", "huawei-ascend-910b", False),
        ("Ascned 910B", "huawei-ascend-910b", False),
        ("昇腾910B芯片", "huawei-ascend-910b", True),
        ("寒武纪科技有限公司", "cambricon", False),
        ("华为有限公司", "huawei", True),
        ("Nvidia GmbH", "nvidia", True),
        ("nvidia-h20", "nvidia-h20", True),
        ("L4", "nvidia-l4", False),
        ("Nvidia L4", "nvidia-l4", True),
        ("Suzhou Cambricon Information Technology Co., Ltd.", "cambricon", False),
        ("moorethreds", "moore-threads", False),
    ],
)
def test_certain_only_where_nothing_but_noise_is_left_over(
    client: httpx.Client, text: str, thing: str, match: bool
) -> None:
    first = candidates(client, text)[0]
    assert (first["id"], first["match"]) == (thing, match), first


def test_a_name_of_two_things_is_certain_for_neither(client: httpx.Client) -> None:
    found = candidates(client, "曦云 C500")
    assert {one["id"] for one in found} == {"metax-c500-oam", "metax-c500-pcie"}
    assert [one["match"] for one in found] == [False, False]


def test_a_candidate_says_why(client: httpx.Client) -> None:
    (first, *_) = candidates(client, "Ascned 910B accelerator")
    assert {"id", "name", "description", "type", "score", "match", "features"} == set(first)
    features = {feature["id"]: feature["value"] for feature in first["features"]}
    assert features["name_equal"] is False
    assert features["words_misspelt"] == 1
    assert (features["words_left_over"], features["words_missing"]) == (0, 0)
    assert features["name_overlap"] == first["score"]
    assert [kind["id"] for kind in first["type"]][:2] == ["Chip", "Product"]


def test_types_are_a_condition_or_a_preference(client: httpx.Client) -> None:
    def first(**more: Any) -> tuple[str, bool]:
        found = candidates(client, "Tesla", **more)
        return found[0]["id"], found[0]["match"]

    assert first(type="Company") == ("tesla", True)
    assert first(type="https://w3id.org/chiptrail/ont#Organization") == ("tesla", True)
    assert all(
        "Chip" in [kind["id"] for kind in one["type"]]
        for one in candidates(client, "Tesla", type=["Chip"])
    )
    assert first(type=["Chip", "Company"]) == ("tesla", True)
    assert candidates(client, "Tesla", type=["Chip", "Company"], type_strict="all") == []
    assert first(type=["Place"], type_strict="should") == ("tesla", False)
    assert candidates(client, "Tesla", type="Place") == []


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("nvidia", True),
        ("NVIDIA Corporation", True),
        ("英伟达", True),
        ({"id": "nvidia", "name": "Nvidia"}, True),
        (["AMD", "Nvidia"], True),
        ("AMD", False),
        ({"id": "huawei"}, False),
    ],
)
def test_properties_filter(client: httpx.Client, value: Any, fits: bool) -> None:
    found = candidates(client, "H20", properties=[{"pid": "maker", "v": value}])
    assert ("nvidia-h20" in [one["id"] for one in found]) is fits
    if fits:
        assert found[0]["match"] is True
        assert {"id": "property:maker", "value": True} in found[0]["features"]


def test_a_property_that_is_not_known_makes_unsure(client: httpx.Client) -> None:
    (first, *_) = candidates(client, "H20", properties=[{"pid": "tpp", "v": 2368}])
    assert (first["id"], first["match"], first["score"]) == ("nvidia-h20", True, 100)
    (first, *_) = candidates(client, "H20", properties=[{"pid": "parent", "v": "Nvidia"}])
    assert (first["id"], first["match"], first["score"]) == ("nvidia-h20", False, 90)
    assert {"id": "property:parent", "value": False} in first["features"]


def test_properties_alone_list_what_has_them(client: httpx.Client) -> None:
    query = {"properties": [{"pid": "maker", "v": {"id": "biren-technology"}}], "limit": 50}
    (answer,) = reconcile(client, {"q": query}).values()
    assert {one["id"] for one in answer["result"]} == {"biren-br100", "biren-br104"}
    assert not any(one["match"] for one in answer["result"])


def test_limit(client: httpx.Client) -> None:
    assert len(candidates(client, "Nvidia A100", limit=2)) == 2
    assert len(candidates(client, "Nvidia A100")) == 5


def test_get_asks_the_same_as_post(client: httpx.Client) -> None:
    queries = {"q0": {"query": "华为"}, "q1": {"query": "b200"}}
    assert get(client, "/reconcile", queries=json.dumps(queries)) == reconcile(client, queries)


# --- suggest, preview, flyout ---------------------------------------------------------------------


def test_suggest_entities_by_prefix_and_cursor(client: httpx.Client) -> None:
    found = get(client, "/reconcile/suggest/entity", prefix="ascend 91")["result"]
    assert {"huawei-ascend-910", "huawei-ascend-910b"} <= {one["id"] for one in found}
    whole = get(client, "/reconcile/suggest/entity", prefix="nvidia")["result"]
    rest = get(client, "/reconcile/suggest/entity", prefix="nvidia", cursor=5)["result"]
    assert rest[:15] == whole[5:20]
    firms = get(client, "/reconcile/suggest/entity", prefix="tesla", type="Company")["result"]
    assert [one["id"] for one in firms] == ["tesla"]
    assert get(client, "/reconcile/suggest/entity", prefix="")["result"] == []


def test_suggest_types_and_properties(client: httpx.Client) -> None:
    (organization,) = get(client, "/reconcile/suggest/type", prefix="organ")["result"]
    assert organization["id"] == "Organization"
    assert organization["broader"][0]["id"] == "Agent"
    bodies = get(client, "/reconcile/suggest/type", prefix="BODY")["result"]
    assert [one["id"] for one in bodies] == ["GovernmentBody"]
    assert {"id": "tpp", "name": "total processing performance"} in get(
        client, "/reconcile/suggest/property", prefix="total"
    )["result"]
    everything = get(client, "/reconcile/suggest/property")["result"]
    after = get(client, "/reconcile/suggest/property", cursor=1)["result"]
    assert after[:10] == everything[1:11]


class Tags(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)


def test_a_preview_is_a_short_page_without_scripts(client: httpx.Client) -> None:
    response = client.get("/reconcile/preview", params={"id": "nvidia-h20"})
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["content-security-policy"] == "default-src 'none'; frame-ancestors *"
    assert {"script", "style", "img"} & set(Tags(response.text).tags) == set()
    assert "Nvidia H20" in response.text
    assert "HGX H20" in response.text


def test_a_preview_shows_markup_in_names_as_text(client: httpx.Client) -> None:
    response = client.get("/reconcile/preview", params={"id": "bauf-partner"})
    assert "Bauf &amp; Partner" in response.text
    unknown = client.get("/reconcile/preview", params={"id": "<script>alert(1)</script>"})
    assert unknown.status_code == 404
    assert unknown.headers["content-type"] == "application/problem+json"


def test_flyouts(client: httpx.Client) -> None:
    for sort, name, said in (
        ("entity", "huawei", "华为"),
        ("type", "Company", "does business"),
        ("property", "tpp", "total processing performance"),
    ):
        body = get(client, f"/reconcile/flyout/{sort}", id=name)
        assert body["id"] == name
        assert said in body["html"]


# --- data extension -------------------------------------------------------------------------------


def test_proposals_are_what_the_type_has(client: httpx.Client) -> None:
    proposed = get(client, "/reconcile/extend/propose", type="Chip", limit=100)
    names = [one["id"] for one in proposed["properties"]]
    assert {"maker", "tpp", "memory_capacity"} <= set(names)
    assert "legal_name" not in names
    assert (proposed["type"], proposed["limit"]) == ("Chip", 100)
    assert len(get(client, "/reconcile/extend/propose", limit=3)["properties"]) == 3


def test_extension_gives_the_values_of_the_documents(client: httpx.Client) -> None:
    columns = ("maker", "tpp", "dram_bandwidth", "country", "listings.from", "identifiers.wikidata")
    answer = extend(client, ["nvidia-h20", "huawei", "nothing"], *({"id": c} for c in columns))
    assert [column["id"] for column in answer["meta"]] == list(columns)
    chip = answer["rows"]["nvidia-h20"]
    assert chip["maker"] == [{"id": "nvidia", "name": "Nvidia"}]
    assert chip["tpp"] == [{"int": 2368}]
    figures = [f for f in get(client, "/api/chips/nvidia-h20")["figures"] if "value" in f]
    shown = {f["value"] for f in figures if f["metric"]["id"] == "dram-bandwidth"}
    assert {next(iter(cell.values())) for cell in chip["dram_bandwidth"]} == shown
    firm = answer["rows"]["huawei"]
    assert firm["country"] == [{"id": "china", "name": "China"}]
    assert {"date": "2019-05-16T00:00:00Z"} in firm["listings.from"]
    assert firm["identifiers.wikidata"] == [{"str": "Q160120"}]
    assert answer["rows"]["nothing"] == {column: [] for column in columns}


def test_the_limit_of_a_column_cuts_its_values(client: httpx.Client) -> None:
    everything = extend(client, ["huawei"], {"id": "listings.name"})
    some = extend(client, ["huawei"], {"id": "listings.name", "settings": {"limit": 2}})
    whole = everything["rows"]["huawei"]["listings.name"]
    assert len(whole) > 2
    assert some["rows"]["huawei"]["listings.name"] == whole[:2]


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"queries": "{"}, "queries: "),
        ({"queries": "[]"}, "queries: "),
        ({"queries": '{"q": {}}'}, "query q: a query needs a text or properties"),
        ({"queries": '{"q": {"query": "a", "limit": 0}}'}, "q.limit"),
        ({"queries": '{"q": {"query": "a", "colour": 1}}'}, "q.colour"),
        ({"queries": '{"q": {"query": "a", "type": "Chp"}}'}, "query q: no type 'Chp'"),
        (
            {"queries": '{"q": {"query": "a", "properties": [{"pid": "makr", "v": "x"}]}}'},
            "no property 'makr'; nearest: maker",
        ),
        ({"extend": '{"ids": ["huawei"]}'}, "extend: properties"),
        ({"extend": '{"ids": [], "properties": [{"id": "nope"}]}'}, "no property 'nope'"),
        ({"extend": "{}", "queries": "{}"}, "not both"),
        ({"callback": "alert"}, "no parameter 'callback'"),
    ],
)
def test_errors_have_one_shape_and_say_what_is_wrong(
    client: httpx.Client, parameters: dict[str, str], said: str
) -> None:
    for response in (
        client.get("/reconcile", params=parameters),
        client.post("/reconcile", data=parameters),
    ):
        assert response.status_code == 400, response.text
        assert response.headers["content-type"] == "application/problem+json"
        assert said in response.json()["detail"]


def test_batches_and_bodies_have_limits(client: httpx.Client) -> None:
    many = {f"q{n}": {"query": "x"} for n in range(1001)}
    response = client.post("/reconcile", data={"queries": json.dumps(many)})
    assert response.status_code == 400
    assert "at most 1000 at once" in response.json()["detail"]
    large = client.post("/reconcile", data={"queries": " " * (1 << 20)})
    assert large.status_code == 413
    wrong = client.post("/reconcile", json={"queries": {}})
    assert wrong.status_code == 415
    assert client.post("/reconcile", data={}).status_code in (400, 415)


@pytest.mark.parametrize(
    "text", ["' OR 1=1 --", '"; DROP TABLE name; --', "} UNION { ?s ?p ?o", "\0", "🐉" * 400]
)
def test_injections_find_nothing_certain_and_break_nothing(client: httpx.Client, text: str) -> None:
    assert not any(one["match"] for one in candidates(client, text))
    assert get(client, "/reconcile/suggest/entity", prefix=text)["result"] == []
    assert candidates(client, "Nvidia H20")[0]["match"] is True


# --- the published schemas ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def registry() -> Registry[Any]:
    if not SCHEMAS.is_dir():
        pytest.skip(f"the schemas of the specification are not at {SCHEMAS}")
    read = [json.loads(path.read_text(encoding="utf-8")) for path in SCHEMAS.glob("*.json")]
    resources = [Resource(contents=schema, specification=DRAFT7) for schema in read]
    known: Registry[Any] = Registry().with_resources((r.contents["$id"], r) for r in resources)
    return known


def valid(registry: Registry[Any], name: str, document: Any) -> None:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    Draft7Validator.check_schema(schema)
    errors = list(Draft7Validator(schema, registry=registry).iter_errors(document))
    assert errors == []


def test_the_manifest_is_valid_and_its_addresses_answer(
    client: httpx.Client, registry: Registry[Any]
) -> None:
    manifest = get(client, "/reconcile")
    valid(registry, "manifest", manifest)
    base = str(client.base_url)
    view = manifest["view"]["url"].replace("{{id}}", "nvidia-h20")
    assert client.get(view, follow_redirects=True).status_code == 200
    assert manifest["identifierSpace"] + "nvidia-h20" == "https://w3id.org/chiptrail/id/nvidia-h20"
    preview = manifest["preview"]["url"].replace("{{id}}", "nvidia-h20")
    assert preview.startswith(base)
    assert client.get(preview).status_code == 200
    for sort, found in manifest["suggest"].items():
        assert get(client, found["service_url"] + found["service_path"], prefix="a")["result"], sort
    proposing = manifest["extend"]["propose_properties"]
    assert get(client, proposing["service_url"] + proposing["service_path"], type="Chip")


def test_results_are_valid(client: httpx.Client, registry: Registry[Any]) -> None:
    queries = {
        "q0": {"query": "H20 GPU", "type": "Chip", "limit": 3, "type_strict": "any"},
        "q1": {"query": "华为", "properties": [{"pid": "country", "v": [{"id": "china"}]}]},
        "q2": {"query": "nothing of the sort"},
    }
    valid(registry, "reconciliation-query-batch", queries)
    valid(registry, "reconciliation-result-batch", reconcile(client, queries))


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("suggest/entity?prefix=nv", "suggest-entities-response"),
        ("suggest/type?prefix=", "suggest-types-response"),
        ("suggest/property?prefix=", "suggest-properties-response"),
        ("extend/propose?type=Company", "data-extension-property-proposal"),
    ],
)
def test_suggestions_and_proposals_are_valid(
    client: httpx.Client, registry: Registry[Any], path: str, schema: str
) -> None:
    body = get(client, f"/reconcile/{path}")
    assert body.get("result") or body.get("properties")
    valid(registry, schema, body)


def test_extensions_are_valid_for_every_property(
    client: httpx.Client, registry: Registry[Any]
) -> None:
    columns = get(client, "/reconcile/extend/propose")["properties"]
    query = {"ids": ["nvidia-h20", "huawei", "china"], "properties": columns}
    valid(registry, "data-extension-query", query)
    valid(registry, "data-extension-response", extend(client, query["ids"], *columns))
