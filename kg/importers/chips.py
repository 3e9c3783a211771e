"""Which chip of the record does a name in a table mean?

Names are compared whole, in three forms, each coarser than the one before: letters and digits
alone; without the words for maker and product line; without form factor, memory size and what
stands in brackets. A coarse form counts only where one chip and one row have it: "A10 PCIe" is
the A10, but "A100 80GB" may be one of two boards.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from pyoxigraph import NamedNode

from kg.catalogue import View
from kg.importers.result import Match

_BRACKETS = re.compile(r"[(（][^()（）]*[)）]")
_SIZE = re.compile(r"\b\d+\s?gb\b")
_LINES = frozenset(
    [
        *("nvidia", "tesla", "geforce", "amd", "radeon", "instinct", "intel", "habana", "google"),
        *("amazon", "aws", "microsoft", "huawei", "baidu", "alibaba", "meta", "hgx"),
        *("generation", "moore", "threads"),
    ]
)
_FORMS = frozenset(["pcie", "pcle", "sxm", "sxm2", "sxm3", "sxm4", "sxm5", "oam"])

Form = Callable[[str], str]


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", name).casefold()
    return re.findall(r"\w+", plain.replace("_", " "))


def _exact(name: str) -> str:
    return "".join(_words(name))


def _bare(name: str) -> str:
    return "".join(word for word in _words(name) if word not in _LINES)


def _coarse(name: str) -> str:
    plain = _SIZE.sub(" ", _BRACKETS.sub(" ", name.casefold()))
    return "".join(word for word in _words(plain) if word not in _LINES | _FORMS)


FORMS: tuple[tuple[float, str, Form], ...] = (
    (1.0, "same name", _exact),
    (0.95, "same name but for maker and product line", _bare),
    (0.85, "same name but for form factor, memory size or what stands in brackets", _coarse),
)


class ChipNames:
    """The chips of a record by their names."""

    def __init__(self, view: View) -> None:
        self._by_form: list[dict[str, set[str]]] = [{} for _ in FORMS]
        for node in view.instances("ct:Chip"):
            for name in _names(view, node):
                for (_, _, form), chips in zip(FORMS, self._by_form, strict=True):
                    chips.setdefault(form(name), set()).add(view.slug(node))

    def match(self, names: Iterable[str]) -> dict[str, Match]:
        """Name → the one chip that it means. A chip goes to the name that fits it best."""
        rows = list(names)
        found: dict[str, Match] = {}
        for (score, reason, form), chips in zip(FORMS, self._by_form, strict=True):
            alike = Counter(form(name) for name in rows)
            taken = {match.target for match in found.values()}
            for name in rows:
                slugs = chips.get(form(name), set())
                free = name not in found and len(slugs) == 1 and not slugs & taken
                if free and (alike[form(name)] == 1 or score == 1):
                    found[name] = Match(name, next(iter(slugs)), score, reason)
        return found


def _names(view: View, node: NamedNode) -> Iterator[str]:
    for curie in ("rdfs:label", "skos:altLabel", "ct:alias"):
        yield from view.values(node, curie)


def is_model(view: View, slug: str) -> bool:
    """Whether the figures of this chip are those of its configurations."""
    node = view.names.expand(f"id:{slug}")
    return bool(view.subjects("ct:configurationOf", node)) and not view.subjects("ct:of", node)
