"""Reconciliation: which thing does a messy name mean, how surely, and why.

A candidate's score says how much of the name and of the candidate's own name agree, token by
token; numbers weigh most, since they tell chips apart, and what says nothing of the thing (legal
forms, ``GPU``, memory sizes, the maker before a product) weighs least. A match is certain only
where nothing but such noise is left over on either side, nothing is misspelt, and no other
candidate fits as well.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from kg.catalogue import naming
from kg.catalogue.index import LISTED
from kg.catalogue.properties import Value, properties
from kg.catalogue.search import MAX_TEXT, Row, Search, quoted
from kg.catalogue.store import Catalogue
from kg.catalogue.view import Json
from kg.errors import InvalidInput
from kg.names import nearest

_LOOKED_AT = 30
_MAX_TOKENS = 16
_WORTH_SHOWING = 20
_UNSURE = 0.9
"""What a score is multiplied by for each wish that the candidate is not known to fulfil."""


@dataclass(frozen=True)
class Wish:
    """A property that the thing should have: one of ``values`` (texts, numbers, ids)."""

    property: str
    values: tuple[str | float | bool, ...]


@dataclass(frozen=True)
class Question:
    """``strict``: any (of the kinds, the default), all of them, or should (preferred only)."""

    text: str = ""
    kinds: tuple[str, ...] = ()
    strict: str = "any"
    wishes: tuple[Wish, ...] = ()
    limit: int = 5


@dataclass(frozen=True)
class Candidate:
    """A thing that may be meant. ``features``: why the score (0 to 100) is what it is."""

    id: str
    iri: str
    label: str
    kinds: tuple[str, ...]
    matched: str
    score: float
    match: bool
    features: Mapping[str, float | bool]


@dataclass(frozen=True)
class _Compared:
    """A name beside what was asked for. ``sizes``: memory sizes asked for and not in the name."""

    row: Row
    overlap: float
    same_key: bool
    same_core: bool
    """Nothing but noise parts the two, and the name states no memory size that was not asked."""
    typos: int
    left_over: int
    missing: int
    sizes: frozenset[int]
    certain: bool

    @property
    def order(self) -> tuple[bool, bool, float, int]:
        return not self.same_key, not self.certain, -self.overlap, self.row.name


@dataclass
class _Judged:
    """A candidate. ``unsure``: how many wishes it is not known to fulfil."""

    compared: _Compared
    document: Json
    kinds: tuple[str, ...]
    features: dict[str, float | bool]
    unsure: int = 0

    @property
    def score(self) -> float:
        return float(round(100 * self.compared.overlap * _UNSURE**self.unsure, 1))

    @property
    def certain(self) -> bool:
        sizes = set(properties(self.document).get("memory_capacity", []))
        return self.compared.certain and not self.unsure and self.compared.sizes <= sizes


class Reconciler:
    """Answers questions over one catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._search: Search = catalogue.search

    def candidates(self, question: Question) -> list[Candidate]:
        """The things that may be meant, best first.

        Raises InvalidInput for an unknown kind or property.
        """
        self._search.check_kinds(question.kinds)
        self._check_properties(question.wishes)
        rows = self._named(question) if question.text.strip() else self._with_properties(question)
        judged = [found for row in rows if (found := self._judge(question, row)) is not None]
        judged.sort(key=lambda one: (-one.score, one.compared.order))
        certain = _certain(judged)
        shown = [one for one in judged if one.score >= _WORTH_SHOWING]
        return [_candidate(one, one is certain) for one in shown[: question.limit]]

    # --- what may be asked for ------------------------------------------------------------------

    @cached_property
    def properties(self) -> dict[str, str]:
        """Property → label, of all things."""
        rows = self._catalogue.rows("SELECT DISTINCT id, label FROM property ORDER BY id", ())
        return dict(rows)

    def properties_of(self, kind: str) -> dict[str, str]:
        """The same of the things of one kind, most used first. Raises InvalidInput."""
        self._search.check_kinds([kind])
        sql = "SELECT id, label FROM property WHERE kind = ? ORDER BY uses DESC, id"
        return dict(self._catalogue.rows(sql, (kind,)))

    def document(self, identifier: str) -> Json | None:
        """The document of the thing with this id (slug), None where there is none."""
        sql = (
            "SELECT r.collection, r.slug FROM record r WHERE r.thing AND r.open AND r.slug IN"
            " (?1, (SELECT a.slug FROM alias a WHERE a.alias = ?1)) ORDER BY r.slug != ?1"
        )
        found = self._catalogue.rows(sql, (identifier,))
        return self._catalogue.find(*found[0]) if found else None

    def _check_properties(self, wishes: Iterable[Wish]) -> None:
        for wish in wishes:
            if wish.property not in self.properties:
                near = ", ".join(nearest(wish.property, self.properties))
                raise InvalidInput(f"no property {wish.property!r}; nearest: {near or 'none'}")

    # --- names that may be meant ------------------------------------------------------------------

    def _named(self, question: Question) -> list[_Compared]:
        """The best name of each thing that may be meant."""
        asked = naming.tokens(question.text[:MAX_TEXT])[:_MAX_TOKENS]
        if not asked:
            return []
        kinds = question.kinds if question.strict != "should" else ()
        compared = self._compared(asked, self._same(asked, kinds))
        if not any(one.same_key or one.same_core for one in compared):
            compared = self._compared(asked, self._alike(asked, kinds))
        return compared

    def _compared(self, asked: Sequence[str], rows: Sequence[Row]) -> list[_Compared]:
        makers = self._makers({row.record for row in rows})
        best: dict[int, _Compared] = {}
        for row in dict.fromkeys(rows):
            found = _compare(asked, row, makers[row.record])
            known = best.get(row.record)
            if known is None or found.order < known.order:
                best[row.record] = found
        return list(best.values())

    def _same(self, asked: Sequence[str], kinds: Sequence[str]) -> list[Row]:
        """Names that stand in the text, and names that have all its words."""
        words = [token.text for token in naming.classified(asked) if not token.noise] or asked
        runs = [*_runs(asked), *_runs(words)]
        rows = self._search.exactly("key", runs, kinds, True)
        rows += self._search.exactly("core", runs, kinds, True)
        every = " AND ".join(map(quoted, words))
        return rows + self._search.matching(every, kinds, True, _LOOKED_AT)

    def _alike(self, asked: Sequence[str], kinds: Sequence[str]) -> list[Row]:
        """Names that have some of the words, or words like them."""
        corrected = self._corrected(asked)
        rows = self._same(corrected, kinds) if corrected != list(asked) else []
        parts = {f"{a} {b}" for words in (asked, corrected) for a, b in pairwise(words)}
        parts |= {word for word in {*asked, *corrected} if len(word) > 1}
        for part in sorted(parts):
            rows += self._search.matching(quoted(part), kinds, True, _LOOKED_AT)
        return rows or self._search.alike("".join(asked), kinds, True)

    def _corrected(self, asked: Sequence[str]) -> list[str]:
        known = self._search.known_words(asked)
        return [
            word if word in known else next(iter(self._search.corrections(word)), word)
            for word in asked
        ]

    def _makers(self, records: Iterable[int]) -> dict[int, list[list[str]]]:
        """Record → the names of its maker, as tokens."""
        sql = "SELECT id, makers FROM record WHERE id IN (SELECT value FROM json_each(?))"
        rows = self._catalogue.rows(sql, (json.dumps(sorted(records)),))
        return {record: [naming.tokens(n) for n in json.loads(names)] for record, names in rows}

    def _with_properties(self, question: Question) -> list[_Compared]:
        """Things that are asked for by their properties alone."""
        if not question.wishes:
            return []
        rows = self._search.labels(question.kinds, True)
        return [_Compared(row, 1.0, False, False, 0, 0, 0, frozenset(), False) for row in rows]

    # --- what they are ----------------------------------------------------------------------------

    def _judge(self, question: Question, compared: _Compared) -> _Judged | None:
        """The candidate with its score, None where it is not what was asked for."""
        document = self._catalogue.item(compared.row.collection, compared.row.slug)
        kinds = self._search.lineage(compared.row.kind)
        judged = _Judged(compared, document, kinds, _name_features(compared))
        fits = self._has_kinds(question, judged) and self._has_properties(question, judged)
        return judged if fits else None

    @staticmethod
    def _has_kinds(question: Question, judged: _Judged) -> bool:
        if not question.kinds:
            return True
        having = [kind in judged.kinds for kind in question.kinds]
        fits = all(having) if question.strict == "all" else any(having)
        judged.features["type"] = fits
        judged.unsure += not fits
        return fits or question.strict == "should"

    def _has_properties(self, question: Question, judged: _Judged) -> bool:
        """False where the candidate is known to be otherwise; not known is not otherwise."""
        values = properties(judged.document) if question.wishes else {}
        for wish in question.wishes:
            known = values.get(wish.property, [])
            fits = any(self._agree(asked, value) for asked in wish.values for value in known)
            if not fits and (known or not question.text.strip()):
                return False
            judged.features[f"property:{wish.property}"] = fits
            judged.unsure += not fits
        return True

    def _agree(self, asked: str | float | bool, value: Value) -> bool:
        if isinstance(value, dict):
            if naming.key(str(asked)) in map(naming.key, (value["id"], value["label"])):
                return True
            named = self._search.exactly("key", [naming.key(str(asked))])
            return value["iri"] in {str(asked), *(row.iri for row in named)}
        if isinstance(value, bool) or isinstance(asked, bool):
            return str(asked).lower() == str(value).lower()
        if isinstance(value, int | float):
            return _near(asked, value)
        return naming.key(str(asked)) == naming.key(value)


