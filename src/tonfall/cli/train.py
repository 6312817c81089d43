"""tonfall train: from a recipe to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tonfall.cli.progress import training_bars

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
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="A value in place of the recipe's, as in training.epochs=3; may be repeated.",
        ),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            "--manifest",
            help="Recordings of your own in place of the recipe's corpora: a manifest, a table "
            "(CSV) or a folder with a folder for each label.",
        ),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            metavar="MODEL",
            help="A checkpoint in place of the recipe's encoder.model: a folder, or a name on the "
            "Hugging Face hub, as microsoft/wavlm-base.",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Train a model and write it as a bundle.

    A network is trained in a folder beside the bundle, OUTPUT.training; the same command goes on
    where a run was killed.

    Example: tonfall train recipes/small.yaml -o my-model
    """
    from tonfall.learn.extras import require_training

    require_training()
    from tonfall.learn.data import with_manifest
    from tonfall.learn.recipe import read_recipe, with_checkpoint
    from tonfall.learn.stage import Runs
    from tonfall.learn.train import read_figures
    from tonfall.learn.train import train as make

    def say(sentence: str) -> None:
        typer.echo(sentence, err=True)

    read = read_recipe(recipe, settings=changes or ())
    read = with_checkpoint(read, encoder) if encoder else read
    read = with_manifest(read, manifest, say=say) if manifest else read
    measured = read_figures(figures).get(read.name) if figures else None
    target = output or Path("runs") / read.name
    with training_bars(read.name, quiet=quiet) as bars:
        bundle = make(
            read,
            target,
            named=recipe.name if recipe.is_absolute() else recipe.as_posix(),
            figures=measured,
            runs=Runs(target.with_name(f"{target.name}.training"), bars.epochs),
            progress=bars.clips,
            say=say,
        )
    typer.echo(f"{bundle.folder}")
