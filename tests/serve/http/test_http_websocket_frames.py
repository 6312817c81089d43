"""The short way from socket to session brings what the WebSocket library would bring."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

from tonfall.serve.carriers import Close, Pace
from tonfall.serve.carriers.pace import MANY, TICKS
from tonfall.serve.carriers.turn import LEAST_FRAMES, MOST_FRAMES, TICK_S
from tonfall.serve.codecs import EndReason
from tonfall.serve.http import frames as frames_of_ours
from tonfall.serve.http import websocket
from tonfall.serve.http.http1 import HttpConnection
from tonfall.serve.http.serving import Serving
from tonfall.serve.http.websocket import EXTENSION, WebSocketConnection

MOST = websocket.LONGEST_MESSAGE
Message = str | bytes
messages = st.lists(
    st.one_of(st.text(max_size=300), st.binary(max_size=300), st.binary(max_size=2_000)),
    max_size=8,
)


class Wire(asyncio.Transport):
    """A socket of which only the written bytes are kept."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written = b""
        self.closed = self.paused = False
        self.protocol: Any = None

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol


class Collected:
    """A session that keeps what it is given, and has enough of empty frames after some."""

    congested = over = False

    def __init__(self, *, empty: int = 10_000) -> None:
        self.frames: list[Message] = []
        self.ended: list[bool] = []
        self.empty = empty

    def attach(self, send: Any, *, unread: Any = int) -> None:
        self.send = send

    def receive(self, frame: Message, *, now: float) -> list[Any]:
        self.frames.append(frame)
        return [Close(1008, "Enough.")] if frame == "enough" else []

    def spend(self, *, now: float) -> list[Any]:
        self.empty -= 1
        return [Close(1008, EndReason.EMPTY)] if self.empty < 0 else []

    def gone(self, *, clean: bool) -> None:
        self.ended.append(clean)


