"""What must not be started with: doors open to strangers, and what does not fit together."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel, SecretStr

from tonfall.errors import ConfigError
from tonfall.serve.settings.carriers import AudioHookClientKey
from tonfall.serve.settings.privacy import MAKE_SALT, Privacy, check_salt

if TYPE_CHECKING:
    from tonfall.serve.settings.whole import Settings

__all__ = ["check_settings"]

_EXAMPLE = "change-me"
"""What stands in the secrets of deploy/tonfall.yaml."""


def check_settings(settings: Settings) -> None:
    """Refuse what is not safe to start with.

    Raises:
        ConfigError: what would be open to strangers, or does not fit together.
    """
    _check_secrets(settings)
    _check_exposure(settings)
    _check_carriers(settings)
    _check_privacy(settings.privacy)
    _check_salt(settings)


def _check_exposure(settings: Settings) -> None:
    """Refuse what would let strangers in, or let others read along."""
    server, auth = settings.server, settings.auth
    if auth.mode == "oidc" and auth.oidc is None:
        raise ConfigError("auth.mode is oidc, but auth.oidc is not set; name issuer and keys.")
    if settings.loopback and not server.trusted_proxies:
        return
    if auth.mode == "none":
        raise ConfigError(
            f"The server would be open to all at {server.host}, without authentication; set "
            "auth.mode to keys or oidc, or keep host 127.0.0.1."
        )
    if server.tls is None and not server.trusted_proxies:
        raise ConfigError(
            f"The server would listen at {server.host} without TLS; set server.tls, or name the "
            "proxy that does it in server.trusted_proxies."
        )
    if server.trusted_proxies and server.public_url is None:
        raise ConfigError(
            "Behind a proxy the server cannot know what clients dial; set server.public_url."
        )


def _check_secrets(settings: Settings) -> None:
    """Refuse secrets that are none: empty ones, and those of the example."""
    for place, secret in _secrets(settings, ""):
        plain = secret.get_secret_value()
        if not plain.strip() and not place.endswith(".password"):
            raise ConfigError(f"{place} is empty; put the secret there, or take the line out.")
        if _EXAMPLE in plain or _EXAMPLE in _from_base64(plain):
            raise ConfigError(f"{place} is still the one of the example; put your own there.")


def _secrets(found: object, place: str) -> Iterator[tuple[str, SecretStr]]:
    """Every secret that is set, and where."""
    if isinstance(found, SecretStr):
        yield place.removeprefix("."), found
    elif isinstance(found, BaseModel | Mapping):
        for name, each in found.items() if isinstance(found, Mapping) else found:
            yield from _secrets(each, f"{place}.{name}")


def _from_base64(text: str) -> str:
    try:
        return b64decode(text, validate=True).decode("ascii", "replace")
    except ValueError:
        return ""


def _check_carriers(settings: Settings) -> None:
    _check_audiohook(settings.carriers.audiohook)
    if settings.auth.mode == "none":
        return
    signed = settings.carriers.twilio or settings.carriers.audiohook
    if signed and settings.server.public_url is None and not settings.loopback:
        raise ConfigError(
            "Twilio and AudioHook sign the URL that they dial; set server.public_url, since what "
            "a client says it is must not be believed."
        )
    for name, account in settings.carriers.twilio.items():
        if account.auth_token is None:
            raise ConfigError(f"carriers.twilio.{name} has no auth_token; anyone could send calls.")
    for name, connection in settings.carriers.asterisk.items():
        if not connection.password.get_secret_value():
            raise ConfigError(f"carriers.asterisk.{name} has no password; anyone could send calls.")


def _check_audiohook(keys: Mapping[str, AudioHookClientKey]) -> None:
    """Two with one API key could not be told apart."""
    names: dict[str, str] = {}
    for name, key in keys.items():
        first = names.setdefault(key.api_key.get_secret_value(), name)
        if first != name:
            raise ConfigError(
                f"carriers.audiohook.{first} and carriers.audiohook.{name} have the same api_key; "
                "give each integration its own."
            )


def _check_privacy(privacy: Privacy) -> None:
    agent = privacy.score_agent
    if privacy.profile == "eu" and agent is not None and agent.purpose == "outside_eu":
        raise ConfigError(
            "privacy.profile is eu, but privacy.score_agent has the purpose outside_eu; inferring "
            "emotions of employees is prohibited there. Take one of the two out."
        )
    if privacy.profile == "eu" and not privacy.notice_required:
        raise ConfigError("privacy.profile is eu, which needs require_notice; take false out.")


def _check_salt(settings: Settings) -> None:
    """Refuse a salt that protects nobody, and one of its own on each machine."""
    salt = settings.privacy.salt
    if salt is not None:
        check_salt(salt.get_secret_value(), "privacy.salt")
    elif not (settings.database.url or "sqlite:").startswith("sqlite:"):
        raise ConfigError(
            "database.url is shared by machines, but privacy.salt is not set; each would make its "
            f"own, and not know who objected at another. Set it on all of them: {MAKE_SALT}"
        )
