"""Best knowledge: what may enter, what may not, and the way back from each triple to its claim."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad, QueryBoolean, QuerySolutions, Store

from kg import snapshots
from kg.derive import derive, describe_dataset
from kg.mapping import literal
from kg.namespaces import Namespaces

NAMES = Namespaces()
AS_OF = datetime.date(2026, 11, 21)
FRESH_SINCE = datetime.date(2025, 5, 21)
"""Eighteen months before AS_OF."""


# --- the built-in knowledge base --------------------------------------------------------------


@pytest.fixture(scope="module")
def store(built_store: Path) -> Store:
    snapshot = snapshots.current(built_store)
    assert snapshot is not None
    return Store.read_only(str(snapshot.store))


def rows(store: Store, query: str) -> list[tuple[str, ...]]:
    """Solutions as CURIEs and lexical forms, in the order of the variables."""
    results = store.query(NAMES.sparql_prologue + query)
    assert isinstance(results, QuerySolutions)
    return [tuple(NAMES.shorten(term.value) for term in solution) for solution in results]


def ask(store: Store, query: str) -> bool:
    result = store.query(NAMES.sparql_prologue + query)
    assert isinstance(result, QueryBoolean)
    return bool(result)


CLAIM_OF = """
    GRAPH g:current { ?s ?p ?o }
    ?claim ct:subject ?s ; ct:property ?p ; ct:object|ct:literal|ct:quantity ?o .
    GRAPH g:current-why { ?claim ct:currentBasis ?basis }
"""


def test_every_triple_leads_to_its_claim_in_one_query(store: Store) -> None:
    triples = set(rows(store, "SELECT ?s ?p ?o { GRAPH g:current { ?s ?p ?o } }"))
    found = rows(store, f"SELECT ?s ?p ?o ?claim {{ {CLAIM_OF} }}")
    assert triples
    assert {row[:3] for row in found} == triples


def test_every_reason_has_its_triple(store: Store) -> None:
    reasons = set(rows(store, "SELECT ?claim { GRAPH g:current-why { ?claim ?p ?o } }"))
    assert {row[-1:] for row in rows(store, f"SELECT ?s ?p ?o ?claim {{ {CLAIM_OF} }}")} == reasons


@pytest.mark.parametrize(
    "fault",
    [
        "?bad ct:assesses ?claim ; ct:verdict con:refuted",
        "?bad ct:assesses ?claim ; ct:verdict con:misleading",
        "?bad ct:assesses ?claim ; ct:verdict con:outdated",
        "?claim ct:polarity con:denied",
        "GRAPH g:history { ?claim ct:subject ?any }",
        """?p a ct:InterpretiveProperty . FILTER NOT EXISTS {
            ?as ct:assesses ?claim ; ct:verdict con:supported ; ct:verdictScope con:content
        } FILTER NOT EXISTS { ?claim a ct:ExternalClaim }""",
        f"""?p a ct:StateProperty . ?claim ct:statedLatest ?stated
        FILTER(?stated < "{FRESH_SINCE}"^^xsd:date)""",
        "?p a ct:StateProperty FILTER NOT EXISTS { ?claim ct:statedLatest ?stated }",
        f"""?p a ct:StateProperty . ?claim ct:validTo ?ended
        FILTER(?ended < "{AS_OF}"^^xsd:date)""",
    ],
)
def test_no_claim_in_force_has(store: Store, fault: str) -> None:
    assert not ask(store, f"ASK {{ {CLAIM_OF} {fault} }}")


def test_what_an_article_got_wrong_is_told_from_what_holds(store: Store) -> None:
    """The BR100 came out in August 2022; the article says late 2023."""
    released = "SELECT ?low { GRAPH g:current { id:biren-br100 ct:releaseDate ?q } ?q ct:low ?low }"
    assert rows(store, released) == [("2022-08-09",)]


# --- invented claims --------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    verdict: str
    scope: str


@dataclass(frozen=True)
class Invented:
    """A claim about one of a few things, so that contradictions and repetitions come about."""

    subject: str
    kind: str
    value: str
    hedge: str
    denied: bool
    external: bool
    closed: bool
    verdict: Verdict | None
    stated: datetime.date | None
    ended: datetime.date | None
    link: tuple[str, bool, bool] | None
    """Type, whether it is strict, and whether the other claim in it is closed."""


KINDS = {
    "interpretive": "InterpretiveProperty",
    "state": "StateProperty",
    "fact": "FactProperty",
}
HEDGES = ["asserted", "reported", "suspected", "predicted", "opinion"]
VERDICTS = [
    "supported",
    "partly-supported",
    "refuted",
    "misleading",
    "outdated",
    "disputed",
    "unverified",
]
DAYS = [
    FRESH_SINCE - datetime.timedelta(days=1),
    FRESH_SINCE,
    AS_OF - datetime.timedelta(days=1),
    AS_OF,
]


def mostly(usual: object, *others: object) -> st.SearchStrategy[Any]:
    """``usual`` three times in four: a claim with one fault tells more than one with five."""
    return st.integers(0, 3).flatmap(
        lambda n: st.sampled_from(others) if n == 3 else st.just(usual)
    )


verdicts = [Verdict(verdict, scope) for verdict in VERDICTS for scope in ("content", "attribution")]
claims = st.lists(
    st.builds(
        Invented,
        subject=st.sampled_from(["a", "b"]),
        kind=st.sampled_from(sorted(KINDS)),
        value=st.sampled_from(["c", "d"]),
        hedge=mostly("asserted", *HEDGES),
        denied=mostly(False, True),
        external=mostly(False, True),
        closed=mostly(False, True),
        verdict=mostly(None, *verdicts),
        stated=mostly(FRESH_SINCE, None, *DAYS),
        ended=mostly(None, *DAYS),
        link=mostly(
            None,
            ("contradicts", True, False),
            ("contradicts", True, True),
            ("contradicts", False, False),
            ("corroborates", True, False),
        ),
    ),
    min_size=1,
    max_size=5,
)


def enters(claim: Invented) -> str | None:
    """The rule in other words: the basis on which a claim's triple holds today, or None."""
    on_content = claim.verdict.verdict if claim.verdict and claim.verdict.scope == "content" else ""
    if claim.closed or claim.denied or on_content in ("refuted", "misleading", "outdated"):
        return None
    if claim.kind == "state":
        if claim.stated is None or claim.stated < FRESH_SINCE:
            return None
        if claim.ended is not None and claim.ended < AS_OF:
            return None
    if claim.external or on_content == "supported":
        return "verified"
    contested = claim.verdict is not None or claim.link == ("contradicts", True, False)
    if claim.kind == "interpretive" or claim.hedge != "asserted" or contested:
        return None
    return "uncontested"


