"""A linear discriminant to which every class of every corpus counts alike."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from tonfall.evaluation.additive import Values

__all__ = ["LinearDiscriminant"]


class LinearDiscriminant:
    """Fisher's discriminant with a shrunk covariance, every class as likely as any other.

    Over one corpus whose classes have as many items it is scikit-learn's
    ``LinearDiscriminantAnalysis(solver="lsqr")``, and it has the methods of its classifiers.
    scikit-learn's takes no weights, and of several corpora the largest would set the means.

    Args:
        shrinkage: the share of the covariance, in (0, 1], that is replaced by the features' mean
            variance, the same for each.

    Attributes:
        classes_: the labels, in order.
        coef_: (classes, features) float64.
        intercept_: (classes,) float64.
    """

    def __init__(self, shrinkage: float) -> None:
        self._shrinkage = shrinkage

    def fit(
        self,
        features: npt.ArrayLike,
        labels: npt.NDArray[np.object_],
        corpora: npt.NDArray[np.object_] | None = None,
    ) -> Self:
        """Fit means and covariance.

        Args:
            features: (items, features), all finite.
            labels: (items,) names.
            corpora: (items,) of which corpus each is; None where all are of one.
        """
        known = np.asarray(features, np.float64)
        self.classes_, classes = np.unique(labels, return_inverse=True)
        weights = _cell_weights(labels, corpora)
        shares = np.eye(len(self.classes_))[:, classes] * weights
        means = shares @ known / shares.sum(axis=1, keepdims=True)
        spread = self._shrunk(known - means[classes], weights)
        self.coef_ = np.linalg.solve(spread, means.T).T
        self.intercept_ = -0.5 * (self.coef_ * means).sum(axis=1)
        return self

    def decision_function(self, features: npt.ArrayLike) -> Values:
        """(items, classes) log-likelihood, less what all classes share."""
        scores = np.asarray(features, np.float64) @ self.coef_.T + self.intercept_
        return np.asarray(scores, np.float64)

    def predict(self, features: npt.ArrayLike) -> npt.NDArray[np.object_]:
        """(items,) the likeliest label of each."""
        return np.asarray(self.classes_[self.decision_function(features).argmax(axis=1)], object)

    def _shrunk(self, deviations: Values, weights: Values) -> Values:
        """(features, features) covariance within classes, shrunk towards a multiple of the unit.

        Where nothing varies, as with one item a class, the unit itself.
        """
        covariance = (deviations * weights[:, None]).T @ deviations
        variance = float(np.trace(covariance)) / len(covariance) or 1.0
        unit = np.eye(len(covariance))
        return np.asarray(
            (1 - self._shrinkage) * covariance + self._shrinkage * variance * unit, np.float64
        )


def _cell_weights(
    labels: npt.NDArray[np.object_], corpora: npt.NDArray[np.object_] | None
) -> Values:
    """(items,) that sum to 1; those of each class of each corpus to the same."""
    names = labels if corpora is None else corpora
    pairs = [f"{corpus}\x1f{label}" for corpus, label in zip(names, labels, strict=True)]
    _, cells, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / counts[cells] / len(counts))
