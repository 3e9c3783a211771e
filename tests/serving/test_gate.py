from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kg.errors import Forbidden, LimitExceeded
from kg.serving import Form, Limits, inspect
from kg.serving.egress import NOTHING, Egress, read_targets
from kg.serving.gate import disarm, refuse_remote

LIMITS = Limits()


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("SELECT * {}", Form.SELECT),
        ("# ASK {}\nconstruct where {}", Form.CONSTRUCT),
        ("PREFIX select: <http://e/> BASE <http://b/> ask {}", Form.ASK),
        ("PREFIX : <http://e/#> DESCRIBE :select", Form.DESCRIBE),
        ("PREFIX e: <http://e/> INSERT DATA { e:a e:b 'SELECT' }", Form.UPDATE),
        ("WITH <http://e/> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }", Form.UPDATE),
        ("VERSION '1.2' ASK {}", Form.ASK),
        ("nothing of the kind", Form.UNKNOWN),
        ("", Form.UNKNOWN),
    ],
)
def test_the_form_is_told_without_parsing(text: str, form: Form) -> None:
    assert inspect(text, LIMITS).form is form


def test_from_is_resolved() -> None:
    text = (
        "BASE <http://b/dir/> PREFIX e: <http://e/> "
        "SELECT * FROM <g> FROM e:a\\-b FROM NAMED <http://x/> FROM NAMED e:n WHERE {}"
    )
    inspection = inspect(text, LIMITS)
    assert inspection.default_graphs == ("http://b/dir/g", "http://e/a-b")
    assert inspection.named_graphs == ("http://x/", "http://e/n")


@pytest.mark.parametrize("iri", ["http://[", "\\UFFFFFFFF", "\\ud800", "http://e:port/"])
@pytest.mark.parametrize("verb", ["FROM", "SERVICE"])
def test_what_is_no_iri_is_left_to_the_engine(verb: str, iri: str) -> None:
    text = f"BASE <http://b/> SELECT * {verb} <{iri}> {{}}"
    inspection = inspect(text, LIMITS)
    egress = Egress(read_targets("http://e/"), read_targets("http://e/"))
    if verb == "FROM":
        assert len(inspection.default_graphs) == 1
    else:
        assert not egress.allows(verb, inspection.remote[0].iri)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { SERVICE <http://e/> {} }",
        "SELECT * { service <http://e/> {} }",
        "PREFIX e: <http://e/> SELECT * { SERVICE e: {} }",
        "SELECT * { SERVICE ?where {} }",
        "SELECT * { SERVICE SILENT ?where {} }",
        "LOAD <http://e/>",
        "LOAD <http://e/> INTO GRAPH <http://g/>",
        "INSERT DATA {} ; load <http://e/>",
        "SELECT * { BIND('\\\\' AS ?x) SERVICE <http://e/> {} }",
        "SELECT * { ?s ?p '''a'b''' . # '\n SERVICE <http://e/> {} }",
        "SELECT * { FILTER(1<2) SERVICE<http://e/>{} FILTER(3>2) }",
    ],
)
def test_what_reaches_out_is_refused(text: str) -> None:
    with pytest.raises(Forbidden):
        refuse_remote(inspect(text, LIMITS), NOTHING)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { ?s ?p 'SERVICE <http://e/>' }",
        'SELECT * { ?s ?p """ " SERVICE <http://e/> """ }',
        "SELECT ?service { ?service <http://e/service> ?load } # SERVICE <http://e/>",
        "PREFIX load: <http://e/> SELECT * { ?s load:service ?o }",
    ],
)
def test_what_only_looks_like_it_is_not(text: str) -> None:
    assert inspect(text, LIMITS).remote == ()


@pytest.mark.parametrize(
    ("text", "disarmed"),
    [
        ("LOAD SILENT <http://e/>", "LOAD SILENT <nowhere:> "),
        (
            "PREFIX e: <http://e/> SELECT * { service silent e:x {} SERVICE SILENT <http://ok/> {} }",
            "PREFIX e: <http://e/> SELECT * { service silent <nowhere:> {} "
            "SERVICE SILENT <http://ok/> {} }",
        ),
    ],
)
def test_what_may_fail_silently_is_led_nowhere(text: str, disarmed: str) -> None:
    egress = Egress(services=read_targets("http://ok/"))
    inspection = inspect(text, LIMITS)
    refuse_remote(inspection, egress)
    assert disarm(text, inspection, egress) == disarmed


