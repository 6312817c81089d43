"""A classical model as a graph gives what scikit-learn gives, and needs none of it."""

from __future__ import annotations

import numpy as np
import pytest

from tonfall.arrays import FloatArray
from tonfall.errors import BundleError, ConfigError
from tonfall.learn.classical import graph as graphs
from tonfall.learn.classical.fit import fit
from tonfall.learn.classical.graph import classical_graph
from tonfall.learn.classical.recipe import (
    ClassicalRecipe,
    Discriminant,
    Forest,
    Logistic,
    Mixtures,
    Settings,
    Svm,
)
from tonfall.ort import Session, open_session

CLASSIFIERS = [
    Svm(),
    Svm(kernel="linear"),
    Forest(trees=40),
    Mixtures(components=2),
    Logistic(),
    Discriminant(),
]
OUTPUTS = ("pooled", "logits", "dimensions")


def rows(count: int, *, seed: int) -> FloatArray:
    """(count, 12) of very different sizes, a tenth of them not defined, one column never."""
    rng = np.random.default_rng(seed)
    found = rng.normal(3, 1, (count, 12)) * 10.0 ** np.arange(-4, 8)
    found[rng.random(found.shape) < 0.1] = np.nan
    found[:, 5] = np.nan
    return found.astype(np.float32)


def recipe(classifier: Settings) -> ClassicalRecipe:
    return ClassicalRecipe(
        name="tried", description="", features="egemaps", classifier=classifier, seed=3
    )


def names(count: int, classes: int) -> np.ndarray:
    return np.array([f"label {n * n % 7 % classes}" for n in range(count)], object)


def opened(graph: bytes, *, baseline: bool = False) -> Session:
    inputs = ("statistics", "baseline") if baseline else ("statistics",)
    return open_session(graph, inputs=inputs, outputs=OUTPUTS)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda each: f"{each.kind}")
def test_a_graph_gives_scikit_learns_scores(classifier: Settings, classes: int) -> None:
    fitted = fit(recipe(classifier), rows(160, seed=1), names(160, classes))
    asked = rows(400, seed=2)
    labels = fitted.labels[::-1]
    graph = classical_graph(fitted, labels=labels, baseline=False, name="tried", tried=asked)
    pooled, logits, dimensions = opened(graph).run(OUTPUTS, {"statistics": asked})
    np.testing.assert_allclose(logits[:, ::-1], fitted.scores(asked), rtol=0, atol=1e-4)
    assert pooled.shape == (400, 12)
    assert dimensions.shape == (400, 0)
    assert np.isfinite(pooled).all()


@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda each: f"{each.kind}")
def test_nothing_is_judged_where_there_is_no_window(classifier: Settings) -> None:
    fitted = fit(recipe(classifier), rows(60, seed=1), names(60, 3))
    graph = classical_graph(
        fitted, labels=fitted.labels, baseline=False, name="tried", tried=rows(9, seed=2)
    )
    _, logits, _ = opened(graph).run(OUTPUTS, {"statistics": rows(0, seed=0)})
    assert logits.shape == (0, 3)


def test_a_baseline_is_taken_from_the_standardised_features() -> None:
    fitted = fit(recipe(Svm(kernel="linear")), rows(160, seed=1), names(160, 4))
    asked = rows(50, seed=2)
    graph = classical_graph(fitted, labels=fitted.labels, baseline=True, name="tried", tried=asked)
    session = opened(graph, baseline=True)
    heard = np.full_like(asked, 0.25)
    pooled, logits, _ = session.run(OUTPUTS, {"statistics": asked, "baseline": heard})
    moved = (pooled - heard).astype(np.float64) * fitted.scale + fitted.mean
    np.testing.assert_allclose(logits, fitted.scores(moved.astype(np.float32)), atol=1e-3)


def test_the_first_of_tied_labels_leads_as_in_scikit_learn() -> None:
    """With little to go by, votes are often tied, and the sum of margins would decide otherwise."""
    rng = np.random.default_rng(1)
    known, asked = (rng.normal(size=(count, 2)).astype(np.float32) for count in (90, 400))
    fitted = fit(recipe(Svm()), known, np.array(["anger", "fear", "sadness"] * 30, object))
    graph = classical_graph(fitted, labels=fitted.labels, baseline=False, name="tried", tried=asked)
    _, logits, _ = opened(graph).run(OUTPUTS, {"statistics": asked})
    decided = fitted.classifier.predict(fitted.prepared(asked))
    assert (np.array(fitted.labels)[logits.argmax(axis=1)] == decided).all()
    margins = fitted.classifier.decision_function(fitted.prepared(asked))
    assert (margins.argmax(axis=1) != logits.argmax(axis=1)).any()


def test_a_graph_that_differs_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = fit(recipe(Logistic()), rows(60, seed=1), names(60, 3))
    monkeypatch.setattr(
        graphs,
        "_linear",
        lambda build, model, x: build.add("MatMul", [x, build.doubles(1.01 * model.coef_.T)]),
    )
    with pytest.raises(BundleError, match=r"logits differ by .* nothing was written"):
        classical_graph(
            fitted, labels=fitted.labels, baseline=False, name="tried", tried=rows(9, seed=2)
        )


@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda each: f"{each.kind}")
def test_a_number_that_no_clip_defined_counts_for_nothing(classifier: Settings) -> None:
    fitted = fit(recipe(classifier), rows(60, seed=1), names(60, 3))
    asked = rows(20, seed=2)
    defined = asked.copy()
    defined[:, 5] = 500
    np.testing.assert_array_equal(fitted.scores(defined), fitted.scores(asked))
    graph = classical_graph(fitted, labels=fitted.labels, baseline=False, name="tried", tried=asked)
    given = [opened(graph).run(["logits"], {"statistics": each})[0] for each in (asked, defined)]
    np.testing.assert_array_equal(*given)


def test_a_mixture_of_one_clip_is_refused() -> None:
    labels = np.array(["anger"] * 9 + ["fear"], object)
    with pytest.raises(ConfigError, match="one clip of fear"):
        fit(recipe(Mixtures()), rows(10, seed=1), labels)
