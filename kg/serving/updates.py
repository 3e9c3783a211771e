"""Which graphs an update request may change: read off its tokens, not parsed.

The engine does not tell what an update changed. The writer keeps a merged default graph in
step and protects derived graphs, so it must know at least where to look. What is said here
may be too much, never too little: ``graphs=None`` means "look everywhere".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kg.errors import InvalidQuery
from kg.serving.tokens import CLOSING, OPENING, Names, Prologue, checked_iri, tokens


@dataclass(frozen=True)
class Update:
    """What the tokens of an update request say."""

    text: str
    graphs: frozenset[str] | None
    """Named graphs that it may change; None: any."""
    writes_default: bool
    """It may change the default graph."""
    data: str | None
    """The same text with INSERT DATA for DELETE DATA, where all its operations are of one
    of these two kinds: run on an empty store it shows the quads."""
    deletes: bool
    """They are DELETE DATA."""
    copied: tuple[str, ...]
    """Graphs that it copies or moves from, and that nothing in it can have made."""


@dataclass
class _Operation:
    """One operation of a request while its tokens go by."""

    words: list[tuple[str, int]] = field(default_factory=list)
    """Words and opening braces outside all brackets, with their offsets."""
    graphs: set[str] = field(default_factory=set)
    anywhere: bool = False
    default: bool = False
    expects_graph: bool = False
    source: str | None = None
    """The graph that it copies or moves from, where it may not do so in vain."""
    block: tuple[int, int] = (0, 0)
    """Where its last outermost braces stand."""

    @property
    def names(self) -> list[str]:
        return [word for word, _ in self.words]

    @property
    def kind(self) -> str:
        """Its first two keywords at most: ``DELETE DATA``, ``DELETE WHERE``, ``INSERT``…"""
        first = self.names[:2]
        pairs = (["INSERT", "DATA"], ["DELETE", "DATA"], ["DELETE", "WHERE"])
        return " ".join(first if first in pairs else first[:1])

    @property
    def in_template(self) -> bool:
        before = self.names[-2:-1]
        return before in (["INSERT"], ["DELETE"], ["DATA"]) or self.kind == "DELETE WHERE"

    def outside(self, kind: str, token: str, at: int, names: Names) -> None:
        """A token outside all brackets."""
        if kind == "word":
            self.words.append((token.upper(), at))
            self._keyword(token.upper())
        elif kind in ("iri", "pname"):
            iri = names.resolve(kind, token)
            if self.kind in _COPYING and not {"TO", "SILENT"} & set(self.names):
                self.source = iri
            self.graphs.add(iri)

    def _keyword(self, word: str) -> None:
        first, before = self.names[0], self.names[-2:-1]
        if word == "ALL" or (word == "NAMED" and before != ["USING"]):
            self.anywhere = True
        if word == "ALL" or (word == "DEFAULT" and (before == ["TO"] or first in _CLEARING)):
            self.default = True
        if word == "LOAD":
            self.default = True
        elif word == "INTO":
            self.default = False

    def template(self, kind: str, text: str, names: Names) -> None:
        """A token directly inside the braces of a template."""
        if self.expects_graph:
            self.expects_graph = False
            if kind in ("iri", "pname"):
                self.graphs.add(names.resolve(kind, text))
            else:
                self.anywhere = True
        elif kind == "word" and text.upper() == "GRAPH":
            self.expects_graph = True
        elif text != "." and "WITH" not in self.names:
            self.default = True


_CLEARING = ("CLEAR", "DROP", "MOVE")
_COPYING = ("ADD", "COPY", "MOVE")


def read_update(text: str, base: str = "") -> Update:
    """What ``text`` may change. Never fails: the engine judges the text."""
    operations = _operations(text, base)
    kinds = {operation.kind for operation in operations}
    anywhere = any(operation.anywhere for operation in operations)
    graphs = frozenset[str]().union(*(operation.graphs for operation in operations))
    data = None
    if kinds in ({"INSERT DATA"}, {"DELETE DATA"}):
        data = text
        for operation in operations:
            at = operation.words[0][1]
            data = data[:at] + "INSERT" + data[at + len("INSERT") :]
    return Update(
        text,
        None if anywhere else graphs,
        any(operation.default for operation in operations),
        data,
        kinds == {"DELETE DATA"},
        tuple(_copied(operations)),
    )


def _copied(operations: Iterable[_Operation]) -> Iterator[str]:
    made: set[str] = set()
    for operation in operations:
        if operation.source and operation.source not in made:
            yield operation.source
        if operation.anywhere:
            return
        made |= operation.graphs


def with_dataset(
    text: str, default: tuple[str, ...], named: tuple[str, ...], base: str = ""
) -> str:
    """``text`` with ``using-graph-uri`` and ``using-named-graph-uri`` of the protocol put in.

    :raises InvalidQuery: an operation has USING or WITH itself, which the protocol forbids.
    """
    using = "".join(f"USING <{checked_iri(iri)}> " for iri in default)
    using += "".join(f"USING NAMED <{checked_iri(iri)}> " for iri in named)
    if not using:
        return text
    for operation in reversed(_operations(text, base)):
        if {"USING", "WITH"} & set(operation.names):
            raise InvalidQuery("using-graph-uri cannot be combined with USING or WITH")
        where = next((at for word, at in operation.words if word == "WHERE"), None)
        if where is not None:
            start, end = operation.block
            repeated = text[start:end] + " " if operation.kind == "DELETE WHERE" else ""
            text = text[:where] + repeated + using + text[where:]
    return text


_LATER_PROLOGUE = re.compile(r";(?:\s|#[^\n]*)*+(?:PREFIX|BASE|VERSION)\b", re.IGNORECASE)


def with_one_prologue(text: str, base: str = "") -> str:
    """``text`` without the prologues that stand between its operations.

    SPARQL has them there, the engine does not. From the first of them on, the names that they
    give are written out.
    """
    if not _LATER_PROLOGUE.search(text):
        return text
    names = Names(base)
    prologue, pieces, end = Prologue(names), [""], 0
    depth, begins, operations = 0, True, 1
    for kind, word, at in tokens(text):
        pieces.append(text[end:at])
        end = at + len(word)
        if begins and prologue.takes((kind, word, at)):
            pieces.append(word if operations == 1 else "")
            continue
        depth += (word in OPENING) - (word in CLOSING)
        begins = word == ";" and depth == 0
        operations += begins
        pieces.append(_written_out(kind, word, names) if operations > 1 else word)
    return "".join([*pieces, text[end:]])


def _written_out(kind: str, token: str, names: Names) -> str:
    """An IRI or a name with a prefix as an absolute IRI; all else as it is."""
    known = kind == "pname" and token.partition(":")[0] in names.prefixes
    return f"<{names.resolve(kind, token)}>" if known or kind == "iri" else token


def _operations(text: str, base: str) -> list[_Operation]:
    reader = _Reader(Names(base))
    for token in tokens(text):
        reader.take(*token)
    return [operation for operation in reader.operations if operation.words]


class _Reader:
    """Deals the tokens of a request out to its operations."""

    def __init__(self, names: Names) -> None:
        self._names, self._prologue = names, Prologue(names)
        self._depth = 0
        self.operations = [_Operation()]

    def take(self, kind: str, text: str, at: int) -> None:
        operation = self.operations[-1]
        if kind == "mark" and text in CLOSING:
            self._close(at)
        elif self._depth == 0:
            self._outside(kind, text, at)
        elif self._depth == 1 and operation.in_template and text != "{":
            operation.template(kind, text, self._names)
        if kind == "mark" and text in OPENING:
            self._open(text, at)

    def _outside(self, kind: str, text: str, at: int) -> None:
        operation = self.operations[-1]
        if not operation.words and self._prologue.takes((kind, text, at)):
            return
        if text == ";":
            self.operations.append(_Operation())
        else:
            operation.outside(kind, text, at, self._names)

    def _open(self, text: str, at: int) -> None:
        if self._depth == 0:
            self.operations[-1].block = (at, at)
            self.operations[-1].words.append((text, at))
        self._depth += 1

    def _close(self, at: int) -> None:
        self._depth -= 1
        if self._depth == 0:
            operation = self.operations[-1]
            operation.block = (operation.block[0], at + 1)
