"""Search over the index: whole names, words, beginnings of words, parts of names, and typos.

What a user types becomes tokens of letters and digits (:mod:`kg.catalogue.naming`); only those,
in quotes, reach the full-text engine, so that no text is ever syntax to it.

All words must be found, the last one may be a beginning. Only where nothing is found this way
are parts of names tried, and then spelling mistakes, in words but never in numbers: a chip's
number with one wrong digit is another chip.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from kg.catalogue import naming
from kg.catalogue.index import LABEL, TEXT
from kg.catalogue.view import Kind
from kg.errors import InvalidInput
from kg.names import nearest

CANDIDATES = 1000
"""Names looked at; beyond, the counts of an answer are truncated."""

MAX_TEXT = 500
_MAX_TOKENS = 30
_CORRECTIONS = 5
_MAX_CORRECTED = 10
_NEAREST = 100
_SHORTEST_ALIKE = 8

Rows = Callable[[str, Sequence[object]], list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Hit:
    """A record found. ``matched``: which name of it, ``sort`` what sort of name that is,
    ``how``: exact, prefix, words, part or typo. ``score`` runs from 0 to 100."""

    record: int
    collection: str
    slug: str
    iri: str
    label: str
    kind: str
    score: float
    matched: str
    sort: str
    how: str


@dataclass(frozen=True)
class Found:
    """A page of hits; ``facets``: kind → how many hits there are of it, whatever was asked for."""

    hits: list[Hit]
    next_cursor: str | None
    count: int
    count_truncated: bool
    facets: dict[str, int]


class Row(NamedTuple):
    """A name and the record that it is a name of."""

    name: int
    record: int
    sort: str
    text: str
    key: str
    size: int
    collection: str
    slug: str
    iri: str
    label: str
    kind: str


_COLUMNS = (
    "n.id, n.record, n.sort, n.text, n.key, n.size, r.collection, r.slug, r.iri, r.label, r.kind"
)
_OF_KIND = (
    " AND EXISTS (SELECT 1 FROM record_kind k WHERE k.record = n.record"
    " AND k.kind IN (SELECT value FROM json_each(?)))"
)


@dataclass(frozen=True)
class Asked:
    """A text as it is searched for. ``chunks``: its words, each as its tokens."""

    chunks: list[list[str]]
    tokens: list[str]
    key: str

    @classmethod
    def read(cls, text: str) -> Asked:
        chunks = naming.chunks(text)[:_MAX_TOKENS]
        found = [token for chunk in chunks for token in chunk]
        return cls(chunks, found, "".join(found))


Condition = tuple[str, Sequence[object]]
"""A condition in SQL over ``record r``, and the values of its marks."""


class Search:
    """Search over one catalogue; ``rows`` runs a statement on it.

    ``standing``: which records count; if not given, those that are not closed.
    """

    def __init__(self, rows: Rows, standing: Condition = ("r.open", ())) -> None:
        self._rows, self._standing = rows, standing

    @cached_property
    def thing_kinds(self) -> dict[str, Kind]:
        """Those of :attr:`kinds` that some thing has."""
        sql = (
            "SELECT DISTINCT k.kind FROM record_kind k JOIN record r ON r.id = k.record"
            " WHERE r.thing AND r.open ORDER BY k.kind"
        )
        return {kind: self.kinds[kind] for (kind,) in self._rows(sql, ()) if kind in self.kinds}

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """Every class that records have, and their superclasses."""
        rows = self._rows("SELECT id, label, description, broader FROM kind ORDER BY id", ())
        return {i: Kind(i, label, text, tuple(json.loads(b))) for i, label, text, b in rows}

    def find(
        self, text: str, kinds: Sequence[str] = (), limit: int = 50, cursor: str | None = None
    ) -> Found:
        """The records that ``text`` names or speaks of, best first.

        ``kinds``: only records of these classes or of a class below them. Raises InvalidInput
        for an unknown class, a text beyond ``MAX_TEXT`` characters, or a bad cursor.
        """
        self.check_kinds(kinds)
        if len(text) > MAX_TEXT:
            raise InvalidInput(f"a search text has at most {MAX_TEXT} characters")
        asked = Asked.read(text)
        everything, truncated = self._ranked(asked, ())
        ranked = self._ranked(asked, kinds)[0] if kinds else everything
        rest = _after(ranked, cursor, asked)
        more = len(rest) > limit
        facets = Counter(found.row.kind for found in everything)
        return Found(
            [found.hit() for found in rest[:limit]],
            _encode_cursor(rest[limit - 1], asked) if more else None,
            len(ranked),
            truncated,
            dict(facets.most_common()),
        )

    def check_kinds(self, kinds: Iterable[str]) -> None:
        """Raises InvalidInput where one of ``kinds`` is no class that any record has."""
        for kind in kinds:
            if kind not in self.kinds:
                near = ", ".join(nearest(kind, self.kinds) or self.kinds)
                raise InvalidInput(f"no type {kind!r}; there is: {near}")

    def things(self, text: str, kinds: Sequence[str] = ()) -> list[Hit]:
        """All things that ``text`` names, or begins to name, best first."""
        self.check_kinds(kinds)
        ranked, _ = self._ranked(Asked.read(text[:MAX_TEXT]), kinds, True)
        return [found.hit() for found in ranked]

    def _ranked(
        self, asked: Asked, kinds: Sequence[str], things: bool = False
    ) -> tuple[list[_Ranked], bool]:
        """Every record found, once, by the best of its names."""
        rows, way = self._candidates(asked, kinds, things) if asked.chunks else ([], "words")
        best: dict[int, _Ranked] = {}
        for row in rows:
            found = _rank(asked, row, way)
            known = best.get(row.record)
            if known is None or found.order < known.order:
                best[row.record] = found
        return sorted(best.values(), key=lambda found: found.order), len(rows) >= CANDIDATES

    def _candidates(
        self, asked: Asked, kinds: Sequence[str], things: bool
    ) -> tuple[list[Row], str]:
        """Names that are the text or hold all its words; else parts of names; else typos."""
        rows = self.exactly("key", [asked.key], kinds, things)
        rows += self.matching(_all_words(asked.chunks), kinds, things)
        if rows:
            return rows, "words"
        if rows := self._parts(asked.key, kinds, things):
            return rows, "part"
        return self._misspelt(asked, kinds, things), "typo"

    def exactly(
        self,
        column: str,
        keys: Sequence[str],
        kinds: Sequence[str] = (),
        things: bool = False,
    ) -> list[Row]:
        """Names whose ``key`` or ``core`` is one of ``keys``; ``things``: of things only."""
        condition = {
            "key": "n.key IN (SELECT value FROM json_each(?))",
            "core": "n.core IN (SELECT value FROM json_each(?))",
        }[column]
        asked_for = json.dumps([key for key in keys if key])
        only = self._only(kinds, things)
        return self._where("FROM name n" + _JOINED, condition, asked_for, only, CANDIDATES)

    def matching(
        self,
        expression: str,
        kinds: Sequence[str] = (),
        things: bool = False,
        limit: int = CANDIDATES,
    ) -> list[Row]:
        """The first names whose tokens match a full-text expression made of quoted tokens."""
        only = self._only(kinds, things)
        return self._where(_TOKENS, "f.name_tokens MATCH ?", expression, only, limit)

    def alike(self, key: str, kinds: Sequence[str] = (), things: bool = False) -> list[Row]:
        """Names spelt like ``key``, word boundaries or not; their numbers are the same."""
        if len(key) < _SHORTEST_ALIKE:
            return []
        only, values = self._only(kinds, things)
        by_rank = (only + " ORDER BY f.rank", values)
        grams = _any(self._rarest(naming.grams(key)))
        rows = self._where(_GRAMS, "f.name_grams MATCH ?", grams, by_rank, _NEAREST)
        return [row for row in rows if naming.spelt_alike(key, row.key)]

    def _rarest(self, grams: Iterable[str]) -> list[str]:
        """So many of ``grams``, the rarest, that a name two typos away still has one of them.

        A typo changes at most four of a text's trigrams (a swap of two neighbours).
        """
        asked = sorted(grams)
        sql = "SELECT term, uses FROM gram WHERE term IN (SELECT value FROM json_each(?))"
        uses: dict[str, int] = dict(self._rows(sql, (json.dumps(asked),)))
        return sorted(asked, key=lambda gram: uses.get(gram, 0))[: 4 * 2 + 1]

    def labels(self, kinds: Sequence[str] = (), things: bool = False) -> list[Row]:
        """The first records of some kinds, by their labels."""
        source = "FROM name n" + _JOINED
        return self._where(source, "n.sort = ?", LABEL, self._only(kinds, things), CANDIDATES)

    def known_words(self, words: Sequence[str]) -> set[str]:
        """Those of ``words`` that stand in some name or text."""
        sql = "SELECT term FROM word WHERE term IN (SELECT value FROM json_each(?))"
        return {term for (term,) in self._rows(sql, (json.dumps(list(words)),))}

    def lineage(self, kind: str) -> tuple[str, ...]:
        """``kind`` and the kinds above it."""
        found = [kind]
        for one in found:
            broader = self.kinds[one].broader if one in self.kinds else ()
            found += [above for above in broader if above not in found]
        return tuple(found)

    def _only(self, kinds: Sequence[str], things: bool = False) -> Condition:
        """A further condition: records that stand, of these kinds; names of things."""
        condition, values = f" AND {self._standing[0]}", [*self._standing[1]]
        if kinds:
            condition += _OF_KIND
            values.append(json.dumps(list(kinds)))
        if things:
            condition += " AND r.thing AND n.sort != 'text'"
        return condition, values

    def _parts(self, key: str, kinds: Sequence[str], things: bool) -> list[Row]:
        if len(key) < 3:
            return []
        return self._where(
            _GRAMS, "f.name_grams MATCH ?", quoted(key), self._only(kinds, things), CANDIDATES
        )

    def _misspelt(self, asked: Asked, kinds: Sequence[str], things: bool) -> list[Row]:
        if len(asked.tokens) > _MAX_CORRECTED:
            return []
        variants = [[token, *self.corrections(token)] for token in asked.tokens]
        if all(len(variant) == 1 for variant in variants):
            return self.alike(asked.key, kinds, things)
        alternatives = (" OR ".join(map(quoted, variant)) for variant in variants)
        return self.matching(" AND ".join(f"({words})" for words in alternatives), kinds, things)

    def corrections(self, word: str) -> list[str]:
        """Words of the index that ``word`` may be a misspelling of, the likeliest first."""
        at_most = naming.typos_allowed(word)
        if not at_most:
            return []
        rows = self._rows(
            "SELECT w.term FROM word_grams g CROSS JOIN word w ON w.id = g.rowid"
            " WHERE g.word_grams MATCH ? ORDER BY g.rank LIMIT ?",
            (_any(naming.grams(f"^{word}$")), _NEAREST),
        )
        near = [(naming.edit_distance(word, term, at_most), term) for (term,) in rows]
        return [term for far, term in sorted(near) if 0 < far <= at_most][:_CORRECTIONS]

    def _where(
        self, source: str, condition: str, value: str, only: Condition, limit: int
    ) -> list[Row]:
        sql = f"SELECT {_COLUMNS} {source} WHERE {condition}{only[0]} LIMIT ?"
        return [Row(*row) for row in self._rows(sql, (value, *only[1], limit))]


_JOINED = " JOIN record r ON r.id = n.record"
_TOKENS = "FROM name_tokens f CROSS JOIN name n ON n.id = f.rowid" + _JOINED
_GRAMS = "FROM name_grams f CROSS JOIN name n ON n.id = f.rowid" + _JOINED


def _any(texts: Iterable[str]) -> str:
    return " OR ".join(map(quoted, sorted(texts)))


def quoted(token: str) -> str:
    """``token`` (letters, digits and our own padding) as a string of the full-text engine."""
    return '"' + token.replace('"', '""') + '"'


def _all_words(chunks: Sequence[Sequence[str]]) -> str:
    """Every word, its tokens side by side; the last token may be the beginning of one."""
    return " AND ".join(quoted(" ".join(chunk)) for chunk in chunks) + "*"


_WHOLE, _EXACT, _WORD_PREFIX, _PREFIX, _WORDS, _PART, _TYPO, _IN_TEXT = (
    100.0, 98.0, 85.0, 70.0, 50.0, 40.0, 30.0, 20.0,
)  # fmt: skip
"""Where the scores of each way of matching begin; up to 10 more for covering more of the name."""


class _Ranked(NamedTuple):
    row: Row
    how: str
    score: float

    @property
    def order(self) -> tuple[float, int]:
        return -self.score, self.row.name

    def hit(self) -> Hit:
        row, score = self.row, round(self.score, 2)
        record = (row.record, row.collection, row.slug, row.iri, row.label, row.kind)
        return Hit(*record, score, row.text, row.sort, self.how)


def _rank(asked: Asked, row: Row, way: str) -> _Ranked:
    how, base = _how(asked, row, way)
    more = 0.0 if how == "exact" else 10 * min(1.0, len(asked.tokens) / max(row.size, 1))
    return _Ranked(row, how, base + more)


def _how(asked: Asked, row: Row, way: str) -> tuple[str, float]:
    if row.sort == TEXT:
        return way, _IN_TEXT - (10 if way == "typo" else 0)
    if way != "words":
        return way, _PART if way == "part" else _TYPO
    if row.key == asked.key:
        return "exact", _WHOLE if row.sort == LABEL else _EXACT
    if row.key.startswith(asked.key):
        whole_words = naming.tokens(row.text)[: len(asked.tokens)] == asked.tokens
        return "prefix", _WORD_PREFIX if whole_words else _PREFIX
    return "words", _WORDS


def _after(ranked: list[_Ranked], cursor: str | None, asked: Asked) -> list[_Ranked]:
    if cursor is None:
        return ranked
    wanted = _decode_cursor(cursor, asked)
    for place, found in enumerate(ranked, 1):
        if found.row.name == wanted:
            return ranked[place:]
    raise InvalidInput("the cursor belongs to another search or other data; begin without one")


def _encode_cursor(last: _Ranked, asked: Asked) -> str:
    content = json.dumps([asked.key, last.row.name], separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def _decode_cursor(cursor: str, asked: Asked) -> int:
    try:
        content = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        made_for, name = json.loads(content)
    except (binascii.Error, ValueError, TypeError) as error:
        message = "the cursor is not one that this service gave; begin without one"
        raise InvalidInput(message) from error
    if made_for != asked.key or not isinstance(name, int):
        raise InvalidInput("the cursor belongs to another search; begin without one")
    return name
