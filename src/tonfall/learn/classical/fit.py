"""Functionals and a classifier of scikit-learn: what is learnt, and what it says of new ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.evaluation.additive import Values
from tonfall.evaluation.extras import load
from tonfall.learn.classical.discriminant import LinearDiscriminant
from tonfall.learn.classical.kernel_svm import RbfSvm
from tonfall.learn.classical.mixture import ClassMixtures
from tonfall.learn.classical.recipe import ClassicalRecipe, Discriminant, Forest, Mixtures, Svm

__all__ = ["LEAST_PROBABILITY", "TIE_LEAD", "Fitted", "fit", "likeliest_temperature", "softmax"]

LEAST_PROBABILITY = 1e-4
"""Of which the logarithm is taken: a forest in which no tree says so would give none."""

TIE_LEAD = 1e-6
"""By how much the label leads that scikit-learn gives where votes are tied."""

_UNLEARNT_SCALE = 1e30
"""By which a number is divided that no clip defined: nothing is left of it, whatever it is."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was learnt: how features are prepared, and the classifier behind it.

    Attributes:
        imputed: (features,) float32, what stands for one that is not defined: its mean in training.
        mean: (features,) float32, subtracted first.
        scale: (features,) float32, by which is divided then.
        components: scikit-learn's principal components of what comes out, or None.
        classifier: with scikit-learn's methods.
    """

    imputed: FloatArray
    mean: FloatArray
    scale: FloatArray
    components: Any
    classifier: Any

    @property
    def labels(self) -> list[str]:
        """In the classifier's order."""
        return [str(label) for label in self.classifier.classes_]

    def standardised(self, features: FloatArray) -> FloatArray:
        """(items, features) float32, each step rounded: what a graph can do to the bit."""
        known = np.where(np.isnan(features), self.imputed, features.astype(np.float32))
        return (known - self.mean) / self.scale

    def prepared(self, features: FloatArray) -> FloatArray:
        """What the classifier takes: principal components where there are any."""
        scaled = self.standardised(features)
        return scaled if self.components is None else self.components.transform(scaled)

    def scores(self, features: FloatArray) -> Values:
        """(items, labels) unbounded; the largest is the decision."""
        prepared = self.prepared(features)
        if not hasattr(self.classifier, "decision_function"):
            probabilities = self.classifier.predict_proba(prepared)
            return np.asarray(np.log(np.clip(probabilities, LEAST_PROBABILITY, None)))
        scores = np.asarray(self.classifier.decision_function(prepared), np.float64)
        if scores.ndim == 1:
            return np.stack([-scores, scores], axis=1) / 2
        return _led_by(scores, self._decided(prepared))

    def _decided(self, prepared: FloatArray) -> npt.NDArray[np.intp]:
        """(items,) place of the label that the classifier itself gives."""
        decided = self.classifier.predict(prepared)
        return np.asarray(np.searchsorted(self.classifier.classes_, decided), np.intp)


def fit(
    recipe: ClassicalRecipe,
    features: FloatArray,
    labels: npt.NDArray[np.object_],
    corpora: npt.NDArray[np.object_] | None = None,
) -> Fitted:
    """Fit a recipe's classifier.

    Args:
        recipe: which, and its settings.
        features: (items, features) float32, NaN where one is not defined.
        labels: (items,) names.
        corpora: (items,) of which corpus each is, for a classifier that balances them; None where
            all are of one.
    """
    imputer = load("sklearn.impute").SimpleImputer(keep_empty_features=True)
    scaler = load("sklearn.preprocessing").StandardScaler().fit(imputer.fit_transform(features))
    learnt = (imputer.statistics_, scaler.mean_, scaler.scale_)
    imputed, mean, scale = (np.asarray(each, np.float32) for each in learnt)
    components, classifier = _parts(recipe)
    # Of a number that no clip defines nothing is learnt, so where one does it counts for nothing.
    scale[np.isnan(features).all(axis=0)] = _UNLEARNT_SCALE
    unlearnt = Fitted(imputed, mean, scale, None, classifier)
    scaled = unlearnt.standardised(features)
    if components is not None:
        scaled = components.fit_transform(scaled)
    balanced = (corpora,) if isinstance(classifier, LinearDiscriminant) else ()
    learnt_classifier = classifier.fit(scaled, labels, *balanced)
    return replace(unlearnt, components=components, classifier=learnt_classifier)


def _parts(recipe: ClassicalRecipe) -> tuple[Any, Any]:
    """Principal components where the classifier takes them, and the classifier."""
    settings = recipe.classifier
    if isinstance(settings, Svm) and settings.kernel == "rbf":
        return None, RbfSvm(settings.c)
    if isinstance(settings, Svm):
        svc = load("sklearn.svm").SVC
        return None, svc(C=settings.c, kernel=settings.kernel, class_weight="balanced")
    if isinstance(settings, Forest):
        return None, load("sklearn.ensemble").RandomForestClassifier(
            n_estimators=settings.trees,
            class_weight="balanced_subsample",
            random_state=recipe.seed,
        )
    if isinstance(settings, Mixtures):
        pca = load("sklearn.decomposition").PCA(settings.explained, svd_solver="full")
        return pca, ClassMixtures(settings.components, seed=recipe.seed)
    if isinstance(settings, Discriminant):
        return None, LinearDiscriminant(settings.shrinkage)
    logistic = load("sklearn.linear_model").LogisticRegression
    return None, logistic(C=settings.c, class_weight="balanced", max_iter=2000)


def _led_by(scores: Values, decided: npt.NDArray[np.intp]) -> Values:
    """Scores whose largest is that of the decided label.

    Where votes of a support vector machine are tied, scikit-learn gives the first of the labels,
    whichever has the larger score; figures must be those that others get from it.
    """
    led = scores.copy()
    rows = np.flatnonzero(scores.argmax(axis=1) != decided)
    led[rows, decided[rows]] = scores[rows].max(axis=1) + TIE_LEAD
    return led


def softmax(scores: Values) -> Values:
    """(items, labels) probabilities."""
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def likeliest_temperature(scores: Values, truth: npt.NDArray[np.intp]) -> float:
    """What the scores are divided by for the truth to be likeliest."""
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        probabilities = softmax(scores / np.exp(log_temperature))
        return float(-np.log(probabilities[np.arange(len(truth)), truth] + 1e-12).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-4.0, 4.0), method="bounded").x))
