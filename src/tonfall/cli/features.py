"""tonfall features: acoustic features of recordings as a table or a picture."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tonfall.cli.data import QuietOption
from tonfall.cli.progress import count_bar

if TYPE_CHECKING:
    import pandas as pd

    from tonfall.features.extract import Per, Stretches

__all__ = ["features"]


class Rows(StrEnum):
    """What a row of the table stands for."""

    FILE = "file"
    WINDOW = "window"
    TURN = "turn"
    FRAME = "frame"


_PER: dict[Rows, Per] = {
    Rows.FILE: "file",
    Rows.WINDOW: "window",
    Rows.TURN: "file",
    Rows.FRAME: "frame",
}


def features(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Recordings, or folders of them.")
    ] = None,
    set_name: Annotated[
        str, typer.Option("--set", help="egemaps, prosody, spectrum or mfcc.")
    ] = "egemaps",
    per: Annotated[
        Rows,
        typer.Option(help="A row a file, a window of 3 s every second, a turn, or 10 ms."),
    ] = Rows.FILE,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A .csv or .parquet file; else CSV to the screen."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw a recording's pitch, formants and loudness to this .png or .svg."),
    ] = None,
    show_list: Annotated[
        bool, typer.Option("--list", help="Say what every set and descriptor is, and leave.")
    ] = False,
    workers: Annotated[
        int, typer.Option("--workers", "-j", min=1, help="Processes; a file is done by one.")
    ] = 1,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Keep what was computed, by content.")
    ] = True,
    quiet: QuietOption = False,
) -> None:
    """Acoustic features: eGeMAPS, prosody, spectrum, cepstra.

    What is undefined (no voice, too short) is empty. Channels are averaged.

    Example: tonfall features *.wav --set egemaps -o features.parquet
    """
    from tonfall.corpora.contents import cache_folder
    from tonfall.errors import ConfigError

    if show_list:
        typer.echo(_listing())
        return
    paths = _recordings(files or [])
    if not paths:
        raise ConfigError("No recording is named. Name files or folders, or ask for --list.")
    if output is not None and output.suffix not in (".csv", ".parquet"):
        raise ConfigError(f"{output}: ends with {output.suffix!r}, expected .csv or .parquet.")
    if plot is not None:
        _draw(paths, plot)
        if output is None:
            return
    from tonfall.features.extract import extract

    with count_bar("Extracting", quiet=quiet) as progress:
        table = extract(
            paths,
            set_name,
            per=_PER[per],
            stretches=_turns(paths) if per is Rows.TURN else None,
            cache_folder=cache_folder() / "features" if cache else None,
            workers=workers,
            progress=progress,
        )
    _write(table, output)


def _recordings(files: Sequence[Path]) -> list[Path]:
    """Files as they are named; of folders, every recording in them, sorted."""
    found: list[Path] = []
    for path in files:
        found += sorted(_inside(path)) if path.is_dir() else [path]
    return found


_SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".aiff", ".aif", ".au", ".webm"}


def _inside(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES]


def _turns(paths: Sequence[Path]) -> Stretches:
    """Where somebody speaks, by voice activity of the averaged channels."""
    from tonfall.features.extract import read_samples
    from tonfall.features.framing import RATE
    from tonfall.vad import detect

    return {
        str(path): [
            (turn.start / RATE, turn.end / RATE) for turn in detect(read_samples(path)[None])[0]
        ]
        for path in paths
    }


def _write(table: pd.DataFrame, output: Path | None) -> None:
    import sys

    from tonfall.corpora.storage import replacing

    if output is None:
        table.to_csv(sys.stdout, float_format="%.6g")
        return
    with replacing(output) as partial:
        if output.suffix == ".csv":
            table.to_csv(partial, float_format="%.6g")
        else:
            table.to_parquet(partial)


def _draw(paths: Sequence[Path], plot: Path) -> None:
    from tonfall.errors import ConfigError
    from tonfall.features.extract import read_samples
    from tonfall.features.picture import draw

    if len(paths) != 1:
        raise ConfigError(f"--plot draws one recording, but {len(paths)} are named. Name one.")
    if plot.suffix not in (".png", ".svg"):
        raise ConfigError(f"{plot}: ends with {plot.suffix!r}, expected .png or .svg.")
    draw(read_samples(paths[0]), plot, title=paths[0].name)


def _listing() -> str:
    from tonfall.features.sets import SETS

    lines = []
    for each in SETS.values():
        lines += [f"{each.name}: {each.what} ({len(each.columns)} numbers)", ""]
        lines += [
            f"  {one.name}{f' [{one.unit}]' if one.unit else ''}: {one.definition} ({one.source})"
            for one in each.descriptors
        ]
        lines.append("")
    return "\n".join(lines).rstrip()
