"""Errors as HTTP sees them: one shape (RFC 9457), one table from class to status."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from kg import errors

MEDIA_TYPE = "application/problem+json"

STATUS: dict[type[errors.ChiptrailError], HTTPStatus] = {
    errors.ChiptrailError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.InvalidInput: HTTPStatus.BAD_REQUEST,
    errors.InvalidData: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidQuery: HTTPStatus.BAD_REQUEST,
    errors.UnknownName: HTTPStatus.NOT_FOUND,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Gone: HTTPStatus.GONE,
    errors.NotAcceptable: HTTPStatus.NOT_ACCEPTABLE,
    errors.UnsupportedMedia: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.Unauthorized: HTTPStatus.UNAUTHORIZED,
    errors.Conflict: HTTPStatus.PRECONDITION_FAILED,
    errors.LimitExceeded: HTTPStatus.BAD_REQUEST,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.RemoteFailure: HTTPStatus.BAD_GATEWAY,
    errors.RemoteTimeout: HTTPStatus.GATEWAY_TIMEOUT,
    errors.Defect: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Every class of kg.errors (a test holds it so); a subclass speaks for itself."""

LIMIT_STATUS = {
    "query_bytes": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "update_bytes": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "upload_bytes": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "body_timeout": HTTPStatus.REQUEST_TIMEOUT,
    "query_timeout": HTTPStatus.SERVICE_UNAVAILABLE,
    "query_memory": HTTPStatus.SERVICE_UNAVAILABLE,
    "transfer_timeout": HTTPStatus.SERVICE_UNAVAILABLE,
    "result_bytes": HTTPStatus.SERVICE_UNAVAILABLE,
    "update_timeout": HTTPStatus.SERVICE_UNAVAILABLE,
    "update_memory": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""By limit, where it is not a matter of the request's form: too long, too slow, or, as other
SPARQL services say it, more work than this one does (503, without Retry-After)."""

_DETAILS = (
    *("line", "column", "kind", "name", "nearest", "offered", "supported", "limit", "value"),
    *("since", "reason", "history"),
)


def problem(status: int, detail: str, **more: Any) -> JSONResponse:
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    headers = more.pop("headers", None)
    return JSONResponse(
        body | {"detail": detail} | more, status, headers=headers, media_type=MEDIA_TYPE
    )


def as_problem(error: errors.ChiptrailError) -> JSONResponse:
    details = {key: getattr(error, key) for key in _DETAILS if getattr(error, key, None)}
    if isinstance(error, errors.InvalidData):
        details["findings"] = [str(finding) for finding in error.findings]
    headers = {}
    if isinstance(error, errors.Unavailable):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, errors.NotAcceptable):
        headers["Vary"] = "Accept"
    return problem(status_of(error), str(error), headers=headers, **details)


def status_of(error: errors.ChiptrailError) -> HTTPStatus:
    if isinstance(error, errors.LimitExceeded):
        return LIMIT_STATUS.get(error.limit, STATUS[type(error)])
    return STATUS[type(error)]


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` as a problem document."""

    async def chiptrail_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, errors.ChiptrailError)  # noqa: S101 - registered for it only
        return as_problem(error)

    async def http_error(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        headers = dict(error.headers or {})
        return problem(error.status_code, str(error.detail), headers=headers)

    async def bad_parameters(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        found = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(found), findings=found)

    app.add_exception_handler(errors.ChiptrailError, chiptrail_error)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, bad_parameters)
