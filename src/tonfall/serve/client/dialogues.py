"""One call over each protocol: dial, play, wait for what the server owes, hang up."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from tonfall.errors import ServiceError
from tonfall.serve.client.address import Address, Protocol
from tonfall.serve.client.credentials import Credentials, headers_of
from tonfall.serve.client.lines import TcpLine, UdpLine
from tonfall.serve.client.pacing import Impairments, Pacer
from tonfall.serve.client.scripts import AudioHookScript, Cue, SharedScript
from tonfall.serve.client.websocket_line import WebSocketLine
from tonfall.serve.codecs import AudioHookClient

__all__ = ["Call", "CallResult", "play_call"]

OPENED_S = 5.0
CLOSED_S = 10.0
"""How long Genesys' own client waits for ``opened`` and ``closed``."""
STOPPED_S = 10.0
Line = WebSocketLine | TcpLine | UdpLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What one call is made of.

    Attributes:
        number: counted from 0.
        name: 32 hexadecimal digits.
        address: that is called.
        script: that is played.
        credentials: of the caller.
        impairments: of the network.
        speed: how many times faster than real time.
        trust: certificates that are trusted; None for the system's.
    """

    number: int
    name: str
    address: Address
    script: SharedScript | AudioHookScript
    credentials: Credentials = field(default_factory=Credentials)
    impairments: Impairments = field(default_factory=Impairments)
    speed: float = 1.0
    trust: ssl.SSLContext | None = None

    def pacer(self, line: Line, cues: Iterator[Cue]) -> Pacer:
        """What sends the cues, over this network."""
        overtaking = self.address.protocol is Protocol.RTP
        through = self.impairments.applied(cues, call=self.number, overtaking=overtaking)
        return Pacer(line, through, speed=self.speed)


@dataclass(slots=True)
class CallResult:
    """What became of a call.

    Attributes:
        name: 32 hexadecimal digits.
        external_id: as the server calls it; None where it decides by itself.
        started: ``time.monotonic()`` of the audio's first sample.
        seconds: of audio that were sent.
        frames: messages, packets or datagrams that were sent.
        behind_s: by how much the latest of them was sent too late.
        acknowledged: True where the server said that it took all; None where it never says.
        close_code: of the WebSocket.
        close_reason: that the server gave.
        error: in one sentence; empty where all went well.
    """

    name: str
    external_id: str | None
    started: float = 0.0
    seconds: float = 0.0
    frames: int = 0
    behind_s: float = 0.0
    acknowledged: bool | None = None
    close_code: int | None = None
    close_reason: str = ""
    error: str = ""


async def play_call(call: Call, *, result: CallResult) -> None:
    """Play one call to its end, or until the server ends it.

    Args:
        call: to be played.
        result: that is filled in as it goes.
    """
    try:
        if isinstance(call.script, AudioHookScript):
            await _play_audiohook(call, call.script, result)
        else:
            await _play_shared(call, call.script, result)
    except ServiceError as error:
        result.error = str(error)


async def _play_shared(call: Call, script: SharedScript, result: CallResult) -> None:
    line = await _dial(call)
    try:
        complete = await _play(call.pacer(line, script.cues(call.name)), result)
        if complete and call.address.protocol is Protocol.NATIVE:
            result.acknowledged = await _is_stopped(line)
    finally:
        await line.hang_up()
        _note_end(line, result)
    if not complete:
        result.error = _cut_off(result)


async def _dial(call: Call) -> Line:
    if call.address.protocol is Protocol.AUDIOSOCKET:
        return await TcpLine.dial(call.address)
    if call.address.protocol is Protocol.RTP:
        return await UdpLine.dial(call.address)
    subprotocols = ("media",) if call.address.protocol is Protocol.CHAN_WEBSOCKET else ()
    headers = headers_of(call.credentials, call.address, name=call.name)
    return await WebSocketLine.dial(
        call.address, headers=headers, subprotocols=subprotocols, trust=call.trust
    )


async def _play(pacer: Pacer, result: CallResult) -> bool:
    result.started = pacer.started
    try:
        return await pacer.run()
    finally:
        result.seconds, result.frames = pacer.seconds, pacer.frames
        result.behind_s = pacer.behind_s


async def _is_stopped(line: Line) -> bool:
    """True once the server said that it took all."""
    assert isinstance(line, WebSocketLine)
    until = time.monotonic() + STOPPED_S
    while (left := until - time.monotonic()) > 0:
        message = await line.receive(patience_s=left)
        if not isinstance(message, str):
            return False
        with contextlib.suppress(ValueError, AttributeError):
            if json.loads(message).get("type") == "stopped":
                return True
    return False


async def _play_audiohook(call: Call, script: AudioHookScript, result: CallResult) -> None:
    identifier = str(uuid.UUID(call.name))
    client = AudioHookClient(
        session_id=identifier,
        conversation_id=identifier,
        organization_id=call.credentials.organization,
    )
    line = await _dial(call)
    assert isinstance(line, WebSocketLine)
    try:
        await _hold_session(call, script, client, line, result)
    finally:
        await line.hang_up()
        _note_end(line, result)


async def _hold_session(
    call: Call,
    script: AudioHookScript,
    client: AudioHookClient,
    line: WebSocketLine,
    result: CallResult,
) -> None:
    line.send([client.open()])
    if await _until(line, client, {"opened"}, OPENED_S) != "opened":
        raise ServiceError(f"The server did not open the session in {OPENED_S:g} s.")
    pacer = call.pacer(line, script.cues(client))
    listening = asyncio.ensure_future(_until(line, client, {"disconnect"}, None))
    listening.add_done_callback(lambda _: pacer.stop())
    complete = await _play(pacer, result)
    listening.cancel()
    if line.gone:
        result.error = _cut_off(result)
        return
    line.send([client.message("close", {"reason": "end" if complete else "disconnect"})])
    result.acknowledged = await _until(line, client, {"closed"}, CLOSED_S) == "closed"
    if not complete:
        result.error = f"The server disconnected after {result.seconds:.1f} s."


async def _until(
    line: WebSocketLine, client: AudioHookClient, kinds: set[str], patience_s: float | None
) -> str | None:
    """Take what the server says until it says one of these; None where it does not."""
    until = time.monotonic() + (1e9 if patience_s is None else patience_s)
    while (left := until - time.monotonic()) > 0:
        message = await line.receive(patience_s=left)
        if message is None:
            return None
        if isinstance(message, str) and (kind := client.receive(message).type) in kinds:
            return kind
    return None


def _note_end(line: Line, result: CallResult) -> None:
    result.close_code = line.close_code
    result.close_reason = result.close_reason or line.close_reason


def _cut_off(result: CallResult) -> str:
    reason = f": {result.close_reason.rstrip('.')}" if result.close_reason else ""
    code = f" with {result.close_code}" if result.close_code else ""
    return f"The server closed the connection{code} after {result.seconds:.1f} s{reason}."
