"""Which tenants calls come for, and whether anybody can see them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from tonfall.serve.settings import DEFAULT_TENANT, Carriers, Settings
from tonfall.serve.store import Store

__all__ = ["one_tenant", "unseen"]

READ = "read"
"""The scope of a key that calls can be seen with."""


def one_tenant(settings: Settings) -> Settings:
    """Settings by which all is one tenant's where nobody has an account, so that all is seen."""
    if settings.auth.mode != "none":
        return settings
    carriers = {
        kind: {
            name: line.model_copy(update={"tenant": DEFAULT_TENANT}) for name, line in lines.items()
        }
        for kind, lines in settings.carriers
    }
    outlets = {
        kind: {
            name: outlet.model_copy(update={"tenants": ()})
            for name, outlet in getattr(settings.alerts, kind).items()
        }
        for kind in ("webhooks", "smtp")
    }
    return settings.model_copy(
        update={
            "carriers": settings.carriers.model_copy(update=carriers),
            "alerts": settings.alerts.model_copy(update=outlets),
        }
    )


def unseen(settings: Settings, store: Store) -> list[str]:
    """What an operator should know of tenants whose calls nobody sees, in sentences.

    Args:
        settings: as they were read.
        store: whose keys and calls are looked at.

    Raises:
        ServiceError: the database cannot be used now.
    """
    if settings.auth.mode == "oidc":  # Tokens may be of any tenant.
        return []
    named = dict(_named(settings.carriers))
    if settings.auth.mode == "none":
        return [*_passed_over(named), *_left_behind(store.tenants())]
    now = datetime.now(UTC)
    seen = {key.tenant for key in store.keys.list() if key.works(now) and READ in key.scopes}
    places = {**dict.fromkeys(store.tenants(), "the database"), **named}
    return [
        f"No key can see calls of the tenant {tenant} ({place}). "
        f"Make one: tonfall keys create --scope read --tenant {tenant}"
        for tenant, place in sorted(places.items())
        if tenant not in seen
    ]


def _named(carriers: Carriers) -> Iterator[tuple[str, str]]:
    """The tenants that calls come for, each with a setting that says so."""
    for kind, lines in carriers:
        for name, line in lines.items():
            yield line.tenant, f"carriers.{kind}.{name}"


def _passed_over(named: dict[str, str]) -> Iterator[str]:
    for tenant, place in sorted(named.items()):
        if tenant != DEFAULT_TENANT:
            yield (
                f"Without accounts there is one tenant, {DEFAULT_TENANT}: {place} sends its calls "
                f"there, and not to {tenant}. Set auth.mode to keys to have tenants."
            )


def _left_behind(tenants: tuple[str, ...]) -> Iterator[str]:
    for tenant in tenants:
        if tenant != DEFAULT_TENANT:
            yield (
                f"The database has calls of the tenant {tenant}, which nobody sees without "
                "accounts. Set auth.mode to keys, and make a key of that tenant."
            )
