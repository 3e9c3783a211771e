"""Content negotiation (RFC 9110, 12.5): one function over whatever can be offered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from kg.errors import NotAcceptable


@dataclass(frozen=True, eq=False)
class Offer:
    """Something that can be sent: what it is called here, and the types that ask for it.

    The first media type is the one it is sent as. ``versions``: values of the parameter
    ``version`` (of RDF or SPARQL) that a client may ask for. An offer is equal to nothing but
    itself, so that a tuple of them is looked up quickly.
    """

    name: str
    media_types: tuple[str, ...]
    versions: tuple[str, ...] = ()

    @property
    def media_type(self) -> str:
        return self.media_types[0]


@dataclass(frozen=True)
class _Range:
    type_: str
    subtype: str
    version: str
    utf8: bool
    quality: float

    def fits(self, media_type: str, version: str) -> int:
        """How specifically this range names the offer: 0 not at all, 4 exactly."""
        type_, _, subtype = media_type.partition("/")
        if not self.utf8 or (self.version and self.version != version):
            return 0
        if (self.type_, self.subtype) == (type_, subtype):
            return 4 if self.version else 3
        if self.type_ == type_ and self.subtype == "*":
            return 2
        return 1 if (self.type_, self.subtype) == ("*", "*") else 0


_PIECE = re.compile(r'(?:[^",;]++|"(?:[^"\\]++|\\.)*+"?)++|[,;]')
_WEIGHT = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$")


@lru_cache(maxsize=256)
def negotiate(accept: str | None, offers: tuple[Offer, ...]) -> tuple[Offer, str]:
    """The offer that the client likes best, and the media type to send it as.

    Without an Accept header the first offer wins; so it does among equals. A media type that is
    not the offer's first is used when the client named it exactly, and so is a ``version``, which
    then follows the type: ``text/turtle; version=1.2``. Raises NotAcceptable naming what there is.
    """
    ranges = _parse(accept)
    if not ranges:
        return offers[0], offers[0].media_type
    best: tuple[float, Offer, str] | None = None
    for offer, media_type, version in _candidates(offers, ranges):
        exact_only = media_type != offer.media_type
        quality = _quality(media_type, version, ranges, exact_only)
        if quality > 0 and (best is None or quality > best[0]):
            best = (quality, offer, f"{media_type}; version={version}" if version else media_type)
    if best is None:
        offered = [offer.media_type for offer in offers]
        message = f"nothing acceptable to {accept!r}; there is: {', '.join(offered)}"
        raise NotAcceptable(message, offered)
    return best[1], best[2]


def _candidates(
    offers: Sequence[Offer], ranges: Sequence[_Range]
) -> Iterator[tuple[Offer, str, str]]:
    """Every offer under each of its types, plain and in the versions that the client names."""
    named = {r.version for r in ranges if r.version}
    for offer in offers:
        for media_type in offer.media_types:
            yield offer, media_type, ""
            for version in offer.versions:
                if version in named:
                    yield offer, media_type, version


def _quality(media_type: str, version: str, ranges: Sequence[_Range], exact_only: bool) -> float:
    """The quality that the most specific fitting range gives to ``media_type``."""
    fitting = [(fit, r.quality) for r in ranges if (fit := r.fits(media_type, version))]
    if not fitting:
        return 0.0
    specificity, quality = max(fitting)
    if version and specificity < 4:
        return 0.0
    return 0.0 if exact_only and specificity < 3 else quality


def _parse(accept: str | None) -> list[_Range]:
    """The ranges that are well formed: the others count for nothing."""
    ranges = []
    for media_range, parameters in _elements(accept or ""):
        type_, slash, subtype = media_range.partition("/")
        weight = parameters.get("q", "1")
        if slash and type_ and subtype and _WEIGHT.match(weight):
            utf8 = parameters.get("charset", "utf-8") in ("utf-8", "utf8", "us-ascii")
            version = parameters.get("version", "")
            ranges.append(_Range(type_, subtype, version, utf8, float(weight)))
    return ranges


def _elements(accept: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each media range with its parameters, in lower case; quoted strings may hold commas."""
    parts: list[str] = []
    for piece in [*_PIECE.findall(accept), ","]:
        if piece == ",":
            if parts:
                yield parts[0], dict(_parameter(part) for part in parts[1:])
            parts = []
        elif piece != ";":
            parts.append(piece.strip().lower())


def _parameter(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip().strip('"')
