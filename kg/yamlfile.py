"""YAML files as plain values that remember their lines.

A small, strict reading of YAML: only ``true`` and ``false`` are booleans (``NO`` is Norway),
ISO dates are dates, numbers keep their decimal digits, a key may not stand twice in one
mapping, and aliases are refused (an alias bomb is a few bytes long).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from kg.errors import Finding, InvalidData

Path_ = tuple[str | int, ...]

_INT = re.compile(r"[-+]?\d+")
_FLOAT = re.compile(r"[-+]?\d+\.\d+(?:[eE][-+]?\d+)?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MAX_DEPTH = 40


@dataclass
class YamlFile:
    """The content of one file, and the line of each of its values by path from the top."""

    name: str
    content: Mapping[str, Any]
    lines: dict[Path_, int] = field(default_factory=dict)

    def line(self, path: Path_) -> int | None:
        """The line of the value at ``path``, or of the nearest value around it."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path)


def read_yaml(path: Path) -> YamlFile:
    """Raises InvalidData naming the file and line, FileNotFoundError where there is none."""
    return parse_yaml(read_utf8(path), str(path))


def read_utf8(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        message = f"not UTF-8: byte 0x{error.object[error.start]:02x}; save the file as UTF-8"
        raise InvalidData([Finding(str(path), line, "", message, "encoding")]) from None


def parse_yaml(text: str, name: str) -> YamlFile:
    try:
        root = _compose(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = f"malformed YAML: {error.problem or error.context}"
        raise InvalidData([_finding(name, mark, message)]) from None
    except yaml.YAMLError as error:
        raise InvalidData([Finding(name, None, "", f"malformed YAML: {error}", "yaml")]) from None
    file = YamlFile(name, {})
    reader = _Reader(name, file.lines)
    content = reader.value(root, ()) if root is not None else {}
    if not isinstance(content, dict):
        reader.findings.append(
            Finding(name, 1, "", "the top of the file must be a mapping", "yaml")
        )
    if reader.findings:
        raise InvalidData(reader.findings)
    file.content = content
    return file


def _compose(text: str) -> yaml.Node | None:
    loader = yaml.CSafeLoader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def _finding(name: str, mark: yaml.Mark | None, message: str) -> Finding:
    return Finding(name, mark.line + 1 if mark else None, "", message, "yaml")


class _Reader:
    def __init__(self, name: str, lines: dict[Path_, int]) -> None:
        self.name, self.lines = name, lines
        self.findings: list[Finding] = []
        self.seen: set[int] = set()

    def value(self, node: yaml.Node, path: Path_) -> Any:
        self.lines[path] = node.start_mark.line + 1
        # An alias yields the very node that its anchor named: the only way to meet it twice.
        if id(node) in self.seen:
            self.refuse(node, "YAML aliases are not allowed; write the value out")
            return None
        self.seen.add(id(node))
        if len(path) > _MAX_DEPTH:
            self.refuse(node, f"nested more than {_MAX_DEPTH} deep")
            return None
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, i)) for i, item in enumerate(node.value)]
        return self.scalar(node)

    def mapping(self, node: yaml.MappingNode, path: Path_) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in result:
                self.refuse(key_node, f"key {key!r} stands twice in one mapping")
                continue
            result[key] = self.value(value_node, (*path, key))
            self.lines[(*path, key)] = key_node.start_mark.line + 1
        return result

    def scalar(self, node: yaml.Node) -> Any:
        text: str = node.value
        if not isinstance(node, yaml.ScalarNode) or node.style in ('"', "'", "|", ">"):
            return text
        if text in ("", "null", "~"):
            return None
        if text in ("true", "false"):
            return text == "true"
        if _INT.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return Decimal(text)
        if _DATE.fullmatch(text):
            return self.date(node)
        return text

    def date(self, node: yaml.ScalarNode) -> datetime.date | None:
        try:
            return datetime.date.fromisoformat(node.value)
        except ValueError:
            self.refuse(node, f"no such day: {node.value}")
            return None

    def refuse(self, node: yaml.Node, message: str) -> None:
        self.findings.append(_finding(self.name, node.start_mark, message))
