"""tonfall models: the cards of the bundled models."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["models"]


def models(
    name: Annotated[
        str | None, typer.Argument(help="A bundled model or a bundle's folder; all by default.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what bundle.json says.")] = False,
) -> None:
    """Show the cards of the models: labels, corpora, licences, figures, limits.

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

    from tonfall.cli.console import console

    output = console()
    output.width = min(output.width, 100)
    for bundle in bundles:
        output.print(Markdown(bundle.card))
        output.print(f"Folder: {bundle.folder}", soft_wrap=True, style="dim")
