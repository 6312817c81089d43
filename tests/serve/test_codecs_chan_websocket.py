"""Asterisk's chan_websocket: control messages as lines and as JSON, raw audio."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from codec_events import check_rules, heard, noise, only, play, play_outgoing, rejection
from hypothesis import given, settings
from hypothesis import strategies as st

from tonfall.audio import decode_mulaw, encode_mulaw
from tonfall.errors import ConfigError
from tonfall.serve.codecs import (
    Audio,
    CallEnded,
    CallStarted,
    Channel,
    ChanWebSocket,
    CloseCode,
    Dtmf,
    Limits,
    Reject,
    Role,
)
from tonfall.serve.codecs.chan_websocket import FORMATS, messages_of

PLAIN = (
    "MEDIA_START connection_id:e226e283-c90a-4ea9-9e37-389000b9ef47 "
    "channel:WebSocket/connectionid format:ulaw optimal_frame_size:160"
)
"""As Asterisk's documentation has it."""
AS_JSON = json.dumps(
    {
        "event": "MEDIA_START",
        "connection_id": "media_connection1",
        "channel": "WebSocket/INCOMING/0x7f-1",
        "channel_id": "1756123456.7",
        "format": "slin16",
        "optimal_frame_size": 640,
        "ptime": 20,
        "channel_variables": {"a": "b"},
    }
)


def test_plain_lines_are_read() -> None:
    carrier = ChanWebSocket(role=Role.CUSTOMER)
    frames = [
        PLAIN,
        bytes([0xCE] * 160),
        "MEDIA_XOFF",
        "DTMF_END digit:5",
        "STATUS queue_length:43",
    ]
    started, audio, key = play(carrier, frames)
    names = {
        "connection_id": "e226e283-c90a-4ea9-9e37-389000b9ef47",
        "channel": "WebSocket/connectionid",
    }
    channels = (Channel(Role.CUSTOMER, "chan_websocket"),)
    assert started == CallStarted("WebSocket/connectionid", 8000, channels, names)
    assert isinstance(audio, Audio)
    assert (audio.samples * 32_768).tolist() == [[988.0] * 160]
    assert key == Dtmf("5", 160)
    assert carrier.counters.ignored == 2


def test_json_is_read() -> None:
    frames = [AS_JSON, bytes.fromhex("00400080"), '{"event": "DTMF_END", "digit": "#"}']
    started, audio, key = play(ChanWebSocket(), frames)
    assert isinstance(started, CallStarted)
    assert started.call_id == "1756123456.7"  # Unique, which a connection's name is not.
    assert started.sampling_rate == 16_000
    assert isinstance(audio, Audio)
    assert audio.samples.tolist() == [[0.5, -1.0]]
    assert key == Dtmf("#", 2)


@pytest.mark.parametrize("name", FORMATS)
def test_asterisks_codecs_are_read(name: str) -> None:
    events = play(ChanWebSocket(), [PLAIN.replace("ulaw", name), bytes(320)])
    encoding, rate = FORMATS[name]
    assert only(CallStarted, events)[0].sampling_rate == rate
    assert heard(events).shape[1] == 320 // encoding.bytes_per_sample


@settings(deadline=None, max_examples=30)
@given(st.integers(200, 4000), st.booleans())
def test_a_recording_comes_back(samples: int, as_json: bool) -> None:
    waveform = noise(1, samples)
    frames = messages_of(waveform, connection_id="c1", as_json=as_json)
    carrier = ChanWebSocket()
    events = play_outgoing(carrier, frames) + carrier.close(clean=True)
    check_rules(events, closed=True)
    expected = decode_mulaw(encode_mulaw(waveform[0]))
    np.testing.assert_array_equal(heard(events)[0, :samples], expected)
    assert only(CallEnded, events) == [CallEnded("The connection was closed.", complete=True)]


