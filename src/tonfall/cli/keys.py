"""tonfall keys: who may use the server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tonfall.serve.store import Store

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="API keys of the server: make, list, end.")

SCOPES = ("ingest", "read", "supervise", "privacy", "admin")
Config = Annotated[Path | None, typer.Option("--config", "-c", help="Settings in YAML.")]
Database = Annotated[
    str | None, typer.Option("--database", help="As of tonfall serve; the user's file by default.")
]
Tenant = Annotated[str, typer.Option("--tenant", "-t", help="Whose data the key concerns.")]


@app.command()
def create(
    scope: Annotated[
        list[str],
        typer.Option("--scope", "-s", help="ingest, read, supervise, privacy, admin; repeatable."),
    ],
    tenant: Tenant = "default",
    name: Annotated[str, typer.Option("--name", help="What the key is for.")] = "",
    days: Annotated[
        int | None, typer.Option("--days", min=1, max=3650, help="Days until it expires.")
    ] = None,
    config: Config = None,
    database: Database = None,
) -> None:
    """Make a key and print it: it is shown this once, and kept as a hash.

    Example: tonfall keys create --scope ingest --tenant acme
    """
    from datetime import UTC, datetime, timedelta

    _check(scope, tenant)
    expires = None if days is None else datetime.now(UTC) + timedelta(days=days)
    store = _open(config, database, create=True)
    try:
        typer.echo(store.keys.create(tenant, scope, name, expires=expires, actor="operator"))
    finally:
        store.close()


@app.command("list")
def list_(
    tenant: Annotated[
        str | None, typer.Option("--tenant", "-t", help="Of this tenant only.")
    ] = None,
    config: Config = None,
    database: Database = None,
) -> None:
    """List keys: id, tenant, scopes, name, and whether they work.

    Example: tonfall keys list
    """
    from datetime import UTC, datetime

    store = _open(config, database)
    try:
        found = store.keys.list(tenant)
    finally:
        store.close()
    if not found:
        typer.echo("No keys yet; make one with: tonfall keys create", err=True)
    now = datetime.now(UTC)
    for key in found:
        state = "works" if key.works(now) else "ended" if key.revoked_at else "expired"
        scopes = ",".join(sorted(key.scopes))
        until = _day(key.expires_at)
        typer.echo(f"{key.id}  {key.tenant}  {scopes}  {state}  {until}  {key.name}".rstrip())


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="Its id, as keys list shows it, or the whole key.")],
    tenant: Tenant = "default",
    config: Config = None,
    database: Database = None,
) -> None:
    """End a key; servers notice within five seconds.

    Example: tonfall keys revoke 1f0c2b7d9e3a4455 --tenant acme
    """
    from tonfall.errors import ConfigError

    identity = _identity(key)
    store = _open(config, database)
    try:
        ended = store.keys.revoke(tenant, identity, actor="operator")
    finally:
        store.close()
    if not ended:
        raise ConfigError(
            f"The tenant {tenant} has no key {identity} that works; see: tonfall keys list."
        )
    typer.echo(f"{identity} ended.")


def _identity(key: str) -> str:
    """The id of a key, or of a whole one; nothing of what else was given is told."""
    import re

    from tonfall.errors import ConfigError

    found = re.fullmatch(r"(?:tf_)?([0-9a-f]{16})(?:_.*)?", key.strip())
    if found is None:
        raise ConfigError(
            "The key to end is named by its id of 16 hexadecimal digits, and what was given has "
            "none; see: tonfall keys list."
        )
    return found[1]


def _open(config: Path | None, database: str | None, *, create: bool = False) -> Store:
    from tonfall.cli.serving import load_settings

    settings = load_settings(config, database={"url": database}, checked=False)
    from tonfall.serve.places import database_url
    from tonfall.serve.store import Store

    return Store.open(database_url(settings), create=create)


def _check(scopes: Sequence[str], tenant: str) -> None:
    """Refuse what the server would not know."""
    import re

    from tonfall.errors import ConfigError

    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown:
        raise ConfigError(f"There is no scope {unknown[0]}; choose of {', '.join(SCOPES)}.")
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", tenant):
        raise ConfigError(
            f"The tenant is {tenant!r}, but it takes small letters, digits, hyphen and underscore."
        )


def _day(moment: datetime | None) -> str:
    return "for ever" if moment is None else f"until {moment:%Y-%m-%d}"
