"""What the catalogue keeps of records in RDF against the query that says what it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pyoxigraph import DefaultGraph, Store

from kg.catalogue import CATALOGUE_FILE, COLLECTIONS, Catalogue, PageRequest
from kg.snapshots import require
from tests.kg.by_query import by_the_query


def described(catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """Every node that a record in force is about, and what is kept of it."""
    for collection in COLLECTIONS:
        cursor: str | None = None
        while True:
            request = PageRequest(collection, limit=500, cursor=cursor)
            said, cursor = catalogue.described_page(request)
            yield from zip(said.nodes, said.texts, strict=True)
            if cursor is None:
                break


def test_every_record_is_described_as_the_query_describes_it(built_store: Path) -> None:
    snapshot = require(built_store)
    store = Store.read_only(str(snapshot.store))
    kept = dict(described(Catalogue(snapshot.path / CATALOGUE_FILE)))
    assert len(kept) > 1300
    for node, text in kept.items():
        assert text == by_the_query(store, node, DefaultGraph()) != "", node
