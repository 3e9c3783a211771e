"""Whole answers that were sent before, ready to be sent again.

Nothing is ever invalidated: the version of the data is part of the key, so a stale answer
cannot be found.
"""

from __future__ import annotations

from collections import OrderedDict

Key = tuple[str | bytes, ...]
RawHeaders = list[tuple[bytes, bytes]]

_OVERHEAD = 1024  # bytes that an entry costs beside its key and its body


class Repeated:
    """At most ``capacity`` bytes of answers and their keys, each of at most ``largest``.

    The oldest go when the bytes run out: what is asked again and again soon comes back.
    """

    def __init__(self, capacity: int, largest: int) -> None:
        self._capacity, self._largest = capacity, largest
        self._entries: OrderedDict[Key, tuple[RawHeaders, bytes, int]] = OrderedDict()
        self._size = 0

    def get(self, key: Key) -> tuple[RawHeaders, bytes] | None:
        entry = self._entries.get(key)
        return entry[:2] if entry else None

    def put(self, key: Key, headers: RawHeaders, body: bytes) -> None:
        weight = _OVERHEAD + sum(map(len, key)) + len(body)
        if weight > self._largest or key in self._entries:
            return
        self._entries[key] = (headers, body, weight)
        self._size += weight
        while self._size > self._capacity:
            _, (_, _, oldest) = self._entries.popitem(last=False)
            self._size -= oldest
