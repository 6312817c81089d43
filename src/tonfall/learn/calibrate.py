"""Temperature of the probabilities, and below which confidence to say "unclear"."""

from __future__ import annotations

import numpy as np
import scipy.optimize

from tonfall.arrays import FloatArray
from tonfall.bundle import Calibration

__all__ = ["calibrate"]

_COVERAGE = 0.8
"""Share of the development clips that stay certain."""


def calibrate(logits: FloatArray, shares: FloatArray) -> Calibration:
    """Fit on development data.

    Args:
        logits: (clips, labels).
        shares: (clips, labels) of what each clip is: one and zeros, or the listeners' votes. A
            label is then right by as much as listeners share it.

    Returns:
        The temperature of least cross-entropy; the threshold that leaves the least confident
        fifth unclear, with the accuracy on either side of it.
    """

    def loss(log_temperature: float) -> float:
        scaled = _log_softmax(logits / np.exp(log_temperature))
        return -float((shares * scaled).sum(axis=1).mean())

    best = scipy.optimize.minimize_scalar(loss, bounds=(-3, 3), method="bounded")
    temperature = float(np.exp(best.x))
    probabilities = np.exp(_log_softmax(logits / temperature))
    confidence = probabilities.max(axis=1)
    threshold = float(np.quantile(confidence, 1 - _COVERAGE))
    right = shares[np.arange(len(shares)), probabilities.argmax(axis=1)]
    certain = confidence >= threshold
    return Calibration(
        temperature=round(temperature, 4),
        uncertain_below=round(threshold, 4),
        coverage=round(float(certain.mean()), 4),
        accuracy_certain=round(float(right[certain].mean()), 4),
        accuracy_uncertain=round(float(right[~certain].mean()), 4) if (~certain).any() else None,
    )


def _log_softmax(logits: FloatArray) -> FloatArray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
