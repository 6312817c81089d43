"""A whole clip cut into the pieces that a model encodes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.audio import Resampler, as_waveform
from tonfall.bundle import FrontEnd
from tonfall.errors import AudioError
from tonfall.features.log_mel import log_mel
from tonfall.runtime.front import frames_of
from tonfall.runtime.pieces import cut_pieces, frame_weights, speech_seconds
from tonfall.vad import probabilities

__all__ = ["clip_pieces", "mono_clip", "mono_pieces"]

_FAINTEST = 2 / 32768
"""Of full scale: what moves by less than two steps of 16 bits is a constant with its rounding."""

_LOUD_ENOUGH = 3.5
"""In log10 power, 35 dB: frames this near to the loudest count where no voice was detected."""


def clip_pieces(
    waveform: npt.ArrayLike, *, sampling_rate: int, front_end: FrontEnd
) -> tuple[FloatArray, FloatArray, float]:
    """Cut a clip into pieces with weights.

    Args:
        waveform: (samples,) or (channels, samples); channels are averaged.
        sampling_rate: in Hz.
        front_end: of the bundle.

    Returns:
        As :func:`mono_pieces`.

    Raises:
        AudioError: the waveform cannot be used, or is digital silence.
    """
    return mono_pieces(mono_clip([waveform], sampling_rate=sampling_rate), front_end=front_end)


def mono_clip(blocks: Iterable[npt.ArrayLike], *, sampling_rate: int) -> FloatArray:
    """A clip as one channel at 16 kHz, whatever rate and however many channels it has.

    Beside the result only a block is held, so that a minute of eight channels at 384 kHz needs
    4 MB and not 700. The cuts do not show in the result.

    Args:
        blocks: (samples,) or (channels, samples) each, from front to back; channels are averaged.
        sampling_rate: in Hz.

    Returns:
        (1, n) float32; it may overshoot [-1, 1] a little, where the source was clipped. A constant
        is silence, and comes out as zeros.

    Raises:
        AudioError: a block cannot be used.
    """
    resampler = Resampler(source_rate=sampling_rate, channels=1)
    parts, lowest, highest = [], np.inf, -np.inf
    for block in blocks:
        mono = as_waveform(block, sampling_rate).mean(axis=0, keepdims=True)
        lowest, highest = min(lowest, mono.min()), max(highest, mono.max())
        parts.append(resampler.push(mono))
    samples = np.concatenate([*parts, resampler.close()], axis=1)
    return samples if highest - lowest >= _FAINTEST else np.zeros_like(samples)


def mono_pieces(
    samples: FloatArray, *, front_end: FrontEnd
) -> tuple[FloatArray, FloatArray, float]:
    """Cut a clip of one channel into pieces with weights.

    The caller says that the clip is speech, so where voice activity finds next to none, the
    frames within 35 dB of the loudest count instead.

    Args:
        samples: (1, n) float32 at 16 kHz.
        front_end: of the bundle.

    Returns:
        frames (pieces, context + piece, width), weights (pieces, context + piece), seconds of
        speech.

    Raises:
        AudioError: the clip is digital silence.
    """
    frames = frames_of(samples, front_end)[0]
    if not samples.any():
        raise AudioError(
            "The clip is digital silence or a constant, or its channels cancel each other out; "
            "give a clip with speech in it, or one channel."
        )
    weights = frame_weights(probabilities(samples)[0], len(frames))
    pieces, piece_weights = cut_pieces(frames, weights, front_end=front_end)
    if not len(pieces):
        loudness = log_mel(samples)[0].max(axis=-1)
        weights = (loudness > loudness.max() - _LOUD_ENOUGH).astype(np.float32)
        pieces, piece_weights = cut_pieces(frames, weights, front_end=front_end, least_s=0.01)
    return pieces, piece_weights, speech_seconds(piece_weights)
