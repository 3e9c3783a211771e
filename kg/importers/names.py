"""Are these two names the same? Whole names only, brought to one form; never parts of names.

The form drops case, accents, punctuation and the words for the legal form of a firm, so that
"Cambricon Technologies Corp., Ltd." and "CAMBRICON TECHNOLOGIES" are one name, and "MetaX" and
"Jimuxi" are two.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kg.importers.result import Match

_LEGAL_FORMS = frozenset(
    [
        *("co", "company", "corp", "corporation", "inc", "incorporated", "limited", "ltd", "the"),
        *("ab", "ag", "ao", "as", "bhd", "bv", "cjsc", "fzc", "fzco", "fze", "gmbh", "joint"),
        *("jsc", "kg", "kk", "llc", "llp", "lp", "nv", "oao", "ojsc", "ooo", "oy", "pao"),
        *("pjsc", "plc", "private", "pte", "pty", "pvt", "sa", "sarl", "sdn", "spa", "srl"),
        *("stock", "zao"),
    ]
)
_CHINESE_FORMS = ("股份有限公司", "有限责任公司", "有限公司", "公司")
_INITIALS = re.compile(r"\b(\w)\.(?=\w\b)")
_WORD = re.compile(r"\w+")
_TRAILING = re.compile(r"^(?P<name>.*\S)\s*[(（](?P<other>[^()（）]+)[)）]\W*$")


def normalise(name: str) -> str:
    """``Xi’an Huawei Technologies Co., Ltd.`` → ``xian huawei technologies``."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    plain = "".join(c for c in plain if not unicodedata.combining(c) and c not in "'’‘`´")
    words = _WORD.findall(_INITIALS.sub(r"\1", plain.replace("&", " and ")).replace("_", " "))
    while len(words) > 1 and words[-1] in _LEGAL_FORMS:
        words.pop()
    while len(words) > 1 and words[0] in _LEGAL_FORMS:
        words.pop(0)
    text = " ".join(words)
    form = next((f for f in _CHINESE_FORMS if text.endswith(f) and text != f), "")
    return text.removesuffix(form).rstrip()


def spellings(name: str) -> list[tuple[str, bool]]:
    """The normalised forms of a name, and whether each is only another name of its bearer.

    ``Huawei Technologies Co., Ltd. (Huawei)`` is Huawei Technologies, also called Huawei; but
    ``Inspur (Beijing)`` is another firm than Inspur.
    """
    forms = {normalise(name): False}
    found = _TRAILING.match(name)
    if found and _is_short_form(found["other"], found["name"]):
        forms.setdefault(normalise(found["name"]), False)
        forms.setdefault(normalise(found["other"]), True)
    return [(form, other) for form, other in forms.items() if form]


def _is_short_form(other: str, name: str) -> bool:
    """``Huawei`` of ``Huawei Technologies``, ``SMIC`` of its four words."""
    words = [word.casefold() for word in _WORD.findall(name)]
    initials = iter(word[0] for word in words)
    letters = [c for c in other.casefold() if c.isalnum()]
    return other.casefold() in words or all(letter in initials for letter in letters)


@dataclass(frozen=True)
class Bearer:
    """Who has a name: ``country`` is the slug of a place, ``within`` that of the place around."""

    slug: str
    country: str | None
    other: bool = False


@dataclass
class NameIndex:
    """Names in normalised form → who has them."""

    part_of: dict[str, str] = field(default_factory=dict)
    _bearers: dict[str, list[Bearer]] = field(default_factory=dict)
    _words: dict[str, list[tuple[str, Bearer]]] = field(default_factory=dict)

    def add(self, slug: str, country: str | None, names: Iterable[str], other: bool) -> None:
        """``other``: these are further names, not the name that the firm goes by."""
        for name in names:
            for form, further in spellings(name):
                bearer = Bearer(slug, country, other or further)
                self._bearers.setdefault(form, []).append(bearer)
                self._words.setdefault(form.split()[0], []).append((form, bearer))

    def best(self, name: str, aliases: Iterable[str], countries: Iterable[str]) -> list[Match]:
        """Firms that a row may name, the likeliest first, each with the reason for its score."""
        places = frozenset(countries)
        given = [(form, other) for form, other in spellings(name)]
        given += [(form, True) for alias in aliases for form, _ in spellings(alias)]
        found: dict[str, Match] = {}
        for match in self._matches(name, given, places):
            known = found.get(match.target)
            if known is None or match.score > known.score:
                found[match.target] = match
        return sorted(found.values(), key=lambda match: (-match.score, match.target))

    def _matches(
        self, name: str, given: list[tuple[str, bool]], places: frozenset[str]
    ) -> Iterator[Match]:
        for form, other in given:
            for bearer in self._bearers.get(form, ()):
                further = other + bearer.other
                score, where = self._country(bearer.country, places)
                how = ("same name", "same name, on one side an alias", "same alias")[further]
                yield Match(name, bearer.slug, round((1 - further / 20) * score, 3), how + where)
        for form, _ in given:
            for word in dict.fromkeys(form.split()):
                yield from self._containing(name, form, word, places)

    def _containing(
        self, name: str, form: str, word: str, places: frozenset[str]
    ) -> Iterator[Match]:
        """Candidates only: rows whose words contain a firm's whole name as words."""
        for known, bearer in self._words.get(word, ()):
            score, where = self._country(bearer.country, places)
            if known != form and len(known) > 3 and f" {known} " in f" {form} ":
                yield Match(
                    name,
                    bearer.slug,
                    round(0.6 * score, 3),
                    f"the words {known!r} stand in the name{where}",
                )

    def _country(self, country: str | None, places: frozenset[str]) -> tuple[float, str]:
        if country is None or not places:
            return 0.9, ", country unknown on one side"
        if country in places:
            return 1.0, ", same country"
        if country in {self.part_of.get(place) for place in places}:
            return 0.95, ", country is part of the firm's"
        return 0.5, ", another country"
