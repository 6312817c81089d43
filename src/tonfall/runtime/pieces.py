"""Pieces, as the encoder takes them: the same of a clip, a recording and a call."""

from __future__ import annotations

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.bundle import FrontEnd
from tonfall.features.log_mel import HOP
from tonfall.timeline import SAMPLING_RATE
from tonfall.vad import CHUNK

__all__ = [
    "LEAST_SPEECH_S",
    "cut_pieces",
    "frame_weights",
    "padded_piece",
    "speech_seconds",
]

LEAST_SPEECH_S = 0.1
"""Seconds of speech below which a piece adds nothing and is not encoded."""


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


def speech_seconds(weights: FloatArray) -> float:
    """Seconds of speech in (frames,) weights."""
    return float(weights.sum()) * HOP / SAMPLING_RATE


def padded_piece(
    frames: FloatArray, weights: FloatArray, *, front_end: FrontEnd
) -> tuple[FloatArray, FloatArray]:
    """A piece with its context, padded where the audio begins or ends.

    Args:
        frames: (before + own, width): as much of the context as there is, then the piece's own.
        weights: (own,) in [0, 1].
        front_end: of the bundle.

    Returns:
        frames (context + piece, width), weights (context + piece,); the context's are 0.
    """
    context, whole = front_end.context_frames, front_end.context_frames + front_end.piece_frames
    first = context + len(weights) - len(frames)
    padded = np.full((whole, front_end.width), front_end.padding, np.float32)
    padded[first : first + len(frames)] = frames
    counted = np.zeros(whole, np.float32)
    counted[context : context + len(weights)] = weights
    return padded, counted


def cut_pieces(
    frames: FloatArray,
    weights: FloatArray,
    *,
    front_end: FrontEnd,
    least_s: float = LEAST_SPEECH_S,
) -> tuple[FloatArray, FloatArray]:
    """Cut (n, width) frames and (n,) weights into pieces; those without speech are left out.

    Args:
        frames: of the whole clip.
        weights: of each frame, in [0, 1].
        front_end: of the bundle.
        least_s: seconds of speech that a piece needs.

    Returns:
        frames (pieces, context + piece, width), weights (pieces, context + piece).
    """
    piece, context = front_end.piece_frames, front_end.context_frames
    cut = [
        padded_piece(
            frames[max(0, first - context) : first + piece],
            weights[first : first + piece],
            front_end=front_end,
        )
        for first in range(0, len(weights), piece)
        if speech_seconds(weights[first : first + piece]) >= least_s
    ]
    if not cut:
        none = np.zeros((0, context + piece, front_end.width), np.float32)
        return none, none[..., 0]
    return np.stack([one for one, _ in cut]), np.stack([one for _, one in cut])
