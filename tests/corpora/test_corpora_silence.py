"""Clips without any sound are found, wherever in a file they lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tonfall.corpora import Kind, prepare
from tonfall.corpora.clips import Clip
from tonfall.corpora.silence import silent_clips

RATE = 8000


def write(path: Path, *parts: np.ndarray) -> Path:
    soundfile.write(path, np.concatenate(parts), RATE)
    return path


def noise(seconds: float) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.5, 0.5, round(seconds * RATE))


def zeros(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE))


def test_silence_is_every_sample_the_same(tmp_path: Path) -> None:
    files = {
        "zeros.wav": [zeros(2)],
        "constant.wav": [zeros(2) + 0.25],
        "inverted.wav": [np.stack([noise(1), -noise(1)], axis=1)],  # nothing is left of the mean
        "steps.wav": [zeros(1), zeros(1) + 0.25],
        "late.wav": [zeros(1.5), noise(0.01)],
        "speech.wav": [noise(1)],
    }
    clips = [Clip(name, write(tmp_path / name, *parts)) for name, parts in files.items()]
    found = [clip.item for clip in silent_clips(clips)]
    assert sorted(found) == ["constant.wav", "inverted.wav", "zeros.wav"]


def test_silent_turns_of_a_dialogue_are_found(tmp_path: Path) -> None:
    file = write(tmp_path / "talk.wav", noise(1), zeros(1.5), noise(0.5))
    places = {"first": (0.0, 1.0), "pause": (1.0, 2.5), "edge": (1.1, 2.6), "rest": (2.5, None)}
    clips = [Clip(name, file, *place) for name, place in places.items()]
    assert [clip.item for clip in silent_clips(clips)] == ["pause"]


def test_a_file_that_cannot_be_read_is_not_called_silent(tmp_path: Path) -> None:
    assert silent_clips([Clip("gone", tmp_path / "gone.wav")]) == []


@pytest.mark.parametrize(
    ("name", "subtype"), [("nothing.ogg", "OPUS"), ("nothing.flac", None), ("nothing.wav", None)]
)
def test_preparing_lists_silent_clips(
    tmp_path: Path, clip: Callable[[Path], Path], name: str, subtype: str | None
) -> None:
    clip(tmp_path / "angry" / "a.wav")
    soundfile.write(tmp_path / "angry" / name, zeros(1), RATE, subtype=subtype)
    manifest, report = prepare("folders", tmp_path)
    (silent,) = [problem for problem in report.problems if problem.kind is Kind.SILENT]
    assert silent.message.startswith("angry/nothing: is silent")
    assert len(manifest) == 2
