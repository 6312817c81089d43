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
    known = np.flatnonzero(weight > 0)
    nearest = known[np.maximum(np.searchsorted(known, np.arange(chunks), "right") - 1, 0)]
    result: FloatArray = total[nearest] / weight[nearest, None]
    return result


def likeliest_path(
    likeness: FloatArray, spoken: npt.NDArray[np.bool_], settings: SpeakerSettings
) -> npt.NDArray[np.int64]:
    """The speaker of each chunk (Viterbi).

    Args:
        likeness: (chunks, speakers).
        spoken: (chunks,) True where there is speech.
        settings: what it costs to change the speaker.

    Returns:
        (chunks,) index of the speaker, -1 where there is no speech.
    """
    path = np.full(len(spoken), NOBODY, np.int64)
    places = np.flatnonzero(spoken)
    if not len(places):
        return path
    pauses = np.diff(places, prepend=places[0]) > 1
    costs = np.where(pauses, settings.stay_at_pause, settings.stay)
    path[places] = _best((settings.sharpness * likeness[places]).astype(np.float64), costs)
    return path


def _best(scores: npt.NDArray[np.float64], costs: npt.NDArray[np.float64]) -> list[int]:
    """Plain numbers: a step of few speakers is ten times as fast in lists as in arrays."""
    reached = scores[0].tolist()
    came_from: list[list[int]] = []
    for own, cost in zip(scores[1:].tolist(), costs[1:].tolist(), strict=True):
        best = max(reached)
        leader, changed = reached.index(best), best - cost
        came_from.append([k if value >= changed else leader for k, value in enumerate(reached)])
        reached = [max(value, changed) + new for value, new in zip(reached, own, strict=True)]
    speaker = reached.index(max(reached))
    path = [speaker]
    for before in reversed(came_from):
        speaker = before[speaker]
        path.append(speaker)
    return path[::-1]
