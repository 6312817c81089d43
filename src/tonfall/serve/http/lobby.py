"""Where uploads wait until it is known whose they are: nothing of a stranger's body is read."""

from __future__ import annotations

from collections import Counter

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from tonfall.errors import ServiceError
from tonfall.serve.http.access import Scope
from tonfall.serve.http.asking import ADMITTED, admit
from tonfall.serve.http.gate import CLOSING, UPLOADS, refuse
from tonfall.serve.http.problems import Problem, told
from tonfall.serve.http.services import services_of

__all__ = ["Lobby"]

RETRY_S = 10


class Lobby:
    """ASGI around the routes: a form is parsed, and so kept on the disk, only for who may send it.

    A tenant gets one more place while it has fewer than are free. So one alone may have half of
    them, and there is always room for a tenant that has none yet.

    Args:
        app: the routes.
        most: uploads at a time, each from its first byte to its answer.
    """

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self._app = app
        self._most = most
        self._inside: Counter[str] = Counter()

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Let an upload through, or answer it unread; all else passes."""
        if scope["type"] != "http" or scope["path"] not in UPLOADS or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        try:
            connection = HTTPConnection(scope)
            who = scope[ADMITTED] = await admit(connection, Scope.INGEST)
            self._check_room(who.tenant, connection)
        except (Problem, ServiceError) as error:
            await refuse(_closing(error), scope, receive, send)
            return
        self._inside[who.tenant] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._inside[who.tenant] -= 1
            self._inside += Counter()  # Forget tenants that have none.

    def _check_room(self, tenant: str, connection: HTTPConnection) -> None:
        if self._inside[tenant] < self._most - self._inside.total():
            return
        services_of(connection).uploads.refused += 1
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
