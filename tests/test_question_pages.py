"""The pages of questions say what the graph answers now, and their queries run anywhere."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from pyoxigraph import Store

from examples.queries import render
from kg import snapshots
from kg.intake import read_base
from kg.namespaces import Namespaces

HERE = Path(render.__file__).parent
PAGES = sorted(HERE.glob("*/README.md"))


@pytest.fixture(scope="module")
def computed(built_store: Path) -> dict[Path, str]:
    snapshot = snapshots.current(built_store)
    assert snapshot is not None
    names = Namespaces()
    return render.pages(Store.read_only(str(snapshot.store)), names, read_base(names).origins)


@pytest.mark.parametrize("page", [HERE / "README.md", *PAGES], ids=lambda p: p.parent.name)
def test_page_is_what_the_graph_answers(page: Path, computed: dict[Path, str]) -> None:
    assert page.read_text(encoding="utf-8") == computed[page], "run examples/queries/render.py"


def test_every_folder_is_a_page(computed: dict[Path, str]) -> None:
    folders = {path.parent for path in HERE.glob("*/*.rq")}
    assert {page.parent for page in computed} == folders | {HERE}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.parent.name)
def test_queries_are_answered_over_http(page: Path, client: httpx.Client) -> None:
    for path in sorted(page.parent.glob("*.rq")):
        response = client.post(
            "/sparql",
            content=path.read_bytes(),
            headers={
                "Content-Type": "application/sparql-query",
                "Accept": "application/sparql-results+json",
            },
        )
        assert response.status_code == 200, f"{path.name}: {response.text}"
        unanswered = "Nothing in the graph answers this" in page.read_text(encoding="utf-8")
        assert response.json()["results"]["bindings"] or unanswered, path.name
