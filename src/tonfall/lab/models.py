"""What can be measured: bundles, recipes, predictions and functions, as a user refers to them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pandas as pd

from tonfall.errors import ConfigError
from tonfall.evaluation.items import without_silent
from tonfall.evaluation.protocols import TEST, Protocol
from tonfall.evaluation.running import FoldModel, ModelFacts
from tonfall.lab.bundle_scores import bundle_scores
from tonfall.lab.functions import Judge, callable_model, load_callable
from tonfall.lab.predictions import PredictionTable, onto_labels, read_predictions
from tonfall.lab.progress import Stage
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
    from tonfall.learn.recipe import Recipe
    from tonfall.runtime import Predictor

__all__ = [
    "Candidate",
    "Reference",
    "Setting",
    "baseline_facts",
    "baseline_model",
    "find_candidate",
    "fitted_recipe",
    "is_fitted",
    "is_table",
    "recipe_places",
    "shown",
]

Reference = str | Path | Judge
"""A bundle's name or folder, a recipe's path, a baseline's name, a table of predictions,
``module:function``, or a function itself."""

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
        stage: what is told of the steps.
        calibrated: False where only labels are wanted, not how sure they are.
    """

    protocol: Protocol
    items: pd.DataFrame
    degradation: Degradation | None = None
    workers: int | None = None
    stage: Stage = field(default_factory=lambda: Stage(""))
    calibrated: bool = True

    def tested(self) -> pd.DataFrame:
        """Rows of every test item that sounds."""
        table = self.protocol.table
        sounding, _ = without_silent(self.items)
        return sounding[sounding["item"].isin(table.loc[table["part"] == TEST, "item"])]


Candidate = Callable[[Setting], tuple[FoldModel, ModelFacts]]
"""Makes the model for one setting; what it learnt for one degradation serves the next."""


def find_candidate(reference: Reference, *, degraded: bool = False) -> Candidate:
    """What a user means by a model.

    Args:
        reference: which.
        degraded: True where it is to be measured on degraded audio too.

    Raises:
        ConfigError: it is none of what can be measured, or cannot be measured so.
        BundleError: a bundle's file is missing or altered.
    """
    if not isinstance(reference, str | Path):
        if not callable(reference):
            raise ConfigError(
                f"{type(reference).__name__} was given for a model, but a name, a path or a "
                "function was expected; measure several by tonfall.lab.measure."
            )
        return _function(*callable_model(reference))
    path, reference = Path(reference), str(reference)
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
        return _function(*load_callable(reference))
    return _bundle(reference)


def shown(reference: Reference) -> str:
    """As it is written where a command is shown."""
    if isinstance(reference, str | Path):
        return str(reference)
    return callable_model(reference)[1].name


def is_table(reference: Reference) -> bool:
    """True for predictions: all there is to say against them can be said before measuring."""
    return isinstance(reference, str | Path) and Path(reference).suffix in _TABLES


def is_fitted(reference: Reference) -> bool:
    """True for what is fitted anew for each fold: recipes, baselines and functions."""
    if not isinstance(reference, str | Path):
        return True
    path = Path(reference)
    if path.is_dir() or path.suffix in _TABLES:
        return False
    return str(reference) in BASELINES or path.suffix in _RECIPES or ":" in str(reference)


def fitted_recipe(reference: Reference) -> Recipe | None:
    """The recipe that `tonfall train` takes; None where the model is another kind.

    Raises:
        ConfigError: it cannot be read, or PyTorch is missing.
    """
    if not isinstance(reference, str | Path):
        return None
    path = Path(reference)
    if path.suffix not in _RECIPES or is_classical(path):
        return None
    from tonfall.learn.extras import require_training

    require_training()
    from tonfall.learn.recipe import read_recipe

    return read_recipe(path)


def baseline_model(reference: Reference) -> Recipe | Predictor:
    """A model with a baseline: a recipe, or a bundle that is loaded.

    Raises:
        ConfigError: it is neither.
    """
    from tonfall.bundle import bundled_models
    from tonfall.runtime import load

    recipe = fitted_recipe(reference)
    if recipe is not None:
        return recipe
    if isinstance(reference, str | Path) and (
        str(reference) in bundled_models() or Path(reference).is_dir()
    ):
        return load(reference)
    named = getattr(reference, "__name__", str(reference))
    raise ConfigError(
        f"{named!r} cannot be measured under calls or site: expected a bundle, or a "
        "recipe of an encoder; a classical recipe is trained first, and its bundle named."
    )


def baseline_facts(reference: Reference) -> ModelFacts:
    """What a report on calls or a site says of such a model."""
    path = Path(str(reference))
    kind = "recipe" if path.suffix in _RECIPES else "bundle"
    return ModelFacts(path.stem if kind == "recipe" else path.name, kind)


def recipe_places(references: Iterable[Reference]) -> dict[str, Path]:
    """Where the recipes among models say that their corpora are, so far as they are there.

    Raises:
        ConfigError: a recipe cannot be read.
    """
    from tonfall.learn.recipe import read_recipe

    named = [Path(each) for each in references if isinstance(each, str | Path)]
    files = [path for path in named if path.suffix in _RECIPES]
    recipes = [read_classical(file) if is_classical(file) else read_recipe(file) for file in files]
    pairs = [pair for recipe in recipes for pair in recipe.places.items()]
    return {name: place for name, place in pairs if place.exists()}


def _classical(recipe: ClassicalRecipe) -> Candidate:
    fits: Fits = {}

    def make(setting: Setting) -> tuple[FoldModel, ModelFacts]:
        import os

        chain = setting.degradation
        return classical_model(
            recipe,
            workers=setting.workers or os.cpu_count() or 1,
            progress=setting.stage.clips,
            degrade=None if chain is None else (chain.key, chain),
            fits=fits,
        )

    return make


def _recipe(path: Path) -> Candidate:
    recipe = fitted_recipe(path)
    assert recipe is not None
    from tonfall.lab.recipe_models import watched_model
    from tonfall.learn.fit import Fitted

    fits: dict[str, Fitted] = {}
    text = path.read_text(encoding="utf-8")
    facts = ModelFacts(
        recipe.name,
        "recipe",
        hashlib.sha256(text.encode()).hexdigest(),
        details={"description": recipe.description, "recipe": text},
    )

    def make(setting: Setting) -> tuple[FoldModel, ModelFacts]:
        model = watched_model(
            recipe,
            setting.stage,
            degrade=setting.degradation,
            kept=fits,
            calibrated=setting.calibrated,
        )
        return model, facts

    return make


def _function(model: FoldModel, facts: ModelFacts) -> Candidate:
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
        offsets=spec.calibration.offsets,
    )

    def make(setting: Setting) -> tuple[FoldModel, ModelFacts]:
        scores = bundle_scores(
            bundle.folder,
            setting.tested(),
            degrade=setting.degradation,
            workers=setting.workers,
            progress=setting.stage.clips,
        )
        return PredictionTable(onto_labels(scores, setting.protocol)), facts

    return make
