"""One Gaussian mixture a class: the classifier of the field's first decade."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tonfall.errors import ConfigError
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
        """Fit each class's mixture; a class with few items gets fewer components.

        Raises:
            ConfigError: a class has one item.
        """
        self.classes_ = np.unique(labels)
        counts = {label: int((labels == label).sum()) for label in self.classes_}
        if lone := [label for label, count in counts.items() if count < 2]:
            raise ConfigError(
                f"There is one clip of {lone[0]} to learn from, but Gaussian mixtures need two of "
                "each label; add clips, or leave the label out."
            )
        self._mixtures = [self._mixture(features[labels == label]) for label in self.classes_]
        return self

    @property
    def dimensions(self) -> int:
        """Features of an item, by which a log-likelihood is divided."""
        return int(self._mixtures[0].means_.shape[1])

    def forms(self) -> Iterator[tuple[Values, Values, Values]]:
        """Of each class's components the log-likelihood as a quadratic form.

        Yields:
            A constant (components,), what x counts (components, features), and what its squares do.
        """
        for mixture in self._mixtures:
            precisions, means = mixture.precisions_, mixture.means_
            constant = np.log(mixture.weights_) + 0.5 * np.log(precisions / (2 * np.pi)).sum(axis=1)
            constant = constant - 0.5 * (means**2 * precisions).sum(axis=1)
            yield constant, means * precisions, -0.5 * precisions

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
