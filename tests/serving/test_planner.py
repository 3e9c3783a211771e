"""The planner: what it reorders, what it leaves alone, and that answers stay the same."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.errors import InvalidQuery, LimitExceeded
from kg.serving import Limits
from kg.serving.patterns import read
from kg.serving.planner import Planner, explain
from tests.serving.stores import EX, ask, count, publish, with_engine

PREFIXES = f"PREFIX : <{EX}> PREFIX ex: <{EX}>\n"

# p: 30 triples, q: 3, r: 1; the same in the graph g, with p and r changed about.
_LINES = [
    *(f":p{n} :p :o{n % 5} ." for n in range(30)),
    *(f":p{n} :q {n} ." for n in range(3)),
    ":p1 :r 'a. b # \"c\" {' .",
]
_TURTLE = PREFIXES + "".join(_LINES)
_SWAPPED = _TURTLE.replace(" :p ", " :x ").replace(" :r ", " :p ").replace(" :x ", " :r ")


@pytest.fixture(scope="module")
def store() -> ox.Store:
    store = ox.Store()
    store.load(_TURTLE.encode(), ox.RdfFormat.TURTLE)
    store.load(_SWAPPED.encode(), ox.RdfFormat.TURTLE, to_graph=ox.NamedNode(EX + "g"))
    return store


def planned(store: ox.Store, query: str) -> str:
    """The planned text, white space made plain, without the prefixes."""
    text = explain(store, PREFIXES + query).text
    assert text.startswith(PREFIXES)
    return " ".join(text.removeprefix(PREFIXES).split())


def bag(store: ox.Store, text: str) -> Counter[tuple[str, ...]]:
    results = store.query(text)
    assert isinstance(results, ox.QuerySolutions)
    return Counter(tuple(map(str, row)) for row in results)


REORDERED = [
    ("{ ?s :p ?o . ?s :q ?n }", "{ ?s :q ?n . ?s :p ?o }"),
    ("{ ?s :p ?o . ?s :q ?n . }", "{ ?s :q ?n . ?s :p ?o . }"),
    ("{ ?s :p ?o ; :q ?n }", "{ ?s :q ?n . ?s :p ?o }"),
    ("{ ?s :p ?o, ?u ; a ?t ; ; :q ?n ; . }", None),
    # names with dots, numbers before the dot, strings with all that parts patterns
    ("{ ?s ex:p ?o.?s ex:q 1.}", "{ ?s ex:q 1 . ?s ex:p ?o .}"),
    ("{ ?s :p :o.1 . ?t :p ?o . ?t :q -1 . ?s :q ?n }", None),
    (
        "{ ?s :p ?o . ?s :r 'a. b # \"c\" {' }",
        "{ ?s :r 'a. b # \"c\" {' . ?s :p ?o }",
    ),
    ('{ ?s :p ?o . ?s :q """1. } " 2"""@en-GB }', '{ ?s :q """1. } " 2"""@en-GB . ?s :p ?o }'),
    ("{ ?s :p ?o . # ?s :r ?x .\n ?s :q ?n # }\n }", "{ ?s :q ?n . ?s :p ?o # } }"),
    ("{ ?s :p ?o . ?s :q '1'^^ex:t }", "{ ?s :q '1'^^ex:t . ?s :p ?o }"),
    ("{ $s :p ?o . ?s :q _:n . _:n ?a ?b }", "{ ?s :q _:n . $s :p ?o . _:n ?a ?b }"),
    # only within one graph, and by what is in it
    ("{ GRAPH :g { ?s :r ?o . ?s :p ?n } }", "{ GRAPH :g { ?s :p ?n . ?s :r ?o } }"),
    ("{ GRAPH :g { ?s :p ?n . ?s :r ?o } }", "{ GRAPH :g { ?s :p ?n . ?s :r ?o } }"),
    ("{ GRAPH ?g { ?s :r ?o . ?s :q ?n } }", "{ GRAPH ?g { ?s :q ?n . ?s :r ?o } }"),
    # not across other elements, which stay in their places
    ("{ ?s :p ?o OPTIONAL { ?s :q ?n } ?s :r ?x }", None),
    (
        "{ ?s :p ?o . ?s :q ?n OPTIONAL { ?t :p ?o . ?t :r ?x } ?u :p ?o . ?u :q ?n }",
        "{ ?s :q ?n . ?s :p ?o OPTIONAL { ?t :p ?o . ?t :r ?x } ?u :q ?n . ?u :p ?o }",
    ),
    ("{ ?s :p ?o FILTER(?o != 1.0) ?s :q ?n }", None),
    (
        "{ ?s :p ?o . ?s :q ?n . FILTER(?n < 3) FILTER EXISTS { ?s :p ?a . ?s :r ?b } }",
        "{ ?s :q ?n . ?s :p ?o . FILTER(?n < 3) FILTER EXISTS { ?s :p ?a . ?s :r ?b } }",
    ),
    ("{ ?s :p ?o FILTER NOT EXISTS { ?s :p ?a . ?s :r ?b } }", None),
    ("{ ?s :p ?o BIND(?o AS ?z) ?s :q ?n }", None),
    ("{ ?s :p ?o VALUES (?o ?n) { (:o1 1) (:o2 UNDEF) } ?s :q ?n }", None),
    ("{ ?s :p ?o { ?s :q ?n } }", None),
    (
        "{ { ?s :p ?o . ?s :r ?n } UNION { ?s :p ?o . ?s :q ?n } MINUS { ?s :p ?o . ?s :q ?n } }",
        "{ { ?s :r ?n . ?s :p ?o } UNION { ?s :q ?n . ?s :p ?o } MINUS { ?s :q ?n . ?s :p ?o } }",
    ),
    (
        "{ { SELECT ?s (COUNT(?o) AS ?c) { ?s :p ?o . ?s :q ?n } GROUP BY ?s } }",
        "{ { SELECT ?s (COUNT(?o) AS ?c) { ?s :q ?n . ?s :p ?o } GROUP BY ?s } }",
    ),
    # a path has a high estimate; brackets are fixed
    ("{ ?s :p/^:p+ ?o . ?s a|!:q ?x . ?s :q ?n }", "{ ?s :q ?n . ?s :p/^:p+ ?o . ?s a|!:q ?x }"),
    ("{ ?s (:p|:q)* ?o . ?s :q ?n }", "{ ?s :q ?n . ?s (:p|:q)* ?o }"),
    ("{ ?s :p ?o . ?s :q [ :r ?x ] . ?s :p ?u . ?s :q ?n }", None),
    ("{ ?s :p ?o . (?s) :q ?n . ?s :r ?x }", None),
    # where it is not safe, or there is a place to start
    ("{ :p1 :p ?o . ?s :p ?o . ?s :q ?n }", "{ :p1 :p ?o . ?s :p ?o . ?s :q ?n }"),
    ("{ ?s :p ?o . ?s :q .5 }", "{ ?s :p ?o . ?s :q .5 }"),
    ("{ ?s :p +1 . ?s :q ?n }", "{ ?s :p +1 . ?s :q ?n }"),
    ("{ ?s :p ?o ~ :r . ?s :q ?n }", "{ ?s :p ?o ~ :r . ?s :q ?n }"),
    ("{ ?s :p ?o . ?s :q <<( ?s :q ?o )>> }", "{ ?s :p ?o . ?s :q <<( ?s :q ?o )>> }"),
    ("{ FILTER((?n<?m)&&(?s>2)) ?s :p ?o . ?s :q ?n }", None),
]


