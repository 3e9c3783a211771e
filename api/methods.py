"""Methods of HTTP that routes need not think of: HEAD, OPTIONS, and 405 with what there is."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem

_ORDER = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")
_MOUNTED = frozenset({"GET", "HEAD"})


class Methods:
    """ASGI middleware: answers HEAD as GET without its body, OPTIONS, and unknown methods."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        """``routes``: all that there are. The framework's own list has routers in it, unopened."""
        self.app, self.routes = app, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        looks = scope["type"] == "http" and scope["method"] != "GET"  # which routes see to
        allowed = self._allowed(scope) if looks else frozenset()
        if not allowed or scope["method"] in allowed:
            await self.app(scope, receive, send)
        elif scope["method"] == "HEAD" and "GET" in allowed:
            as_get = {**scope, "method": "GET", "head": True}
            await self.app(as_get, receive, _without_body(send))
        elif scope["method"] == "OPTIONS":
            await send(_start(204, _listed(allowed)))
            await send({"type": "http.response.body"})
        else:
            there_is = _listed(allowed)
            answer = problem(405, f"there is: {there_is}", headers={"Allow": there_is})
            await answer(scope, receive, send)

    def _allowed(self, scope: Scope) -> frozenset[str]:
        """What the routes for the path of ``scope`` answer to; empty where there is none."""
        found: set[str] = set()
        for route in self.routes:
            if route.matches(scope)[0] is not Match.NONE:
                found |= (route.methods or set()) if isinstance(route, Route) else _MOUNTED
        return frozenset(found)


def _listed(allowed: frozenset[str]) -> str:
    also = {"OPTIONS"} | ({"HEAD"} if "GET" in allowed else set())
    return ", ".join(sorted(allowed | also, key=_ORDER.index))


def _start(status: int, allow: str) -> Message:
    return {
        "type": "http.response.start",
        "status": status,
        "headers": [(b"allow", allow.encode("ascii"))],
    }


def _without_body(send: Send) -> Send:
    """``send`` for the answer to a HEAD: its head as it is, nothing else."""

    async def send_head(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
        elif not message.get("more_body", False):
            await send({"type": "http.response.body"})

    return send_head
