"""The recordings of a site: what their voices sound like against the model's own prior."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tonfall.analysis import Listening, analyze, hear_recordings, hear_voices
from tonfall.analysis.site import files_in
from tonfall.arrays import FloatArray
from tonfall.audio import read
from tonfall.bundle import Bundle
from tonfall.errors import AudioError, BundleError, ConfigError
from tonfall.runtime import Baseline, Judgement, Predictor

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "call.wav"


class Witness(Predictor):
    """Remembers what windows were judged against, and what they gave."""

    def __init__(self, bundle: Bundle) -> None:
        super().__init__(bundle)
        self.against: list[Baseline | None] = []
        self.judged: list[Judgement] = []

    def judge_windows(
        self, statistics: FloatArray, baselines: Sequence[Baseline | None]
    ) -> list[Judgement]:
        self.against += baselines
        judgements = super().judge_windows(statistics, baselines)
        self.judged += judgements
        return judgements


@pytest.fixture(scope="module")
def call() -> tuple[FloatArray, int]:
    """Sixteen seconds of both sides."""
    samples, rate = read(EXAMPLE)
    return samples[:, : 16 * rate], rate


def test_each_side_is_a_voice(call: tuple[FloatArray, int], tiny: Predictor) -> None:
    samples, rate = call
    voices = hear_voices(samples, tiny, sampling_rate=rate)
    assert len(voices) == 2
    assert all(voice.heard > 1 and 0 < voice.weight <= voice.heard for voice in voices)
    (first,) = hear_voices(samples, tiny, sampling_rate=rate, listening=Listening(customer=0))
    assert first.mean == pytest.approx(voices[0].mean)


def test_every_window_is_judged_against_the_models_own_prior(
    call: tuple[FloatArray, int], tiny_bundle: Bundle
) -> None:
    witness = Witness(tiny_bundle)
    samples, rate = call
    (voice,) = hear_voices(
        samples[:1], witness, sampling_rate=rate, listening=Listening(speakers=1)
    )
    assert len(witness.against) > 3
    assert set(witness.against) == {None}
    # The mean lies among the windows that it was made of, and is not the prior.
    pooled = np.stack([judgement.pooled for judgement in witness.judged])
    own = voice.total / voice.weight
    assert (own >= pooled.min(axis=0) - 1e-6).all()
    assert (own <= pooled.max(axis=0) + 1e-6).all()


def test_the_speakers_of_one_channel_are_voices_of_their_own(
    call: tuple[FloatArray, int], tiny: Predictor
) -> None:
    samples, rate = call
    mono = samples.mean(axis=0)
    found = analyze(mono, rate, model=tiny, speakers=2).timeline.speakers
    voices = hear_voices(mono, tiny, sampling_rate=rate, listening=Listening(speakers=2))
    assert len(voices) == len(found)


def test_what_cannot_be_used_is_told_and_passed_over(tmp_path: Path, tiny: Predictor) -> None:
    samples, rate = read(EXAMPLE)
    soundfile.write(tmp_path / "a.wav", samples[0, : 8 * rate], rate)
    shutil.copy(tmp_path / "a.wav", tmp_path / "b.wav")
    soundfile.write(tmp_path / "c.flac", np.zeros(4 * rate), rate)
    (tmp_path / "notes.txt").write_text("no recording")
    (tmp_path / ".hidden.wav").write_text("no recording")
    files = files_in(tmp_path)
    heard = list(hear_recordings(files, tiny, Listening(speakers=1)))
    assert [Path(each.file).name for each in heard] == ["a.wav", "b.wav", "c.flac", "notes.txt"]
    assert [len(each.voices) for each in heard] == [1, 0, 0, 0]
    problems = [each.problem for each in heard]
    assert problems[0] == ""
    assert problems[1].endswith("b.wav: a copy of " + str(tmp_path / "a.wav") + ".")
    assert problems[2].endswith("c.flac: no speech was heard in it.")
    assert "notes.txt" in problems[3]


def test_a_recording_without_the_customers_channel_is_told(tmp_path: Path, tiny: Predictor) -> None:
    samples, rate = read(EXAMPLE)
    soundfile.write(tmp_path / "a.wav", samples[:, : 4 * rate].T, rate)
    (heard,) = hear_recordings([tmp_path / "a.wav"], tiny, Listening(customer=2))
    assert heard.problem.startswith("The customer is said to be on channel 2")


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no file is in it"):
        files_in(tmp_path)
    with pytest.raises(AudioError, match="no such folder"):
        files_in(tmp_path / "none")


def test_counts_are_numbers() -> None:
    with pytest.raises(ConfigError, match="speakers is 'auto', but an integer is expected"):
        Listening(speakers="auto")  # type: ignore[arg-type]


def test_a_model_without_a_baseline_is_refused(tmp_path: Path) -> None:
    from tiny_bundle import tiny_spec, write_tiny

    lone = Predictor(write_tiny(tmp_path / "lone", spec=tiny_spec(baseline=False)))
    with pytest.raises(BundleError, match="has no baseline"):
        hear_voices(np.zeros(16_000), lone, sampling_rate=16_000)