def quads_of(number: int, claim: Invented) -> Iterator[Quad]:
    node = NAMES.expand(f"c:t0-{number}")
    graph = NAMES.expand("g:history" if claim.closed else "g:claims-t0")

    def state(subject: NamedNode, property_: str, value: str | Literal, where: NamedNode) -> Quad:
        term = NAMES.expand(value) if isinstance(value, str) else value
        return Quad(subject, NAMES.expand(property_), term, where)

    yield state(node, "rdf:type", "ct:Claim", graph)
    if claim.external:
        yield state(node, "rdf:type", "ct:ExternalClaim", graph)
    yield state(node, "ct:subject", f"id:{claim.subject}", graph)
    yield state(node, "ct:property", f"ct:{claim.kind}", graph)
    yield state(node, "ct:object", f"id:{claim.value}", graph)
    yield state(node, "ct:hedge", f"con:{claim.hedge}", graph)
    yield state(node, "ct:polarity", "con:denied" if claim.denied else "con:affirmed", graph)
    for property_, day in (("ct:statedLatest", claim.stated), ("ct:validTo", claim.ended)):
        if day is not None:
            yield state(node, property_, literal(day), graph)
    if claim.verdict is not None:
        assessment, where = NAMES.expand(f"c:t0-{number}-assess"), NAMES.expand("g:assessments")
        yield state(assessment, "ct:assesses", f"c:t0-{number}", where)
        yield state(assessment, "ct:verdict", f"con:{claim.verdict.verdict}", where)
        yield state(assessment, "ct:verdictScope", f"con:{claim.verdict.scope}", where)
    if claim.link is not None:
        link, where = NAMES.expand(f"c:link-{number}"), NAMES.expand("g:links")
        yield state(link, "ct:linkType", f"con:{claim.link[0]}", where)
        yield state(link, "ct:strict", Literal(claim.link[1]), where)
        yield state(link, "ct:member", f"c:t0-{number}", where)
        other = NAMES.expand(f"c:t1-{number}")
        yield state(link, "ct:member", f"c:t1-{number}", where)
        if claim.link[2]:
            yield state(other, "rdf:type", "ct:Claim", NAMES.expand("g:history"))


def derived(invented: list[Invented]) -> Store:
    ontology, rdf_type = NAMES.expand("g:ontology"), NAMES.expand("rdf:type")
    store = Store()
    store.extend(describe_dataset(NAMES, AS_OF, "test"))
    for kind, class_ in KINDS.items():
        store.add(
            Quad(NAMES.expand(f"ct:{kind}"), rdf_type, NAMES.expand(f"ct:{class_}"), ontology)
        )
    for number, claim in enumerate(invented):
        store.extend(quads_of(number, claim))
    derive(store, NAMES)
    return store


@given(claims)
@settings(max_examples=150, deadline=None)
def test_exactly_those_claims_enter_that_the_rule_admits(invented: list[Invented]) -> None:
    bases = {f"c:t0-{n}": basis for n, claim in enumerate(invented) if (basis := enters(claim))}
    triples = {
        (f"id:{claim.subject}", f"ct:{claim.kind}", f"id:{claim.value}")
        for claim in invented
        if enters(claim)
    }
    store = derived(invented)
    assert set(rows(store, "SELECT ?s ?p ?o { GRAPH g:current { ?s ?p ?o } }")) == triples
    why = "SELECT ?claim ?basis { GRAPH g:current-why { ?claim ct:currentBasis ?basis } }"
    assert set(rows(store, why)) == {(claim, f"con:{basis}") for claim, basis in bases.items()}


@given(claims)
@settings(max_examples=50, deadline=None)
def test_ranks_follow_from_verdicts_on_content(invented: list[Invented]) -> None:
    found = rows(derived(invented), "SELECT ?claim ?rank { GRAPH ?g { ?claim ct:rank ?rank } }")
    ranks = {row[0]: row[1] for row in found}
    for number, claim in enumerate(invented):
        on_content = (
            claim.verdict.verdict if claim.verdict and claim.verdict.scope == "content" else ""
        )
        expected = "normal"
        if on_content in ("refuted", "misleading", "outdated"):
            expected = "deprecated"
        elif claim.external or on_content == "supported":
            expected = "preferred"
        assert ranks[f"c:t0-{number}"] == f"con:{expected}"
