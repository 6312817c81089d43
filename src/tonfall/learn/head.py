"""Training the head: a convex problem, solved to the end, the same every time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from tonfall.arrays import FloatArray
from tonfall.learn.networks import Judge

__all__ = ["Lesson", "fit_judge"]


_DIMENSION_STEPS = 40
"""Iterations for the dimensions, whose targets are too coarse to need more."""


@dataclass(frozen=True)
class Lesson:
    """What the head learns from, a row a clip with its history.

    Attributes:
        centred: (rows, pooled) features less their baselines.
        learnt: (rows, pooled) baselines less the prior; zero where nothing was heard.
        targets: (rows, labels) share of each label; all zero where the category is not known.
        possible: (rows, labels) True for the labels that the row's corpus has at all: a corpus
            that lacks a label says nothing about it.
        weights: (rows,) so that corpora, and labels within them, count alike.
        dimensions: (rows, dimensions) in [0, 1], NaN where unknown.
    """

    centred: FloatArray
    learnt: FloatArray
    targets: FloatArray
    possible: np.ndarray[tuple[int, int], np.dtype[np.bool_]]
    weights: FloatArray
    dimensions: FloatArray


def fit_judge(
    lesson: Lesson,
    *,
    strength: float,
    prior: FloatArray | None = None,
    hears_baseline: float = 0.0,
    steps: int = 100,
) -> Judge:
    """Fit categories (masked cross-entropy) and dimensions (squared error), L2-penalised.

    Args:
        lesson: the rows.
        strength: weight of all rows together against the penalty on standardised features; how
            many rows there are does not matter.
        prior: (pooled,) that ``learnt`` counts from; zero by default.
        hears_baseline: how freely, against the features, the categories may use ``learnt``; 0
            for not at all.
        steps: most iterations of L-BFGS.

    Returns:
        A judge on raw pooled features; it divides by their deviation itself.
    """
    judge = Judge(
        pooled=lesson.centred.shape[1],
        labels=lesson.targets.shape[1],
        dimensions=lesson.dimensions.shape[1],
        hears_baseline=hears_baseline > 0,
    )
    if prior is not None:
        judge.prior.copy_(torch.from_numpy(prior))
    scale = lesson.centred.std(axis=0) + 1e-6
    judge.scale.copy_(torch.from_numpy(scale))
    features = torch.from_numpy(lesson.centred / scale)
    weights = torch.from_numpy(lesson.weights / lesson.weights.sum())
    for parameter in judge.parameters():
        nn.init.zeros_(parameter)
    known = torch.from_numpy(lesson.targets.any(axis=1))
    targets = torch.from_numpy(lesson.targets)[known]
    floor = torch.finfo(torch.float32).min / 4
    barred = torch.where(torch.from_numpy(lesson.possible), 0.0, floor)[known]

    seen = features[known]
    learnt = torch.from_numpy(lesson.learnt / scale * np.float32(hears_baseline))[known]
    layers = [layer for layer in (judge.categories, judge.voice) if layer is not None]

    def category_loss() -> torch.Tensor:
        logits = judge.categories(seen) + barred
        if judge.voice is not None:
            logits = logits + judge.voice(learnt)
        losses = -(targets * logits.log_softmax(dim=1)).sum(dim=1)
        return strength * (losses * weights[known]).sum() + sum(map(_penalty, layers))

    _minimise(layers, category_loss, steps)
    if judge.voice is not None:
        judge.voice.weight.data *= hears_baseline
    _fit_dimensions(judge, lesson, features, weights, strength)
    return judge.eval().requires_grad_(False)


def _fit_dimensions(
    judge: Judge,
    lesson: Lesson,
    features: torch.Tensor,
    weights: torch.Tensor,
    strength: float,
) -> None:
    known = torch.from_numpy(~np.isnan(lesson.dimensions))
    truth = torch.from_numpy(np.nan_to_num(lesson.dimensions).astype(np.float32))
    if not known.any():
        return

    def loss() -> torch.Tensor:
        error = (torch.sigmoid(judge.dimensions(features)) - truth).square() * known
        return 10 * strength * (error.sum(dim=1) * weights).sum() + _penalty(judge.dimensions)

    _minimise([judge.dimensions], loss, _DIMENSION_STEPS)


def _penalty(layer: nn.Linear) -> torch.Tensor:
    return 0.5 * layer.weight.square().sum()


def _minimise(layers: list[nn.Linear], loss: object, steps: int) -> None:
    assert callable(loss)
    optimiser = torch.optim.LBFGS(
        [each for layer in layers for each in layer.parameters()],
        max_iter=steps,
        history_size=10,
        line_search_fn="strong_wolfe",
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        value: torch.Tensor = loss()
        value.backward()
        return value

    optimiser.step(closure)
