"""Where a SPARQL text is wrong, and what is said of it."""

from __future__ import annotations

import pyoxigraph as ox
import pytest

from kg.serving import mistakes

BASE = "http://e/"


def find(text: str, update: bool = False) -> mistakes.Mistake | None:
    store = ox.Store()
    with pytest.raises(SyntaxError) as caught:
        (store.update if update else store.query)(text, base_iri=BASE)
    return mistakes.find(str(caught.value), text, BASE, update)


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("SELECT * { ?s ?p }", 1, 18, "unexpected }"),
        ("SELECT *\n{ ?s ?p }\n# the end\n", 2, 9, "unexpected }"),
        ("SELECT *\r\n{\r\n\t?s\t?p\t}", 3, 8, "unexpected }"),
        ("# 😀\nSELECT ('😀é' AS ?x) { ?s ?p }", 2, 29, "unexpected }"),
        ("SELECT * { ?s ?p '''a\nb\nc''' . ?x }", 3, 11, "unexpected }"),
        ("SELEC * {}", 1, 1, "unexpected SELEC"),
        ("ASK {}\n\n nonsense", 3, 2, "unexpected nonsense"),
        ("SELECT * { ?s ?p ?o } LIMIT -1", 1, 29, "unexpected -"),
        ("PREFIX a: <a:>\n\nSELECT * { ?s a:p ?o .\n ?s c:q ?o }", 4, 5, "prefix c: is not"),
        ("SELECT * { ?s ?p 'ab\n}", 1, 21, "unexpected line break"),
        ("SELECT * { ?s <http://e/a b> ?o }", 1, 15, "IRI parsing failed"),
        ("SELECT * { ?s ?p ?o", 1, 20, "ends too soon"),
        ("SELECT * { ?s ?p ?o\n", 2, 1, "ends too soon"),
        ("", 1, 1, "ends too soon"),
        ("SELECT ?a { ?s ?p ?o }\nGROUP BY ?s", 2, 12, "a variable that is unbound"),
        ("SELECT * { ?s ?p ?o } GROUP BY ?s", 1, 34, "SELECT * is not authorized"),
    ],
)
def test_of_queries(text: str, line: int, column: int, said: str) -> None:
    found = find(text)
    assert found is not None
    assert (found.line, found.column) == (line, column), found.message
    assert said in found.message


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("INSERT DATA { <a:s> <a:p> 1 } ;\nDELETE WHERE { ?s ?p }", 2, 22, "unexpected }"),
        ("INSERT DATA {\n a:s a:p 1 }", 2, 2, "prefix a: is not"),
        ("INSERT DATA { ?s <a:p> 1 }", 1, 26, "Variables are not allowed in INSERT DATA"),
        ("CLEAR XYZ", 1, 7, "unexpected XYZ"),
        ("DROP", 1, 5, "ends too soon"),
    ],
)
def test_of_updates(text: str, line: int, column: int, said: str) -> None:
    found = find(text, update=True)
    assert found is not None
    assert (found.line, found.column) == (line, column), found.message
    assert said in found.message


def test_nothing_is_run_to_find_it() -> None:
    """The text before the mistake has 10^12 solutions."""
    values = " ".join(f"VALUES ?{v} {{ 0 1 2 3 4 5 6 7 8 9 }}" for v in "abcdefghijkl")
    found = find(f"SELECT (COUNT(*) AS ?n) {{ {values} }} nonsense")
    assert found is not None
    assert "unexpected nonsense" in found.message


def test_a_long_text_is_left_to_the_engine() -> None:
    assert find(f"ASK {{ {'?s ?p ?o . ' * 6000} ?s }}") is None