def _near(asked: str | float, value: float) -> bool:
    try:
        return math.isclose(float(asked), value, rel_tol=1e-3)
    except ValueError:
        return False


def _runs(words: Sequence[str]) -> list[str]:
    """The keys of all runs of neighbouring words."""
    count = len(words)
    return ["".join(words[i:j]) for i in range(count) for j in range(i + 1, count + 1)]


# --- two names side by side -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Word:
    """A token and how much it weighs; ``plain``: neither noise nor the maker's name."""

    text: str
    weight: float
    plain: bool


def _compare(asked: Sequence[str], row: Row, makers: Sequence[Sequence[str]]) -> _Compared:
    named = naming.tokens(row.text)
    noise = _NOISE_IN.get(row.collection, ())
    ours, theirs = _weighed(asked, makers, noise), _weighed(named, makers, noise)
    common, typos, left_over, missing = _agreement(ours, theirs)
    total = sum(word.weight for word in (*ours, *theirs))
    sizes, known_sizes = naming.memory_sizes(asked), naming.memory_sizes(named)
    same_key = "".join(asked) == row.key
    same_core = known_sizes <= sizes and _core(ours) == _core(theirs) != ""
    run_together = not common and naming.spelt_alike(_core(ours), _core(theirs))
    least = _SAME_CORE + 0.01 * bool(sizes & known_sizes) if same_core else 0.0
    overlap = max(2 * common / total, least, _TYPO * run_together)
    return _Compared(
        row,
        1.0 if same_key else min(overlap, 0.99),
        same_key,
        same_core,
        typos or int(run_together),
        0 if run_together else left_over,
        0 if run_together else missing,
        frozenset() if same_key else frozenset(sizes - known_sizes),
        _tells_enough(asked, row) and (same_key or same_core),
    )


