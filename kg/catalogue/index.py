"""The search index: every name and text that a record goes by, in the catalogue's own file.

It is written with the documents, into the same file, so it is never out of step with them.
Rows of ``name`` are numbered in the order in which they should be looked at (things before
statements, names before texts, short ones before long ones): the first N matches by row number
are the best N, which full-text search gives without sorting.

A record is a *thing* where its IRI is under ``id/``: a chip, a firm, a place, not a statement.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kg.catalogue import naming
from kg.catalogue.entry import Entry
from kg.catalogue.properties import metric_name, properties
from kg.catalogue.view import Json

SCHEMA = """
CREATE TABLE kind (
    id TEXT PRIMARY KEY, label TEXT NOT NULL, description TEXT NOT NULL, broader TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE record (
    id INTEGER PRIMARY KEY, collection TEXT NOT NULL, slug TEXT NOT NULL, iri TEXT NOT NULL,
    label TEXT NOT NULL, kind TEXT NOT NULL, thing INTEGER NOT NULL, makers TEXT NOT NULL,
    open INTEGER NOT NULL
);
CREATE UNIQUE INDEX record_by_iri ON record (iri, collection);
CREATE INDEX record_by_slug ON record (slug);
CREATE TABLE record_kind (
    kind TEXT NOT NULL, record INTEGER NOT NULL, PRIMARY KEY (kind, record)
) WITHOUT ROWID;
CREATE TABLE property (
    kind TEXT NOT NULL, id TEXT NOT NULL, label TEXT NOT NULL, uses INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE TABLE name (
    id INTEGER PRIMARY KEY, record INTEGER NOT NULL, sort TEXT NOT NULL, text TEXT NOT NULL,
    key TEXT NOT NULL, core TEXT NOT NULL, size INTEGER NOT NULL
);
CREATE INDEX name_by_key ON name (key);
CREATE INDEX name_by_core ON name (core);
CREATE VIRTUAL TABLE name_tokens USING fts5(
    tokens, content = '', tokenize = "unicode61 remove_diacritics 0 tokenchars '.'",
    prefix = '1 2 3'
);
CREATE VIRTUAL TABLE name_grams USING fts5(key, content = '', tokenize = 'trigram');
CREATE TABLE gram (term TEXT PRIMARY KEY, uses INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE word (id INTEGER PRIMARY KEY, term TEXT NOT NULL UNIQUE);
CREATE VIRTUAL TABLE word_grams USING fts5(term, content = '', tokenize = 'trigram');
"""

NAMED = ("chips", "firms", "policies", "entities", "concepts", "sources")
"""Collections whose labels are names, best first; the labels of the others are sentences."""

NOT_SEARCHED = ("timeline",)
"""Collections that only repeat what other records say."""

LABEL, SHORT, ALIAS, LEGAL = "label", "short", "alias", "legal name"
SLUG, CODE, LISTED, TEXT = "slug", "code", "listed name", "text"


_Order = tuple[bool, bool, int, int, str]


@dataclass(frozen=True)
class Name:
    """``sort``: what sort of name it is, one of the constants above."""

    sort: str
    text: str


def write_index(connection: sqlite3.Connection, entries: Iterable[Entry]) -> None:
    """Index ``entries``; closed records too, which are found only for a time before their end."""
    listed = [entry for entry in entries if entry.collection not in NOT_SEARCHED]
    listed.sort(key=lambda entry: (_closed(entry), _rank(entry), entry.slug))
    maker_names = _maker_names(listed)
    names: list[tuple[_Order, tuple[object, ...]]] = []
    for number, entry in enumerate(listed, 1):
        makers = maker_names.get(str(entry.document.get("maker", {}).get("id")), [])
        _insert_record(connection, number, entry, makers)
        names += [_name_row(number, entry, name) for name in names_of(entry, makers)]
    names.sort(key=lambda pair: pair[0])
    _insert_names(connection, [row for _, row in names])
    things = (entry for entry in listed if _is_thing(entry) and not _closed(entry))
    _insert_properties(connection, things)


def names_of(entry: Entry, makers: Sequence[str] = ()) -> Iterator[Name]:
    """The names of a record, each spelling once, the best first."""
    seen: set[str] = set()
    for name in _all_names(entry, makers):
        spelling = naming.key(name.text)
        if spelling and spelling not in seen:
            seen.add(spelling)
            yield name


def _all_names(entry: Entry, makers: Sequence[str]) -> Iterator[Name]:
    document = entry.document
    if entry.collection not in NAMED:
        yield Name(SLUG, entry.slug)
        yield Name(TEXT, document["label"])
        return
    yield Name(LABEL, document["label"])
    yield from (Name(ALIAS, text) for text in document.get("names", []))
    yield from (Name(LEGAL, text) for text in [document.get("legal_name")] if text)
    yield from (Name(SLUG, text) for text in (entry.slug, *document.get("aliases", [])))
    for text in (document["label"], *document.get("names", [])):
        yield from (Name(SHORT, short) for short in _shortened(text, makers))
    yield from (Name(CODE, text) for text in _codes(document))
    yield from (Name(LISTED, row["name"]) for row in document.get("listings", []) if "name" in row)
    yield from (Name(TEXT, document[k]) for k in ("note", "definition") if document.get(k))


def _shortened(text: str, makers: Sequence[str]) -> tuple[str, str]:
    """``text`` without parentheses, and without the maker's name before it."""
    bare = naming.without_parentheses(text)
    return bare, naming.without_prefix(bare, makers)


def _codes(document: Json) -> Iterator[str]:
    yield from (document[key] for key in ("iso", "paragraph") if key in document)
    yield from document.get("citations", [])
    for values in document.get("identifiers", {}).values():
        yield from values


def _maker_names(entries: Iterable[Entry]) -> dict[str, list[str]]:
    """Firm → its names, as they may stand before the name of a product."""
    return {
        entry.slug: [
            entry.document["label"],
            *entry.document.get("names", []),
            *(text for text in [entry.document.get("legal_name")] if text),
        ]
        for entry in entries
        if entry.collection == "firms"
    }


def _rank(entry: Entry) -> int:
    return NAMED.index(entry.collection) if entry.collection in NAMED else len(NAMED)


def _closed(entry: Entry) -> bool:
    return entry.recorded[1] is not None


def _is_thing(entry: Entry) -> bool:
    iri: str = entry.document["iri"]
    return iri.removesuffix(entry.slug).endswith("/id/")


def _name_row(record: int, entry: Entry, name: Name) -> tuple[_Order, tuple[object, ...]]:
    found = naming.tokens(name.text)
    order = (_closed(entry), name.sort == TEXT, _rank(entry), len(found), name.text)
    is_name = name.sort not in (TEXT, CODE)
    core = naming.core(name.text) if is_name else ""
    key = "".join(found) if name.sort != TEXT else ""
    return order, (record, name.sort, name.text, key, core, len(found))


def _insert_record(
    connection: sqlite3.Connection, number: int, entry: Entry, makers: Sequence[str]
) -> None:
    document = entry.document
    row = (number, entry.collection, entry.slug, document["iri"], document["label"])
    values = (*row, document["type"], _is_thing(entry), json.dumps(makers, ensure_ascii=False))
    connection.execute(
        "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*values, not _closed(entry))
    )
    kinds = [(k.id, k.label, k.description, json.dumps(k.broader)) for k in entry.kinds]
    connection.executemany("INSERT OR IGNORE INTO kind VALUES (?, ?, ?, ?)", kinds)
    ids = {document["type"], *(kind.id for kind in entry.kinds)}
    connection.executemany("INSERT INTO record_kind VALUES (?, ?)", [(i, number) for i in ids])


def _insert_names(connection: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> None:
    words: set[str] = set()
    grams: Counter[str] = Counter()
    for number, (record, sort, text, key, core, size) in enumerate(rows, 1):
        found = naming.tokens(str(text))
        words.update(word for word in found if naming.typos_allowed(word))
        values = (number, record, sort, text, key, core, size)
        connection.execute("INSERT INTO name VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        connection.execute(
            "INSERT INTO name_tokens (rowid, tokens) VALUES (?, ?)", (number, " ".join(found))
        )
        grams.update(naming.grams(str(key)))
        if key:
            connection.execute("INSERT INTO name_grams (rowid, key) VALUES (?, ?)", (number, key))
    connection.executemany("INSERT INTO gram VALUES (?, ?)", sorted(grams.items()))
    numbered = list(enumerate(sorted(words), 1))
    connection.executemany("INSERT INTO word VALUES (?, ?)", numbered)
    padded = [(number, f"^{term}$") for number, term in numbered]
    connection.executemany("INSERT INTO word_grams (rowid, term) VALUES (?, ?)", padded)
    for table in ("name_tokens", "name_grams", "word_grams"):
        connection.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")  # noqa: S608


def _insert_properties(connection: sqlite3.Connection, entries: Iterable[Entry]) -> None:
    uses: dict[tuple[str, str], int] = {}
    labels: dict[str, str] = {}
    for entry in entries:
        labels |= _metric_labels(entry.document)
        for name in properties(entry.document):
            for kind in {entry.document["type"], *(kind.id for kind in entry.kinds)}:
                uses[kind, name] = uses.get((kind, name), 0) + 1
    rows = [(kind, name, _label(name, labels), count) for (kind, name), count in uses.items()]
    connection.executemany("INSERT INTO property VALUES (?, ?, ?, ?)", rows)


def _metric_labels(document: Json) -> dict[str, str]:
    return {metric_name(f): f["metric"]["label"] for f in document.get("figures", [])}


def _label(name: str, labels: Mapping[str, str]) -> str:
    return labels.get(name) or name.replace("_", " ").replace(".", ": ")
