"""The tokens of SPARQL 1.2, in linear time: enough to skip strings, comments and IRIs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin

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
        """The IRI that an ``iri`` or ``pname`` token stands for."""
        if kind == "iri":
            iri = _ESCAPE.sub(lambda m: chr(int(m.group(1) or m.group(2), 16)), token[1:-1])
            return urljoin(self.base, iri) if self.base else iri
        prefix, _, local = token.partition(":")
        return self.prefixes.get(prefix, "") + local.replace("\\", "")
