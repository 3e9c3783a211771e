"""Answers that were sent before, ready to be sent again to the very same request.

The key is the request itself, byte for byte, so that nothing of it has to be read again, and all
that the answer depends on is in it but the data. Each entry has the version of the data that it was
made from, and is not found under another: a stale answer cannot be sent.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

_OVERHEAD = 1024  # bytes that an entry costs beside its key and its answer


class Sent(NamedTuple):
    version: str
    """Of the data."""
    method: str
    path: str
    answer: bytes
    """The headers that are its own, and the body."""


class Repeated:
    """At most ``capacity`` bytes of requests and answers, each of at most ``largest``.

    The oldest go when the bytes run out: what is asked again and again soon comes back.
    """

    def __init__(self, capacity: int, largest: int) -> None:
        self._capacity, self._largest = capacity, largest
        self._entries: OrderedDict[bytes, Sent] = OrderedDict()
        self._size = 0

    def get(self, request: bytes, version: str) -> Sent | None:
        sent = self._entries.get(request)
        return sent if sent is not None and sent.version == version else None

    def put(self, request: bytes, sent: Sent) -> None:
        if _weight(request, sent) > self._largest:
            return
        self._drop(request, self._entries.pop(request, None))
        self._entries[request] = sent
        self._size += _weight(request, sent)
        while self._size > self._capacity:
            self._drop(*self._entries.popitem(last=False))

    def _drop(self, request: bytes, sent: Sent | None) -> None:
        if sent is not None:
            self._size -= _weight(request, sent)


def _weight(request: bytes, sent: Sent) -> int:
    return _OVERHEAD + len(request) + len(sent.answer)