@pytest.mark.parametrize(("group", "expected"), REORDERED, ids=[group for group, _ in REORDERED])
def test_what_is_reordered(store: ox.Store, group: str, expected: str | None) -> None:
    text = planned(store, "SELECT * WHERE " + group)
    if expected is not None:
        assert text == "SELECT * WHERE " + expected


UNCHANGED = [
    # fixed parts and boundaries: byte for byte
    "SELECT * { ?s :p ?o OPTIONAL { ?s :q ?n } ?s :r ?x }",
    "SELECT * { ?s :p ?o FILTER(?o != 1.0) ?s :q ?n }",
    "SELECT * { ?s :p ?o FILTER NOT EXISTS { ?s :p ?a . ?s :r ?b } }",
    "SELECT * { ?s :p ?o BIND(?o AS ?z) ?s :q ?n }",
    "SELECT * { ?s :p ?o VALUES (?o ?n) { (:o1 1) (:o2 UNDEF) } ?s :q ?n }",
    "SELECT * { ?s :p ?o { ?s :q ?n } }",
    "SELECT * { (?s) :p ?o . ?s :q ?n FILTER(?n<?m)&&(?s>2) }",
    "SELECT (COUNT(*)AS ?c) FROM :g { ?s :p ?o . ?s :q ?n }",
    "SELECT (GROUP_CONCAT(?o) AS ?c) { ?s :p ?o . ?s :q ?n }",
    "CONSTRUCT WHERE { ?s :p ?o . ?s :q ?n }",
    "SELECT * { SERVICE SILENT <nowhere:> { ?s :p ?o . ?s :q ?n } }",
    "DESCRIBE :p1",
    "INSERT { ?s :p ?o . ?s :q ?n } WHERE { ?s :p ?o . ?s :q ?n }",
    "SELECT * { ?s :p " + "?o, " * 5_000 + "?o ; :q ?n }",
    # malformed
    "SELECT * { ?s :p ?o . ?s :q ?n",
    "SELECT * { ?s :p ?o . ?s :q ?n ] }",
    "SELECT * { ?s :p ?o . ?s unknown:q ?n }",
    "SELECT * { ?s :p ?o . ?s :q }",
    "SELECT * { ?s :p ?o ?s :q ?n }",
    "SELECT * { OPTIONAL ?s :p ?o . ?s :q ?n }",
    "SELECT * { ?s :p ?o . ?s :q ?n FILTER ?n }",
    "SELECT * { ?s :p ?o . ?s :q ?n SERVICE }",
    "SELECT",
    "",
]


