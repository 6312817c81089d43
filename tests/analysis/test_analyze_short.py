"""Clips with less speech than a window needs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tonfall.analysis import analyze
from tonfall.analysis.exports import export, parse_json
from tonfall.analysis.exports.tables import turns_frame, write_turns_csv
from tonfall.analysis.page.data import page_data
from tonfall.analysis.rows import turn_rows
from tonfall.arrays import FloatArray
from tonfall.audio import read
from tonfall.runtime import Predictor
from tonfall.timeline import Timeline
from tonfall.vad import detect

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "call.wav"
RATE = 8000


@pytest.fixture(scope="module")
def voice() -> FloatArray:
    """A stretch of 4 s in which one person speaks, (samples,) at 8 kHz."""
    return read(EXAMPLE)[0][0, 2 * RATE : 6 * RATE]


def analyzed(samples: FloatArray, model: Predictor) -> Timeline:
    return analyze(samples, RATE, model=model, speakers=1).timeline


def around(samples: FloatArray, *, seconds: float) -> FloatArray:
    """So much of the loudest place, with silence before and after."""
    half = int(seconds * RATE / 2)
    middle = int(np.convolve(samples**2, np.ones(2 * half), "valid").argmax()) + half
    silence = np.zeros(RATE, np.float32)
    return np.concatenate([silence, samples[middle - half : middle + half], silence])


@pytest.mark.parametrize("seconds", [0.3, 0.4])
def test_a_short_turn_is_judged_and_marked(
    tiny: Predictor, voice: FloatArray, seconds: float
) -> None:
    timeline = analyzed(around(voice, seconds=seconds), tiny)
    (turn,) = timeline.turns
    assert turn.short
    assert turn.guess is not None
    assert sum(turn.probabilities) == pytest.approx(1)
    assert timeline.windows == ()
    (row,) = turn_rows(timeline.turns)
    assert row["sounds"].endswith(" (short)")
    assert parse_json(export(timeline, "json")).turns == timeline.turns
    assert turns_frame(timeline)["short"].tolist() == [True]
    *_, short, _features = page_data(timeline)["turns"][0]  # type: ignore[index, misc]
    assert short == 1
    assert write_turns_csv(timeline).splitlines()[0].endswith(b'"short"')
    assert write_turns_csv(timeline).splitlines()[1].endswith(b"True")


def test_longer_turns_are_judged_by_their_windows_alone(tiny: Predictor, voice: FloatArray) -> None:
    timeline = analyzed(voice, tiny)
    assert timeline.windows
    assert not any(turn.short for turn in timeline.turns)


def test_a_short_word_teaches_the_baseline_nothing(tiny: Predictor, voice: FloatArray) -> None:
    silence = np.zeros(4 * RATE, np.float32)
    word = around(voice, seconds=0.3)[: 2 * RATE]
    word = np.concatenate([word, np.zeros(2 * RATE - len(word), np.float32)])
    after = analyzed(np.concatenate([word, silence, voice]), tiny)
    alone = analyzed(np.concatenate([0 * word, silence, voice]), tiny)
    assert after.turns[0].short
    # Voice activity remembers the word a little; had it been learnt from, 0.2 s would be heard.
    heard = [window.heard for window in alone.windows]
    assert [window.heard for window in after.windows] == pytest.approx(heard, abs=0.03)


def test_every_turn_of_a_call_is_judged(tiny: Predictor) -> None:
    assert detect(np.zeros((1, 16000), np.float32)) == [[]]
    timeline = analyze(EXAMPLE, model=tiny).timeline
    assert all(turn.guess for turn in timeline.turns)
