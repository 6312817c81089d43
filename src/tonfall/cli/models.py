"""tonfall models: which models come with Tonfall, and the card of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from tonfall.bundle import Bundle

__all__ = ["models"]


def models(
    name: Annotated[
        str | None,
        typer.Argument(help="A bundled model or a bundle's folder, for its card; all by default."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what bundle.json says.")] = False,
) -> None:
    """Say which models there are and what each allows; of one, its whole card.

    Example: tonfall models medium
    """
    import json

    from tonfall.bundle import bundled_models, read_bundle

    bundles = [read_bundle(each) for each in ([name] if name else bundled_models())]
    if as_json:
        specs = [bundle.spec.model_dump(mode="json", exclude={"baseline"}) for bundle in bundles]
        typer.echo(json.dumps(specs, indent=1, ensure_ascii=False))
        return
    from rich.markdown import Markdown

    from tonfall.cli.console import console, print_line

    output = console()
    output.width = min(output.width, 100)
    if name is None:
        output.print(_table(bundles))
        print_line("tonfall models NAME prints a model's card: corpora, figures, limits.")
        return
    output.print(Markdown(bundles[0].card))
    output.print(f"Folder: {bundles[0].folder}", soft_wrap=True, style="dim")


def _table(bundles: list[Bundle]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0))
    for column in ("model", "MB", "what it is, and what its licence says"):
        table.add_column(column, justify="right" if column == "MB" else "left")
    for bundle in bundles:
        megabytes = f"{bundle.model.stat().st_size / 1e6:.1f}"
        table.add_row(
            bundle.spec.name, megabytes, f"{bundle.spec.description} {bundle.spec.licence}"
        )
    return table
