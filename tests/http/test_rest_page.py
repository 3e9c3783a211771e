"""docs/rest.md against the service: every field is on the page, and every field on it is there."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from kg.catalogue import COLLECTIONS

WITHOUT_VALUES = {"firms": {"owner"}, "concepts": {"broader"}}
"""Fields for which no record of the built-in base has a value: there they are unknown."""

PAGE = Path(__file__).parents[2] / "docs/rest.md"
_FIELD = re.compile(r"`([a-z_]+)`( ↔)?")


def documented(collection: str) -> dict[str, bool]:
    """Field → whether it takes ``_min`` and ``_max``, from the table of a collection."""
    section = re.split(r"^##+ ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (text,) = (part for part in section if part.startswith(f"{collection}\n"))
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {name: bool(ranged) for row in rows for name, ranged in _FIELD.findall(row)}


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_the_page_has_the_fields_that_there_are(client: httpx.Client, collection: str) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    parameters = {p["name"] for p in paths[f"/api/{collection}"]["get"]["parameters"]}
    said = client.get(f"/api/{collection}?no-such-field=1").json()["detail"]
    known = set(re.findall(r"[a-z0-9_]+", said.partition("fields: ")[2].partition(";")[0]))
    known &= parameters
    if collection == "chips":
        metrics = client.get("/api/concepts?scheme=scheme-metrics&limit=500").json()["items"]
        known -= {metric["id"].replace("-", "_") for metric in metrics}
        known = {name for name in known if not name.startswith("requirement_")}
        known |= {"requirement_cn", "requirement_hk"}  # the two that stand for all
    found = documented(collection)
    without = WITHOUT_VALUES.get(collection, set())
    assert set(found) - without == known
    for name, ranged in found.items():
        assert ranged == (f"{name}_min" in parameters), name


def test_general_parameters_are_on_the_page(client: httpx.Client) -> None:
    text = PAGE.read_text(encoding="utf-8")
    said = client.get("/api/firms?no-such-field=1").json()["detail"]
    for name in said.partition("general parameters: ")[2].split(", "):
        assert f"`{name}" in text, name
