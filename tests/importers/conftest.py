"""The built-in knowledge base to import into, fresh for each test, and small files in real shapes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad, Store

from kg.build import validate
from kg.catalogue import View
from kg.importers import ImportResult, Options, import_file
from kg.intake import Intake, read_base
from kg.namespaces import Namespaces
from kg.recovery import recover

NAMES = Namespaces()
DATA = Path(__file__).parent / "data"
SHARED = Path(__file__).parents[3] / "shared" / "domain" / "data"

Import = Callable[..., ImportResult]


def shared(name: str) -> Path:
    """A real list beside the repository; the test skips where it is not there."""
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"needs the real list {path.name} beside the repository")
    return path


@pytest.fixture(scope="session")
def base() -> Intake:
    return read_base(NAMES)


@pytest.fixture
def intake(base: Intake) -> Intake:
    """The built-in knowledge base, to be changed at will."""
    return dataclasses.replace(base, quads=list(base.quads), origins=dict(base.origins))


@pytest.fixture
def take(intake: Intake) -> Import:
    """Import a file and apply it; what is there then must please the shapes, and be read back."""

    def run(kind: str, path: Path, **options: object) -> ImportResult:
        result = import_file(kind, path, intake, Options(**options))  # type: ignore[arg-type]
        result.apply(intake)
        assert validate(intake) == []
        store = Store()
        store.extend(intake.quads)
        assert recover(View(store, NAMES, graph=None)).findings == []
        return result

    return run


def ask(intake: Intake, query: str) -> list[tuple[str, ...]]:
    """Rows of a SELECT over the merge of all graphs but the history, sorted; IRIs as CURIEs."""
    history = NAMES.expand("g:history")
    store = Store()
    for quad in intake.quads:
        store.add(quad)
        if quad.graph_name != history:
            store.add(Quad(quad.subject, quad.predicate, quad.object))
    rows = store.query(NAMES.sparql_prologue + query)
    return sorted(tuple(_text(value) for value in row) for row in rows)


def _text(value: NamedNode | Literal | None) -> str:
    if value is None:
        return ""
    return NAMES.shorten(value.value) if isinstance(value, NamedNode) else value.value
