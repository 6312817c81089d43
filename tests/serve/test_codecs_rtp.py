"""RTP: headers, order, losses, wraps, jitter, restarts, silence, and who may send what."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import pytest
from codec_events import check_rules, heard, noise, only, play, play_outgoing
from hypothesis import given, settings
from hypothesis import strategies as st

from tonfall.audio import decode_alaw, decode_mulaw, encode_alaw, encode_mulaw
from tonfall.errors import AudioError, ConfigError
from tonfall.serve.codecs import (
    Audio,
    CallEnded,
    CallStarted,
    Channel,
    Event,
    Gap,
    Limits,
    Reject,
    Role,
    Rtp,
    RtpEncoding,
    RtpFormat,
    StreamRestarted,
)
from tonfall.serve.codecs.rtp import packets_of
from tonfall.serve.codecs.rtp_packet import RtpPacket, goodbye, goodbyes, parse, write

STEP = 160


def packet(
    place: int,
    *,
    kind: int = 0,
    code: int = 0xCE,
    ssrc: int = 7,
    sequence: int = 100,
    timestamp: int = 5000,
    samples: int = STEP,
) -> bytes:
    """The packet at a place in a stream of 20 ms each."""
    return write(
        RtpPacket(
            payload_type=kind,
            marker=False,
            sequence=sequence + place,
            timestamp=timestamp + STEP * place,
            ssrc=ssrc,
            payload=bytes([code]) * samples,
        )
    )


def comfort_noise(place: int) -> bytes:
    return packet(place, kind=13, samples=1)


def listen(frames: Sequence[bytes], *, step_s: float = 0.02) -> tuple[list[Event], Rtp]:
    carrier = Rtp(call_id="c1")
    events = play(carrier, frames, step_s=step_s) + carrier.close(clean=True)
    check_rules(events, closed=True)
    return events, carrier


def values(events: list[Event]) -> list[float]:
    """A value for each 20 ms."""
    return np.rint(heard(events)[0, ::STEP] * 32_768).tolist()


def still(place: int, **told: int) -> bytes:
    """A packet of a sender whose time stamps stand still; each sounds differently."""
    code = 0x80 + place % 64
    return packet(place, timestamp=5000 - STEP * place, code=code, **told)


def sounds(places: Sequence[int]) -> list[float]:
    codes = bytes(0x80 + place % 64 for place in places)
    return np.rint(decode_mulaw(codes) * 32_768).tolist()


def test_a_sender_whose_time_stamps_stand_still_is_heard_whole() -> None:
    events, carrier = listen([still(place) for place in range(100)])
    assert values(events) == sounds(range(100))
    assert carrier.counters.packets == 100
    assert carrier.counters.dropped == carrier.counters.gaps == 0


def test_losses_and_order_are_told_by_numbers_where_time_stamps_stand_still() -> None:
    places = [0, 1, 2, 4, 3, 5, 5, 6, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]
    events, carrier = listen([still(place) for place in places])
    assert only(Gap, events) == [Gap(2 * STEP, 7 * STEP)]
    assert (carrier.counters.duplicates, carrier.counters.reordered) == (1, 1)
    assert carrier.counters.packets == 19


def test_numbers_start_over_where_time_stamps_stand_still() -> None:
    events, carrier = listen([still(place, sequence=65_530) for place in range(20)])
    assert values(events) == sounds(range(20))
    assert carrier.counters.dropped == 0


def test_time_stamps_may_stand_still_for_a_while() -> None:
    frames = [packet(place, code=0x80 + place) for place in range(10)]
    stuck = [
        packet(place, timestamp=5000 - STEP * (place - 9), code=0x80 + place)
        for place in range(10, 20)
    ]
    again = [
        packet(place, timestamp=5000 - STEP * 10, code=0x80 + place) for place in range(20, 30)
    ]
    events, carrier = listen([*frames, *stuck, *again])
    assert values(events) == sounds(range(30))
    assert carrier.counters.dropped == carrier.counters.restarts == 0


def test_another_sender_may_stand_still_too_and_strays_change_nothing() -> None:
    first = [still(place) for place in range(10)]
    first.insert(5, still(0, ssrc=9, sequence=7))
    second = [still(place, ssrc=8, sequence=900) for place in range(10)]
    events, carrier = listen([*first, *second])
    assert values(events) == sounds([*range(10), *range(10)])
    assert carrier.counters.restarts == 1
    assert carrier.counters.late == 1


def test_silence_that_is_said_at_the_time_of_a_packet_moves_nothing() -> None:
    frames = [packet(0), packet(1), comfort_noise(1), packet(2), packet(3)]
    events, carrier = listen(frames)
    assert carrier.counters.packets == 4
    assert sum(event.samples.shape[1] for event in only(Audio, events)) == 4 * STEP


def test_a_packet_is_read_as_the_standard_writes_it() -> None:
    read = parse(bytes.fromhex("8080fffe0000000a01020304") + b"\xce\x4e")
    assert read == RtpPacket(0, True, 0xFFFE, 10, 0x01020304, b"\xce\x4e")
    assert read is not None
    assert write(read).hex() == "8080fffe0000000a01020304ce4e"


def test_csrc_extension_and_padding_are_left_out() -> None:
    head = struct.pack(">BBHII", 0x80 | 0x20 | 0x10 | 2, 0, 1, 2, 3)
    extension = struct.pack(">HH", 0xBEDE, 1) + bytes(4)
    read = parse(head + bytes(8) + extension + b"sound" + b"\0\0\3")
    assert read is not None
    assert read.payload == b"sound"


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        bytes(11),
        bytes(12),  # Version 0.
        struct.pack(">BBHII", 0x80, 200, 0, 0, 0),  # RTCP.
        struct.pack(">BBHII", 0x8F, 0, 0, 0, 0),  # CSRCs that are not there.
        struct.pack(">BBHII", 0x90, 0, 0, 0, 0),  # An extension that is not there.
        struct.pack(">BBHII", 0x90, 0, 0, 0, 0) + struct.pack(">HH", 0, 9),
        struct.pack(">BBHII", 0xA0, 0, 0, 0, 0),  # Padding that is not there.
        struct.pack(">BBHII", 0xA0, 0, 0, 0, 0) + b"\0",
        struct.pack(">BBHII", 0xA0, 0, 0, 0, 0) + b"\7",
    ],
)
def test_what_is_no_packet_is_counted_and_dropped(datagram: bytes) -> None:
    assert parse(datagram) is None
    carrier = Rtp(call_id="c1")
    assert carrier.receive(datagram, now=0.0) == []
    assert carrier.counters.malformed + carrier.counters.ignored == 1
    assert not carrier.accepts(datagram)


def test_a_call_is_told_as_it_was_sent() -> None:
    carrier = Rtp(call_id="c1", roles=[Role.CUSTOMER])
    started, audio = play(carrier, [packet(0)])
    parameters = {"ssrc": "00000007", "encoding": "PCMU"}
    assert started == CallStarted("c1", 8000, (Channel(Role.CUSTOMER, "0"),), parameters)
    assert isinstance(audio, Audio)
    assert (audio.samples * 32_768).tolist() == [[988.0] * STEP]
    assert carrier.ssrc == 7
    assert carrier.close(clean=True) == [CallEnded("The connection was closed.", complete=True)]


@settings(deadline=None, max_examples=30)
@given(
    kind=st.sampled_from([0, 8, 10, 11, 97, 98]),
    samples=st.integers(1200, 4000),
    sequence=st.sampled_from([0, 65_530]),
    timestamp=st.sampled_from([0, 2**32 - 1000]),
)
def test_a_recording_comes_back(kind: int, samples: int, sequence: int, timestamp: int) -> None:
    formats = {
        97: RtpFormat(RtpEncoding.L16, 8000, 1),
        98: RtpFormat(RtpEncoding.PCMA, 16_000, 2),
    }
    channels = {10: 2, 98: 2}.get(kind, 1)
    waveform = noise(channels, samples)
    frames = packets_of(
        waveform,
        payload_type=kind,
        form=formats.get(kind),
        sequence=sequence,
        timestamp=timestamp,
    )
    carrier = Rtp(call_id="c1", formats=formats)
    events = play_outgoing(carrier, frames)
    check_rules(events, closed=True)
    assert only(CallEnded, events) == [CallEnded("BYE", complete=True)]
    expected = {0: lambda row: decode_mulaw(encode_mulaw(row)), 8: _alaw, 98: _alaw}.get(
        kind, lambda row: row
    )
    rows = np.stack([expected(row) for row in waveform])
    np.testing.assert_allclose(heard(events)[:, :samples], rows, atol=2**-15)
    assert carrier.counters.lost == carrier.counters.gaps == carrier.counters.restarts == 0


def _alaw(row):  # type: ignore[no-untyped-def]
    return decode_alaw(encode_alaw(row))


def test_l16_is_big_endian() -> None:
    form = RtpFormat(RtpEncoding.L16, 8000, 2)
    assert form.decode(bytes.fromhex("40008000")).tolist() == [[0.5], [-1.0]]


def test_numbers_and_time_stamps_that_start_over_are_no_gap() -> None:
    near_both = {"sequence": 65_530, "timestamp": 2**32 - 5 * STEP}
    events, carrier = listen([packet(place, **near_both) for place in range(20)])
    assert values(events) == [988] * 20
    assert (carrier.counters.lost, carrier.counters.gaps, carrier.counters.restarts) == (0, 0, 0)


def test_a_call_goes_on_past_all_sequence_numbers() -> None:
    carrier = Rtp(call_id="c1")
    total = 0
    for place in range(66_000):
        for event in carrier.receive(packet(place), now=place / 50):
            total += event.samples.shape[1] if isinstance(event, Audio) else 0
    assert total == 66_000 * STEP
    assert (carrier.counters.lost, carrier.counters.gaps) == (0, 0)


def test_losses_are_gaps_and_counted() -> None:
    events, carrier = listen([packet(place) for place in range(40) if place not in (10, 11, 30)])
    assert only(Gap, events) == [Gap(320, 1600), Gap(160, 4800)]
    assert carrier.counters.lost == 3
    assert carrier.counters.gap_samples == 480


def test_order_duplicates_and_lateness() -> None:
    order = [0, 2, 1, 1, 3, 4, *range(6, 30), 5]
    events, carrier = listen([packet(place) for place in order])
    counters = carrier.counters
    assert (counters.reordered, counters.duplicates, counters.late) == (1, 1, 1)
    assert only(Gap, events) == [Gap(160, 800)]
    assert counters.lost == 0  # It did come, if too late.


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.floats(0, 100), min_size=30, max_size=80),
    st.integers(0, 65_535),
    st.integers(0, 2**32 - 1),
)
def test_jitter_below_the_buffer_changes_nothing(
    delays_ms: list[float], sequence: int, timestamp: int
) -> None:
    waveform = noise(1, STEP * len(delays_ms))
    frames = list(packets_of(waveform, sequence=sequence, timestamp=timestamp))
    audio, bye = frames[:-1], frames[-1]
    due = [frame.seconds + delay / 1000 for frame, delay in zip(audio, delays_ms, strict=True)]
    carrier = Rtp(call_id="c1", buffer_ms=120)
    events: list[Event] = []
    for place in sorted(range(len(audio)), key=due.__getitem__):
        events += carrier.receive(audio[place].content, now=due[place])
    events += carrier.receive(bye.content, now=max(due))
    check_rules(events, closed=True)
    first = min(range(len(audio)), key=due.__getitem__)
    expected = decode_mulaw(encode_mulaw(waveform[0]))[first * STEP :]
    np.testing.assert_array_equal(heard(events)[0], expected)


@settings(deadline=None, max_examples=40)
@given(st.sets(st.integers(1, 58)), st.integers(0, 3))
def test_any_loss_keeps_everything_else_in_its_place(lost: set[int], twice: int) -> None:
    kept = [place for place in range(60) if place not in lost for _ in range(1 + (place < twice))]
    codes = [0x80 + place for place in range(60)]
    events, carrier = listen([packet(place, code=codes[place]) for place in kept])
    expected = [
        0.0 if place in lost else np.rint(decode_mulaw(bytes([codes[place]]))[0] * 32_768)
        for place in range(60)
    ]
    assert values(events) == expected
    assert carrier.counters.lost == len(lost)
    assert carrier.counters.gap_samples == len(lost) * STEP


def test_jitter_is_that_of_the_standard() -> None:
    # Packets come 20 and 0 ms after one another: each deviates by 160 samples.
    carrier = Rtp(call_id="c1")
    expected = 0.0
    for place in range(50):
        carrier.receive(packet(place), now=0.04 * (place // 2))
        expected += (20 - expected) / 16 if place else 0
    assert carrier.jitter_ms == pytest.approx(expected)
    assert Rtp(call_id="c1").jitter_ms == 0


@pytest.mark.parametrize(
    "after",
    [
        {"ssrc": 8},
        {"timestamp": 5000 + 8000 * 3600},
        {"timestamp": 5000 - 8000 * 3600},
        {"ssrc": 8, "timestamp": 1, "sequence": 9},
    ],
)
def test_another_sender_or_a_clock_that_jumps_is_another_stream(after: dict[str, int]) -> None:
    frames = [packet(place) for place in range(10)]
    frames += [packet(place, code=0x4E, **after) for place in range(10, 20)]
    events, carrier = listen(frames)
    assert only(StreamRestarted, events) == [StreamRestarted(1600)]
    assert values(events) == [988] * 10 + [-988] * 10
    assert carrier.counters.restarts == 1
    assert carrier.counters.lost == 0
    assert carrier.ssrc == after.get("ssrc", 7)


def test_strays_of_another_sender_are_dropped() -> None:
    frames = [packet(place) for place in range(20)]
    frames[5:5] = [packet(0, ssrc=9)]
    frames[15:15] = [packet(40_000, ssrc=9)]
    events, carrier = listen(frames)
    assert values(events) == [988] * 20
    assert (carrier.counters.late, carrier.counters.restarts) == (2, 0)


def test_comfort_noise_is_silence_until_audio_comes_again() -> None:
    frames = [*(packet(place) for place in range(10)), comfort_noise(10)]
    events, carrier = listen(frames + [packet(place) for place in range(30, 40)])
    assert only(Gap, events) == []
    assert values(events) == [988] * 10 + [0] * 20 + [988] * 10
    assert carrier.counters.filled_samples == 20 * STEP


def test_comfort_noise_after_audio_that_is_waited_for_counts() -> None:
    order = [packet(0), comfort_noise(1), packet(4), comfort_noise(5), packet(3)]
    events, _ = listen(order + [packet(place) for place in range(9, 20)])
    assert only(Gap, events) == []
    assert values(events) == [988, 0, 0, 988, 988, 0, 0, 0, 0, *[988] * 11]


def test_comfort_noise_alone_lets_time_go_on() -> None:
    carrier = Rtp(call_id="c1", buffer_ms=120)
    events = play(carrier, [packet(0), *(comfort_noise(place) for place in range(1, 101, 5))])
    check_rules(events, closed=False)
    assert heard(events).shape[1] == (96 - 6) * STEP


def test_hours_of_silence_between_two_streams_are_a_gap_and_no_memory() -> None:
    carrier = Rtp(call_id="c1")
    play(carrier, [packet(0), comfort_noise(1)])
    events: list[Event] = []
    for place in range(20):
        events += carrier.receive(packet(place, ssrc=9), now=7200 + place / 50)
    assert max(each.samples.shape[1] for each in only(Audio, events)) < 8000
    assert [gap.samples for gap in only(Gap, events)] == [round(7199.98 * 8000)]


def test_keys_and_other_payload_types_are_passed_over() -> None:
    frames = [packet(0), packet(1, kind=101, samples=4), packet(2, kind=97), packet(3)]
    events, carrier = listen(frames)
    assert carrier.counters.ignored == 2
    assert carrier.counters.lost == 0
    assert heard(events).shape[1] == 4 * STEP


def test_mulaw_may_turn_to_alaw_but_not_to_another_rate() -> None:
    events, carrier = listen([packet(0), packet(1, kind=8, code=0xFA), packet(2, kind=11)])
    assert values(events) == [988, 1008]
    assert carrier.counters.ignored == 1


def test_nothing_starts_without_a_format_that_is_known() -> None:
    carrier = Rtp(call_id="c1")
    assert play(carrier, [comfort_noise(0), packet(0, kind=96), packet(0, kind=101)]) == []
    assert carrier.counters.ignored == 3
    assert not carrier.accepts(packet(0, kind=96))
    assert carrier.accepts(packet(0))


def test_text_and_datagrams_that_are_too_long_or_not_whole_are_dropped() -> None:
    carrier = Rtp(call_id="c1", formats={97: RtpFormat(RtpEncoding.L16)})
    frames: list[str | bytes] = ["x", bytes(9000), packet(0, kind=97, samples=3)]
    assert play(carrier, frames) == []
    assert carrier.counters.malformed == 3


def test_a_goodbye_ends_the_stream() -> None:
    report = struct.pack(">BBHI", 0x80, 201, 1, 7)
    carrier = Rtp(call_id="c1")
    events = play(carrier, [packet(0), report, goodbye(8), report + goodbye(7), packet(1)])
    assert only(CallEnded, events) == [CallEnded("BYE", complete=True)]
    assert carrier.over
    assert carrier.counters.ignored == 2
    assert heard(events).shape[1] == STEP


@given(st.binary(max_size=60))
def test_goodbyes_of_any_bytes_raise_nothing(datagram: bytes) -> None:
    assert len(goodbyes(b"\x83\xcb" + datagram)) <= 31


def test_a_call_that_lasts_too_long_is_refused() -> None:
    carrier = Rtp(call_id="c1", limits=Limits(frame_bytes=8192, call_s=1))
    events = play(carrier, [packet(place) for place in range(60)])
    assert len(only(Reject, events)) == 1
    assert carrier.over
    assert heard(events).shape[1] == 8000


def test_options_outside_their_limits_are_refused() -> None:
    with pytest.raises(ConfigError, match="buffer is 10 ms, but 60 to 200 ms"):
        Rtp(call_id="c1", buffer_ms=10)
    with pytest.raises(ConfigError, match="payload type 0 has a fixed meaning"):
        Rtp(call_id="c1", formats={0: RtpFormat(RtpEncoding.L16)})
    with pytest.raises(ConfigError, match="call_id must be"):
        Rtp(call_id="a b")
    with pytest.raises(AudioError, match="sampling rate is 10 Hz"):
        RtpFormat(RtpEncoding.L16, 10)
    with pytest.raises(ConfigError, match="payload type 96 needs a format"):
        packets_of(noise(1, 400), payload_type=96)
    with pytest.raises(ConfigError, match="this RTP stream takes 1"):
        packets_of(noise(2, 400))


PACKETS = st.builds(
    RtpPacket,
    payload_type=st.sampled_from([0, 8, 11, 13, 72, 96, 101]),
    marker=st.booleans(),
    sequence=st.integers(0, 65_535),
    timestamp=st.integers(0, 2**32 - 1) | st.integers(0, 100).map(lambda place: place * STEP),
    ssrc=st.integers(0, 2),
    payload=st.binary(max_size=400),
).map(write)


@settings(deadline=None)
@given(st.lists(st.tuples(PACKETS | st.binary(max_size=40), st.floats(0, 5)), max_size=60))
def test_whatever_comes_nothing_is_raised(datagrams: list[tuple[bytes, float]]) -> None:
    carrier = Rtp(call_id="c1")
    events: list[Event] = []
    now = 0.0
    for datagram, elapsed in datagrams:
        now += elapsed
        events += carrier.receive(datagram, now=now)
    events += carrier.close()
    check_rules(events, closed=True)
