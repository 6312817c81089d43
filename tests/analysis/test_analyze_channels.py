"""Recordings whose channels all hold the same sound."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tonfall.analysis import analyze
from tonfall.analysis.outputs import write_outputs
from tonfall.arrays import FloatArray
from tonfall.audio import read
from tonfall.errors import ConfigError
from tonfall.runtime import Predictor
from tonfall.timeline import Timeline

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "call.wav"
NOTE = "All channels hold the same sound"


@pytest.fixture(scope="module")
def mix() -> FloatArray:
    """A call of two people on one channel, (samples,) at 8 kHz."""
    return read(EXAMPLE)[0].mean(axis=0)


def stereo(folder: Path, left: FloatArray, right: FloatArray) -> Path:
    path = folder / "call.wav"
    soundfile.write(path, np.stack([left, right]).T, 8000, subtype="FLOAT")
    return path


def spoken(timeline: Timeline) -> list[tuple[int, int, int, str]]:
    return [
        (turn.segment.start, turn.segment.end, turn.channel, turn.speaker)
        for turn in timeline.turns
    ]


@pytest.mark.parametrize("gain", [1, -0.5])
def test_a_mix_on_both_channels_is_analysed_as_one_channel(
    tmp_path: Path, mix: FloatArray, tiny: Predictor, gain: float
) -> None:
    both = analyze(stereo(tmp_path, mix, gain * np.roll(mix, 8)), model=tiny).timeline
    mono = analyze(mix, 8000, model=tiny).timeline
    assert spoken(both) == spoken(mono)
    assert len(both.speakers) == 2
    assert sum(note.startswith(NOTE) for note in both.notes) == 1
    assert both.recording.channels == 1


def test_each_keeps_the_channels_apart(tmp_path: Path, mix: FloatArray, tiny: Predictor) -> None:
    path = stereo(tmp_path, mix, mix)
    timeline = analyze(path, model=tiny, channels="each").timeline
    assert {turn.channel for turn in timeline.turns} == {0, 1}
    assert not any(note.startswith(NOTE) for note in timeline.notes)


def test_mix_makes_one_channel_of_two_sides(tiny: Predictor, mix: FloatArray) -> None:
    mixed = analyze(EXAMPLE, model=tiny, channels="mix").timeline
    assert spoken(mixed) == spoken(analyze(mix, 8000, model=tiny).timeline)
    assert not any(note.startswith(NOTE) for note in mixed.notes)


def test_two_sides_stay_two_sides(tiny: Predictor) -> None:
    timeline = analyze(EXAMPLE, model=tiny).timeline
    assert timeline.recording.channels == 2
    assert {turn.channel for turn in timeline.turns} == {0, 1}


def test_a_customer_named_by_channel_is_not_guessed(
    tmp_path: Path, mix: FloatArray, tiny: Predictor
) -> None:
    path = stereo(tmp_path, mix, mix)
    timeline = analyze(path, model=tiny, customer=1).timeline
    assert timeline.turns
    assert not timeline.windows
    assert any("The customer was not judged" in note for note in timeline.notes)
    assert analyze(path, model=tiny, customer=1, channels="mix").timeline.windows


def test_one_speaker_of_a_mix_needs_no_telling_apart(
    tmp_path: Path, mix: FloatArray, tiny: Predictor
) -> None:
    timeline = analyze(stereo(tmp_path, mix, mix), model=tiny, speakers=1).timeline
    assert timeline.speakers == ("S1",)


def test_a_mix_from_a_pipe_is_noticed_in_its_first_minute(
    tmp_path: Path, mix: FloatArray, tiny: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = stereo(tmp_path, mix, mix).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    timeline = analyze("-", model=tiny).timeline
    assert {turn.channel for turn in timeline.turns} == {0}
    assert any(note.startswith(NOTE) for note in timeline.notes)


def test_noise_is_turned_down_in_a_mix_too(
    tmp_path: Path, mix: FloatArray, tiny: Predictor
) -> None:
    timeline = analyze(stereo(tmp_path, mix, -mix), model=tiny, denoise=True).timeline
    assert {turn.channel for turn in timeline.turns} == {0}


def test_the_page_of_a_mix_plays_the_recording(
    tmp_path: Path, mix: FloatArray, tiny: Predictor
) -> None:
    analysis = analyze(stereo(tmp_path, mix, mix), model=tiny)
    (page,) = write_outputs(analysis, tmp_path / "out", plots=["html"])
    assert b"audio/flac" in page.read_bytes()


def test_an_unknown_choice_is_refused(tiny: Predictor) -> None:
    with pytest.raises(ConfigError, match="'both', but auto, mix or each is expected"):
        analyze(EXAMPLE, model=tiny, channels="both")


def test_the_call_that_became_two_people(shared: Path) -> None:
    path = shared / "cases" / "same_on_both" / "s_same.mp3"
    if not path.exists():
        pytest.skip("needs shared/cases/same_on_both")
    analysis = analyze(path, model="small-research")
    speech = [speaker.speech_seconds for speaker in analysis.summary()]
    assert speech == pytest.approx([28.9, 13.3], abs=0.3)
