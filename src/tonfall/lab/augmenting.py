"""What training hears of a clip, written as files."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tonfall.errors import ConfigError

if TYPE_CHECKING:
    from tonfall.learn.augmented import Example

__all__ = ["Augmented", "Written", "augment"]

TABLE = "drawn.csv"


@dataclass(frozen=True)
class Written:
    """A file, and what it is of.

    Attributes:
        file: its name in the folder.
        change: as the recipe names it.
        draw: from 1; 0 for what was not changed.
        drawn: what was drawn for it, in words.
        seconds: of sound.
    """

    file: str
    change: str
    draw: int
    drawn: str
    seconds: float


@dataclass(frozen=True)
class Augmented:
    """What was written.

    Attributes:
        folder: of the files; drawn.csv has a row for each.
        files: which.
        notes: sentences on what there is no file of, and why.
    """

    folder: Path
    files: tuple[Written, ...]
    notes: tuple[str, ...]


def augment(
    clip: str | Path,
    recipe: str | Path,
    output: str | Path,
    *,
    draws: int = 3,
    settings: Sequence[str] = (),
) -> Augmented:
    """Write what training makes of a clip, as ``tonfall augment`` does.

    Args:
        clip: a recording; the name of its file seeds what is drawn, with the recipe's seed.
        recipe: path of one whose encoder is a network.
        output: a new folder, or an empty one.
        draws: of each change.
        settings: values in place of the recipe's, as "augmentation.copies=[gsm]".

    Raises:
        AudioError: the clip cannot be read.
        ConfigError: the recipe is wrong, or is of a classifier; the folder holds something; or
            noises, rooms or a library are not there.
    """
    from tonfall.corpora.clips import Clip
    from tonfall.learn.augmented import examples, unheard
    from tonfall.learn.classical.recipe import is_classical
    from tonfall.learn.recipe import read_recipe

    path, folder = Path(clip), Path(output)
    if is_classical(Path(recipe)):
        raise ConfigError(
            f"{recipe}: a classifier learns clips as they are, so there is nothing to hear; name a "
            "recipe with an encoder, such as recipes/medium.yaml."
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder}: it holds something already; name a new folder with -o.")
    read = read_recipe(recipe, settings=settings)
    made = [(each, _written(each)) for each in examples(Clip(path.stem, path), read, draws=draws)]
    try:
        _write(folder, made)
    except OSError as error:
        raise ConfigError(
            f"{folder}: nothing can be written there ({error.strerror or error}); make room, or "
            "name another folder."
        ) from None
    return Augmented(folder, tuple(written for _, written in made), tuple(unheard(read)))


def _written(example: Example) -> Written:
    heard = example.samples is not None
    length = len(example.samples) / 16_000 if example.samples is not None else 0.0
    if example.frames is not None:
        length = len(example.frames) / 100
    return Written(
        file=f"{example.name}.{'wav' if heard else 'png'}",
        change=example.change,
        draw=example.draw,
        drawn=example.drawn,
        seconds=round(length, 3),
    )


def _write(folder: Path, made: Sequence[tuple[Example, Written]]) -> None:
    import soundfile

    folder.mkdir(parents=True, exist_ok=True)
    for example, written in made:
        if example.samples is not None:
            sound = np.clip(example.samples, -1, 1)
            soundfile.write(folder / written.file, sound, 16_000, subtype="PCM_16")
        else:
            _draw(example, folder / written.file)
    with (folder / TABLE).open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "change", "draw", "seconds", "drawn"])
        rows.writerows([w.file, w.change, w.draw, w.seconds, w.drawn] for _, w in made)


def _draw(example: Example, path: Path) -> None:
    """Log-mel frames as a picture: time to the right, bands upwards."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    assert example.frames is not None
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    extent = (0, len(example.frames) / 100, 0, example.frames.shape[1])
    shown = example.frames.T
    least = float(shown.max()) - 6
    image = axes.imshow(shown, origin="lower", aspect="auto", extent=extent, vmin=least)
    figure.colorbar(image, label="log10 power")
    axes.set(xlabel="seconds", ylabel="mel band")
    axes.set_title(f"{example.name}: {example.drawn}" if example.drawn else example.name, size=9)
    figure.savefig(path, dpi=100)
