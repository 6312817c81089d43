"""tonfall adapt: a model fitted to a line, a room or a language, without labels."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tonfall.cli.options import ChannelsOption, SpeakersOption

if TYPE_CHECKING:
    from tonfall.cli.measuring_bars import Bars
    from tonfall.lab import Step

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
    from tonfall.adaptation import PRIOR_WEIGHT_S
    from tonfall.analysis.channels import read_channels
    from tonfall.analysis.opening import Listening
    from tonfall.cli.analyze import read_speakers
    from tonfall.cli.measuring_bars import measuring_bars
    from tonfall.diarization import SpeakerSettings
    from tonfall.lab import adapt as make

    read_channels(channels)
    count = read_speakers(speakers)
    SpeakerSettings(speakers=count)
    with measuring_bars(quiet=quiet) as bars:
        adapted = make(
            model,
            recordings,
            output,
            listening=Listening(customer=customer, speakers=count, channels=channels),
            prior_weight_s=PRIOR_WEIGHT_S if prior_weight is None else prior_weight,
            name=name,
            progress=partial(_tell, bars),
        )
    prior = adapted.prior
    if not quiet:
        typer.echo(
            f"{adapted.bundle.spec.name}: {prior.recordings} recordings, {prior.voices} voices, "
            f"{prior.speech_s:.0f} s of speech.",
            err=True,
        )
    typer.echo(f"{adapted.bundle.folder}")


def _tell(bars: Bars, step: Step) -> None:
    """Show how far it is; what is left out is told however quiet it is asked to be."""
    bars(step)
    if step.note:
        typer.echo(f"left out: {step.note}", err=True)
