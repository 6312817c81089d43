"""Forms with a recording: one file and a few short fields, of which little stays in memory."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from tonfall.serve.http.gate import CLOSING
from tonfall.serve.http.problems import Problem

__all__ = ["UploadRequest", "UploadRoute"]

FORM = "multipart/form-data"
MOST_FIELDS = 16
"""More than any route has, so that a client may send what we do not know."""
LONGEST_FIELD = 1024
"""Bytes; fields are kept in memory."""


class UploadRequest(Request):
    """A request whose form may hold one file.

    Starlette keeps the first megabyte of each file in memory and takes a thousand of them, so the
    limit on the body alone does not bound the memory that a form takes.
    """

    def form(self, **_: object) -> Any:
        """The form, whatever limits the framework has in mind.

        Raises:
            Problem: it is none.
            HTTPException: it has more files, more fields or longer ones, or cannot be read.
        """
        said = self.headers.get("content-type", "")
        if said.partition(";")[0].strip().lower() != FORM:
            raise Problem(415, f"A recording is sent as {FORM}, in the part file.", headers=CLOSING)
        return super().form(max_files=1, max_fields=MOST_FIELDS, max_part_size=LONGEST_FIELD)


class UploadRoute(APIRoute):
    """A route that takes a recording."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route, given an :class:`UploadRequest`."""
        handle = super().get_route_handler()

        async def handle_upload(request: Request) -> Response:
            return await handle(UploadRequest(request.scope, request.receive))

        return handle_upload
