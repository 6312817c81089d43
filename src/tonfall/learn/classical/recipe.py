"""What a classical recipe says: features, a classifier, and what a bundle is to be made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from tonfall.bundle import Gate, Windows
from tonfall.emotion import CATEGORIES
from tonfall.errors import ConfigError
from tonfall.features.opensmile import OPENSMILE
from tonfall.features.sets import SETS
from tonfall.learn.recipe import (
    CalibrationCorpora,
    CalibrationData,
    Card,
    Corpora,
    CorpusRecipe,
    Targets,
    first_problem,
    in_folder,
    with_setting,
)
from tonfall.learn.schema import Part
from tonfall.parsing import read_yaml

__all__ = [
    "BASELINES",
    "ClassicalBaseline",
    "ClassicalRecipe",
    "Discriminant",
    "Forest",
    "Logistic",
    "Mixtures",
    "Svm",
    "baseline_recipe",
    "is_classical",
    "read_classical",
]


class Svm(Part):
    """A support vector machine, classes balanced; ``c`` is the price of an item on the wrong side.

    >>> Svm().in_words
    'support vector machine, rbf kernel, C = 1, classes balanced'
    """

    kind: Literal["svm"] = "svm"
    kernel: Literal["rbf", "linear"] = "rbf"
    c: float = Field(default=1.0, gt=0)

    @property
    def in_words(self) -> str:
        """What a report says."""
        return f"support vector machine, {self.kernel} kernel, C = {self.c:g}, classes balanced"


class Forest(Part):
    """A random forest, classes balanced."""

    kind: Literal["forest"] = "forest"
    trees: int = Field(default=500, ge=1, le=10_000)

    @property
    def in_words(self) -> str:
        """What a report says."""
        return f"random forest, {self.trees} trees, classes balanced"


class Mixtures(Part):
    """Gaussian mixtures after principal components that explain a share of the variance."""

    kind: Literal["gmm"] = "gmm"
    components: int = Field(default=4, ge=1, le=256)
    explained: float = Field(default=0.95, gt=0, lt=1)

    @property
    def in_words(self) -> str:
        """What a report says."""
        return (
            f"Gaussian mixtures, {self.components} diagonal components a class after principal "
            f"components that explain {100 * self.explained:g} %, classes alike"
        )


class Logistic(Part):
    """Logistic regression, classes balanced; ``c`` is the inverse of its L2 penalty."""

    kind: Literal["logistic"] = "logistic"
    c: float = Field(default=0.01, gt=0)

    @property
    def in_words(self) -> str:
        """What a report says."""
        return f"logistic regression, C = {self.c:g}, classes balanced"


class Discriminant(Part):
    """A linear discriminant; ``shrinkage`` is the share of the covariance that is evened out.

    Attributes:
        shrinkage: towards the same variance of every feature, and none in common.
    """

    kind: Literal["discriminant"] = "discriminant"
    shrinkage: float = Field(default=0.1, gt=0, le=1)

    @property
    def in_words(self) -> str:
        """What a report says."""
        return (
            f"linear discriminant, covariance shrunk by {self.shrinkage:g}, corpora and classes "
            "balanced"
        )


Classifier = Svm | Forest | Mixtures | Logistic | Discriminant
Settings = Annotated[Classifier, Field(discriminator="kind")]


class ClassicalBaseline(Part):
    """How the features of what was heard before are subtracted.

    Attributes:
        prior_weight_s: seconds of speech that the prior, the mean of training, counts for.
        gate: how much a judged window moves the baseline.
    """

    prior_weight_s: float = Field(gt=0, le=600)
    gate: Gate


class ClassicalRecipe(Part):
    """The whole of a classical recipe file.

    What is below ``seed`` is of the bundle: a protocol brings corpora and labels of its own.

    Attributes:
        features: the set of functionals, as `tonfall features --set` names it.
        classifier: which of scikit-learn's, with its settings.
        seed: of the forest and the mixtures.
        corpora: what is learnt from, by name.
        labels: the label space of the bundle.
        merge: labels that count as another.
        windows: how much sound is judged as one.
        baseline: None to judge every window against training's mean.
        calibration: what temperature and threshold are chosen on.
        card: what the card says beside what is known.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    description: str
    features: str
    classifier: Settings
    seed: int = Field(default=0, ge=0)
    version: str = "1"
    corpora: Corpora = Field(default_factory=dict)
    labels: tuple[str, ...] = ()
    merge: dict[str, str] = Field(default_factory=dict)
    windows: Windows = Windows(pieces=3, minimum_speech_s=0.5)
    baseline: ClassicalBaseline | None = None
    calibration: CalibrationData = "held_out_speakers"
    card: Card = Card()

    @property
    def places(self) -> dict[str, Path]:
        """Where each corpus is, by name."""
        return {name: corpus.place for name, corpus in self.corpora.items()}

    @property
    def calibration_corpora(self) -> Corpora:
        """Corpora that only calibrate; none where the training corpora do."""
        return self.calibration.corpora if isinstance(self.calibration, CalibrationCorpora) else {}

    @property
    def targets(self) -> dict[str, Targets]:
        """What is learnt of each corpus's clips, by name: their labels."""
        return {name: corpus.targets for name, corpus in self.corpora.items()}

    @property
    def measured(self) -> str:
        """What a measured figure hangs on, as JSON."""
        return self.model_dump_json(
            include={"name", "description", "features", "classifier", "seed"}
        )

    @field_validator("features")
    @classmethod
    def _known(cls, name: str) -> str:
        known = (*SETS, *OPENSMILE)
        if name not in known:
            raise ValueError(f"there is no set {name!r}, expected one of {', '.join(known)}")
        return name

    @model_validator(mode="after")
    def _check_labels(self) -> ClassicalRecipe:
        names = {*self.labels, *self.merge, *self.merge.values()}
        unknown = sorted(names - set(CATEGORIES))
        if unknown:
            raise ValueError(
                f"unknown categories: {', '.join(unknown)}; choose from {', '.join(CATEGORIES)}"
            )
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("a label is named twice")
        held = set(self.baseline.gate.held) - set(self.labels) if self.baseline else set()
        if held:
            raise ValueError(f"baseline.gate.held names {', '.join(sorted(held))}, no label of it")
        voted = [name for name, what in self.targets.items() if what != "intended"]
        if voted:
            raise ValueError(
                f"corpora.{voted[0]}.targets: a classifier learns labels and not votes; leave out "
                "targets"
            )
        both = sorted(set(self.corpora) & set(self.calibration_corpora))
        if both:
            raise ValueError(
                f"{both[0]} stands in corpora and in calibration.corpora, but how sure to be of "
                "strangers cannot be chosen on what is learnt; name it once"
            )
        return self


