"""tonfall evaluate: any model under any protocol, as reports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tonfall.cli.data import MANIFESTS, Format, FormatOption, QuietOption

if TYPE_CHECKING:
    from tonfall.lab.measuring import Measured, Order
    from tonfall.lab.measuring_own import OwnReport
    from tonfall.learn.degrade import Degradation

__all__ = ["DataOption", "evaluate"]

TEST_NOISES = ("babble_restaurant", "street_city", "office_babble_made", "train_inside")
"""Noises that the recipes keep for testing; all of a folder that has none of them."""

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
            help="Measure again after telephone, noise:10, room, loss:5, mp3:32, level:-30 or "
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
    from tonfall.corpora import read_places
    from tonfall.lab.measuring import Order
    from tonfall.lab.measuring_own import OWN_REPORTS
    from tonfall.lab.models import recipe_places

    order = Order(
        models=tuple(models),
        protocol=protocol,
        places={**recipe_places(models), **read_places(data or [], prepared=MANIFESTS)},
        degradations=_degradations(degrade, acoustics),
        output=output,
        lists=protocols,
        seed=seed,
        allow_shared_speakers=allow_shared_speakers,
        audio=audio,
        workers=workers,
        nested=nested,
    )
    if nested:
        _nested(order, style, quiet=quiet)
        return
    if protocol.partition("/")[0] in OWN_REPORTS:
        _own(order, style, quiet=quiet)
        return
    _measure(order, style, quiet=quiet)


def _measure(order: Order, style: Format, *, quiet: bool) -> None:
    from tonfall.cli.measuring_bars import measuring_bars
    from tonfall.lab.measuring import measure

    with measuring_bars(quiet=quiet) as bars:
        for measured in measure(order, bars):
            _print(measured, style)
            if not quiet:
                typer.echo(f"wrote {measured.path}", err=True)


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


def _nested(order: Order, style: Format, *, quiet: bool) -> None:
    from tonfall.cli.measuring_bars import measuring_bars
    from tonfall.lab.measuring_nested import measure_nested

    with measuring_bars(quiet=quiet) as bars:
        report, path = measure_nested(order, bars, say=_quiet if quiet else _say)
    _echo(report, path, style, quiet=quiet)


def _echo(report: OwnReport, path: Path, style: Format, *, quiet: bool) -> None:
    import json

    as_json = json.dumps(report.to_json(), ensure_ascii=False)
    typer.echo(as_json if style is Format.JSON else f"{report.text()}\n")
    if not quiet:
        typer.echo(f"wrote {path}", err=True)


def _own(order: Order, style: Format, *, quiet: bool) -> None:
    from tonfall.lab.measuring_own import measure_own

    for report, path in measure_own(order, say=_quiet if quiet else _say):
        _echo(report, path, style, quiet=quiet)


def _say(sentence: str) -> None:
    typer.echo(sentence, err=True)


def _quiet(_sentence: str) -> None:
    """Say nothing."""


def _degradations(text: str, acoustics: Path | None) -> tuple[Degradation, ...]:
    from tonfall.errors import ConfigError
    from tonfall.lab.measuring import ALL_CONDITIONS
    from tonfall.learn.degrade import parse_degradation

    names = [name.strip() for name in text.split(",") if name.strip()]
    if names == ["all"]:
        names = list(ALL_CONDITIONS)
    if len(set(names)) < len(names):
        raise ConfigError(f"--degrade {text} names a condition twice. Give each once.")
    folder = acoustics or _noise_folder()
    return tuple(
        parse_degradation(name, acoustics=folder, noises=_test_noises(folder)) for name in names
    )


def _noise_folder() -> Path | None:
    from tonfall.corpora import data_folders

    found = (folder / "noise" for folder in data_folders())
    return next((folder for folder in found if folder.is_dir()), None)


def _test_noises(folder: Path | None) -> tuple[str, ...]:
    if folder is None:
        return ()
    there = {path.stem for path in folder.iterdir() if path.suffix in (".flac", ".wav")}
    return tuple(name for name in TEST_NOISES if name in there)
