"""Results of repeated queries, by the version of the data that they were computed from.

Nothing is ever invalidated: another version is another key, so a stale answer cannot be
found. The oldest entries go when the bytes run out.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass


@dataclass(frozen=True)
class Stored:
    kind: str
    media_type: str
    body: bytes


class ResultCache:
    """At most ``capacity`` bytes of answers and their keys, each of at most ``largest``."""

    def __init__(self, capacity: int, largest: int) -> None:
        self._capacity, self._largest = capacity, largest
        self._entries: OrderedDict[Hashable, tuple[Stored, int]] = OrderedDict()
        self._size = 0

    def get(self, key: Hashable) -> Stored | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: Hashable, answer: Stored, key_size: int) -> None:
        """Keep ``answer``; ``key_size`` counts too, as a query can outweigh its answer."""
        size = len(answer.body) + key_size
        if size > self._largest or key in self._entries:
            return
        self._entries[key] = (answer, size)
        self._size += size
        while self._size > self._capacity:
            _, (_, oldest) = self._entries.popitem(last=False)
            self._size -= oldest
