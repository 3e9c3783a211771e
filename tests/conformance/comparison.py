"""Whether two answers are the same: bags of rows of terms, up to the names of blank nodes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

from pyoxigraph import BlankNode, Literal, NamedNode, Store, Triple

Term = NamedNode | BlankNode | Literal | Triple
Row = tuple[Term | None, ...]
Colours = dict[BlankNode, Hashable]

_ROUNDS = 8


def same_bag(left: Sequence[Row], right: Sequence[Row]) -> bool:
    """A bijection of the blank nodes turns one bag of rows into the other."""
    return len(left) == len(right) and _match(left, right, {}, {})


def same_sequence(left: Sequence[Row], right: Sequence[Row]) -> bool:
    """The same, and in the same order."""
    numbered = [[(Literal(str(i)), *row) for i, row in enumerate(rows)] for rows in (left, right)]
    return same_bag(*numbered)


def within(less: Sequence[Row], more: Sequence[Row]) -> bool:
    """The answer of a query with REDUCED: each row of ``more`` at least once, none too often."""
    counted, most = Counter(less), Counter(more)
    return counted.keys() == most.keys() and all(counted[row] <= most[row] for row in counted)


def canonical(rows: Iterable[Row]) -> list[Row]:
    """Rows with their literals as the engine's store would keep them."""
    return [tuple(_stored(term) for term in row) for row in rows]


def _stored(term: Term | None) -> Term | None:
    if isinstance(term, Triple):
        return Triple(term.subject, term.predicate, _stored(term.object))
    if not isinstance(term, Literal):
        return term
    store, node = Store(), NamedNode("x:x")
    store.update(f"INSERT DATA {{ <x:x> <x:x> {term} }}")
    return next(store.quads_for_pattern(node, node, None)).object


def _match(left: Sequence[Row], right: Sequence[Row], fixed: Colours, fixed_: Colours) -> bool:
    """Refine colours; where some nodes still look alike, try each for the first of them."""
    colours, colours_ = _refined(left, fixed), _refined(right, fixed_)
    if Counter(colours.values()) != Counter(colours_.values()):
        return False
    if Counter(_painted(left, colours)) != Counter(_painted(right, colours_)):
        return False
    alike = [c for c, number in Counter(colours.values()).items() if number > 1]
    if not alike:
        return True
    first = next(node for node, colour in colours.items() if colour == alike[0])
    candidates = [node for node, colour in colours_.items() if colour == alike[0]]
    mark = ("chosen", len(fixed))
    return any(
        _match(left, right, {**fixed, first: mark}, {**fixed_, node: mark}) for node in candidates
    )


def _refined(rows: Sequence[Row], fixed: Mapping[BlankNode, Hashable]) -> Colours:
    """Each blank node's colour says in what rows it stands, beside what colours."""
    places: defaultdict[BlankNode, list[Row]] = defaultdict(list)
    for row in rows:
        for node in {node for term in row for node in _blank_nodes(term)}:
            places[node].append(row)
    colours: Colours = {node: fixed.get(node, "") for node in places}
    for _ in range(_ROUNDS):
        colours = {
            node: hash((colours[node], tuple(sorted(map(_view(node, colours), found)))))
            for node, found in places.items()
        }
    return colours


def _view(node: BlankNode, colours: Colours) -> Callable[[Row], int]:
    """What a row looks like from ``node``, which stands in it."""
    return lambda row: hash(_paint(row, {**colours, node: "self"}))


def _painted(rows: Sequence[Row], colours: Colours) -> list[Hashable]:
    return [_paint(row, colours) for row in rows]


def _paint(row: Row, colours: Colours) -> Hashable:
    return tuple(_paint_term(term, colours) for term in row)


def _paint_term(term: Term | None, colours: Colours) -> Hashable:
    if isinstance(term, Triple):
        return tuple(_paint_term(part, colours) for part in term)
    return ("blank", colours[term]) if isinstance(term, BlankNode) else term


def _blank_nodes(term: Term | None) -> list[BlankNode]:
    if isinstance(term, Triple):
        return [node for part in term for node in _blank_nodes(part)]
    return [term] if isinstance(term, BlankNode) else []
