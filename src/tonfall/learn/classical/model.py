"""Classical models as evaluation measures them: functionals of whole clips and a classifier.

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
from tonfall.evaluation.extras import load
from tonfall.evaluation.running import ModelFacts
from tonfall.features.rows import Progress, functionals
from tonfall.features.sets import find_set
from tonfall.learn.classical.fit import Fitted, fit, likeliest_temperature, softmax
from tonfall.learn.classical.recipe import ClassicalRecipe, baseline_recipe

__all__ = ["ClassicalModel", "Fits", "classical_model", "clip_features"]

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
        probabilities = softmax(scores / temperature)
        table = pd.DataFrame(probabilities, columns=fitted.labels)
        table.insert(0, "item", test["item"].to_numpy())
        return table

    def _learnt(self, train: pd.DataFrame, development: pd.DataFrame) -> tuple[Fitted, float]:
        """The classifier of both parts, and the temperature; kept for the next condition."""
        key = _content_key(train, development)
        if self.fits is not None and key in self.fits:
            kept: tuple[Fitted, float] = self.fits[key]
            return kept
        known = pd.concat([train, development], ignore_index=True)
        features, labels = self._features(known), known["label"].to_numpy(object)
        corpora = known["corpus"].to_numpy(object)
        temperature = self._temperature(features, labels, corpora, count=len(train))
        learnt = (fit(self.recipe, features, labels, corpora), temperature)
        if self.fits is not None:
            self.fits[key] = learnt
        return learnt

    def _features(
        self, items: pd.DataFrame, degrade: tuple[str, Degrade] | None = None
    ) -> FloatArray:
        return clip_features(
            items,
            self.recipe.features,
            folder=self.cache_folder,
            workers=self.workers,
            progress=self.progress,
            degrade=degrade,
        )

    def _temperature(
        self,
        features: FloatArray,
        labels: npt.NDArray[np.object_],
        corpora: npt.NDArray[np.object_],
        *,
        count: int,
    ) -> float:
        """What makes development data likeliest; 1 where there is none, or a class is missing."""
        if count == len(labels) or set(labels[count:]) - set(labels[:count]):
            return 1.0
        fitted = fit(self.recipe, features[:count], labels[:count], corpora[:count])
        truth = np.array([fitted.labels.index(label) for label in labels[count:]])
        return likeliest_temperature(fitted.scores(features[count:]), truth)


def clip_features(
    items: pd.DataFrame,
    feature_set: str,
    *,
    folder: Path | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    degrade: tuple[str, Degrade] | None = None,
) -> FloatArray:
    """Functionals of whole clips, computed once.

    Args:
        items: rows of manifests.
        feature_set: its name.
        folder: where they are kept; in the user's cache by default.
        workers: processes that compute them.
        progress: called as they are computed.
        degrade: name and function of what clips go through first.

    Returns:
        (clips, features) float32, NaN where one is not defined.
    """
    found = functionals(
        [ClipSound(clip, degrade) for clip in clips_of(items)],
        feature_set,
        folder=folder or user_cache() / "features",
        workers=workers,
        progress=progress,
    )
    return np.where(np.isfinite(found), found, np.float32(np.nan))


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
        "recipe": read.measured,
    }
    if features.notice:
        details["notice"] = features.notice
    digest = hashlib.sha256(read.measured.encode()).hexdigest()
    return model, ModelFacts(read.name, "baseline", digest, details=details)


def _content_key(train: pd.DataFrame, development: pd.DataFrame) -> str:
    """SHA-256 of what is learnt from: items, corpora, labels and contents of both parts."""
    digest = hashlib.sha256()
    for part in (train, development):
        digest.update(b"part")
        columns = part.reindex(columns=["item", "corpus", "label", "hash", "file"])
        for row in columns.itertuples(index=False, name=None):
            digest.update("\x1f".join(map(str, row)).encode() + b"\n")
    return digest.hexdigest()
