"""Whose each chunk of a mono recording is: the result, without any voice in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray

__all__ = ["CUSTOMER_SURE", "Attribution", "confidence_of"]

CUSTOMER_SURE = 0.8
"""Confidence below which speech is not taken for the customer's, and so not judged."""


_STEEPNESS = 12.0
"""Of the curve from the lead in likeness to confidence (benchmarks/diarization.py, part one)."""


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """The speaker of every chunk of 512 samples at 16 kHz.

    Where nobody speaks, the last speaker goes on: what is speech, voice activity says.

    Attributes:
        owners: (chunks,) int8, index of the speaker from 0 on.
        confidence: (chunks,) float32 in [0, 1]: how sure that is.
        speakers: how many there are.
    """

    owners: npt.NDArray[np.int8]
    confidence: FloatArray
    speakers: int


def confidence_of(likeness: FloatArray, owners: npt.NDArray[np.integer]) -> FloatArray:
    """How sure it is that each chunk is its owner's.

    Args:
        likeness: (chunks, speakers).
        owners: (chunks,) index of the speaker.

    Returns:
        (chunks,) float32 in [0, 1]; 1 where there is one speaker only.
    """
    if likeness.shape[1] == 1:
        return np.ones(len(likeness), np.float32)
    places = np.asarray(owners, np.int64)[:, None]
    others = likeness.copy()
    np.put_along_axis(others, places, -np.inf, axis=1)
    lead = np.take_along_axis(likeness, places, axis=1)[:, 0] - others.max(axis=1)
    result: FloatArray = (1 / (1 + np.exp(-_STEEPNESS * lead))).astype(np.float32)
    return result
