"""A speaker's curve, trend and talk time, live: as an analysis of the recording has them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from alert_sounds import LABELS, window
from hypothesis import given
from hypothesis import strategies as st

from tonfall.analysis.trajectory import Trend, trajectory
from tonfall.serve.calls.affect import SpeakerAffect, ToneTrend
from tonfall.serve.calls.talk import TalkTime
from tonfall.timeline import Recording, Segment, Timeline, Window

SECOND = 16_000


def windows(levels: list[float], *, dimensions: bool = True) -> list[Window]:
    """A window a second, with these probabilities of anger."""
    every = [window(end, level) for end, level in enumerate(levels, 3)]
    if dimensions:
        return every
    return [replace(each, arousal=None, valence=None, dominance=None) for each in every]


def timeline(every: list[Window]) -> Timeline:
    recording = Recording("", 8000, 1, every[-1].segment.end)
    return Timeline(recording, LABELS, "tiny", "0", True, windows=tuple(every))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.booleans())
def test_the_curve_is_that_of_the_recording(levels: list[float], dimensions: bool) -> None:
    every = windows(levels, dimensions=dimensions)
    affect = SpeakerAffect(LABELS, piece_s=1.0)
    live = [affect.update(each) for each in every]
    for found, expected in zip(live, trajectory(timeline(every), "S1"), strict=True):
        assert found.smoothed == pytest.approx(expected.probabilities, abs=1e-12)
        for name in ("arousal", "valence", "dominance"):
            assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-12)


def test_the_mean_is_that_of_the_windows() -> None:
    affect = SpeakerAffect(LABELS, piece_s=1.0)
    assert affect.mean == ()
    for each in windows([0.2, 0.4, 0.9]):
        affect.update(each)
    assert affect.mean[3] == pytest.approx(0.5)


def test_a_pause_adds_no_speech() -> None:
    affect = SpeakerAffect(LABELS, piece_s=1.0)
    affect.update(window(3, 0.5))
    seen = affect.update(window(100, 0.5))
    assert seen.step_s == 1.0
    assert seen.speech_s == pytest.approx(1.8)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (0.1, 0.8, Trend.WORSENING),
        (0.8, 0.1, Trend.IMPROVING),
        (0.5, 0.55, Trend.STEADY),
    ],
)
def test_the_trend_is_from_the_first_third_to_the_last(
    first: float, last: float, expected: Trend
) -> None:
    affect = SpeakerAffect(LABELS, piece_s=1.0)
    for each in windows([first] * 20 + [last] * 20):
        affect.update(each)
    assert affect.trend is expected


def test_little_speech_has_no_trend() -> None:
    affect = SpeakerAffect(LABELS, piece_s=1.0)
    for each in windows([0.1] * 8 + [0.9] * 8):
        affect.update(each)
    assert affect.trend is Trend.UNKNOWN


@given(st.lists(st.floats(-2, 1), min_size=60, max_size=3000), st.floats(0.5, 1))
def test_a_long_call_has_the_trend_of_all_its_windows(tones: list[float], seconds: float) -> None:
    live = ToneTrend()
    for tone in tones:
        live.update(tone, seconds)
    assert len(live._lengths) <= 257
    assert sum(live._lengths) == pytest.approx(len(tones) * seconds)
    assert sum(live._tones) == pytest.approx(sum(tones) * seconds, abs=1e-6)


@pytest.mark.parametrize("count", [100, 1000, 20_000])
def test_the_thirds_of_a_long_call_are_near_enough(count: int) -> None:
    rng = np.random.default_rng(0)
    tones = np.linspace(0, 1, count) + rng.normal(0, 0.3, count)
    live = ToneTrend()
    for tone in tones.tolist():
        live.update(tone, 1.0)
    first = live._mean(0, count / 3)
    assert first == pytest.approx(tones[: count // 3].mean(), abs=0.02)
    assert live._mean(2 * count / 3, count) == pytest.approx(tones[-count // 3 :].mean(), abs=0.02)


turns = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), max_size=12)


@given(turns, turns)
def test_talk_is_what_counting_every_sample_gives(
    ours: list[tuple[int, int]], theirs: list[tuple[int, int]]
) -> None:
    talk, spoken = TalkTime(), np.zeros((2, 2000), int)
    for row, (speaker, lengths) in enumerate((("S1", ours), ("S2", theirs))):
        position = 0
        for pause, length in lengths:
            start = position + pause
            position = start + length
            talk.add(speaker, Segment(start * SECOND, position * SECOND))
            spoken[row, start:position] = 1
    found = talk.compute(samples=2000 * SECOND)
    assert found.speakers.get("S1", 0) == spoken[0].sum()
    assert found.overlap_s == (spoken.sum(axis=0) == 2).sum()
    assert found.silence_s == (spoken.sum(axis=0) == 0).sum()
    if spoken.any():
        assert found.ratio("S1") + found.ratio("S2") == pytest.approx(1)
    else:
        assert found.ratio("S1") == 0


def test_what_is_usual_lies_before_the_windows_that_overlap_the_newest() -> None:
    affect = SpeakerAffect(LABELS, piece_s=1.0)
    levels = [0.1, 0.2, 0.3, 0.9, 0.9, 0.9, 0.9]
    usual = [affect.update(each).usual for each in windows(levels)]
    assert usual[:5] == [None] * 5
    assert usual[5] is not None
    assert usual[5].probabilities[3] == pytest.approx(0.2)
    assert usual[5].arousal == pytest.approx(0.8)
    assert usual[6] is not None
    assert usual[6].probabilities[3] == pytest.approx(np.mean([0.1, 0.2, 0.3, 0.9]))


def test_without_dimensions_none_of_them_is_usual() -> None:
    affect = SpeakerAffect(LABELS, piece_s=1.0)
    usual = [affect.update(each).usual for each in windows([0.1] * 8, dimensions=False)][-1]
    assert usual is not None
    assert (usual.arousal, usual.valence, usual.dominance) == (None, None, None)
