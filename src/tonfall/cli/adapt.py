"""tonfall adapt: a model fitted to a line, a room or a language, without labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tonfall.cli.options import ChannelsOption, SpeakersOption

if TYPE_CHECKING:
    from tonfall.analysis.opening import Listening
    from tonfall.runtime import Baseline, Predictor

__all__ = ["adapt"]


def adapt(
    model: Annotated[str, typer.Argument(help="medium, small, or a bundle's folder.")],
    recordings: Annotated[
        Path,
        typer.Option("--recordings", "-r", help="Folder of recordings of the site, any format."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the new bundle.")],
    prior_weight: Annotated[
        float | None,
        typer.Option(
            "--prior-weight", help="Seconds of speech that the prior counts for in a call; 16."
        ),
    ] = None,
    customer: Annotated[
        int | None,
        typer.Option(
            "--customer",
            help="Hear only this channel (0, 1, ...), or speaker of a single channel.",
        ),
    ] = None,
    speakers: SpeakersOption = "auto",
    channels: ChannelsOption = "auto",
    name: Annotated[
        str | None,
        typer.Option("--name", help="Of the new model; MODEL-FOLDER by default."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Fit a model to a site by recordings without labels; ten are needed, thirty begin to help.

    The new bundle starts each call from the mean of the voices there, and names no recording.

    Example: tonfall adapt medium --recordings calls/ -o our-line
    """
    from tonfall.cli.serving import keep_to_one_thread

    keep_to_one_thread()
    from tonfall.adaptation import (
        PRIOR_WEIGHT_S,
        adapt_bundle,
        check_adaptable,
        check_weight,
        site_prior,
    )
    from tonfall.analysis.channels import read_channels
    from tonfall.analysis.opening import Listening
    from tonfall.bundle import read_bundle
    from tonfall.cli.analyze import read_speakers
    from tonfall.diarization import SpeakerSettings
    from tonfall.runtime import load

    weight_s = PRIOR_WEIGHT_S if prior_weight is None else prior_weight
    check_weight(weight_s)
    read_channels(channels)
    count = read_speakers(speakers)
    SpeakerSettings(speakers=count)
    bundle = read_bundle(model)
    check_adaptable(bundle, output, name=name)
    listening = Listening(customer=customer, speakers=count, channels=channels)
    heard = _hear(recordings, load(model), listening, quiet=quiet)
    prior = site_prior(heard, prior_weight_s=weight_s)
    adapted = adapt_bundle(bundle, prior, output, name=name)
    if not quiet:
        typer.echo(
            f"{adapted.spec.name}: {prior.recordings} recordings, {prior.voices} voices, "
            f"{prior.speech_s:.0f} s of speech.",
            err=True,
        )
    typer.echo(f"{adapted.folder}")


def _hear(
    folder: Path, predictor: Predictor, listening: Listening, *, quiet: bool
) -> list[tuple[Baseline, ...]]:
    """The voices of each recording; what is left out is told."""
    from tonfall.analysis.site import files_in, hear_recordings
    from tonfall.cli.progress import count_bar

    files = files_in(folder)
    heard: list[tuple[Baseline, ...]] = []
    problems: list[str] = []
    with count_bar("recordings", quiet=quiet) as progress:
        for number, recording in enumerate(hear_recordings(files, predictor, listening), start=1):
            heard.append(recording.voices)
            problems += [recording.problem] if recording.problem else []
            if progress:
                progress(number, len(files))
    for problem in problems:
        typer.echo(f"left out: {problem}", err=True)
    return heard
