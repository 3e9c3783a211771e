"""A generated base of any size, shaped like ours: claims in the graph of their article, each with
its chain of speakers, its passage, its times and its quantity; chips, firms and agents beside them.

The same size gives the same bytes. Two files come of it: ``load.nt`` with the triples, and
``load.nq`` with each of them in its named graph and once more in the default graph, which is the
merge of all, as in a store that the build made.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from kg.namespaces import Namespaces

JSON = "application/sparql-results+json"
TURTLE = "text/turtle"

CHIPS, FIRMS, AGENTS = 500, 120, 80
CLAIMS_OF_AN_ARTICLE = 25
_VERBS = (
    "bought",
    "repaired",
    "stockpiled",
    "resold",
    "certified",
    "seized",
    "announced",
    "denied",
)
_HEDGES = ("asserted", "reported", "alleged", "estimated")
_ROLES = ("originator", "relay", "publisher")

_PREFIXES = Namespaces().prefixes
_TEXT_TYPE = "http://www.w3.org/2001/XMLSchema#"


@dataclass(frozen=True)
class Load:
    """A load that lies in ``folder``; the counts say what numbers its names run up to."""

    folder: str
    triples: int
    claims: int

    @property
    def triples_file(self) -> Path:
        return Path(self.folder) / "load.nt"

    @property
    def quads_file(self) -> Path:
        return Path(self.folder) / "load.nq"

    @property
    def articles(self) -> int:
        return self.claims // CLAIMS_OF_AN_ARTICLE


def generate(folder: Path, triples: int) -> Load:
    """Write a load of at least ``triples`` triples, ending with a whole claim."""
    count = claims = 0
    with (folder / "load.nt").open("w") as plain, (folder / "load.nq").open("w") as named:
        for graph, subject_triples in _records():
            for triple in subject_triples:
                plain.write(f"{triple} .\n")
                named.write(f"{triple} .\n{triple} <{graph}> .\n")
            count += len(subject_triples)
            claims += "/claim/" in subject_triples[0].split(" ", 1)[0]
            if count >= triples and claims:
                break
    load = Load(str(folder), count, claims)
    (folder / "load.json").write_text(json.dumps(asdict(load)))
    return load


def read(folder: Path) -> Load:
    return Load(**json.loads((folder / "load.json").read_text()))


# --- records ----------------------------------------------------------------------------------


def _iri(curie: str) -> str:
    prefix, _, local = curie.partition(":")
    return f"<{_PREFIXES[prefix]}{local}>"


def _typed(value: object, datatype: str) -> str:
    return f'"{value}"^^<{_TEXT_TYPE}{datatype}>'


def _about(subject: str, *pairs: tuple[str, str]) -> list[str]:
    return [f"{subject} {_iri(name)} {value}" for name, value in pairs]


def _records() -> Iterator[tuple[str, list[str]]]:
    """Graph, and the triples of one record in it: entities, then articles and claims for ever."""
    entities = _iri("g:entities")[1:-1]
    for number in range(max(CHIPS, FIRMS, AGENTS)):
        yield entities, [*_entity(number)]
    chosen, number = random.Random(7), 0
    while True:
        article = number // CLAIMS_OF_AN_ARTICLE
        if number % CLAIMS_OF_AN_ARTICLE == 0:
            yield _iri("g:sources")[1:-1], _article(article)
        yield _iri(f"g:article-{article}")[1:-1], _claim(number, article, chosen)
        number += 1


def _entity(number: int) -> Iterator[str]:
    kinds = (("chip", "Chip", CHIPS), ("firm", "Company", FIRMS), ("agent", "Organisation", AGENTS))
    for name, kind, most in kinds:
        if number < most:
            subject = _iri(f"id:{name}-{number}")
            label = f'"{name.capitalize()} {number}"@en'
            yield from _about(subject, ("rdf:type", _iri(f"ct:{kind}")), ("rdfs:label", label))
    if number < CHIPS:
        firm = _iri(f"id:firm-{number % FIRMS}")
        yield from _about(_iri(f"id:chip-{number}"), ("ct:manufacturer", firm))


def _article(number: int) -> list[str]:
    return _about(
        _iri(f"src:article-{number}"),
        ("rdf:type", _iri("ct:SourceDocument")),
        ("dct:title", f'"Article {number} on chips and controls"@en'),
        ("dct:publisher", _iri(f"id:agent-{number % AGENTS}")),
        ("schema:url", f"<https://news.example/{number}>"),
        ("ct:reliability", _iri("con:admiralty-f")),
    )


def _claim(number: int, article: int, chosen: random.Random) -> list[str]:
    name = f"c:x{article}-{number}"
    claim, quantity = _iri(name), _iri(f"{name}-q")
    chip, amount = chosen.randrange(CHIPS), chosen.randrange(1, 200_000)
    text = f"Firm {chosen.randrange(FIRMS)} {chosen.choice(_VERBS)} {amount} units of Chip {chip}."
    day = f"20{chosen.randrange(19, 27)}-{chosen.randrange(1, 13):02}-{chosen.randrange(1, 29):02}"
    speakers = [chosen.randrange(AGENTS) for _ in range(chosen.randrange(1, 4))]
    about = _about(
        claim,
        ("rdf:type", _iri("ct:Claim")),
        ("ct:paraphrase", f'"{text}"@en'),
        ("ct:subject", _iri(f"id:chip-{chip}")),
        ("ct:property", _iri("ct:stockpiledQuantity")),
        ("ct:hedge", _iri(f"con:{chosen.choice(_HEDGES)}")),
        ("ct:polarity", _iri("con:affirmed")),
        ("ct:rank", _iri("con:normal")),
        ("ct:speaker", _iri(f"id:agent-{speakers[0]}")),
        ("ct:statedEarliest", _typed(day, "date")),
        ("ct:statedLatest", _typed(day, "date")),
        ("ct:recordedFrom", _typed(f"{day}T12:00:00Z", "dateTime")),
        ("ct:quantity", quantity),
    )
    about += _about(
        quantity,
        ("rdf:type", _iri("ct:Quantity")),
        ("ct:high", _typed(amount, "decimal")),
        ("ct:bound", '"at_most"'),
        ("ct:unit", _iri("unit:chip")),
    )
    return about + _chain(name, speakers) + _passage(name, article, number)


def _chain(name: str, speakers: list[int]) -> list[str]:
    triples = []
    for step, speaker in enumerate(speakers, 1):
        attribution = _iri(f"{name}-a{step}")
        triples += _about(_iri(name), ("ct:attribution", attribution))
        triples += _about(
            attribution,
            ("rdf:type", _iri("ct:Attribution")),
            ("ct:step", _typed(step, "integer")),
            ("ct:agent", _iri(f"id:agent-{speaker}")),
            ("ct:role", _iri(f"con:{_ROLES[step - 1]}")),
        )
    return triples


def _passage(name: str, article: int, number: int) -> list[str]:
    start = 120 * (number % CLAIMS_OF_AN_ARTICLE)
    source = _iri(f"src:article-{article}")
    span = _iri(f"src:article-{article}/{number}#char={start},{start + 99}")
    selector = _iri(f"src:article-{article}/{number}#selector={start},{start + 99}")
    return [
        *_about(_iri(name), ("ct:inDocument", source), ("ct:span", span)),
        *_about(
            span,
            ("rdf:type", _iri("ct:TextSpan")),
            ("oa:hasSource", source),
            ("oa:hasSelector", selector),
            ("ct:passageHash", f'"{hash_of(number)}"'),
        ),
        *_about(
            selector,
            ("rdf:type", _iri("oa:TextPositionSelector")),
            ("oa:start", _typed(start, "integer")),
            ("oa:end", _typed(start + 99, "integer")),
        ),
    ]


def hash_of(number: int) -> str:
    return f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}"


# --- questions --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """A query in which ``SERIAL`` stands for a number never used before, and ``KEY`` for one below
    ``keys``. With the former in it no server has seen its text before."""

    name: str
    template: str
    keys: int = 1
    accept: str = JSON
    spread: int = 1
    """``KEY`` of a claim is followed by that of its article (``OWNER``) where this is more."""

    def text(self, serial: int) -> str:
        return self._filled(self.template, serial)

    def escaped(self, serial: int) -> str:
        """:meth:`text` as it stands in a URL."""
        return self._filled(_escaped(self.template), serial)

    def _filled(self, text: str, serial: int) -> str:
        key = serial * 7919 % self.keys
        text = text.replace("OWNER", str(key // self.spread)).replace("KEY", str(key))
        return text.replace("SERIAL", str(serial))


_ESCAPED: dict[str, str] = {}


def _escaped(template: str) -> str:
    if template not in _ESCAPED:
        _ESCAPED[template] = quote(template, safe="")
    return _ESCAPED[template]


LOOK_UP, REPEATED = "look-up, first time", "look-up, repeated"
ROWS, MANY_ROWS = "1,000 rows", "100,000 rows"
CONSTRUCT, JOIN, LIST = "CONSTRUCT", "join of three hops", "ordered list of 20"
SCAN, AGGREGATE = "scan of the texts", "aggregate"


def questions(load: Load) -> dict[str, Question]:
    """Name → question. In the order that a reader would write, not an engine's."""
    ct, claim = _PREFIXES["ct"], f"<{_PREFIXES['c']}xOWNER-KEY>"
    look_up = f"SELECT ?p ?o {{ {claim} ?p ?o }}"
    made = [
        Question(LOOK_UP, f"{look_up} # SERIAL", load.claims, spread=CLAIMS_OF_AN_ARTICLE),
        Question(REPEATED, look_up),
        Question(
            JOIN,
            f"PREFIX ct: <{ct}> SELECT ?claim ?chip ?article {{ ?claim a ct:Claim ; "
            "ct:subject ?chip ; ct:inDocument ?article ; ct:attribution ?a . ?a ct:role "
            f"{_iri('con:originator')} ; ct:agent {_iri('id:agent-KEY')} . "
            f"?chip ct:manufacturer {_iri('id:firm-KEY')} }} # SERIAL",
            AGENTS,
        ),
        Question(
            LIST,
            f"PREFIX ct: <{ct}> SELECT ?claim ?day {{ ?claim a ct:Claim ; ct:statedLatest ?day ; "
            f"ct:hedge {_iri('con:reported')} }} ORDER BY DESC(?day) ?claim LIMIT 20 # SERIAL",
        ),
        Question(
            SCAN,
            f"PREFIX ct: <{ct}> SELECT ?claim ?text {{ ?claim ct:paraphrase ?text "
            'FILTER CONTAINS(?text, "Chip KEY.") } # SERIAL',
            CHIPS,
        ),
        Question(
            AGGREGATE,
            f"PREFIX ct: <{ct}> SELECT ?agent ?hedge (COUNT(?claim) AS ?claims) "
            "(MAX(?high) AS ?most) { ?claim ct:hedge ?hedge ; ct:quantity/ct:high ?high ; "
            "ct:attribution/ct:agent ?agent }"
            " GROUP BY ?agent ?hedge # SERIAL",
        ),
        Question(
            CONSTRUCT,
            f"PREFIX ct: <{ct}> CONSTRUCT {{ ?claim ct:paraphrase ?text ; ct:speaker ?who }} "
            f"{{ ?claim ct:inDocument {_iri('src:article-KEY')} ; ct:paraphrase ?text ; "
            "ct:speaker ?who } # SERIAL",
            max(load.articles, 1),
            TURTLE,
        ),
        Question(
            ROWS,
            f"PREFIX ct: <{ct}> SELECT ?claim ?text {{ ?claim ct:paraphrase ?text }} "
            "LIMIT 1000 # SERIAL",
        ),
        Question(MANY_ROWS, "SELECT * { ?s ?p ?o } LIMIT 100000 # SERIAL"),
    ]
    return {question.name: question for question in made}


RUNAWAY = Question("runaway", "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } # SERIAL")


def update_text(serial: int) -> str:
    """An update in a graph of its own, outside the model."""
    graph = "<https://bench.example/graph>"
    node = f"<https://bench.example/note-{serial}>"
    note = f'{node} <{_PREFIXES["rdfs"]}comment> "note {serial}"'
    return f"INSERT DATA {{ GRAPH {graph} {{ {note} }} }}"
