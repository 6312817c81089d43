"""What ``tonfall evaluate`` takes as a model: bundles, recipes, predictions and functions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pandas as pd

from tonfall.errors import ConfigError
from tonfall.evaluation.items import without_silent
from tonfall.evaluation.protocols import TEST, Protocol
from tonfall.evaluation.running import FoldModel, ModelFacts
from tonfall.lab.predictions import (
    PredictionTable,
    load_callable,
    onto_labels,
    read_predictions,
)
from tonfall.learn.classical.model import Fits, classical_model
from tonfall.learn.classical.recipe import (
    BASELINES,
    ClassicalRecipe,
    baseline_recipe,
    is_classical,
    read_classical,
)

if TYPE_CHECKING:
    from tonfall.learn.degrade import Degradation

__all__ = ["Candidate", "Setting", "find_candidate", "is_table", "recipe_places"]

_RECIPES = frozenset({".yaml", ".yml"})
_TABLES = frozenset({".csv", ".parquet"})


@dataclass(frozen=True)
class Setting:
    """What a model is measured in.

    Attributes:
        protocol: the folds.
        items: the protocol's items, as it names them.
        degradation: what test audio goes through, or None.
        workers: processes; None for as many as there are cores.
        progress: called with clips done and all.
        calibrated: False where only labels are wanted, not how sure they are.
    """

    protocol: Protocol
    items: pd.DataFrame
    degradation: Degradation | None
    workers: int | None
    progress: Callable[[int, int], None] | None
    calibrated: bool = True

    def tested(self) -> pd.DataFrame:
        """Rows of every test item that sounds."""
        table = self.protocol.table
        sounding, _ = without_silent(self.items)
        return sounding[sounding["item"].isin(table.loc[table["part"] == TEST, "item"])]


Candidate = Callable[[Setting], tuple[FoldModel, ModelFacts]]
"""Makes the model for one setting; what it learnt for one degradation serves the next."""


def find_candidate(reference: str, *, degraded: bool = False) -> Candidate:
    """What a user means by MODEL.

    Args:
        reference: a bundle, a recipe, a baseline's name, a table, or module:function.
        degraded: True where it is to be measured on degraded audio too.

    Raises:
        ConfigError: it is none of what can be measured, or cannot be measured so.
        BundleError: a bundle's file is missing or altered.
    """
    path = Path(reference)
    if reference in BASELINES:
        return _classical(baseline_recipe(reference))
    if path.suffix in _RECIPES:
        return _classical(read_classical(path)) if is_classical(path) else _recipe(path)
    if is_table(reference):
        if degraded:
            raise ConfigError(
                f"{path}: predictions are of the audio that they were made from, so --degrade "
                "cannot be applied. Give a bundle, a recipe or a function."
            )
        return lambda setting: read_predictions(
            path, setting.protocol, silent=without_silent(setting.items)[1]
        )
    if ":" in reference and not path.exists():
        return _function(reference)
    return _bundle(reference)


def is_table(reference: str) -> bool:
    """True for predictions: all there is to say against them can be said before measuring."""
    return Path(reference).suffix in _TABLES


def recipe_places(references: Iterable[str]) -> dict[str, Path]:
    """Where the recipes among models say that their corpora are, so far as they are there.

    Raises:
        ConfigError: a recipe cannot be read.
    """
    from tonfall.learn.recipe import read_recipe

    files = [Path(reference) for reference in references if Path(reference).suffix in _RECIPES]
    recipes = [read_classical(file) if is_classical(file) else read_recipe(file) for file in files]
    named = [pair for recipe in recipes for pair in recipe.places.items()]
    return {name: place for name, place in named if place.exists()}


def _classical(recipe: ClassicalRecipe) -> Candidate:
    fits: Fits = {}

    def make(setting: Setting) -> tuple[FoldModel, ModelFacts]:
        import os

        chain = setting.degradation
        return classical_model(
            recipe,
            workers=setting.workers or os.cpu_count() or 1,
            progress=setting.progress,
            degrade=None if chain is None else (chain.key, chain),
            fits=fits,
        )

    return make


def _recipe(path: Path) -> Candidate:
    from tonfall.learn.extras import require_training

    require_training()
    from tonfall.learn.fit import Fitted
    from tonfall.learn.fold import RecipeModel
    from tonfall.learn.recipe import read_recipe

    recipe = read_recipe(path)
    fits: dict[str, Fitted] = {}
    text = path.read_text(encoding="utf-8")
    facts = ModelFacts(
        recipe.name,
        "recipe",
        hashlib.sha256(text.encode()).hexdigest(),
        details={"description": recipe.description, "recipe": text},
    )

    def make(setting: Setting) -> tuple[FoldModel, ModelFacts]:
        model = RecipeModel(
            recipe,
            degrade=setting.degradation,
            progress=setting.progress,
            kept=fits,
            calibrated=setting.calibrated,
        )
        return model, facts

    return make


def _function(reference: str) -> Candidate:
    model, facts = load_callable(reference)
    return lambda setting: (_Degraded(model, setting.degradation), facts)


@dataclass(frozen=True)
class _Degraded:
    """A model that reads files itself: it is given degraded copies of the test clips."""

    model: FoldModel
    degradation: Degradation | None

    def predict(
        self, train: pd.DataFrame, development: pd.DataFrame, test: pd.DataFrame
    ) -> pd.DataFrame:
        if self.degradation is None:
            return self.model.predict(train, development, test)
        with TemporaryDirectory() as folder:
            copies = _degraded_copies(test, self.degradation, Path(folder))
            return self.model.predict(train, development, copies)


def _degraded_copies(test: pd.DataFrame, chain: Degradation, folder: Path) -> pd.DataFrame:
    import soundfile

    from tonfall.corpora.clips import clips_of, read_clip
    from tonfall.timeline import SAMPLING_RATE

    paths = []
    for number, clip in enumerate(clips_of(test)):
        paths.append(str(folder / f"{number}.wav"))
        waveform = chain(read_clip(clip), clip.item)
        soundfile.write(paths[-1], waveform, SAMPLING_RATE, subtype="FLOAT")
    return test.assign(file=paths, start=0.0, end=None)


def _bundle(reference: str) -> Candidate:
    from tonfall.bundle import bundled_models, read_bundle

    if reference not in bundled_models() and not Path(reference).is_dir():
        raise ConfigError(
            f"{reference!r} is nothing that can be measured: expected a bundle "
            f"({', '.join(bundled_models())}, or a folder), a baseline ({', '.join(BASELINES)}), "
            "a recipe (.yaml), predictions (.csv, .parquet), or a function as module:name."
        )
    bundle = read_bundle(reference)
    spec = bundle.spec
    facts = ModelFacts(
        spec.name,
        "bundle",
        bundle.hash,
        tuple(corpus.name for corpus in spec.corpora),
        {"description": spec.description, "version": spec.version, "licence": spec.licence},
        calibrated_on=tuple(corpus.name for corpus in spec.calibration.corpora),
    )

    def make(setting: Setting) -> tuple[FoldModel, ModelFacts]:
        from tonfall.lab.bundle_scores import bundle_scores

        scores = bundle_scores(
            bundle.folder,
            setting.tested(),
            degrade=setting.degradation,
            workers=setting.workers,
            progress=setting.progress,
        )
        return PredictionTable(onto_labels(scores, setting.protocol)), facts

    return make
