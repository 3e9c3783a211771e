"""What the servers are measured against: the engine in process, and bare ASGI applications.

    python -m benchmarks.bare measure LOAD STORE SECONDS     the engine, no server: JSON
    python -m benchmarks.bare engine LOAD STORE PORT         over the engine in memory
    python -m benchmarks.bare nothing LOAD STORE PORT        no engine: the same bytes always

The applications protect nothing: a runaway query stops them, and nothing is durable.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pyoxigraph as ox
import uvicorn

from benchmarks.client import Figures, figures
from benchmarks.load import JSON, REPEATED, TURTLE, Question, questions, read

Application = Callable[[Any, Any, Any], Awaitable[None]]
MEASURED = "/measured"
"""Where the application over the engine tells how long the engine took, instead of the answer."""
_LEAST = 5
_UNUSED = 10**9


def main() -> None:
    what, load_folder, store_folder, number = sys.argv[1:]
    asked = questions(read(Path(load_folder)))
    disk = ox.Store.read_only(store_folder)
    if what == "nothing":
        _serve(_constant(_answer(disk, asked[REPEATED].text(0))[0]), int(number))
        return
    memory = ox.Store()
    memory.bulk_extend(disk)
    if what == "engine":
        del disk
        _serve(_over(memory), int(number))
        return
    stores = {"memory": memory, "disk": disk}
    measured = {
        kind: {
            name: asdict(_measure(store, question, float(number)))
            for name, question in asked.items()
        }
        for kind, store in stores.items()
    }
    print(json.dumps(measured))


def _serve(application: Application, port: int) -> None:
    uvicorn.run(
        application, port=port, access_log=False, log_level="warning", ws="none", lifespan="off"
    )


def _answer(store: ox.Store, text: str) -> tuple[bytes, str]:
    output = io.BytesIO()
    results = store.query(text)
    if isinstance(results, ox.QueryTriples):
        results.serialize(output, ox.RdfFormat.TURTLE)
        return output.getvalue(), TURTLE
    results.serialize(output, ox.QueryResultsFormat.JSON)
    return output.getvalue(), JSON


def _over(store: ox.Store) -> Application:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "POST":
            store.update(parse_qs(await _body(receive))[b"update"][0].decode())
            await _send(send, b"", JSON)
            return
        query = parse_qs(scope["query_string"])[b"query"][0].decode()
        begun = time.perf_counter()
        body, media_type = _answer(store, query)
        if scope["path"] == MEASURED:
            measured = {"seconds": time.perf_counter() - begun, "bytes": len(body)}
            body, media_type = json.dumps(measured).encode(), "application/json"
        await _send(send, body, media_type)

    return application


async def _body(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message["body"]
        more = message.get("more_body", False)
    return body


def _constant(body: bytes) -> Application:
    async def application(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        await _send(send, body, JSON)

    return application


async def _send(send: Any, body: bytes, media_type: str) -> None:
    headers = [
        (b"content-type", media_type.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _measure(store: ox.Store, question: Question, seconds: float) -> Figures:
    times: list[float] = []
    sent = 0
    _answer(store, question.text(_UNUSED))
    begun = time.perf_counter()
    while (now := time.perf_counter()) < begun + seconds or len(times) < _LEAST:
        sent += len(_answer(store, question.text(len(times)))[0])
        times.append(time.perf_counter() - now)
    return figures(times, 0, time.perf_counter() - begun, sent)


if __name__ == "__main__":
    main()
