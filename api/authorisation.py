"""Who may write, and who it was that did, and why."""

from __future__ import annotations

import re
from urllib.parse import unquote

from api.exchange import Exchange
from api.service import Service
from kg.errors import Forbidden, InvalidInput, Unauthorized
from kg.serving import Credit, Written

REASON_HEADER = "Change-Reason"
REASON_LENGTH = 1000
"""Characters of a reason."""

_EXTENDED = re.compile(r"utf-8'[^']*'(.*)", re.IGNORECASE | re.DOTALL)  # RFC 8187, 3.2
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def credit(exchange: Exchange) -> Credit:
    """Who writes and why, of a request to a protocol endpoint; see :func:`credit_of`."""
    reason = exchange.header(REASON_HEADER.lower().encode())
    return credit_of(exchange.service, exchange.header(b"authorization"), reason)


def credit_of(service: Service, authorization: str, reason: str) -> Credit:
    """Who writes and why, from the values of the two headers.

    :raises Forbidden: no token is configured: there are no writes.
    :raises Unauthorized: the token is missing or wrong.
    :raises InvalidInput: the reason is too long, or not UTF-8.
    """
    tokens = service.tokens
    if not tokens.holders:
        raise Forbidden(
            "writes are off: the server was started without CHIPTRAIL_WRITE_TOKEN and"
            " CHIPTRAIL_WRITE_TOKENS"
        )
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() != "bearer" or not given.strip():
        raise Unauthorized("a write needs the header 'Authorization: Bearer …'")
    holder = tokens.holder(given.strip())
    if holder is None:
        raise Unauthorized("the token is wrong")
    return Credit(holder, read_reason(reason))


def read_reason(value: str) -> str:
    """The reason in a header: UTF-8 as it is, or percent-encoded after ``UTF-8''`` (RFC 8187)."""
    extended = _EXTENDED.fullmatch(value)
    try:
        if extended:
            text = unquote(extended[1], errors="strict")
        else:
            text = value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(f"{REASON_HEADER} is not UTF-8; UTF-8''%… says it in ASCII") from None
    if len(text) > REASON_LENGTH or _CONTROL.search(text):
        raise InvalidInput(
            f"{REASON_HEADER} has at most {REASON_LENGTH} characters, and no control characters"
        )
    return text.strip()


def written_headers(written: Written) -> dict[str, str]:
    """Of the answer to a write: nobody keeps it, and where its entry in the log is."""
    link = f'</api/revisions/{written.number}>; rel="describedby"'
    return {"Cache-Control": "no-store", "Link": link}
