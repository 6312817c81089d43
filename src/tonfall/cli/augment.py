"""tonfall augment: hear what training hears."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["augment"]


def augment(
    clip: Annotated[Path, typer.Argument(help="A recording, any format.")],
    recipe: Annotated[Path, typer.Option("--recipe", "-r", help="Recipe file, YAML.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A new folder for the files.")],
    draws: Annotated[
        int, typer.Option("--draws", min=1, max=100, help="How many of each change.")
    ] = 3,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="A value in place of the recipe's, as in augmentation.copies=[gsm].",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> None:
    """Write what training makes of a clip: each change by name, several draws, and what was drawn.

    Copies are sounds; changes of frames are sounds where a network takes the waveform, and pictures
    of log-mel frames where it takes these. drawn.csv has a row for each file.

    Example: tonfall augment clip.wav --recipe recipes/medium.yaml -o heard/
    """
    import json
    from dataclasses import asdict

    from tonfall.lab import augment as make
    from tonfall.learn.extras import require_training

    require_training()
    made = make(clip, recipe, output, draws=draws, settings=tuple(changes or ()))
    for note in made.notes:
        typer.echo(note, err=True)
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in made.files], indent=1))
        return
    widest = max(len(each.file) for each in made.files)
    for each in made.files:
        typer.echo(f"{each.file:<{widest}}  {each.seconds:6.2f} s  {each.drawn}".rstrip())
    typer.echo(f"{made.folder}")
