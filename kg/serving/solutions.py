"""(Child.) Writes the answer of another endpoint as VALUES.

Blank nodes cannot stand in VALUES. An IRI stands for each of them there, and a function that only
such texts know makes it a blank node again: one of its own for each answer, so that none is
taken for one of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pyoxigraph as ox

Term = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple
Row = Sequence[Term | None]

_RESTORE = ox.NamedNode("urn:x-chiptrail:term")
_BLANK = "urn:x-chiptrail:blank:"


def variables(query: str) -> list[str]:
    """Names of what a SELECT gives, in order."""
    results = ox.Store().query(query)
    if not isinstance(results, ox.QuerySolutions):
        raise ValueError("not a SELECT")
    return [variable.value for variable in results.variables]


def read(body: bytes, media_type: str, names: Sequence[str]) -> list[Row]:
    """The solutions in an answer, of these variables.

    :raises SyntaxError: it is malformed.
    :raises ValueError: it is of another type, or says yes or no.
    """
    results_format = ox.QueryResultsFormat.from_media_type(media_type)
    if results_format is None:
        raise ValueError(f"{media_type} does not carry solutions")
    results = ox.parse_query_results(body, results_format)
    if isinstance(results, ox.QueryBoolean):
        raise ValueError("it answers yes or no")
    given = {variable.value for variable in results.variables}
    return [[row[name] if name in given else None for name in names] for row in results]


def as_values(names: Sequence[str], rows: Iterable[Row]) -> str:
    """Part of a group graph pattern that has exactly these solutions."""
    marking = _Marking()
    marked = [[marking.mark(i, term) for i, term in enumerate(row)] for row in rows]
    other = "_" * max(map(len, names), default=0)  # with a number longer than any of them
    inner = [f"{other}{i}" if i in marking.columns else name for i, name in enumerate(names)]
    lines = "\n".join(f"({' '.join(row)})" for row in marked)
    values = f"VALUES ({_listed(inner)}) {{ {lines} }}"
    if not marking.columns:
        return values
    restored = " ".join(
        f"BIND({_RESTORE}(?{inner[i]}) AS ?{names[i]})" for i in sorted(marking.columns)
    )
    return f"{{ SELECT {_listed(names)} WHERE {{ {values} {restored} }} }}"


def _listed(names: Sequence[str]) -> str:
    return " ".join(f"?{name}" for name in names)


class _Marking:
    """Terms as VALUES can hold them; ``columns`` are those in which some stand for others."""

    def __init__(self) -> None:
        self.columns: set[int] = set()
        self._nodes: dict[ox.BlankNode, ox.NamedNode] = {}

    def mark(self, column: int, term: Term | None) -> str:
        if term is None:
            return "UNDEF"
        marked = _replaced(term, self._mark)
        if marked != term:
            self.columns.add(column)
        return f"<<( {marked} )>>" if isinstance(marked, ox.Triple) else str(marked)

    def _mark(self, term: Term) -> Term:
        if not isinstance(term, ox.BlankNode):
            return term
        if term not in self._nodes:
            self._nodes[term] = ox.NamedNode(_BLANK + ox.BlankNode().value)
        return self._nodes[term]


def _restore(term: Term) -> Term:
    return _replaced(term, _unmark)


def _unmark(term: Term) -> Term:
    if isinstance(term, ox.NamedNode) and term.value.startswith(_BLANK):
        return ox.BlankNode(term.value.removeprefix(_BLANK))
    return term


def _replaced(term: Term, replace: Callable[[Term], Term]) -> Term:
    """``term`` with its parts replaced, where it is a triple term."""
    if not isinstance(term, ox.Triple):
        return replace(term)
    parts = (_replaced(part, replace) for part in term)
    return ox.Triple(*parts)  # type: ignore[arg-type]  # what stood there may stand there


FUNCTIONS: dict[ox.NamedNode, Callable[..., Term | None]] = {_RESTORE: _restore}
"""What a text with :func:`as_values` in it is run with."""
