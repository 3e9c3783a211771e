"""(Server.) An answer that a worker gives, from its head to its last byte."""

from __future__ import annotations

from collections.abc import AsyncIterator

from kg.serving.pool import Run


class Answer:
    """An answer that is on its way: iterate over it for its bytes.

    The iteration ends without an exception only if the answer was whole. Leaving it early
    or closing it ends the query. ``body`` is the answer where it was short enough to have
    arrived already, else None.
    """

    def __init__(
        self, kind: str, media_type: str, version: str, body: bytes | None, run: Run | None = None
    ) -> None:
        self.kind, self.media_type, self.version = kind, media_type, version
        self.body = body
        self._run = run

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._run is None:
            yield self.body or b""
            return
        try:
            while (piece := await self._run.next()) is not None:
                yield piece
        finally:
            self.close()

    async def read(self) -> bytes:
        """All of it."""
        return b"".join([piece async for piece in self])

    def close(self) -> None:
        """End the query if it still runs."""
        if self._run is not None:
            self._run.abandon()


async def begin(run: Run, media_type: str = "") -> Answer:
    """Wait for the head of an answer, and for all of it where it is short."""
    try:
        kind, content = await run.head()
    except BaseException:
        run.abandon()
        raise
    left = run if content is None else None
    return Answer(kind.decode(), media_type, run.version, content, left)
