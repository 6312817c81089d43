"""From a recipe to a bundle: fit, calibrate on who was not heard, export, write the card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from tonfall.bundle import (
    BaselineSpec,
    Bundle,
    BundleSpec,
    CorpusUse,
    check_target,
    least_schema_version,
    write_bundle,
)
from tonfall.emotion import DIMENSIONS
from tonfall.learn.card import (
    NONE_LEFT_OUT,
    corpus_uses,
    licence_of,
    unstated,
    unstated_checkpoint,
    write_card,
)
from tonfall.learn.clips import Progress
from tonfall.learn.data import calibration_clips, recipe_clips, split_speakers
from tonfall.learn.export import export_graph
from tonfall.learn.fit import Fitted, fit_calibrated
from tonfall.learn.networks import LoneNetwork, Network, build_front
from tonfall.learn.recipe import Recipe
from tonfall.learn.saved import save_network
from tonfall.learn.stage import Runs

__all__ = ["held_out", "train"]

_DEVELOPMENT_EVERY = 8
"""Every eighth speaker of each corpus calibrates the shipped model before it learns from them."""


def train(
    recipe: Recipe,
    target: Path,
    *,
    named: str | None = None,
    figures: Mapping[str, float] | None = None,
    runs: Runs | None = None,
    progress: Progress | None = None,
    say: Callable[[str], object] = lambda _sentence: None,
) -> Bundle:
    """Make the bundle that a recipe describes.

    The shipped head learns from every speaker of the recipe's corpora, so it can be measured on
    none of them: the figures on its card come from the same recipe under speaker-disjoint
    protocols.

    Args:
        recipe: how.
        target: folder of the bundle; replaced whole once everything is done.
        named: how bundle and card call the recipe's file.
        figures: measured under protocols, in percent, for the card.
        runs: where networks are trained; by default in the cache. Its folder, if it names one, gets
            what `tonfall.learn.saved.read_network` needs.
        progress: called while clips go through the front.
        say: called with each sentence on what is left out of training, or not known.

    Raises:
        BundleError: the folder holds what is no bundle's.
        ConfigError: too few speakers, or a label without clips, or a corpus that only calibrates
            has no label of the recipe or a sound that is learnt.
        ManifestError: a corpus is not where the recipe says, or a table of it is wrong.
        AudioError: a clip cannot be read.
    """
    check_target(target)
    clips = recipe_clips(recipe, say=say)
    strangers = calibration_clips(recipe, clips, say=say)
    rest, development = held_out(clips)
    fitted = fit_calibrated(
        recipe,
        rest,
        development,
        labels=recipe.labels,
        strangers=strangers,
        runs=runs,
        progress=progress,
    )
    if recipe.calibration == "left_out_corpora" and fitted.calibration.left_out is None:
        say(NONE_LEFT_OUT)
    front = build_front(fitted.encoder, recipe.front_end)
    network = (Network if recipe.baseline else LoneNetwork)(front, fitted.judge).eval()
    frames = recipe.front_end.context_frames + recipe.front_end.piece_frames
    graph = export_graph(network, frames=frames, int8=recipe.encoder.int8)
    uses = corpus_uses(recipe.corpora, clips)
    others = () if strangers is None else corpus_uses(recipe.calibration_corpora, strangers)
    sentences = [*unstated(uses), *unstated(others, key="calibration.corpora")]
    for sentence in (*sentences, *unstated_checkpoint(recipe.encoder)):
        say(sentence)
    calibration = fitted.calibration.model_copy(update={"corpora": others})
    fitted = replace(fitted, calibration=calibration)
    spec = _spec(recipe, fitted, clips, uses, named or f"{recipe.name}.yaml", figures or {})
    bundle = write_bundle(target, spec=spec, model=graph, card=write_card(spec, recipe, clips))
    if runs and runs.folder:
        save_network(runs.folder, recipe, fitted.judge, fitted.encoder)
    return bundle


def held_out(clips: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rest, and the speakers who calibrate the shipped model before it learns from them.

    Raises:
        ConfigError: too few speakers.
    """
    return split_speakers(clips, every=_DEVELOPMENT_EVERY, first=3)


def _spec(
    recipe: Recipe,
    fitted: Fitted,
    clips: pd.DataFrame,
    uses: tuple[CorpusUse, ...],
    named: str,
    figures: Mapping[str, float],
) -> BundleSpec:
    return BundleSpec(
        schema_version=least_schema_version(recipe.front_end, fitted.calibration),
        name=recipe.name,
        version=recipe.version,
        description=recipe.description,
        labels=recipe.labels,
        dimensions=DIMENSIONS,
        dimensions_weak=bool(clips["weak"].any()),
        front_end=recipe.front_end,
        windows=recipe.windows,
        baseline=_baseline(recipe, fitted),
        calibration=fitted.calibration,
        licence=recipe.card.licence or licence_of(uses, recipe.encoder),
        corpora=uses,
        figures={name: round(float(value), 2) for name, value in figures.items()},
        recipe=named,
        files={},
    )


def _baseline(recipe: Recipe, fitted: Fitted) -> BaselineSpec | None:
    if recipe.baseline is None:
        return None
    return BaselineSpec(
        prior_mean=tuple(float(value) for value in np.round(fitted.prior, 6)),
        prior_weight_s=recipe.baseline.prior_weight_s,
        gate=recipe.baseline.gate,
    )
