"""scikit-learn's support vector machine with its kernel made by matrix products.

libsvm makes an RBF kernel number by number; over thousands of features that is most of its time.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tonfall.evaluation.additive import Values
from tonfall.evaluation.extras import load

__all__ = ["RbfSvm"]


class RbfSvm:
    """``SVC(kernel="rbf", class_weight="balanced")``, the same to rounding, in less time.

    It has the methods of scikit-learn's classifiers.

    Args:
        c: the price of an item on the wrong side.

    Attributes:
        gamma: of the kernel exp(-gamma d2).
    """

    def __init__(self, c: float) -> None:
        self._svc: Any = load("sklearn.svm").SVC(C=c, kernel="precomputed", class_weight="balanced")

    def fit(self, features: npt.ArrayLike, labels: npt.NDArray[np.object_]) -> Self:
        """Fit with scikit-learn's "scale": 1 / (features * their variance)."""
        self._known: Values = np.asarray(features, np.float64)
        self.gamma = 1.0 / (self._known.shape[1] * (self._known.var() or 1.0))
        self._svc.fit(self._kernel(self._known), labels)
        self.classes_ = self._svc.classes_
        return self

    @property
    def support_vectors(self) -> Values:
        """(vectors, features): the items that decide, by class."""
        return self._known[self._svc.support_]

    @property
    def pairwise(self) -> Values:
        """(pairs, vectors): how much each counts for the first of two classes, (0, 1) first.

        Of two classes it counts for the second, as scikit-learn turns their decision.
        """
        dual, counts = self._svc.dual_coef_, self._svc.n_support_
        owner = np.repeat(np.arange(len(counts)), counts)
        rows = []
        for first in range(len(counts)):
            for second in range(first + 1, len(counts)):
                for_first = np.where(owner == first, dual[second - 1], 0.0)
                rows.append(for_first + np.where(owner == second, dual[first], 0.0))
        return np.stack(rows)

    @property
    def intercepts(self) -> Values:
        """(pairs,)."""
        return np.asarray(self._svc.intercept_, np.float64)

    def decision_function(self, features: npt.ArrayLike) -> Values:
        """(items, classes), or (items,) for two classes."""
        kernel = self._kernel(np.asarray(features, np.float64))
        return np.asarray(self._svc.decision_function(kernel), np.float64)

    def predict(self, features: npt.ArrayLike) -> npt.NDArray[np.object_]:
        """(items,) the label of each."""
        return np.asarray(self._svc.predict(self._kernel(np.asarray(features, np.float64))))

    def _kernel(self, features: Values) -> Values:
        kernel = load("sklearn.metrics.pairwise").rbf_kernel
        return np.asarray(kernel(features, self._known, gamma=self.gamma))
