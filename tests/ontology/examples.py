"""The invalid examples and what the shapes are expected to say about each node in them."""

from __future__ import annotations

import re
from pathlib import Path

from rdflib import Graph

from tests.ontology.engines import Found, rust
from tests.ontology.files import PREFIXES, VOCABULARY, graph_of, turtle_files

SHAPES = "shapes/*.shapes.ttl"
EXAMPLES = ("examples/valid/*.ttl", "examples/invalid/*.ttl")
INVALID = turtle_files("examples/invalid/*.ttl")


def shapes() -> Graph:
    return graph_of(SHAPES)


def valid_data() -> Graph:
    return graph_of(*VOCABULARY, "examples/valid/*.ttl")


def all_data() -> Graph:
    """The invalid examples beside the valid ones, whose nodes they name."""
    return graph_of(*VOCABULARY, *EXAMPLES)


def expected_file(example: Path) -> Path:
    return example.with_suffix(".expected.tsv")


def shorten(iri: str) -> str:
    fits = [(ns, prefix) for prefix, ns in PREFIXES.items() if iri.startswith(ns)]
    namespace, prefix = max(fits, default=("", ""))
    return f"{prefix}:{iri.removeprefix(namespace)}" if prefix else iri


def as_lines(found: set[Found]) -> list[str]:
    """One line a result: focus node, path, component, message; sorted."""
    return sorted(
        "\t".join([shorten(focus), _path(path), component, message])
        for focus, path, component, message in found
    )


def _path(path: str) -> str:
    """``iri`` or ``iri/iri`` with prefixes."""
    return "/".join(map(shorten, re.split(r"/(?=https?:)", path))) if path else ""


def results_by_example(found: set[Found]) -> dict[Path, list[str]]:
    """The results on the nodes that each example describes; every result belongs to one."""
    split: dict[Path, list[str]] = {}
    for example in INVALID:
        nodes = set(map(str, Graph().parse(example).subjects()))
        split[example] = as_lines({result for result in found if result[0] in nodes})
    return split


def write_expected() -> None:
    """Rewrite the expected results from the build's engine; read the diff before you keep it."""
    for example, lines in results_by_example(rust(shapes(), all_data())).items():
        expected_file(example).write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    write_expected()