@pytest.mark.parametrize("text", UNCHANGED)
def test_what_is_left_alone(store: ox.Store, text: str) -> None:
    assert explain(store, PREFIXES + text).text == PREFIXES + text


def test_a_template_stays_and_its_where_is_ordered(store: ox.Store) -> None:
    text = "CONSTRUCT { ?s :p ?o . ?s :q ?n } WHERE { ?s :p ?o . ?s :q ?n } LIMIT 3"
    assert planned(store, text) == (
        "CONSTRUCT { ?s :p ?o . ?s :q ?n } WHERE { ?s :q ?n . ?s :p ?o } LIMIT 3"
    )


@pytest.mark.parametrize("group", [group for group, _ in REORDERED])
def test_the_answer_is_the_same_for_each_of_them(store: ox.Store, group: str) -> None:
    text = PREFIXES + "SELECT * WHERE " + group
    assert bag(store, explain(store, text).text) == bag(store, text)


def test_a_plan_explains_itself(store: ox.Store) -> None:
    plan = explain(store, PREFIXES + "SELECT * { ?s :p ?o . ?s :q ?n . ?o ?a ?b }")
    assert str(plan).splitlines()[:2] == [
        "       3  ?s :q ?n  (written as number 2)",
        "      30  ?s :p ?o  (written as number 1)",
    ]


def test_a_hub_is_not_the_place_to_start_though_its_own_pattern_is_small() -> None:
    """One country has all publishers: the maker with two chips is the better start."""
    triples = [f":c{n} :source :s{n % 40} ; :chip :x{n % 100} ." for n in range(800)]
    triples += [f":s{n} :publisher :u{n % 2} ." for n in range(40)]
    triples += [f":x{n} :maker :m{n % 50} ." for n in range(100)] + [":u0 :country :k ."]
    store = ox.Store()
    store.load((PREFIXES + "".join(triples)).encode(), ox.RdfFormat.TURTLE)
    text = "{ ?u :country :k . ?s :publisher ?u . ?c :source ?s . ?c :chip ?x . ?x :maker :m7 }"
    assert planned(store, "SELECT * " + text) == (
        "SELECT * { ?x :maker :m7 . ?c :chip ?x . ?c :source ?s . ?s :publisher ?u . ?u :country :k }"
    )


# --- random queries over random data ----------------------------------------------------------

_NODES = st.sampled_from([":a", ":b", ":c", "1", "'x'@en"])
_VARIABLES = st.sampled_from(["?u", "?v", "?w", "_:n"])
_PREDICATES = st.sampled_from([":p", ":q", ":r"])
_PATHS = st.sampled_from([":p/:q", ":p|^:r", "(:p|:q)+", ":r?", ":q*", "!:p"])
_SUBJECTS = st.sampled_from([":a", ":b", ":c"])
_TRIPLES = st.sets(st.tuples(_SUBJECTS, _PREDICATES, _NODES), max_size=25)

