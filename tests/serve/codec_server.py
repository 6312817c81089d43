"""A server without a model: real sockets, the carriers behind them, and what they told."""

from __future__ import annotations

import asyncio
import http
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tonfall.serve.codecs import (
    AudioHook,
    AudioSocket,
    CallEnded,
    Carrier,
    ChanWebSocket,
    Event,
    Native,
    Reply,
    Rtp,
    Twilio,
)

__all__ = ["CodecServer", "Heard", "codec_server"]

CARRIERS: dict[str, Callable[[Request], Carrier]] = {
    "/v1/stream": lambda request: Native(),
    "/v1/twilio/main": lambda request: Twilio(),
    "/v1/asterisk/main": lambda request: ChanWebSocket(),
    "/v1/audiohook": lambda request: AudioHook(
        session_id=request.headers["audiohook-session-id"],
        organization_id=request.headers["audiohook-organization-id"],
    ),
}


@dataclass
class Heard:
    """One connection."""

    carrier: Carrier
    headers: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    came: list[float] = field(default_factory=list)

    def take(self, frame: str | bytes) -> list[Event]:
        events = self.carrier.receive(frame, now=time.monotonic())
        self.came.append(time.monotonic())
        self.events += events
        if isinstance(self.carrier, AudioHook) and any(
            isinstance(event, CallEnded) for event in events
        ):
            events += self.carrier.finish()
        return events


@dataclass
class CodecServer:
    """What was heard, and where to call."""

    heard: list[Heard] = field(default_factory=list)
    ports: dict[str, int] = field(default_factory=dict)
    refusal: tuple[int, str] | None = None
    after_frames: Callable[[ServerConnection, int], Any] | None = None

    def url(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.ports['ws']}{path}"

    async def talk(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        request = connection.request
        heard = Heard(CARRIERS[request.path](request), dict(request.headers.raw_items()))
        self.heard.append(heard)
        try:
            async for frame in connection:
                for event in heard.take(frame):
                    if isinstance(event, Reply):
                        await connection.send(event.content)
                if self.after_frames is not None:
                    await self.after_frames(connection, len(heard.came))
                if heard.carrier.over:
                    break
        except ConnectionClosed:
            pass
        heard.events += heard.carrier.close(clean=True)

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        if self.refusal is None:
            return None
        status, body = self.refusal
        return connection.respond(http.HTTPStatus(status), body)

    async def audiosocket(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = Heard(AudioSocket())
        self.heard.append(heard)
        while not heard.carrier.over and (data := await reader.read(4096)):
            heard.take(data)
        heard.events += heard.carrier.close(clean=True)
        writer.close()

    def rtp(self) -> asyncio.DatagramProtocol:
        heard = Heard(Rtp(call_id="c1"))
        self.heard.append(heard)

        class Port(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: object) -> None:
                heard.take(data)

        return Port()


@asynccontextmanager
async def codec_server(*, tls: ssl.SSLContext | None = None) -> AsyncIterator[CodecServer]:
    """All protocols on free ports of this machine; the WebSockets with TLS if asked for."""
    server = CodecServer()
    loop = asyncio.get_running_loop()
    options: dict[str, Any] = {"process_request": server.admit, "compression": None, "ssl": tls}
    async with serve(server.talk, "127.0.0.1", 0, **options) as sockets:
        server.ports["ws"] = _port(sockets)
        tcp = await asyncio.start_server(server.audiosocket, "127.0.0.1", 0)
        server.ports["tcp"] = tcp.sockets[0].getsockname()[1]
        udp, _ = await loop.create_datagram_endpoint(server.rtp, local_addr=("127.0.0.1", 0))
        server.ports["udp"] = udp.get_extra_info("sockname")[1]
        try:
            yield server
        finally:
            udp.close()
            tcp.close()
            await tcp.wait_closed()


def _port(server: Server) -> int:
    port: int = next(iter(server.sockets)).getsockname()[1]
    return port
