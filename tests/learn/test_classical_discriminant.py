"""The linear discriminant is scikit-learn's, but for how much each item counts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from tonfall.learn.classical.discriminant import LinearDiscriminant

LABELS = np.array(["anger", "neutral", "sadness"] * 30, object)


def clips(*, seed: int) -> npt.NDArray[np.float64]:
    """(90, 6), the three labels apart from each other, features that go together."""
    rng = np.random.default_rng(seed)
    means = {label: rng.normal(size=6) for label in np.unique(LABELS)}
    mixed = rng.normal(size=(90, 6)) @ rng.normal(size=(6, 6))
    return np.stack([means[label] for label in LABELS]) + mixed


@pytest.mark.parametrize("shrinkage", [0.1, 1.0])
def test_of_one_balanced_corpus_it_is_scikit_learns(shrinkage: float) -> None:
    known, asked = clips(seed=1), clips(seed=2)
    peer = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(known, LABELS)
    own = LinearDiscriminant(shrinkage).fit(known, LABELS)
    expected, found = peer.decision_function(asked), own.decision_function(asked)
    gaps = found - found[:, :1], expected - expected[:, :1]  # all classes share a constant
    np.testing.assert_allclose(*gaps, rtol=1e-9, atol=1e-9)
    assert (own.predict(asked) == peer.predict(asked)).all()


def test_clips_that_are_there_twice_change_nothing() -> None:
    """Neither a class's clips of one corpus nor a whole corpus's."""
    known, asked = clips(seed=1), clips(seed=2)
    corpora = np.repeat(np.array(["emodb", "emovo"], object), 45)
    first = LinearDiscriminant(0.1).fit(known, LABELS, corpora)
    for again in ((corpora == "emovo"), (corpora == "emodb") & (LABELS == "anger")):
        twice = np.concatenate([np.arange(90), np.flatnonzero(again)])
        second = LinearDiscriminant(0.1).fit(known[twice], LABELS[twice], corpora[twice])
        scores = [each.decision_function(asked) for each in (first, second)]
        np.testing.assert_allclose(*scores, rtol=1e-9, atol=1e-9)


def test_a_clip_a_class_is_enough() -> None:
    fitted = LinearDiscriminant(0.1).fit(np.eye(3), LABELS[:3])
    assert (fitted.predict(np.eye(3)) == LABELS[:3]).all()


def test_two_classes_have_a_score_each() -> None:
    known = clips(seed=1)[:60]
    labels = np.array(["anger", "neutral"] * 30, object)
    assert LinearDiscriminant(0.1).fit(known, labels).decision_function(known).shape == (60, 2)
