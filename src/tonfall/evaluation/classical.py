"""Classical baselines: openSMILE's functionals and a classifier of scikit-learn.

They are the floor that every network must clear. Everything learnt (means, scales, the classifier)
is learnt on a fold's train and development part; the temperature of the probabilities is chosen on
the development part with a classifier of the train part alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from tonfall.arrays import FloatArray
from tonfall.errors import ConfigError
from tonfall.evaluation.additive import Values
from tonfall.evaluation.extras import load
from tonfall.evaluation.functionals import (
    NOTICE,
    Degrade,
    FeatureSet,
    Progress,
    clip_functionals,
    default_cache,
)
from tonfall.evaluation.mixture import ClassMixtures
from tonfall.evaluation.running import ModelFacts

__all__ = ["BASELINES", "ClassicalModel", "Classifier", "classical_model"]

Classifier = Literal["svm", "forest", "gmm", "logistic"]

_FEATURE_SETS: Mapping[str, FeatureSet] = MappingProxyType(
    {"egemaps": "eGeMAPSv02", "compare": "ComParE_2016"}
)

BASELINES = tuple(
    f"{features}-{classifier}" for features in _FEATURE_SETS for classifier in get_args(Classifier)
)
"""Names of the classical baselines, as `evaluate` takes them."""

_DETAILS: Mapping[Classifier, str] = MappingProxyType(
    {
        "svm": "support vector machine, RBF kernel, C = 1, classes balanced",
        "forest": "random forest, 500 trees, classes balanced",
        "gmm": "Gaussian mixtures, 4 diagonal components a class after PCA, classes alike",
        "logistic": "logistic regression, C = 0.01, classes balanced",
    }
)


@dataclass(frozen=True, slots=True)
class ClassicalModel:
    """A `FoldModel` of functionals and a classifier.

    Attributes:
        feature_set: openSMILE's set.
        classifier: which of scikit-learn's.
        cache_folder: of the features.
        workers: processes that compute features.
        progress: called as features are computed.
        degrade: name and function of what test clips go through; train and development do not.
        seed: of the forest and the mixtures.
    """

    feature_set: FeatureSet
    classifier: Classifier
    cache_folder: Path
    workers: int = 1
    progress: Progress | None = None
    degrade: tuple[str, Degrade] | None = None
    seed: int = 0

    def predict(
        self, train: pd.DataFrame, development: pd.DataFrame, test: pd.DataFrame
    ) -> pd.DataFrame:
        """Probabilities of the test items."""
        known = pd.concat([train, development], ignore_index=True)
        features, labels = self._features(known), known["label"].to_numpy(object)
        temperature = self._temperature(features, labels, count=len(train))
        fitted = self._fitted(features, labels)
        scores = fitted.scores(self._features(test, self.degrade))
        probabilities = _softmax(scores / temperature)
        table = pd.DataFrame(probabilities, columns=fitted.labels)
        table.insert(0, "item", test["item"].to_numpy())
        return table

    def _features(
        self, items: pd.DataFrame, degrade: tuple[str, Degrade] | None = None
    ) -> FloatArray:
        return clip_functionals(
            items,
            feature_set=self.feature_set,
            cache_folder=self.cache_folder,
            degrade=degrade,
            workers=self.workers,
            progress=self.progress,
        )

    def _fitted(self, features: FloatArray, labels: npt.NDArray[np.object_]) -> _Fitted:
        imputer = load("sklearn.impute").SimpleImputer(keep_empty_features=True)
        scaler = load("sklearn.preprocessing").StandardScaler()
        steps, classifier = _classifier(self.classifier, self.seed)
        front = load("sklearn.pipeline").make_pipeline(imputer, scaler, *steps)
        return _Fitted(front, classifier.fit(front.fit_transform(features), labels))

    def _temperature(
        self, features: FloatArray, labels: npt.NDArray[np.object_], *, count: int
    ) -> float:
        """What makes development data likeliest; 1 where there is none, or a class is missing."""
        if count == len(labels) or set(labels[count:]) - set(labels[:count]):
            return 1.0
        fitted = self._fitted(features[:count], labels[:count])
        truth = np.array([fitted.labels.index(label) for label in labels[count:]])
        return _likeliest_temperature(fitted.scores(features[count:]), truth)


@dataclass(frozen=True, slots=True)
class _Fitted:
    """What was learnt: how features are prepared, and the classifier behind it."""

    front: Any
    classifier: Any

    @property
    def labels(self) -> list[str]:
        return [str(label) for label in self.classifier.classes_]

    def scores(self, features: FloatArray) -> Values:
        """(items, labels) unbounded; the largest is the decision."""
        prepared = self.front.transform(features)
        if not hasattr(self.classifier, "decision_function"):
            probabilities = self.classifier.predict_proba(prepared)
            return np.asarray(np.log(np.clip(probabilities, 1e-4, None)))
        scores = np.asarray(self.classifier.decision_function(prepared), np.float64)
        return np.stack([-scores, scores], axis=1) / 2 if scores.ndim == 1 else scores


def classical_model(
    name: str,
    *,
    cache_folder: Path | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    degrade: tuple[str, Degrade] | None = None,
) -> tuple[ClassicalModel, ModelFacts]:
    """The baseline of that name, such as "egemaps-svm", and what a report says about it.

    Raises:
        ConfigError: there is none of that name, or openSMILE or scikit-learn is not installed.
    """
    if name not in BASELINES:
        raise ConfigError(f"There is no baseline {name!r}. Choose one of {', '.join(BASELINES)}.")
    features, _, classifier = name.partition("-")
    chosen: Classifier = next(known for known in get_args(Classifier) if known == classifier)
    version = load("opensmile", extra="opensmile").__version__
    model = ClassicalModel(
        _FEATURE_SETS[features],
        chosen,
        cache_folder or default_cache(),
        workers,
        progress,
        degrade,
    )
    details = {
        "features": f"{model.feature_set} functionals, openSMILE {version}",
        "classifier": f"{_DETAILS[chosen]}, scikit-learn {load('sklearn').__version__}",
        "scaling": "mean and deviation of the fold's train and development part",
        "notice": NOTICE,
    }
    return model, ModelFacts(name, "baseline", details=details)


def _classifier(name: Classifier, seed: int) -> tuple[tuple[Any, ...], Any]:
    """Steps that prepare scaled features, and the classifier."""
    if name == "svm":
        # With break_ties the decision is the largest score, so probabilities agree with it.
        svm = load("sklearn.svm").SVC(C=1.0, class_weight="balanced", break_ties=True)
        return (), svm
    if name == "forest":
        forest = load("sklearn.ensemble").RandomForestClassifier(
            n_estimators=500, class_weight="balanced_subsample", random_state=seed
        )
        return (), forest
    if name == "gmm":
        pca = load("sklearn.decomposition").PCA(n_components=0.95, svd_solver="full")
        return (pca,), ClassMixtures(seed=seed)
    logistic = load("sklearn.linear_model").LogisticRegression(
        C=0.01, class_weight="balanced", max_iter=2000
    )
    return (), logistic


def _softmax(scores: Values) -> Values:
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def _likeliest_temperature(scores: Values, truth: npt.NDArray[np.intp]) -> float:
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        probabilities = _softmax(scores / np.exp(log_temperature))
        return float(-np.log(probabilities[np.arange(len(truth)), truth] + 1e-12).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-4.0, 4.0), method="bounded").x))
