"""Who may write: the one bearer token of the configuration (RFC 6750)."""

from __future__ import annotations

import hashlib
import hmac

from api.exchange import Exchange
from kg.errors import Forbidden, Unauthorized

_HASHED = "sha256:"


def require_token(exchange: Exchange) -> None:
    """Let a request pass that carries the write token.

    The setting is the token itself or ``sha256:`` and the hex digits of its hash.

    :raises Forbidden: no token is configured: there are no writes.
    :raises Unauthorized: the token is missing or wrong.
    """
    configured = exchange.service.settings.write_token
    if not configured:
        raise Forbidden("writes are off: the server was started without CHIPTRAIL_WRITE_TOKEN")
    scheme, _, given = exchange.header(b"authorization").partition(" ")
    if scheme.lower() != "bearer" or not given.strip():
        raise Unauthorized("a write needs the header 'Authorization: Bearer …'")
    if not hmac.compare_digest(_digest(given.strip()), _expected(configured)):
        raise Unauthorized("the token is wrong")


def _expected(configured: str) -> str:
    if configured.startswith(_HASHED):
        return configured.removeprefix(_HASHED).lower()
    return _digest(configured)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
