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
    from tonfall.errors import TonfallError
    from tonfall.features.row_tasks import Order, Per, Sound

__all__ = ["features"]


class Rows(StrEnum):
    """What a row of the table stands for."""

    FILE = "file"
    WINDOW = "window"
    TURN = "turn"
    FRAME = "frame"


_ROWS = 50_000
"""Rows that are made into a table at once: eight minutes of frames."""

_PER: dict[Rows, Per] = {Rows.FILE: "file", Rows.WINDOW: "window", Rows.FRAME: "frame"}


def features(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Recordings, folders of them, or manifests (.csv, .parquet)."),
    ] = None,
    set_names: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="egemaps, prosody, spectrum, mfcc, or one of openSMILE's; see --list.",
            show_default="egemaps",
        ),
    ] = None,
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
        int | None,
        typer.Option(
            "--workers", "-j", min=1, help="Processes for many files; a file is done by one."
        ),
    ] = None,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Keep what was computed, by content.")
    ] = True,
    quiet: QuietOption = False,
) -> None:
    """Acoustic features: eGeMAPS, prosody, spectrum, cepstra; openSMILE's where it is installed.

    What is undefined (no voice, too short) is empty. Channels are averaged. A row of a manifest is
    a recording. What was finished is kept, so a run that was stopped goes on where it was.

    Example: tonfall features *.wav --set egemaps -o features.parquet
    """
    from tonfall.cli.feature_tables import SUFFIXES
    from tonfall.cli.serving import keep_to_one_thread
    from tonfall.errors import ConfigError

    keep_to_one_thread()
    if show_list:
        typer.echo(_listing())
        return
    if output is not None and output.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"{output}: ends with {output.suffix!r}, expected .csv or .parquet.")
    order = _order(_one_set(set_names or ["egemaps"]), per, cache=cache)
    sounds = _sounds(files or [])
    if plot is not None:
        _draw(sounds, plot)
        if output is None:
            return
    failed = _write(sounds, order, output, workers=workers, quiet=quiet)
    if len(sounds) == 1 and failed:
        raise failed[0]
    if failed:
        _say(failed, of=len(sounds))
        raise typer.Exit(1)


def _one_set(names: Sequence[str]) -> str:
    from tonfall.errors import ConfigError

    if len(names) > 1:
        raise ConfigError(
            f"{len(names)} sets are asked for ({', '.join(names)}), but a table is of one. "
            "Run the command for each, with an output of its own."
        )
    return names[0]


def _order(set_name: str, per: Rows, *, cache: bool) -> Order:
    from tonfall.contents import cache_folder
    from tonfall.features.row_tasks import Order
    from tonfall.features.sets import find_set

    find_set(set_name)  # One sentence for a wrong name, before anything is read.
    folder = cache_folder() / "features" if cache else None
    if per is Rows.TURN:
        from tonfall.cli.feature_turns import by_turns

        return Order(set_name, split=by_turns(), folder=folder)
    return Order(set_name, _PER[per], folder=folder)


def _sounds(named: Sequence[Path]) -> list[Sound]:
    """The recordings that are meant, each once; ConfigError where there are none."""
    from tonfall.errors import ConfigError

    if not named:
        raise ConfigError("No recording is named. Name files or folders, or ask for --list.")
    found = list(dict.fromkeys(sound for path in named for sound in _inside(path)))
    if not found:
        raise ConfigError(
            f"{named[0]}: holds no recording, expected files such as .wav, .flac, .mp3 or .mp4. "
            "Name the files themselves, if they end otherwise."
        )
    return found


def _inside(path: Path) -> list[Sound]:
    """A recording, every one of a folder in order of path, or of a manifest in its own."""
    from tonfall.cli.feature_tables import SUFFIXES
    from tonfall.corpora.rows import AUDIO_SUFFIXES, VIDEO_SUFFIXES, audio_files
    from tonfall.features.recordings import Recording

    if path.is_dir():
        return [Recording(file) for file in audio_files(path, AUDIO_SUFFIXES | VIDEO_SUFFIXES)]
    if path.suffix.lower() in SUFFIXES:
        return _items(path)
    return [Recording(path)]


def _items(path: Path) -> list[Sound]:
    import pandas as pd

    from tonfall.corpora import Manifest
    from tonfall.corpora.clips import clips_of
    from tonfall.corpora.sounds import ClipSound

    manifest = Manifest.read(path)
    files = pd.Series(manifest.paths, index=manifest.frame.index, dtype=object)
    return [ClipSound(clip) for clip in clips_of(manifest.frame.assign(file=files))]


def _write(
    sounds: Sequence[Sound], order: Order, output: Path | None, *, workers: int | None, quiet: bool
) -> list[TonfallError]:
    """Write what can be computed; give back what is to say of the rest."""
    import os

    from tonfall.cli.feature_tables import TableWriter
    from tonfall.errors import TonfallError
    from tonfall.features.extract import as_table
    from tonfall.features.row_tasks import Task
    from tonfall.features.rows import rows_of

    failed: list[TonfallError] = []
    count = min(workers or os.cpu_count() or 1, len(sounds))
    found = rows_of([Task(sound) for sound in sounds], order, workers=count)
    with count_bar("recordings", quiet=quiet) as progress, TableWriter(output) as writer:
        for done, (sound, rows) in enumerate(zip(sounds, found, strict=True), 1):
            if isinstance(rows, TonfallError):
                failed.append(rows)
            else:
                for part in rows.parts(_ROWS):
                    writer.write(as_table([(sound.file, sound.start, part)], order.columns))
            if progress is not None:
                progress(done, len(sounds))
    return failed


def _say(failed: Sequence[TonfallError], *, of: int) -> None:
    from tonfall.cli.console import one_line

    for error in failed:
        typer.echo(one_line(str(error)), err=True)
    typer.echo(f"{len(failed)} of {of} recordings failed.", err=True)


def _draw(sounds: Sequence[Sound], plot: Path) -> None:
    from tonfall.errors import ConfigError
    from tonfall.features.picture import draw

    if len(sounds) != 1:
        raise ConfigError(f"--plot draws one recording, but {len(sounds)} are named. Name one.")
    if plot.suffix.lower() not in (".png", ".svg"):
        raise ConfigError(f"{plot}: ends with {plot.suffix!r}, expected .png or .svg.")
    draw(sounds[0].samples(), plot, title=sounds[0].file.name)


def _listing() -> str:
    from tonfall.features.opensmile import NOTICE, OPENSMILE
    from tonfall.features.sets import SETS

    lines = []
    for each in SETS.values():
        contours, numbers = len(each.frame_columns), len(each.columns)
        lines += [f"{each.name}: {each.what} ({contours} contours, {numbers} numbers)"]
        lines += [f"  {each.statistics}", ""]
        lines += [
            f"  {one.name}{f' [{one.unit}]' if one.unit else ''}: {one.definition} ({one.source})"
            for one in each.descriptors
        ]
        lines.append("")
    lines += [f"{name}: {what}" for name, what in OPENSMILE.items()]
    lines += ["", f"  Only with openSMILE (pip install 'tonfall[opensmile]'). {NOTICE}"]
    return "\n".join(lines)