_FEATURES = MappingProxyType(
    {
        "egemaps": "egemaps",
        "opensmile-egemaps": "opensmile/eGeMAPSv02",
        "compare": "opensmile/ComParE_2016",
    }
)
_CLASSIFIERS: Mapping[str, Classifier] = MappingProxyType(
    {part.kind: part for part in (Svm(), Forest(), Mixtures(), Logistic(), Discriminant())}
)

BASELINES = tuple(f"{features}-{kind}" for features in _FEATURES for kind in _CLASSIFIERS)
"""Names of the classical baselines, as `evaluate` takes them; each has a file in recipes/."""


def baseline_recipe(name: str) -> ClassicalRecipe:
    """The recipe of a baseline by its name, such as "egemaps-svm".

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in BASELINES:
        raise ConfigError(f"There is no baseline {name!r}. Choose one of {', '.join(BASELINES)}.")
    features, _, kind = name.rpartition("-")
    chosen, settings = _FEATURES[features], _CLASSIFIERS[kind]
    return ClassicalRecipe(
        name=name,
        description=f"{chosen} functionals; {settings.in_words}.",
        features=chosen,
        classifier=settings,
    )


def is_classical(path: Path) -> bool:
    """True where the YAML file is a classical recipe, by its keys; False where it is not YAML."""
    try:
        content = read_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and "classifier" in content


def read_classical(path: Path, *, settings: Sequence[str] = ()) -> ClassicalRecipe:
    """Read a classical recipe; paths in it are made absolute.

    Args:
        path: of the file.
        settings: values in place of the file's, each as "classifier.c=3".

    Raises:
        ConfigError: unreadable, not YAML, or a key or value that does not belong.
    """
    try:
        content = read_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name a recipe.") from None
    except ValueError:
        raise ConfigError(f"{path}: is not YAML; see recipes/baselines for examples.") from None
    for setting in settings:
        content = with_setting(content, setting)
    try:
        recipe = ClassicalRecipe.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_problem(error, _MODELS)}") from None
    folder, calibration = path.resolve().parent, recipe.calibration
    if isinstance(calibration, CalibrationCorpora):
        if calibration.offsets:
            raise ConfigError(
                f"{path}: calibration.offsets is for recipes with an encoder, and this is one of a "
                "classifier; take it out."
            )
        calibration = CalibrationCorpora(corpora=in_folder(calibration.corpora, folder))
    places = {"corpora": in_folder(recipe.corpora, folder), "calibration": calibration}
    return recipe.model_copy(update=places)


_MODELS = (
    ClassicalRecipe,
    ClassicalBaseline,
    CorpusRecipe,
    CalibrationCorpora,
    Card,
    Windows,
    Gate,
    Svm,
    Forest,
    Mixtures,
    Logistic,
    Discriminant,
)
