"""By how much a head says each label too often or too seldom to strangers.

A head learns how frequent its labels are from its corpora: one that learns listeners' votes says
"neutral" of every second clip. Elsewhere that is a constant added to each label's logit, and a
good part of what is lost there lies in it: the order of the clips stays right. So the constants
are fitted anew on corpora that the head did not learn from, where every label counts alike.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.optimize
import torch

from tonfall.arrays import FloatArray
from tonfall.errors import ConfigError
from tonfall.learn.networks import Judge

__all__ = ["label_offsets", "with_offsets"]

_Doubles = npt.NDArray[np.float64]

_KEPT = 0.75
"""Of what is found: corpora differ, and the next one is on average nearer to none. Chosen among
1/2, 3/4 and 1 (docs/experiments/offsets.md)."""

_RIDGE = 1e-3
"""Of the squared offsets, for labels that no corpus has."""


def label_offsets(judged: Sequence[tuple[FloatArray, FloatArray]]) -> FloatArray:
    """(labels,) to add to logits, summing to zero.

    Fitted together with a temperature, which is thrown away: the cross-entropy of the labels that
    a corpus has, of which each counts alike in it, and the corpora alike. Of what is found three
    quarters are kept.

    Args:
        judged: (clips, labels) logits, and shares of what each clip is, of each of the corpora
            that the head did not learn from.

    Raises:
        ConfigError: logits that are not finite.
    """
    lessons = [_lesson(*one) for one in judged]
    labels = judged[0][0].shape[1]

    def loss(asked: _Doubles) -> tuple[float, _Doubles]:
        inverse = float(np.exp(asked[0]))
        parts = [_loss(lesson, inverse, asked[1:]) for lesson in lessons]
        value = float(np.mean([part[0] for part in parts]))
        gradient: _Doubles = np.mean([part[1] for part in parts], axis=0)
        ridge = _RIDGE * asked[1:]
        return value + float(ridge @ asked[1:]) / 2, gradient + np.append(0, ridge)

    found = scipy.optimize.minimize(loss, np.zeros(labels + 1), jac=True, method="L-BFGS-B")
    if not np.isfinite(found.fun):
        raise ConfigError(
            "Of the corpora that calibrate, what the head makes is no finite number, so no offsets "
            "can be chosen; look at these clips, or take calibration.offsets out."
        )
    offsets = _KEPT * found.x[1:] / np.exp(found.x[0])
    return np.asarray(offsets - offsets.mean(), np.float32)


def with_offsets(
    judge: Judge, prior: FloatArray, *, alone: FloatArray, site: FloatArray | None
) -> tuple[Judge, FloatArray]:
    """A head and its prior that add the offsets to what they say.

    A clip before which nothing was heard lies elsewhere than one that is judged against its site's
    mean, so each has offsets of its own. Those of the site go into the head's constants. What is
    left for clips alone moves the prior: by the least move that changes the logits by just that
    and leaves the dimensions as they are. So a baseline that starts at the prior and comes to lie
    at the site's mean goes from the one to the other.

    Args:
        judge: a head; stays as it is.
        prior: (pooled,) what is subtracted where nothing was heard.
        alone: (labels,) offsets of clips that are judged against the prior.
        site: (labels,) offsets of clips that are judged against their site's mean; None where the
            head knows no baseline, and the others are all there is.
    """
    judge = copy.deepcopy(judge)
    constants = alone if site is None else site
    with torch.no_grad():
        judge.categories.bias.add_(torch.from_numpy(constants))
    if site is None:
        return judge, prior
    layers = [judge.categories.weight, judge.dimensions.weight]
    if judge.voice is not None:  # it hears how far a baseline lies from the prior that is moved
        layers.append(judge.voice.weight)
    ways = np.concatenate([layer.detach().numpy() for layer in layers]).astype(np.float64)
    wanted = np.zeros(len(ways))
    wanted[: len(alone)] = alone - site
    moved = np.linalg.pinv(ways, rcond=1e-6) @ wanted * judge.scale.numpy()
    prior = (prior - moved).astype(np.float32)
    judge.prior.copy_(torch.from_numpy(prior))
    return judge, prior


@dataclass(frozen=True)
class _Lesson:
    """One corpus; arrays are (clips, labels), of the labels that it has; shares sum to one."""

    logits: _Doubles
    shares: _Doubles
    there: np.ndarray[tuple[int], np.dtype[np.intp]]


def _lesson(logits: FloatArray, shares: FloatArray) -> _Lesson:
    there = np.flatnonzero(shares.any(axis=0))
    known: _Doubles = shares[:, there].astype(np.float64)
    alike: _Doubles = known / known.sum(axis=0) / len(there)
    return _Lesson(logits[:, there].astype(np.float64), alike, there)


def _loss(lesson: _Lesson, inverse: float, offsets: _Doubles) -> tuple[float, _Doubles]:
    """Cross-entropy, and its gradient by the logarithm of the inverse temperature and offsets."""
    scaled = lesson.logits * inverse + offsets[lesson.there]
    scaled -= scaled.max(axis=1, keepdims=True)
    logs = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
    value = -float((lesson.shares * logs).sum())
    wrong = np.exp(logs) * lesson.shares.sum(axis=1, keepdims=True) - lesson.shares
    gradient = np.zeros(len(offsets) + 1)
    gradient[0] = inverse * float((wrong * lesson.logits).sum())
    gradient[1 + lesson.there] = wrong.sum(axis=0)
    return value, gradient
