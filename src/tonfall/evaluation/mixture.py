"""One Gaussian mixture a class: the classifier of the field's first decade."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tonfall.evaluation.additive import Values
from tonfall.evaluation.extras import load

__all__ = ["ClassMixtures"]


class ClassMixtures:
    """Bayes' rule over one mixture a class, every class as likely as any other.

    It has the methods of scikit-learn's classifiers.

    Args:
        components: of each class's mixture, at most.
        seed: of where its fit starts.
    """

    def __init__(self, components: int, *, seed: int) -> None:
        self._components = components
        self._seed = seed

    def fit(self, features: Values, labels: npt.NDArray[np.object_]) -> Self:
        """Fit each class's mixture; a class with few items gets fewer components."""
        self.classes_ = np.unique(labels)
        self._mixtures = [self._mixture(features[labels == label]) for label in self.classes_]
        return self

    def decision_function(self, features: Values) -> Values:
        """(items, classes) log-likelihood a dimension."""
        likelihoods = [mixture.score_samples(features) for mixture in self._mixtures]
        return np.asarray(np.stack(likelihoods, axis=1) / features.shape[1])

    def predict(self, features: Values) -> npt.NDArray[np.object_]:
        """(items,) the likeliest label of each."""
        return np.asarray(self.classes_[self.decision_function(features).argmax(axis=1)], object)

    def _mixture(self, features: Values) -> Any:
        return (
            load("sklearn.mixture")
            .GaussianMixture(
                min(self._components, max(1, len(features) // 10)),
                covariance_type="diag",
                reg_covar=1e-2,
                random_state=self._seed,
            )
            .fit(features)
        )
