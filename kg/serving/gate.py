"""Looks at a SPARQL text before any engine does: in linear time, without parsing it.

Some kilobytes of text can keep a parser busy for minutes or overflow its stack. The gate
reads tokens only: it measures (nesting, patterns, operators, path steps), finds what would
reach out to the network, and tells which form a query has, so that the format of the
answer can be agreed on before it is run. Whether the text is correct is for the engine.

Most queries are short, far below every limit, and have nothing in them that the gate looks
for. That much is seen at a glance (a few searches in the text), at a tenth of the cost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

from kg.errors import Forbidden, LimitExceeded
from kg.serving.egress import NOTHING, Egress
from kg.serving.limits import Limits
from kg.serving.tokens import CLOSING, OPENING, Names, tokens, without_opaque


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
class Address:
    """Where SERVICE or LOAD reaches out to. ``iri`` is empty for one that is computed.

    ``silent``: it may fail without a word. ``start`` and ``end``: where it stands in the text.
    """

    verb: str
    iri: str = ""
    silent: bool = False
    start: int = 0
    end: int = 0


class Inspection(NamedTuple):
    """What the tokens of a query or an update say."""

    form: Form
    default_graphs: tuple[str, ...] = ()
    """IRIs of FROM, resolved."""
    named_graphs: tuple[str, ...] = ()
    """IRIs of FROM NAMED, resolved."""
    remote: tuple[Address, ...] = ()
    """Targets of SERVICE and LOAD."""
    repeatable: bool = True
    """Same data, same answer: no NOW, RAND, UUID, STRUUID, BNODE, nor SERVICE."""
    patterns: int = 0
    """It has at most this many triple patterns."""


_FORMS = {
    "SELECT": Form.SELECT,
    "ASK": Form.ASK,
    "CONSTRUCT": Form.CONSTRUCT,
    "DESCRIBE": Form.DESCRIBE,
    "INSERT": Form.UPDATE,
    "DELETE": Form.UPDATE,
    "WITH": Form.UPDATE,
    "LOAD": Form.UPDATE,
    "CLEAR": Form.UPDATE,
    "DROP": Form.UPDATE,
    "CREATE": Form.UPDATE,
    "ADD": Form.UPDATE,
    "MOVE": Form.UPDATE,
    "COPY": Form.UPDATE,
}
_OPERATORS = frozenset(
    {
        "OPTIONAL",
        "UNION",
        "MINUS",
        "EXISTS",
        "FILTER",
        "BIND",
        "GRAPH",
        "SELECT",
        "LATERAL",
        "SERVICE",
    }
)
_CHANGING = frozenset({"NOW", "RAND", "UUID", "STRUUID", "BNODE", "SERVICE"})
_STEP = frozenset("/|^")
_PATTERN_END = frozenset(".;,")


def inspect(text: str, limits: Limits, base: str = "", update: bool = False) -> Inspection:
    """Measure a query, or an ``update``, which may be longer as it carries data.

    :raises LimitExceeded: it is longer, deeper or has more parts than ``limits`` allow.
    """
    limit = "update_bytes" if update else "query_bytes"
    size, most = len(text.encode("utf-8", "surrogatepass")), getattr(limits, limit)
    if size > most:
        raise _exceeded(limit, most, f"the text has {size:,} bytes", "send a shorter one")
    glance = None if update else _glance(text, limits)
    return glance or _Reader(limits, Names(base)).read(text)


def refuse_remote(inspection: Inspection, egress: Egress) -> None:
    """Let SERVICE and LOAD through to targets of the allow-list only.

    With SILENT they need not be refused, see :func:`disarm`.

    :raises Forbidden: another target, or one that is not written out.
    """
    for address in inspection.remote:
        allowed = egress.allows(address.verb, address.iri)
        if not allowed and not (address.silent and address.iri):
            raise Forbidden(
                "SERVICE and LOAD are not allowed to reach "
                f"{address.iri or 'a computed address'}: "
                "only the targets that the configuration lists"
            )


def disarm(text: str, inspection: Inspection, egress: Egress = NOTHING) -> str:
    """``text`` with every target that is not allowed replaced by one that leads nowhere.

    What SERVICE SILENT and LOAD SILENT ask of it then fails without a word, as it would if the
    target were down. What follows keeps its place, if the target is not shorter than that.
    """
    for address in reversed(inspection.remote):
        if address.iri and not egress.allows(address.verb, address.iri):
            nowhere = f"<{_NOWHERE}>".ljust(address.end - address.start)
            text = f"{text[: address.start]}{nowhere}{text[address.end :]}"
    return text


_NOWHERE = "nowhere:"
_SHORT = 4096
_LEAST_OPERATOR = len("BIND ")
_BEGINNING = re.compile(
    r"\s*+(?:(?:PREFIX\s++[\w.-]*+:|BASE)\s++)*+(SELECT|ASK|CONSTRUCT|DESCRIBE)(?![\w.:-])"
)
_TELLING = re.compile("|".join(["FROM", "SERVICE", "LOAD", *sorted(_CHANGING)]))


def _glance(text: str, limits: Limits) -> Inspection | None:
    """What is seen without reading token by token; None where it must be read.

    Each measure is replaced by something easier to count that it cannot exceed.
    """
    if len(text) > min(_SHORT, limits.query_tokens) or "\\" in text:
        return None
    bare = without_opaque(text).upper()
    begins = _BEGINNING.match(bare)
    if begins is None or _TELLING.search(bare):
        return None
    count = bare.count
    patterns = count(".") + count(";") + count(",") + count("}")
    if (
        patterns > limits.query_patterns
        or count("{") + count("(") + count("[") + count("<<") > limits.query_nesting
        or count("/") + count("|") + count("^") > limits.query_path_steps
        or len(bare) // _LEAST_OPERATOR >= limits.query_operators
    ):
        return None
    return Inspection(_FORMS[begins[1]], patterns=patterns)


def _exceeded(limit: str, value: float, what: str, remedy: str) -> LimitExceeded:
    return LimitExceeded(f"{what}; {limit} allows {value:,}: {remedy}", limit, value)


@dataclass
class _Reader:
    """One pass over the tokens."""

    limits: Limits
    names: Names
    form: Form | None = None
    default_graphs: list[str] = field(default_factory=list)
    named_graphs: list[str] = field(default_factory=list)
    remote: list[Address] = field(default_factory=list)
    repeatable: bool = True
    stack: list[str] = field(default_factory=list)
    patterns: int = 0
    operators: int = 0
    steps: int = 0
    before: tuple[str, str] = ("", "")
    """The last word and, where it may matter, the token after it."""

    def read(self, text: str) -> Inspection:
        for count, (kind, token, at) in enumerate(tokens(text), start=1):
            if count > self.limits.query_tokens and self.form is not Form.UPDATE:
                raise _exceeded(
                    "query_tokens", self.limits.query_tokens, "it is too long", "split it"
                )
            if kind == "mark":
                self._mark(token)
            elif kind == "word":
                self._word(token.upper())
            elif kind in ("iri", "pname"):
                self._name(kind, token, at)
            else:
                self.before = ("", "")
        return Inspection(
            self.form or Form.UNKNOWN,
            tuple(self.default_graphs),
            tuple(self.named_graphs),
            tuple(self.remote),
            self.repeatable,
            self.patterns,
        )

    def _word(self, word: str) -> None:
        if self.form is None and word in _FORMS:
            self.form = _FORMS[word]
        elif word in _OPERATORS:
            self.operators += 1
            if self.form is not Form.UPDATE:
                self._check("query_operators", self.operators, "it has too many operators")
        if word in _CHANGING:
            self.repeatable = False
        if word in ("SERVICE", "LOAD"):
            self.remote.append(Address(word))
        last = self.before[0]
        silent = word == "SILENT" and last in ("SERVICE", "LOAD")
        if silent:
            self.remote[-1] = Address(last, silent=True)
        self.before = (last, "") if silent else (f"{last} {word}" if last == "FROM" else word, "")

    def _name(self, kind: str, token: str, at: int) -> None:
        last, prefix = self.before
        self.before = ("", "")
        if last == "PREFIX" and kind == "pname" and not prefix:
            self.before = (last, token)
        elif last == "PREFIX" and kind == "iri":
            self.names.prefixes[prefix[:-1]] = self.names.resolve(kind, token)
        elif last == "BASE":
            self.names.base = self.names.resolve(kind, token)
        elif last == "FROM":
            self.default_graphs.append(self.names.resolve(kind, token))
        elif last == "FROM NAMED":
            self.named_graphs.append(self.names.resolve(kind, token))
        elif last in ("SERVICE", "LOAD"):
            iri = self.names.resolve(kind, token)
            self.remote[-1] = replace(self.remote[-1], iri=iri, start=at, end=at + len(token))

    def _mark(self, mark: str) -> None:
        self.before = ("", "")
        if mark in _STEP:
            self.steps += 1
            self._check("query_path_steps", self.steps, "a property path has too many steps")
        elif mark in OPENING:
            self._open(mark)
        elif mark in CLOSING and self.stack:
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
