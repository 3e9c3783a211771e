"""The data shapes: valid examples pass, invalid ones give exactly the expected results."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from rdflib import RDF, RDFS, SH, SKOS, Graph, URIRef

from tests.ontology.engines import Found, reference, results, rust
from tests.ontology.examples import (
    EXAMPLES,
    INVALID,
    all_data,
    expected_file,
    results_by_example,
    shapes,
    valid_data,
)
from tests.ontology.files import CT, graph_of

ENGINES = {"rust": rust, "pyshacl": reference}
CONSTRAINTS = (
    *("class", "datatype", "disjoint", "equals", "hasValue", "in", "languageIn", "lessThan"),
    *("lessThanOrEquals", "maxCount", "maxInclusive", "minCount", "minInclusive", "node", "not"),
    *("or", "pattern", "qualifiedMaxCount", "qualifiedMinCount", "sparql", "xone"),
)


@cache
def found(engine: str) -> set[Found]:
    return ENGINES[engine](shapes(), all_data())


def test_valid_examples_pass() -> None:
    assert rust(shapes(), valid_data()) == set()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("example", INVALID, ids=lambda path: path.stem)
def test_invalid_examples_give_exactly(example: Path, engine: str) -> None:
    expected = expected_file(example).read_text("utf-8").splitlines()
    assert results_by_example(found(engine))[example] == expected


@pytest.mark.parametrize("engine", ENGINES)
def test_every_result_is_on_a_node_of_an_invalid_example(engine: str) -> None:
    """So neither engine finds fault with the valid examples, which stand beside them."""
    split = results_by_example(found(engine))
    assert sum(map(len, split.values())) == len(found(engine))


def test_every_bad_node_is_found() -> None:
    nodes = {
        str(node)
        for node in graph_of("examples/invalid/*.ttl").subjects()
        if "/bad-" in str(node) and not str(node).endswith(("-q", "-a1", "-a2"))
    }
    silent = nodes - {focus for focus, *_ in found("rust")}
    # A reused part of a bad example that is itself in order.
    assert {node.rsplit("/", 1)[1] for node in silent} == {"bad-outside-selector"}


def test_every_constraint_tells_the_author_what_to_do() -> None:
    for focus, path, component, message in found("rust"):
        assert message.endswith("."), (focus, path, component)


def test_every_shape_that_targets_data_has_a_message_for_each_part() -> None:
    graph = shapes()
    parts = {part for part in graph.objects(None, SH.property) if isinstance(part, URIRef)}
    assert sorted(part for part in parts if (part, SH.message, None) not in graph) == []


def _neighbourhood() -> str:
    """The examples and what of the vocabulary validation looks at, as N-Triples."""
    looked_at = {RDF.type, RDFS.subClassOf, RDFS.label, SKOS.inScheme, CT.metricUnit}
    small = Graph()
    for triple in all_data():
        if triple[1] in looked_at:
            small.add(triple)
    for triple in graph_of(*EXAMPLES):
        small.add(triple)
    return str(small.serialize(format="nt"))


def test_removing_any_constraint_changes_the_results() -> None:
    """Each constraint of each data shape is there for at least one invalid example."""
    data = _neighbourhood()
    full = found("rust")
    lines = shapes().serialize(format="nt").splitlines()
    assert results("\n".join(lines), data) == full
    parts = {f"<{SH[name]}>" for name in CONSTRAINTS}
    unneeded = []
    for number, line in enumerate(lines):
        if line.split(" ", 2)[1] in parts:
            without = "\n".join(lines[:number] + lines[number + 1 :])
            if results(without + "\n", data) == full:
                unneeded.append(line)
    assert unneeded == []
