"""A whole clip cut into the pieces that a model encodes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.audio import as_waveform, resample
from tonfall.bundle import FrontEnd
from tonfall.errors import AudioError
from tonfall.features import BANDS, HOP, log_mel
from tonfall.vad import CHUNK, probabilities

__all__ = ["FLOOR", "clip_pieces", "cut_pieces", "frame_weights"]

FLOOR = -10.0
"""Log10 power that pads frames which do not exist: the floor of the log-mel."""

_LOUD_ENOUGH = 3.5
"""In log10 power, 35 dB: frames this near to the loudest count where no voice was detected."""

_SHORTEST_SPEECH = 30
"""Frames (0.3 s) of detected voice below which level decides what counts."""


def clip_pieces(
    waveform: npt.ArrayLike, *, sampling_rate: int, front_end: FrontEnd
) -> tuple[FloatArray, FloatArray, float]:
    """Cut a clip into pieces with weights.

    The caller says that the clip is speech, so where voice activity finds next to none, the
    frames within 35 dB of the loudest count instead.

    Args:
        waveform: (samples,) or (channels, samples); channels are averaged.
        sampling_rate: in Hz.
        front_end: of the bundle.

    Returns:
        frames (pieces, context + piece, 80), weights (pieces, context + piece), seconds of speech.

    Raises:
        AudioError: the waveform cannot be used, or is digital silence.
    """
    samples = as_waveform(waveform, sampling_rate).mean(axis=0, keepdims=True)
    samples = resample(samples, source_rate=sampling_rate)
    if not samples.any():
        raise AudioError("The clip is digital silence; give a clip with speech in it.")
    frames = log_mel(samples)[0]
    weights = frame_weights(probabilities(samples)[0], len(frames))
    if weights.sum() < _SHORTEST_SPEECH:
        loudness = frames.max(axis=-1)
        weights = (loudness > loudness.max() - _LOUD_ENOUGH).astype(np.float32)
    pieces, piece_weights = cut_pieces(frames, weights, front_end=front_end)
    return pieces, piece_weights, float(weights.sum()) / 100


def frame_weights(
    speech: FloatArray, frames: int, *, first: int = 0, first_chunk: int = 0
) -> FloatArray:
    """Speech probabilities of chunks (512 samples) spread over frames (160 samples).

    Args:
        speech: (chunks,) in [0, 1], from chunk ``first_chunk`` on.
        frames: how many frames.
        first: number of the first frame.
        first_chunk: number of the first chunk.

    Returns:
        (frames,) float32.
    """
    chunk = (first + np.arange(frames)) * HOP // CHUNK - first_chunk
    return speech[np.minimum(chunk, len(speech) - 1)].astype(np.float32)


def cut_pieces(
    frames: FloatArray, weights: FloatArray, *, front_end: FrontEnd
) -> tuple[FloatArray, FloatArray]:
    """Cut (n, 80) frames and (n,) weights into pieces; those without weight are left out.

    Returns:
        frames (pieces, context + piece, 80), weights (pieces, context + piece).
    """
    piece, context = front_end.piece_frames, front_end.context_frames
    count = -(-len(frames) // piece)
    padded = np.full((context + count * piece, BANDS), FLOOR, np.float32)
    padded[context : context + len(frames)] = frames
    counted = np.zeros(context + count * piece, np.float32)
    counted[context : context + len(frames)] = weights
    starts = np.arange(count)[:, None] * piece + np.arange(context + piece)
    chosen = counted[starts].copy()
    chosen[:, :context] = 0
    spoken = chosen.any(axis=1)
    return padded[starts][spoken], chosen[spoken]
