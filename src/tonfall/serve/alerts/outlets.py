"""Who is told of alerts: the log, webhooks, mail."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from tonfall.serve.alerts.mail import MailOutlet, MailServer
from tonfall.serve.alerts.notices import FROZEN, Notification
from tonfall.serve.alerts.webhook import WebhookOutlet
from tonfall.serve.records import AlertMoved, AlertOpened
from tonfall.serve.settings import Alerts

__all__ = ["LOG", "Listed", "LogOutlet", "Outlet", "Outlets", "build_outlets"]

_log = logging.getLogger(__name__)

LOG = "log"


class Outlet(Protocol):
    """One that is told."""

    def send(self, notification: Notification) -> None:
        """Tell it; may take seconds.

        Raises:
            ServiceError: it was not told; says if a later try may help.
        """


class LogOutlet:
    """Alerts as lines of the server's log: ids and numbers, as everywhere in it."""

    def send(self, notification: Notification) -> None:
        """Write the line."""
        payload = notification.payload
        if notification.kind == FROZEN:
            _log.warning(
                "The prior of the carrier %s of %s is frozen at distance %s.",
                *(payload.get("carrier"), notification.tenant, payload.get("distance")),
            )
            return
        _log.warning(
            "Alert %s of call %s: rule %s, severity %s, state %s, channel %s, at %s s.",
            payload.get("alert"),
            notification.call,
            payload.get("rule", "-"),
            payload.get("severity", "-"),
            payload.get("state", "open"),
            payload.get("channel", "-"),
            payload.get("seconds", "-"),
        )


@dataclass(frozen=True, slots=True)
class Listed:
    """An outlet, for whom, and for what.

    Attributes:
        tenants: whose alerts it gets; all where empty.
        moved: True where it is also told that an alert was acknowledged or resolved.
    """

    outlet: Outlet
    tenants: tuple[str, ...] = ()
    moved: bool = True


class Outlets:
    """All outlets of a server, by name.

    Args:
        listed: by name, as deliveries know them.
    """

    def __init__(self, listed: Mapping[str, Listed]) -> None:
        self._listed = dict(listed)

    def names(self, change: AlertOpened | AlertMoved) -> Iterable[str]:
        """Those that are to be told of a change; for the store's writer."""
        opened = isinstance(change, AlertOpened)
        return [
            name
            for name, each in self._listed.items()
            if (opened or each.moved) and (not each.tenants or change.tenant in each.tenants)
        ]

    def names_for(self, tenant: str) -> Iterable[str]:
        """Those that a tenant is told by of what is no alert of a call."""
        listed = self._listed.items()
        return [name for name, each in listed if not each.tenants or tenant in each.tenants]

    def find(self, name: str) -> Outlet | None:
        """The outlet, or None where the settings do not name it any more."""
        listed = self._listed.get(name)
        return listed.outlet if listed else None


def build_outlets(settings: Alerts) -> Outlets:
    """The outlets that the settings name.

    Raises:
        ConfigError: an address or a secret that cannot be used.
    """
    listed: dict[str, Listed] = {LOG: Listed(LogOutlet())} if settings.log else {}
    for name, webhook in settings.webhooks.items():
        listed[f"webhook:{name}"] = Listed(
            WebhookOutlet(
                webhook.url,
                secret=webhook.secret.get_secret_value(),
                allow_private=webhook.allow_private,
            ),
            webhook.tenants,
        )
    for name, smtp in settings.smtp.items():
        server = MailServer(
            host=smtp.host,
            port=smtp.port,
            tls=smtp.tls,
            username=smtp.username,
            password=smtp.password.get_secret_value() if smtp.password else None,
        )
        mail = MailOutlet(server, sender=smtp.sender, recipients=smtp.recipients)
        listed[f"smtp:{name}"] = Listed(mail, smtp.tenants, moved=False)
    return Outlets(listed)
