"""(Worker.) Orders the triple patterns of a query by how many triples each of them has.

The engine has no statistics: it guesses the size of a pattern from which of its positions are
bound and lets the text decide between equals. So the text is written anew with the patterns
that stand side by side in another order: one with few triples first, then always the one
that shares a variable with those before it and leaves fewest solutions, as far as counts
tell. Where the engine guesses a difference it still has its way. Nothing else of the text
changes, and the order of the patterns of a basic graph pattern has no meaning in SPARQL: the
solutions are the same. What SPARQL itself leaves open (the order of rows without ORDER BY,
which of them LIMIT takes) may come out differently, though for the same data always alike.

Left alone: texts above 32 KiB, with FROM, GROUP_CONCAT or SAMPLE, or with triple terms or
reifiers; EXISTS and SERVICE; CONSTRUCT templates; runs above 100 patterns, and those whose
first subject is named, as that is where to start. What holds ``[ ]`` or a collection stays in
its place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import pyoxigraph as ox

from kg.serving.patterns import Pattern, Run, is_open, read

CAP = 1_000
"""Counting ends here (after about 0.3 ms): larger patterns are equals, and keep their order."""
PATH = 10 * CAP
"""Estimate for a property path, which is not counted."""

_LONGEST = 32 << 10
_STARTS = 4
_MOST = 100


@dataclass(frozen=True)
class Estimate:
    """``triples`` is the count for the pattern on its own, at most :data:`CAP`."""

    pattern: str
    triples: int


@dataclass(frozen=True)
class Plan:
    """The text to evaluate, and for each run of patterns what it was and became."""

    text: str
    written: tuple[tuple[Estimate, ...], ...] = ()
    ordered: tuple[tuple[Estimate, ...], ...] = ()

    def __str__(self) -> str:
        """The new order, a line for each pattern: its estimate and its place in the text."""
        runs = (
            "\n".join(_line(one, written) for one in ordered)
            for written, ordered in zip(self.written, self.ordered, strict=True)
        )
        return "\n\n".join(runs) or "nothing to order: the engine is given the text as it is"


def _line(one: Estimate, written: tuple[Estimate, ...]) -> str:
    size = f"{one.triples:,}{'' if one.triples < CAP else '+'}"
    return f"{size:>8}  {one.pattern}  (written as number {written.index(one) + 1})"


def explain(store: ox.Store, text: str, base: str | None = None) -> Plan:
    """How ``text`` would be ordered over ``store``. For many texts, keep one :class:`Planner`."""
    return Planner(store).plan(text, base)


class Planner:
    """Plans for one store that does not change. Keeps its counts and its plans (bounded)."""

    def __init__(self, store: ox.Store) -> None:
        self._store = store
        self.plan = lru_cache(maxsize=128)(self._plan)
        self._count = lru_cache(maxsize=1024)(self._count_anew)

    def _plan(self, text: str, base: str | None = None) -> Plan:
        """The plan for ``text``; one that is malformed or not understood stays as it is."""
        if len(text) > _LONGEST:
            return Plan(text)
        reading = read(text)
        runs = [run for run in reading.runs if _worthwhile(run)]
        try:
            sizes = [self._sizes(run, reading.prologue, base) for run in runs]
        except SyntaxError:  # the engine says so when it is given the text
            return Plan(text)
        orders = [_order(run.bound, size) for run, size in zip(runs, sizes, strict=True)]
        return Plan(
            _rewritten(text, list(zip(runs, orders, strict=True))),
            tuple(_estimates(*one) for one in zip(runs, sizes, map(sorted, orders), strict=True)),
            tuple(_estimates(*one) for one in zip(runs, sizes, orders, strict=True)),
        )

    def _sizes(self, run: Run, prologue: str, base: str | None) -> list[_Sizes]:
        def size(pattern: Pattern) -> int:
            return self._size(pattern, run.graph, prologue, base)

        return [
            _Sizes(one.variables, one.subject.lstrip("?$"), size(one), size(one.of_predicate))
            for one in run.patterns
        ]

    def _size(self, pattern: Pattern, graph: str, prologue: str, base: str | None) -> int:
        if pattern.path:
            return PATH
        terms = zip(pattern.terms, ("?s", "?p", "?o"), strict=True)
        shape = " ".join(name if is_open(term) else term for term, name in terms)
        if shape == "?s ?p ?o":
            return CAP
        if graph:
            shape = f"GRAPH {'?g' if is_open(graph) else graph} {{ {shape} }}"
        return self._count(shape, prologue, base)

    def _count_anew(self, shape: str, prologue: str, base: str | None) -> int:
        query = f"{prologue}SELECT (COUNT(*) AS ?n) {{ SELECT * {{ {shape} }} LIMIT {CAP} }}"
        results = self._store.query(query, base_iri=base)
        if not isinstance(results, ox.QuerySolutions):
            return CAP
        (number,) = next(results)
        return int(number.value) if isinstance(number, ox.Literal) else CAP


def _worthwhile(run: Run) -> bool:
    return len(run.patterns) <= _MOST and (bool(run.bound) or is_open(run.patterns[0].subject))


@dataclass(frozen=True)
class _Sizes:
    """What is known of one pattern: its triples, and those of its predicate."""

    variables: frozenset[str]
    subject: str
    triples: int
    predicate: int


def _order(bound: frozenset[str], sizes: list[_Sizes]) -> list[int]:
    """Places of the cheapest of the orders that begin with one of the smallest patterns."""
    values = _values(sizes)
    starts = sorted(range(len(sizes)), key=lambda i: sizes[i].triples)[:_STARTS]
    orders = [_from(start, bound, sizes, values) for start in starts if not bound]
    orders = orders or [_from(None, bound, sizes, values)]
    return min(orders)[1]


def _values(sizes: list[_Sizes]) -> dict[str, float]:
    """About how many values each variable can have.

    A predicate mostly has one triple a subject; of a variable that is no subject little is
    known, and it is taken to have few.
    """
    values: dict[str, float] = {}
    for size in sizes:
        for name in size.variables:
            least = size.predicate if name == size.subject else size.triples**0.5
            values[name] = max(values.get(name, 1), least)
    return values


def _from(
    start: int | None, bound: frozenset[str], sizes: list[_Sizes], values: dict[str, float]
) -> tuple[float, list[int]]:
    """Cost (the sum of the sizes between) and order, always taking what leaves fewest solutions."""
    left, order, solutions, cost = list(range(len(sizes))), list[int](), 1.0, 0.0

    def growth(i: int) -> float:
        return sizes[i].triples / math.prod(values[name] for name in sizes[i].variables & bound)

    while left:
        connected = [i for i in left if sizes[i].variables & bound] or left
        chosen = min(connected, key=growth) if start is None or order else start
        solutions *= growth(chosen)
        cost += solutions
        left.remove(chosen)
        order.append(chosen)
        bound |= sizes[chosen].variables
    return cost, order


def _estimates(run: Run, sizes: list[_Sizes], order: list[int]) -> tuple[Estimate, ...]:
    return tuple(Estimate(run.patterns[i].text, sizes[i].triples) for i in order)


def _rewritten(text: str, changes: list[tuple[Run, list[int]]]) -> str:
    for run, order in sorted(changes, key=lambda change: -change[0].start):
        if order != sorted(order):
            patterns = " . ".join(run.patterns[i].text for i in order)
            text = f"{text[: run.start]} {patterns} {text[run.end :]}"
    return text
