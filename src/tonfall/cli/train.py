"""tonfall train: from a recipe to a bundle."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tonfall.cli.progress import training_bars
from tonfall.errors import ConfigError

if TYPE_CHECKING:
    from tonfall.bundle import Bundle

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
    from tonfall.learn.classical.recipe import is_classical

    order = _Order(recipe, output, figures, tuple(changes or ()), manifest, encoder, quiet)
    bundle = _classical(order) if is_classical(recipe) else _network(order)
    typer.echo(f"{bundle.folder}")


@dataclass(frozen=True)
class _Order:
    """What the command line says."""

    recipe: Path
    output: Path | None
    figures: Path | None
    changes: tuple[str, ...]
    manifest: Path | None
    encoder: str | None
    quiet: bool

    @property
    def named(self) -> str:
        return self.recipe.name if self.recipe.is_absolute() else self.recipe.as_posix()

    def target(self, name: str) -> Path:
        return self.output or Path("runs") / name

    def measured(self, name: str) -> Mapping[str, float] | None:
        from tonfall.learn.card import read_figures

        return read_figures(self.figures).get(name) if self.figures else None


def _network(order: _Order) -> Bundle:
    from tonfall.learn.extras import require_training

    require_training()
    from tonfall.learn.data import with_manifest
    from tonfall.learn.recipe import read_recipe, with_checkpoint
    from tonfall.learn.stage import Runs
    from tonfall.learn.train import train as make

    read = read_recipe(order.recipe, settings=order.changes)
    read = with_checkpoint(read, order.encoder) if order.encoder else read
    read = with_manifest(read, order.manifest, say=_say) if order.manifest else read
    target = order.target(read.name)
    with training_bars(read.name, quiet=order.quiet) as bars:
        return make(
            read,
            target,
            named=order.named,
            figures=order.measured(read.name),
            runs=Runs(target.with_name(f"{target.name}.training"), bars.epochs),
            progress=bars.clips,
            say=_say,
        )


def _classical(order: _Order) -> Bundle:
    from tonfall.learn.extras import require_classical

    require_classical()
    from tonfall.learn.classical.recipe import read_classical
    from tonfall.learn.classical.train import train_classical
    from tonfall.learn.data import with_manifest

    if order.encoder:
        raise ConfigError(
            f"--encoder {order.encoder}: {order.recipe} has a classifier and no encoder; take a "
            "recipe whose encoder.kind is transformers, such as recipes/wavlm-lora.yaml."
        )
    read = read_classical(order.recipe, settings=order.changes)
    read = with_manifest(read, order.manifest, say=_say) if order.manifest else read
    with training_bars(read.name, quiet=order.quiet) as bars:
        return train_classical(
            read,
            order.target(read.name),
            named=order.named,
            figures=order.measured(read.name),
            workers=os.cpu_count() or 1,
            progress=bars.clips,
            say=_say,
        )


def _say(sentence: str) -> None:
    typer.echo(sentence, err=True)
