"""Pitch, loudness, rate and noise of turns and windows, and against the speaker's baseline."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sample_timelines import segment, timeline, turn, window
from typer.testing import CliRunner

from tonfall.analysis import analyze
from tonfall.analysis.exports import export, turns_frame, windows_frame
from tonfall.analysis.exports.json_file import parse_json
from tonfall.analysis.features import FeatureCollector, with_features
from tonfall.analysis.page.data import page_data
from tonfall.analysis.picture import draw
from tonfall.analysis.rows import feature_rows
from tonfall.bundle import Bundle
from tonfall.cli import app
from tonfall.runtime import Predictor
from tonfall.timeline import Features, Timeline

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "call.wav"
RATE = 16_000
NAMES = [each.name for each in fields(Features)]


def syllables(pitch_hz: float, seconds: float, *, peak: float, a_second: float) -> npt.NDArray:
    """A buzz that swells and fades so many times a second."""
    times = np.arange(round(seconds * RATE)) / RATE
    buzz = sum(np.sin(2 * np.pi * pitch_hz * k * times) / k for k in range(1, 21))
    return peak * (0.52 - 0.48 * np.cos(2 * np.pi * a_second * times)) * buzz / 2


def sound() -> npt.NDArray[np.float32]:
    """(2, n): 8 s low, soft and slow, then 4 s an octave up, loud and fast; then silence."""
    first = syllables(120, 8, peak=0.05, a_second=3)
    second = syllables(240, 4, peak=0.5, a_second=5)
    voice = np.concatenate([first, second]).astype(np.float32)
    return np.stack([voice, np.zeros_like(voice)])


def heard(size: int = 16_000) -> Timeline:
    """Windows of 3 s every second and two turns of a judged speaker; another is not judged."""
    collector = FeatureCollector(2, sampling_rate=RATE)
    samples = sound()
    for start in range(0, samples.shape[1], size):
        collector.update(samples[:, start : start + size])
    windows = [window(end - 3, end, speaker="S1") for end in range(3, 13)]
    turns = [turn(0, 7.9, "S1"), turn(8.1, 12, "S1"), turn(1, 2, "S2", 1)]
    return with_features(timeline(turns, windows), collector.compute())


@pytest.fixture(scope="module")
def measured() -> Timeline:
    return heard()


def test_each_feature_has_its_unit(measured: Timeline) -> None:
    low, high = (turn.features for turn in measured.turns[:2])
    assert low is not None
    assert high is not None
    assert low.pitch_hz == pytest.approx(120, rel=0.01)
    assert high.pitch_hz == pytest.approx(240, rel=0.01)
    assert low.syllables_per_s == pytest.approx(3, abs=0.3)
    assert high.syllables_per_s == pytest.approx(5, abs=0.5)
    # Ten times the amplitude is 4.6 times as loud, and an octave up the ear hears it better.
    assert high.loudness is not None
    assert low.loudness is not None
    assert high.loudness / low.loudness > 4.6
    assert low.hnr_db is not None
    assert low.hnr_db > 3


def test_deviations_are_from_the_speakers_own_windows(measured: Timeline) -> None:
    found = [each.features for each in measured.windows]
    for name in ("pitch_z", "loudness_z", "syllables_z", "hnr_z"):
        values = [getattr(each, name) for each in found]
        assert np.mean(values) == pytest.approx(0, abs=1e-6)
        assert np.std(values) == pytest.approx(1)
    assert [row["than usual"] for row in feature_rows(measured.turns)][1].startswith(
        "louder, higher, faster"
    )


def test_who_was_not_judged_is_not_measured(measured: Timeline) -> None:
    assert measured.turns[2].features is None
    assert len(feature_rows(measured.turns)) == 2


def test_a_few_windows_make_no_baseline() -> None:
    collector = FeatureCollector(1, sampling_rate=RATE)
    collector.update(sound()[:1])
    heard_ = timeline([turn(0, 12)], [window(0, 3), window(1, 4), window(2, 5), window(3, 6)])
    features = with_features(heard_, collector.compute()).windows[0].features
    assert features is not None
    assert features.pitch_hz is not None
    assert features.pitch_z is None


def test_what_is_too_short_or_silent_is_unknown() -> None:
    collector = FeatureCollector(1, sampling_rate=RATE)
    collector.update(np.zeros((1, 5 * RATE), np.float32))
    short = replace(turn(1, 1.2), segment=segment(1, 1.03))
    heard_ = timeline([turn(0, 1), short], [window(0, 3)])
    silent, tiny = (each.features for each in with_features(heard_, collector.compute()).turns)
    assert silent is not None
    assert (silent.pitch_hz, silent.hnr_db, silent.syllables_per_s) == (None, None, 0)
    assert tiny == Features()


@pytest.mark.parametrize("size", [3001, 77_777])
def test_the_size_of_blocks_changes_nothing(size: int, measured: Timeline) -> None:
    for ours, theirs in zip(heard(size).windows, measured.windows, strict=True):
        for name in NAMES:
            expected = pytest.approx(getattr(theirs.features, name), abs=0.02)
            assert getattr(ours.features, name) == expected


def test_json_keeps_them_and_has_none_where_none_were_asked_for(measured: Timeline) -> None:
    assert parse_json(export(measured, "json")) == measured
    entries = json.loads(export(measured, "json"))["turns"]
    assert ["features" in each for each in entries] == [True, True, False]
    plain = timeline([turn(0, 3)], [window(0, 3)])
    assert b"features" not in export(plain, "json")


def test_tables_have_a_column_for_each_where_they_were_measured(measured: Timeline) -> None:
    for frame in (turns_frame(measured), windows_frame(measured)):
        assert list(frame.columns[-8:]) == NAMES
    assert pd.isna(turns_frame(measured)["pitch_hz"].iloc[2])
    plain = timeline([turn(0, 3)], [window(0, 3)])
    assert not set(NAMES) & set(turns_frame(plain).columns)


def test_the_page_has_them_as_numbers(measured: Timeline) -> None:
    found = page_data(measured)
    first = measured.windows[0].features
    assert first is not None
    assert [each["name"] for each in found["measures"]][:2] == ["loudness", "pitch"]
    row = found["windows"][0][-1]
    assert row[1] == pytest.approx(first.pitch_hz, abs=1e-4)
    assert row[5] == pytest.approx(first.pitch_z, abs=1e-4)
    assert page_data(timeline([turn(0, 3)], [window(0, 3)]))["measures"] == []


def test_the_picture_has_a_row_of_them(measured: Timeline) -> None:
    plain = replace(
        measured, windows=tuple(replace(each, features=None) for each in measured.windows)
    )
    assert len(draw(measured).axes) == len(draw(plain).axes) + 2
    names = {text.get_text() for text in draw(measured).legends[0].get_texts()}
    assert {"loudness", "pitch", "syllables a second", "harmonics to noise"} <= names


def test_analyze_measures_where_it_is_asked_to(tiny: Predictor) -> None:
    plain, found = (analyze(EXAMPLE, model=tiny, features=each) for each in (False, True))
    assert not any(each.features for each in plain.timeline.windows)
    assert all(each.features for each in found.timeline.windows)
    strip = [replace(each, features=None) for each in found.timeline.windows]
    assert tuple(strip) == plain.timeline.windows
    assert "loudness" in found._repr_html_()


def test_the_command_prints_them(tiny_bundle: Bundle) -> None:
    words = ["analyze", str(EXAMPLE), "-m", str(tiny_bundle.folder), "--features", "--quiet"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "than usual" in done.output
    assert " Hz (" in done.output
