"""Whose voice each chunk of speech is: the likeliest path through the speakers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.diarization.cluster import SpeakerSettings
from tonfall.diarization.track import VOICE_WINDOW

__all__ = ["NOBODY", "chunk_likeness", "likeliest_path"]

NOBODY = -1
"""In the place of a speaker: no speech."""

_STEPS = 8192
"""Chunks taken out of arrays at a time: as plain numbers they are ten times as large."""

_WEIGHTS = np.bartlett(VOICE_WINDOW + 2)[1:-1].astype(np.float32)
"""How much a window says of each of its chunks: most of those in its middle."""


def chunk_likeness(windows: npt.NDArray[np.int64], likeness: FloatArray, chunks: int) -> FloatArray:
    """How much each chunk is like each speaker, from the windows over it.

    Args:
        windows: (windows,) chunk at which each begins, ascending.
        likeness: (windows, speakers).
        chunks: how many there are.

    Returns:
        (chunks, speakers) float32; where no window lies over a chunk, that of the nearest before
        it, and before the first that of the first.
    """
    total = np.zeros((chunks + VOICE_WINDOW, likeness.shape[1]), np.float32)
    weight = np.zeros(chunks + VOICE_WINDOW, np.float32)
    for offset, own in enumerate(_WEIGHTS):
        np.add.at(total, windows + offset, own * likeness)
        np.add.at(weight, windows + offset, own)
    total, weight = total[:chunks], weight[:chunks]
    known = np.flatnonzero(weight > 0).astype(np.int32)
    before = np.cumsum(weight > 0, dtype=np.int32) - 1
    nearest = known[np.maximum(before, 0)]
    total[known] /= weight[known, None]
    result: FloatArray = total[nearest]
    return result


def likeliest_path(
    likeness: FloatArray, spoken: npt.NDArray[np.bool_], settings: SpeakerSettings
) -> npt.NDArray[np.int8]:
    """The speaker of each chunk (Viterbi).

    Args:
        likeness: (chunks, speakers).
        spoken: (chunks,) True where there is speech.
        settings: what it costs to change the speaker.

    Returns:
        (chunks,) index of the speaker, -1 where there is no speech.
    """
    path = np.full(len(spoken), NOBODY, np.int8)
    places = np.flatnonzero(spoken)
    if not len(places):
        return path
    pauses = np.diff(places, prepend=places[0]) > 1
    costs = np.where(pauses, np.float32(settings.stay_at_pause), np.float32(settings.stay))
    path[places] = _best(np.float32(settings.sharpness) * likeness[places], costs)
    return path


def _best(scores: FloatArray, costs: FloatArray) -> npt.NDArray[np.int8]:
    """Plain numbers: a step of few speakers is ten times as fast in lists as in arrays."""
    speakers = scores.shape[1]
    reached, came_from = scores[0].tolist(), bytearray()
    for first in range(1, len(scores), _STEPS):
        part = slice(first, first + _STEPS)
        for own, cost in zip(scores[part].tolist(), costs[part].tolist(), strict=True):
            best = max(reached)
            leader, changed = reached.index(best), best - cost
            came_from.extend([k if value >= changed else leader for k, value in enumerate(reached)])
            reached = [max(value, changed) + new for value, new in zip(reached, own, strict=True)]
    speaker = reached.index(max(reached))
    path = bytearray([speaker])
    for step in range(len(scores) - 2, -1, -1):
        speaker = came_from[step * speakers + speaker]
        path.append(speaker)
    return np.frombuffer(path, np.int8)[::-1]