async def opened(session: Collected) -> tuple[WebSocketConnection, Wire, ClientProtocol]:
    """A WebSocket after its handshake, taken over by a session, and its client."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await scope["extensions"][EXTENSION].run(session, pace=pace)

    pace = Pace(asyncio.get_running_loop())
    http = HttpConnection(Serving(app=app, header_s=10))
    client, wire = ClientProtocol(parse_uri("ws://127.0.0.1/")), Wire()
    http.connection_made(wire)
    client.send_request(client.connect())
    http.data_received(b"".join(client.data_to_send()))
    for _ in range(5):
        await asyncio.sleep(0)
    client.receive_data(wire.written)
    wire.written = b""
    [response] = client.events_received()
    assert isinstance(response, Response)
    assert isinstance(wire.protocol, WebSocketConnection)
    return wire.protocol, wire, client


async def all_taken(wire: Wire) -> None:
    """Wait until the connection no longer rests from a long read."""
    while wire.paused and not wire.closed:
        await asyncio.sleep(TICK_S)


def sent(client: ClientProtocol, frames: list[Message], cuts: list[int]) -> bytes:
    """Masked frames, some of them fragmented, with pings between."""
    for number, frame in enumerate(frames):
        data = frame.encode() if isinstance(frame, str) else frame
        cut = cuts[number % len(cuts)] if cuts else 0
        send = client.send_text if isinstance(frame, str) else client.send_binary
        if cut % 3 == 2 and len(data) > 2:
            send(data[: len(data) // 2], fin=False)
            client.send_ping(b"between")
            client.send_continuation(data[len(data) // 2 :], fin=True)
        else:
            send(data)
        if cut % 5 == 1:
            client.send_ping(b"after")
    return b"".join(client.data_to_send())


def pings(frames: list[Message], cuts: list[int]) -> int:
    """How many of them :func:`sent` sends."""
    count = 0
    for number, frame in enumerate(frames):
        cut = cuts[number % len(cuts)] if cuts else 0
        length = len(frame.encode() if isinstance(frame, str) else frame)
        count += (cut % 3 == 2 and length > 2) + (cut % 5 == 1)
    return count


@settings(max_examples=60, deadline=None)
@given(messages, st.lists(st.integers(1, 200), max_size=30))
def test_any_cut_of_the_bytes_brings_the_same_messages(
    frames: list[Message], cuts: list[int]
) -> None:
    async def run() -> tuple[Collected, int]:
        session = Collected()
        server, wire, client = await opened(session)
        data = sent(client, frames, cuts)
        position = 0
        for length in cuts:
            server.data_received(data[position : position + length])
            position += length
        server.data_received(data[position:])
        await all_taken(wire)
        client.receive_data(wire.written)
        pongs = [each for each in client.events_received() if each.opcode is Opcode.PONG]  # type: ignore[union-attr]
        server.connection_lost(None)
        await asyncio.sleep(0)
        return session, len(pongs)

    session, pongs = asyncio.run(run())
    assert session.frames == frames
    assert session.ended == [False]
    assert pongs == pings(frames, cuts)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400), st.integers(1, 50))
def test_rubbish_closes_or_waits_and_never_raises(data: bytes, step: int) -> None:
    async def run() -> None:
        session = Collected()
        server, _, client = await opened(session)
        server.data_received(sent(client, ["good"], []))
        for position in range(0, len(data), step):
            server.data_received(data[position : position + step])
        server.connection_lost(None)
        assert session.frames[0] == "good"

    asyncio.run(run())


def test_a_session_that_has_enough_closes_and_hears_no_more() -> None:
    async def run() -> tuple[Collected, int | None]:
        session = Collected()
        server, wire, client = await opened(session)
        server.data_received(sent(client, ["one", "enough", "two"], []))
        client.receive_data(wire.written)
        assert client.close_rcvd is not None
        server.data_received(b"".join(client.data_to_send()))
        assert wire.closed
        server.connection_lost(None)
        return session, client.close_rcvd.code

    session, code = asyncio.run(run())
    assert session.frames == ["one", "enough"]
    assert code == 1008
    assert session.ended == [True]


def test_a_frame_longer_than_may_be_is_refused_from_its_head() -> None:
    async def run() -> int:
        server, wire, client = await opened(Collected())
        head = bytes([0x82, 0x80 | 127]) + (2**40).to_bytes(8, "big") + os.urandom(4)
        server.data_received(head)
        client.receive_data(wire.written)
        assert client.close_rcvd is not None
        return int(client.close_rcvd.code)

    assert asyncio.run(run()) == 1009


def test_a_connection_is_read_on_for_a_while_after_a_long_frame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket, "LINGER_S", 0.05)
    monkeypatch.setattr(websocket, "MOST_THROWN_AWAY", 100_000)

    async def run() -> None:
        for more in (100_000, 100_001):
            server, wire, _ = await opened(Collected())
            head = bytes([0x82, 0x80 | 127]) + (2**40).to_bytes(8, "big") + os.urandom(4)
            server.data_received(head)
            assert not wire.closed  # or what we said would be lost where the rest still comes
            server.data_received(bytes(more))
            assert wire.closed == (more > 100_000)
            while not wire.closed:
                await asyncio.sleep(0.01)
            server.connection_lost(None)

    asyncio.run(run())


def flood(frame: Frame, count: int) -> bytes:
    return frame.serialize(mask=True) * count


@pytest.mark.parametrize(
    "frame",
    [Frame(Opcode.BINARY, b"ab"), Frame(Opcode.PING, b""), Frame(Opcode.TEXT, b"{}")],
    ids=["tiny", "pings", "text"],
)
def test_a_flood_is_taken_in_turns_between_which_nothing_is_read(frame: Frame) -> None:
    async def run() -> None:
        session = Collected()
        server, wire, client = await opened(session)
        server.data_received(flood(frame, 2_000))
        client.receive_data(wire.written)
        wire.written = b""
        first = len(session.frames) or len(client.events_received())
        assert LEAST_FRAMES <= first <= MOST_FRAMES
        assert wire.paused
        await all_taken(wire)
        client.receive_data(wire.written)
        assert len(session.frames) or first + len(client.events_received()) == 2_000
        server.data_received(flood(Frame(Opcode.BINARY, b"last"), 1))
        assert session.frames[-1] == b"last"
        server.connection_lost(None)

    asyncio.run(run())


@pytest.mark.parametrize(
    "frames",
    [
        flood(Frame(Opcode.PING, b""), 60),
        flood(Frame(Opcode.PONG, b""), 60),
        flood(Frame(Opcode.BINARY, b"", fin=False), 1)
        + flood(Frame(Opcode.CONT, b"", fin=False), 60),
    ],
    ids=["pings", "pongs", "empty continuations"],
)
def test_too_many_empty_frames_close_with_a_reason_and_no_more_is_taken(frames: bytes) -> None:
    async def run() -> None:
        session = Collected(empty=50)
        server, wire, client = await opened(session)
        server.data_received(frames)
        await all_taken(wire)
        server.data_received(flood(Frame(Opcode.BINARY, b"more"), 3))
        client.receive_data(wire.written)
        assert client.close_rcvd is not None
        assert (client.close_rcvd.code, client.close_rcvd.reason) == (1008, EndReason.EMPTY)
        assert session.frames == []
        server.connection_lost(None)

    asyncio.run(run())


def test_where_many_are_connected_a_socket_is_read_between_two_rests() -> None:
    async def run() -> None:
        session = Collected()
        server, wire, _ = await opened(session)
        assert server._pace is not None
        for _ in range(MANY):
            server._pace.join()
        for number in range(1, 4):
            server.data_received(flood(Frame(Opcode.BINARY, b"audio"), 1))
            assert wire.paused
            for _ in range(TICKS):
                server._pace._tick()
            assert not wire.paused
            assert len(session.frames) == number
        server.connection_lost(None)

    asyncio.run(run())


def test_a_message_within_another_is_refused() -> None:
    async def run() -> None:
        session = Collected()
        server, wire, client = await opened(session)
        server.data_received(
            flood(Frame(Opcode.TEXT, b"half", fin=False), 1)
            + flood(Frame(Opcode.BINARY, b"whole"), 1)
            + flood(Frame(Opcode.CONT, b" and half"), 1)
        )
        client.receive_data(wire.written)
        assert client.close_rcvd is not None
        assert client.close_rcvd.code == 1002
        assert session.frames == []
        server.connection_lost(None)

    asyncio.run(run())


def test_who_sends_nothing_between_two_pings_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        monkeypatch.setattr(websocket, "PING_S", 1_000)
        server, wire, client = await opened(Collected())
        server._ping()
        client.receive_data(wire.written)
        [ping] = client.events_received()
        assert isinstance(ping, Frame)
        assert ping.opcode is Opcode.PING
        server.data_received(b"".join(client.data_to_send()))
        server._ping()  # The pong came: it is asked again.
        assert not wire.closed
        server._ping()
        assert wire.closed
        server.connection_lost(None)

    asyncio.run(run())


@pytest.mark.parametrize("ends", ["by a close frame", "by silence"])
def test_who_does_not_read_its_end_is_cut_off(ends: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "CLOSE_S", 0.0)

    async def run() -> None:
        server, wire, client = await opened(Collected())
        aborted: list[bool] = []
        monkeypatch.setattr(wire, "abort", lambda: aborted.append(True))
        if ends == "by silence":
            server._ping()
            server._ping()
        else:
            client.send_close(1000)
            server.data_received(b"".join(client.data_to_send()))
        assert wire.closed  # But what is unread stays in the socket, and the socket open.
        await asyncio.sleep(0.01)
        assert aborted
        server.connection_lost(None)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("begins", "status"), [("fails", 500), ("returns", 500), ("closes", 404), ("accepts", 101)]
)
def test_an_app_that_takes_no_websocket_is_answered_for(begins: str, status: int) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if begins == "closes":  # What the framework does where it has no route.
            await send({"type": "websocket.close"})
        if begins == "accepts":
            await send({"type": "websocket.accept"})
        if begins in ("fails", "accepts"):
            raise ValueError("of ours")

    async def run() -> None:
        http = HttpConnection(Serving(app=app, header_s=10))
        client, wire = ClientProtocol(parse_uri("ws://127.0.0.1/")), Wire()
        http.connection_made(wire)
        client.send_request(client.connect())
        http.data_received(b"".join(client.data_to_send()))
        for _ in range(5):
            await asyncio.sleep(0)
        assert wire.written.startswith(b"HTTP/1.1 %d " % status)
        client.receive_data(wire.written)
        assert wire.closed or (client.close_rcvd is not None and client.close_rcvd.code == 1011)
        wire.protocol.connection_lost(None)

    asyncio.run(run())


@given(st.binary(max_size=200_000))
def test_with_and_without_the_library_s_code_a_frame_is_unmasked_alike(data: bytes) -> None:
    frame = Frame(Opcode.BINARY, data).serialize(mask=True)
    found = frames_of_ours.find(frame, 0, MOST)
    assert found is not None
    payload, end = found
    assert end == len(frame)
    for unmask in (frames_of_ours.unmasked, frames_of_ours._unmasked):
        assert unmask(frame[payload:end], frame[payload - 4 : payload]) == data
