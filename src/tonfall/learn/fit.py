"""A recipe and labelled clips make a head, its prior and its calibration."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch

from tonfall.arrays import FloatArray
from tonfall.bundle import Calibration
from tonfall.emotion import DIMENSIONS, LabelSpace
from tonfall.errors import ConfigError
from tonfall.evaluation.sites import NEUTRAL_SHARE
from tonfall.learn.calibrate import Judged, JudgedDimensions, calibrate, calibrate_left_out
from tonfall.learn.clips import Pooled, Progress, pool_clips
from tonfall.learn.data import check_every_label, voices
from tonfall.learn.encoders import Encoder
from tonfall.learn.head import Lesson, fit_judge
from tonfall.learn.history import Histories, draw_histories, prior_mean
from tonfall.learn.networks import Judge
from tonfall.learn.offsets import label_offsets, with_offsets
from tonfall.learn.recipe import Recipe
from tonfall.learn.stage import Runs, with_trained
from tonfall.learn.targets import label_shares, row_weights
from tonfall.runtime import gate_weight

__all__ = ["Fitted", "calibrate_on", "fit", "fit_calibrated"]

_NEVER = -1e9
"""Logit of a label that a head does not know; finite, so that none of it is still nothing."""


@dataclass(frozen=True)
class Fitted:
    """A trained head with what it needs beside it.

    Attributes:
        judge: the head.
        prior: (pooled,) mean over the training corpora, moved where labels have offsets.
        labels: the label space.
        calibration: of its probabilities; of temperature 1 where it was not calibrated.
        encoder: whose features it judges.
    """

    judge: Judge
    prior: FloatArray
    labels: LabelSpace
    calibration: Calibration
    encoder: Encoder

    def logits(self, features: FloatArray, baselines: FloatArray) -> FloatArray:
        """(clips, labels) for (clips, pooled) features, each against its baseline."""
        with torch.inference_mode():
            logits, _ = self.judge(torch.from_numpy(features), torch.from_numpy(baselines))
        return np.asarray(logits.numpy(), np.float32)

    def dimensions(self, features: FloatArray, baselines: FloatArray) -> FloatArray:
        """(clips, 3) arousal, valence and dominance in [0, 1]."""
        with torch.inference_mode():
            _, dimensions = self.judge(torch.from_numpy(features), torch.from_numpy(baselines))
        return np.asarray(dimensions.numpy(), np.float32)

    def probabilities(self, features: FloatArray, baselines: FloatArray) -> FloatArray:
        """(clips, labels) in [0, 1], calibrated."""
        logits = torch.from_numpy(self.logits(features, baselines))
        scaled = (logits / self.calibration.temperature).softmax(dim=1)
        return np.asarray(scaled.numpy(), np.float32)


def fit_calibrated(
    recipe: Recipe,
    train: pd.DataFrame,
    development: pd.DataFrame,
    *,
    labels: LabelSpace,
    strangers: pd.DataFrame | None = None,
    runs: Runs | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Fit on train, calibrate on development, then fit on both with that calibration.

    Where the encoder is a network, it is trained first, on train, and stays as it is from then on;
    development says which epoch is the best.

    With strangers the head that is fitted on both is calibrated on these. Without, where the
    recipe wants corpora and not speakers, on the corpora of both, left out one at a time; where
    there are no two that can be, on development all the same.

    Args:
        recipe: how.
        train: rows of manifests; ``label`` in ``labels``, or null where only dimensions are known;
            where votes are learnt, with the shares that `tonfall.learn.targets` gives.
        development: the same of other speakers.
        labels: the label space.
        strangers: the same of two corpora or more that are not learnt from, each clip with a
            label; see `tonfall.learn.data.calibration_clips`.
        runs: where networks are trained.
        progress: called while clips go through the front.
    """
    both = pd.concat([train, development])
    untrained = recipe
    recipe = with_trained(recipe, train, development, labels=labels, runs=runs, progress=progress)
    if strangers is not None:
        whole = fit(recipe, both, labels=labels, progress=progress)
        return calibrate_on(strangers, whole, recipe, progress)
    watch = runs and Runs(epochs=runs.epochs)
    left_out = _judge_left_out(untrained, (train, development), labels, watch, progress)
    if len(left_out) > 1:
        whole = fit(recipe, both, labels=labels, progress=progress)
        return replace(whole, calibration=calibrate_left_out(left_out))
    check_every_label(train, labels, held_out=development)
    first = fit(recipe, train, labels=labels, progress=progress)
    known = development[development["label"].isin(labels)]
    if known.empty:
        raise ConfigError(
            f"None of the clips held out for calibration ({voices(development)}) has a label out "
            f"of {', '.join(labels)}; label them, or add speakers."
        )
    logits, _ = _judge_alone(first, known, recipe, progress)
    calibration = calibrate(logits, label_shares(known, labels))
    whole = fit(recipe, both, labels=labels, progress=progress)
    return replace(whole, calibration=calibration)


