"""tonfall evaluate: any model under any protocol, as reports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tonfall.cli.data import Format, FormatOption, QuietOption
from tonfall.cli.measuring_bars import Bars, measuring_bars

if TYPE_CHECKING:
    from tonfall.lab import Experiment, Measured
    from tonfall.lab.measuring_calls import OwnReport

__all__ = ["DataOption", "evaluate"]

DataOption = Annotated[
    list[str] | None,
    typer.Option(
        "--data",
        help="CORPUS=FOLDER of a release, or a manifest; may be repeated. Without it: manifests/, "
        "$TONFALL_DATA, ../shared/data.",
    ),
]
ListsOption = Annotated[
    Path | None,
    typer.Option("--protocols", help="Folder of EmoBox's fold lists that are not packed."),
]
SharingOption = Annotated[
    bool,
    typer.Option(
        "--allow-shared-speakers",
        help="Go on where test speakers or recordings were heard in training; the report says so "
        "in red.",
    ),
]
SeedOption = Annotated[
    int, typer.Option("--seed", min=0, help="Of development speakers, random folds and intervals.")
]


def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="A bundle, a recipe (.yaml), a baseline such as egemaps-svm, predictions (.csv, "
            ".parquet), or a function as module:name.",
        ),
    ],
    protocol: Annotated[
        str,
        typer.Option(
            "--protocol",
            "-p",
            help="As 'tonfall protocols' names it; or matrix, matrix/four or matrix/A+B for train "
            "corpus by test corpus; or calls or site, also as calls/A+B.",
        ),
    ],
    data: DataOption = None,
    degrade: Annotated[
        str,
        typer.Option(
            "--degrade",
            help="Measure again after telephone, noise:10, room, loss:5, mp3:32, gsm, opus:16 or "
            "chains with +, parted by commas; 'all' for the usual eight.",
        ),
    ] = "",
    acoustics: Annotated[
        Path | None,
        typer.Option("--acoustics", help="Folder of noises and rooms; by default data's noise/."),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the reports.")] = Path(
        "reports"
    ),
    protocols: ListsOption = None,
    seed: SeedOption = 0,
    allow_shared_speakers: SharingOption = False,
    nested: Annotated[
        bool,
        typer.Option(
            "--nested",
            help="Under loco/... or site: for each left-out corpus choose among the recipes by the "
            "others, and measure the chosen one on it.",
        ),
    ] = False,
    audio: Annotated[
        bool,
        typer.Option("--audio", help="Put clips of the worst mistakes into the page (licences!)."),
    ] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", "-j", min=1, help="Processes; all cores by default.")
    ] = None,
    style: FormatOption = Format.TABLE,
    quiet: QuietOption = False,
) -> None:
    """Measure models under a protocol: a report as JSON and as a page, with intervals.

    A recipe is trained for each fold; a bundle is taken as it is, each clip alone. Several models,
    or --degrade, give a matrix too.

    Example: tonfall evaluate medium --protocol emobox/ravdess
    """
    from tonfall.evaluation.protocols import Rules
    from tonfall.lab import Experiment, find_places, read_conditions
    from tonfall.lab.measuring_calls import OWN_REPORTS

    experiment = Experiment(
        models=tuple(models),
        protocol=protocol,
        places=find_places(data, models),
        degradations=read_conditions(degrade, acoustics=acoustics),
        lists=protocols,
        rules=Rules(seed=seed, allow_shared_speakers=allow_shared_speakers),
        workers=workers,
        nested=nested,
    )
    with measuring_bars(quiet=quiet) as bars:
        if nested:
            _nested(experiment, output, style, bars)
        elif experiment.family in OWN_REPORTS:
            _own(experiment, output, style, bars)
        else:
            _measure(experiment, output, style, bars, audio=audio)


def _measure(
    experiment: Experiment, output: Path, style: Format, bars: Bars, *, audio: bool
) -> None:
    from tonfall.lab import measure

    for measured in measure(experiment, output, audio=audio, progress=bars):
        _print(measured, style)
        bars.say(f"wrote {measured.path}")


def _print(measured: Measured, style: Format) -> None:
    from tonfall.evaluation.reports import Report, in_words, markdown

    if not isinstance(measured.result, Report):
        typer.echo(markdown(measured.result) if style is Format.TABLE else "", nl=False)
        return
    if style is Format.JSON:
        typer.echo(measured.result.model_dump_json(exclude={"items", "risk_coverage"}))
        return
    for line in in_words(measured.result).splitlines():
        typer.secho(line, fg="red" if line.startswith("WARNING") else None)
    typer.echo()


def _nested(experiment: Experiment, output: Path, style: Format, bars: Bars) -> None:
    from tonfall.lab import measure_nested

    report, path = measure_nested(experiment, output, progress=bars)
    _echo(report, path, style, bars)


def _own(experiment: Experiment, output: Path, style: Format, bars: Bars) -> None:
    from tonfall.lab import measure_calls

    for report, path in measure_calls(experiment, output, progress=bars):
        _echo(report, path, style, bars)


def _echo(report: OwnReport, path: Path, style: Format, bars: Bars) -> None:
    import json

    as_json = json.dumps(report.to_json(), ensure_ascii=False)
    typer.echo(as_json if style is Format.JSON else f"{report.text()}\n")
    bars.say(f"wrote {path}")
