"""Running the application under uvicorn."""

from __future__ import annotations

import uvicorn

from api.app import create_app
from kg import operations
from kg.build import Progress
from kg.config import Settings


def serve(settings: Settings, empty: bool, progress: Progress) -> None:
    """Prepare the store if there is none, then serve until interrupted."""
    operations.prepare(settings, empty, progress)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_level="info",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
