"""Looks at a SPARQL text before any engine does: in linear time, without parsing it.

Some kilobytes of text can keep a parser busy for minutes or overflow its stack. The gate
reads tokens only: it measures (nesting, patterns, operators, path steps), finds what would
reach out to the network, and tells which form a query has, so that the format of the
answer can be agreed on before it is run. Whether the text is correct is for the engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from urllib.parse import urljoin

from kg.errors import Forbidden, LimitExceeded
from kg.serving.limits import Limits


class Form(Enum):
    SELECT = "select"
    ASK = "ask"
    CONSTRUCT = "construct"
    DESCRIBE = "describe"
    UPDATE = "update"
    UNKNOWN = "unknown"
    """Not recognisable: run it as a SELECT and the engine says where the mistake is."""

    @property
    def gives_graph(self) -> bool:
        return self in (Form.CONSTRUCT, Form.DESCRIBE)


@dataclass(frozen=True)
class Inspection:
    """What the tokens of a query or an update say."""

    form: Form
    default_graphs: tuple[str, ...] = ()
    """IRIs of FROM, resolved."""
    named_graphs: tuple[str, ...] = ()
    """IRIs of FROM NAMED, resolved."""
    remote: tuple[str, ...] = ()
    """Targets of SERVICE and LOAD as they are written."""
    repeatable: bool = True
    """Same data, same answer: no NOW, RAND, UUID, STRUUID, BNODE."""


_TOKEN = re.compile(
    r"""
      (?P<skip>   [ \t\r\n]++ | \#[^\r\n]*+ )
    | (?P<iri>    <[^<>"{}|^`\x00-\x20]*+> )
    | (?P<string> \"{3}(?:[^"\\]++|\\.|"(?!""))*+\"{3} | '{3}(?:[^'\\]++|\\.|'(?!''))*+'{3}
                | "(?:[^"\\\r\n]++|\\.)*+" | '(?:[^'\\\r\n]++|\\.)*+' )
    | (?P<var>    [?$]\w++ )
    | (?P<pname>  (?:\w[\w.-]*+)?:(?:[\w:-]|\.(?=[\w:%\\.-])|%[0-9A-Fa-f]{2}|\\.)*+ )
    | (?P<number> [0-9]++(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)? )
    | (?P<word>   \w++ )
    | (?P<lang>   @[A-Za-z0-9-]++ )
    | (?P<mark>   <<\(? | \)?>> | \^\^ | && | \|\| | [<>!]= | \{\| | \|\} | . )
    """,
    re.VERBOSE | re.DOTALL,
)

_FORMS = {
    **{form.name: form for form in (Form.SELECT, Form.ASK, Form.CONSTRUCT, Form.DESCRIBE)},
    **dict.fromkeys("INSERT DELETE LOAD CLEAR DROP CREATE ADD MOVE COPY WITH".split(), Form.UPDATE),
}
_OPERATORS = frozenset(
    "OPTIONAL UNION MINUS EXISTS FILTER BIND GRAPH SELECT LATERAL SERVICE".split()
)
_CHANGING = frozenset("NOW RAND UUID STRUUID BNODE".split())
_OPENING = {"(": ")", "{": "}", "[": "]", "<<": ">>", "<<(": ")>>", "{|": "|}"}
_CLOSING = frozenset(_OPENING.values())
_STEP = frozenset("/|^")
_PATTERN_END = frozenset(".;,")


def inspect(text: str, limits: Limits) -> Inspection:
    """Measure a query or update.

    :raises LimitExceeded: it is longer, deeper or has more parts than ``limits`` allow.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    name, most = ("query_bytes", limits.query_bytes)
    if size > most:
        name, most = _size_limit(text, limits)
    if size > most:
        raise _exceeded(name, most, f"the text has {size:,} bytes", "send a shorter one")
    if size > _CACHED_BYTES:
        return _inspect(text, limits)
    return _inspect_cached(text, limits)


def refuse_remote(inspection: Inspection, allowed: frozenset[str]) -> None:
    """Let SERVICE and LOAD through to targets of the allow-list only.

    :raises Forbidden: another target, or one that is not written out.
    """
    for target in inspection.remote:
        if target not in allowed:
            raise Forbidden(
                f"SERVICE and LOAD are not allowed to reach {target or 'a computed address'}: "
                "only the targets that the configuration lists"
            )


_CACHED_BYTES = 8 << 10


def _inspect(text: str, limits: Limits) -> Inspection:
    return _Reader(limits).read(text)


_inspect_cached = lru_cache(maxsize=1024)(_inspect)


def _size_limit(text: str, limits: Limits) -> tuple[str, int]:
    """Updates carry data and may be longer; their form shows in the first tokens."""
    if _Reader(limits).form_of(text) is Form.UPDATE:
        return "update_bytes", limits.update_bytes
    return "query_bytes", limits.query_bytes


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind != "skip":
            yield kind, match.group()


def _exceeded(limit: str, value: float, what: str, remedy: str) -> LimitExceeded:
    return LimitExceeded(f"{what}; {limit} allows {value:,}: {remedy}", limit, value)


@dataclass
class _Reader:
    """One pass over the tokens."""

    limits: Limits
    form: Form | None = None
    base: str = ""
    prefixes: dict[str, str] = field(default_factory=dict)
    default_graphs: list[str] = field(default_factory=list)
    named_graphs: list[str] = field(default_factory=list)
    remote: list[str] = field(default_factory=list)
    repeatable: bool = True
    stack: list[str] = field(default_factory=list)
    patterns: int = 0
    operators: int = 0
    steps: int = 0
    data_depth: int | None = None
    """Depth at which the braces of INSERT DATA or DELETE DATA stand."""
    before: tuple[str, str] = ("", "")
    """The last word and, where it may matter, the token after it."""

    def read(self, text: str) -> Inspection:
        for kind, token in _tokens(text):
            if kind == "mark":
                self._mark(token)
            elif kind == "word":
                self._word(token.upper())
            elif kind in ("iri", "pname"):
                self._name(kind, token)
            else:
                self.before = ("", "")
        return Inspection(
            self.form or Form.UNKNOWN,
            tuple(self.default_graphs),
            tuple(self.named_graphs),
            tuple(self.remote),
            self.repeatable,
        )

    def form_of(self, text: str) -> Form | None:
        """The form alone: reads no further than its keyword."""
        for kind, token in _tokens(text):
            if kind == "word" and token.upper() in _FORMS:
                return _FORMS[token.upper()]
        return None

    def _word(self, word: str) -> None:
        if self.form is None and word in _FORMS:
            self.form = _FORMS[word]
        elif word in _OPERATORS:
            self.operators += 1
            self._check("query_operators", self.operators, "it has too many operators")
        elif word in _CHANGING:
            self.repeatable = False
        if word in ("SERVICE", "LOAD"):
            self.remote.append("")
        last = self.before[0]
        silent = word == "SILENT" and last in ("SERVICE", "LOAD")
        self.before = (last, "") if silent else (f"{last} {word}" if last == "FROM" else word, "")

    def _name(self, kind: str, token: str) -> None:
        last, prefix = self.before
        self.before = ("", "")
        if last == "PREFIX" and kind == "pname" and not prefix:
            self.before = (last, token)
        elif last == "PREFIX" and kind == "iri":
            self.prefixes[prefix[:-1]] = self._resolve(kind, token)
        elif last == "BASE":
            self.base = self._resolve(kind, token)
        elif last == "FROM":
            self.default_graphs.append(self._resolve(kind, token))
        elif last == "FROM NAMED":
            self.named_graphs.append(self._resolve(kind, token))
        elif last in ("SERVICE", "LOAD"):
            self.remote[-1] = self._resolve(kind, token)

    def _resolve(self, kind: str, token: str) -> str:
        if kind == "iri":
            iri = _ESCAPE.sub(lambda m: chr(int(m.group(1) or m.group(2), 16)), token[1:-1])
            return urljoin(self.base, iri) if self.base else iri
        prefix, _, local = token.partition(":")
        return self.prefixes.get(prefix, "") + local.replace("\\", "")

    def _mark(self, mark: str) -> None:
        self.before = ("", "")
        if mark in _STEP:
            self.steps += 1
            self._check("query_path_steps", self.steps, "a property path has too many steps")
        elif mark in _OPENING:
            self._open(mark)
        elif mark in _CLOSING and self.stack:
            self._close()
        elif mark in _PATTERN_END:
            self._pattern()

    def _open(self, mark: str) -> None:
        self.stack.append(mark)
        self._check("query_nesting", len(self.stack), "its brackets are nested too deeply")

    def _close(self) -> None:
        if self.stack.pop() == "{":
            self._pattern()

    def _pattern(self) -> None:
        """A triple pattern may have ended here (not so in lists of values and arguments)."""
        self.steps = 0
        if self.stack and self.stack[-1] in ("{", "["):
            self.patterns += 1
            if self.form is not Form.UPDATE:
                self._check("query_patterns", self.patterns, "it has too many triple patterns")

    def _check(self, limit: str, count: int, what: str) -> None:
        most = getattr(self.limits, limit)
        if count > most:
            raise _exceeded(limit, most, what, "split it into several")


_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
