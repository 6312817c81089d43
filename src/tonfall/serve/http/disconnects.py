"""Clients that hang up before they are answered."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.types import Receive

from tonfall.serve.http.problems import Problem

__all__ = ["gone", "unless_gone"]

_Result = TypeVar("_Result")

CLIENT_CLOSED = 499
"""What web servers log where nobody is left to be answered; no client sees it."""


async def gone(receive: Receive) -> None:
    """Return once the client has hung up; its body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def unless_gone(receive: Receive, work: Coroutine[Any, Any, _Result]) -> _Result:
    """What some work gives; it is cancelled as soon as the client hangs up.

    Raises:
        Problem: the client has hung up.
    """
    working = asyncio.ensure_future(work)
    left = asyncio.ensure_future(gone(receive))
    try:
        await asyncio.wait((working, left), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise Problem(CLIENT_CLOSED, "The client hung up before it was answered.")
    finally:
        for task in (working, left):
            task.cancel()
        await asyncio.gather(working, left, return_exceptions=True)