def test_odd_keys_and_messages_end_nothing() -> None:
    odd = ["DTMF_END digit:w", "DTMF_END digit:12", "DTMF_END", '{"event": "DTMF_END", "digit": 5}']
    carrier = ChanWebSocket()
    early = ["DTMF_END digit:5", PLAIN]
    events = play(carrier, [*early, *odd, "DTMF_END digit:d", "", '{"a": 1}', bytes(160)])
    assert [key.digit for key in only(Dtmf, events)] == ["5", "D"]
    assert carrier.counters.ignored == 6
    assert heard(events).shape[1] == 160
    assert only(Reject, events) == []


def test_an_endpoint_may_be_called_as_its_operator_likes() -> None:
    named = json.loads(AS_JSON) | {"channel": "PJSIP/büro 3-00000001"}
    named.pop("channel_id", None)
    (started,) = only(CallStarted, play(ChanWebSocket(), [json.dumps(named)]))
    assert started.call_id == "PJSIP/büro 3-00000001"


@pytest.mark.parametrize(
    ("frames", "code", "sentence"),
    [
        ([b"\0"], CloseCode.PROTOCOL_ERROR, "before MEDIA_START"),
        ([PLAIN, PLAIN], CloseCode.PROTOCOL_ERROR, "second MEDIA_START"),
        ([PLAIN.replace("ulaw", "opus")], CloseCode.UNSUPPORTED_DATA, "c\\(ulaw\\)"),
        (["MEDIA_START"], CloseCode.PROTOCOL_ERROR, "MEDIA_START.connection_id"),
        (["MEDIA_START connection_id:c channel:x"], CloseCode.PROTOCOL_ERROR, "format"),
        ([AS_JSON, b"\0"], CloseCode.INVALID_PAYLOAD, "1 bytes, but samples take two"),
        (['{"event": "MEDIA_START"'], CloseCode.INVALID_PAYLOAD, "not JSON"),
        ([PLAIN, bytes(65_537)], CloseCode.TOO_BIG, "at most 65536"),
    ],
)
def test_what_breaks_the_protocol_is_refused(
    frames: list[str | bytes], code: CloseCode, sentence: str
) -> None:
    events = play(ChanWebSocket(), [*frames, PLAIN])
    check_rules(events, closed=True)
    assert re.search(sentence, rejection(events, code))


@pytest.mark.parametrize("line", ["", " ", "media_start", "STATUS", "QUEUE_DRAINED", "\ud800"])
def test_lines_without_meaning_here_are_passed_over(line: str) -> None:
    carrier = ChanWebSocket()
    if line == "\ud800":
        assert "not JSON" in rejection(play(carrier, [line]), CloseCode.INVALID_PAYLOAD)
        return
    assert play(carrier, [line]) == []
    assert carrier.counters.ignored == 1


def test_a_call_that_lasts_too_long_is_refused() -> None:
    events = play(ChanWebSocket(limits=Limits(call_s=1)), [PLAIN, *[bytes(160)] * 60])
    assert "longer than 1 s" in rejection(events, CloseCode.POLICY_VIOLATION)


def test_what_cannot_be_sent_is_refused() -> None:
    with pytest.raises(ConfigError, match="chan_websocket takes 1"):
        messages_of(noise(2, 400), connection_id="c1")
    with pytest.raises(ConfigError, match="connection_id must be"):
        messages_of(noise(1, 400), connection_id="a b")


WORDS = st.sampled_from(
    [PLAIN, AS_JSON, "DTMF_END", "digit:5", "MEDIA_START", "{", ":", "channel:x", "format:alaw"]
)


@settings(deadline=None)
@given(
    st.lists(
        st.lists(WORDS | st.text(max_size=8), max_size=4).map(" ".join) | st.binary(max_size=30)
    )
)
def test_whatever_comes_nothing_is_raised(frames: list[str | bytes]) -> None:
    carrier = ChanWebSocket()
    check_rules(play(carrier, frames) + carrier.close(), closed=True)
