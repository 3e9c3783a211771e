"""How to cite a record: its original sources first, then Chiptrail with version and address.

A claim rests on an article, a figure on a data sheet: whoever uses the record owes them the
credit first. Dates that are only known to lie between two days are given as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kg.catalogue import Catalogue
from kg.errors import UnknownName
from kg.exports.dates import interval
from kg.exports.material import short_version

Json = dict[str, Any]


@dataclass(frozen=True)
class Work:
    """Something that can be cited. ``issued``: first and last day that it may be of."""

    key: str
    type: str
    title: str
    author: str = ""
    publisher: str = ""
    issued: tuple[str, str] | None = None
    circa: bool = False
    url: str = ""
    version: str = ""
    note: str = ""


@dataclass(frozen=True)
class Dataset:
    """What is the same in every citation of one snapshot."""

    catalogue: Catalogue
    base: str
    version: str
    info: Json


def works(dataset: Dataset, document: Json) -> list[Work]:
    """What to cite for ``document`` (of any collection), in that order; Chiptrail is the last."""
    own = [document["id"]] if _is_source(dataset, document) else []
    found = list(dict.fromkeys([*own, *_source_ids(dataset, document)]))
    records = (_source(dataset, name) for name in found)
    return [*(_work(record) for record in records if record), _record(dataset, document)]


def as_text(cited: list[Work]) -> str:
    """A line a work."""
    return "".join(_sentence(work) + "\n" for work in cited)


def as_bibtex(cited: list[Work]) -> str:
    """``@misc`` entries, which every BibTeX style knows; UTF-8."""
    return "\n".join(_entry(work) for work in cited)


def as_csl(cited: list[Work]) -> list[Json]:
    """CSL-JSON 1.0 items."""
    return [_csl(work) for work in cited]


# --- what is cited ----------------------------------------------------------------------------


def _is_source(dataset: Dataset, record: Json) -> bool:
    paths = (f"{dataset.base}src/", f"{dataset.base}ev/")
    return str(record.get("iri", "")).startswith(paths)


def _source_ids(dataset: Dataset, value: object) -> Iterator[str]:
    """Every source that a document names, wherever in it, in the order of the document."""
    if isinstance(value, dict):
        for inner in value.values():
            if isinstance(inner, dict) and _is_source(dataset, inner) and "start" not in inner:
                yield inner["id"]
            yield from _source_ids(dataset, inner)
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, dict) and _is_source(dataset, inner):
                yield inner["id"]
            yield from _source_ids(dataset, inner)


def _source(dataset: Dataset, name: str) -> Json | None:
    try:
        return dataset.catalogue.item("sources", name)
    except UnknownName:
        return None


_TYPES = {"SourceDocument": "webpage", "UpstreamReport": "article", "Reference": "document"}


def _work(record: Json) -> Work:
    published = record.get("published", {})
    issued = (published["earliest"], published["latest"]) if "earliest" in published else None
    evidence = record["type"] == "Evidence"
    return Work(
        key=record["id"],
        type=_TYPES.get(record["type"], "webpage"),
        title=record["note"] if evidence and "note" in record else record["label"],
        author=record.get("author", ""),
        publisher=record.get("publisher", {}).get("label", ""),
        issued=issued or interval(str(record.get("date", ""))),
        circa=published.get("basis", {}).get("id") == "inferred",
        url=next(iter(record.get("urls", [])), ""),
        note=record.get("location", ""),
    )


def _record(dataset: Dataset, document: Json) -> Work:
    day = str(dataset.info.get("as_of", ""))
    return Work(
        key=f"chiptrail-{document['id']}",
        type="dataset",
        title=f"{str(document['label']).rstrip('.')} ({document['type']} {document['id']})",
        publisher=str(dataset.info.get("title", "Chiptrail")),
        issued=interval(day),
        url=document["iri"],
        version=f"{dataset.info.get('version', '')}+{short_version(dataset.version)}",
    )


# --- text -------------------------------------------------------------------------------------


def _sentence(work: Work) -> str:
    who = ", ".join(part for part in (work.author, work.publisher) if part)
    head = f"{who} ({_date(work)})" if who else f"({_date(work)})"
    title = f"{work.title}, data version {work.version}" if work.version else work.title
    parts = [head, title, work.note, work.url]
    return ". ".join(part.rstrip(".") for part in parts if part) + "."


def _date(work: Work) -> str:
    if work.issued is None:
        return "no date"
    first, last = work.issued
    text = first if first == last else f"{first} to {last}"
    return f"{text}, inferred" if work.circa else text


# --- BibTeX -----------------------------------------------------------------------------------

_SPECIAL: dict[str, str] = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
}
_IN_URLS = {"\\": "%5C", "{": "%7B", "}": "%7D"}


def _entry(work: Work) -> str:
    about = "~" if work.circa else ""  # EDTF, as biblatex reads it
    fields = {
        "title": f"{{{_tex(work.title)}}}",
        "author": f"{{{_tex(work.author or work.publisher)}}}",
        "publisher": _tex(work.publisher),
        "year": work.issued[0][:4] if work.issued else "",
        "date": "/".join(date + about for date in dict.fromkeys(work.issued or ())),
        "version": _tex(work.version),
        "note": _tex(work.note),
        "url": _escaped(work.url, _IN_URLS),
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value.strip("{}")]
    return "@misc{" + ",\n".join([_key(work.key), *lines]) + "\n}\n"


def _key(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9:.-]", "-", text)


def _tex(text: str) -> str:
    return _escaped(" ".join(text.split()), _SPECIAL)


def _escaped(text: str, special: Mapping[str, str]) -> str:
    return "".join(special.get(character, character) for character in text)


# --- CSL-JSON ---------------------------------------------------------------------------------


def _csl(work: Work) -> Json:
    item = {
        "id": work.key,
        "type": work.type,
        "title": work.title,
        "author": [{"literal": work.author or work.publisher}],
        "publisher": work.publisher,
        "issued": _csl_date(work),
        "version": work.version,
        "note": work.note,
        "URL": work.url,
    }
    return {name: value for name, value in item.items() if value not in ("", None, _NOBODY)}


_NOBODY = [{"literal": ""}]


def _csl_date(work: Work) -> Json | None:
    if work.issued is None:
        return None
    parts = [[int(part) for part in date.split("-")] for date in dict.fromkeys(work.issued)]
    return {"date-parts": parts} | ({"circa": True} if work.circa else {})
