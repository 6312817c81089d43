"""Asterisk AudioSocket: packets in any number of parts, kinds, byte orders."""

from __future__ import annotations

import itertools
import re
from uuid import UUID

import numpy as np
import pytest
from codec_events import check_rules, heard, noise, only, plain, play, play_outgoing, rejection
from hypothesis import given, settings
from hypothesis import strategies as st

from tonfall.errors import ConfigError
from tonfall.serve.codecs import (
    Audio,
    AudioSocket,
    CallEnded,
    CallStarted,
    CarrierError,
    Channel,
    CloseCode,
    Dtmf,
    EndReason,
    Identified,
    Limits,
    Reject,
    Role,
)
from tonfall.serve.codecs.audiosocket import SAMPLING_RATES, Kind, packet, packets_of

CALL = UUID("40325ec2-5efd-4bd3-805f-53576e581d13")
HELLO = packet(Kind.UUID, CALL.bytes)


def test_the_bytes_of_a_call_are_read_as_asterisk_writes_them() -> None:
    # Length big-endian, samples little-endian: 0x4000 is one half.
    carrier = AudioSocket(role=Role.CUSTOMER)
    sent = bytes.fromhex("01001040325ec25efd4bd3805f53576e581d13") + bytes.fromhex(
        "10000400400080" + "03000135" + "000000"
    )
    identified, started, audio, key, ended = play(carrier, [sent])
    assert identified == Identified(str(CALL))
    assert started == CallStarted(str(CALL), 8000, (Channel(Role.CUSTOMER, "audiosocket"),))
    assert isinstance(audio, Audio)
    assert audio.samples.tolist() == [[0.5, -1.0]]
    assert key == Dtmf("5", 2)
    assert ended == CallEnded(EndReason.HUNG_UP, complete=True)
    assert carrier.over


