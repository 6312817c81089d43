"""What goes wrong, as problem details (RFC 9457): one sentence, and never what was sent."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.routing import Match

from tonfall.errors import AudioError, ConfigError, ServiceError
from tonfall.serve.store import GoneError, StoreError

__all__ = [
    "MEDIA_TYPE",
    "Problem",
    "ProblemDocument",
    "add_handlers",
    "mistake",
    "no_room",
    "problem_response",
    "stops",
    "told",
]

MEDIA_TYPE = "application/problem+json"

_log = logging.getLogger(__name__)


class Problem(HTTPException):
    """A request that is answered with an error.

    Args:
        status: of HTTP.
        detail: one sentence: what was found, what was expected, what to do.
        headers: of the answer.
    """

    def __init__(
        self, status: int, detail: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))


class ProblemDocument(BaseModel):
    """An error."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Not Found",
                "status": 404,
                "detail": "There is no such call.",
            }
        }
    )

    type: str = "about:blank"
    title: str
    status: int
    detail: str


def problem_response(
    status: int, detail: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The answer to a request that went wrong."""
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    content = ProblemDocument(title=title, status=status, detail=detail).model_dump()
    return JSONResponse(content, status, dict(headers or {}), media_type=MEDIA_TYPE)


def stops(what: str = "send it again") -> Problem:
    """The answer to what the server cannot do any more since it stops."""
    return Problem(503, f"The server is about to stop; {what}.", headers={"Retry-After": "5"})


def mistake() -> Problem:
    """The answer where something of ours failed; what it was is for the log alone."""
    return Problem(500, "The server made a mistake; it was logged.")


def no_room(what: str = "recording") -> Problem:
    """The answer to what the disk has no room for."""
    text = f"The server has no room for the {what}; try again later."
    return Problem(507, text, headers={"Retry-After": "60", "Connection": "close"})


def told(error: Exception) -> Problem:
    """One of our own errors as an answer."""
    if isinstance(error, StoreError):
        return _away(error)
    if isinstance(error, GoneError):
        return Problem(404, str(error))
    if isinstance(error, ServiceError):
        retry = {"Retry-After": "5"} if error.retry else {}
        return Problem(503 if error.retry else 409, str(error), headers=retry)
    return Problem(422, str(error))


def _away(error: StoreError) -> Problem:
    """Which database, and what its driver says, is for the log alone."""
    _log.warning("A request failed. %s", error)
    if not error.retry:
        return mistake()
    text = "has no room left" if error.full else "cannot be used now"
    text = f"The database {text}; try again later."
    return Problem(503, text, headers={"Retry-After": "5"})


def add_handlers(app: FastAPI) -> None:
    """Answer every error as a problem."""
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    for kind in (AudioError, ConfigError, ServiceError):
        app.add_exception_handler(kind, _on_ours)
    app.add_exception_handler(Exception, _on_mistake)


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        # The framework names the methods of the first route of that path, and leaves out others.
        return problem_response(405, str(error.detail), {"Allow": ", ".join(_allowed(request))})
    if error.status_code in (400, 507) and isinstance(error.__cause__, OSError):
        # While a form is read, the framework blames the client for our disk.
        _log.error("An upload cannot be kept: %s", error.__cause__.strerror)
        error = no_room()
    return problem_response(error.status_code, str(error.detail), error.headers)


def _allowed(request: Request) -> list[str]:
    """The methods of all routes of the path that was asked for."""
    methods: set[str] = set()
    for route in request.app.state.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            methods |= getattr(route, "methods", None) or set()
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)


async def _on_invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first: Any = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return problem_response(422, f"{place}: {first['msg'].rstrip('.')}.")


async def _on_ours(request: Request, error: Exception) -> JSONResponse:
    return await _on_http(request, told(error))


async def _on_mistake(_: Request, error: Exception) -> JSONResponse:
    _log.error("A request failed by a mistake of ours: %s", type(error).__name__)
    problem = mistake()
    return problem_response(problem.status_code, str(problem.detail))
