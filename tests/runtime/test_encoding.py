"""Functionals as what a bundle's graph judges: of windows and of clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_bundle import tiny_functionals_spec, tiny_graph

from tonfall.audio import read, resample
from tonfall.bundle import FrontEnd, write_bundle
from tonfall.errors import BundleError
from tonfall.features.sets import find_set
from tonfall.runtime import Predictor
from tonfall.runtime.encoding import Functionals

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "call.wav"


def clip() -> np.ndarray:
    """(1, n) at 16 kHz: three and a half seconds of the customer."""
    waveform, rate = read(EXAMPLE)
    return resample(waveform[:1, 5 * rate : 17 * rate // 2], source_rate=rate)


def test_a_clip_has_the_functionals_of_all_of_it(tiny_functionals: Predictor) -> None:
    numbers = find_set("mfcc").summary(clip()[0]).astype(np.float32)
    statistics, seconds = tiny_functionals.encode_clip(clip())
    assert statistics.tolist() == numbers.tolist()
    assert 1 < seconds < 3.5
    (expected,) = tiny_functionals.judge_windows(numbers[None], [None])
    assert tiny_functionals.predict(clip(), sampling_rate=16_000) == expected.affect


def test_a_short_piece_adds_no_silence() -> None:
    """The end of a recording is padded to a whole piece, of which nothing may be heard."""
    functionals = Functionals(find_set("mfcc"))
    samples = clip()[0, :40_000]
    pieces = np.full((3, 16_000), np.nan, np.float32)
    pieces.ravel()[:40_000] = samples
    rows = functionals.encode(pieces.reshape(3, 100, 160), np.ones((3, 100), np.float32))
    expected = find_set("mfcc").summary(samples).astype(np.float32)
    assert functionals.combine(rows).tolist() == expected.tolist()


def test_what_is_not_defined_is_left_to_the_graph(tiny_functionals: Predictor) -> None:
    """A whisper has no pitch, and is judged all the same."""
    assert np.isnan(Functionals(find_set("egemaps")).combine(np.zeros((1, 16_000)))).any()
    numbers = np.full((1, 195), np.nan, np.float32)
    (judged,) = tiny_functionals.judge_windows(numbers, [None])
    assert np.isfinite(judged.affect.probabilities).all()


@pytest.mark.parametrize(
    ("feature_set", "message"),
    [
        ("timbre", r"takes the feature set 'timbre', but this Tonfall has egemaps, .* newer"),
        ("prosody", "takes 195 numbers, but the feature set prosody has 33; export"),
    ],
)
def test_a_set_that_does_not_fit_is_refused(feature_set: str, message: str, tmp_path: Path) -> None:
    front_end = FrontEnd(kind="functionals", feature_set=feature_set, piece_frames=100)
    spec = tiny_functionals_spec().model_copy(update={"front_end": front_end})
    graph = tiny_graph(tiny_functionals_spec())
    bundle = write_bundle(tmp_path / "model", spec=spec, model=graph, card="")
    with pytest.raises(BundleError, match=message):
        Predictor(bundle)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"kind": "functionals"}, "a feature_set belongs to the kind functionals"),
        ({"kind": "waveform", "feature_set": "mfcc"}, "a feature_set belongs to the kind"),
        (
            {"kind": "functionals", "feature_set": "mfcc", "context_frames": 100},
            "functionals see no context",
        ),
    ],
)
def test_a_front_end_that_makes_no_sense_is_refused(said: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FrontEnd.model_validate({"piece_frames": 100, **said})


def test_a_front_end_of_log_mel_is_written_as_before_there_were_sets() -> None:
    assert FrontEnd(piece_frames=100).model_dump(mode="json") == {
        "kind": "log_mel_80",
        "piece_frames": 100,
        "context_frames": 0,
    }
