"""Names as they are compared: folded, cut into tokens, and told apart from noise.

A token is a run of letters, a number or one Han character, so that ``H20``, ``h-20`` and ``H 20``
are the same two tokens, and any part of a Chinese name is a run of its tokens.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

_HAN = "\u3400-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"\d+(?:\.\d+)?|[{_HAN}]|[^\W\d_{_HAN}]+")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_PARENTHESIS = re.compile(r"\s*[(（][^()（）]*[)）]")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LEGAL_FORMS = _words(
    "inc incorporated corp corporation co company ltd limited llc llp plc gmbh ag nv bv kk"
)
_PRODUCT_WORDS = _words(
    "gpu gpus accelerator accelerators card cards chip chips graphics ai geforce radeon instinct"
)
_HAN_LEGAL_FORMS = tuple(
    tuple(form) for form in ("股份有限公司", "有限责任公司", "有限公司", "公司")
)
_HAN_PRODUCT_WORDS = tuple(tuple(word) for word in ("加速卡", "计算卡", "显卡", "芯片"))
_MEMORY_UNITS = ("gb", "gib", "g")
_UNITS = [[unit] for unit in _MEMORY_UNITS]
_MEMORY_KINDS = ("hbm", "gddr")


class Token(NamedTuple):
    """``noise``: says nothing of which thing is meant: a legal form, ``GPU``, a memory size."""

    text: str
    noise: bool


def fold(text: str) -> str:
    """``text`` without case, accents, variants of width and commas within numbers."""
    decomposed = unicodedata.normalize("NFKD", text)
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
    noise = [text in _LEGAL_FORMS or text in _PRODUCT_WORDS for text in found]
    for start in range(len(found)):
        for position in range(start, start + _noise_length(found, start)):
            noise[position] = True
    return [Token(*pair) for pair in zip(found, noise, strict=True)]


def _noise_length(found: Sequence[str], start: int) -> int:
    """How many tokens from ``start`` on are a memory size, a memory kind or a Chinese form."""
    if found[start].isdecimal() and found[start + 1 : start + 2] in _UNITS:
        return 2
    if found[start] in _MEMORY_KINDS:
        following = found[start + 1 : start + 3]
        return 1 + sum(1 for text in following if text.isdecimal() or text in ("e", "x"))
    for form in (*_HAN_LEGAL_FORMS, *_HAN_PRODUCT_WORDS):
        if tuple(found[start : start + len(form)]) == form:
            return len(form)
    return 0


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


def typos_allowed(word: str) -> int:
    """How many typos a word may have: none in numbers and short words, two in long ones."""
    if not word.isalpha() or len(word) < 4:
        return 0
    return 1 if len(word) < 8 else 2