@settings(deadline=None, max_examples=40)
@given(
    rate=st.sampled_from(list(SAMPLING_RATES.values())),
    samples=st.integers(10, 2000),
    cuts=st.lists(st.integers(0, 10_000), max_size=20),
)
def test_a_recording_comes_back_however_it_is_cut(rate: int, samples: int, cuts: list[int]) -> None:
    waveform = noise(1, max(samples, rate // 40))
    frames = list(packets_of(waveform, call_id=CALL, sampling_rate=rate))
    whole = b"".join(bytes(frame.content) for frame in frames)
    places = sorted({0, len(whole), *(cut % len(whole) for cut in cuts)})
    parts = [whole[start:stop] for start, stop in itertools.pairwise(places)]
    events = play(AudioSocket(), parts)
    check_rules(events, closed=True)
    assert plain(events) == plain(play_outgoing(AudioSocket(), frames))
    assert only(CallStarted, events)[0].sampling_rate == rate
    got = heard(events)[:, : waveform.shape[1]]
    np.testing.assert_allclose(got, waveform, atol=2**-15)


@pytest.mark.parametrize(("kind", "rate"), SAMPLING_RATES.items())
def test_the_kind_of_the_first_audio_tells_the_rate(kind: int, rate: int) -> None:
    events = play(AudioSocket(), [HELLO, packet(kind, bytes(4))])
    assert only(CallStarted, events)[0].sampling_rate == rate


def test_a_socket_that_is_closed_ends_the_call() -> None:
    carrier = AudioSocket()
    play(carrier, [HELLO, packet(0x10, bytes(320))])
    assert carrier.close(clean=True) == [CallEnded("The connection was closed.", complete=True)]
    carrier = AudioSocket()
    play(carrier, [HELLO, packet(0x10, bytes(320))])
    assert carrier.close() == [CallEnded("The connection was closed.", complete=False)]


def test_a_hang_up_before_any_audio_is_no_call() -> None:
    assert play(AudioSocket(), [HELLO, packet(0)]) == [Identified(str(CALL))]


def test_errors_are_told_and_unknown_kinds_are_skipped_by_their_length() -> None:
    carrier = AudioSocket()
    events = play(carrier, [packet(0xFF, b"\4"), packet(0xFF), packet(0x42, bytes(999)), HELLO])
    assert [error.code for error in only(CarrierError, events)] == [4, 0]
    assert events[-1] == Identified(str(CALL))
    assert carrier.counters.ignored == 1


def test_a_key_before_the_first_audio_has_no_place_and_is_counted() -> None:
    carrier = AudioSocket()
    assert only(Dtmf, play(carrier, [HELLO, packet(3, b"1")])) == []
    assert carrier.counters.ignored == 1


@pytest.mark.parametrize(
    ("said", "key"), [(b"d", "D"), (b"w", None), (b"", None), (b"\xff12", None)]
)
def test_an_odd_key_ends_nothing(said: bytes, key: str | None) -> None:
    carrier = AudioSocket()
    sound = packet(0x10, bytes(4))
    events = play(carrier, [HELLO, sound, packet(3, said), sound])
    assert [each.digit for each in only(Dtmf, events)] == [key] * (key is not None)
    assert heard(events).shape[1] == 4
    assert carrier.counters.ignored == (key is None)
    assert only(Reject, events) == []


@pytest.mark.parametrize(
    ("frames", "code", "sentence"),
    [
        ([packet(0x10, bytes(4))], CloseCode.PROTOCOL_ERROR, "before the UUID"),
        ([packet(3, b"1")], CloseCode.PROTOCOL_ERROR, "before the UUID"),
        ([packet(1, bytes(15))], CloseCode.PROTOCOL_ERROR, "UUID packet of 15 bytes"),
        ([HELLO, HELLO], CloseCode.PROTOCOL_ERROR, "once, at the start"),
        ([HELLO, packet(0x10, bytes(3))], CloseCode.INVALID_PAYLOAD, "3 bytes.* c\\(slin\\)"),
        (
            [HELLO, packet(0x10, bytes(2)), packet(0x12, bytes(2))],
            CloseCode.UNSUPPORTED_DATA,
            "from 8000 to 16000 Hz",
        ),
        (["text"], CloseCode.UNSUPPORTED_DATA, "AudioSocket is binary"),
    ],
)
def test_what_breaks_the_protocol_is_refused(
    frames: list[str | bytes], code: CloseCode, sentence: str
) -> None:
    carrier = AudioSocket()
    events = play(carrier, [*frames, packet(0x10, bytes(4))])
    check_rules(events, closed=True)
    assert re.search(sentence, rejection(events, code))


def test_nothing_is_kept_after_the_end() -> None:
    for last in (packet(0), packet(1, b"")):
        carrier = AudioSocket()
        play(carrier, [HELLO + packet(0x10, bytes(320)) + last + bytes(60_000)])
        assert carrier.over
        assert len(carrier._pending) == 0


def test_a_call_that_lasts_too_long_is_refused() -> None:
    carrier = AudioSocket(limits=Limits(call_s=1))
    events = play(carrier, [HELLO, *[packet(0x10, bytes(320))] * 60])
    assert "longer than 1 s" in rejection(events, CloseCode.POLICY_VIOLATION)
    assert heard(events).shape[1] == 8000


def test_what_cannot_be_sent_is_refused() -> None:
    with pytest.raises(ConfigError, match="AudioSocket takes 1"):
        packets_of(noise(2, 400), call_id=CALL)
    with pytest.raises(ConfigError, match="is 11025 Hz, but AudioSocket has 8000, 12000"):
        packets_of(noise(1, 400), call_id=CALL, sampling_rate=11_025)


PACKETS = st.builds(
    packet,
    st.sampled_from([0x00, 0x01, 0x03, 0x10, 0x12, 0x20, 0xFF]),
    st.binary(max_size=40) | st.just(CALL.bytes) | st.sampled_from([b"1", b"#"]),
)


@settings(deadline=None)
@given(st.lists(PACKETS | st.binary(max_size=30) | st.text(max_size=5)), st.booleans())
def test_whatever_comes_nothing_is_raised(frames: list[str | bytes], started: bool) -> None:
    carrier = AudioSocket()
    head = [HELLO, packet(0x10, bytes(20))] if started else []
    events = play(carrier, [*head, *frames]) + carrier.close()
    check_rules(events, closed=True)
    assert len(carrier._pending) < 65_538
