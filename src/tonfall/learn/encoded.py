"""Clips as a bundle encodes them: made on all cores, once, whatever they are judged for.

What a bundle makes of a clip before its head is kept under the clip's content and all that decides
it; so a second protocol, or a bundle with another head on the same front, encodes nothing anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.corpora.clips import Clip, named_errors, read_clip
from tonfall.corpora.contents import cache_folder, code_hash, joint_hash, library_versions
from tonfall.learn.degrade import Degradation
from tonfall.learn.shelves import Progress, kept_rows
from tonfall.runtime import Predictor
from tonfall.runtime.clip import mono_clip
from tonfall.timeline import SAMPLING_RATE

__all__ = ["CODE", "bundle_statistics", "encode_clip"]

CODE = (
    "arrays.py",
    "audio",
    "corpora/clips.py",
    "features/__init__.py",
    "features/log_mel.py",
    "learn/encoded.py",
    "ort",
    "runtime/clip.py",
    "runtime/encoding.py",
    "runtime/front.py",
    "runtime/pieces.py",
    "runtime/predictor.py",
    "vad",
)
"""All of this package that has a part in the result, besides the bundle and the degradation."""

_LIBRARIES = ("numpy", "onnxruntime", "scipy", "soundfile", "soxr")


def bundle_statistics(
    model: Predictor,
    clips: Sequence[Clip],
    degradation: Degradation | None,
    *,
    progress: Progress | None = None,
    workers: int | None = None,
) -> tuple[FloatArray, FloatArray]:
    """(clips, statistics) of whole clips, and (clips,) seconds of speech in each.

    Args:
        model: the bundle.
        clips: which.
        degradation: what they go through first.
        progress: called with clips done and all; not at all where all are kept.
        workers: processes; as many as there are cores by default.

    Raises:
        AudioError: a clip cannot be read, or is silent; the message names it.
    """
    kept = kept_rows(
        cache_folder() / "encoded" / _key(model, degradation),
        clips,
        lambda: partial(_rows, model, degradation),
        workers=workers,
        progress=progress,
    )
    return kept[:, :-1], kept[:, -1]


def encode_clip(
    model: Predictor, clip: Clip, degradation: Degradation | None
) -> tuple[FloatArray, float]:
    """The (statistics,) of a whole clip, and its seconds of speech."""
    waveform = read_clip(clip)
    if degradation:
        waveform = degradation(waveform, clip.item)
    with named_errors(clip):
        return model.encode_clip(mono_clip([waveform], sampling_rate=SAMPLING_RATE))


def _key(model: Predictor, degradation: Degradation | None) -> str:
    """Everything that an encoded clip depends on, besides the clip.

    The front is known by what it makes of a fixed piece, so that another head changes nothing.
    """
    front_end = model.spec.front_end
    length = front_end.context_frames + front_end.piece_frames
    noise = np.random.default_rng(0).uniform(-6, 0, (2, length, front_end.width)).astype(np.float32)
    made = model.combine(model.encode(noise, np.ones((2, length), np.float32)))
    how = [
        made.tobytes().hex(),
        front_end.model_dump_json(),
        code_hash(*CODE, *(("features",) if front_end.kind == "functionals" else ())),
        library_versions(*_LIBRARIES),
        degradation.key if degradation else "",
    ]
    return joint_hash(how)[:24]


def _rows(model: Predictor, degradation: Degradation | None, clips: Sequence[Clip]) -> FloatArray:
    encoded = [encode_clip(model, clip, degradation) for clip in clips]
    return np.stack([np.append(each, np.float32(seconds)) for each, seconds in encoded])
