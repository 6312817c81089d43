"""What is to be measured: models, a protocol, conditions, and where the corpora are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tonfall.corpora import Places, read_places
from tonfall.errors import ConfigError
from tonfall.evaluation.protocols import FOUR, Rules
from tonfall.evaluation.protocols.making import DEFAULT
from tonfall.lab.models import Reference, recipe_places, shown

if TYPE_CHECKING:
    from tonfall.learn.degrade import Degradation

__all__ = ["Data", "Experiment", "check_output", "find_places", "slug"]

Data = Mapping[str, str | Path] | Sequence[str]
"""Corpora that are not where Tonfall looks by itself: by name, each a manifest, a table or the
folder of a release; or as ``--data`` takes them, such as "mine=my.parquet"."""


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
        words += ["--nested"] if self.nested else []
        words += ["--seed", str(self.rules.seed)] if self.rules.seed else []
        words += ["--allow-shared-speakers"] if self.rules.allow_shared_speakers else []
        return shlex.join(words)


def find_places(data: Data | None, models: Sequence[Reference] = ()) -> Places:
    """Where each corpus is.

    In order: what is given, manifests in ``manifests/``, releases in $TONFALL_DATA and in
    ``../shared/data``, and what the recipes among the models name.

    Raises:
        ManifestError: a place that is given is not there, or a corpus is given twice.
        ConfigError: a recipe cannot be read.
    """
    given = data if data is not None else ()
    if isinstance(given, Mapping):
        given = [f"{name}={place}" for name, place in given.items()]
    return {**recipe_places(models), **read_places(given)}


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
