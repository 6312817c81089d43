"""WebSockets of telephone systems: checked here, then handed to a session.

The rules of OWASP ASVS 5.0, V4.4: only by TLS (the gate), only from listed origins (the gate), and
for browsers, which can send no key, only with a ticket that was asked for by HTTPS and is used up.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from fastapi import APIRouter, WebSocket

from tonfall.errors import ServiceError
from tonfall.serve.carriers import Close, Knock, Refusal, Session
from tonfall.serve.http.access import Principal, Scope
from tonfall.serve.http.asking import identify
from tonfall.serve.http.problems import Problem, problem_response, stops, told
from tonfall.serve.http.services import Services, services_of
from tonfall.serve.http.websocket import EXTENSION, WebSocketConnection

__all__ = ["router"]

router = APIRouter()
AUDIOHOOK_FAILURE_S = 0.5
"""What a failed signature costs, as in Genesys' own server."""
STILL_S = 10.0
"""Seconds after which the key of somebody who stays connected is looked up again."""

Admit = Callable[[Services, Knock], Session | Refusal]


@router.websocket("/v1/stream")
async def stream(websocket: WebSocket) -> None:
    """Our own protocol, for those who have the scope ingest."""
    services = services_of(websocket)
    try:
        who = await identify(websocket, services, tickets=True)
        if not who.may(Scope.INGEST):
            raise Problem(403, "This needs a key with the scope ingest.")
    except Problem as problem:
        await _deny(websocket, problem)
        return
    except ServiceError as error:
        await _deny(websocket, told(error))
        return
    guard = asyncio.ensure_future(_watch(websocket, services, who))
    try:
        may_read = who.may(Scope.READ)
        await _serve(
            websocket,
            lambda ours, knock: ours.doors.native(who.tenant, knock, may_read=may_read),
        )
    finally:
        guard.cancel()


@router.websocket("/v1/twilio/{account}")
async def twilio(websocket: WebSocket, account: str) -> None:
    """Twilio Media Streams."""
    await _serve(websocket, lambda ours, knock: ours.doors.twilio(account, knock))


@router.websocket("/v1/audiohook")
async def audiohook(websocket: WebSocket) -> None:
    """Genesys AudioHook."""
    await _serve(
        websocket, lambda ours, knock: ours.doors.audiohook(knock), failure_s=AUDIOHOOK_FAILURE_S
    )


@router.websocket("/v1/asterisk/{connection}")
async def asterisk(websocket: WebSocket, connection: str) -> None:
    """Asterisk's chan_websocket."""
    subprotocol = "media" if "media" in websocket.scope["subprotocols"] else None
    await _serve(
        websocket,
        lambda ours, knock: ours.doors.asterisk(connection, knock),
        subprotocol=subprotocol,
    )


async def _serve(
    websocket: WebSocket,
    admit: Admit,
    *,
    subprotocol: str | None = None,
    failure_s: float = 0.0,
) -> None:
    """Let a connection in, or say why not; then until it is closed, its session has it."""
    services = services_of(websocket)
    if services.draining:
        await _deny(websocket, stops("call again"))
        return
    admitted = admit(services, _knock(websocket, services))
    if isinstance(admitted, Refusal):
        await asyncio.sleep(failure_s)
        await _deny(websocket, Problem(admitted.status, admitted.sentence))
        return
    try:
        await websocket.accept(subprotocol)
        await _connection(websocket).run(admitted, pace=services.pace)
    finally:
        admitted.gone(clean=False)


def _connection(websocket: WebSocket) -> WebSocketConnection:
    """The connection itself, past ASGI, which our server alone has."""
    connection = websocket.scope["extensions"][EXTENSION]
    assert isinstance(connection, WebSocketConnection)
    return connection


async def _watch(websocket: WebSocket, services: Services, who: Principal) -> None:
    """Close the connection of a key that works no more; a database that is away closes none."""
    may = True
    while may:
        await asyncio.sleep(STILL_S)
        with contextlib.suppress(ServiceError):
            may = await services.access.still(who)
    _connection(websocket).send_out([Close(1008, "The key works no more.")])


def _knock(websocket: WebSocket, services: Services) -> Knock:
    scope = websocket.scope
    path = scope["raw_path"].decode("ascii")
    query = scope["query_string"].decode("ascii")
    return Knock(
        target=f"{path}?{query}" if query else path,
        authority=websocket.headers.get("host", ""),
        headers=dict(websocket.headers.items()),
        unix_s=time.time(),
        now=services.now(),
    )


async def _deny(websocket: WebSocket, problem: Problem) -> None:
    """Answer in place of accepting."""
    response = problem_response(problem.status_code, str(problem.detail), problem.headers)
    await websocket.send_denial_response(response)
