from __future__ import annotations

import os
import time

import pytest

from kg.serving.wire import Inbox, Kind, pack


def test_lingering_ends_with_a_frame_or_with_its_time() -> None:
    reading, writing = os.pipe()
    inbox = Inbox(reading)
    begun = time.perf_counter()
    inbox.linger(0.01)
    assert time.perf_counter() - begun >= 0.01
    os.write(writing, pack(Kind.WORK, b"{}"))
    inbox.linger(3600.0)
    assert inbox.read() == (Kind.WORK, b"{}")
    os.close(writing)
    inbox.linger(3600.0)  # the other side is gone, which is something to see, too
    with pytest.raises(EOFError):
        inbox.read()
    os.close(reading)
