"""What ``documents/describe.rq`` says, asked of the engine: for tests of what is kept of it."""

from __future__ import annotations

from string import Template
from typing import cast

from pyoxigraph import DefaultGraph, NamedNode, QueryTriples, Store

from kg.compaction import canonical
from kg.namespaces import Namespaces
from kg.resources import query

NAMES = Namespaces()
DESCRIBE = Template(query("documents/describe.rq"))


def by_the_query(store: Store, node: str, *graphs: DefaultGraph | NamedNode) -> str:
    """What the query finds in these graphs, merged."""
    text = NAMES.sparql_prologue + DESCRIBE.substitute(items=f"<{node}>")
    found = cast("QueryTriples", store.query(text, default_graph=[*graphs]))
    return canonical(f"{triple} ." for triple in found)
