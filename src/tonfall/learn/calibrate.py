"""Temperature of the probabilities, and below which confidence to say "unclear"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.optimize

from tonfall.arrays import FloatArray
from tonfall.bundle import Agreement, Calibration, LeftOut
from tonfall.emotion import DIMENSIONS
from tonfall.evaluation.additive import concordance, correlation
from tonfall.evaluation.metrics import expected_calibration_error
from tonfall.learn.offsets import label_offsets

__all__ = ["Judged", "JudgedDimensions", "calibrate", "calibrate_left_out"]

_COVERAGE = 0.8
"""Least share of the development clips that stay certain."""

_SURE = 0.9
"""Confidence that is never called unclear. The temperature makes confidence the share of answers
that are right, so a label that is withheld is wrong at least once in ten times. Without this a
model that is nearly always right would withhold a fifth of its answers all the same."""


@dataclass(frozen=True)
class Judged:
    """Clips of a corpus, judged by a head that was fitted without it.

    Attributes:
        corpus: its name.
        logits: (clips, labels); where the others lack a label, far below the rest.
        shares: (clips, labels) of what each clip is, see `calibrate`.
        dimensions: predicted arousal, valence and dominance of the clips, and what they should be
            (NaN where that is not known); None where nobody asks.
    """

    corpus: str
    logits: FloatArray
    shares: FloatArray
    dimensions: JudgedDimensions | None = None


@dataclass(frozen=True)
class JudgedDimensions:
    """Arousal, valence and dominance of the clips of a corpus.

    Attributes:
        predicted: (clips, 3) in [0, 1].
        meant: (clips, 3) ratings, or where there are none the place of the category; NaN where
            neither is known.
        rated: (clips,) True where all of them are ratings.
    """

    predicted: FloatArray
    meant: FloatArray
    rated: np.ndarray[tuple[int], np.dtype[np.bool_]]


def calibrate(
    logits: FloatArray, shares: FloatArray, *, weights: FloatArray | None = None
) -> Calibration:
    """Fit on development data.

    Args:
        logits: (clips, labels).
        shares: (clips, labels) of what each clip is: one and zeros, or the listeners' votes. A
            label is then right by as much as listeners share it.
        weights: (clips,) how much each clip counts; all alike by default.

    Returns:
        The temperature of least cross-entropy; the threshold that leaves the least confident
        fifth unclear, but nothing of which nine in ten are right, with the accuracy on either
        side of it.
    """

    def loss(log_temperature: float) -> float:
        scaled = _log_softmax(logits / np.exp(log_temperature))
        return -float(np.average((shares * scaled).sum(axis=1), weights=weights))

    best = scipy.optimize.minimize_scalar(loss, bounds=(-3, 3), method="bounded")
    temperature = float(np.exp(best.x))
    confidence, right, _ = _answers(logits, shares, temperature)
    threshold = min(_quantile(confidence, 1 - _COVERAGE, weights), _SURE)
    certain = confidence >= threshold
    counts = np.ones(len(shares), np.float32) if weights is None else weights
    return Calibration(
        temperature=round(temperature, 4),
        uncertain_below=round(threshold, 4),
        coverage=round(float(np.average(certain, weights=weights)), 4),
        accuracy_certain=_mean(right, counts * certain),
        accuracy_uncertain=_mean(right, counts * ~certain),
    )


def calibrate_left_out(judged: list[Judged], *, offsets: bool = False) -> Calibration:
    """Fit on corpora that the head was fitted without, each counting alike, however large.

    Args:
        judged: at least two corpora over the same labels.
        offsets: True where `tonfall.learn.offsets.label_offsets` are added to the logits, each
            time those of the corpora that are chosen on.

    Returns:
        Temperature and threshold chosen on all of them, and in ``left_out`` what the choice is
        worth: for each corpus it is made once more on the others, and measured on that one.
    """
    logits, shares, weights = _joined(judged)
    added = _offsets(judged) if offsets else 0
    found = calibrate(logits + added, shares, weights=weights)
    worth = _worth(judged, offsets=offsets)
    return found.model_copy(update={"left_out": worth, "offsets": offsets})


def _offsets(judged: list[Judged]) -> FloatArray:
    return label_offsets([(one.logits, one.shares) for one in judged])


def _joined(judged: list[Judged]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Logits, shares and weights by which each corpus counts alike."""
    weights = [np.full(len(one.logits), 1 / len(one.logits), np.float32) for one in judged]
    return (
        np.concatenate([one.logits for one in judged]),
        np.concatenate([one.shares for one in judged]),
        np.concatenate(weights),
    )


