"""What the planner gains and costs, in process: ``python -m benchmarks.planner [TRIPLES]``.

A load of claims (default 200,000 triples) in memory and on disk; the same questions with their
patterns in the best and the worst order, without and with the planner. ``first`` is the time to
plan a text when nothing was counted yet, which each worker pays once for each new pattern. Then
every order of every question, to see where the planner does harm.
"""

from __future__ import annotations

import itertools
import math
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence

import pyoxigraph as ox

from benchmarks.machine import describe_machine
from kg.serving.planner import Planner

EX = "http://example.org/"
PROLOGUE = f"PREFIX : <{EX}> "
TRIPLES_OF_A_CLAIM = 7
ROUNDS = 5

LIST = ("?c :subject :chip7", "?c a :Claim", "?c :date ?d", "?c :hedge :reported")
HOPS = ("?chip :maker :firm7", "?c :subject ?chip", "?c :document ?s", "?s :publisher ?p")
OPEN_HOPS = ("?f :seat ?k", "?chip :maker ?f", "?c :subject ?chip")
STAR = ("?c :document :doc9", "?c :subject ?chip", "?c :hedge ?h", "?c a :Claim")
FAR = (*HOPS, "?p :country :k1", "?c :hedge :reported")
QUESTIONS = {
    "list of 20, ordered": ("SELECT ?c ?d", LIST, "ORDER BY DESC(?d) LIMIT 20"),
    "three hops from a firm": ("SELECT ?c ?p", HOPS, ""),
    "three hops, nothing named": ("SELECT (COUNT(*) AS ?n)", OPEN_HOPS, ""),
    "star around a document": ("SELECT ?c ?h", STAR, ""),
    "five hops between two": ("SELECT ?c", FAR, ""),
}
LOOK_UPS = {
    "look-up": f"SELECT ?p ?o {{ <{EX}c1> ?p ?o }}",
    "look-up with a prefix": PROLOGUE + "SELECT ?o ?d { :c1 :subject ?o ; :date ?d }",
}


def main() -> None:
    triples = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    print(describe_machine("pyoxigraph"))
    with tempfile.TemporaryDirectory() as folder:
        stores = {"memory": ox.Store(), "disk": ox.Store(folder)}
        for name, store in stores.items():
            store.bulk_load("\n".join(load(triples)).encode(), ox.RdfFormat.N_TRIPLES)
            print(f"\n{len(store):,} triples, {name}; milliseconds")
            best_and_worst(store)
            every_order(store)
    overhead(stores["memory"])


def load(triples: int) -> Iterator[str]:
    """N-Triples of chips, firms, documents, publishers and claims; the same each time."""
    chosen = random.Random(1)
    claims = triples // TRIPLES_OF_A_CLAIM
    documents = claims // 25 + 10
    for number in range(500):
        yield _triple(f"chip{number}", "maker", f"firm{number % 120}")
    for number in range(120):
        yield _triple(f"firm{number}", "seat", f"k{number % 12}")
    for number in range(documents):
        yield _triple(f"doc{number}", "publisher", f"agent{number % 80}")
    for number in range(80):
        yield _triple(f"agent{number}", "country", f"k{number % 12}")
    for number in range(claims):
        claim = f"c{number}"
        yield f"<{EX}{claim}> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <{EX}Claim> ."
        yield _triple(claim, "subject", f"chip{chosen.randrange(500)}")
        yield _triple(claim, "document", f"doc{number % documents}")
        yield _triple(claim, "hedge", chosen.choice(("asserted", "reported", "alleged")))
        yield _triple(claim, "polarity", "affirmed")
        yield _triple(claim, "speaker", f"agent{chosen.randrange(80)}")
        day = f"20{chosen.randrange(19, 27)}-{chosen.randrange(1, 13):02}"
        yield f'<{EX}{claim}> <{EX}date> "{day}-{chosen.randrange(1, 29):02}" .'


def _triple(subject: str, predicate: str, object_: str) -> str:
    return f"<{EX}{subject}> <{EX}{predicate}> <{EX}{object_}> ."


def best_and_worst(store: ox.Store) -> None:
    print(f"{'':34}{'off':>9}{'on':>9}{'first':>9}")
    for name, (head, patterns, tail) in QUESTIONS.items():
        for order, chosen in (("best", patterns), ("worst", patterns[::-1])):
            text = written(head, chosen, tail)
            first = milliseconds(lambda text=text: Planner(store).plan(text), 1)
            print(f"{name + ', ' + order:34}", end="")
            print(f"{off(store, text):9.2f}{on(store, Planner(store), text):9.2f}{first:9.2f}")


def every_order(store: ox.Store) -> None:
    """Over (a sample of) all orders of each question: how much faster with the planner."""
    planner, gains = Planner(store), list[float]()
    for head, patterns, tail in QUESTIONS.values():
        orders = list(itertools.permutations(patterns))
        for order in random.Random(2).sample(orders, min(len(orders), 24)):
            text = written(head, order, tail)
            gains.append(off(store, text) / on(store, planner, text))
    mean = math.exp(sum(map(math.log, gains)) / len(gains))
    print(
        f"{len(gains)} orders: {mean:.1f} times faster (geometric mean), "
        f"from {min(gains):.2f} to {max(gains):.0f}; slower by a tenth or more: "
        f"{sum(gain < 1 / 1.1 for gain in gains)}"
    )


def overhead(store: ox.Store) -> None:
    print("\nmicroseconds to look at a query that needs no plan: new text, repeated text")
    for name, text in LOOK_UPS.items():
        planner = Planner(store)
        fresh = median(lambda n, text=text, planner=planner: planner.plan(f"{text} #{n}"))
        again = median(lambda _, text=text, planner=planner: planner.plan(text))
        print(f"{name:34}{fresh * 1e6:9.1f}{again * 1e6:9.1f}")


def written(head: str, patterns: Sequence[str], tail: str) -> str:
    return f"{PROLOGUE}{head} {{ {' . '.join(patterns)} }} {tail}"


def off(store: ox.Store, text: str) -> float:
    return milliseconds(lambda: evaluate(store, text))


def on(store: ox.Store, planner: Planner, text: str) -> float:
    """With the planner's own work, its counts made before."""
    planner.plan(text)
    return milliseconds(lambda: evaluate(store, planner.plan(text).text))


def evaluate(store: ox.Store, text: str) -> None:
    results = store.query(text)
    assert isinstance(results, ox.QuerySolutions)
    results.serialize(format=ox.QueryResultsFormat.JSON)


def milliseconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The best of ``rounds``."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) * 1000


def median(work: Callable[[int], object], rounds: int = 2001) -> float:
    """Seconds; ``work`` gets another number each time."""
    times = []
    for number in range(rounds):
        start = time.perf_counter()
        work(number)
        times.append(time.perf_counter() - start)
    return sorted(times)[rounds // 2]


if __name__ == "__main__":
    main()
