"""Recordings of one channel: who speaks is found out first, and each speaker is judged alone."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from tonfall.analysis import Analysis, analyze
from tonfall.analysis.exports import export
from tonfall.analysis.page import page
from tonfall.analysis.picture import picture
from tonfall.audio import denoise, read
from tonfall.errors import ConfigError
from tonfall.runtime import Predictor
from tonfall.vad import VoiceSettings

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "call.wav"


@pytest.fixture(scope="module")
def mono(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both sides of the example call in one channel."""
    path = tmp_path_factory.mktemp("mono") / "mono.wav"
    samples, rate = read(EXAMPLE)
    soundfile.write(path, samples.mean(axis=0)[: 30 * rate], rate, subtype="PCM_16")
    return path


@pytest.fixture(scope="module")
def two(mono: Path, tiny: Predictor) -> Analysis:
    return analyze(mono, model=tiny, speakers=2)


def test_two_speakers_are_named_in_order_of_speech(two: Analysis):
    assert two.timeline.speakers == ("S1", "S2")
    assert {window.speaker for window in two.timeline.windows} == {"S1", "S2"}
    assert {turn.channel for turn in two.timeline.turns} == {0}


def test_turns_and_windows_are_in_order(two: Analysis):
    turns, windows = two.timeline.turns, two.timeline.windows
    assert list(turns) == sorted(turns, key=lambda turn: (turn.segment.start, turn.speaker))
    assert list(windows) == sorted(windows, key=lambda each: (each.segment.end, each.speaker))


def test_each_speaker_has_a_baseline(two: Analysis):
    for speaker in two.timeline.speakers:
        heard = [window.heard for window in two.timeline.windows if window.speaker == speaker]
        assert heard[0] == 0
        assert heard == sorted(heard)


def test_the_number_is_found_out_where_it_is_not_given(mono: Path, tiny: Predictor):
    found = analyze(mono, model=tiny).timeline
    assert 1 <= len(found.speakers) <= 4


def test_with_one_speaker_nothing_is_told_apart(mono: Path, tiny: Predictor):
    timeline = analyze(mono, model=tiny, speakers=1).timeline
    assert timeline.speakers == ("S1",)
    assert timeline.notes == analyze(EXAMPLE, model=tiny).timeline.notes


def test_channels_are_speakers_whatever_is_asked_for(tiny: Predictor):
    given, usual = (
        analyze(EXAMPLE, model=tiny, **options).timeline for options in ({"speakers": 3}, {})
    )
    assert given == usual


def test_speakers_are_found_in_what_counts_as_speech(mono: Path, tiny: Predictor):
    """Where nothing counts, nobody is told apart."""
    settings = VoiceSettings(onset=1.0, offset=1.0)
    timeline = analyze(mono, model=tiny, customer=1, settings=settings).timeline
    assert timeline.notes[0].startswith("Fewer speakers were found")


def test_only_the_customer_is_judged(mono: Path, tiny: Predictor):
    timeline = analyze(mono, model=tiny, speakers=2, customer=1).timeline
    assert {window.speaker for window in timeline.windows} == {"S2"}
    assert {turn.speaker for turn in timeline.turns if turn.label} == {"S2"}
    assert timeline.speakers == ("S1", "S2")


def test_a_customer_who_was_not_found_is_not_judged(tmp_path: Path, tiny: Predictor):
    samples, rate = read(EXAMPLE)
    soundfile.write(tmp_path / "one.wav", samples[0, : 9 * rate], rate)
    timeline = analyze(tmp_path / "one.wav", model=tiny, customer=3).timeline
    assert not timeline.windows
    assert "Fewer speakers were found" in timeline.notes[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"speakers": 5}, "number of speakers is 5, but 1 to 4"),
        ({"speakers": 0}, "number of speakers is 0, but 1 to 4"),
        ({"customer": 4}, "speaker 4, but the recording has one channel and at most 4"),
        ({"customer": 2, "speakers": 2}, "at most 2 speakers; choose from 0 .* to 1"),
        ({"customer": 1, "speakers": 1}, "channel 1, but the recording has channels 0"),
    ],
)
def test_what_cannot_be_is_refused(
    mono: Path, tiny: Predictor, options: dict[str, int], message: str
):
    with pytest.raises(ConfigError, match=message):
        analyze(mono, model=tiny, **options)


def test_what_cannot_be_heard_twice_is_told_apart_on_the_way(
    mono: Path, tiny: Predictor, monkeypatch: pytest.MonkeyPatch
):
    content = io.BytesIO(mono.read_bytes())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=content))
    timeline = analyze("-", model=tiny, speakers=2).timeline
    assert "cannot be heard twice" in timeline.notes[0]
    assert timeline.windows


def test_on_the_way_one_voice_alone_is_not_taken_for_the_customer(
    tiny: Predictor, monkeypatch: pytest.MonkeyPatch
):
    samples, rate = read(EXAMPLE)
    content = io.BytesIO()
    soundfile.write(content, samples[0, : 20 * rate], rate, format="WAV")
    content.seek(0)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=content))
    timeline = analyze("-", model=tiny, customer=0).timeline
    assert timeline.turns
    assert not timeline.windows
    assert "only where two speakers were known" in timeline.notes[1]
    assert "shifts that order, so check the turns" in timeline.notes[1]


def test_progress_goes_up_to_the_end_over_both_hearings(mono: Path, tiny: Predictor):
    seen: list[tuple[float, float | None]] = []
    analyze(mono, model=tiny, progress=lambda done, total: seen.append((done, total)))
    done = [each for each, _ in seen]
    assert done == sorted(done)
    assert done[-1] == pytest.approx(30, abs=0.1)
    assert {total for _, total in seen} == {30.0}


@pytest.mark.parametrize("name", ["json", "rttm", "textgrid", "elan", "webvtt", "csv"])
def test_exports_tell_the_speakers_apart(two: Analysis, name: str):
    content = export(two.timeline, name)
    assert b"S1" in content
    assert b"S2" in content


def test_the_page_and_the_picture_show_both(two: Analysis):
    assert b'"name":"S2"' in page(two.timeline, two.envelope)
    assert b"<svg" in picture(two.timeline, two.envelope, kind="svg")


def test_noise_reduction_changes_what_is_heard_only_where_it_is_asked_for(
    tmp_path: Path, tiny: Predictor
):
    samples, rate = read(EXAMPLE)
    noise = 0.02 * np.random.default_rng(0).standard_normal(samples.shape)
    noisy = (samples + noise).astype(np.float32).clip(-1, 1)[:, : 15 * rate]
    cleaned = denoise(noisy, sampling_rate=rate).clip(-1, 1)
    for name, sound in (("noisy", noisy), ("cleaned", cleaned)):
        soundfile.write(tmp_path / f"{name}.wav", sound.T, rate, subtype="FLOAT")
    asked = analyze(tmp_path / "noisy.wav", model=tiny, denoise=True).timeline
    done, plain = (
        analyze(tmp_path / f"{name}.wav", model=tiny).timeline for name in ("cleaned", "noisy")
    )
    assert asked.turns == done.turns
    assert asked.windows == done.windows
    assert asked.windows != plain.windows
