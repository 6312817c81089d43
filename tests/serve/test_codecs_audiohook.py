"""Genesys AudioHook: order of messages, numbers, audio, pauses, probes, ends."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from codec_events import check_rules, heard, noise, only
from hypothesis import given, settings
from hypothesis import strategies as st

from tonfall.audio import decode_mulaw, encode_mulaw
from tonfall.errors import AudioError, ConfigError, ServiceError
from tonfall.serve.codecs import (
    Audio,
    AudioHook,
    AudioHookClient,
    CallEnded,
    CallStarted,
    CarrierError,
    Channel,
    CloseCode,
    Event,
    Gap,
    LanguageChanged,
    Limits,
    Probed,
    Reject,
    Reply,
    Role,
    SessionState,
)
from tonfall.serve.codecs.audiohook_client import OFFERED
from tonfall.serve.codecs.audiohook_messages import NULL_UUID, Media, chosen_media

SESSION = "30b0e395-84d3-4570-ac13-9a62d8f514c0"
ORGANIZATION = "d7934305-0972-4844-938e-9060eef73d05"
CONVERSATION = "9d1b4a5e-1111-4222-8333-444455556666"
STEREO = noise(2, 1600)


class Pair:
    """A client and a server that talk to each other without a socket."""

    def __init__(self, *, probe: bool = False, **options: Any) -> None:
        self.client = AudioHookClient(
            session_id=SESSION,
            conversation_id=NULL_UUID if probe else CONVERSATION,
            organization_id=ORGANIZATION,
            **({"participant_id": NULL_UUID} if probe else {}),
        )
        self.server = AudioHook(session_id=SESSION, organization_id=ORGANIZATION, **options)
        self.events: list[Event] = []
        self.said: list[dict[str, Any]] = []

    def take(self, events: Sequence[Event]) -> list[Event]:
        self.events += events
        for reply in only(Reply, events):
            assert isinstance(reply.content, str)
            self.client.receive(reply.content)
            self.said.append(json.loads(reply.content))
        return list(events)

    def send(self, *frames: str | bytes) -> list[Event]:
        return [
            event for frame in frames for event in self.take(self.server.receive(frame, now=0.0))
        ]

    def open(self, **options: Any) -> list[Event]:
        return self.send(self.client.open(**options))

    def end(self) -> None:
        self.take(self.server.close())
        check_rules(self.events, closed=True)

    @property
    def types(self) -> list[str]:
        return [message["type"] for message in self.said]


def test_a_session_goes_as_genesys_describes_it() -> None:
    pair = Pair()
    reply, started = pair.open()
    assert isinstance(reply, Reply)
    assert json.loads(str(reply.content)) == {
        "version": "2",
        "id": SESSION,
        "type": "opened",
        "seq": 1,
        "clientseq": 1,
        "parameters": {"media": [OFFERED[0]]},
    }
    channels = (Channel(Role.CUSTOMER, "external"), Channel(Role.AGENT, "internal"))
    assert isinstance(started, CallStarted)
    assert (started.call_id, started.sampling_rate) == (CONVERSATION, 8000)
    assert started.channels == channels
    (audio,) = pair.send(pair.client.audio(STEREO))
    assert isinstance(audio, Audio)
    expected = np.stack([decode_mulaw(encode_mulaw(row)) for row in STEREO])
    np.testing.assert_array_equal(audio.samples, expected)
    pair.send(pair.client.message("ping"))
    assert pair.said[-1] == {
        **pair.said[0],
        "type": "pong",
        "seq": 2,
        "clientseq": 2,
        "parameters": {},
    }
    assert pair.send(pair.client.message("close", {"reason": "end"})) == [
        CallEnded("end", complete=True)
    ]
    assert pair.server.state is SessionState.CLOSING
    pair.take(pair.server.finish())
    assert (pair.said[-1]["type"], pair.said[-1]["seq"], pair.said[-1]["clientseq"]) == (
        "closed",
        3,
        3,
    )
    assert pair.server.over
    assert pair.server.finish() == []
    pair.end()


def test_samples_are_interleaved_external_first() -> None:
    pair = Pair()
    pair.open()
    (audio,) = pair.send(bytes([0xCE, 0x4E, 0xCE, 0x4E]))
    assert isinstance(audio, Audio)
    assert (audio.samples * 32_768).tolist() == [[988.0, 988.0], [-988.0, -988.0]]


def test_l16_is_little_endian() -> None:
    pair = Pair()
    pair.open(media=[OFFERED[4]])
    (audio,) = pair.send(bytes.fromhex("00400080"))
    assert isinstance(audio, Audio)
    assert audio.samples.tolist() == [[0.5, -1.0]]


@settings(deadline=None, max_examples=25)
@given(st.integers(200, 9000), st.sampled_from(range(6)))
def test_a_recording_comes_back(samples: int, choice: int) -> None:
    pair = Pair()
    pair.open(media=[OFFERED[choice]])
    waveform = noise(len(OFFERED[choice]["channels"]), samples)
    pair.send(*(frame.content for frame in pair.client.frames_of(waveform)))
    pair.take(pair.server.finish())
    pair.end()
    expected = waveform
    if OFFERED[choice]["format"] == "PCMU":
        expected = np.stack([decode_mulaw(encode_mulaw(row)) for row in waveform])
    np.testing.assert_allclose(heard(pair.events), expected, atol=2**-15)
    assert pair.types[0] == "opened"
    assert pair.types[-1] == "closed"


def test_the_client_pings_after_one_second_and_then_every_five() -> None:
    pair = Pair()
    pair.open()
    frames = list(pair.client.frames_of(noise(2, 8000 * 12)))
    pings = [
        frame.seconds
        for frame in frames
        if isinstance(frame.content, str) and "ping" in frame.content
    ]
    assert pings == pytest.approx([1.0, 6.0, 11.0])


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (OFFERED, 0),
        (tuple(reversed(OFFERED)), 5),
        (OFFERED[3:], 0),
        ((OFFERED[1], OFFERED[3]), 1),
        ((OFFERED[5], OFFERED[2]), 1),
    ],
)
def test_both_sides_are_chosen_before_one_and_mulaw_before_linear(
    offered: Sequence[Any], chosen: int
) -> None:
    pair = Pair()
    pair.open(media=offered)
    assert pair.said[0]["parameters"]["media"] == [offered[chosen]]


@pytest.mark.parametrize(
    "fields",
    [
        {"format": "OPUS"},
        {"rate": 16_000},
        {"type": "video"},
        {"channels": []},
        {"channels": ["external", "external"]},
        {"channels": ["both"]},
    ],
)
def test_media_that_cannot_be_read_are_not_chosen(fields: dict[str, Any]) -> None:
    offered = Media.model_validate({**OFFERED[0], **fields})
    assert chosen_media([offered]) is None


def test_a_probe_is_answered_but_is_no_call() -> None:
    for media in (OFFERED, ()):
        pair = Pair(probe=True)
        reply, probed = pair.open(media=media)
        assert isinstance(reply, Reply)
        assert probed == Probed()
        assert pair.said[0]["parameters"]["media"] == list(media[:1])
        pair.send(pair.client.message("ping"), bytes(3))
        pair.send(pair.client.message("update", {"language": "de-DE"}))
        pair.send(pair.client.message("close", {"reason": "end"}))
        assert pair.types == ["opened", "pong", "updated", "closed"]
        assert pair.server.call is None
        assert pair.server.over
        pair.end()


def test_discarded_audio_is_a_gap() -> None:
    pair = Pair()
    pair.open()
    pair.send(pair.client.audio(STEREO), pair.client.discard("discarded", 4000))
    pair.send(pair.client.audio(STEREO))
    assert only(Gap, pair.events) == [Gap(4000, 1600)]
    assert only(Audio, pair.events)[1].position == 5600
    assert pair.server.position == pair.client.position == 7200
    # What lies behind is no gap.
    again = pair.client.message("discarded", {"start": "PT0S", "discarded": "PT0.1S"})
    assert pair.send(again) == []
    pair.end()


def test_a_pause_is_a_gap_and_audio_in_it_an_error() -> None:
    pair = Pair()
    pair.open()
    pair.send(pair.client.audio(STEREO))
    pair.take(pair.server.pause())
    pair.send(pair.client.audio(STEREO))  # Was on its way.
    pair.send(pair.client.message("paused"), pair.client.message("paused"))
    assert pair.server.state is SessionState.PAUSED
    pair.take(pair.server.resume())
    pair.send(pair.client.discard("resumed", 8000), pair.client.audio(STEREO))
    assert pair.types == ["opened", "pause", "resume"]
    assert only(Gap, pair.events) == [Gap(8000, 3200)]
    pair.send(pair.client.message("paused"))
    *_, reject = pair.send(pair.client.audio(STEREO))
    assert isinstance(reject, Reject)
    assert "in a session that is paused" in reject.sentence
    pair.end()


def test_a_session_may_start_paused() -> None:
    pair = Pair(start_paused=True)
    pair.open()
    assert pair.said[0]["parameters"]["startPaused"] is True
    assert pair.server.state is SessionState.PAUSED
    pair.send(pair.client.discard("resumed", 0), pair.client.audio(STEREO))
    assert heard(pair.events).shape[1] == 1600


def test_language_error_and_reconnect() -> None:
    pair = Pair()
    pair.open(more={"language": "en-US", "supportedLanguages": True})
    assert pair.said[0]["parameters"]["supportedLanguages"] == []
    assert only(CallStarted, pair.events)[0].parameters["language"] == "en-US"
    pair.send(pair.client.message("update", {"language": "es-ES"}))
    pair.send(pair.client.message("error", {"code": 429, "message": "slow down"}))
    pair.take(pair.server.reconnect(info="stopping"))
    pair.take(pair.server.send_entities([{"type": "x", "data": {}}]))
    assert only(LanguageChanged, pair.events) == [LanguageChanged("es-ES")]
    assert only(CarrierError, pair.events) == [CarrierError(429, "slow down")]
    assert pair.types == ["opened", "updated", "reconnect", "event"]
    pair.send(pair.client.message("close", {"reason": "reconnect"}))
    assert only(CallEnded, pair.events) == [CallEnded("reconnect", complete=False)]


def test_what_version_2_did_not_have_yet_ends_nothing() -> None:
    pair = Pair()
    pair.open(more={"language": "zh-Hant-TW-x-private_use"})
    pair.send(pair.client.message("dtmf", {"digit": "5"}))
    pair.send(pair.client.message("update", {"language": "de_DE"}))
    pair.send(pair.client.message("error", {"code": 7}))
    pair.send(pair.client.audio(STEREO))
    pair.send(pair.client.message("close", {"reason": "end"}))
    assert heard(pair.events).shape[1] == 1600
    assert pair.server.counters.ignored == 1
    assert only(CallEnded, pair.events) == [CallEnded("end", complete=True)]


def test_a_participant_without_numbers_is_taken() -> None:
    message = json.loads(Pair().client.open())
    message["parameters"]["participant"] = {"id": message["parameters"]["participant"]["id"]}
    pair = Pair()
    assert only(CallStarted, pair.server.receive(json.dumps(message), now=0.0))


def test_what_is_told_of_a_call_names_nobody() -> None:
    pair = Pair()
    more = {"continuedSessions": [{"id": SESSION, "serverseq": 3, "clientseq": 4}]}
    pair.open(more={**more, "customConfig": {"queue": "sales"}})
    told = only(CallStarted, pair.events)[0].parameters
    assert told["continuedSessions"] == SESSION
    assert json.loads(told["customConfig"]) == {"queue": "sales"}
    assert "+15550100" not in json.dumps(dict(told))


def test_after_close_events_may_still_be_sent_before_closed() -> None:
    pair = Pair()
    pair.open()
    pair.send(pair.client.message("close", {"reason": "end"}))
    pair.take(pair.server.send_entities([]))
    assert pair.send(pair.client.message("discarded", {"start": "PT0S", "discarded": "PT1S"})) == []
    assert pair.send(pair.client.message("close", {"reason": "end"})) == []
    pair.take(pair.server.finish())
    assert pair.types == ["opened", "event", "closed"]
    assert pair.server.counters.ignored == 2


def test_a_server_that_disconnects_still_answers_close_and_ping() -> None:
    pair = Pair()
    pair.open()
    pair.take(pair.server.disconnect("completed", info="drained"))
    assert only(CallEnded, pair.events) == [CallEnded("The server disconnected.", complete=True)]
    assert pair.said[-1]["parameters"] == {"reason": "completed", "info": "drained"}
    pair.send(pair.client.audio(STEREO), pair.client.message("ping"))
    pair.send(pair.client.message("close", {"reason": "disconnect"}))
    assert pair.types == ["opened", "disconnect", "pong", "closed"]
    assert pair.server.over
    assert pair.server.disconnect("error") == []
    pair.end()


def changed(text: str, **fields: Any) -> str:
    return json.dumps(json.loads(text) | fields)


def opening(**parameters: Any) -> str:
    message = json.loads(Pair().client.open())
    message["parameters"] |= parameters
    return json.dumps(message)


def second(kind: str = "ping", parameters: dict[str, Any] | None = None, **fields: Any) -> str:
    client = Pair().client
    client.open()
    return changed(client.message(kind, parameters), **{"serverseq": 1, **fields})


OPEN = opening()


@pytest.mark.parametrize(
    ("frames", "code", "sentence"),
    [
        (["{"], CloseCode.INVALID_PAYLOAD, "not JSON"),
        ([second()[:-2] + "]" * 300], CloseCode.INVALID_PAYLOAD, "not JSON"),
        ([bytes(2)], CloseCode.PROTOCOL_ERROR, "Audio came in a session that is waiting"),
        ([OPEN, bytes(3)], CloseCode.INVALID_PAYLOAD, "3 bytes, but one sample .* takes 2"),
        ([changed(OPEN, type="hello")], CloseCode.PROTOCOL_ERROR, "version 2 does not have"),
        ([changed(OPEN, version="1")], CloseCode.PROTOCOL_ERROR, "open.version"),
        ([changed(OPEN, seq=2)], CloseCode.PROTOCOL_ERROR, "seq 2, but 1 is next"),
        ([changed(OPEN, seq=0)], CloseCode.PROTOCOL_ERROR, "seq 0, but 1 is next"),
        ([changed(OPEN, seq="1")], CloseCode.PROTOCOL_ERROR, "open.seq"),
        ([changed(OPEN, serverseq=1)], CloseCode.PROTOCOL_ERROR, "serverseq 1, but only 0"),
        ([changed(OPEN, id=ORGANIZATION)], CloseCode.PROTOCOL_ERROR, "Audiohook-Session-Id"),
        ([changed(OPEN, position="2 s")], CloseCode.PROTOCOL_ERROR, "open.position"),
        ([OPEN, second(seq=3)], CloseCode.PROTOCOL_ERROR, "seq 3, but 2 is next"),
        ([OPEN, second(serverseq=2)], CloseCode.PROTOCOL_ERROR, "serverseq 2, but only 1"),
        ([OPEN, changed(OPEN, seq=2)], CloseCode.PROTOCOL_ERROR, "second open"),
        ([opening(organizationId=SESSION)], CloseCode.POLICY_VIOLATION, "another organization"),
        ([opening(media=[])], CloseCode.UNSUPPORTED_DATA, "No media is offered"),
        ([opening(conversationId="x")], CloseCode.PROTOCOL_ERROR, "conversationId"),
        ([changed(second("paused"), seq=1, serverseq=0)], CloseCode.PROTOCOL_ERROR, "before open"),
        (
            [OPEN, second("discarded", {"start": "PT0S", "discarded": "P1D"})],
            CloseCode.PROTOCOL_ERROR,
            "discarded.parameters.discarded",
        ),
        (
            [OPEN, second("discarded", {"start": "PT0S", "discarded": "PT999999999S"})],
            CloseCode.POLICY_VIOLATION,
            "longer than 86400 s",
        ),
        ([OPEN, second("close", {"reason": "bored"})], CloseCode.PROTOCOL_ERROR, "close.param"),
        ([OPEN, second("close", {"reason": "end"}), bytes(2)], CloseCode.PROTOCOL_ERROR, "closing"),
        ([OPEN, bytes(65_538)], CloseCode.TOO_BIG, "at most 65536"),
        (
            [
                OPEN.replace(
                    '"parameters": {', '"parameters": {"customConfig": {"a": %s}, ' % ("9" * 5000)
                )
            ],
            CloseCode.INVALID_PAYLOAD,
            "not JSON",
        ),
    ],
)
def test_what_breaks_the_protocol_is_answered_by_disconnect(
    frames: list[str | bytes], code: CloseCode, sentence: str
) -> None:
    pair = Pair()
    pair.send(*frames)
    (reject,) = only(Reject, pair.events)
    assert reject.code is code
    assert reject.told
    assert re.search(sentence, reject.sentence)
    assert pair.said[-1]["type"] == "disconnect"
    assert pair.said[-1]["parameters"] == {"reason": "error", "info": reject.sentence}
    assert not pair.server.over
    pair.send(second("close", {"reason": "disconnect"}, seq=9))
    assert pair.said[-1]["type"] == "closed"
    assert pair.server.over
    pair.end()


def test_what_the_client_cannot_do_is_refused() -> None:
    client = Pair().client
    with pytest.raises(ConfigError, match="wait for opened"):
        client.audio(STEREO)
    for frame in ("{", "[]", '{"type": "opened"}', '{"type": "x", "seq": "a", "parameters": {}}'):
        with pytest.raises(ServiceError, match="no AudioHook message"):
            client.receive(frame)
    pair = Pair()
    pair.open()
    with pytest.raises(ConfigError, match=r"1 channel\(s\) does not fit"):
        list(pair.client.frames_of(noise(1, 400)))
    with pytest.raises(AudioError, match="no samples"):
        list(pair.client.frames_of(np.zeros((2, 0), np.float32)))


DURATIONS = st.from_regex(r"PT([0-9]{0,12}\.)?[0-9]{1,12}S", fullmatch=True) | st.text(max_size=5)
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "reason": st.sampled_from(["end", "error", "bored"]),
        "start": DURATIONS,
        "discarded": DURATIONS,
        "language": st.text(max_size=6),
        "code": st.integers(0, 600),
        "message": st.text(max_size=8),
    },
)
KINDS = ["open", "ping", "close", "paused", "resumed", "discarded", "update", "error", "x"]
STEPS = st.one_of(
    st.tuples(st.sampled_from(KINDS), PARAMETERS),
    st.binary(max_size=40),
    st.text(max_size=20),
    st.sampled_from(["finish", "pause", "resume", "reconnect", "disconnect"]).map(lambda do: (do,)),
)


def frames_of(steps: Sequence[Any], pair: Pair) -> Iterator[list[Event]]:
    for step in steps:
        if isinstance(step, str | bytes):
            yield pair.server.receive(step, now=0.0)
        elif step == ("disconnect",):
            yield pair.server.disconnect("completed")
        elif len(step) == 1:
            yield getattr(pair.server, step[0])()
        elif step[0] == "open":
            yield pair.server.receive(pair.client.open(more=step[1]), now=0.0)
        else:
            yield pair.server.receive(pair.client.message(*step), now=0.0)


@settings(deadline=None, max_examples=200)
@given(st.lists(STEPS, max_size=20), st.booleans(), st.booleans())
def test_whatever_comes_nothing_is_raised(steps: Sequence[Any], opened: bool, probe: bool) -> None:
    pair = Pair(probe=probe, limits=Limits(call_s=3600))
    if opened:
        pair.open()
    for events in frames_of(steps, pair):
        pair.take(events)
    pair.end()
    assert [message["seq"] for message in pair.said] == list(range(1, len(pair.said) + 1))
