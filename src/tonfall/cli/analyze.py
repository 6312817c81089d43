"""tonfall analyze: recordings into timelines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tonfall.cli.options import ChannelsOption, SpeakersOption

if TYPE_CHECKING:
    from tonfall.audio import Encoding, RawFormat

__all__ = ["analyze"]

BASELINE_CHOICES = ("on", "off")
_ONE_FILE = "-j changes nothing here: it spreads files over processes, and there is one file."


def analyze(
    files: Annotated[
        list[str], typer.Argument(help="Recordings; - for raw samples from standard input.")
    ],
    model: Annotated[
        str, typer.Option("--model", "-m", help="medium, small, or a bundle's folder.")
    ] = "medium",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for the outputs; the current one by default."),
    ] = None,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            help="Files to write: json,csv,turns,parquet,textgrid,rttm,webvtt,elan,audacity.",
        ),
    ] = "",
    plot: Annotated[str, typer.Option("--plot", help="Pictures to write: png,svg,html.")] = "",
    baseline: Annotated[
        str,
        typer.Option("--baseline", help="on: against what was heard before; off: alone."),
    ] = "on",
    customer: Annotated[
        int | None,
        typer.Option(
            "--customer",
            help="Judge this channel only (0, 1, ...), or this speaker of a single channel.",
        ),
    ] = None,
    speakers: SpeakersOption = "auto",
    channels: ChannelsOption = "auto",
    denoise: Annotated[
        bool, typer.Option("--denoise", help="Turn noise down first, where there is much of it.")
    ] = False,
    features: Annotated[
        bool,
        typer.Option(
            "--features",
            help="Measure pitch, loudness, syllables a second and harmonics to noise, too.",
        ),
    ] = False,
    raw: Annotated[
        str | None,
        typer.Option("--raw", help="No header: ENCODING,RATE,CHANNELS, as s16le,8000,1."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", "-j", min=1, help="Processes for many files; a file is done by one."
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress bar and no notes; results only.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the timeline as JSON instead of a table.")
    ] = False,
) -> None:
    """Turn recordings into timelines of emotion.

    Prints a table of turns and a summary for each speaker; for several files, a line each.
    Nothing is written unless --format or --plot asks for it.

    Example: tonfall analyze call.wav --plot html -o out
    """
    from tonfall.cli.serving import keep_to_one_thread

    keep_to_one_thread()
    from tonfall.analysis.channels import read_channels
    from tonfall.analysis.outputs import check_outputs

    formats, plots = _names(format_), _names(plot)
    check_outputs(formats=formats, plots=plots)
    read_channels(channels)
    with_baseline, count = _read_baseline(baseline), read_speakers(speakers)
    files = list(dict.fromkeys(files))
    if len(files) > 1:
        from tonfall.cli.batch import analyze_many

        _refuse_in_batch(raw=raw, as_json=as_json, standard_input="-" in files)
        analyze_many(
            files,
            model=model,
            baseline=with_baseline,
            customer=customer,
            speakers=count,
            denoise=denoise,
            channels=channels,
            features=features,
            folder=output or Path(),
            formats=formats,
            plots=plots,
            workers=workers,
            quiet=quiet,
        )
        return
    if workers and workers > 1 and not quiet:
        typer.echo(_ONE_FILE, err=True)
    _analyze_one(
        files[0],
        model=model,
        baseline=with_baseline,
        customer=customer,
        speakers=count,
        denoise=denoise,
        channels=channels,
        features=features,
        folder=output or Path(),
        formats=formats,
        plots=plots,
        raw=_read_raw(raw),
        quiet=quiet,
        as_json=as_json,
    )


def _analyze_one(
    file: str,
    *,
    model: str,
    baseline: bool,
    customer: int | None,
    speakers: int | None,
    denoise: bool,
    channels: str,
    features: bool,
    folder: Path,
    formats: tuple[str, ...],
    plots: tuple[str, ...],
    raw: RawFormat | None,
    quiet: bool,
    as_json: bool,
) -> None:
    from tonfall.analysis import analyze as run
    from tonfall.analysis.exports import export
    from tonfall.audio import printable
    from tonfall.cli.console import one_line
    from tonfall.cli.progress import seconds_bar
    from tonfall.cli.tables import print_analysis

    with seconds_bar(one_line(printable(file)), quiet=quiet) as progress:
        analysis = run(
            file,
            model=model,
            baseline=baseline,
            customer=customer,
            speakers=speakers,
            denoise=denoise,
            channels=channels,
            features=features,
            raw=raw,
            progress=progress,
        )
    written = []
    if formats or plots:
        from tonfall.analysis.outputs import write_outputs

        written = write_outputs(analysis, folder, formats=formats, plots=plots, raw=raw)
    if as_json:
        typer.echo(export(analysis.timeline, "json").decode(), nl=False)
    else:
        print_analysis(analysis)
    if not quiet:
        for path in written:
            typer.echo(f"wrote {one_line(printable(path))}", err=True)


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _read_baseline(text: str) -> bool:
    from tonfall.errors import ConfigError

    if text not in BASELINE_CHOICES:
        raise ConfigError(f"--baseline is {text!r}, but it is on or off.")
    return text == "on"


def read_speakers(text: str) -> int | None:
    """What --speakers says: None for auto.

    Raises:
        ConfigError: neither that nor a number.
    """
    from tonfall.errors import ConfigError

    if text == "auto":
        return None
    if not text.isdecimal():
        raise ConfigError(f"--speakers is {text!r}, but it is auto, or a number from 1 to 4.")
    return int(text)


def _read_raw(text: str | None) -> RawFormat | None:
    from tonfall.audio import RawFormat
    from tonfall.errors import ConfigError

    if text is None:
        return None
    parts = text.split(",")
    if len(parts) != 3 or not all(part.strip().isdecimal() for part in parts[1:]):
        raise ConfigError(
            f"--raw is {text!r}, but it takes ENCODING,RATE,CHANNELS, such as s16le,8000,1."
        )
    # An unknown name is refused by RawFormat, which lists the known ones.
    encoding = cast("Encoding", parts[0].strip())
    return RawFormat(encoding=encoding, sampling_rate=int(parts[1]), channels=int(parts[2]))


def _refuse_in_batch(*, raw: str | None, as_json: bool, standard_input: bool) -> None:
    from tonfall.errors import ConfigError

    for given, name in ((raw, "--raw"), (as_json, "--json"), (standard_input, "-")):
        if given:
            raise ConfigError(f"{name} works with one recording at a time; give a single file.")
