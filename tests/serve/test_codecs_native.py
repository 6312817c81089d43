"""Tonfall's own protocol over a WebSocket."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from codec_events import check_rules, heard, noise, only, plain, play, play_outgoing, rejection
from hypothesis import given, settings
from hypothesis import strategies as st

from tonfall.errors import AudioError, ConfigError
from tonfall.serve.codecs import (
    Audio,
    CallEnded,
    CallStarted,
    Channel,
    CloseCode,
    EndReason,
    Gap,
    Limits,
    Native,
    Reject,
    Reply,
    Role,
)
from tonfall.serve.codecs.native import NativeEncoding, messages_of

START = {
    "type": "start",
    "version": 1,
    "call_id": "c1",
    "sampling_rate": 8000,
    "encoding": "s16le",
    "channels": ["customer", "agent"],
}
HALF_STEP = {"s16le": 2**-15, "mulaw": 2**-5, "alaw": 2**-5}


def text(**fields: Any) -> str:
    return json.dumps({**START, **fields})


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("hung up", EndReason.HUNG_UP),
        ("transferred", EndReason.TRANSFERRED),
        ("Herr Meier legte auf", EndReason.OTHER),
        ("node lost", EndReason.OTHER),  # That is ours to say.
    ],
)
def test_of_the_reason_a_word_of_the_list_is_kept(said: str, kept: EndReason) -> None:
    events = play(Native(), [text(), json.dumps({"type": "stop", "reason": said})])
    assert only(CallEnded, events) == [CallEnded(kept, complete=True)]


def test_a_call_is_told_as_it_was_sent() -> None:
    carrier = Native()
    frames = [text(parameters={"queue": "sales"}), bytes.fromhex("00400080"), '{"type": "stop"}']
    events = play(carrier, frames)
    channels = (Channel(Role.CUSTOMER, "0"), Channel(Role.AGENT, "1"))
    started, replied, audio, ended, stopped = events
    assert started == CallStarted("c1", 8000, channels, {"queue": "sales"})
    assert replied == Reply('{"type": "started", "version": 1}')
    assert isinstance(audio, Audio)
    assert audio.samples.tolist() == [[0.5], [-1.0]]
    assert ended == CallEnded("stop", complete=True)
    assert stopped == Reply('{"type": "stopped", "samples": 1}')
    assert carrier.over


@settings(deadline=None, max_examples=30)
@given(
    encoding=st.sampled_from(["s16le", "mulaw", "alaw"]),
    rate=st.sampled_from([4000, 8000, 11025, 44100, 384000]),
    channels=st.integers(1, 8),
    samples=st.integers(25, 4000),
)
def test_a_recording_comes_back(
    encoding: NativeEncoding, rate: int, channels: int, samples: int
) -> None:
    waveform = noise(channels, max(samples, rate // 40))
    sides = [Role.CUSTOMER, Role.AGENT, Role.UNKNOWN]
    roles = [Role.MIXED] if channels == 1 else (3 * sides)[:channels]
    frames = messages_of(
        waveform, call_id="c", sampling_rate=rate, channels=roles, encoding=encoding
    )
    events = play_outgoing(Native(), frames)
    check_rules(events, closed=True)
    assert only(CallStarted, events)[0].sampling_rate == rate
    assert [each.role for each in only(CallStarted, events)[0].channels] == roles
    # A half step of 16 bits, or of the widest segment of G.711.
    np.testing.assert_allclose(heard(events), waveform, atol=HALF_STEP[encoding])


def test_frames_are_due_when_their_last_sample_is_there() -> None:
    frames = list(
        messages_of(noise(1, 400), call_id="c", sampling_rate=8000, channels=[Role.CUSTOMER])
    )
    assert [frame.seconds for frame in frames] == [0.0, 0.02, 0.04, 0.05, 0.05]


def test_a_gap_moves_time_on() -> None:
    carrier = Native()
    frames = [text(), bytes(400), '{"type": "gap", "samples": 800}', bytes(4)]
    events = play(carrier, frames)
    assert only(Gap, events) == [Gap(800, 100)]
    assert only(Audio, events)[1].position == 900
    assert (carrier.counters.gaps, carrier.counters.gap_samples) == (1, 800)


def test_a_lost_connection_ends_the_call_incomplete() -> None:
    carrier = Native()
    play(carrier, [text(), bytes(400)])
    assert carrier.close(clean=True) == [CallEnded("The connection was closed.", complete=False)]
    assert carrier.close() == []
    assert carrier.receive(text(), now=1.0) == []


@pytest.mark.parametrize(
    ("frames", "code", "sentence"),
    [
        (["{"], CloseCode.INVALID_PAYLOAD, "not JSON"),
        (["[" * 50_000], CloseCode.INVALID_PAYLOAD, "not JSON"),
        (["\ud800"], CloseCode.INVALID_PAYLOAD, "not JSON in UTF-8"),
        (["[]"], CloseCode.PROTOCOL_ERROR, "at the message"),
        (['{"type": "hello"}'], CloseCode.PROTOCOL_ERROR, "unknown type; send start, gap or stop"),
        ([b"\0\0"], CloseCode.PROTOCOL_ERROR, "before start"),
        (['{"type": "stop"}'], CloseCode.PROTOCOL_ERROR, "before start"),
        (['{"type": "gap", "samples": 1}'], CloseCode.PROTOCOL_ERROR, "before start"),
        ([text(), text()], CloseCode.PROTOCOL_ERROR, "second start"),
        ([text(version=2)], CloseCode.PROTOCOL_ERROR, "start.version: Input should be 1"),
        ([text(call_id="a b")], CloseCode.PROTOCOL_ERROR, "start.call_id"),
        ([text(call_id="x" * 257)], CloseCode.PROTOCOL_ERROR, "at most 256 characters"),
        ([text(sampling_rate=3999)], CloseCode.PROTOCOL_ERROR, "start.sampling_rate"),
        ([text(sampling_rate="8000")], CloseCode.PROTOCOL_ERROR, "valid integer"),
        ([text(sampling_rate=8000.5)], CloseCode.PROTOCOL_ERROR, "start.sampling_rate"),
        ([text(encoding="opus")], CloseCode.PROTOCOL_ERROR, "'s16le', 'mulaw' or 'alaw'"),
        ([text(channels=[])], CloseCode.PROTOCOL_ERROR, "start.channels"),
        ([text(channels=["agent"] * 9)], CloseCode.PROTOCOL_ERROR, "start.channels"),
        ([text(channels=["mixed", "agent"])], CloseCode.PROTOCOL_ERROR, "mixed must be the only"),
        ([text(speaker="x")], CloseCode.PROTOCOL_ERROR, "start.speaker: Extra inputs"),
        ([text(parameters={"a": 1})], CloseCode.PROTOCOL_ERROR, "parameters are text"),
        ([text(parameters={"a": "b" * 1025})], CloseCode.PROTOCOL_ERROR, "at most 1024 char"),
        ([text(parameters=dict.fromkeys(map(str, range(65)), ""))], CloseCode.PROTOCOL_ERROR, "64"),
        ([text(), '{"type": "gap", "samples": 0}'], CloseCode.PROTOCOL_ERROR, "gap.samples"),
        ([text(), '{"type": "gap", "samples": 1e400}'], CloseCode.PROTOCOL_ERROR, "gap.samples"),
        ([text(), b"\0\0\0"], CloseCode.INVALID_PAYLOAD, "3 bytes, but one sample .* takes 4"),
        ([text(), bytes(262_145)], CloseCode.TOO_BIG, "262145 bytes came, but at most 262144"),
    ],
)
def test_what_breaks_the_protocol_is_refused(
    frames: list[str | bytes], code: CloseCode, sentence: str
) -> None:
    carrier = Native()
    events = play(carrier, [*frames, text(), b"\0\0\0\0"])
    check_rules(events, closed=True)
    assert re.search(sentence, rejection(events, code))
    assert carrier.over


def test_a_refusal_keeps_what_was_heard_and_quotes_nothing_that_was_sent() -> None:
    events = play(Native(), [text(), bytes(400), '{"type": "gap", "samples": "secret"}'])
    audio, ended, reject = events[2:]
    assert isinstance(audio, Audio)
    assert ended == CallEnded("The other side broke the protocol.", complete=False)
    assert isinstance(reject, Reject)
    assert "secret" not in reject.sentence


def test_a_call_that_never_ends_is_refused_at_the_limit() -> None:
    carrier = Native(limits=Limits(call_s=10))
    second = bytes(2 * 2 * 8000)
    events = play(carrier, [text(), *[second] * 12])
    check_rules(events, closed=True)
    assert heard(events).shape[1] == 10 * 8000
    assert "longer than 10 s" in rejection(events, CloseCode.POLICY_VIOLATION)


@pytest.mark.parametrize("limits", [{"frame_bytes": 0}, {"call_s": 0}])
def test_limits_must_be_positive(limits: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="both must be positive"):
        Limits(**limits)


def test_what_cannot_be_sent_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"shape \(2, 400\), but this call takes 1"):
        messages_of(noise(2, 400), call_id="c", sampling_rate=8000, channels=[Role.AGENT])
    with pytest.raises(ConfigError, match="call_id must be 1 to 256 printable"):
        messages_of(noise(1, 400), call_id="", sampling_rate=8000, channels=[Role.AGENT])
    with pytest.raises(AudioError, match="sampling rate is 100 Hz"):
        messages_of(noise(1, 400), call_id="c", sampling_rate=100, channels=[Role.AGENT])


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(max_size=50),
            st.binary(max_size=50),
            st.just(text()),
            st.fixed_dictionaries(
                {"type": st.sampled_from(["start", "gap", "stop"])},
                optional={
                    "samples": st.integers(),
                    "reason": st.text(),
                    "version": st.just(1),
                    "call_id": st.text(),
                },
            ).map(json.dumps),
        )
    ),
    st.booleans(),
)
def test_whatever_comes_nothing_is_raised(frames: list[str | bytes], start: bool) -> None:
    carrier = Native()
    events = play(carrier, [text(), *frames] if start else frames) + carrier.close()
    check_rules(events, closed=True)


def test_the_same_frames_give_the_same_events() -> None:
    frames = [text(), bytes(range(256)), '{"type": "stop"}']
    assert plain(play(Native(), frames)) == plain(play(Native(), frames, step_s=9.0))
