"""A recipe as a model that evaluation can measure: fitted anew for each fold."""

from __future__ import annotations

import hashlib
from collections.abc import MutableMapping, Sequence

import numpy as np
import pandas as pd

from tonfall.arrays import FloatArray
from tonfall.bundle import BaselineSpec
from tonfall.emotion import DIMENSIONS
from tonfall.emotion.maps import LabelMap
from tonfall.evaluation.heard import MEANT
from tonfall.learn.clips import Pooled, Progress, pool_clips
from tonfall.learn.encode import Degrade
from tonfall.learn.fit import Fitted, fit, fit_calibrated
from tonfall.learn.recipe import BaselineRecipe, Recipe
from tonfall.learn.stage import Runs, with_trained
from tonfall.learn.targets import with_shares
from tonfall.runtime import Baseline, gate_weight, prior_baseline

__all__ = ["RecipeModel", "heard_alone", "judge_calls"]


class RecipeModel:
    """Fits a recipe on each fold's train part and scores its test part, each clip alone.

    Args:
        recipe: how; its own label space and corpora are not used, the protocol's are.
        degrade: what the test clips go through; development and training clips do not.
        progress: called while clips go through the front.
        runs: where networks are trained, and who is told of it.
        kept: what was fitted, by what it was fitted on; models of one recipe may share it.
        calibrated: False where only labels are wanted, which no temperature changes: that saves
            the fits that calibrate.
    """

    def __init__(
        self,
        recipe: Recipe,
        *,
        degrade: Degrade | None = None,
        progress: Progress | None = None,
        runs: Runs | None = None,
        kept: MutableMapping[str, Fitted] | None = None,
        calibrated: bool = True,
    ) -> None:
        self.recipe = recipe
        self._degrade = degrade
        self._progress = progress
        self._runs = runs
        self._kept = {} if kept is None else kept
        self._calibrated = calibrated

    def fit(self, train: pd.DataFrame, development: pd.DataFrame) -> Fitted:
        """Fit on a fold, or take what was fitted on the same rows.

        The label space is that of its train part. Votes are learnt of the corpora of which the
        recipe says so, where the fold has them.
        """
        key = f"{self._calibrated}/{_key(train, development)}"
        if key not in self._kept:
            self._kept[key] = self._fit(train, development)
        return self._kept[key]

    def _fit(self, train: pd.DataFrame, development: pd.DataFrame) -> Fitted:
        labels = tuple(sorted(train["label"].dropna().unique()))
        merge = {name: to for name, to in self.recipe.merge.items() if name not in labels}
        train, development = (
            with_shares(part, self.recipe.targets, LabelMap(merge=merge, keep=labels))
            for part in (train, development)
        )
        if MEANT in train:  # what was meant may be no label of the protocol
            train, development = (part[part["label"].notna()] for part in (train, development))
        if not self._calibrated:
            frozen = with_trained(
                self.recipe,
                train,
                development,
                labels=labels,
                runs=self._runs,
                progress=self._progress,
            )
            both = pd.concat([train, development])
            return fit(frozen, both, labels=labels, progress=self._progress)
        return fit_calibrated(
            self.recipe,
            train,
            development,
            labels=labels,
            runs=self._runs,
            progress=self._progress,
        )

    def predict(
        self, train: pd.DataFrame, development: pd.DataFrame, test: pd.DataFrame
    ) -> pd.DataFrame:
        """Item, a probability a label, arousal, valence and dominance for each test clip."""
        fitted = self.fit(train, development)
        features = self.pool(test, fitted).features
        prior = np.broadcast_to(fitted.prior, features.shape).copy()
        scores = np.concatenate(
            [fitted.probabilities(features, prior), fitted.dimensions(features, prior)], axis=1
        )
        table = pd.DataFrame(scores, columns=[*fitted.labels, *DIMENSIONS])
        table.insert(0, "item", test["item"].to_numpy())
        return table

    def pool(self, items: pd.DataFrame, fitted: Fitted) -> Pooled:
        """Clips to be tested as the fitted model sees them, degraded if asked for."""
        return pool_clips(
            items,
            recipe=self.recipe.model_copy(update={"encoder": fitted.encoder}),
            degrade=self._degrade,
            progress=self._progress,
        )


def judge_calls(
    fitted: Fitted,
    pooled: Pooled,
    calls: Sequence[Sequence[int]],
    *,
    baseline: BaselineRecipe | None,
    priors: FloatArray | None = None,
    prior_weight_s: float | None = None,
) -> list[FloatArray]:
    """Judge composed calls clip by clip, each against what was heard before it.

    Args:
        fitted: the head.
        pooled: every clip that occurs.
        calls: for each call, the indices of its clips in order.
        baseline: None to judge every clip against the prior alone.
        priors: (calls, pooled) that each call starts from; the head's own by default.
        prior_weight_s: seconds of speech that these count for; as in the baseline by default.

    Returns:
        For each call, (clips, labels) probabilities.
    """
    results = [np.zeros((len(call), len(fitted.labels)), np.float32) for call in calls]
    prior_weight = prior_weight_s or (float(baseline.prior_weight_s) if baseline else 1.0)
    own = np.tile(fitted.prior.astype(np.float64), (len(calls), 1))
    totals = prior_weight * (own if priors is None else priors.astype(np.float64))
    weights = np.full(len(calls), prior_weight)
    for position in range(max(map(len, calls), default=0)):
        active = np.array([n for n, call in enumerate(calls) if len(call) > position])
        clips = np.array([calls[n][position] for n in active])
        means = (totals[active] / weights[active, None]).astype(np.float32)
        probabilities = fitted.probabilities(pooled.features[clips], means)
        for n, row in zip(active, probabilities, strict=True):
            results[n][position] = row
        if baseline:
            gates = [gate_weight(baseline.gate, fitted.labels, tuple(row)) for row in probabilities]
            added = np.asarray(gates) * pooled.seconds[clips]
            totals[active] += added[:, None] * pooled.features[clips]
            weights[active] += added
    return results


def heard_alone(fitted: Fitted, clips: Pooled, baseline: BaselineRecipe) -> list[Baseline]:
    """A baseline a clip, as `tonfall adapt` hears recordings: the head's prior, then this clip."""
    spec = BaselineSpec(
        prior_mean=tuple(fitted.prior.tolist()),
        prior_weight_s=baseline.prior_weight_s,
        gate=baseline.gate,
    )
    start = prior_baseline(spec, "fitted")
    prior = np.broadcast_to(fitted.prior, clips.features.shape).copy()
    scores = fitted.probabilities(clips.features, prior)
    return [
        start.updated(
            pooled,
            seconds=float(seconds),
            gate=gate_weight(baseline.gate, fitted.labels, tuple(row)),
        )
        for pooled, seconds, row in zip(clips.features, clips.seconds, scores, strict=True)
    ]


def _key(*parts: pd.DataFrame) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(b"part")
        for row in part[["item", "label"]].astype(str).itertuples(index=False, name=None):
            digest.update("\x1f".join(row).encode() + b"\n")
    return digest.hexdigest()
