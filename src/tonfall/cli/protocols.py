"""tonfall protocols: which folds there are, and what their train and test parts share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tonfall.cli.data import Format, FormatOption
from tonfall.cli.evaluate import DataOption, ListsOption, SeedOption

if TYPE_CHECKING:
    from tonfall.evaluation.protocols import Protocol

__all__ = ["protocols"]

_HASH = 12  # digits that tell protocols apart


def protocols(
    name: Annotated[
        str | None, typer.Argument(help="A protocol, to show its folds; all pinned by default.")
    ] = None,
    data: DataOption = None,
    write: Annotated[
        Path | None,
        typer.Option("--write", help="Write the protocol's head (.yaml) and its table (.csv)."),
    ] = None,
    lists: ListsOption = None,
    seed: SeedOption = 0,
    style: FormatOption = Format.TABLE,
) -> None:
    """List the pinned protocols: folds, hash, and what train and test share; or show one.

    Example: tonfall protocols loso/emodb
    """
    from tonfall.errors import ConfigError

    if name is None and write is not None:
        raise ConfigError("--write needs the name of a protocol, as in: tonfall protocols NAME.")
    if name is None:
        _list(style)
        return
    from tonfall.lab import protocol as make

    protocol = make(name, data=data, lists=lists, seed=seed)
    if write is not None:
        from tonfall.evaluation.protocols import write_protocol

        write_protocol(protocol, write)
    _show(protocol, style)


def _list(style: Format) -> None:
    from tonfall.evaluation.protocols import FAMILIES, pins

    if style is Format.JSON:
        families = {family.pattern: family.summary for family in FAMILIES.values()}
        typer.echo(json.dumps({"pinned": dict(pins()), "families": families}, indent=1))
        return
    rows = [_row(name, pin) for name, pin in pins().items()]
    _print_table(rows, red=[row["test speakers also in train"][:1] != "0" for row in rows])
    typer.echo("\nMade of the corpora at hand:")
    for family in FAMILIES.values():
        typer.echo(f"  {family.pattern:<30} {family.summary}")
    typer.echo(f"  {'matrix/four, matrix/<a>+<b>+...':<30} Train corpus by test corpus.")
    typer.echo(f"  {'calls':<30} Calls composed of clips, baseline on and off.")
    typer.echo(f"  {'site':<30} Priors from 0 to 400 unlabelled clips of other speakers.")


def _row(name: str, pin: Mapping[str, object]) -> dict[str, str]:
    shared = pin["shared"]
    assert isinstance(shared, Mapping)
    return {
        "protocol": name,
        "items": str(pin["items"]),
        "folds": str(pin["folds"]),
        "classes": str(pin["classes"]),
        "test speakers also in train": str(shared.get("speaker", "unknown")),
        "sentences": str(shared.get("sentence", "unknown")),
        "hash": str(pin["hash"])[:_HASH],
    }


def _show(protocol: Protocol, style: Format) -> None:
    rows = [_fold(protocol, fold) for fold in protocol.folds]
    if style is Format.JSON:
        facts = {
            "name": protocol.name,
            "version": protocol.version,
            "hash": protocol.hash,
            "corpora": list(protocol.corpora),
            "labels": list(protocol.labels),
            "notes": list(protocol.notes),
            "folds": rows,
        }
        typer.echo(json.dumps(facts, indent=1))
        return
    typer.echo(f"{protocol.name}, version {protocol.version}, hash {protocol.hash}")
    typer.echo(f"corpora: {', '.join(protocol.corpora)}; labels: {', '.join(protocol.labels)}")
    _print_table(rows, red=[_leaks(protocol, fold) for fold in protocol.folds])
    for note in protocol.notes:
        typer.echo(f"Note: {note}")
    for shares, what in (
        (protocol.shares_speakers, "Speakers"),
        (protocol.shares_recordings, "Recordings"),
    ):
        if shares:
            typer.secho(f"{what} are shared: figures under it flatter every model.", fg="red")


def _fold(protocol: Protocol, fold: str) -> dict[str, str]:
    from tonfall.evaluation.protocols import PARTS

    sizes = {part: str(len(protocol.items(fold, part))) for part in PARTS}
    shared = {
        f"test {entry.kind}s in train": f"{entry.shared} of {entry.test}"
        for entry in protocol.shared
        if entry.fold == fold and entry.test
    }
    return {"fold": fold, **sizes, **shared}


def _leaks(protocol: Protocol, fold: str) -> bool:
    return any(
        entry.kind in ("speaker", "recording") and entry.shared and entry.fold == fold
        for entry in protocol.shared
    )


def _print_table(rows: list[dict[str, str]], *, red: list[bool]) -> None:
    from rich.table import Table

    from tonfall.cli.console import console

    table = Table(box=None, pad_edge=False)
    for name in dict.fromkeys(name for row in rows for name in row):
        table.add_column(name, overflow="fold")
    for row, marked in zip(rows, red, strict=True):
        cells = [row.get(str(column.header), "") for column in table.columns]
        table.add_row(*cells, style="red" if marked else None)
    console(pipe_width=160).print(table)
