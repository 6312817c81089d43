"""tonfall export: a trained model in another form, checked."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tonfall.cli.data import QuietOption
from tonfall.cli.evaluate import DataOption

__all__ = ["export"]


class Int8(StrEnum):
    """What --int8 takes."""

    DYNAMIC = "dynamic"
    STATIC = "static"
    NONE = "none"


def export(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="What 'tonfall train -o' wrote, with FOLDER.training beside it; or any bundle, "
            "for 8 bits alone.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the new bundle.")],
    int8: Annotated[
        Int8 | None,
        typer.Option(
            "--int8",
            help="Weights in 8 bits: dynamic (matrices), or static, with ranges found on held-out "
            "speakers (convolutions, too); none for float32.",
        ),
    ] = None,
    torchscript: Annotated[
        bool, typer.Option("--torchscript", help="Add the network as TorchScript, head inside.")
    ] = False,
    prune: Annotated[
        float | None,
        typer.Option(
            "--prune",
            metavar="SHARE",
            help="Take this share of units out of the encoder, and fit the head anew.",
        ),
    ] = None,
    check: Annotated[
        str | None,
        typer.Option(
            "--check",
            metavar="PROTOCOL|CLIPS",
            help="Measure accuracy before and after: a protocol such as loco/four, or labelled "
            "clips (manifest, table, folder).",
        ),
    ] = None,
    allow: Annotated[
        float | None,
        typer.Option(
            "--allow",
            metavar="POINTS",
            min=0,
            help="Of unweighted recall that may be lost; as the recipe says (1) by default.",
        ),
    ] = None,
    clips: Annotated[
        str | None,
        typer.Option(
            "--clips",
            metavar="PATH|CORPUS=PATH",
            help="Recordings to calibrate 8 bits and compare forms on, in place of speakers held "
            "out of training.",
        ),
    ] = None,
    data: DataOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Write a model in another form: in 8 bits, pruned, as TorchScript; checked before it is.

    Prints size, time and accuracy before and after; nothing is written where forms that claim to be
    equal differ, or where more recall is lost than --allow.

    Example: tonfall export my-model -o my-small-model --int8 static --check loso/emodb
    """
    from tonfall.cli.measuring_bars import measuring_bars
    from tonfall.lab import Wanted
    from tonfall.lab import export as make
    from tonfall.learn.extras import require_training

    require_training()
    wanted = Wanted(
        int8=None if int8 is None else int8.value,
        torchscript=torchscript,
        prune=prune,
        check=check,
        clips=clips,
        allow_points=allow,
    )
    with measuring_bars(quiet=quiet) as bars:
        exported = make(model, output, wanted, data=data, progress=bars)
    report = exported.report
    if as_json:
        typer.echo(report.model_dump_json(indent=1))
        return
    typer.echo(report.table())
    for sentence in report.sentences():
        typer.echo(sentence)
    typer.echo(f"{exported.bundle.folder}")
