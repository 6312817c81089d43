"""What a recipe of a classical baseline says: features, a classifier and its settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tonfall.errors import ConfigError
from tonfall.features.opensmile import OPENSMILE
from tonfall.features.sets import SETS
from tonfall.parsing import read_yaml

__all__ = [
    "BASELINES",
    "ClassicalRecipe",
    "Forest",
    "Logistic",
    "Mixtures",
    "Svm",
    "baseline_recipe",
    "is_classical",
    "read_classical",
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Svm(_Part):
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


class Forest(_Part):
    """A random forest, classes balanced."""

    kind: Literal["forest"] = "forest"
    trees: int = Field(default=500, ge=1, le=10_000)

    @property
    def in_words(self) -> str:
        """What a report says."""
        return f"random forest, {self.trees} trees, classes balanced"


class Mixtures(_Part):
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


class Logistic(_Part):
    """Logistic regression, classes balanced; ``c`` is the inverse of its L2 penalty."""

    kind: Literal["logistic"] = "logistic"
    c: float = Field(default=0.01, gt=0)

    @property
    def in_words(self) -> str:
        """What a report says."""
        return f"logistic regression, C = {self.c:g}, classes balanced"


Settings = Annotated[Svm | Forest | Mixtures | Logistic, Field(discriminator="kind")]


class ClassicalRecipe(_Part):
    """The whole of a classical recipe file.

    Attributes:
        features: the set of functionals, as `tonfall features --set` names it.
        classifier: which of scikit-learn's, with its settings.
        seed: of the forest and the mixtures.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    description: str
    features: str
    classifier: Settings
    seed: int = Field(default=0, ge=0)

    @field_validator("features")
    @classmethod
    def _known(cls, name: str) -> str:
        known = (*SETS, *OPENSMILE)
        if name not in known:
            raise ValueError(f"there is no set {name!r}, expected one of {', '.join(known)}")
        return name


_FEATURES = MappingProxyType(
    {
        "egemaps": "egemaps",
        "opensmile-egemaps": "opensmile/eGeMAPSv02",
        "compare": "opensmile/ComParE_2016",
    }
)
_CLASSIFIERS: Mapping[str, Svm | Forest | Mixtures | Logistic] = MappingProxyType(
    {part.kind: part for part in (Svm(), Forest(), Mixtures(), Logistic())}
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


def read_classical(path: Path) -> ClassicalRecipe:
    """Read a classical recipe.

    Raises:
        ConfigError: unreadable, not YAML, or a key or value that does not belong.
    """
    try:
        content = read_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name a recipe.") from None
    except ValueError:
        raise ConfigError(f"{path}: is not YAML; see recipes/baselines for examples.") from None
    try:
        return ClassicalRecipe.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "recipe"
        said = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{path}: {place}: {said}.") from None
