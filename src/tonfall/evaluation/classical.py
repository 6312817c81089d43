"""Classical baselines: functionals of whole clips and a classifier of scikit-learn.

They are the floor that every network must clear. Everything learnt (means, scales, the classifier)
is learnt on a fold's train and development part; the temperature of the probabilities is chosen on
the development part with a classifier of the train part alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tonfall.arrays import FloatArray
from tonfall.contents import cache_folder as user_cache
from tonfall.contents import library_versions
from tonfall.corpora.clips import clips_of
from tonfall.corpora.sounds import ClipSound, Degrade
from tonfall.evaluation.additive import Values
from tonfall.evaluation.classical_recipe import (
    ClassicalRecipe,
    Forest,
    Mixtures,
    Svm,
    baseline_recipe,
)
from tonfall.evaluation.extras import load
from tonfall.evaluation.kernel_svm import RbfSvm
from tonfall.evaluation.mixture import ClassMixtures
from tonfall.evaluation.running import ModelFacts
from tonfall.features.rows import Progress, functionals
from tonfall.features.sets import find_set

__all__ = ["ClassicalModel", "Fits", "classical_model"]

Fits = dict[str, Any]
"""What was learnt of each train part, for models of the same recipe that share it."""


@dataclass(frozen=True, slots=True)
class ClassicalModel:
    """A `FoldModel` of functionals and a classifier.

    Attributes:
        recipe: features, classifier and settings.
        cache_folder: of the features.
        workers: processes that compute features.
        progress: called as features are computed.
        degrade: name and function of what test clips go through; train and development do not.
        fits: kept from an earlier run, or None to learn anew each time.
    """

    recipe: ClassicalRecipe
    cache_folder: Path
    workers: int = 1
    progress: Progress | None = None
    degrade: tuple[str, Degrade] | None = None
    fits: Fits | None = field(default=None, compare=False)

    def predict(
        self, train: pd.DataFrame, development: pd.DataFrame, test: pd.DataFrame
    ) -> pd.DataFrame:
        """Probabilities of the test items."""
        fitted, temperature = self._learnt(train, development)
        scores = fitted.scores(self._features(test, self.degrade))
        probabilities = _softmax(scores / temperature)
        table = pd.DataFrame(probabilities, columns=fitted.labels)
        table.insert(0, "item", test["item"].to_numpy())
        return table

    def _learnt(self, train: pd.DataFrame, development: pd.DataFrame) -> tuple[_Fitted, float]:
        """The classifier of both parts, and the temperature; kept for the next condition."""
        key = _content_key(train, development)
        if self.fits is not None and key in self.fits:
            kept: tuple[_Fitted, float] = self.fits[key]
            return kept
        known = pd.concat([train, development], ignore_index=True)
        features, labels = self._features(known), known["label"].to_numpy(object)
        temperature = self._temperature(features, labels, count=len(train))
        learnt = (self._fitted(features, labels), temperature)
        if self.fits is not None:
            self.fits[key] = learnt
        return learnt

    def _features(
        self, items: pd.DataFrame, degrade: tuple[str, Degrade] | None = None
    ) -> FloatArray:
        found = functionals(
            [ClipSound(clip, degrade) for clip in clips_of(items)],
            self.recipe.features,
            folder=self.cache_folder,
            workers=self.workers,
            progress=self.progress,
        )
        return np.where(np.isfinite(found), found, np.float32(np.nan))

    def _fitted(self, features: FloatArray, labels: npt.NDArray[np.object_]) -> _Fitted:
        imputer = load("sklearn.impute").SimpleImputer(keep_empty_features=True)
        scaler = load("sklearn.preprocessing").StandardScaler()
        steps, classifier = _classifier(self.recipe)
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
        if scores.ndim == 1:
            return np.stack([-scores, scores], axis=1) / 2
        return _led_by(scores, self._decided(prepared))

    def _decided(self, prepared: FloatArray) -> npt.NDArray[np.intp]:
        """(items,) place of the label that the classifier itself gives."""
        decided = self.classifier.predict(prepared)
        return np.asarray(np.searchsorted(self.classifier.classes_, decided), np.intp)


def classical_model(
    recipe: str | ClassicalRecipe,
    *,
    cache_folder: Path | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    degrade: tuple[str, Degrade] | None = None,
    fits: Fits | None = None,
) -> tuple[ClassicalModel, ModelFacts]:
    """The model of a recipe, or of a baseline's name such as "egemaps-svm", and facts about it.

    Raises:
        ConfigError: there is none of that name, or scikit-learn or openSMILE is missing.
    """
    read = baseline_recipe(recipe) if isinstance(recipe, str) else recipe
    features = find_set(read.features)
    folder = cache_folder or user_cache() / "features"
    model = ClassicalModel(read, folder, workers, progress, degrade, fits)
    details = {
        "features": f"{features.name} functionals, {library_versions(*features.libraries)}",
        "classifier": f"{read.classifier.in_words}, scikit-learn {load('sklearn').__version__}",
        "scaling": "mean and deviation of the fold's train and development part",
        "recipe": read.model_dump_json(),
    }
    if features.notice:
        details["notice"] = features.notice
    digest = hashlib.sha256(read.model_dump_json().encode()).hexdigest()
    return model, ModelFacts(read.name, "baseline", digest, details=details)


def _classifier(recipe: ClassicalRecipe) -> tuple[tuple[Any, ...], Any]:
    """Steps that prepare scaled features, and the classifier."""
    settings = recipe.classifier
    if isinstance(settings, Svm) and settings.kernel == "rbf":
        return (), RbfSvm(settings.c)
    if isinstance(settings, Svm):
        return (), load("sklearn.svm").SVC(
            C=settings.c, kernel=settings.kernel, class_weight="balanced"
        )
    if isinstance(settings, Forest):
        return (), load("sklearn.ensemble").RandomForestClassifier(
            n_estimators=settings.trees,
            class_weight="balanced_subsample",
            random_state=recipe.seed,
        )
    if isinstance(settings, Mixtures):
        pca = load("sklearn.decomposition").PCA(settings.explained, svd_solver="full")
        return (pca,), ClassMixtures(settings.components, seed=recipe.seed)
    logistic = load("sklearn.linear_model").LogisticRegression(
        C=settings.c, class_weight="balanced", max_iter=2000
    )
    return (), logistic


def _content_key(train: pd.DataFrame, development: pd.DataFrame) -> str:
    """SHA-256 of what is learnt from: items, labels and contents of both parts."""
    digest = hashlib.sha256()
    for part in (train, development):
        digest.update(b"part")
        columns = part.reindex(columns=["item", "label", "hash", "file"])
        for row in columns.itertuples(index=False, name=None):
            digest.update("\x1f".join(map(str, row)).encode() + b"\n")
    return digest.hexdigest()


def _led_by(scores: Values, decided: npt.NDArray[np.intp]) -> Values:
    """Scores whose largest is that of the decided label.

    Where votes of a support vector machine are tied, scikit-learn gives the first of the labels,
    whichever has the larger score; figures must be those that others get from it.
    """
    led = scores.copy()
    rows = np.flatnonzero(scores.argmax(axis=1) != decided)
    led[rows, decided[rows]] = scores[rows].max(axis=1) + 1e-6
    return led


def _softmax(scores: Values) -> Values:
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def _likeliest_temperature(scores: Values, truth: npt.NDArray[np.intp]) -> float:
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        probabilities = _softmax(scores / np.exp(log_temperature))
        return float(-np.log(probabilities[np.arange(len(truth)), truth] + 1e-12).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-4.0, 4.0), method="bounded").x))
