"""Losses by closed forms, and what they say nothing about."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("torch", reason="training needs PyTorch: extra train")

import torch

from tonfall.learn.losses import (
    categories_loss,
    concordance_loss,
    dimensions_loss,
    mean_concordance,
    smoothed,
)

NAN = float("nan")


def tensor(*rows: object) -> torch.Tensor:
    return torch.tensor(rows)


ALL = tensor([True, True, True])
TWO = tensor([True, True, False])


def test_soft_labels_cost_their_cross_entropy() -> None:
    logits = tensor([0.7, 0.2, 0.1]).log()
    loss = categories_loss(logits, tensor([0.5, 0.5, 0.0]), ALL)
    assert float(loss) == pytest.approx(-(math.log(0.7) + math.log(0.2)) / 2)


def test_a_label_that_a_corpus_lacks_says_nothing_there() -> None:
    logits = tensor([1.0, 0.0, 50.0]).requires_grad_()
    loss = categories_loss(logits, tensor([1.0, 0.0, 0.0]), TWO)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(math.log(1 + math.exp(-1)))
    assert logits.grad is not None
    assert float(logits.grad[0, 2]) == 0


def test_clips_count_by_weight_and_unknown_ones_not_at_all() -> None:
    logits = torch.zeros(3, 2)
    logits[0, 0] = 5
    targets = tensor([1.0, 0.0], [1.0, 0.0], [0.0, 0.0])
    possible = torch.ones(3, 2, dtype=torch.bool)
    alone = [float(categories_loss(logits[n : n + 1], targets[:1], possible[:1])) for n in (0, 1)]
    loss = categories_loss(logits, targets, possible, weights=torch.tensor([1.0, 3.0, 7.0]))
    assert float(loss) == pytest.approx((alone[0] + 3 * alone[1]) / 4)
    assert float(categories_loss(logits, targets * 0, possible)) == 0


def test_the_focal_loss_counts_what_is_right_less() -> None:
    logits = tensor([0.9, 0.1]).log()
    targets, possible = tensor([1.0, 0.0]), tensor([True, True])
    plain = categories_loss(logits, targets, possible)
    focal = categories_loss(logits, targets, possible, focus=2.0)
    assert float(focal) == pytest.approx(float(plain) * 0.1**2, rel=1e-4)


def test_logit_adjustment_asks_more_of_rare_labels() -> None:
    shares = torch.tensor([0.9, 0.1])
    possible = tensor([True, True])
    losses = [
        float(categories_loss(torch.zeros(1, 2), target, possible, log_shares=shares.log()))
        for target in (tensor([1.0, 0.0]), tensor([0.0, 1.0]))
    ]
    assert losses == pytest.approx([-math.log(0.9), -math.log(0.1)])


def test_smoothing_spreads_over_the_labels_of_the_corpus() -> None:
    soft = smoothed(tensor([1.0, 0.0, 0.0], [0.0, 0.0, 0.0]), torch.cat([TWO, TWO]), share=0.2)
    assert soft.tolist() == [pytest.approx([0.9, 0.1, 0.0]), [0, 0, 0]]


@pytest.mark.parametrize(
    ("predicted", "expected"),
    [([0.2, 0.4, 0.9], 1.0), ([0.9, 0.7, 0.2], -1.0), ([0.5, 0.5, 0.5], 0.0)],
)
def test_concordance_of_the_same_the_mirrored_and_a_constant(
    predicted: list[float], expected: float
) -> None:
    truth = torch.tensor([0.2, 0.4, 0.9])
    mirrored = 2 * truth.mean() - truth
    guess = {1.0: truth, -1.0: mirrored, 0.0: torch.tensor(predicted)}[expected]
    assert 1 - float(concordance_loss(guess, truth)) == pytest.approx(expected, abs=1e-4)


def test_concordance_divides_by_n() -> None:
    """Two points tell n from n - 1: variances .01 and .04, covariance .02, offset .1."""
    loss = concordance_loss(torch.tensor([0.4, 0.6]), torch.tensor([0.4, 0.8]))
    assert 1 - float(loss) == pytest.approx(2 * 0.02 / (0.01 + 0.04 + 0.01), rel=1e-4)


def test_dimensions_are_masked_where_they_are_not_known() -> None:
    predicted = tensor([0.5, 0.1], [0.7, 0.9]).requires_grad_()
    meant = tensor([0.4, NAN], [NAN, NAN])
    loss = dimensions_loss(predicted, meant, concordance=0.0)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(0.01, rel=1e-4)
    assert predicted.grad is not None
    assert predicted.grad.tolist() == [pytest.approx([0.2, 0.0], rel=1e-4), [0, 0]]
    unknown = dimensions_loss(predicted.detach(), meant * NAN, concordance=0.5)
    assert float(unknown) == 0


def test_mean_concordance_leaves_out_what_is_not_known() -> None:
    predicted = tensor([0.4, 0.1, 0.3], [0.6, 0.2, 0.3], [0.0, 0.3, 0.3])
    meant = tensor([0.4, NAN, NAN], [0.8, 0.5, NAN], [NAN, NAN, NAN])
    expected = 2 * 0.02 / (0.01 + 0.04 + 0.01)
    assert mean_concordance(predicted, meant) == pytest.approx(expected, rel=1e-4)
    assert math.isnan(mean_concordance(predicted[:, 1:], meant[:, 1:]))
