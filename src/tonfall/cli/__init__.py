"""The command line: one module a command, each with a thin body that calls the library."""

from __future__ import annotations

import sys
from importlib import import_module
from io import TextIOWrapper
from typing import Annotated

import typer

__all__ = ["app", "main"]

app = typer.Typer(
    name="tonfall",
    help="Hears how something is said: recordings and calls become a timeline of emotion.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_COMMANDS = (
    "adapt",
    "analyze",
    "augment",
    "call",
    "compare",
    "evaluate",
    "export",
    "features",
    "leaderboard",
    "models",
    "protocols",
    "serve",
    "train",
)
_GROUPS = ("data", "keys")


def _add_commands() -> None:
    for name in _COMMANDS:
        module = import_module(f"tonfall.cli.{name}")
        app.command(name)(getattr(module, name))
    for name in _GROUPS:
        app.add_typer(import_module(f"tonfall.cli.{name}").app, name=name)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
) -> None:
    del version, debug  # Read in main, before any command is loaded.


_add_commands()


def _print_anything() -> None:
    """Let no name of a file end the run: what a terminal or a pipe cannot show is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main() -> None:
    """Run the command line: status 0 done, 1 failed, 2 misuse or bad input, in one sentence."""
    from tonfall.errors import ServiceError, TonfallError

    _print_anything()
    if sys.argv[1:] == ["--version"]:
        from tonfall import __version__

        sys.stdout.write(f"tonfall {__version__}\n")
        return
    try:
        app()
    except TonfallError as error:
        if "--debug" in sys.argv:
            raise
        from tonfall.cli.console import one_line

        sys.stderr.write(f"{one_line(str(error))}\n")
        sys.exit(1 if isinstance(error, ServiceError) else 2)
    except KeyboardInterrupt:
        sys.stderr.write("Stopped; what was finished is kept.\n")
        sys.exit(130)
