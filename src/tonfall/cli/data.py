"""``tonfall data``: corpora to manifests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tonfall.cli.progress import count_bar, seconds_bar

if TYPE_CHECKING:
    from tonfall.corpora import Corpus, Manifest, Report, Summary

__all__ = ["app"]

_LEVELS = 200
_SEED = 0
_SHOWN_LINES = 10

app = typer.Typer(
    help="Corpora: what there is, how to get it, and checked manifests of it.",
    no_args_is_help=True,
)


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"


_PIPE_WIDTH = 200
_WIDE = ("labels", "licence", "access")
_WIDTH_OF_ALL = 140  # with fewer columns their words are cut in pieces

FormatOption = Annotated[Format, typer.Option("--format", help="A table to read, or JSON.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]
NameArgument = Annotated[str, typer.Argument(help="A corpus, as 'tonfall data list' names it.")]


@app.command("list")
def list_corpora(style: FormatOption = Format.TABLE) -> None:
    """Name every corpus that Tonfall reads: languages, labels, speakers, hours, licence, access.

    Example: tonfall data list
    """
    from tonfall.corpora import CORPORA

    rows = [_facts(corpus) for corpus in CORPORA.values()]
    if style is Format.JSON:
        typer.echo(json.dumps(rows, indent=2))
        return
    from tonfall.cli.console import console

    wide = console(pipe_width=_PIPE_WIDTH).width >= _WIDTH_OF_ALL
    _print_table(
        [{name: _cell(row[name]) for name in row if wide or name not in _WIDE} for row in rows]
    )
    if not wide:
        left_out = f"{', '.join(_WIDE[:-1])} and {_WIDE[-1]}"
        typer.echo(f"{left_out} need {_WIDTH_OF_ALL} columns, or --format json.")


def _facts(corpus: Corpus) -> dict[str, object]:
    return {
        "name": corpus.name,
        "title": corpus.title,
        "languages": list(corpus.languages),
        "labels": list(corpus.labels),
        "items": corpus.items,
        "speakers": corpus.speakers,
        "hours": corpus.hours,
        "licence": corpus.licence,
        "download": "yes" if corpus.archives else "no",
        "access": corpus.access,
    }


def _cell(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.2f}"
    return "" if value is None else str(value)


@app.command()
def prepare(
    name: NameArgument,
    root: Annotated[Path, typer.Argument(help="The unpacked release, or the table for 'csv'.")],
    output: Annotated[
        Path | None,
        typer.Option(help="Where to write: .parquet, .csv, or a folder for audformat."),
    ] = None,
    decode: Annotated[
        bool, typer.Option("--decode", help="Read every file to its end, not only its header.")
    ] = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="Take what there is of an incomplete release.")
    ] = False,
    labels_only: Annotated[
        bool, typer.Option("--labels-only", help="Do without audio where there is none.")
    ] = False,
    style: FormatOption = Format.TABLE,
    quiet: QuietOption = False,
) -> None:
    """Check a release, or recordings of your own, and write manifests/CORPUS.parquet.

    Your own are called after their table or folder: labels.csv becomes the corpus "labels".

    Example: tonfall data prepare ravdess ~/corpora/ravdess
    """
    from tonfall import corpora

    with count_bar(f"Checking {name}", quiet=quiet) as progress:
        manifest, report = corpora.prepare(
            name,
            root,
            decode=decode,
            partial=partial,
            labels_only=labels_only,
            progress=progress,
        )
    path = output or corpora.MANIFESTS / f"{_file_stem(name, manifest)}.parquet"
    manifest.write(path)
    _print_report(report, path, style)


def _file_stem(name: str, manifest: Manifest) -> str:
    """The corpus's name, by which other commands find it; one's own is not called "csv"."""
    from tonfall.corpora.rows import own_name

    found = set(manifest.frame["corpus"].dropna())
    own = found.pop() if len(found) == 1 else name
    return own_name(str(own))


def _print_report(report: Report, path: Path, style: Format) -> None:
    if style is Format.JSON:
        typer.echo(json.dumps(_report_facts(report, path), indent=2, ensure_ascii=False))
        return
    counts = ", ".join(f"{label} {count}" for label, count in report.labels.items())
    typer.echo(
        f"{report.corpus.title}: {report.items} items, {report.speakers} speakers, "
        f"{report.hours:.3f} h -> {path}"
    )
    typer.echo(f"Labels: {counts or 'none'}")
    for oddity in report.oddities:
        typer.echo(f"Odd: {oddity}")
    for name, messages in _problems_by_kind(report).items():
        _print_some(name, messages)
    if report.left_out:
        _print_some("Left out", report.left_out)


def _print_some(title: str, lines: Sequence[str]) -> None:
    """The first lines under a title with their number."""
    typer.echo(f"{title} ({len(lines)}):")
    for line in lines[:_SHOWN_LINES]:
        typer.echo(f"  {line}")
    if len(lines) > _SHOWN_LINES:
        typer.echo(f"  and {len(lines) - _SHOWN_LINES} more; --format json lists all")


def _problems_by_kind(report: Report) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for problem in report.problems:
        kinds.setdefault(problem.kind.value.capitalize(), []).append(problem.message)
    return kinds


def _report_facts(report: Report, path: Path) -> dict[str, object]:
    return {
        "corpus": report.corpus.name,
        "manifest": str(path),
        "items": report.items,
        "speakers": report.speakers,
        "hours": round(report.hours, 4),
        "labels": dict(report.labels),
        "problems": [asdict(problem) for problem in report.problems],
        "oddities": list(report.oddities),
        "left_out": list(report.left_out),
    }


@app.command()
def show(
    manifest: Annotated[
        str, typer.Argument(help="A manifest's path, or the name of a corpus prepared here.")
    ],
    picture: Annotated[
        Path | None,
        typer.Option(help="Where to draw the picture; by default beside the manifest, as PNG."),
    ] = None,
    levels: Annotated[
        int, typer.Option(min=0, help="How many items to read for their level.")
    ] = _LEVELS,
    style: FormatOption = Format.TABLE,
) -> None:
    """Show a manifest's classes, speakers, durations and levels as a table and a picture.

    Example: tonfall data show ravdess
    """
    import numpy as np

    from tonfall import corpora
    from tonfall.corpora.picture import draw, save

    path = _manifest_path(manifest)
    target = picture or path.with_suffix(".png")
    table = corpora.Manifest.read(path)
    measured = corpora.measure_levels(table, at_most=levels, rng=np.random.default_rng(_SEED))
    summary = corpora.summarize(table, measured)
    save(draw(table, summary, measured, path.stem), target)
    _print_summary(summary, target, style)


def _manifest_path(manifest: str) -> Path:
    """That of the corpus of this name prepared here, else the path that is named."""
    from tonfall.corpora import MANIFESTS

    prepared = MANIFESTS / f"{manifest}.parquet"
    return prepared if prepared.is_file() else Path(manifest)


def _print_summary(summary: Summary, picture: Path, style: Format) -> None:
    if style is Format.JSON:
        typer.echo(json.dumps({**asdict(summary), "picture": str(picture)}, indent=2))
        return
    classes = [
        {
            "class": name,
            "items": str(count),
            "share": f"{count / summary.items:.1%}",
            "speakers": str(summary.speakers_by_class.get(name, 0)),
        }
        for name, count in summary.classes.items()
    ]
    _print_table(classes)
    for what, counts in (
        ("sex", summary.sexes),
        ("language", summary.languages),
        ("split", summary.splits),
    ):
        typer.echo(f"{what}: {', '.join(f'{name} {count}' for name, count in counts.items())}")
    typer.echo(f"duration: {_spread(asdict(summary.duration), 's')}, {summary.hours:.3f} h in all")
    measured = f"({summary.levels_measured} items measured)"
    typer.echo(f"level: {_spread(asdict(summary.level_db), 'dB of full scale')} {measured}")
    typer.echo(f"picture: {picture}")


def _spread(spread: Mapping[str, float | None], unit: str) -> str:
    if spread["median"] is None:
        return "unknown"
    return ", ".join(f"{name} {value:.2f}" for name, value in spread.items()) + f" {unit}"


@app.command()
def download(
    name: NameArgument,
    folder: Annotated[Path, typer.Argument(help="Where to put it; made where it is not there.")],
    quiet: QuietOption = False,
) -> None:
    """Fetch an open corpus and unpack it; for a licensed one, say how to apply.

    An interrupted download is continued by the same command.

    Example: tonfall data download ravdess ~/corpora/ravdess
    """
    from tonfall import corpora

    with seconds_bar(f"Fetching {name}", quiet=quiet) as progress:
        corpora.download(name, folder, progress=progress)
    typer.echo(f"Next: tonfall data prepare {name} {folder}")


def _print_table(rows: list[dict[str, str]]) -> None:
    """Rows in columns; as wide as they need where standard output is no terminal."""
    from rich.table import Table

    from tonfall.cli.console import console

    table = Table(box=None, pad_edge=False)
    for name in rows[0] if rows else ():
        table.add_column(name, overflow="fold", min_width=len(name))
    for row in rows:
        table.add_row(*row.values())
    console(pipe_width=_PIPE_WIDTH).print(table)