def calibrate_on(
    strangers: pd.DataFrame, fitted: Fitted, recipe: Recipe, progress: Progress | None
) -> Fitted:
    """The same head, calibrated on corpora that it was fitted without.

    Args:
        strangers: of two corpora or more, see `tonfall.learn.data.calibration_clips`.
        fitted: the head, of temperature 1.
        recipe: says whether labels get offsets, too.
        progress: called while clips go through the front.
    """
    judged = _judge_strangers(fitted, strangers, recipe, progress)
    calibration = calibrate_left_out(judged, offsets=recipe.calibration_offsets)
    calibrated = replace(fitted, calibration=calibration)
    if not recipe.calibration_offsets:
        return calibrated
    alone = label_offsets([(one.logits, one.shares) for one in judged])
    site = None
    if recipe.baseline is not None:
        site = _site_offsets(calibrated, alone, strangers, recipe, progress)
    judge, prior = with_offsets(fitted.judge, fitted.prior, alone=alone, site=site)
    return replace(calibrated, judge=judge, prior=prior)


def _site_offsets(
    fitted: Fitted,
    alone: FloatArray,
    strangers: pd.DataFrame,
    recipe: Recipe,
    progress: Progress | None,
) -> FloatArray:
    """(labels,) offsets of clips against the mean of their corpus.

    What is in that mean hangs on what the gate hears in clips alone, so these are judged with the
    offsets of clips alone, which are taken out again of the logits against the mean.
    """
    judge, _ = with_offsets(fitted.judge, fitted.prior, alone=alone, site=None)
    hearing = replace(fitted, judge=judge)
    shares = label_shares(strangers, fitted.labels)
    judged = []
    for own in _corpora(strangers):
        logits = _judge_at_site(hearing, strangers[own], recipe, progress) - alone
        judged.append((logits, shares[own]))
    return label_offsets(judged)


def _judge_strangers(
    fitted: Fitted, clips: pd.DataFrame, recipe: Recipe, progress: Progress | None
) -> list[Judged]:
    """Each corpus as a head judges it that was fitted without it, every clip alone."""
    shares = label_shares(clips, fitted.labels)
    found = []
    for own in _corpora(clips):
        logits, dimensions = _judge_alone(fitted, clips[own], recipe, progress)
        found.append(Judged(str(clips["corpus"][own].iloc[0]), logits, shares[own], dimensions))
    return found


