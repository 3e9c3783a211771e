"""An ``accept`` hook for the tests: loaded by name in the writer."""

from __future__ import annotations

import pyoxigraph as ox

from kg.errors import Finding, InvalidData

MODEL = "http://example.org/model"


def only_with_labels(store: ox.Store, changed: frozenset[str]) -> None:
    """Everything in :data:`MODEL` needs an ``http://example.org/label``."""
    if MODEL not in changed:
        return
    label = ox.NamedNode("http://example.org/label")
    graph = ox.NamedNode(MODEL)
    missing = {
        quad.subject
        for quad in store.quads_for_pattern(None, None, None, graph)
        if not any(store.quads_for_pattern(quad.subject, label, None, graph))
    }
    if missing:
        raise InvalidData([Finding(MODEL, None, str(node), "no label") for node in missing])
