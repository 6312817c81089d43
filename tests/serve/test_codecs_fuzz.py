"""Whatever comes in, no codec raises, breaks the order of events, or keeps more than it may."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from codec_events import noise, only
from codec_fuzz import CODECS, LIMITS, held_bytes, play_bytes, steps_of, written
from hypothesis import given, settings
from hypothesis import strategies as st
from test_codecs_twilio import CONNECTED, media, start

from tonfall.serve.codecs import Audio, CallEnded, Rtp, Twilio
from tonfall.serve.codecs.rtp import packets_of

CORPUS = Path(__file__).resolve().parent.parent / "fuzz" / "corpus"
INPUTS = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


@pytest.mark.parametrize("codec", CODECS)
def test_what_a_fuzzer_found_worth_keeping(codec: str) -> None:
    inputs = [path for path in INPUTS if path.parent.name == codec]
    assert inputs, f"there is no corpus for {codec}"
    ended = 0
    for path in inputs:
        ended += len(only(CallEnded, play_bytes(codec, path.read_bytes())))
    assert ended, "no input ever starts a call"


@pytest.mark.parametrize("codec", CODECS)
def test_any_bytes(codec: str) -> None:
    @settings(deadline=None, max_examples=150)
    @given(
        st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=80))).map(
            lambda steps: b"".join(
                bytes([kind]) + len(content).to_bytes(2, "big") + content for kind, content in steps
            )
        )
    )
    def check(data: bytes) -> None:
        play_bytes(codec, data)

    check()


def test_steps_come_back_as_they_were_written() -> None:
    assert list(steps_of(written("a", b"bc"))) == [(0, b"a"), (1, b"bc")]
    assert list(steps_of(written("abc")[:-1] + b"")) == [(0, b"ab")]
    assert list(steps_of(b"\0\0")) == []


@pytest.mark.parametrize("samples", [1, 20, 160, 40_000])
def test_a_track_that_never_comes_holds_no_more_than_the_buffer(samples: int) -> None:
    carrier = Twilio(limits=LIMITS)
    for frame in (CONNECTED, start()):
        carrier.receive(frame, now=0.0)
    most = 0
    for place in range(1500):
        stamp = place * max(1, samples // 8)
        for event in carrier.receive(media(stamp, samples=samples), now=0.0):
            if isinstance(event, Audio):
                assert event.samples.shape[1] <= 40_000 * 2
        most = max(most, held_bytes(carrier)) if place % 50 == 0 else most
    assert most < 30_000 + 2 * 4 * samples + 4 * 1600 * 8


def test_packets_far_ahead_and_backwards_hold_no_more_than_the_buffer() -> None:
    carrier = Rtp(call_id="c1", limits=LIMITS)
    rng = np.random.default_rng(0)
    frames = [frame.content for frame in packets_of(noise(1, 8000 * 9))][:-1]
    most = 0
    for place in rng.integers(0, len(frames), 3000):
        carrier.receive(frames[place], now=0.0)
        most = max(most, held_bytes(carrier))
    assert most < 60_000
