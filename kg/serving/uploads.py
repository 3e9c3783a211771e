"""Looks at an uploaded document before any parser does: size, nesting, DOCTYPE.

Linear in the document's length and free of parsing, like :mod:`kg.serving.gate`: brackets in
strings count too, which errs on the safe side only where a document has hundreds more of
one kind than of its counterpart.
"""

from __future__ import annotations

import re

from kg.errors import Forbidden, InvalidQuery, LimitExceeded
from kg.serving.limits import Limits

_STRINGS = {
    "json": rb'"(?:[^"\\]++|\\.)*+"',
    "turtle": rb'"""(?:[^"\\]++|\\.|"(?!""))*+"""|"(?:[^"\\\r\n]++|\\.)*+"'
    rb"|'''(?:[^'\\]++|\\.|'(?!''))*+'''|'(?:[^'\\\r\n]++|\\.)*+'"
    rb'|<[^<>"{}|^`\\\s]*+>|\#[^\r\n]*+',
    "xml": rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>",
}
_BRACKETS = {
    "json": (rb"[\[{]", rb"[\]}]"),
    "turtle": (rb"<<|[\[({]", rb">>|[\])}]"),
    "xml": (rb"<[^/!?>][^>]*+(?<!/)>", rb"</[^>]*+>"),
}
_FAMILY = {
    "application/ld+json": "json",
    "application/json": "json",
    "application/sparql-results+json": "json",
    "application/rdf+xml": "xml",
    "application/sparql-results+xml": "xml",
    "application/xml": "xml",
    "text/xml": "xml",
}
_SCANNERS = {
    family: re.compile(
        rb"(?P<skip>%b)|(?P<open>%b)|(?P<close>%b)" % (_STRINGS[family], *_BRACKETS[family]),
        re.DOTALL,
    )
    for family in _STRINGS
}
_ELEMENT = re.compile(rb"<[^!?/\s]")
_DOCTYPE = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def inspect(body: bytes, media_type: str, limits: Limits) -> None:
    """Refuse what could harm the parser.

    :raises LimitExceeded: too long, or nested too deeply.
    :raises Forbidden: XML with a document type, which can define exploding entities.
    """
    if len(body) > limits.upload_bytes:
        raise _exceeded("upload_bytes", limits.upload_bytes, "the document is too long")
    family = _FAMILY.get(media_type, "turtle")
    if family == "xml" and _DOCTYPE.search(body):
        raise Forbidden("XML with a document type declaration is not accepted")
    if family == "xml" and not _ELEMENT.search(body):
        raise InvalidQuery("the document is not XML: it has no element")
    if _depth(body, family, limits.upload_nesting) > limits.upload_nesting:
        raise _exceeded("upload_nesting", limits.upload_nesting, "it is nested too deeply")


def _depth(body: bytes, family: str, most: int) -> int:
    """The deepest nesting; stops counting past ``most``."""
    depth = deepest = 0
    for match in _SCANNERS[family].finditer(body):
        if match.lastgroup == "open":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > most:
                break
        elif match.lastgroup == "close":
            depth -= 1
    return deepest


def _exceeded(name: str, most: int, what: str) -> LimitExceeded:
    return LimitExceeded(f"{what}: {name} allows {most:,}", name, most)
