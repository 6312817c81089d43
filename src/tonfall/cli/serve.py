"""tonfall serve: live calls and recordings over the network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["serve"]


def serve(
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Settings in YAML.")] = None,
    host: Annotated[
        str | None,
        typer.Option("--host", help="Address to listen at; 127.0.0.1 unless settings differ."),
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", "-p", min=0, max=65535, help="Port; 0 for a free one.")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option("--database", help="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="medium, small, or a bundle's folder.")
    ] = None,
    log_level: Annotated[
        str, typer.Option("--log-level", help="debug, info, warning or error.")
    ] = "info",
) -> None:
    """Serve calls and recordings until it is stopped.

    Out of the box it listens to this machine only, needs no account and keeps calls in a file of
    yours. At another address it starts only with authentication, and with TLS or a trusted proxy.
    It does not run on Windows: use WSL 2 or a container there.

    Example: tonfall serve --config tonfall.yaml
    """
    import asyncio

    from tonfall.cli import serving

    serving.keep_to_one_thread()

    node = serving.load_node(
        config,
        server={"host": host, "port": port},
        database={"url": database},
        model=model,
    )
    serving.allow_open_files()
    serving.set_up(node.settings, level=log_level)

    def started(_: object) -> None:
        for name, (address, number) in node.addresses.items():
            where = node.url if name == "http" else f"{address}:{number}"
            typer.echo(f"{'Tonfall' if name == 'http' else name} listens at {where}")

    with asyncio.Runner(loop_factory=serving.uvloop_or_none()) as runner:
        runner.run(node.run(started=started, signals=True))
