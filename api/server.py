"""Running the application under uvicorn, guarded against clients that are slow or many."""

from __future__ import annotations

import gc
import logging
import resource
from typing import Any

import uvicorn

from api.app import create_app
from api.connection import GuardedProtocol
from api.endpoints import Endpoints
from api.health import Counts, Traffic
from api.known import KnownHeaders
from api.room import Room
from api.tokens import Tokens
from kg import operations
from kg.build import Progress
from kg.config import Settings
from kg.errors import ChiptrailError
from kg.history.log import Act
from kg.serving.cache import Cache

_DESCRIPTORS_BESIDE = 512  # for workers, files and the like


def serve(settings: Settings, empty: bool, progress: Progress, by: Act) -> None:
    """Prepare the store if there is none, then serve until interrupted."""
    Tokens.of(settings)  # a mistake in them is told before anything begins
    operations.prepare(settings, empty, progress, by)
    logging.getLogger("uvicorn.error").addFilter(_brief)
    app = create_app(settings)
    _collect_rarely()
    uvicorn.run(
        Traffic(Endpoints(app), app.state.counts),
        host=settings.host,
        port=settings.port,
        log_level="info",
        access_log=False,
        server_header=False,
        http=guarded(settings, app.state.counts),
        ws="none",
        timeout_graceful_shutdown=5,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        backlog=1024,
    )


def guarded(settings: Settings, counts: Counts) -> type[GuardedProtocol]:
    """The protocol class of uvicorn for a server with these ``settings``; counts into ``counts``
    what :class:`~api.health.Traffic` does not see."""
    most = min(settings.connections, _descriptors() - _DESCRIPTORS_BESIDE)
    limits = settings.limits
    state = {
        "settings": settings,
        "counts": counts,
        "room": Room(most, settings.header_timeout),
        "known": KnownHeaders(),
        "sent": Cache(limits.cache_bytes, limits.cache_entry_bytes),
    }
    return type("Guarded", (GuardedProtocol,), state)


def _descriptors() -> int:
    """How many files this process may have open: as many as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return max(soft, hard)


def _collect_rarely() -> None:
    """Let the garbage collector alone with what is here for good, and look less often.

    A request leaves hundreds of objects and hardly a cycle; with Python's own settings a
    twentieth of the time went into looking for some.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 20)


def _brief(record: logging.LogRecord) -> bool:
    """An answer that a limit cut off is one line in the log, not a traceback."""
    error: Any = record.exc_info[1] if record.exc_info else None
    if isinstance(error, ChiptrailError):
        record.msg, record.args, record.exc_info = "an answer was cut off: %s", (error,), None
    return True
