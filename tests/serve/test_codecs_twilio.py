"""Twilio Media Streams: order, tracks, time, what is refused, and the quick way of reading."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import numpy as np
import pytest
from codec_events import check_rules, heard, noise, only, plain, play, play_outgoing, rejection
from hypothesis import given, settings
from hypothesis import strategies as st
from streamdouble.protocol import MediaStreamEncoder, StreamIdentity

from tonfall.audio import decode_mulaw, encode_mulaw
from tonfall.errors import ConfigError
from tonfall.serve.codecs import (
    Audio,
    CallEnded,
    CallStarted,
    Channel,
    CloseCode,
    Counters,
    Dtmf,
    Event,
    Gap,
    Limits,
    Reject,
    Role,
    StreamRestarted,
    Twilio,
)
from tonfall.serve.codecs.twilio import Stream, messages_of
from tonfall.serve.codecs.twilio_messages import MESSAGE, usual_media

SID = "MZ" + 32 * "1"
CONNECTED = '{"event": "connected", "protocol": "Call", "version": "1.0.0"}'
MONO = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}


def start(*tracks: str, **fields: Any) -> str:
    body = {
        "accountSid": "AC1",
        "streamSid": SID,
        "callSid": "CA1",
        "tracks": list(tracks or ("inbound", "outbound")),
        "mediaFormat": MONO,
        "customParameters": {"queue": "sales"},
    }
    message = {"event": "start", "sequenceNumber": "1", "streamSid": SID, "start": body | fields}
    return json.dumps(message)


def media(ms: int | str, track: str = "inbound", *, code: int = 0xCE, samples: int = 160) -> str:
    payload = base64.b64encode(bytes([code]) * samples).decode()
    body = {"track": track, "chunk": "1", "timestamp": str(ms), "payload": payload}
    return json.dumps({"event": "media", "sequenceNumber": "2", "streamSid": SID, "media": body})


def stop(sid: str = SID) -> str:
    body = {"accountSid": "AC1", "callSid": "CA1"}
    return json.dumps({"event": "stop", "sequenceNumber": "9", "streamSid": sid, "stop": body})


def one_track(*frames: str) -> tuple[list[Event], Counters]:
    carrier = Twilio()
    events = play(carrier, [CONNECTED, start("inbound"), *frames]) + carrier.close()
    check_rules(events, closed=True)
    return events, carrier.counters


def values(events: list[Event]) -> list[float]:
    """The first row, a value for each 20 ms."""
    return np.rint(heard(events)[0, ::160] * 32_768).tolist()


def test_a_call_is_told_as_it_was_sent() -> None:
    carrier = Twilio(roles={"inbound": Role.AGENT, "outbound": Role.CUSTOMER})
    frames = [CONNECTED, start(), media(0), media(0, "outbound", code=0x4E), stop()]
    started, audio, ended = play(carrier, frames)
    channels = (Channel(Role.AGENT, "inbound"), Channel(Role.CUSTOMER, "outbound"))
    told = {"queue": "sales", "accountSid": "AC1", "streamSid": SID}
    assert started == CallStarted("CA1", 8000, channels, told)
    assert isinstance(audio, Audio)
    assert (audio.samples[:, 0] * 32_768).tolist() == [988.0, -988.0]
    assert audio.samples.shape == (2, 160)
    assert ended == CallEnded("stop", complete=True)
    assert carrier.over


def test_tracks_without_a_known_role_are_of_unknown_role() -> None:
    events = play(Twilio(roles={}), [CONNECTED, start("outbound")])
    assert only(CallStarted, events)[0].channels == (Channel(Role.UNKNOWN, "outbound"),)


@settings(deadline=None, max_examples=25)
@given(samples=st.integers(200, 9000), tracks=st.integers(1, 2), seed=st.integers(0, 99))
def test_a_recording_comes_back(samples: int, tracks: int, seed: int) -> None:
    waveform = noise(tracks, samples, seed=seed)
    stream = Stream(call_sid="CA1", tracks=("inbound", "outbound")[:tracks])
    carrier = Twilio()
    events = play_outgoing(carrier, messages_of(waveform, stream=stream))
    check_rules(events, closed=True)
    expected = np.stack([decode_mulaw(encode_mulaw(row)) for row in waveform])
    np.testing.assert_array_equal(heard(events)[:, :samples], expected)
    assert not heard(events)[:, samples:].any()  # The last 20 ms are filled up with silence.
    assert carrier.counters == Counters(packets=tracks * -(-samples // 160))


def test_messages_are_those_of_streamdouble() -> None:
    # Its author checked Twilio's pages; its counters are those of both tracks together.
    tracks = ("inbound", "outbound")
    stream = Stream(call_sid="CA9", tracks=tracks, parameters={"a": "b"})
    waveform = noise(2, 480)
    identity = StreamIdentity(
        stream_sid=stream.stream_sid, account_sid=stream.account_sid, call_sid="CA9"
    )
    peer = MediaStreamEncoder(identity)
    expected = [peer.connected(), peer.start(tracks=list(tracks), custom_parameters={"a": "b"})]
    for position in range(0, 480, 160):
        for track, row in zip(tracks, waveform, strict=True):
            expected.append(peer.media(encode_mulaw(row[position : position + 160]), track=track))
    expected.append(peer.stop())
    ours = [json.loads(str(frame.content)) for frame in messages_of(waveform, stream=stream)]
    assert ours == expected


def test_what_streamdouble_sends_with_losses_is_heard_with_gaps() -> None:
    peer = MediaStreamEncoder()
    frames = [peer.connected(), peer.start(tracks=["inbound"])]
    for place in range(40):
        if place % 10 == 5:
            peer.skip_frame("inbound")
        else:
            frames.append(peer.media(bytes([0xCE] * 160)))
    events = play(Twilio(), [json.dumps(frame) for frame in [*frames, peer.stop()]])
    check_rules(events, closed=True)
    assert only(Gap, events) == [Gap(160, 160 * place) for place in (5, 15, 25, 35)]
    assert heard(events).shape[1] == 40 * 160
    assert only(CallEnded, events)[0].complete


def test_messages_are_due_when_their_audio_is_over() -> None:
    frames = list(messages_of(noise(2, 400), stream=Stream(call_sid="CA1")))
    due = [0.0, 0.0, 0.02, 0.02, 0.04, 0.04, 0.06, 0.06, 0.06]
    assert [frame.seconds for frame in frames] == due


def test_audio_is_put_in_order_by_its_time_stamps_not_by_counters() -> None:
    codes = [0xCE, 0x4E, 0xF2, 0x72]
    messages = [media(20 * place, code=code) for place, code in enumerate(codes)]
    events, counters = one_track(*[messages[place] for place in (0, 2, 1, 3)])
    assert values(events) == [988, -988, 104, -104]
    assert (counters.packets, counters.reordered, counters.gaps) == (4, 1, 0)


def test_a_duplicate_is_dropped() -> None:
    for again in (0, 20):
        events, counters = one_track(media(0), media(20), media(again), media(40))
        assert values(events) == [988] * 3
        assert (counters.packets, counters.duplicates, counters.late) == (3, 1, 0)


def test_lost_audio_is_a_gap_and_late_audio_is_dropped() -> None:
    later = [media(ms) for ms in range(40, 400, 20)]
    events, counters = one_track(media(0), *later, media(20))
    assert only(Gap, events) == [Gap(160, 160)]
    assert counters.late == 1
    assert counters.gap_samples == 160
    assert heard(events).shape[1] == 400 * 8


def test_a_hole_is_waited_for_for_200_ms() -> None:
    carrier = Twilio()
    play(carrier, [CONNECTED, start("inbound"), media(0)])
    waiting = [carrier.receive(media(ms), now=0.0) for ms in range(40, 240, 20)]
    assert not any(waiting)
    gap, audio = carrier.receive(media(240), now=0.0)
    assert gap == Gap(160, 160)
    assert isinstance(audio, Audio)
    assert audio.samples.shape[1] == 11 * 160


def test_a_track_that_lags_is_waited_for_and_then_taken_for_silent() -> None:
    carrier = Twilio()
    play(carrier, [CONNECTED, start()])
    events = [
        event for ms in range(0, 1000, 20) for event in carrier.receive(media(ms), now=ms / 1000)
    ]
    audio = only(Audio, events)
    assert sum(each.samples.shape[1] for each in audio) == (980 - 200) * 8
    assert not any(each.samples[1].any() for each in audio)
    assert carrier.counters.filled_samples == (980 - 200) * 8
    assert carrier.counters.gaps == 0


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 4), min_size=20, max_size=60), st.randoms(use_true_random=False))
def test_any_order_within_the_buffer_gives_the_same_audio(shifts: list[int], random: Any) -> None:
    # Each message comes up to four messages (80 ms) later than it should; tracks interleave.
    waveform = noise(2, 160 * len(shifts))
    frames = [str(each.content) for each in messages_of(waveform, stream=Stream(call_sid="CA1"))]
    head, body, tail = frames[:2], frames[2:-1], frames[-1:]
    delays = [place + shifts[place // 2] * 2 + random.random() for place in range(len(body))]
    mixed = [body[place] for place in sorted(range(len(body)), key=delays.__getitem__)]
    events = play(Twilio(), head + mixed + tail)
    check_rules(events, closed=True)
    np.testing.assert_array_equal(heard(events), heard(play(Twilio(), frames)))


def test_time_stamps_that_wobble_do_not_cut_the_audio() -> None:
    stamps = [0, 21, 40, 59, 82, 100]
    events, counters = one_track(*map(media, stamps))
    assert only(Gap, events) == []
    assert heard(events).shape[1] == 6 * 160
    assert counters.packets == 6


def test_payloads_of_any_length_are_taken() -> None:
    lengths = [40, 8, 4792, 160]
    ends = np.cumsum([0, *lengths])
    frames = [
        media(round(at / 8), samples=length) for at, length in zip(ends, lengths, strict=False)
    ]
    events, _ = one_track(*frames)
    assert only(Gap, events) == []
    assert heard(events).shape[1] == sum(lengths)


def test_an_empty_payload_is_passed_over() -> None:
    events, counters = one_track(media(0, samples=0), media(0))
    assert counters.ignored == 1
    assert heard(events).shape[1] == 160


@pytest.mark.parametrize("ahead", [3_600_000, -3_600_000])
def test_a_clock_that_jumps_is_another_stream(ahead: int) -> None:
    base = 4_000_000
    before = [media(base + 20 * place) for place in range(10)]
    after = [media(base + 200 + ahead + 20 * place, code=0x4E) for place in range(10)]
    events, counters = one_track(*before, *after)
    # The first packets jump as well: a stream's clock starts at 0.
    assert only(StreamRestarted, events) == [StreamRestarted(0), StreamRestarted(1600)]
    assert values(events) == [988] * 10 + [-988] * 10
    assert counters.restarts == 2


def test_a_restart_is_told_where_it_is_although_one_track_lags() -> None:
    carrier = Twilio()
    frames = [CONNECTED, start()]
    for ms in range(0, 100, 20):
        frames += [media(ms), media(ms, "outbound")]
    frames += [media(ms) for ms in range(100, 160, 20)]  # The other track lags by 60 ms.
    frames += [media(900_000 + ms) for ms in range(0, 60, 20)]
    events = play(carrier, frames, step_s=0.01) + carrier.close()
    check_rules(events, closed=True)
    place = [type(event) for event in events].index(StreamRestarted)
    told = sum(each.samples.shape[1] for each in only(Audio, events[:place]))
    assert events[place] == StreamRestarted(told) == StreamRestarted(160 * 8)


def test_one_stray_time_stamp_is_dropped() -> None:
    events, counters = one_track(media(0), media(999_999), media(20), media(40))
    assert values(events) == [988] * 3
    assert (counters.late, counters.restarts) == (1, 0)


def test_silence_of_the_sender_is_told_from_a_jump_by_our_own_clock() -> None:
    carrier = Twilio()
    events = play(carrier, [CONNECTED, start("inbound"), media(0), media(20)])
    for place in range(3):
        events += carrier.receive(media(60_000 + 20 * place), now=60.0 + place / 50)
    events += carrier.close()
    assert only(Gap, events) == [Gap(round((60.0 - 0.06) * 8000) - 160, 320)]


def test_keys_are_told() -> None:
    message = {"event": "dtmf", "streamSid": SID, "sequenceNumber": "5"}
    key = json.dumps({**message, "dtmf": {"track": "inbound_track", "digit": "#"}})
    events, _ = one_track(media(0), key)
    assert only(Dtmf, events) == [Dtmf("#", 160)]


@pytest.mark.parametrize("said", ["d", "w", "W", "", "12", "ß", 5, None, ["5"], {"a": 1}])
def test_an_odd_key_ends_nothing(said: Any) -> None:
    message = {"event": "dtmf", "streamSid": SID, "dtmf": {"digit": said}}
    events, counters = one_track(media(0), json.dumps(message), '{"event": "dtmf"}', media(20))
    known = {"d": ["D"], "5": ["5"]}
    assert [key.digit for key in only(Dtmf, events)] == known.get(str(said), [])
    assert counters.ignored == 2 - len(only(Dtmf, events))
    assert heard(events).shape[1] == 320
    assert only(Reject, events) == []


@pytest.mark.parametrize("first", [[], [CONNECTED, CONNECTED]])
def test_connected_may_lack_or_come_twice(first: list[str]) -> None:
    events = play(Twilio(), [*first, start("inbound"), CONNECTED, media(0), stop()])
    check_rules(events, closed=True)
    assert heard(events).shape[1] == 160
    assert only(CallEnded, events) == [CallEnded("stop", complete=True)]


@pytest.mark.parametrize("event", ["mark", "clear", "news"])
def test_messages_without_meaning_here_are_passed_over(event: str) -> None:
    message = json.dumps({"event": event, "streamSid": SID, event: {"name": "x"}})
    events, counters = one_track(media(0), message, media(20))
    assert counters.ignored == 1
    assert heard(events).shape[1] == 320


def test_a_stream_that_is_cut_off_is_kept_as_incomplete() -> None:
    carrier = Twilio()
    events = play(carrier, [CONNECTED, start(), media(0)]) + carrier.close(clean=True)
    audio, ended = events[-2:]
    assert isinstance(audio, Audio)  # The other track's part is silence.
    assert ended == CallEnded("The connection was closed.", complete=False)


def other(**fields: Any) -> str:
    return json.dumps(json.loads(media(0)) | fields)


def body(**fields: Any) -> str:
    message = json.loads(media(0))
    message["media"] |= fields
    return json.dumps(message)


@pytest.mark.parametrize(
    ("frames", "code", "sentence"),
    [
        (["{"], CloseCode.INVALID_PAYLOAD, "not JSON"),
        ([b"\xff\x00"], CloseCode.UNSUPPORTED_DATA, "binary frame of 2 bytes"),
        ([media(0)], CloseCode.PROTOCOL_ERROR, "streaming came to one that is waiting"),
        ([stop()], CloseCode.PROTOCOL_ERROR, "streaming came to one that is waiting"),
        ([CONNECTED, media(0)], CloseCode.PROTOCOL_ERROR, "in order"),
        ([CONNECTED, start(), start()], CloseCode.PROTOCOL_ERROR, "that is streaming"),
        ([CONNECTED, start(accountSid="AC2")], CloseCode.POLICY_VIOLATION, "another account"),
        ([CONNECTED, start(streamSid="MZ2")], CloseCode.PROTOCOL_ERROR, "another stream"),
        ([CONNECTED, start(tracks=[])], CloseCode.PROTOCOL_ERROR, "start.start.tracks"),
        ([CONNECTED, start(tracks=["both"])], CloseCode.PROTOCOL_ERROR, "start.start.tracks"),
        ([CONNECTED, start("inbound", "inbound")], CloseCode.PROTOCOL_ERROR, "twice"),
        (
            [CONNECTED, start(mediaFormat=MONO | {"encoding": "audio/opus"})],
            CloseCode.UNSUPPORTED_DATA,
            "not mono mu-law at 8000 Hz",
        ),
        (
            [CONNECTED, start(mediaFormat=MONO | {"sampleRate": 16000})],
            CloseCode.UNSUPPORTED_DATA,
            "not mono mu-law at 8000 Hz",
        ),
        ([CONNECTED, start(), other(streamSid="MZ2")], CloseCode.PROTOCOL_ERROR, "another stream"),
        ([CONNECTED, start(), stop("MZ2")], CloseCode.PROTOCOL_ERROR, "another stream"),
        (
            [CONNECTED, start("inbound"), media(0, "outbound")],
            CloseCode.PROTOCOL_ERROR,
            "outbound track, which start did not name",
        ),
        ([CONNECTED, start(), body(payload="#")], CloseCode.INVALID_PAYLOAD, "not base64"),
        ([CONNECTED, start(), body(payload="AAA")], CloseCode.INVALID_PAYLOAD, "not base64"),
        ([CONNECTED, start(), body(payload="AA=A")], CloseCode.INVALID_PAYLOAD, "not base64"),
        ([CONNECTED, start(), body(payload="AAAA\n")], CloseCode.INVALID_PAYLOAD, "not base64"),
        ([CONNECTED, start(), body(payload=5)], CloseCode.PROTOCOL_ERROR, "media.media.payload"),
        ([CONNECTED, start(), body(track="up")], CloseCode.PROTOCOL_ERROR, "media.media.track"),
        ([CONNECTED, start(), body(timestamp="-1")], CloseCode.PROTOCOL_ERROR, "timestamp"),
        ([CONNECTED, start(), body(timestamp="soon")], CloseCode.PROTOCOL_ERROR, "timestamp"),
        ([CONNECTED, start(), body(timestamp="9" * 5000)], CloseCode.PROTOCOL_ERROR, "timestamp"),
        ([CONNECTED, start(), "[" * 60_000], CloseCode.INVALID_PAYLOAD, "not JSON"),
        ([CONNECTED, start(), "x" * 65_537], CloseCode.TOO_BIG, "at most 65536"),
    ],
)
def test_what_breaks_the_protocol_is_refused(
    frames: list[str | bytes], code: CloseCode, sentence: str
) -> None:
    carrier = Twilio(account_sid="AC1")
    events = play(carrier, [*frames, media(20)])
    check_rules(events, closed=True)
    assert re.search(sentence, rejection(events, code))
    assert carrier.over


def test_a_call_that_lasts_too_long_is_refused_even_by_its_time_stamps() -> None:
    carrier = Twilio(limits=Limits(call_s=20))
    frames = [media(ms) for ms in range(0, 60_000, 5_000)]
    events = play(carrier, [CONNECTED, start("inbound"), *frames])
    check_rules(events, closed=True)
    assert "longer than 20 s" in rejection(events, CloseCode.POLICY_VIOLATION)
    assert heard(events).shape[1] <= 20 * 8000


def test_what_cannot_be_sent_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"shape \(1, 400\), but this stream takes 2"):
        messages_of(noise(1, 400), stream=Stream(call_sid="CA1"))
    with pytest.raises(ConfigError, match="call_sid must be 1 to 256 printable"):
        Stream(call_sid="a b")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
STAMPS = st.integers(-5, 10**13) | st.from_regex(r"[ +-]?[0-9_]{0,14}(\.0)?", fullmatch=True) | JSON
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "track": st.sampled_from(["inbound", "outbound", "both", " inbound"]) | JSON,
        "timestamp": STAMPS,
        "payload": st.sampled_from(["", "AAAA", "AA==", "A", "AAA=AAAA"]) | JSON,
        "chunk": JSON,
    },
)
MEDIA = st.fixed_dictionaries(
    {},
    optional={
        "event": st.sampled_from(["media", "stop", "Media"]) | JSON,
        "streamSid": st.sampled_from([SID, "MZ2", "", "a b"]) | JSON,
        "media": BODIES | JSON,
        "extra": JSON,
    },
)


def close_to_media(random: Any, message: dict[str, Any]) -> str:
    """A good message with some fields replaced, dropped or doubled, as text."""
    good = json.loads(media(20))
    fields = message.get("media")
    inner = good["media"] | fields if isinstance(fields, dict) else fields
    merged = good | message | ({"media": inner} if "media" in message else {})
    order = ["event", "sequenceNumber", "streamSid", "media", "extra"]
    if random.random() < 0.5:
        order[2:4] = order[3:1:-1]
    if random.random() < 0.2:
        random.shuffle(order)
    text = json.dumps({name: merged[name] for name in order if name in merged})
    pairs = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in merged.items()]
    if random.random() < 0.2:
        text = "{" + ", ".join([*pairs, random.choice(pairs)]) + "}"
    if random.random() < 0.2:
        place = random.randrange(len(text))
        text = text[:place] + random.choice('"\\{}[]\ud8000 eN\n') + text[place + 1 :]
    return text


@settings(deadline=None, max_examples=400)
@given(st.randoms(use_true_random=False), MEDIA)
def test_the_quick_and_the_careful_way_of_reading_agree(
    random: Any, message: dict[str, Any]
) -> None:
    frame = close_to_media(random, message)
    quick, careful = Twilio(), Twilio()
    for carrier in (quick, careful):
        play(carrier, [CONNECTED, start(), media(0)])
    events = quick.receive(frame, now=1.0)
    careful._take = careful._take_message  # type: ignore[method-assign]
    assert plain(events) == plain(careful.receive(frame, now=1.0))
    assert quick.counters == careful.counters


AS_TWILIO_WRITES = (
    '{"event":"media","sequenceNumber":"4","media":{"track":"inbound","chunk":"2",'
    f'"timestamp":"120","payload":"AAAA"}},"streamSid":"{SID}"}}'
)
"""In the order of its documentation."""


@pytest.mark.parametrize("frame", [media(120), AS_TWILIO_WRITES])
def test_what_twilio_sends_is_read_the_quick_way(frame: str) -> None:
    read = usual_media(SID).fullmatch(frame)
    assert read is not None
    message: Any = MESSAGE.validate_json(frame)
    assert read["track"] == message.media.track == "inbound"
    assert int(read["timestamp"]) == message.media.timestamp == 120
    assert read["payload"] == message.media.payload
    for other in (frame.replace(SID, "MZ2"), frame.replace("streamSid", "sid"), frame + " "):
        assert usual_media(SID).fullmatch(other) is None


def test_what_streamdouble_sends_is_read_the_quick_way() -> None:
    peer = MediaStreamEncoder(StreamIdentity(stream_sid=SID))
    peer.start()
    frame = json.dumps(peer.media(bytes(160)), separators=(",", ":"))
    assert usual_media(SID).fullmatch(frame) is not None


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(max_size=50),
            st.binary(max_size=50),
            MEDIA.map(json.dumps),
            st.tuples(
                st.integers(0, 30_000),
                st.sampled_from(["inbound", "outbound"]),
                st.integers(0, 700),
            ).map(lambda each: media(each[0], each[1], samples=each[2])),
            st.sampled_from([CONNECTED, start(), stop(), media(10**12), media(10**12 - 20)]),
        ),
        max_size=40,
    ),
    st.booleans(),
)
def test_whatever_comes_nothing_is_raised(frames: list[str | bytes], started: bool) -> None:
    carrier = Twilio()
    events = play(carrier, [CONNECTED, start(), *frames] if started else frames) + carrier.close()
    check_rules(events, closed=True)
