"""What the command line does to single records of a store: retract, supersede; and its history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from string import Template
from typing import Any

from pyoxigraph import NamedNode, QuerySolutions, Store

from kg import snapshots
from kg.build import Progress, build, named_quads, quiet
from kg.catalogue import CATALOGUE_FILE, Catalogue
from kg.config import Settings
from kg.curation import GRAPH_QUERY, Closing, Curator
from kg.errors import InvalidInput, NotFound
from kg.history import ChangeRequest, History, Row, read_since
from kg.history.log import Act
from kg.intake import DatasetInfo, intake_of
from kg.namespaces import Namespaces
from kg.resources import query
from kg.snapshots import Snapshot
from kg.yamlfile import read_yaml

_PAGE = 500

Json = Mapping[str, Any]


def retract(
    settings: Settings, claim: str, end_reason: str, by: Act, progress: Progress = quiet
) -> Closing:
    """Close the record of ``claim``. ``by``: author and comment.

    Raises UnknownName, InvalidInput for a record that is closed already, InvalidData.
    """

    def closing(curator: Curator, document: Json, graph: str) -> Closing:
        return curator.retract(document, graph, end_reason)

    return _close(settings, claim, closing, by, progress)


def supersede(
    settings: Settings,
    claim: str,
    file: Path,
    end_reason: str,
    by: Act,
    progress: Progress = quiet,
) -> Closing:
    """Set the record in ``file`` (YAML) in the place of ``claim``; the rest as for retract."""
    record = read_successor(file)

    def closing(curator: Curator, document: Json, graph: str) -> Closing:
        return curator.supersede(document, graph, record, end_reason)

    return _close(settings, claim, closing, by, progress)


def read_successor(file: Path) -> Json:
    """The one record of a file: its fields at the top, or one item of a list of claims."""
    content = read_yaml(file).content
    lists = [content[name] for name in ("claims", "external_claims") if name in content]
    if not lists:
        return content
    records = [record for records in lists for record in records or []]
    if len(records) != 1 or not isinstance(records[0], dict):
        raise InvalidInput(f"{file}: one record takes a claim's place, not {len(records)}")
    return records[0]


def _close(
    settings: Settings,
    claim: str,
    closing: Callable[[Curator, Json, str], Closing],
    by: Act,
    progress: Progress,
) -> Closing:
    snapshot = snapshots.require(settings.store)
    path = snapshot.path / CATALOGUE_FILE
    if not path.exists():
        raise NotFound("this store has no claims: it was made empty")
    names, store = Namespaces(settings.base), Store.read_only(str(snapshot.store))
    curator = Curator(Catalogue(path), names)
    document = curator.live(claim)
    made = closing(curator, document, _graph(store, names, document["iri"]))
    _apply(settings, snapshot, store, made, by, progress)
    return made


def _graph(store: Store, names: Namespaces, claim: str) -> str:
    text = Template(names.rebase(query(GRAPH_QUERY))).substitute(claim=f"<{claim}>")
    found = store.query(names.sparql_prologue + text)
    assert isinstance(found, QuerySolutions)  # noqa: S101 - it is a SELECT
    graph = next(found)["graph"]
    assert isinstance(graph, NamedNode)  # noqa: S101 - graphs have names
    return graph.value


def _apply(
    settings: Settings,
    snapshot: Snapshot,
    store: Store,
    closing: Closing,
    by: Act,
    progress: Progress,
) -> None:
    """Apply the update to what the store asserts, and build it anew."""
    memory = Store()
    memory.extend(named_quads(store))
    memory.update(closing.text)
    info = DatasetInfo.model_validate(snapshot.facts["dataset"])
    intake = intake_of(memory, Namespaces(settings.base), info)
    act = replace(by, operation=closing.operation, about=closing.claim)
    merge = settings.default_graph == "union"
    build(intake, settings.store, progress, merge, act=act, parent=snapshot)


def changes(settings: Settings, since: str | None) -> Iterator[Row]:
    """The changes of the store in force, oldest first. ``since``: a number, or a time."""
    snapshot = snapshots.require(settings.store)
    history = History(settings.store, snapshot.number)
    after, later_than = read_since(since) if since else (0, None)
    asked = ChangeRequest(after=after, later_than=later_than, limit=_PAGE)
    while True:
        page = history.changes(asked)
        yield from page.items
        if page.next_cursor is None:
            return
        asked = replace(asked, cursor=page.next_cursor)


def change_text(row: Row) -> str:
    """A change in a line: its number, when, what, of what, by whom and why."""
    who = f" by {row['author']}" if row["author"] else ""
    why = f": {row['reason']}" if row["reason"] else ""
    what = f"{row['collection']} {row['slug']}: " if row["slug"] else ""
    graph = f"{row['iri']}: " if row["iri"] and not row["slug"] else ""
    said = f"{row['number']:>6}  {row['at'][:19]}Z  {row['nature']:<6}  {row['kind']:<18}"
    return f"{said}  {what}{graph}{row['label']}  ({row['operation']}{who}{why})"
