"""A small base with the same kinds of records as the built-in one, for tests that only need a base.

It is chosen from the built-in records as they stand in their files, so that it cannot fall behind
them: those below, and every record that the text of a chosen one names.
"""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from kg.intake import DATASET_FILE, base_files
from kg.resources import examples_directory

CHOSEN = {
    *("c0-17", "c1-19", "c1-21", "c3-07", "c3-23", "L03", "L18"),
    *("nvidia-h20", "nvidia-h100-sxm", "nvidia-l4", "nvidia-t4"),
    *("us-3a090a-2023", "us-letter-2025-04", "us-entity-list-2019-05"),
    *("huawei", "biren-technology", "china", "germany"),
}

_PART = re.compile(r"^(?=\S)", re.MULTILINE)
_RECORD = re.compile(r"- \{?(?:id|claim): ([\w.-]*\w)")
_WORD = re.compile(r"[\w.-]*\w")

Parts = list[tuple[str, str | None]]
"""A file's text in pieces, each with the name of the record that it is, if it is one."""


def write_small_base(directory: Path) -> None:
    """Write its files into ``directory``; KeyError where one of CHOSEN is there no more."""
    examples = examples_directory()
    files = {path.relative_to(examples): _parts(path) for path in base_files(examples)}
    chosen = _with_all_they_name(_words(files.values()))
    shutil.copy(examples / DATASET_FILE, directory)
    for name, parts in files.items():
        if any(record in chosen for _, record in parts):
            file = directory / name
            file.parent.mkdir(exist_ok=True)
            kept = [text for text, record in parts if record is None or record in chosen]
            file.write_text("".join(kept), encoding="utf-8")


def _parts(path: Path) -> Parts:
    texts = _PART.split(path.read_text(encoding="utf-8"))
    return [(text, found[1] if (found := _RECORD.match(text)) else None) for text in texts]


def _words(files: Iterable[Parts]) -> dict[str, set[str]]:
    """The words of each record, and those at the head of its file, where the article is named."""
    words: dict[str, set[str]] = defaultdict(set)
    for parts in files:
        head = [text for text, record in parts if record is None and text.startswith("source:")]
        for text, record in parts:
            if record is not None:
                words[record].update(_WORD.findall("".join([text, *head])))
    return dict(words)


def _with_all_they_name(words: Mapping[str, set[str]]) -> set[str]:
    chosen: set[str] = set()
    new = CHOSEN
    while new:
        chosen |= new
        new = {word for record in new for word in words[record] if word in words} - chosen
    return chosen