def test_the_allow_list_lets_its_targets_through() -> None:
    inspection = inspect("SELECT * { SERVICE <http://e/> {} }", LIMITS)
    refuse_remote(inspection, Egress(services=read_targets("http://e/")))
    with pytest.raises(Forbidden):
        refuse_remote(inspection, Egress(services=read_targets("http://e/other")))


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("SELECT * " + "{" * 65 + "}" * 65, "query_nesting"),
        ("SELECT * { FILTER(" + "(" * 65 + "1" + ")" * 66 + "}", "query_nesting"),
        ("SELECT * { ?s ?p " + "[ ?p " * 65 + "]" * 65 + "}", "query_nesting"),
        ("SELECT * { ?s ?p " + "<<( ?a ?b " * 65 + ")>>" * 65 + "}", "query_nesting"),
        ("SELECT * {" + "?s ?p ?o ." * 301 + "}", "query_patterns"),
        ("SELECT * { ?s ?p " + "?o ," * 301 + "?o }", "query_patterns"),
        ("SELECT * {" + "OPTIONAL {}" * 201 + "}", "query_operators"),
        ("SELECT * { ?s " + "/".join(["<http://e/>"] * 102) + " ?o }", "query_path_steps"),
        ("SELECT * { VALUES ?x {" + "1 " * 50_000 + "} }", "query_tokens"),
        ("SELECT * { ?s ?p '" + "x" * (1 << 20) + "' }", "query_bytes"),
    ],
)
def test_each_limit_is_named(text: str, limit: str) -> None:
    with pytest.raises(LimitExceeded) as caught:
        inspect(text, LIMITS)
    assert caught.value.limit == limit
    assert caught.value.value == getattr(LIMITS, limit)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * {" + "?s ?p ?o ." * 250 + "}",
        "SELECT * { VALUES ?x {" + "1.5 " * 10_000 + "} }",
        "SELECT * { ?s ?p ?o FILTER(?o IN (" + "1," * 10_000 + "1)) }",
    ],
)
def test_long_but_harmless_queries_pass(text: str) -> None:
    assert inspect(text, LIMITS).form is Form.SELECT


def test_data_of_an_update_is_not_counted_as_patterns() -> None:
    data = "<http://e/a> <http://e/b> 1 .\n" * 20_000
    graphs = "GRAPH <http://e/g> { <http://e/a> <http://e/b> 1 }\n" * 300
    assert inspect(f"INSERT DATA {{ {data} {graphs} }}", LIMITS, update=True).form is Form.UPDATE


@pytest.mark.parametrize("text", ["SELECT (NOW() AS ?x) {}", "SELECT (rand() AS ?x) {}"])
def test_what_changes_from_run_to_run_is_known(text: str) -> None:
    assert not inspect(text, LIMITS).repeatable


@pytest.mark.parametrize("junk", ['"', "'''\\", "<", "a:", "\\", "%", ":a.", '"""', "\ud800"])
def test_junk_is_read_to_its_end_or_refused(junk: str) -> None:
    try:
        inspect(junk * (100_000 // len(junk)), LIMITS)
    except LimitExceeded as error:
        assert error.limit.startswith("query_")


_PIECES = [
    *("SELECT", "ask", "CONSTRUCT", "DESCRIBE", "INSERT DATA", "PREFIX", "BASE", "VERSION"),
    *("FROM", "from named", "SERVICE", "service silent", "LOAD", "NOW()", "uuid()", "Bnode()"),
    *("?x", "$from", "e:service", "now:x", ":", "e:", "e:a.b", "_:b", "42", "@en", "a", "*"),
    *("<http://e/#a>", "<http://e/FROM>", "<", "<<", ">>", "'SERVICE'", '"""a"b"""', "'", '"'),
    *("# ASK\n", "# FROM", "\n", "{", "}", "(", ")", "[", "]", ".", ";", ",", "/", "|", "^", "\\"),
    *("OPTIONAL", "FILTER", "ſelect", "İ"),
]


@example(["SELECT", ":"], "")
@given(st.lists(st.sampled_from(_PIECES), max_size=25), st.sampled_from(["", " "]))
def test_a_glance_sees_what_reading_sees(pieces: list[str], between: str) -> None:
    """What is short is looked at in a glance where that will do; what is long never is."""
    text = between.join(pieces)
    strict = replace(LIMITS, query_nesting=3, query_patterns=3, query_path_steps=2)
    for limits in (LIMITS, strict):
        glanced, was_read = _outcome(text, limits), _outcome(text + "\n" * 5000, limits)
        assert glanced[:-1] == was_read[:-1]
        assert glanced[-1] >= was_read[-1]


def _outcome(text: str, limits: Limits) -> tuple[object, ...]:
    try:
        seen = inspect(text, limits, "http://b/")
    except LimitExceeded as error:
        return error.limit, 0
    remote = [(one.verb, one.iri, one.silent) for one in seen.remote]
    return (
        *(seen.form, seen.default_graphs, seen.named_graphs, remote, seen.repeatable),
        seen.patterns,
    )
