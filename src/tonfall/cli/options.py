"""Options that several commands take, said once."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["ChannelsOption", "SpeakersOption"]

SpeakersOption = Annotated[
    str,
    typer.Option("--speakers", help="How many speak in a single channel: auto, 1, 2, 3 or 4."),
]
ChannelsOption = Annotated[
    str,
    typer.Option(
        "--channels",
        help="each: a speaker each; mix: one sound; auto: each, unless all hold the same.",
    ),
]
