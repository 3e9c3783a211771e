"""Content negotiation (RFC 9110, 12.5): one function over whatever can be offered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kg.errors import NotAcceptable


@dataclass(frozen=True)
class Offer:
    """Something that can be sent: what it is called here, and the types that ask for it.

    The first media type is the one it is sent as.
    """

    name: str
    media_types: tuple[str, ...]

    @property
    def media_type(self) -> str:
        return self.media_types[0]


@dataclass(frozen=True)
class _Range:
    type_: str
    subtype: str
    quality: float

    def fits(self, media_type: str) -> int:
        """How specifically this range names ``media_type``: 0 not at all, 3 exactly."""
        type_, _, subtype = media_type.partition("/")
        if (self.type_, self.subtype) == (type_, subtype):
            return 3
        if self.type_ == type_ and self.subtype == "*":
            return 2
        return 1 if (self.type_, self.subtype) == ("*", "*") else 0


def negotiate(accept: str | None, offers: Sequence[Offer]) -> tuple[Offer, str]:
    """The offer that the client likes best, and the media type to send it as.

    Without an Accept header the first offer wins; so it does among equals. A media type that is
    not the offer's first is used when the client named it exactly. Raises NotAcceptable naming
    what there is.
    """
    ranges = _parse(accept)
    if not ranges:
        return offers[0], offers[0].media_type
    best: tuple[float, Offer, str] | None = None
    for offer in offers:
        for media_type in offer.media_types:
            quality = _quality(media_type, ranges, exact_only=media_type != offer.media_type)
            if quality > 0 and (best is None or quality > best[0]):
                best = (quality, offer, media_type)
    if best is None:
        offered = [offer.media_type for offer in offers]
        message = f"nothing acceptable to {accept!r}; there is: {', '.join(offered)}"
        raise NotAcceptable(message, offered)
    return best[1], best[2]


def _quality(media_type: str, ranges: Sequence[_Range], exact_only: bool) -> float:
    """The quality that the most specific fitting range gives to ``media_type``."""
    fitting = [(r.fits(media_type), r.quality) for r in ranges if r.fits(media_type)]
    if not fitting:
        return 0.0
    specificity, quality = max(fitting)
    return 0.0 if exact_only and specificity < 3 else quality


def _parse(accept: str | None) -> list[_Range]:
    ranges = []
    for part in (accept or "").split(","):
        media_range, *parameters = (piece.strip() for piece in part.split(";"))
        type_, slash, subtype = media_range.lower().partition("/")
        if slash and type_ and subtype:
            ranges.append(_Range(type_, subtype, _parameter_q(parameters)))
    return ranges


def _parameter_q(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
