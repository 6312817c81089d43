"""tonfall leaderboard: pages made of reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tonfall.cli.data import QuietOption

__all__ = ["leaderboard"]


def leaderboard(
    folder: Annotated[Path, typer.Argument(help="Where the reports are, at any depth.")] = Path(
        "docs/reports"
    ),
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The page; bundles' own pages lie beside it.")
    ] = Path("docs/leaderboard.md"),
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            help="First copy the reports there, small and without paths or audio, and make the "
            "pages from what is there then.",
        ),
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Make the leaderboard from reports, and a page for each bundle that was measured.

    Degraded audio and the parts of matrices are not kept as reports: the matrices hold them.

    Example: tonfall leaderboard reports --keep docs/reports
    """
    from tonfall.lab import leaderboard as make

    for path in make(folder, output, keep=keep):
        if not quiet:
            typer.echo(f"wrote {path}", err=True)
