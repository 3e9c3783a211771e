"""RDF written for people: Turtle in blocks with prefixes, JSON-LD as trees with short names.

For documents of some thousand triples, which are read whole; larger ones are streamed. What comes
in is N-Triples as the engine writes it, made :func:`canonical`, and terms stay the text that they
are in it: literals of N-Triples are literals of Turtle, and with their quotes they are strings of
JSON. The same triples give the same bytes. What was written of a subject and of a record is
remembered: labels, concepts and parts come again and again.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import groupby
from typing import Any, NamedTuple, TypeVar

from kg.errors import NotAcceptable
from kg.namespaces import EXTERNAL_PREFIXES, Namespaces
from kg.resources import ontology_directory

T = TypeVar("T")

_TYPE = f"<{EXTERNAL_PREFIXES['rdf']}type>"
_STRING = f"{EXTERNAL_PREFIXES['xsd']}string"
_BEFORE_LOCAL = (":", "/", "?", "#", "[", "]", "@")
"""How a namespace must end for JSON-LD 1.1 to take its short name for a prefix."""
_NAMES = 1 << 14
"""Names of which the short form is remembered."""
_BLOCKS, _LONG = 1 << 13, 4096
"""Subjects of which what is written is remembered; characters beyond which it is not."""
_TEXTS, _LONG_TEXT = 1 << 11, 1 << 15
"""Texts of which the tree is remembered; characters beyond which it is not."""


def context_text(names: Namespaces) -> str:
    """The published JSON-LD context, under our base."""
    return names.rebase((ontology_directory() / "context.jsonld").read_text(encoding="utf-8"))


def canonical(lines: Iterable[str]) -> str:
    """Lines of N-Triples in order, each once, with an empty line after those of each subject."""
    ordered = sorted(set(lines) - {""})
    blocks = groupby(ordered, key=lambda line: line.partition(" ")[0])
    return "\n\n".join("\n".join(block) for _, block in blocks)


def _blocks(texts: Iterable[str], first: Iterable[str]) -> dict[str, str]:
    """Subject → its lines in all of the canonical ``texts``: those of ``first`` (IRIs) as they
    come there, then the others in the order of their names."""
    found: dict[str, str] = {}
    for text in texts:
        for block in text.split("\n\n") if text else ():
            subject = block[: block.index(" ")]
            known = found.setdefault(subject, block)
            if known != block:
                found[subject] = canonical([*known.split("\n"), *block.split("\n")])
    begin = {name: found[name] for name in (f"<{iri}>" for iri in first) if name in found}
    return begin | {subject: found[subject] for subject in sorted(found)}


def _statements(block: str) -> list[tuple[str, str]]:
    """Predicates and objects of the lines of one subject, classes first."""
    found = []
    for line in block.split("\n"):
        _, predicate, value = line.split(" ", 2)
        found.append((predicate, value[: -len(" .")]))
    if found[0][0] != _TYPE:
        found.sort(key=lambda said: said[0] != _TYPE)
    return found


def _remembering(write: Callable[[str], T]) -> Callable[[str], T]:
    """``write``, which makes something of the lines of one subject."""
    remembered = lru_cache(_BLOCKS)(write)
    return lambda block: remembered(block) if len(block) < _LONG else write(block)


# --- Turtle -----------------------------------------------------------------------------------

_LETTERS = (
    r"A-Za-z\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u02FF\u0370-\u037D\u037F-\u1FFF\u200C\u200D"
    r"\u2070-\u218F\u2C00-\u2FEF\u3001-\uD7FF\uF900-\uFDCF\uFDF0-\uFFFD\U00010000-\U000EFFFF"
)
_PLAIN_LOCAL = re.compile(f"(?:[{_LETTERS}_0-9:](?:[{_LETTERS}_0-9:.-]*[{_LETTERS}_0-9:-])?)?")
_LOCAL = re.compile(rf"[{_LETTERS}_0-9:~.\-!$&'()*+,;=/?#@%]*")
_TO_ESCAPE = re.compile(r"[~!$&'()*+,;=/?#@%]|^[.-]|\.$")

_BARE = {
    "boolean": re.compile("true|false"),
    "integer": re.compile("[+-]?[0-9]+"),
    "decimal": re.compile(r"[+-]?[0-9]*\.[0-9]+"),
    "double": re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][+-]?[0-9]+"),
}
"""Datatype → the literals of it that Turtle reads without quotes."""


class Turtle:
    """Writes Turtle with the prefixes of ``names``. Safe to use from several threads."""

    def __init__(self, names: Namespaces) -> None:
        self._prefixes = sorted(names.prefixes.items(), key=lambda entry: entry[1], reverse=True)
        self._head = "".join(f"@prefix {p}: <{iri}> .\n" for p, iri in names.prefixes.items())
        self._bare = {f"<{names.prefixes['xsd']}{kind}>": form for kind, form in _BARE.items()}
        self._name: Callable[[str], str] = lru_cache(_NAMES)(self._shortened)
        self._block = _remembering(self._written)

    def write(self, texts: Iterable[str], first: Iterable[str] = ()) -> bytes:
        """The triples of all ``texts``, which are canonical, with one block a subject, the
        subjects ``first`` (IRIs) before the others."""
        blocks = _blocks(texts, first)
        return "\n".join([self._head, *map(self._block, blocks.values())]).encode()

    def _written(self, block: str) -> str:
        name = self._name
        lines: list[str] = []
        before = ""
        for predicate, value in _statements(block):
            written = self._literal(value) if value[0] == '"' else name(value)
            if predicate == before:
                lines[-1] += f" , {written}"
            else:
                lines.append(f"{'a' if predicate == _TYPE else name(predicate)} {written}")
                before = predicate
        said = " ;\n    ".join(lines)
        return f"{name(block[: block.index(' ')])} {said} .\n"

    def _literal(self, literal: str) -> str:
        text, mark, datatype = literal.rpartition('"^^')
        if not mark or literal[-1] != ">":
            return literal
        bare = self._bare.get(datatype)
        if bare is not None and bare.fullmatch(text, 1):
            return text[1:]
        return f'{text}"^^{self._name(datatype)}'

    def _shortened(self, term: str) -> str:
        """An IRI with a prefix, where Turtle can write it so; other terms as they are."""
        iri = term[1:-1]
        fits = (entry for entry in self._prefixes if iri.startswith(entry[1]))
        prefix, namespace = next(fits, (None, ""))
        local = iri[len(namespace) :]
        if prefix is None or not _LOCAL.fullmatch(local):
            return term
        plain = _PLAIN_LOCAL.fullmatch(local) is not None
        return f"{prefix}:{local if plain else _TO_ESCAPE.sub(_escaped, local)}"


def _escaped(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


# --- JSON-LD ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Context:
    """A JSON-LD context as ours is: prefixes, and terms with at most a type."""

    entries: Mapping[str, Any]

    @classmethod
    def of(cls, names: Namespaces) -> Context:
        return cls(json.loads(context_text(names))["@context"])

    @cached_property
    def prefixes(self) -> list[tuple[str, str]]:
        """(namespace, prefix), the longest namespace first."""
        found = [
            (value, name)
            for name, value in self.entries.items()
            if isinstance(value, str) and "://" in value and value.endswith(_BEFORE_LOCAL)
        ]
        return sorted(found, reverse=True)

    @cached_property
    def terms(self) -> dict[str, tuple[str, str | None]]:
        """IRI → its term, and what the term makes of values: ``@id``, a datatype, or nothing."""
        short = dict(self.prefixes)
        found: dict[str, tuple[str, str | None]] = {}
        for name, value in self.entries.items():
            entry = value if isinstance(value, dict) else {"@id": value}
            target = entry.get("@id")
            if isinstance(target, str) and not target.startswith("@") and target not in short:
                found[self._expanded(target)] = name, self._type(entry.get("@type"))
        return found

    @cached_property
    def reverse(self) -> dict[str, str]:
        """A property, as in N-Triples → the key of what it is read from its object to its
        subject by."""
        return {
            f"<{self._expanded(entry['@reverse'])}>": _text(name)
            for name, entry in self.entries.items()
            if isinstance(entry, dict) and "@reverse" in entry
        }

    def frame(self, said: Iterable[tuple[str, str]], url: str) -> str:
        """One JSON-LD document, context at ``url``, of the triples of all texts in ``said``, which
        are canonical: a tree for each root, an IRI, from its text.

        What is described because a root leads to it, or it to a root, stands inside the root,
        once; what has nothing but texts (a label) stands in every place that names it. One root
        alone is the document, and what it does not lead to is included in it.

        Raises NotAcceptable for triple terms, which JSON-LD does not have.
        """
        found = [self._trees(root, text) for root, text in said]
        trees = list(dict.fromkeys(tree for of_root, _ in found for tree in of_root))
        others = list(dict.fromkeys(tree for _, beside in found for tree in beside))
        context = f'"@context": {_text(url)}'
        if len(trees) != 1:
            return f'{{{context}, "@graph": {_array(trees + others)}}}'
        included = f', "@included": {_array(others)}' if others else ""
        return f"{{{context}, {trees[0][1:-1]}{included}}}"

    def _trees(self, root: str, text: str) -> tuple[list[str], list[str]]:
        """The tree of ``root``, where anything is said of it, and what it does not lead to."""
        if len(text) >= _LONG_TEXT:
            return _Forest(self, root, text).trees()
        return self._remembered(root, text)

    @cached_property
    def _remembered(self) -> Callable[[str, str], tuple[list[str], list[str]]]:
        return lru_cache(_TEXTS)(lambda root, text: _Forest(self, root, text).trees())

    @cached_property
    def node(self) -> Callable[[str], _Node]:
        """Reads the lines of one subject."""
        return _remembering(self._node)

    @cached_property
    def key(self) -> Callable[[str], tuple[str, str | None]]:
        """Of a property, as in N-Triples: the JSON of its key, and what that makes of values."""
        return lru_cache(_NAMES)(self._key)

    @cached_property
    def name(self) -> Callable[[str], str]:
        """Of a node, as in N-Triples: the JSON of its name."""
        return lru_cache(_NAMES)(self._name)

    def _node(self, block: str) -> _Node:
        name = self.name(block[: block.index(" ")])
        statements = _statements(block)
        said = tuple(self._said(predicate, value) for predicate, value in statements)
        texts = all(value[0] == '"' for _, value in statements)
        written = _object(name, ((key, value) for key, value, _, _ in said)) if texts else None
        return _Node(name, said, tuple(member for member in said if member.value), written)

    def _said(self, predicate: str, value: str) -> _Said:
        key, kind = self.key(predicate)
        if value[0] == '"':
            return _Said(key, _literal(value, kind))
        if value.startswith("<<"):
            message = "the answer has triple terms, which JSON-LD cannot carry"
            raise NotAcceptable(message, ["text/turtle", "application/n-triples"])
        if predicate == _TYPE and value[0] == "<":
            named = self.terms.get(value[1:-1])
            return _Said('"type"', _text(named[0]) if named else self.name(value))
        name = self.name(value)
        written = name if kind == "@id" else f'{{"@id": {name}}}'
        return _Said(key, written, *(() if predicate == _TYPE else (predicate, value)))

    def _key(self, predicate: str) -> tuple[str, str | None]:
        iri = predicate[1:-1]
        term, kind = self.terms.get(iri, (self.short(iri), None))
        return _text(term), kind

    def _name(self, node: str) -> str:
        return _text(self.short(node[1:-1]) if node[0] == "<" else node)

    def short(self, iri: str) -> str:
        """``iri`` with a prefix where that is certain to be read back as the same."""
        for namespace, prefix in self.prefixes:
            local = iri.removeprefix(namespace)
            if local != iri and not local.startswith("//"):
                return f"{prefix}:{local}"
        return iri

    def _type(self, name: str | None) -> str | None:
        return name if name is None or name.startswith("@") else self._expanded(name)

    def _expanded(self, name: str) -> str:
        prefix, _, local = name.partition(":")
        namespace = self.entries.get(prefix)
        return namespace + local if isinstance(namespace, str) else name


def _literal(literal: str, kind: str | None) -> str:
    """The JSON of a literal, as in N-Triples; ``kind``: what the key makes of values."""
    end = literal.rindex('"') + 1
    text, rest = literal[:end], literal[end:]
    if rest.startswith("@"):
        language, _, direction = rest[1:].partition("--")
        more = f', "@direction": "{direction}"' if direction else ""
        return f'{{"@value": {text}, "@language": "{language}"{more}}}'
    datatype = rest[len("^^<") : -1] or _STRING
    return text if datatype == (kind or _STRING) else f'{{"@value": {text}, "@type": "{datatype}"}}'


_text = json.JSONEncoder(ensure_ascii=False).encode
"""A string as JSON."""


def _object(name: str, members: Iterable[tuple[str, str]]) -> str:
    """The JSON of a node object; ``members``: keys and values, a key for each of its values."""
    found = {'"id"': name}
    several: dict[str, list[str]] = {}
    for key, value in members:
        if key in found:
            several.setdefault(key, [found[key]]).append(value)
        else:
            found[key] = value
    found |= {key: _array(values) for key, values in several.items()}
    return "{" + ", ".join([f"{key}: {value}" for key, value in found.items()]) + "}"


def _array(values: Iterable[str]) -> str:
    return f"[{', '.join(values)}]"


class _Said(NamedTuple):
    """A statement as a member of a node object. ``predicate`` and ``value``, as in N-Triples,
    where the value is a node, which may be written as an object of its own."""

    key: str
    written: str
    predicate: str = ""
    value: str = ""


class _Node(NamedTuple):
    """What is said of a node. ``links``: those members whose values are nodes. ``text``: its
    JSON, where nothing but texts is said."""

    name: str
    said: tuple[_Said, ...]
    links: tuple[_Said, ...]
    text: str | None


_DEEPEST = 24
"""Node objects inside each other; what lies deeper stands beside the root."""

_Place = tuple[str, str, bool]
"""Where a node stands: inside a parent, by a predicate that the parent is the subject of or, if
true, the object."""
_ROOT: _Place = ("", "", False)


class _Forest:
    """Triples as trees: breadth first, so that every node stands as near to a root as it can."""

    def __init__(self, context: Context, root: str, text: str) -> None:
        blocks = _blocks([text], [root])
        self._reverse = context.reverse
        self._of = {subject: context.node(block) for subject, block in blocks.items()}
        self._to: dict[str, list[tuple[str, str]]] = {}
        for subject, node in self._of.items():
            for _, _, predicate, value in node.links:
                if predicate in self._reverse:
                    self._to.setdefault(value, []).append((subject, predicate))
        self._roots = [node for node in (f"<{root}>",) if node in self._of]
        texts = ((subject, node.text) for subject, node in self._of.items())
        self._texts = {s: text for s, text in texts if text and s not in self._roots}
        self._places: dict[str, _Place] = {}

    def trees(self) -> tuple[list[str], list[str]]:
        """The JSON of that of the root, and of what it does not lead to."""
        self._place(self._roots)
        named = {said.value for node in self._of.values() for said in node.links}
        others = []
        for subject in self._of:
            if subject not in self._places and not (subject in self._texts and subject in named):
                others.append(subject)
                self._place([subject])
        return [self._written(n) for n in self._roots], [self._written(n) for n in others]

    def _place(self, roots: Iterable[str]) -> None:
        waiting = deque((root, 0) for root in roots)
        self._places |= {root: _ROOT for root, _ in waiting}
        while waiting:
            node, depth = waiting.popleft()
            for inner, place in self._inside(node) if depth <= _DEEPEST else ():
                if inner not in self._places:
                    self._places[inner] = place
                    waiting.append((inner, depth + 1))

    def _inside(self, node: str) -> Iterator[tuple[str, _Place]]:
        """The nodes that ``node`` leads to and of which more than texts is said."""
        for _, _, predicate, value in self._of[node].links:
            if value in self._of and value not in self._texts:
                yield value, (node, predicate, False)
        for subject, predicate in self._to.get(node, ()):
            if subject not in self._texts:
                yield subject, (node, predicate, True)

    def _written(self, node: str) -> str:
        return _object(self._of[node].name, self._members(node))[:-1] + self._pointing(node) + "}"

    def _members(self, node: str) -> Iterator[tuple[str, str]]:
        """Each node that is named has its tree here, where this is its place or one of many."""
        parent, by, backwards = self._places[node]
        for key, written, predicate, value in self._of[node].said:
            if not value:
                yield key, written
            elif value in self._texts:
                yield key, self._texts[value]
            elif self._places.get(value) == (node, predicate, False):
                yield key, self._written(value)
            elif not (backwards and (predicate, value) == (by, parent)):
                yield key, written

    def _pointing(self, node: str) -> str:
        """What names this node as the object of a property that has a reverse term."""
        found: dict[str, list[str]] = {}
        for subject, predicate in self._to.get(node, ()):
            if self._places.get(subject) == (node, predicate, True):
                found.setdefault(predicate, []).append(self._written(subject))
        return "".join(f", {self._reverse[p]}: {_array(v)}" for p, v in found.items())