def _worth(judged: list[Judged], *, offsets: bool) -> LeftOut:
    errors, certain, guesses = [], [], []
    for one in judged:
        rest = [other for other in judged if other is not one]
        others = _joined(rest)
        added = _offsets(rest) if offsets else 0
        chosen = calibrate(others[0] + added, others[1], weights=others[2])
        logits = one.logits + added
        confidence, right, guess = _answers(logits, one.shares, chosen.temperature)
        errors.append(expected_calibration_error(confidence, right))
        certain.append(confidence >= chosen.uncertain_below)
        guesses.append(guess)
    _, shares, weights = _joined(judged)
    sure, guess = np.concatenate(certain), np.concatenate(guesses)
    return LeftOut(
        corpora=tuple(one.corpus for one in judged),
        expected_calibration_error=round(float(np.mean(errors)), 4),
        recall_certain=_recall(shares, guess, weights * sure),
        recall_uncertain=_recall(shares, guess, weights * ~sure),
        **_agreement([one.dimensions for one in judged if one.dimensions is not None]),
    )


def _agreement(judged: list[JudgedDimensions]) -> dict[str, Any]:
    """Agreement by dimension as a mean over corpora, and the share of clips with ratings."""
    found = {}
    for place, name in enumerate(DIMENSIONS):
        pairs = [(one.meant[:, place], one.predicted[:, place]) for one in judged]
        correlations = [correlation(*pair).point for pair in pairs]
        concordances = [concordance(*pair).point for pair in pairs]
        if np.isfinite(correlations).any() and np.isfinite(concordances).any():
            found[name] = Agreement(
                correlation=round(float(np.nanmean(correlations)), 4),
                concordance=round(float(np.nanmean(concordances)), 4),
            )
    rated = np.concatenate([one.rated for one in judged]) if found else np.zeros(0)
    return {"dimensions": found, "rated": float(rated.mean())} if found else {}


def _answers(
    logits: FloatArray, shares: FloatArray, temperature: float
) -> tuple[FloatArray, FloatArray, np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """Confidence, by how much it is right, and the label given, of each clip."""
    probabilities = np.exp(_log_softmax(logits / temperature))
    guess = probabilities.argmax(axis=1)
    return probabilities.max(axis=1), shares[np.arange(len(shares)), guess], guess


def _quantile(values: FloatArray, share: float, weights: FloatArray | None) -> float:
    """The least value that at least ``share`` of the weight does not exceed."""
    if weights is None:
        return float(np.quantile(values, share))
    order = np.argsort(values)
    heaped = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(heaped, share * heaped[-1])])


def _mean(values: FloatArray, weights: FloatArray) -> float | None:
    return round(float(np.average(values, weights=weights)), 4) if weights.any() else None


def _recall(
    shares: FloatArray, guess: np.ndarray[tuple[int], np.dtype[np.intp]], weights: FloatArray
) -> float | None:
    """Mean over the labels that occur; votes count as far as listeners gave them."""
    weighed = shares * weights[:, None]
    there = weighed.sum(axis=0)
    found = np.bincount(guess, weighed[np.arange(len(guess)), guess], minlength=shares.shape[1])
    recalls = found[there > 0] / there[there > 0]
    return round(float(recalls.mean()), 4) if recalls.size else None


def _log_softmax(logits: FloatArray) -> FloatArray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
