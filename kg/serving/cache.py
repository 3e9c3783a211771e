"""What was made before and may be given again, in a bounded number of bytes.

Each entry has the version of the data that it was made from, and is not found under another:
nothing is ever invalidated, and a stale answer cannot be found.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class _Entry(NamedTuple, Generic[T]):
    version: str
    value: T
    size: int


class Cache(Generic[T]):
    """At most ``capacity`` bytes of entries, each of at most ``largest``.

    Those that were not used for longest go when the bytes run out.
    """

    def __init__(self, capacity: int, largest: int) -> None:
        self._capacity, self._largest = capacity, largest
        self._entries: OrderedDict[Hashable, _Entry[T]] = OrderedDict()
        self._size = 0

    def get(self, key: Hashable, version: str = "") -> T | None:
        entry = self._entries.get(key)
        if entry is None or entry.version != version:
            return None
        self._entries.move_to_end(key)
        return entry.value

    def put(self, key: Hashable, value: T, size: int, version: str = "") -> None:
        """Keep ``value`` in the place of what ``key`` had. ``size``: bytes of both, about."""
        before = self._entries.pop(key, None)
        if before is not None:
            self._size -= before.size
        if size > self._largest:
            return
        self._entries[key] = _Entry(version, value, size)
        self._size += size
        while self._size > self._capacity:
            _, oldest = self._entries.popitem(last=False)
            self._size -= oldest.size
