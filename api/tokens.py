"""Bearer tokens for writing (RFC 6750) and the names of those who hold them."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kg.config import Settings
from kg.errors import InvalidInput
from kg.yamlfile import read_utf8

DEFAULT_AUTHOR = "token"
"""Whoever writes with the token of the setting, which has no name of its own."""

_HASHED = "sha256:"
_LINE = re.compile(r"(\S{1,64})\s+sha256:([0-9a-fA-F]{64})")


@dataclass(frozen=True)
class Tokens:
    """``holders``: (SHA-256 of a token in hex, name of who holds it)."""

    holders: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> Tokens:
        """The token of the setting, and those of the file that another one names.

        The setting is the token itself or ``sha256:`` and the hex digits of its hash. Raises
        InvalidInput naming file and line.
        """
        found = []
        if settings.write_token:
            found.append((_expected(settings.write_token), DEFAULT_AUTHOR))
        if settings.write_tokens:
            found += _read(Path(settings.write_tokens))
        return cls(tuple(found))

    def holder(self, token: str) -> str | None:
        """Who holds ``token``; all are compared, so that the time tells nothing."""
        given, holder = _digest(token), None
        for digest, name in self.holders:
            if hmac.compare_digest(given, digest):
                holder = name
        return holder


def _read(path: Path) -> Iterator[tuple[str, str]]:
    if not path.is_file():
        raise InvalidInput(f"no such file of tokens: {path}")
    for number, line in enumerate(read_utf8(path).splitlines(), 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        found = _LINE.fullmatch(text)
        if found is None:
            message = "a line has a name and sha256:, 64 hexadecimal digits after it"
            raise InvalidInput(f"{path}:{number}: {message}")
        yield found[2].lower(), found[1]


def _expected(configured: str) -> str:
    if configured.startswith(_HASHED):
        return configured.removeprefix(_HASHED).lower()
    return _digest(configured)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
