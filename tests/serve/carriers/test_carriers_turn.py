"""No connection is worked off for longer than its turn; what is left waits, and is then taken."""

from __future__ import annotations

import asyncio
import socket
from typing import Any
from uuid import UUID

import pytest

from tonfall.serve.carriers import Pace, ports
from tonfall.serve.carriers.pace import MANY, TICKS
from tonfall.serve.carriers.turn import (
    EMPTY_A_SECOND,
    EMPTY_AT_ONCE,
    LEAST_FRAMES,
    LOOK,
    MOST_FRAMES,
    TURN_S,
    Allowance,
    Turn,
)
from tonfall.serve.codecs import Audio
from tonfall.serve.codecs.audiosocket import Kind, packet
from tonfall.serve.settings import AudioSocketPort, RtpLine

CALL = packet(Kind.UUID, UUID(int=1).bytes)


def frames_in(turn: Turn) -> int:
    return sum(1 for _ in iter(turn.is_over, True))


def test_a_turn_ends_by_frames_where_each_is_quick() -> None:
    assert frames_in(Turn(lambda: 0.0)) == MOST_FRAMES


def test_a_turn_ends_by_time_but_not_before_a_call_has_got_through_its_own_audio() -> None:
    ticking = iter(range(1_000_000))
    taken = frames_in(Turn(lambda: next(ticking) * 10 * TURN_S))
    assert LEAST_FRAMES <= taken < LEAST_FRAMES + LOOK


def test_empty_frames_are_earned_by_time_and_by_audio() -> None:
    allowance = Allowance(0.0)
    assert all(allowance.spend(0.0) for _ in range(EMPTY_AT_ONCE))
    assert not allowance.spend(0.0)
    assert all(allowance.spend(1.0) for _ in range(EMPTY_A_SECOND))
    assert not allowance.spend(1.0)
    allowance.earn(1.0)
    assert all(allowance.spend(1.0) for _ in range(EMPTY_A_SECOND))
    assert not allowance.spend(1.0)


def test_a_call_of_two_streams_may_send_every_other_packet_without_audio_for_ever() -> None:
    allowance, now = Allowance(0.0), 0.0
    for _ in range(100_000):
        now += 0.02
        allowance.earn(0.02)
        assert allowance.spend(now)


class Line:
    """A connection that notes what the pace tells it."""

    def __init__(self) -> None:
        self.congested = False
        self.told: list[str] = []

    def pause(self) -> None:
        self.told.append("pause")

    def resume(self) -> None:
        self.told.append("resume")


def test_what_was_left_is_taken_on_the_next_tick_and_a_congested_line_waits() -> None:
    async def run() -> None:
        pace, quick, slow = Pace(asyncio.get_running_loop()), Line(), Line()
        pace.rest(quick, left=False)
        assert quick.told == []
        slow.congested = True
        pace.rest(quick, left=True)
        pace.rest(slow, left=False)
        pace._tick()
        assert (quick.told, slow.told) == (["pause", "resume"], ["pause"])
        slow.congested = False
        for _ in range(4):
            pace._tick()
        assert slow.told == ["pause", "resume"]

    asyncio.run(run())


class Wire(asyncio.Transport):
    """A socket that is paused, resumed and closed."""

    paused = closed = False

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


class Call:
    """A live call that counts what it is told."""

    id = "c1"

    congested = False
    counters: Any = None

    def __init__(self) -> None:
        self.samples = 0

    def take(self, event: object) -> None:
        if isinstance(event, Audio):
            self.samples += event.samples.shape[1]

    def on_finished(self, _: object) -> None:
        pass


@pytest.fixture
def call() -> Call:
    return Call()


@pytest.fixture
def board(call: Call) -> Any:
    from tonfall.serve.carriers import Switchboard

    return Switchboard(lambda *_: call, soon=lambda work: work())  # type: ignore[arg-type, return-value]


def test_many_audiosocket_packets_are_taken_in_turns(board: Any, call: Call) -> None:
    async def run() -> None:
        line = AudioSocketPort(port=9_000)
        pace = Pace(asyncio.get_running_loop())
        connection, wire = ports._AudioSocketConnection(line, board, pace, 3_600), Wire()
        connection.connection_made(wire)
        connection.data_received(CALL + packet(0x10, bytes(160)) * 1_000)
        assert wire.paused
        assert LEAST_FRAMES * 80 <= call.samples + 80 <= MOST_FRAMES * 80
        while wire.paused:
            await asyncio.sleep(0.01)
        assert call.samples == 80_000
        connection.connection_lost(None)

    asyncio.run(run())


@pytest.mark.parametrize("flood", [packet(0x10), packet(0x10, b"ab"), packet(0x55)])
def test_audiosocket_packets_without_audio_close_the_connection(
    board: Any, flood: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tonfall.serve.carriers.turn.EMPTY_AT_ONCE", 20)
    monkeypatch.setattr("tonfall.serve.carriers.turn.EMPTY_A_SECOND", 0)

    async def run() -> None:
        line = AudioSocketPort(port=9_000)
        pace = Pace(asyncio.get_running_loop())
        connection, wire = ports._AudioSocketConnection(line, board, pace, 3_600), Wire()
        connection.connection_made(wire)
        connection.data_received(CALL + packet(0x10, bytes(160)) + flood * 25)
        assert wire.closed
        assert board.totals["audiosocket"].rejects["policy_violation"] == 1
        connection.connection_lost(None)

    asyncio.run(run())


def test_where_many_are_connected_each_is_read_between_two_rests(board: Any, call: Call) -> None:
    async def run() -> None:
        line = AudioSocketPort(port=9_000)
        pace = Pace(asyncio.get_running_loop())
        for _ in range(MANY):
            pace.join()
        connection, wire = ports._AudioSocketConnection(line, board, pace, 3_600), Wire()
        connection.connection_made(wire)
        for data in (CALL, packet(0x10, bytes(320)), packet(0x10, bytes(320))):
            connection.data_received(data)
            assert wire.paused
            for _ in range(TICKS):
                pace._tick()
            assert not wire.paused
        assert call.samples == 320
        connection.connection_lost(None)

    asyncio.run(run())


def test_many_datagrams_are_taken_in_turns_and_the_rest_waits_in_the_kernel(
    board: Any, call: Call
) -> None:
    async def run() -> None:
        sock = ports._datagram_socket("127.0.0.1", 0)
        port = ports._RtpPort("line", RtpLine(port=9_001), {}, board, 3_600)
        seen = []
        port._on_packet = lambda data, addr: seen.append(data)  # type: ignore[method-assign, assignment]
        port.listen(sock)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for number in range(MOST_FRAMES + 50):
                sender.sendto(number.to_bytes(2, "big"), sock.getsockname())
        port._read()
        first = len(seen)
        assert LEAST_FRAMES <= first <= MOST_FRAMES
        assert port._resting is not None
        while len(seen) < MOST_FRAMES + 50:
            await asyncio.sleep(0.01)
        assert [int.from_bytes(each, "big") for each in seen] == list(range(MOST_FRAMES + 50))
        port.close()

    asyncio.run(run())
