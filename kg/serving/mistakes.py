"""(Child.) What exactly is wrong with a SPARQL text, and where.

The engine says how far its parser has looked, which is up to a long keyword past the mistake and
may be on the next line, and what it would have liked to see there. So it is asked about
beginnings of the text: the mistake is the first token with which no text can go on.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pyoxigraph as ox

from kg.serving.tokens import Token, tokens

_LONGEST = 64 << 10  # characters of a text that is looked into
_PATIENCE = 1.0  # seconds
_BEYOND = " " * 64 + "\0"
"""What no text goes on with, farther away than any keyword is long."""
_POSITION = re.compile(r"error at (\d+):(\d+)")
_NO_IRI = "IRI parsing failed"
_REASON = re.compile(
    r"(?:expected one of|expected|,) (?!one of )"
    rf"({_NO_IRI}|(?:\\u|[A-Za-z]+)(?: [\w*'{{}}\\]+){{3,}})"
)
"""A sentence of the engine among the tokens that it lists."""


@dataclass(frozen=True)
class Mistake:
    """``line`` and ``column`` count from 1, in characters."""

    message: str
    line: int
    column: int


def find(message: str, text: str, base: str | None, update: bool) -> Mistake | None:
    """The first mistake of a query or an ``update``, of which the engine said ``message``.

    None where it would take too long to find.
    """
    if len(text) > _LONGEST:
        return None
    found, deadline = list(tokens(text)), time.monotonic() + _PATIENCE
    low, high, reached = 0, len(found), len(text)
    while low < high and time.monotonic() < deadline:
        middle = (low + high) // 2
        beginning = text[: _end(found[middle])]
        looked = _looked(beginning, base, update)
        if looked >= len(beginning) + len(_BEYOND) - 1:
            low = middle + 1
        else:
            high, reached = middle, looked
    if low < high:
        return None
    reason = _REASON.search(message)
    complaint = reason[1] if reason else _complaint(found, low, reached)
    at = min(found[low][2], reached) if low < len(found) else len(text)
    if complaint == _NO_IRI:
        at = text.rfind("<", 0, at + 1)
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    return Mistake(f"error at {line}:{column}: {complaint}", line, column)


def _end(token: Token) -> int:
    return token[2] + len(token[1])


def _looked(beginning: str, base: str | None, update: bool) -> int:
    """How far the parser looks. Nothing is run: no text is well formed with what is added."""
    text, store = beginning + _BEYOND, ox.Store()
    try:
        (store.update if update else store.query)(text, base_iri=base)
    except SyntaxError as error:
        if position := _POSITION.search(str(error)):
            line, column = map(int, position.groups())
            return sum(len(one) + 1 for one in text.split("\n")[: line - 1]) + column - 1
    return len(text)


def _complaint(found: Sequence[Token], index: int, reached: int) -> str:
    if index == len(found):
        return "the text ends too soon"
    kind, token, at = found[index]
    if reached < at:
        return "unexpected line break"
    if kind == "pname" and not token.startswith("_:"):
        prefix = token.partition(":")[0] + ":"
        declared = ((word[1].upper(), name[1]) for word, name in pairwise(found[:index]))
        if ("PREFIX", prefix) not in declared:
            return f"the prefix {prefix} is not declared"
    return f"unexpected {token}"
