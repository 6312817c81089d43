"""What counts as speech is one setting, in turns, speakers, echo, levels, streams and clips."""

from __future__ import annotations

import numpy as np
import pytest
from streams import RATE, SCORES, example, push_all, turns_of, white_noise, windows_of

from tonfall.arrays import FloatArray
from tonfall.runtime import Predictor
from tonfall.streaming import Engine, LiveSpeakers, Stream
from tonfall.streaming.background import Background
from tonfall.streaming.speakers import Separation
from tonfall.vad import VoiceSettings

NEVER_LOUD = VoiceSettings(loud=1.0)


def echoing() -> FloatArray:
    """(2, n) samples: a voice, and in the other channel its echo 30 dB down."""
    voice = example(4, 8)[:1]
    return np.concatenate([voice, 0.03 * voice])


def test_an_echo_is_that_of_a_voice_as_loud_as_set(tiny: Predictor) -> None:
    for settings, channels in ((None, {0}), (NEVER_LOUD, {0, 1})):
        stream = Stream(tiny, sampling_rate=RATE, channels=2, settings=settings)
        assert {turn.channel for turn in turns_of(push_all(stream, [echoing()]))} == channels


def test_the_level_of_speech_is_that_of_chunks_as_loud_as_set(tiny: Predictor) -> None:
    samples = example(4, 12)[:1]
    known = [
        {
            window.snr_db is not None
            for window in windows_of(
                push_all(Stream(tiny, sampling_rate=RATE, settings=settings), [samples])
            )
        }
        for settings in (None, NEVER_LOUD)
    ]
    assert known[0] >= {True}
    assert known[1] == {False}


def test_the_background_is_heard_where_it_is_as_silent_as_set() -> None:
    levels, speech = np.array([1e-4, 1e-1], np.float32), np.array([0.2, 0.9], np.float32)
    assert Background(VoiceSettings()).snr_db(levels, speech, speech) is None
    assert Background(VoiceSettings(silent=0.3)).snr_db(levels, speech, speech) == 30.0


def test_the_speakers_of_each_run_are_told_what_counts_as_speech(tiny: Predictor) -> None:
    class Told(LiveSpeakers):
        def start(self, era: int, settings: VoiceSettings) -> Separation:
            told.append(settings)
            return super().start(era, settings)

    told: list[VoiceSettings] = []
    settings = VoiceSettings(onset=0.6)
    engine = Engine(tiny, sampling_rate=RATE, channels=1, settings=settings, speakers=Told())
    engine.restart()
    assert told == [settings, settings]


@pytest.mark.parametrize("order", [1, -1], ids=["speech first", "speech last"])
def test_a_clip_is_judged_as_the_stream_of_it_is(tiny: Predictor, order: int) -> None:
    """A second with next to no speech in it is left out of both."""
    parts = [example(5, 7)[:1], white_noise(1.0, level=0.001)]
    clip = np.concatenate(parts[::order], axis=1)
    stream = Stream(tiny, sampling_rate=RATE, baseline=False)
    window = windows_of(push_all(stream, [clip]))[-1]
    affect = tiny.predict(clip, sampling_rate=RATE)
    assert window.probabilities == pytest.approx(affect.probabilities, abs=SCORES)