def _corpora(clips: pd.DataFrame) -> list[np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """(clips,) for each corpus, in the order in which they come: its own."""
    return [(clips["corpus"] == name).to_numpy() for name in dict.fromkeys(clips["corpus"])]


def _judge_at_site(
    fitted: Fitted, clips: pd.DataFrame, recipe: Recipe, progress: Progress | None
) -> FloatArray:
    """(clips, labels) logits of a corpus's clips against the mean of a site of such clips.

    The mean is one as `tonfall adapt` makes it of many clips, most of them neutral: by seconds of
    speech, as the gate weighs what the head hears in each clip alone.
    """
    assert recipe.baseline is not None
    heard = pool_clips(clips, recipe=recipe, progress=progress)
    prior = np.broadcast_to(fitted.prior, heard.features.shape).copy()
    scores = fitted.probabilities(heard.features, prior)
    gates = [gate_weight(recipe.baseline.gate, fitted.labels, tuple(row)) for row in scores]
    weights = heard.seconds * np.array(gates) * _site_shares(clips)
    if not weights.any():  # the gate holds back all of it, so a site has no mean but the prior
        return fitted.logits(heard.features, prior)
    mean = (weights @ heard.features / weights.sum()).astype(np.float32)
    return fitted.logits(heard.features, np.broadcast_to(mean, heard.features.shape).copy())


def _site_shares(clips: pd.DataFrame) -> FloatArray:
    """(clips,) how many of each clip there are where as many are neutral as at a site."""
    neutral = (clips["label"] == "neutral").to_numpy()
    counts = np.array([max((~neutral).sum(), 1), max(neutral.sum(), 1)])
    shares = np.array([1 - NEUTRAL_SHARE, NEUTRAL_SHARE]) / counts
    return np.asarray(shares[neutral.astype(int)], np.float32)


def _judge_left_out(
    recipe: Recipe,
    parts: tuple[pd.DataFrame, pd.DataFrame],
    labels: LabelSpace,
    runs: Runs | None,
    progress: Progress | None,
) -> list[Judged]:
    """Each corpus as the others judge it, as far as they have its labels, every clip alone.

    A network is trained anew without each.
    """
    if recipe.calibration == "held_out_speakers":
        return []
    clips = pd.concat(parts)
    found = []
    for corpus in clips["corpus"].unique():
        own = clips["corpus"] == corpus
        rest = clips[~own]
        known = tuple(label for label in labels if (rest["label"] == label).any())
        tested = clips[own & clips["label"].isin(known)]
        if len(known) < 2 or tested.empty:
            continue
        train, development = (part[part["corpus"] != corpus] for part in parts)
        frozen = with_trained(
            recipe, train, development, labels=known, runs=runs, progress=progress
        )
        others = fit(frozen, rest, labels=known, progress=progress)
        logits = np.full((len(tested), len(labels)), _NEVER, np.float32)
        places = [labels.index(label) for label in known]
        logits[:, places], dimensions = _judge_alone(others, tested, frozen, progress)
        shares = np.zeros_like(logits)
        shares[:, places] = label_shares(tested, known)
        found.append(Judged(str(corpus), logits, shares, dimensions))
    return found


def _judge_alone(
    fitted: Fitted, clips: pd.DataFrame, recipe: Recipe, progress: Progress | None
) -> tuple[FloatArray, JudgedDimensions]:
    """(clips, labels) logits and the dimensions of clips before which nothing was heard."""
    features = pool_clips(clips, recipe=recipe, progress=progress).features
    prior = np.broadcast_to(fitted.prior, features.shape).copy()
    dimensions = JudgedDimensions(
        predicted=fitted.dimensions(features, prior),
        meant=_dimensions(clips),
        rated=~clips["weak"].to_numpy(bool) if "weak" in clips else np.ones(len(clips), bool),
    )
    return fitted.logits(features, prior), dimensions


def _dimensions(clips: pd.DataFrame) -> FloatArray:
    """(clips, 3) as the table has them, NaN where it does not."""
    return clips.reindex(columns=list(DIMENSIONS)).to_numpy(np.float32, na_value=np.nan)


def fit(
    recipe: Recipe,
    items: pd.DataFrame,
    *,
    labels: LabelSpace,
    progress: Progress | None = None,
) -> Fitted:
    """Fit the head on labelled clips and their copies; the encoder is frozen.

    Raises:
        ConfigError: a label of the label space has no clip.
    """
    check_every_label(items, labels)
    items = items.reset_index(drop=True)
    copies = [
        pool_clips(items, recipe=recipe, copy=copy, progress=progress)
        for copy in ("clip", *recipe.augmentation.copies)
    ]
    prior = np.mean([prior_mean(copy.features, items["corpus"]) for copy in copies], axis=0)
    rng = np.random.default_rng(recipe.seed)
    parts = [_centre(recipe, items, copy, prior, rng) for copy in copies]
    rows = np.concatenate([clips for clips, _, _ in parts])
    centred, baselines = (np.concatenate([part[side] for part in parts]) for side in (1, 2))
    learnt = (baselines - prior).astype(np.float32)
    lesson = _lesson(items.iloc[rows], centred, learnt, labels, recipe)
    # The rows of the clips as they are come first.
    lesson.weights[: len(parts[0][0])] *= recipe.augmentation.clip_weight
    judge = fit_judge(
        lesson,
        strength=recipe.head.strength,
        prior=prior,
        hears_baseline=recipe.head.hears_baseline if recipe.baseline else 0.0,
    )
    return Fitted(
        judge, prior, labels, Calibration(temperature=1, uncertain_below=0), recipe.encoder
    )


def _centre(
    recipe: Recipe,
    items: pd.DataFrame,
    copy: Pooled,
    prior: FloatArray,
    rng: np.random.Generator,
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], FloatArray, FloatArray]:
    """Clips, their features less a baseline, and the baseline: a drawn one, or the prior."""
    if recipe.baseline is None:
        alone = np.broadcast_to(prior, copy.features.shape)
        return np.arange(len(items)), copy.features - alone, alone
    clips = items[["corpus", "speaker", "label"]].assign(seconds=copy.seconds)
    drawn: Histories = draw_histories(clips, recipe=recipe.baseline, rng=rng)
    baselines = drawn.baselines(
        copy.features, prior=prior, prior_weight_s=recipe.baseline.prior_weight_s
    )
    return drawn.clips, copy.features[drawn.clips] - baselines, baselines


def _lesson(
    items: pd.DataFrame,
    centred: FloatArray,
    learnt: FloatArray,
    labels: LabelSpace,
    recipe: Recipe,
) -> Lesson:
    shares = label_shares(items, labels)
    of_corpus = pd.DataFrame(shares > 0).groupby(items["corpus"].to_numpy()).transform("any")
    return Lesson(
        centred=centred.astype(np.float32),
        learnt=learnt,
        targets=shares,
        possible=np.array(of_corpus, dtype=bool),
        weights=row_weights(items, shares, labels, recipe.head.label_weights),
        dimensions=_dimensions(items),
    )
