"""Reading JSON and CSV row by row, each row with its place, without holding a whole large file."""

from __future__ import annotations

import csv
import datetime
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from kg.errors import Finding, InvalidData

CHUNK = 1 << 20
_SPACE = re.compile(r"[\s,]*")


@dataclass(frozen=True)
class Row:
    """One row of a file: ``line`` is where it begins, ``values`` what stands in it."""

    line: int
    values: Any


def malformed(path: Path, line: int, message: str) -> InvalidData:
    """The file as a whole cannot be read."""
    return InvalidData([Finding(str(path), line, "", message, "syntax")])


def read_csv(path: Path) -> Iterator[Row]:
    """The rows of a CSV file with a header, as dicts of stripped texts.

    A row of another length than the header has its values under None, for the caller to report.
    Raises InvalidData where the file is not UTF-8 or the quoting is broken.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = [name.strip() for name in next(reader, [])]
            line = reader.line_num + 1
            for cells in reader:
                if cells:
                    yield Row(line, _cells(header, cells))
                line = reader.line_num + 1
        except csv.Error as error:
            raise malformed(path, reader.line_num, f"malformed CSV: {error}") from None
        except UnicodeDecodeError as error:
            raise malformed(path, reader.line_num + 1, f"not UTF-8: {error.reason}") from None


def _cells(header: list[str], cells: list[str]) -> dict[str | None, Any]:
    if len(cells) != len(header):
        return {None: f"{len(cells)} cells where the header has {len(header)}"}
    return {name: cell.strip() for name, cell in zip(header, cells, strict=True)}


def read_json_lines(path: Path) -> Iterator[Row | Finding]:
    """The values of a line-delimited JSON file; a line that is not JSON is a finding."""
    with path.open("rb") as file:
        for line, text in enumerate(file, 1):
            if not text.strip():
                continue
            try:
                yield Row(line, json.loads(text, parse_float=Decimal))
            except ValueError as error:
                yield Finding(str(path), line, "", f"not a JSON value: {error}", "syntax")


class JsonMembers:
    """The members of the JSON object that a file holds, one at a time.

    Members named in ``streamed`` are arrays of which each item comes by itself.
    """

    def __init__(self, path: Path, streamed: frozenset[str]) -> None:
        self._path, self._streamed = path, streamed
        self._decoder = json.JSONDecoder(parse_float=Decimal)
        self._text, self._at, self._line = "", 0, 1

    def __iter__(self) -> Iterator[tuple[str, Row]]:
        """Raises InvalidData where the file is not a JSON object, naming the line."""
        with self._path.open(encoding="utf-8-sig") as file:
            try:
                yield from self._members(file)
            except UnicodeDecodeError as error:
                message = f"not UTF-8: {error.reason}"
                raise malformed(self._path, self._line, message) from None

    def _members(self, file: TextIO) -> Iterator[tuple[str, Row]]:
        self._expect(file, "{")
        while self._peek(file) != "}":
            name = str(self._value(file).values)
            self._expect(file, ":")
            if name in self._streamed and self._peek(file) == "[":
                self._expect(file, "[")
                while self._peek(file) != "]":
                    yield name, self._value(file)
                self._expect(file, "]")
            else:
                yield name, self._value(file)

    def _peek(self, file: TextIO) -> str:
        """The next character that says something; raises InvalidData at the end of the file."""
        while True:
            match = _SPACE.match(self._text, self._at)
            self._skip_to(match.end() if match else self._at)
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(file):
                raise malformed(self._path, self._line, "the file ends in the middle")

    def _expect(self, file: TextIO, character: str) -> None:
        found = self._peek(file)
        if found != character:
            message = f"malformed JSON: {found!r} where {character!r} should stand"
            raise malformed(self._path, self._line, message)
        self._skip_to(self._at + 1)

    def _value(self, file: TextIO) -> Row:
        self._peek(file)
        line = self._line
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if not self._more(file):
                    place = self._line + self._text.count("\n", self._at, error.pos)
                    raise malformed(self._path, place, f"malformed JSON: {error.msg}") from None
                continue
            # A number at the end of what was read may go on in the next piece.
            if end == len(self._text) and self._more(file):
                continue
            self._skip_to(end)
            return Row(line, value)

    def _skip_to(self, position: int) -> None:
        self._line += self._text.count("\n", self._at, position)
        self._at = position

    def _more(self, file: TextIO) -> bool:
        piece = file.read(CHUNK)
        self._text, self._at = self._text[self._at :] + piece, 0
        return bool(piece)


def as_date(text: object) -> datetime.date:
    """An ISO date, of which only the day counts. Raises ValueError."""
    return datetime.date.fromisoformat(str(text)[:10])
