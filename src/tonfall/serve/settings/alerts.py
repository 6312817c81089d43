"""Rules, and who is told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from tonfall.serve.settings.base import Name, Port, Section

__all__ = ["Alerts", "Smtp", "Webhook"]


class Webhook(Section):
    """Where alerts are posted, signed with a secret."""

    url: Annotated[str, Field(pattern=r"^https?://")]
    secret: SecretStr
    tenants: tuple[Name, ...] = ()
    allow_private: bool = False


class Smtp(Section):
    """A mail server, and whom it tells of alerts."""

    host: str
    port: Port = 587
    sender: str
    recipients: tuple[str, ...]
    username: str | None = None
    password: SecretStr | None = None
    tls: Literal["starttls", "tls", "none"] = "starttls"
    tenants: tuple[Name, ...] = ()


class Alerts(Section):
    """Rules, and who is told."""

    rules: Path | None = None
    webhooks: Mapping[Name, Webhook] = Field(default_factory=dict)
    smtp: Mapping[Name, Smtp] = Field(default_factory=dict)
    log: bool = True