_patterns = st.tuples(
    st.one_of(_VARIABLES, _VARIABLES, _SUBJECTS),
    st.one_of(_PREDICATES, _PREDICATES, _PATHS, st.sampled_from(["?u", "?z"])),
    st.one_of(_VARIABLES, _VARIABLES, _NODES),
).map(" ".join)
_blocks = st.lists(_patterns, min_size=1, max_size=4).map(" . ".join)
_lists = st.tuples(_VARIABLES, _PREDICATES, _VARIABLES, _NODES, _PREDICATES, _VARIABLES).map(
    lambda parts: "{} {} {}, {} ; {} {} .".format(*parts)
)
_separators = st.sampled_from(
    [
        " FILTER(?u != :a) ",
        " BIND(:b AS ?y) ",
        " VALUES ?v { :a 1 } ",
        " FILTER EXISTS { ?u :p ?e . ?e :q ?f } ",
    ]
)


def _wrapped(groups: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    word = st.sampled_from(["OPTIONAL", "MINUS", "", "GRAPH ?g", "GRAPH :g"])
    union = st.tuples(groups, groups).map(" UNION ".join)
    inner = st.one_of(st.tuples(word, groups).map(" ".join), union)
    whole = st.tuples(_blocks, st.one_of(inner, _separators), _blocks)
    return whole.map(lambda parts: f"{{ {parts[0]} {parts[1]} {parts[2]} }}")


_groups = st.recursive(
    st.one_of(_blocks, _lists).map(lambda block: f"{{ {block} }}"), _wrapped, max_leaves=3
)


@settings(max_examples=300, deadline=None)
@given(_TRIPLES, _TRIPLES, _groups)
def test_random_queries_have_the_answers_of_the_plain_order(
    default: set[tuple[str, ...]], named: set[tuple[str, ...]], group: str
) -> None:
    store = ox.Store()
    for triples, graph in ((default, ox.DefaultGraph()), (named, ox.NamedNode(EX + "g"))):
        text = PREFIXES + "".join(f"{' '.join(triple)} ." for triple in triples)
        store.load(text.encode(), ox.RdfFormat.TURTLE, to_graph=graph)
    query = f"{PREFIXES}SELECT * {group}"
    plan = Planner(store).plan(query)
    try:
        expected = bag(store, query)
    except SyntaxError:  # a blank node in two basic graph patterns, say
        with pytest.raises(SyntaxError):
            bag(store, plan.text)
        return
    assert bag(store, plan.text) == expected


_WORDS = ["UNION", "OPTIONAL", "FILTER", "BIND", "VALUES", "MINUS", "GRAPH", "SERVICE", "SELECT"]
_SCRAPS = st.sampled_from([*"{}()[].;,a+^|*1", "?s", ":p", "'x'", "@en", "^^", *_WORDS])


@given(st.lists(_SCRAPS, max_size=30).map(" ".join))
def test_scraps_of_queries_are_read_to_an_end(scraps: str) -> None:
    for text in (f"SELECT * {{ {scraps} }}", f"SELECT {scraps} }}"):
        assert len(read(text).runs) < 16


# --- in the engine room -----------------------------------------------------------------------


_HUB_SIZE = 6_000
_HUB = f"{PREFIXES}SELECT (COUNT(*) AS ?n) {{ ?a :hub ?x . ?b :hub ?x . ?b :key ?k }}"
"""In the order of the text, every node is paired with every other before one is picked."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    triples = [f"<{EX}{n}> <{EX}hub> <{EX}x> .\n" for n in range(_HUB_SIZE)]
    triples.append(f"<{EX}7> <{EX}key> <{EX}k> .\n")
    store_dir = tmp_path_factory.mktemp("hub")
    publish(store_dir, "".join(triples).encode(), merge=False)
    return store_dir


def test_workers_plan(hub: Path) -> None:
    assert with_engine(hub, lambda engine: count(engine, _HUB)) == _HUB_SIZE


def test_the_planner_can_be_switched_off(hub: Path) -> None:
    limits = Limits(planner=False, query_timeout=1)
    with pytest.raises(LimitExceeded):
        with_engine(hub, lambda engine: count(engine, _HUB), limits)


def test_the_position_of_a_mistake_is_that_in_the_text_as_it_was_sent(tmp_path: Path) -> None:
    publish(tmp_path, b"<a:s> <a:p> <a:o> .\n")
    query = "SELECT * {\n ?s ?p ?o .\n ?s <a:p> ?o . FILTER(?o ! 1) }"
    with pytest.raises(InvalidQuery) as refusal:
        with_engine(tmp_path, lambda engine: ask(engine, query))
    assert refusal.value.line == 3
