"""How readily a head says each label, set right on corpora that it did not learn from."""

from __future__ import annotations

import numpy as np
import pytest

from tonfall.arrays import FloatArray
from tonfall.errors import ConfigError

torch = pytest.importorskip("torch", reason="training needs PyTorch: extra train")

from tonfall.learn.calibrate import Judged, calibrate_left_out  # noqa: E402
from tonfall.learn.networks import Judge  # noqa: E402
from tonfall.learn.offsets import label_offsets, with_offsets  # noqa: E402


def corpus(rng: np.random.Generator, counts: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """Logits whose order is right, and one label a clip, of which there are so many."""
    shares = np.eye(len(counts), dtype=np.float32)[np.repeat(np.arange(len(counts)), counts)]
    return (2 * shares + rng.normal(0, 1, shares.shape)).astype(np.float32), shares


def test_most_of_what_a_head_says_too_often_is_taken_back() -> None:
    rng = np.random.default_rng(0)
    wrong = np.array([3.0, -1.0, -2.0], np.float32)
    # However many clips of each label there are: each counts alike.
    judged = [corpus(rng, (900, 300, 300)), corpus(rng, (200, 1000, 400))]
    found = label_offsets([(logits + wrong, shares) for logits, shares in judged])
    assert found == pytest.approx(-0.75 * wrong, abs=0.2)
    assert found.sum() == pytest.approx(0, abs=1e-5)


def test_a_corpus_says_nothing_of_a_label_that_it_has_not() -> None:
    rng = np.random.default_rng(1)
    logits, shares = corpus(rng, (500, 500, 0))
    logits[:, 2] += 50
    assert label_offsets([(logits, shares)]) == pytest.approx([0, 0, 0], abs=0.2)


def test_votes_count_by_their_shares() -> None:
    logits = np.zeros((2, 2), np.float32)
    shares = np.array([[0.9, 0.1], [0.5, 0.5]], np.float32)
    # Of both labels as much is to be found, so nothing is said too often.
    assert label_offsets([(logits, shares)]) == pytest.approx([0, 0], abs=1e-4)


@pytest.mark.parametrize("hears_baseline", [False, True])
def test_alone_and_at_a_site_a_head_adds_what_each_wants_and_keeps_its_dimensions(
    hears_baseline: bool,
) -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    judge = Judge(pooled=20, labels=4, dimensions=3, hears_baseline=hears_baseline)
    judge.scale.copy_(torch.from_numpy(rng.uniform(0.5, 2, 20).astype(np.float32)))
    prior, site = (torch.from_numpy(rng.normal(size=(1, 20)).astype(np.float32)) for _ in range(2))
    clips = torch.from_numpy(rng.normal(size=(5, 20)).astype(np.float32))
    alone = np.array([0.5, -0.25, 0.5, -0.75], np.float32)
    there = np.array([-1, 0.5, 0.25, 0.25], np.float32)
    judge.prior.copy_(prior[0])
    moved, start = with_offsets(judge, prior[0].numpy(), alone=alone, site=there)
    with torch.inference_mode():
        for before, after, added in (
            (prior, torch.from_numpy(start[None]), alone),
            (site, site, there),
        ):
            logits, dimensions = judge(clips, before.expand(5, -1))
            logits_after, dimensions_after = moved(clips, after.expand(5, -1))
            difference = (logits_after - logits).numpy()
            np.testing.assert_allclose(difference, np.tile(added, (5, 1)), atol=1e-4)
            torch.testing.assert_close(dimensions_after, dimensions, atol=1e-4, rtol=0)
    unchanged, same = with_offsets(judge, prior[0].numpy(), alone=alone, site=None)
    np.testing.assert_array_equal(same, prior[0].numpy())
    assert (unchanged.categories.bias - judge.categories.bias).detach().numpy() == pytest.approx(
        alone
    )


def test_what_the_offsets_are_worth_is_measured_with_those_of_the_others() -> None:
    """A corpus whose logits are off another way than the others' gains nothing from theirs."""
    rng = np.random.default_rng(2)
    (a, a_shares), (b, b_shares) = (corpus(rng, (300, 300, 300)) for _ in range(2))
    off = np.array([3.0, -1.5, -1.5], np.float32)
    apart = [Judged("a", a + off, a_shares), Judged("b", b - off, b_shares)]
    alike = [Judged("a", a + off, a_shares), Judged("b", b + off, b_shares)]
    assert recall(apart, offsets=True) < 0.5
    assert recall(alike, offsets=False) < 0.6
    assert recall(alike, offsets=True) > 0.7


def test_logits_that_are_not_finite_are_refused() -> None:
    shares = np.eye(2, dtype=np.float32)
    with pytest.raises(ConfigError, match=r"no offsets can be chosen; look at these clips"):
        label_offsets([(np.full((2, 2), np.nan, np.float32), shares)])


def recall(judged: list[Judged], *, offsets: bool) -> float:
    found = calibrate_left_out(judged, offsets=offsets).left_out
    assert found is not None
    assert found.recall_certain is not None
    return found.recall_certain
