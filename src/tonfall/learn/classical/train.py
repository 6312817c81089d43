"""From a classical recipe to a bundle that runs without scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from tonfall.arrays import FloatArray
from tonfall.bundle import (
    BaselineSpec,
    Bundle,
    BundleSpec,
    Calibration,
    CorpusUse,
    FrontEnd,
    check_target,
    least_schema_version,
    write_bundle,
)
from tonfall.emotion import LabelSpace
from tonfall.errors import ConfigError
from tonfall.features.rows import Progress
from tonfall.features.sets import SETS
from tonfall.learn.calibrate import Judged, calibrate, calibrate_left_out
from tonfall.learn.card import NONE_LEFT_OUT, corpus_uses, licence_of, unstated, write_card
from tonfall.learn.classical.fit import Fitted, fit
from tonfall.learn.classical.graph import classical_graph
from tonfall.learn.classical.model import clip_features
from tonfall.learn.classical.recipe import ClassicalRecipe
from tonfall.learn.data import calibration_clips, recipe_clips, split_speakers

__all__ = ["train_classical"]

_DEVELOPMENT_EVERY = 8
"""Every eighth speaker of each corpus calibrates the shipped model before it learns from them."""

_NEVER = -1e9
"""Logit of a label that a classifier does not know; finite, so that none of it is still nothing."""

_TRIED = 256
"""Clips on which graph and scikit-learn are compared."""

_PIECE_FRAMES = 100
"""A second: what a window is moved on by."""


def train_classical(
    recipe: ClassicalRecipe,
    target: Path,
    *,
    named: str | None = None,
    figures: Mapping[str, float] | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    say: Callable[[str], object] = lambda _sentence: None,
) -> Bundle:
    """Make the bundle that a classical recipe describes.

    Args:
        recipe: how; it names corpora and labels.
        target: folder of the bundle; replaced whole once everything is done.
        named: how bundle and card call the recipe's file.
        figures: measured under protocols, in percent, for the card.
        workers: processes that compute features.
        progress: called while features are computed.
        say: called with each sentence on what is left out of training, or not known.

    Raises:
        BundleError: the folder holds what is no bundle's.
        ConfigError: the recipe names no corpora or labels, or features that a bundle cannot have;
            too few speakers; a label without clips.
        ManifestError: a corpus is not where the recipe says, or a table of it is wrong.
        AudioError: a clip cannot be read.
    """
    check_target(target)
    _check_trainable(recipe)
    data = _data(recipe, workers=workers, progress=progress, say=say)
    fitted = fit(recipe, data.features, data.names, data.corpora)
    spec = _spec(
        recipe,
        _calibration(recipe, data, fitted, say),
        corpus_uses(recipe.corpora, data.clips),
        named=named or f"{recipe.name}.yaml",
        figures=figures or {},
    )
    for sentence in (
        *unstated(spec.corpora),
        *unstated(spec.calibration.corpora, key="calibration.corpora"),
    ):
        say(sentence)
    graph = classical_graph(
        fitted,
        labels=recipe.labels,
        baseline=recipe.baseline is not None,
        name=recipe.name,
        tried=data.features[:: -(-len(data.features) // _TRIED)],
    )
    return write_bundle(target, spec=spec, model=graph, card=write_card(spec, recipe, data.clips))


@dataclass(frozen=True)
class _Data:
    """Labelled clips and their features.

    Attributes:
        clips: what is learnt.
        features: (clips, features) of these.
        strangers: clips that only calibrate; None where there are none.
        their_features: the same of these.
    """

    clips: pd.DataFrame
    features: FloatArray
    strangers: pd.DataFrame | None
    their_features: FloatArray

    @property
    def names(self) -> npt.NDArray[np.object_]:
        return self.clips["label"].to_numpy(object)

    @property
    def corpora(self) -> npt.NDArray[np.object_]:
        return self.clips["corpus"].to_numpy(object)


def _data(
    recipe: ClassicalRecipe,
    *,
    workers: int,
    progress: Progress | None,
    say: Callable[[str], object],
) -> _Data:
    """The clips of the recipe that have a label, and all features in one go."""
    clips = recipe_clips(recipe, say=say)
    strangers = calibration_clips(recipe, clips, say=say)
    clips = clips[clips["label"].notna()].reset_index(drop=True)
    _check_labels(clips, recipe.labels)
    every = clip_features(
        clips if strangers is None else pd.concat([clips, strangers], ignore_index=True),
        recipe.features,
        workers=workers,
        progress=progress,
    )
    return _Data(clips, every[: len(clips)], strangers, every[len(clips) :])


def _spec(
    recipe: ClassicalRecipe,
    calibration: Calibration,
    uses: tuple[CorpusUse, ...],
    *,
    named: str,
    figures: Mapping[str, float],
) -> BundleSpec:
    front_end = FrontEnd(
        kind="functionals", feature_set=recipe.features, piece_frames=_PIECE_FRAMES
    )
    return BundleSpec(
        schema_version=least_schema_version(front_end, calibration),
        name=recipe.name,
        version=recipe.version,
        description=recipe.description,
        labels=recipe.labels,
        front_end=front_end,
        windows=recipe.windows,
        baseline=_baseline(recipe),
        calibration=calibration,
        licence=recipe.card.licence or licence_of(uses, None),
        corpora=uses,
        figures={name: round(float(value), 2) for name, value in figures.items()},
        recipe=named,
        files={},
    )


def _check_trainable(recipe: ClassicalRecipe) -> None:
    if not recipe.corpora or len(recipe.labels) < 2:
        raise ConfigError(
            f"{recipe.name}: the recipe names no corpora, or fewer than two labels; give corpora "
            "and labels in it, as recipes/egemaps-svm.yaml does, or recordings of your own by "
            "--manifest."
        )
    if recipe.features not in SETS:
        raise ConfigError(
            f"{recipe.name}: the features {recipe.features} are openSMILE's, which a model cannot "
            f"bring along; choose one of {', '.join(SETS)}, or measure it by 'tonfall evaluate'."
        )


def _check_labels(clips: pd.DataFrame, labels: Sequence[str], *, without: str = "") -> None:
    absent = [label for label in labels if label not in set(clips["label"])]
    if absent:
        raise ConfigError(
            f"The training clips{without} have no {', '.join(absent)}; take these out of the "
            "labels, or add clips of other speakers that have them."
        )


def _calibration(
    recipe: ClassicalRecipe, data: _Data, fitted: Fitted, say: Callable[[str], object]
) -> Calibration:
    """Temperature and threshold, chosen on what the judging classifier was fitted without."""
    if data.strangers is not None:
        judged = list(_strangers(recipe, data.strangers, data.their_features, fitted))
        uses = corpus_uses(recipe.calibration_corpora, data.strangers)
        return calibrate_left_out(judged).model_copy(update={"corpora": uses})
    if recipe.calibration == "left_out_corpora":
        judged = list(_left_out(recipe, data))
        if len(judged) > 1:
            return calibrate_left_out(judged)
        say(NONE_LEFT_OUT)
    rest, held_out = split_speakers(data.clips, every=_DEVELOPMENT_EVERY, first=3)
    _check_labels(rest, recipe.labels, without=" without the speakers held out to calibrate")
    at = rest.index
    first = fit(recipe, data.features[at], data.names[at], data.corpora[at])
    logits = _logits(first, data.features[held_out.index], recipe.labels)
    return calibrate(logits, _shares(held_out["label"], recipe.labels))


def _strangers(
    recipe: ClassicalRecipe, clips: pd.DataFrame, features: FloatArray, fitted: Fitted
) -> Iterator[Judged]:
    """Each corpus that nothing is learnt from."""
    for corpus in dict.fromkeys(clips["corpus"]):
        own = (clips["corpus"] == corpus).to_numpy()
        shares = _shares(clips["label"][own], recipe.labels)
        yield Judged(str(corpus), _logits(fitted, features[own], recipe.labels), shares)


def _left_out(recipe: ClassicalRecipe, data: _Data) -> Iterator[Judged]:
    """Each corpus as a classifier of the others judges it, as far as they have its labels."""
    names, corpora = data.names, data.corpora
    for corpus in dict.fromkeys(corpora):
        own = corpora == corpus
        known = set(names[~own])
        tested = own & np.isin(names.astype(str), list(known))
        if len(known) < 2 or not tested.any():
            continue
        others = fit(recipe, data.features[~own], names[~own], corpora[~own])
        logits = _logits(others, data.features[tested], recipe.labels)
        yield Judged(str(corpus), logits, _shares(data.clips["label"][tested], recipe.labels))


def _logits(fitted: Fitted, features: FloatArray, labels: LabelSpace) -> FloatArray:
    """(clips, labels) in the recipe's order."""
    logits = np.full((len(features), len(labels)), _NEVER, np.float32)
    logits[:, [labels.index(label) for label in fitted.labels]] = fitted.scores(features)
    return logits


def _shares(names: pd.Series[str], labels: LabelSpace) -> FloatArray:
    """(clips, labels): one for its label, and zeros."""
    truth: npt.NDArray[np.bool_] = names.to_numpy(object)[:, None] == np.array(labels, object)
    return truth.astype(np.float32)


def _baseline(recipe: ClassicalRecipe) -> BaselineSpec | None:
    """Features are standardised, so training's mean is nothing."""
    if recipe.baseline is None:
        return None
    return BaselineSpec(
        prior_mean=(0.0,) * len(SETS[recipe.features].columns),
        prior_weight_s=recipe.baseline.prior_weight_s,
        gate=recipe.baseline.gate,
    )
