"""RTP that comes faster than it is spoken: a burst is taken, a flood is dropped and counted."""

from __future__ import annotations

import numpy as np
import pytest
from codec_events import check_rules, play
from hypothesis import given
from hypothesis import strategies as st

from tonfall.serve.codecs import Audio, Rtp
from tonfall.serve.codecs.events import Event
from tonfall.serve.codecs.rtp import FASTEST
from tonfall.serve.codecs.rtp_packet import RtpPacket, write
from tonfall.serve.codecs.rtp_rate import BURST_S, LEAST_S, ArrivalRate

STEP, PACKET_S = 160, 0.02


def stream(count: int, *, first: int = 0, kind: int = 0, samples: int = STEP) -> list[bytes]:
    """Packets of 20 ms each."""
    return [
        write(RtpPacket(kind, False, 100 + place, 5000 + STEP * place, 7, b"\xce" * samples))
        for place in range(first, first + count)
    ]


def heard_s(events: list[Event]) -> float:
    return sum(each.samples.shape[1] for each in events if isinstance(each, Audio)) / 8000


@pytest.mark.parametrize("speed", [0.98, 1.0, 1.02, 1.9])
def test_a_stream_at_about_its_own_speed_is_heard_whole(speed: float) -> None:
    carrier = Rtp(call_id="c1")
    events = play(carrier, stream(3000), step_s=PACKET_S / speed)
    assert carrier.counters.too_fast == 0
    assert carrier.counters.packets == 3000
    assert heard_s(events) == pytest.approx(60)


def test_what_the_network_held_back_is_heard_at_once() -> None:
    carrier = Rtp(call_id="c1")
    play(carrier, stream(50))
    events = play(carrier, stream(450, first=50), step_s=0)  # Nine seconds.
    assert carrier.counters.too_fast == 0
    assert heard_s(events) == pytest.approx(9)


def test_a_flood_is_dropped_to_twice_real_time_and_counted_as_that() -> None:
    carrier, seconds = Rtp(call_id="c1"), 5.0
    events = play(carrier, stream(int(200 * seconds / PACKET_S)), step_s=PACKET_S / 200)
    events += carrier.close(clean=True)
    check_rules(events, closed=True)
    counters = carrier.counters
    assert heard_s(events) <= BURST_S + FASTEST * seconds + PACKET_S
    assert heard_s(events) >= BURST_S
    assert counters.too_fast + counters.packets == 200 * seconds / PACKET_S
    assert counters.dropped == counters.too_fast
    assert counters.lost == 0  # They came.


def test_after_a_flood_the_stream_goes_on() -> None:
    carrier = Rtp(call_id="c1")
    play(carrier, stream(5000), step_s=0)
    dropped = carrier.counters.too_fast
    events = play(carrier, stream(500, first=5000), step_s=PACKET_S)
    # From an empty budget: at its own speed it is refilled twice as fast as it is used.
    assert carrier.counters.too_fast - dropped <= 1
    assert heard_s(events) == pytest.approx(10, abs=0.5)


def test_packets_without_audio_are_not_free() -> None:
    carrier = Rtp(call_id="c1")
    play(carrier, [*stream(1), *stream(20_000, first=1, kind=13, samples=1)], step_s=0)
    assert carrier.counters.too_fast == pytest.approx(20_000 - BURST_S / LEAST_S, abs=10)


@given(st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 3)), max_size=100))
def test_in_no_stretch_more_is_taken_than_twice_its_time_and_the_burst(
    arrivals: list[tuple[float, float]],
) -> None:
    rate, now, taken = ArrivalRate(FASTEST), 0.0, [(0.0, 0.0)]
    for wait, audio_s in arrivals:
        now += wait
        if rate.allows(audio_s, now=now):
            taken.append((now, taken[-1][1] + max(audio_s, LEAST_S)))
    times, sums = np.array(taken).T
    for start in range(len(taken)):
        most = BURST_S + FASTEST * (times[start:] - times[start])
        before = sums[start - 1] if start else 0.0
        assert (sums[start:] - before <= most + 1e-6).all()


def test_a_clock_that_is_set_back_refills_nothing() -> None:
    rate = ArrivalRate(FASTEST)
    assert rate.allows(BURST_S, now=100.0)
    assert not rate.allows(1.0, now=50.0)
    assert rate.allows(1.0, now=50.5)


def test_a_line_may_be_told_to_take_more() -> None:
    carrier = Rtp(call_id="c1", fastest=200)
    play(carrier, stream(5000), step_s=PACKET_S / 199)
    assert carrier.counters.too_fast == 0
