"""tonfall train: from a recipe to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tonfall.cli.progress import count_bar

__all__ = ["train"]


def train(
    recipe: Annotated[Path, typer.Argument(help="Recipe file, YAML.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder of the bundle; runs/NAME by default."),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option("--figures", help="Figures for the card, from benchmarks.accuracy --json."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Train a model and write it as a bundle.

    Example: tonfall train recipes/small.yaml -o my-model
    """
    _require_training()
    from tonfall.learn.recipe import read_recipe
    from tonfall.learn.train import read_figures
    from tonfall.learn.train import train as make

    read = read_recipe(recipe)
    measured = read_figures(figures).get(read.name) if figures else None
    with count_bar(f"{read.name}: clips through the front", quiet=quiet) as progress:
        bundle = make(
            read,
            output or Path("runs") / read.name,
            named=recipe.name if recipe.is_absolute() else recipe.as_posix(),
            figures=measured,
            progress=progress,
            say=lambda sentence: typer.echo(sentence, err=True),
        )
    typer.echo(f"{bundle.folder}")


def _require_training() -> None:
    from importlib.util import find_spec

    from tonfall.errors import ConfigError

    missing = [name for name in ("torch", "onnx") if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"Training needs {' and '.join(missing)}, which the run time does without; run: "
            'pip install "tonfall[train]"'
        )
