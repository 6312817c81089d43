"""Where uploads wait until it is known whose they are: nothing of a stranger's body is read."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from tonfall.errors import ServiceError
from tonfall.serve.http.access import Scope
from tonfall.serve.http.asking import ADMITTED, admit
from tonfall.serve.http.gate import CLOSING, UPLOADS, refuse
from tonfall.serve.http.problems import Problem, told

__all__ = ["Lobby"]

RETRY_S = 10


class Lobby:
    """ASGI around the routes: a form is parsed, and so kept on the disk, only for who may send it.

    Args:
        app: the routes.
        most: uploads at a time.
    """

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app = app
        self._most = most
        self._inside = 0

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Let an upload through, or answer it unread; all else passes."""
        if scope["type"] != "http" or scope["path"] not in UPLOADS or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        try:
            scope[ADMITTED] = await admit(HTTPConnection(scope), Scope.INGEST)
            self._check_room()
        except (Problem, ServiceError) as error:
            await refuse(_closing(error), scope, receive, send)
            return
        self._inside += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._inside -= 1

    def _check_room(self) -> None:
        if self._inside >= self._most:
            raise Problem(
                429,
                "As many uploads as may are on their way; try again later.",
                headers={"Retry-After": str(RETRY_S)},
            )


def _closing(error: Problem | ServiceError) -> Problem:
    """The answer to what is not read: the connection ends with it."""
    problem = error if isinstance(error, Problem) else told(error)
    headers = {**(problem.headers or {}), **CLOSING}
    return Problem(problem.status_code, str(problem.detail), headers=headers)