def _tells_enough(asked: Sequence[str], row: Row) -> bool:
    """Whether one name alone can make a match certain: not a subsidiary's, not two letters."""
    substance = "".join(token.text for token in naming.classified(asked) if not token.noise)
    return row.sort != LISTED and len(substance.encode()) > 2  # a Han character has three bytes


def _weighed(
    found: Sequence[str], makers: Sequence[Sequence[str]], noise: Sequence[naming.Noise]
) -> list[_Word]:
    of_maker = _positions(found, makers)
    words = []
    for position, token in enumerate(naming.classified(found)):
        if position in of_maker:
            words.append(_Word(token.text, _MAKER, False))
        elif token.noise in noise:
            words.append(_Word(token.text, _NOISE, False))
        else:
            words.append(_Word(token.text, _weight(token.text), True))
    return words


_NOISE_IN = {
    "chips": (naming.Noise.PRODUCT, naming.Noise.FORM),
    "firms": (naming.Noise.FORM,),
}
"""What is noise in the names of a collection: ``Nvidia AI chips`` is not the firm."""

_NOISE, _MAKER, _CHARACTER, _WORD, _NUMBER = 0.2, 0.4, 1.0, 2.0, 3.0
_TYPO, _SAME_CORE = 0.85, 0.97


def _weight(text: str) -> float:
    if text[0].isdecimal():
        return _NUMBER
    return _WORD if len(text) > 1 else _CHARACTER


def _positions(found: Sequence[str], makers: Sequence[Sequence[str]]) -> set[int]:
    """Where names of the maker stand, unless that is everywhere."""
    held: set[int] = set()
    for name in sorted(makers, key=len, reverse=True):
        for start in range(len(found) - len(name) + 1):
            if name and list(found[start : start + len(name)]) == list(name):
                held.update(range(start, start + len(name)))
    return held if len(held) < len(found) else set()


def _core(words: Iterable[_Word]) -> str:
    return "".join(word.text for word in words if word.plain)


def _agreement(ours: Sequence[_Word], theirs: Sequence[_Word]) -> tuple[float, int, int, int]:
    """Weight in common, words misspelt, and plain words left over of ours and of theirs."""
    waiting = list(theirs)
    common, typos, alone = 0.0, 0, []
    for word in ours:
        if (same := next((w for w in waiting if w.text == word.text), None)) is not None:
            waiting.remove(same)
            common += min(word.weight, same.weight)
        else:
            alone.append(word)
    left_over = 0
    for word in alone:
        near = next((w for w in waiting if naming.spelt_alike(word.text, w.text)), None)
        if near is not None:
            waiting.remove(near)
            common += _TYPO * min(word.weight, near.weight)
            typos += 1
        else:
            left_over += word.plain
    return common, typos, left_over, sum(word.plain for word in waiting)


# --- the verdict ----------------------------------------------------------------------------------


def _certain(judged: Sequence[_Judged]) -> _Judged | None:
    """The one that is surely meant: the only one of that name, or of that name but for noise."""
    exact = [one for one in judged if one.compared.same_key]
    alike = exact or [one for one in judged if one.compared.same_core]
    return alike[0] if len(alike) == 1 and alike[0].certain else None


def _name_features(compared: _Compared) -> dict[str, float | bool]:
    return {
        "name_overlap": round(100 * compared.overlap, 1),
        "name_equal": compared.same_key,
        "name_equal_but_for_noise": compared.same_core,
        "words_misspelt": compared.typos,
        "words_left_over": compared.left_over,
        "words_missing": compared.missing,
    }


def _candidate(judged: _Judged, match: bool) -> Candidate:
    row = judged.compared.row
    kinds, features = judged.kinds, judged.features
    return Candidate(row.slug, row.iri, row.label, kinds, row.text, judged.score, match, features)
