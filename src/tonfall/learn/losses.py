"""Losses of categories and dimensions, masked where a corpus says nothing."""

from __future__ import annotations

import math

import torch

__all__ = ["categories_loss", "concordance_loss", "dimensions_loss", "mean_concordance", "smoothed"]

_NEVER = -1e9
"""Logit of a label that a corpus lacks; finite, so that nothing of it is still nothing."""


def smoothed(targets: torch.Tensor, possible: torch.Tensor, *, share: float) -> torch.Tensor:
    """Targets of which a share is spread alike over the labels that their corpus has.

    Args:
        targets: (n, labels), summing to 1, or all zero where the category is not known.
        possible: (n, labels) True for labels of the row's corpus.
        share: in [0, 1].
    """
    known = targets.sum(1, keepdim=True)
    spread = possible / possible.sum(1, keepdim=True).clamp_min(1)
    return (1 - share) * targets + share * spread * known


def categories_loss(
    logits: torch.Tensor,
    targets: torch.Tensor,
    possible: torch.Tensor,
    *,
    weights: torch.Tensor | None = None,
    log_shares: torch.Tensor | None = None,
    focus: float = 0.0,
) -> torch.Tensor:
    """Cross-entropy with soft targets, over the labels that each row's corpus has.

    Args:
        logits: (n, labels).
        targets: (n, labels), summing to 1, or all zero where the category is not known.
        possible: (n, labels) True for labels of the row's corpus.
        weights: (n,) of each row; alike by default.
        log_shares: (labels,) logarithm of each label's share of the training clips, times the
            strength of the logit adjustment (Menon et al. 2021); none by default.
        focus: exponent of the focal loss (Lin et al. 2017); 0 is plain cross-entropy.

    Returns:
        The weighted mean over rows whose category is known; 0 where there is none.
    """
    adjusted = logits if log_shares is None else logits + log_shares
    logs = adjusted.masked_fill(~possible, _NEVER).log_softmax(1)
    terms = -targets * logs
    if focus:
        terms = terms * (1 - logs.exp()).clamp_min(0).pow(focus)
    return _mean(terms.sum(1), targets.sum(1) > 0, weights)


def dimensions_loss(
    predicted: torch.Tensor,
    meant: torch.Tensor,
    *,
    concordance: float,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Squared error and 1 - CCC, over what is known.

    Args:
        predicted: (n, dimensions) in [0, 1].
        meant: the same, NaN where it is not known.
        concordance: share of 1 - CCC; the rest is the squared error.
        weights: (n,) of each row's squared error; alike by default.

    Returns:
        The mean over the dimensions of which something is known; 0 where nothing is.
    """
    losses = []
    for guess, truth in zip(predicted.unbind(1), meant.unbind(1), strict=True):
        known = ~truth.isnan()
        if not known.any():
            continue
        error = _mean((guess - truth.nan_to_num()).square(), known, weights)
        agreement = concordance_loss(guess[known], truth[known])
        losses.append((1 - concordance) * error + concordance * agreement)
    return torch.stack(losses).mean() if losses else predicted.sum() * 0


def concordance_loss(predicted: torch.Tensor, meant: torch.Tensor) -> torch.Tensor:
    """1 less Lin's concordance correlation coefficient of two (n,) rows; moments divide by n.

    Of one row, or of rows without any variation, the coefficient is 0: the loss is 1, without a
    gradient that leads anywhere.
    """
    mean, true_mean = predicted.mean(), meant.mean()
    covariance = ((predicted - mean) * (meant - true_mean)).mean()
    spread = predicted.var(correction=0) + meant.var(correction=0)
    return 1 - 2 * covariance / (spread + (mean - true_mean).square() + 1e-8)


def mean_concordance(predicted: torch.Tensor, meant: torch.Tensor) -> float:
    """The concordance correlation coefficient, as a mean over the dimensions.

    Args:
        predicted: (n, dimensions).
        meant: the same, NaN where it is not known.

    Returns:
        Of the dimensions of which two rows or more are known; NaN where there is none.
    """
    found = [
        1 - float(concordance_loss(guess[known], truth[known]))
        for guess, truth in zip(predicted.unbind(1), meant.unbind(1), strict=True)
        if (known := ~truth.isnan()).sum() > 1
    ]
    return sum(found) / len(found) if found else math.nan


def _mean(values: torch.Tensor, known: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
    counted = known.to(values.dtype) if weights is None else known * weights
    return (values * counted).sum() / counted.sum().clamp_min(1e-8)
