"""What test audio goes through: degradations as a user writes them, with the noises for testing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tonfall.corpora import data_folders
from tonfall.errors import ConfigError
from tonfall.learn.degrade import parse_degradation

if TYPE_CHECKING:
    from tonfall.lab.experiment import Experiment
    from tonfall.learn.degrade import Degradation

__all__ = ["ALL_CONDITIONS", "MATRIX", "TEST_NOISES", "check_conditions", "read_conditions"]

ALL_CONDITIONS = (
    "telephone",
    "noise:20",
    "noise:10",
    "noise:0",
    "room",
    "loss:5",
    "mp3:32",
    "level:-30",
    "crop:0.6",
)
"""What ``--degrade all`` stands for."""

TEST_NOISES = ("babble_restaurant", "street_city", "office_babble_made", "train_inside")
"""Noises that the recipes keep for testing; all of a folder that has none of them."""

MATRIX = "matrix"
"""The protocol of every pair of corpora."""


def read_conditions(
    names: str | Sequence[str], *, acoustics: str | Path | None = None
) -> tuple[Degradation, ...]:
    """Degradations as ``--degrade`` takes them: names parted by commas, chains with +, or "all".

    Args:
        names: such as "telephone,noise:20+room", or a list of them; nothing for clean audio alone.
        acoustics: folder of noises and rooms; by default ``noise`` beside the corpora.

    Raises:
        ConfigError: there is none of that name, or it is named twice.
    """
    text = names if isinstance(names, str) else ",".join(map(str, names))
    chosen = [name.strip() for name in text.split(",") if name.strip()]
    if chosen == ["all"]:
        chosen = list(ALL_CONDITIONS)
    if len(set(chosen)) < len(chosen):
        raise ConfigError(f"--degrade {text} names a condition twice. Give each once.")
    folder = Path(acoustics) if acoustics else _noise_folder()
    return tuple(
        parse_degradation(name, acoustics=folder, noises=_test_noises(folder)) for name in chosen
    )


def check_conditions(experiment: Experiment) -> None:
    """ConfigError where both matrices are asked for at once, or noises or rooms are not there."""
    if experiment.degradations and experiment.family == MATRIX:
        raise ConfigError(
            f"--degrade does not go with --protocol {experiment.protocol}: the matrix of corpora "
            "is of clean audio. Ask for one of them."
        )
    for chain in experiment.degradations:
        if any(step in ("noise", "room") for step, _ in chain.steps):
            chain.sounds()


def _noise_folder() -> Path | None:
    found = (folder / "noise" for folder in data_folders())
    return next((folder for folder in found if folder.is_dir()), None)


def _test_noises(folder: Path | None) -> tuple[str, ...]:
    if folder is None:
        return ()
    there = {path.stem for path in folder.iterdir() if path.suffix in (".flac", ".wav")}
    return tuple(name for name in TEST_NOISES if name in there)
