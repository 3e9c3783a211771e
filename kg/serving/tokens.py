"""The tokens of SPARQL 1.2, in linear time: enough to skip strings, comments and IRIs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urljoin

from kg.errors import InvalidQuery

OPENING = frozenset({"(", "{", "[", "<<", "<<(", "{|"})
CLOSING = frozenset({")", "}", "]", ">>", ")>>", "|}"})

Token = tuple[str, str, int]
"""Kind (iri, string, var, pname, number, word, lang, mark), text, offset."""

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

_OPAQUE = re.compile(
    r"""
      \#[^\r\n]*+
    | <[^<>"{}|^`\x00-\x20]*+>
    | "{3}(?:[^"]++|"(?!""))*+"{3} | '{3}(?:[^']++|'(?!''))*+'{3} | "[^"\r\n]*+" | '[^'\r\n]*+'
    """,
    re.VERBOSE,
)

_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")


def tokens(text: str) -> Iterator[Token]:
    """All tokens but white space and comments. Never fails: the engine judges the text."""
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind != "skip":
            yield kind, match.group(), match.start()


def without_opaque(text: str) -> str:
    """``text``, which has no backslash, with a space for each comment, IRI and string.

    Of :func:`tokens` the others are left, with the same text.
    """
    return _OPAQUE.sub(" ", text)


@dataclass
class Names:
    """The prologue: what relative IRIs and prefixed names mean."""

    base: str = ""
    prefixes: dict[str, str] = field(default_factory=dict)

    def resolve(self, kind: str, token: str) -> str:
        """The IRI that an ``iri`` or ``pname`` token stands for; what is none stays as it is."""
        if kind == "iri":
            with suppress(ValueError, OverflowError):  # of urljoin, of chr
                iri = _ESCAPE.sub(lambda m: chr(int(m.group(1) or m.group(2), 16)), token[1:-1])
                return urljoin(self.base, iri) if self.base else iri
            return token[1:-1]
        prefix, _, local = token.partition(":")
        return self.prefixes.get(prefix, "") + local.replace("\\", "")


class Prologue:
    """Takes the tokens of PREFIX, BASE and VERSION, wherever they stand between operations.

    ``text`` is what it has taken so far, without VERSION.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self._open = ""
        self._prefix = ""
        self.text = ""

    def takes(self, token: Token) -> bool:
        kind, text, _ = token
        if not self._open:
            if kind != "word" or text.upper() not in ("PREFIX", "BASE", "VERSION"):
                return False
            self._open = text.upper()
        elif kind == "pname":
            self._prefix = text[:-1]
        else:
            self._define(kind, text)
        self.text += f"{text} " if self._open != "VERSION" else ""
        if kind not in ("word", "pname"):
            self._open = ""
        return True

    def _define(self, kind: str, text: str) -> None:
        if kind == "iri" and self._open == "PREFIX":
            self._names.prefixes[self._prefix] = self._names.resolve(kind, text)
        elif kind == "iri":
            self._names.base = self._names.resolve(kind, text)


def checked_iri(iri: str) -> str:
    """``iri``, which may be put between angle brackets. Raises InvalidQuery."""
    if any(character in '<>"{}|^`\\' or character <= " " for character in iri):
        raise InvalidQuery(f"not an IRI: {iri!r}")
    return iri
