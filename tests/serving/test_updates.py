from __future__ import annotations

import pytest

from kg.errors import InvalidQuery
from kg.serving.updates import read_update, with_dataset, with_one_prologue

G, H = "http://e/g", "http://e/h"


@pytest.mark.parametrize(
    ("text", "graphs", "default"),
    [
        ("INSERT DATA { <a> <b> <c> }", set(), True),
        (f"INSERT DATA {{ GRAPH <{G}> {{ <a> <b> '}}' ; <d> <e> . }} . }}", {G}, False),
        (f"PREFIX e: <http://e/> DELETE DATA {{ GRAPH e:g {{}} GRAPH <{H}> {{}} }}", {G, H}, False),
        (f"WITH <{G}> DELETE {{ ?s ?p ?o }} INSERT {{ ?s ?p 1 }} WHERE {{}}", {G}, False),
        (f"DELETE WHERE {{ GRAPH <{G}> {{ ?s ?p ?o }} }}", {G}, False),
        ("DELETE WHERE { ?s ?p ?o }", set(), True),
        (f"INSERT {{ ?s ?p ?o }} WHERE {{ GRAPH <{G}> {{ ?s ?p ?o }} }}", set(), True),
        (f"INSERT {{ GRAPH <{G}> {{ ?s ?p ?o }} }} WHERE {{ GRAPH ?g {{}} }}", {G}, False),
        ("INSERT { GRAPH ?g { ?s ?p ?o } } WHERE {}", None, False),
        (f"INSERT {{ GRAPH <{G}> {{}} }} USING NAMED <{H}> WHERE {{}}", {G, H}, False),
        ("CLEAR ALL", None, True),
        ("DROP SILENT NAMED", None, False),
        ("CLEAR DEFAULT", set(), True),
        (f"DROP GRAPH <{G}> ; CREATE GRAPH <{H}>", {G, H}, False),
        (f"COPY DEFAULT TO <{G}>", {G}, False),
        (f"ADD <{G}> TO DEFAULT", {G}, True),
        (f"MOVE DEFAULT TO <{G}>", {G}, True),
        (f"LOAD <http://e/x> INTO GRAPH <{G}>", {"http://e/x", G}, False),
        ("LOAD <http://e/x>", {"http://e/x"}, True),
        (
            f"INSERT DATA {{ GRAPH <{G}> {{}} }} ; PREFIX e: <http://e/> DROP GRAPH e:h",
            {G, H},
            False,
        ),
    ],
)
def test_what_an_update_may_change(text: str, graphs: set[str] | None, default: bool) -> None:
    update = read_update(text)
    assert (update.graphs, update.writes_default) == (graphs, default)


@pytest.mark.parametrize(
    ("text", "copied"),
    [
        (f"COPY <{G}> TO <{H}>", [G]),
        (f"PREFIX e: <http://e/> MOVE GRAPH e:g TO DEFAULT ; ADD <{H}> TO <{G}>", [G, H]),
        (f"ADD SILENT <{G}> TO <{H}>", []),
        (f"COPY DEFAULT TO <{H}> ; COPY <{H}> TO <{G}>", []),
        (f"INSERT DATA {{ GRAPH <{G}> {{ <a> <b> 1 }} }} ; MOVE <{G}> TO <{H}>", []),
        (f"INSERT {{ GRAPH ?g {{}} }} WHERE {{}} ; MOVE <{G}> TO <{H}>", []),
    ],
)
def test_what_an_update_copies_from(text: str, copied: list[str]) -> None:
    assert list(read_update(text).copied) == copied


def test_data_operations_are_recognised() -> None:
    assert read_update("INSERT DATA { <a> <b> 1 } ; INSERT DATA {}").data is not None
    deleting = read_update("DELETE DATA { <a> <b> 'DELETE DATA' }")
    assert deleting.deletes
    assert deleting.data == "INSERT DATA { <a> <b> 'DELETE DATA' }"
    assert read_update("INSERT DATA {} ; DELETE DATA {}").data is None
    assert read_update("INSERT { <a> <b> 1 } WHERE {}").data is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "DELETE { ?s ?p 1 } WHERE { ?s ?p 1 }",
            f"DELETE {{ ?s ?p 1 }} USING <{G}> WHERE {{ ?s ?p 1 }}",
        ),
        ("DELETE WHERE { ?s ?p 1 }", f"DELETE {{ ?s ?p 1 }} USING <{G}> WHERE {{ ?s ?p 1 }}"),
        ("INSERT DATA { <a> <b> 'WHERE' }", "INSERT DATA { <a> <b> 'WHERE' }"),
    ],
)
def test_the_dataset_of_the_protocol_is_put_in(text: str, expected: str) -> None:
    assert with_dataset(text, (G,), ()) == expected


@pytest.mark.parametrize(
    "text",
    [
        f"WITH <{H}> DELETE {{ ?s ?p 1 }} WHERE {{}}",
        f"DELETE {{ ?s ?p 1 }} USING <{H}> WHERE {{}}",
    ],
)
def test_it_does_not_go_with_a_dataset_of_the_request(text: str) -> None:
    with pytest.raises(InvalidQuery):
        with_dataset(text, (G,), ())


def test_a_dataset_cannot_smuggle_an_operation_in() -> None:
    with pytest.raises(InvalidQuery):
        with_dataset("DELETE WHERE { ?s ?p 1 }", ("http://e/> WHERE {} ; DROP ALL #",), ())


def test_a_prologue_between_operations_is_written_out() -> None:
    text = (
        "PREFIX a: <http://a/> BASE <http://b/>\n"
        "INSERT DATA { a:s a:p <x> , _:n ; a:q 'a: ; PREFIX' } ;\n"
        "PREFIX a: <other/> # a: is another from here on\n"
        "PREFIX d: <http://d/> INSERT DATA { a:s d:p\\-q <x> , _:n , '1'^^d:t } ;\n"
        "BASE <http://e/f/> DELETE WHERE { GRAPH <g> { ?s <../p>/a:q ?o } }"
    )
    assert with_one_prologue(text, "http://here/").split("\n") == [
        "PREFIX a: <http://a/> BASE <http://b/>",
        "INSERT DATA { a:s a:p <x> , _:n ; a:q 'a: ; PREFIX' } ;",
        "   # a: is another from here on",
        "   INSERT DATA { <http://b/other/s> <http://d/p-q> <http://b/x> , _:n , '1'^^<http://d/t> } ;",
        "  DELETE WHERE { GRAPH <http://e/f/g> { ?s <http://e/p>/<http://b/other/q> ?o } }",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "PREFIX a: <a:> INSERT DATA { a:s a:p 1 } ; INSERT DATA { a:s a:p <x> }",
        "INSERT DATA { <a:s> <a:p> '; PREFIX a: <b:>' ; <a:q> 1 } ; DROP ALL",
    ],
)
def test_one_prologue_is_left_alone(text: str) -> None:
    assert with_one_prologue(text, "http://here/").replace("<http://here/x>", "<x>") == text
