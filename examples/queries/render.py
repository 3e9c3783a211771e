"""Write the pages of questions: every answer in them is computed from the records, none is typed.

    python examples/queries/render.py

A folder is a page. Each of its ``.rq`` files is one question: the comment on top is the question
and, after an empty comment line, how to read the answer. ``pages.toml`` has the order of the pages,
their titles and what each is about.
"""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from pyoxigraph import Literal, NamedNode, QuerySolutions, Store

from kg.build import build
from kg.catalogue import View
from kg.errors import Defect
from kg.intake import read_base
from kg.namespaces import Namespaces
from kg.shapes import Origin

HERE = Path(__file__).parent
RECORDS = ("c", "ev", "src", "rule")
"""Namespaces whose nodes a reader wants to look up: they are linked to their record."""
NUMBERS = ("decimal", "integer")
BOUNDS = {"approx": "about ", "at_least": "at least ", "at_most": "at most "}
NOTICE = "<!-- Written by render.py from the .rq files beside it. Do not edit. -->"

Origins = Mapping[str, Origin]


def pages(store: Store, names: Namespaces, origins: Origins) -> dict[Path, str]:
    """Path and text of every page. ``origins``: where the records of the store's nodes stand."""
    about = tomllib.loads((HERE / "pages.toml").read_text(encoding="utf-8"))
    writer = _Writer(View(store, names), names, origins)
    texts = {
        HERE / folder / "README.md": _page(page, _queries(folder), store, writer)
        for folder, page in about["pages"].items()
    }
    return {HERE / "README.md": _index(about), **texts}


def _queries(folder: str) -> list[Path]:
    found = sorted((HERE / folder).glob("*.rq"))
    if not found:
        raise Defect(f"pages.toml names {folder}, which has no questions")
    return found


def _index(about: Mapping[str, dict[str, dict[str, str]]]) -> str:
    lines = [NOTICE, f"# {about['index']['title']}", "", str(about["index"]["about"]).strip(), ""]
    for folder, page in about["pages"].items():
        lines.append(f"- [{page['title']}]({folder}/README.md)")
        lines += [f"  - {_comment(path)[0]}" for path in _queries(folder)]
    return "\n".join(lines) + "\n"


def _page(page: Mapping[str, str], queries: list[Path], store: Store, writer: _Writer) -> str:
    blocks = [NOTICE, f"# {page['title']}", page["about"].strip()]
    for number, path in enumerate(queries, 1):
        question, *notes = _comment(path)
        results = store.query(path.read_text(encoding="utf-8"))
        if not isinstance(results, QuerySolutions):
            raise Defect(f"{path.name} is not a SELECT query")
        table = writer.table(results, path.parent)
        blocks += [f"## {number}. {question}", table, *notes, f"Query: [{path.name}]({path.name})"]
    return "\n\n".join(blocks) + "\n"


def _comment(path: Path) -> list[str]:
    """The paragraphs of the comment on top: the question, then the notes."""
    paragraphs = [""]
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        text = line.removeprefix("#").strip()
        if text:
            paragraphs[-1] = f"{paragraphs[-1]} {text}".strip()
        else:
            paragraphs.append("")
    return paragraphs


class _Writer:
    """Terms as Markdown: records linked, other things by their label."""

    def __init__(self, view: View, names: Namespaces, origins: Origins) -> None:
        self._view, self._names, self._origins = view, names, origins

    def table(self, results: QuerySolutions, folder: Path) -> str:
        header = [variable.value.replace("_", " ") for variable in results.variables]
        rows = [[self._cell(term, folder) for term in solution] for solution in results]
        if not rows:
            return "*Nothing in the graph answers this.*"
        lines = [header, ["---"] * len(header), *rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def _cell(self, term: object, folder: Path) -> str:
        if isinstance(term, NamedNode):
            return self._node(term, folder)
        if not isinstance(term, Literal):
            return ""
        words = term.value.split()
        if words and all(word.startswith(self._names.base) for word in words):
            return ", ".join(self._node(NamedNode(word), folder) for word in sorted(words))
        if term.datatype.value.endswith(NUMBERS):
            return _number(Decimal(term.value))
        return term.value.replace("|", "\\|").replace("\n", " ")

    def _node(self, node: NamedNode, folder: Path) -> str:
        short = self._names.shorten(node.value)
        prefix, _, local = short.partition(":")
        if short == node.value:
            return f"<{node.value}>"
        if bound := self._view.value(node, "ct:bound"):
            return self._quantity(node, bound)
        if prefix in RECORDS and (origin := self._origins.get(node.value)):
            file = os.path.relpath(origin.where, folder)
            return f"[{local}]({Path(file).as_posix()}#L{origin.line})"
        return self._view.label(node) or short

    def _quantity(self, node: NamedNode, bound: str) -> str:
        ends = [self._view.value(node, f"ct:{end}") for end in ("low", "high")]
        known = dict.fromkeys(_number(end) for end in ends if end is not None)
        text = BOUNDS.get(bound, "") + " to ".join(known)
        unit = self._view.node(node, "ct:unit")
        return f"{text} ({self._view.label(unit)})" if unit else text


def _number(value: object) -> str:
    """Thousands apart, at most three decimals; dates as they are."""
    if not isinstance(value, int | Decimal):
        return str(value)
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def main() -> None:
    names = Namespaces()
    intake = read_base(names)
    with tempfile.TemporaryDirectory() as directory:
        snapshot = build(intake, Path(directory))
        written = pages(Store.read_only(str(snapshot.store)), names, intake.origins)
    for path, text in written.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
