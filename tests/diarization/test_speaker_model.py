import pickle

import numpy as np
import pytest
from voices import high_voice, low_voice

from tonfall.diarization import SpeakerJob, SpeakerModel
from tonfall.diarization import model as model_module
from tonfall.diarization.voices import VoiceWindow, VoiceWindows
from tonfall.errors import BundleError


@pytest.fixture(scope="module")
def model() -> SpeakerModel:
    return SpeakerModel.load()


def test_an_embedding_has_length_one(model: SpeakerModel):
    embedding = model.embed(low_voice(1.5))
    assert embedding.shape == (192,)
    assert np.linalg.norm(embedding) == pytest.approx(1, abs=1e-5)


def test_a_voice_is_more_like_itself_than_like_another(model: SpeakerModel):
    low, low_again = (model.embed(low_voice(1.5, seed=seed)) for seed in (1, 2))
    high = model.embed(high_voice(1.5, seed=3))
    assert low @ low_again > low @ high + 0.1


def test_the_level_does_not_count(model: SpeakerModel):
    """The floor under the bands and INT8 leave a little of it."""
    samples = low_voice(1.5)
    assert model.embed(samples) @ model.embed(samples / 4) > 0.95


def test_a_job_is_scored_the_same_whatever_its_neighbours(model: SpeakerModel):
    alone, together = [], []
    first, second = low_voice(1.5), high_voice(1.0)
    model.score([SpeakerJob(first, alone.append, lambda: None)])
    model.score([SpeakerJob(each, together.append, lambda: None) for each in (second, first)])
    np.testing.assert_array_equal(alone[0], together[1])


def test_an_altered_graph_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(model_module, "_SHA256", "0" * 64)
    with pytest.raises(BundleError, match=r"campplus\.onnx: this model of Tonfall.s was altered"):
        SpeakerModel.load()


def test_jobs_are_given_up_where_the_model_fails(model: SpeakerModel):
    shed, heard = [], []
    broken = SpeakerJob(np.full(24000, np.nan, np.float32), heard.append, lambda: shed.append(1))
    after = SpeakerJob(low_voice(1.5), heard.append, lambda: shed.append(2))
    with pytest.raises(BundleError, match="not finite"):
        model.score([broken, after])
    assert (shed, heard) == ([1, 2], [])


def test_voices_are_never_stored_nor_shown():
    window = VoiceWindow(0, 1.0, np.ones(192, np.float32))
    windows = VoiceWindows()
    windows.add(window)
    assert repr(windows) == "VoiceWindows(1 windows)"
    assert "embedding" not in repr(window)
    for each in (window, windows):
        with pytest.raises(TypeError, match="never stored"):
            pickle.dumps(each)
