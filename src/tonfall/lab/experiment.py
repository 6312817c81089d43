"""What is to be measured: models, a protocol, conditions, and where the corpora are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

from tonfall.corpora import Places, read_places
from tonfall.errors import ConfigError
from tonfall.evaluation.protocols import FOUR, Rules
from tonfall.evaluation.protocols.making import DEFAULT
from tonfall.lab.models import Reference, recipe_places, shown

if TYPE_CHECKING:
    from tonfall.learn.degrade import Degradation

__all__ = [
    "Data",
    "Experiment",
    "check_output",
    "find_places",
    "given_corpora",
    "one_or_more",
    "slug",
]

T = TypeVar("T")

Data = Mapping[str, str | Path] | Sequence[str | Path] | str | Path
"""Corpora that are not where Tonfall looks by itself: by name, each a manifest, a table or the
folder of a release; or one or a list of what ``--data`` takes, such as "mine=my.parquet"."""


@dataclass(frozen=True)
class Experiment:
    """Models by conditions under a protocol.

    Attributes:
        models: as the user refers to them.
        protocol: its name, or matrix/CORPORA, calls/CORPORA or site/CORPORA.
        places: of the corpora.
        degradations: conditions beside clean audio.
        lists: folder of fold lists that the package lacks, or None.
        rules: seed of development speakers, folds and intervals; whether to go on where test
            speakers or recordings were heard in training.
        workers: processes; None for as many as there are cores.
        nested: chooses among the models for each left-out corpus, instead of measuring each.
    """

    models: tuple[Reference, ...]
    protocol: str
    places: Places
    degradations: tuple[Degradation, ...] = ()
    lists: Path | None = None
    rules: Rules = DEFAULT
    workers: int | None = None
    nested: bool = False

    def __post_init__(self) -> None:
        """Take one model for a list of one, and paths that are strings."""
        object.__setattr__(self, "models", tuple(one_or_more(self.models)))
        object.__setattr__(self, "protocol", str(self.protocol))
        object.__setattr__(self, "lists", Path(self.lists) if self.lists is not None else None)
        if wrong := [each for each in self.degradations if isinstance(each, str)]:
            raise ConfigError(
                f"{wrong[0]!r} was given for a degradation; tonfall.lab.read_conditions makes "
                "degradations of names."
            )

    @property
    def family(self) -> str:
        """The protocol's first part, such as "loso"."""
        return self.protocol.partition("/")[0]

    @property
    def named_corpora(self) -> list[str]:
        """Those that the protocol's name gives: emodb and emovo of calls/emodb+emovo."""
        return [name for name in self.protocol.partition("/")[2].split("+") if name]

    @property
    def corpora_at_hand(self) -> list[str]:
        """Corpora that calls and site take by default.

        Those of loco/four that are there; else all that are; else what is missing is told.
        """
        return [name for name in FOUR if name in self.places] or list(self.places) or list(FOUR)

    def command(self, *models: Reference) -> str:
        """What makes the result again, but for where things lie."""
        words = ["tonfall", "evaluate", *map(shown, models), "--protocol", self.protocol]
        if self.degradations:
            words += ["--degrade", ",".join(chain.name for chain in self.degradations)]
        words += ["--protocols", str(self.lists)] if self.lists else []
        words += ["--nested"] if self.nested else []
        words += ["--seed", str(self.rules.seed)] if self.rules.seed else []
        words += ["--allow-shared-speakers"] if self.rules.allow_shared_speakers else []
        return shlex.join(words)


def find_places(data: Data | None, models: Reference | Sequence[Reference] = ()) -> Places:
    """Where each corpus is.

    In order: what is given, manifests in ``manifests/``, releases in $TONFALL_DATA and in
    ``../shared/data``, and what the recipes among the models name.

    Raises:
        ManifestError: a place that is given is not there, or a corpus is given twice.
        ConfigError: a recipe cannot be read.
    """
    return {**recipe_places(one_or_more(models)), **read_places(given_corpora(data))}


def given_corpora(data: Data | None) -> list[str]:
    """Corpora as ``--data`` takes them, such as "mine=my.parquet"."""
    if isinstance(data, Mapping):
        return [f"{name}={place}" for name, place in data.items()]
    given: list[str | Path] = one_or_more(data)
    return [str(each) for each in given]


def one_or_more(given: T | Iterable[T] | None) -> list[T]:
    """A list of what is given; of one name, path or function a list of one, of None none.

    >>> one_or_more("ravdess"), one_or_more(["ravdess", "emodb"]), one_or_more(None)
    (['ravdess'], ['ravdess', 'emodb'], [])
    """
    if given is None:
        return []
    if isinstance(given, str | Path) or not isinstance(given, Iterable):
        return [given]
    return list(given)


def check_output(folder: Path) -> None:
    """ConfigError where nothing can be written: known before hours of measuring, not after."""
    places = (folder.absolute(), *folder.absolute().parents)
    there = next(place for place in places if place.exists())
    try:
        TemporaryDirectory(dir=there, prefix=".probe-").cleanup()
    except OSError as error:
        raise ConfigError(
            f"{folder}: no reports can be written there ({error.strerror}). "
            "Name another folder with --output."
        ) from None


def slug(name: str) -> str:
    """A name for a file or folder."""
    return re.sub(r"[^\w.-]+", "-", name).strip(".-") or "unnamed"
