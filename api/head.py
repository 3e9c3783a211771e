"""The headers of a request, and what the protocols ask of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

from api.compression import accepts_gzip
from kg.errors import InvalidInput

RawHeaders = list[tuple[bytes, bytes]]

_HOST = re.compile(r"[A-Za-z0-9._~-]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?")


class Head:
    """Headers by their names, which are in lower case; values of one name are joined."""

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self.raw: RawHeaders = list(raw)
        """As they came."""
        self._values: dict[bytes, bytes] = {}
        for name, value in self.raw:
            known = self._values.get(name)
            self._values[name] = value if known is None else b", ".join((known, value))

    def header(self, name: bytes) -> str:
        """The value of a header; one that there is not is empty."""
        return self._values.get(name, b"").decode("latin-1")

    @cached_property
    def host(self) -> str:
        """Empty where there is none. Raises InvalidInput where it is malformed."""
        host = self.header(b"host")
        if host and not _HOST.fullmatch(host):
            raise InvalidInput("the Host header is malformed")
        return host

    @cached_property
    def conditional(self) -> bool:
        """The answer depends on what the client has already."""
        return b"if-none-match" in self._values or b"if-match" in self._values

    @cached_property
    def gzip(self) -> bool:
        accepted = self.header(b"accept-encoding")
        return bool(accepted) and accepts_gzip(accepted)


def length_of(status: int, body: bytes) -> RawHeaders:
    """The header that tells how long ``body`` is, where an answer with ``status`` has one."""
    return [] if status in (204, 304) else [(b"content-length", b"%d" % len(body))]
