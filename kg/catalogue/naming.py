"""Names as they are compared: folded, cut into tokens, and told apart from noise.

A token is a run of letters, a number or one Han character, so that ``H20``, ``h-20`` and ``H 20``
are the same two tokens, and any part of a Chinese name is a run of its tokens.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

_HAN = "\u3400-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"\d+(?:\.\d+)?|[{_HAN}]|[^\W\d_{_HAN}]+")
_MARKS = {ord(mark): None for mark in "™®©℠"}
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_DIGITS = re.compile(r"[\d.]+")
_PARENTHESIS = re.compile(r"\s*[(（][^()（）]*[)）]")


class Noise(Enum):
    """Why a token says nothing of which thing is meant."""

    FORM = "a legal form"
    PRODUCT = "a word for any chip, or a memory size"


class Token(NamedTuple):
    text: str
    noise: Noise | None


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LEGAL_FORMS = _words(
    "inc incorporated corp corporation co company ltd limited llc llp plc gmbh ag nv bv kk holding"
    " holdings"
)
_PRODUCT_WORDS = _words(
    "gpu gpus accelerator accelerators card cards chip chips graphics ai geforce radeon instinct"
)
_HAN_WORDS = {
    "股份有限公司": Noise.FORM,
    "有限责任公司": Noise.FORM,
    "有限公司": Noise.FORM,
    "公司": Noise.FORM,
    "加速卡": Noise.PRODUCT,
    "计算卡": Noise.PRODUCT,
    "显卡": Noise.PRODUCT,
    "芯片": Noise.PRODUCT,
}
_MEMORY_UNITS = ("gb", "gib", "g")
_UNITS = [[unit] for unit in _MEMORY_UNITS]
_MEMORY_KINDS = ("hbm", "gddr")


def fold(text: str) -> str:
    """``text`` without case, accents, width, trade marks and commas within numbers."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_MARKS))
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    return _THOUSANDS.sub("", unicodedata.normalize("NFKC", bare).casefold())


def tokens(text: str) -> list[str]:
    return _TOKEN.findall(fold(text))


def chunks(text: str) -> list[list[str]]:
    """The tokens of each word as it was written: ``H-20 GPU`` → ``[[h, 20], [gpu]]``."""
    return [found for part in fold(text).split() if (found := _TOKEN.findall(part))]


def key(text: str) -> str:
    """What two spellings of one name share: their tokens, run together."""
    return "".join(tokens(text))


def core(text: str) -> str:
    """The key of a name without its noise and its parentheses."""
    return "".join(t.text for t in classified(tokens(without_parentheses(text))) if not t.noise)


def without_parentheses(text: str) -> str:
    return _PARENTHESIS.sub("", text).strip() or text


def classified(found: Sequence[str]) -> list[Token]:
    """Each token, told whether it is noise."""
    noise = [_noise_of_word(text) for text in found]
    for start in range(len(found)):
        length, kind = _noise_from(found, start)
        for position in range(start, start + length):
            noise[position] = noise[position] or kind
    return [Token(*pair) for pair in zip(found, noise, strict=True)]


def _noise_of_word(text: str) -> Noise | None:
    if text in _LEGAL_FORMS:
        return Noise.FORM
    return Noise.PRODUCT if text in _PRODUCT_WORDS else None


def _noise_from(found: Sequence[str], start: int) -> tuple[int, Noise]:
    """How many tokens from ``start`` on are a memory size, a memory kind or a Chinese word."""
    if found[start].isdecimal() and found[start + 1 : start + 2] in _UNITS:
        return 2, Noise.PRODUCT
    if found[start] in _MEMORY_KINDS:
        following = found[start + 1 : start + 3]
        return 1 + sum(text.isdecimal() or text in ("e", "x") for text in following), Noise.PRODUCT
    for word, kind in _HAN_WORDS.items():
        if list(found[start : start + len(word)]) == list(word):
            return len(word), kind
    return 0, Noise.PRODUCT


def memory_sizes(found: Sequence[str]) -> set[int]:
    """Gigabytes that a name speaks of."""
    pairs = pairwise(found)
    return {int(a) for a, b in pairs if a.isdecimal() and len(a) < 6 and b in _MEMORY_UNITS}


def without_prefix(text: str, prefixes: Iterable[str]) -> str:
    """``text`` without the longest of ``prefixes`` that it begins with, unless that is all."""
    matches = list(_TOKEN.finditer(text))
    found = [fold(match[0]) for match in matches]
    lengths = [
        len(prefix) for prefix in map(tokens, prefixes) if prefix == found[: len(prefix)] != found
    ]
    length = max(lengths, default=0)
    return text[matches[length].start() :] if length else text


def edit_distance(a: str, b: str, at_most: int) -> int:
    """Insertions, deletions, replacements and swaps of neighbours that part ``a`` from ``b``.

    Optimal string alignment; ``at_most + 1`` stands for anything beyond.
    """
    if abs(len(a) - len(b)) > at_most:
        return at_most + 1
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > at_most:
            return at_most + 1
        before, last = last, row
    return min(last[-1], at_most + 1)


def grams(text: str) -> set[str]:
    """All threes of neighbouring characters."""
    return {text[i : i + 3] for i in range(len(text) - 2)}


def typos_allowed(word: str) -> int:
    """How many typos a word may have: none in numbers and short words, two in long ones."""
    if not word.isalpha() or len(word) < 4:
        return 0
    return 1 if len(word) < 8 else 2


def spelt_alike(a: str, b: str) -> bool:
    """Whether ``a`` may be ``b`` misspelt; never where their numbers differ."""
    letters = min(_DIGITS.sub("", a), _DIGITS.sub("", b), key=len)
    at_most = typos_allowed(letters)
    same_numbers = _DIGITS.findall(a) == _DIGITS.findall(b)
    return at_most > 0 and same_numbers and edit_distance(a, b, at_most) <= at_most
