"""The many-file side of ``tonfall analyze``."""

from __future__ import annotations

from pathlib import Path

import typer

__all__ = ["analyze_many"]


def analyze_many(
    files: list[str],
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
    workers: int | None,
    quiet: bool,
) -> None:
    """Analyse all, print a line each; leave with status 1 where any failed."""
    from tonfall.analysis.batch import Order, Outcome, analyze_files
    from tonfall.bundle import read_bundle
    from tonfall.cli.progress import count_bar
    from tonfall.cli.tables import print_outcomes

    files = list(dict.fromkeys(files))
    read_bundle(model)  # One sentence for a wrong model, not one for each file.
    order = Order(
        model=model,
        baseline=baseline,
        folder=folder,
        formats=formats,
        plots=plots,
        customer=customer,
        speakers=speakers,
        denoise=denoise,
        channels=channels,
        features=features,
    )
    outcomes: list[Outcome] = []
    try:
        with count_bar("recordings", quiet=quiet) as progress:
            for outcome in analyze_files(files, order, workers=workers):
                outcomes.append(outcome)
                if progress:
                    progress(len(outcomes), len(files))
    finally:
        place = {file: number for number, file in enumerate(files)}
        print_outcomes(sorted(outcomes, key=lambda outcome: place[outcome.file]))
    failed = sum(outcome.error is not None for outcome in outcomes)
    if failed:
        typer.echo(f"{failed} of {len(files)} recordings failed.", err=True)
        raise typer.Exit(1)
