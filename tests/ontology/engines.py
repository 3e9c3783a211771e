"""Both SHACL engines, with results in one form: (focus node, path, component, message)."""

from __future__ import annotations

import re

import pyshacl
import shacl
from rdflib import SH, Graph, URIRef
from rdflib.collection import Collection
from rdflib.term import Node

Found = tuple[str, str, str, str]
PATH = re.compile(r"<([^>]*)>")


def _ntriples(graph: Graph) -> str:
    return str(graph.serialize(format="nt"))


def rust(shapes: Graph, data: Graph) -> set[Found]:
    """Results of the engine that the build uses."""
    return results(_ntriples(shapes), _ntriples(data))


def results(shapes: str, data: str) -> set[Found]:
    """The same from N-Triples."""
    engine = shacl.Shapes.from_text(shapes, format="ntriples")
    report = engine.validate_text(data, format="ntriples")
    return {
        (
            result.focus_node.strip("<>"),
            "/".join(PATH.findall(result.path or "")),
            result.component,
            result.message or "",
        )
        for result in report.results
    }


def reference(shapes: Graph, data: Graph) -> set[Found]:
    """Results of pySHACL, the reference."""
    _, report, _ = pyshacl.validate(data, shacl_graph=shapes, meta_shacl=True)
    assert isinstance(report, Graph)
    return {
        (
            str(report.value(result, SH.focusNode)),
            _path(report, report.value(result, SH.resultPath)),
            str(report.value(result, SH.sourceConstraintComponent)).removeprefix(str(SH)),
            str(report.value(result, SH.resultMessage) or ""),
        )
        for result in report.objects(None, SH.result)
    }


def _path(report: Graph, path: Node | None) -> str:
    if path is None or isinstance(path, URIRef):
        return str(path or "")
    return "/".join(str(step) for step in Collection(report, path))
