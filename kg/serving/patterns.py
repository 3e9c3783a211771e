"""Finds the triple patterns of a query that can trade places, without parsing the query.

It reads tokens only and knows when it does not understand: such a query, or such a part of
one, has no runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kg.serving.tokens import CLOSING, OPENING, Token, tokens


@dataclass(frozen=True)
class Pattern:
    """One triple pattern, abbreviations expanded. A variable is a string with ``?`` or ``$``."""

    subject: str
    predicate: str
    object: str
    path: bool = False

    @property
    def text(self) -> str:
        return f"{self.subject} {self.predicate} {self.object}"

    @property
    def variables(self) -> frozenset[str]:
        """Names of its variables and labels of its blank nodes, which join like variables."""
        ends = (self.subject, self.object) if self.path else self.terms
        return frozenset(_name(term) for term in ends if is_open(term))

    @property
    def of_predicate(self) -> Pattern:
        """The pattern of all triples with its predicate."""
        return Pattern("?s", self.predicate, "?o", self.path)

    @property
    def terms(self) -> tuple[str, str, str]:
        return self.subject, self.predicate, self.object


@dataclass(frozen=True)
class Run:
    """Patterns that stand side by side, at ``start`` to ``end`` of the text."""

    start: int
    end: int
    patterns: tuple[Pattern, ...]
    bound: frozenset[str]
    """Variables of what stands before it, or around it."""
    graph: str
    """Term of the GRAPH that it stands in; empty for the default graph."""


@dataclass(frozen=True)
class Reading:
    """``prologue``: the text up to SELECT, ASK, CONSTRUCT or DESCRIBE."""

    prologue: str = ""
    runs: tuple[Run, ...] = ()


def read(text: str) -> Reading:
    """The runs of two patterns and more of a query; none where it is not understood."""
    try:
        return _Reader(text).read()
    except (_Unknown, IndexError):  # IndexError: the text ends too early
        return Reading()


def is_open(term: str) -> bool:
    """A variable or a blank node."""
    return term[0] in "?$" or term.startswith("_:")


class _Unknown(Exception):
    """The text is not understood well enough."""


class _Fixed(Exception):
    """``[ ]`` or ``( )``: what has them stays where it is."""


_FORMS = frozenset({"SELECT", "ASK", "CONSTRUCT", "DESCRIBE"})
_PROLOGUE = frozenset({"PREFIX", "BASE", "VERSION"})
_DATASET_OR_ORDER = frozenset({"FROM", "GROUP_CONCAT", "SAMPLE"})
"""Another dataset than the one that is counted in; answers that hang on the order of rows."""
_RDF12 = frozenset({"<<", "<<(", ">>", ")>>", "{|", "|}", "~"})
_OPERANDS = frozenset({"var", "pname", "number", "string", "lang"})
_DEEPEST = 100

Bound = frozenset[str]
_NOTHING: Bound = frozenset()


def _name(term: str) -> str:
    return term[1:] if term[0] in "?$" else term


@dataclass
class _Reader:
    text: str
    tokens: list[Token] = field(init=False)
    close: dict[int, int] = field(init=False)
    runs: list[Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tokens = list(tokens(self.text))
        self.close = _pairs(self.tokens)

    def read(self) -> Reading:
        form = self._form()
        i = form + 1
        if self._word(form) == "CONSTRUCT":
            i = self._skip(i, "{")  # the template; the short form has none and is one itself
        while self.tokens[i][1] != "{":
            i = self.close.get(i, i) + 1
        self._group(i, _NOTHING, "")
        return Reading(self.text[: self.tokens[form][2]], tuple(self.runs))

    def _form(self) -> int:
        for i, (kind, _, _) in enumerate(self.tokens):
            if kind == "word" and self._word(i) not in _PROLOGUE:
                if self._word(i) in _FORMS:
                    return i
                break
        raise _Unknown

    def _word(self, i: int) -> str:
        kind, token, _ = self.tokens[i]
        return token.upper() if kind == "word" else ""

    def _skip(self, i: int, mark: str) -> int:
        """The place after the bracket that opens at ``i``."""
        if self.tokens[i][1] != mark:
            raise _Unknown
        return self.close[i] + 1

    def _variables(self, start: int, end: int) -> Bound:
        return frozenset(_name(token) for kind, token, _ in self.tokens[start:end] if kind == "var")

    # --- groups: each method takes the place of an element and gives the place after it -------

    def _group(self, opening: int, bound: Bound, graph: str) -> int:
        """Read ``{ … }``. ``bound``: variables that have values when it is evaluated."""
        i, end = opening + 1, self.close[opening]
        if self._word(i) == "SELECT":
            self._select(i, graph)
            return end + 1
        before = bound
        while i < end:
            start, word = i, self._word(i)
            if word == "UNION":
                i = self._group(self._brace(i + 1), before, graph)
            elif self.tokens[i][1] == "{":
                before = bound
                i = self._group(i, bound, graph)
            elif word in _ELEMENTS:
                i = _ELEMENTS[word](self, i, bound, graph)
            else:
                i = self._triples(i, end, bound, graph)
            if word not in ("FILTER", "MINUS"):
                bound |= self._variables(start, i)
        return end + 1

    def _brace(self, i: int) -> int:
        self._skip(i, "{")
        return i

    def _select(self, i: int, graph: str) -> None:
        """A sub-SELECT sees nothing of what is bound around it."""
        while self.tokens[i][1] != "{":
            i = self.close.get(i, i) + 1
        self._group(i, _NOTHING, graph)

    def _optional(self, i: int, bound: Bound, graph: str) -> int:
        return self._group(self._brace(i + 1), bound, graph)

    def _minus(self, i: int, _: Bound, graph: str) -> int:
        return self._group(self._brace(i + 1), _NOTHING, graph)

    def _graph(self, i: int, bound: Bound, _: str) -> int:
        return self._group(self._brace(i + 2), bound, self.tokens[i + 1][1])

    def _service(self, i: int, _: Bound, __: str) -> int:
        return self._skip(self._bracket(i), "{")

    def _filter(self, i: int, _: Bound, __: str) -> int:
        """FILTER and BIND. Also EXISTS, whose patterns stay as they are."""
        return self.close[self._bracket(i)] + 1

    def _bracket(self, i: int) -> int:
        """The next bracket that opens."""
        while self.tokens[i][1] not in OPENING:
            i += 1
        return i

    def _values(self, i: int, bound: Bound, graph: str) -> int:
        i = self._filter(i, bound, graph) if self.tokens[i + 1][1] == "(" else i + 2
        return self._skip(i, "{")

    # --- triples ------------------------------------------------------------------------------

    def _triples(self, i: int, end: int, bound: Bound, graph: str) -> int:
        """Read what stands side by side up to the next other element."""
        start, last, patterns = i, i, list[Pattern]()

        def finish() -> None:
            if len(patterns) > 1:
                first, (_, token, at) = self.tokens[start][2], self.tokens[last]
                self.runs.append(Run(first, at + len(token), tuple(patterns), bound, graph))

        while not self._ends(i, end):
            if self.tokens[i][1] == ".":
                i += 1
                continue
            start = start if patterns else i
            try:
                block, after = self._block(i, end)
                patterns += block
            except _Fixed:
                finish()
                patterns, after = [], self._past_fixed(i, end)
                bound |= self._variables(start, after)
            last, i = after - 1, after
        finish()
        return i

    def _ends(self, i: int, end: int) -> bool:
        return i >= end or self.tokens[i][1] == "{" or self._word(i) in _BOUNDARIES

    def _past_fixed(self, i: int, end: int) -> int:
        while not self._ends(i, end) and self.tokens[i][1] != ".":
            i = self.close.get(i, i) + 1
        return i

    def _block(self, i: int, end: int) -> tuple[list[Pattern], int]:
        """The patterns of one subject."""
        patterns = []
        subject, i = self._term(i)
        while True:
            predicate, path, i = self._verb(i)
            object_, i = self._term(i)
            patterns.append(Pattern(subject, predicate, object_, path))
            while self.tokens[i][1] == ",":
                object_, i = self._term(i + 1)
                patterns.append(Pattern(subject, predicate, object_, path))
            more = self.tokens[i][1] == ";"
            while self.tokens[i][1] == ";":
                i += 1
            if self._ends(i, end) or self.tokens[i][1] == ".":
                return patterns, i
            if not more:
                raise _Unknown

    def _term(self, i: int) -> tuple[str, int]:
        kind, token, at = self.tokens[i]
        if kind in ("iri", "pname", "var", "number") or token in ("true", "false"):
            return token, i + 1
        if kind == "string":
            return self._literal(i)
        if token in ("+", "-") and self.tokens[i + 1][0] == "number":
            if self.tokens[i + 1][2] == at + 1:
                return token + self.tokens[i + 1][1], i + 2
        elif token in ("[", "("):
            raise _Fixed
        raise _Unknown

    def _literal(self, i: int) -> tuple[str, int]:
        text = self.tokens[i][1]
        kind, following, _ = self.tokens[i + 1]
        if kind == "lang":
            return text + following, i + 2
        if following == "^^":
            datatype, after = self._term(i + 2)
            return f"{text}^^{datatype}", after
        return text, i + 1

    def _verb(self, i: int) -> tuple[str, bool, int]:
        """Predicate or property path, and which it is."""
        kind, token, _ = self.tokens[i]
        if kind == "var":
            return token, False, i + 1
        after = self._path(i)
        return "".join(t for _, t, _ in self.tokens[i:after]), after > i + 1, after

    def _path(self, i: int) -> int:
        while True:
            while self.tokens[i][1] in ("^", "!"):
                i += 1
            if self.tokens[i][1] not in ("(", "a") and self.tokens[i][0] not in ("iri", "pname"):
                raise _Unknown
            i = self.close.get(i, i) + 1
            if self.tokens[i][1] in ("?", "*", "+"):
                if self.tokens[i][1] == "+" and self.tokens[i + 1][0] == "number":
                    raise _Unknown  # a path's sign or a number's
                i += 1
            if self.tokens[i][1] not in ("/", "|"):
                return i
            i += 1


_ELEMENTS: dict[str, Callable[[_Reader, int, Bound, str], int]] = {
    "OPTIONAL": _Reader._optional,
    "LATERAL": _Reader._optional,
    "MINUS": _Reader._minus,
    "GRAPH": _Reader._graph,
    "SERVICE": _Reader._service,
    "FILTER": _Reader._filter,
    "BIND": _Reader._filter,
    "VALUES": _Reader._values,
}
_BOUNDARIES = frozenset({*_ELEMENTS, "UNION"})


def _pairs(all_tokens: list[Token]) -> dict[int, int]:
    """The place where the bracket that opens at a place is closed."""
    close, stack = {}, list[int]()
    before: Token = ("", "", 0)
    for i, here in enumerate(all_tokens):
        inner = all_tokens[stack[-1]][1] if stack else ""
        if _misleading(here, before, inner):
            raise _Unknown
        if here[1] in OPENING:
            stack.append(i)
        elif here[1] in CLOSING:
            close[_opening(stack, all_tokens, here[1])] = i
        before = here
    if stack:
        raise _Unknown
    return close


def _opening(stack: list[int], all_tokens: list[Token], closing: str) -> int:
    if not stack or len(stack) > _DEEPEST or all_tokens[stack[-1]][1] + closing not in _PAIRS:
        raise _Unknown
    return stack.pop()


_PAIRS = frozenset({"()", "{}", "[]"})


def _misleading(here: Token, before: Token, inner: str) -> bool:
    """Whether a token makes the text one that is left alone. ``inner``: the innermost bracket."""
    kind, token, at = here
    if kind == "word":
        return token.upper() in _DATASET_OR_ORDER
    if kind == "iri":  # or two comparisons: (?a<?b)…>
        return inner == "(" and (before[0] in _OPERANDS or before[1] in (")", "true", "false"))
    if kind == "number":  # .5
        return before[1] == "." and before[2] + 1 == at
    return token in _RDF12
