"""Federal Register citations: from the page where a row is printed to the rule that it is in.

A row cites the page on which it stands, not the first page of the rule (rows of 88 FR 71991 say
88 FR 71992). A rule is found by volume and by the range from its first page to its last; where
the last page is not known, the range ends before the next known rule, and after
``LONGEST`` pages at the latest.
"""

from __future__ import annotations

import datetime
import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from kg.catalogue import View

LONGEST = 60
"""Pages that a rule is taken to have at most, where its last page is not known."""

_CITATION = re.compile(
    r"(?<!\d)(\d{1,3})\s*F\.?\s?R\.?\s*(\d{1,6})(?:\s*[-–]\s*(\d{1,6}))?", re.IGNORECASE
)


@dataclass(frozen=True, order=True)
class Citation:
    volume: int
    page: int

    def __str__(self) -> str:
        return f"{self.volume} FR {self.page}"


@dataclass(frozen=True, order=True)
class CitedInstrument:
    """An instrument as the Federal Register prints it; ``last`` page None where unknown."""

    first: Citation
    last: int | None
    slug: str
    effective: datetime.date | None


def citations(text: str | None) -> list[Citation]:
    """The citations in a text, each once, in their order: ``84 FR 22961, 5/21/19; 85 FR 29852``."""
    found = (Citation(int(v), int(p)) for v, p, _ in _CITATION.findall(text or ""))
    return list(dict.fromkeys(found))


def cited_instruments(view: View) -> list[CitedInstrument]:
    """The instruments of the record that have a Federal Register citation."""
    found = []
    for node in view.instances("ct:Instrument"):
        effective = view.value(node, "ct:effective")
        day = datetime.date.fromisoformat(effective) if effective else None
        for text in view.values(node, "ct:citation"):
            if match := _CITATION.fullmatch(text):
                first = Citation(int(match[1]), int(match[2]))
                last = int(match[3]) if match[3] else None
                found.append(CitedInstrument(first, last, view.slug(node), day))
    return found


class InstrumentIndex:
    """Instruments by the pages that they fill."""

    def __init__(self, instruments: Iterable[CitedInstrument]) -> None:
        self._instruments = sorted(instruments, key=lambda i: (i.first, i.slug))
        self._firsts = [instrument.first for instrument in self._instruments]

    def of(self, citation: Citation) -> CitedInstrument | None:
        """The instrument on one of whose pages ``citation`` is, if it is known."""
        position = bisect_right(self._firsts, citation)
        found = self._instruments[position - 1] if position else None
        if found is None or found.first.volume != citation.volume:
            return None
        last = found.last or found.first.page + LONGEST - 1
        return found if citation.page <= last else None
