"""tonfall compare: two reports on the same items."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tonfall.cli.data import Format, FormatOption

__all__ = ["compare"]


def compare(
    first: Annotated[Path, typer.Argument(help="A report.json, or one that was kept.")],
    second: Annotated[Path, typer.Argument(help="Another on the same items.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of intervals and swaps.")] = 0,
    draws: Annotated[int, typer.Option("--draws", min=100, help="Of both.")] = 1000,
    style: FormatOption = Format.TABLE,
) -> None:
    """Say which of two models is better, by how much, and whether that could be chance.

    Intervals resample speakers; p is of a permutation test that swaps the models' answers speaker
    by speaker.

    Example: tonfall compare reports/loso-emodb/egemaps-svm/report.json other/report.json
    """
    import json
    from dataclasses import asdict

    from tonfall.lab import compare as compare_reports

    found = compare_reports(first, second, seed=seed, draws=draws)
    if style is Format.JSON:
        typer.echo(json.dumps({**asdict(found), "verdict": found.verdict}, indent=1))
        return
    typer.echo(found.in_words())
