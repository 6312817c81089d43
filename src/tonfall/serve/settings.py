"""What an operator decides: a YAML file, environment variables, and options of the command.

An option beats a variable beats the file. Variables are named like ``TONFALL_SERVER__PORT``: the
path to a setting, parted by two underscores. What is not a setting is refused.
"""

from __future__ import annotations

import os
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    YamlConfigSettingsSource,
)

from tonfall.errors import ConfigError
from tonfall.serve.codecs import Role

__all__ = [
    "DEFAULT_TENANT",
    "Alerts",
    "AsteriskConnection",
    "AudioHookClientKey",
    "AudioSocketPort",
    "Auth",
    "Carriers",
    "Database",
    "Limits",
    "Oidc",
    "Privacy",
    "Retention",
    "RtpLine",
    "ScoreAgent",
    "Server",
    "Settings",
    "Smtp",
    "Tls",
    "TwilioAccount",
    "Webhook",
    "check_salt",
    "is_loopback",
    "read_settings",
]

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
"""Names that stand in paths and in the database: small letters, digits, hyphen, underscore."""
Port = Annotated[int, Field(ge=0, le=65_535)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Days = Annotated[float, Field(gt=0, le=3650)]
DEFAULT_TENANT = "default"
PREFIX = "TONFALL_"
SHORTEST_SALT = 16
MAKE_SALT = "openssl rand -hex 32"
EXAMPLE = "change-me"
"""What stands in the secrets of deploy/tonfall.yaml."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _networks(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """Addresses and networks, if none holds more of the internet than anyone has.

    Raises:
        ValueError: one is not an address, or far too wide.
    """
    for each in addresses:
        network = ip_network(each, strict=False)
        if network.prefixlen < (8 if network.version == 4 else 7):
            raise ValueError(f"{network} lets everybody in; name the addresses that are meant")
    return addresses


class Tls(_Section):
    """Files of the certificate, with its chain, and of its key, both PEM."""

    certificate: Path
    key: Path


class Server(_Section):
    """Where the server listens, and how the world calls it.

    ``public_url`` is what telephone systems and browsers dial; it is needed behind a proxy, since
    signatures are made over it. Only the ``trusted_proxies`` may say who a client is and that it
    came by TLS.
    """

    host: str = "127.0.0.1"
    port: Port = 8000
    public_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+/?$")] | None = None
    tls: Tls | None = None
    trusted_proxies: tuple[str, ...] = ()
    origins: tuple[Annotated[str, Field(pattern=r"^https?://[^/\s]+$")], ...] = ()
    drain_s: Annotated[float, Field(ge=0, le=25)] = 15
    json_logs: bool = True

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        return _networks(proxies)


class Database(_Section):
    """Where calls are kept; by default a file in the user's data folder."""

    url: str | None = None


class Oidc(_Section):
    """Whose tokens are accepted; ``jwks`` is a file or an https address of the issuer's keys."""

    issuer: str
    audience: str
    jwks: str
    algorithms: tuple[Literal["RS256", "ES256", "EdDSA", "HS256"], ...] = ("RS256", "ES256")
    tenant_claim: str = "tenant"
    scopes_claim: str = "scope"
    refresh_s: Seconds = 3600


class Auth(_Section):
    """Who may do what: ``none`` is for loopback only, ``oidc`` takes API keys as well."""

    mode: Literal["none", "keys", "oidc"] = "none"
    oidc: Oidc | None = None


class TwilioAccount(_Section):
    """A Twilio account whose streams are dialled to ``/v1/twilio/NAME``.

    Without an auth token nothing is signed; that is for loopback only.
    """

    tenant: Name = DEFAULT_TENANT
    account_sid: str | None = None
    auth_token: SecretStr | None = None
    signing_keys: Mapping[str, SecretStr] = Field(default_factory=dict)
    inbound: Role = Role.CUSTOMER
    outbound: Role = Role.AGENT


class AudioHookClientKey(_Section):
    """An AudioHook integration: the API key that it sends, and its client secret in base64."""

    tenant: Name = DEFAULT_TENANT
    api_key: SecretStr
    secret: SecretStr
    organization_id: str | None = None


class AsteriskConnection(_Section):
    """A WebSocket client of Asterisk that dials ``/v1/asterisk/NAME`` with user and password."""

    tenant: Name = DEFAULT_TENANT
    username: str = ""
    password: SecretStr = SecretStr("")
    role: Role = Role.UNKNOWN


class _Line(_Section):
    """A port of its own; only the ``allowed`` addresses or networks may send to it."""

    host: str = "127.0.0.1"
    port: Port
    tenant: Name = DEFAULT_TENANT
    role: Role = Role.UNKNOWN
    allowed: tuple[str, ...] = ("127.0.0.0/8", "::1/128")

    @field_validator("allowed")
    @classmethod
    def _addresses(cls, allowed: tuple[str, ...]) -> tuple[str, ...]:
        return _networks(allowed)


class AudioSocketPort(_Line):
    """A TCP port for AudioSocket."""


class RtpLine(_Line):
    """A UDP port for one RTP stream at a time; a call ends after ``idle_s`` without a packet.

    ``roles`` are those of the channels in order; ``formats`` says what the payload types 96 to
    127 stand for, as "L16/16000/1".
    """

    roles: tuple[Role, ...] = ()
    formats: Mapping[
        Annotated[int, Field(ge=96, le=127)], Annotated[str, Field(pattern=r"^\w+/\d+(/\d)?$")]
    ] = Field(default_factory=dict)
    buffer_ms: Annotated[int, Field(ge=60, le=200)] = 120
    idle_s: Seconds = 10


class Carriers(_Section):
    """The telephone systems that may send calls."""

    twilio: Mapping[Name, TwilioAccount] = Field(default_factory=dict)
    audiohook: Mapping[Name, AudioHookClientKey] = Field(default_factory=dict)
    asterisk: Mapping[Name, AsteriskConnection] = Field(default_factory=dict)
    audiosocket: Mapping[Name, AudioSocketPort] = Field(default_factory=dict)
    rtp: Mapping[Name, RtpLine] = Field(default_factory=dict)


class ScoreAgent(_Section):
    """Why agents are scored, who decided it, and where.

    In the European Union it is prohibited but for medical and safety reasons, and for training
    whose results only the agent sees.
    """

    reason: Annotated[str, Field(min_length=10)]
    person: Annotated[str, Field(min_length=2)]
    region: Annotated[str, Field(min_length=2)]
    purpose: Literal["outside_eu", "medical", "safety", "self_training"]


class Retention(_Section):
    """Days after which each kind of record is deleted."""

    windows_days: Days = 30
    turns_days: Days = 30
    alerts_days: Days = 30
    calls_days: Days = 30
    events_days: Days = 1
    deliveries_days: Days = 7
    audit_days: Annotated[float, Field(ge=184, le=36_500)] = 400


class Privacy(_Section):
    """What may be scored, when, and for how long it is kept.

    The profile ``eu`` scores nothing before notice was given. ``salt`` makes callers' numbers
    unreadable; where none is set, one is made and kept in the user's data folder, which does for
    one machine with SQLite only.
    """

    profile: Literal["default", "eu"] = "default"
    require_notice: bool | None = None
    unknown_is_customer: bool = False
    score_agent: ScoreAgent | None = None
    retention: Retention = Retention()
    salt: SecretStr | None = None

    @property
    def notice_required(self) -> bool:
        """True where nothing is scored before notice was given."""
        return self.profile == "eu" if self.require_notice is None else self.require_notice

    @property
    def names_customer(self) -> bool:
        """True where a recording is judged only if it was said who in it is the customer."""
        return self.profile == "eu" and not self.unknown_is_customer and self.score_agent is None


class Webhook(_Section):
    """Where alerts are posted, signed with a secret."""

    url: Annotated[str, Field(pattern=r"^https?://")]
    secret: SecretStr
    tenants: tuple[Name, ...] = ()
    allow_private: bool = False


class Smtp(_Section):
    """A mail server, and whom it tells of alerts."""

    host: str
    port: Port = 587
    sender: str
    recipients: tuple[str, ...]
    username: str | None = None
    password: SecretStr | None = None
    tls: Literal["starttls", "tls", "none"] = "starttls"
    tenants: tuple[Name, ...] = ()


class Alerts(_Section):
    """Rules, and who is told."""

    rules: Path | None = None
    webhooks: Mapping[Name, Webhook] = Field(default_factory=dict)
    smtp: Mapping[Name, Smtp] = Field(default_factory=dict)
    log: bool = True


class Limits(_Section):
    """What one server, one tenant and one client may take."""

    calls: Annotated[int, Field(ge=1, le=10_000)] = 400
    calls_per_tenant: Annotated[int, Field(ge=1, le=10_000)] = 400
    call_s: Annotated[int, Field(ge=1, le=86_400)] = 14_400
    first_message_s: Seconds = 10
    silent_s: Seconds = 120
    uploads: Annotated[int, Field(ge=1, le=1_000)] = 16
    upload_bytes: Annotated[int, Field(ge=1_000, le=2**34)] = 200_000_000
    upload_s: Seconds = 300
    upload_stalled_s: Seconds = 15
    header_s: Seconds = 10
    audio_s: Annotated[int, Field(ge=1, le=86_400)] = 14_400
    clip_s: Annotated[int, Field(ge=1, le=600)] = 60
    analysis_s: Seconds = 600
    analyses: Annotated[int, Field(ge=1, le=64)] = 1
    analyses_waiting: Annotated[int, Field(ge=0, le=1_000)] = 8
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 1200
    failures_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 30
    event_streams: Annotated[int, Field(ge=1, le=10_000)] = 64
    event_backlog: Annotated[int, Field(ge=10, le=1_000_000)] = 5_000


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    server: Server = Server()
    database: Database = Database()
    model: str = "small"
    auth: Auth = Auth()
    carriers: Carriers = Carriers()
    privacy: Privacy = Privacy()
    alerts: Alerts = Alerts()
    limits: Limits = Limits()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options, then environment, then the file that ``yaml_file`` names."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, YamlConfigSettingsSource(settings_cls)

    def checked(self) -> Self:
        """These settings, if they are safe to start with.

        Raises:
            ConfigError: what would be open to strangers, or does not fit together.
        """
        _check_secrets(self)
        _check_exposure(self)
        _check_carriers(self)
        _check_privacy(self.privacy)
        _check_salt(self)
        return self

    @property
    def loopback(self) -> bool:
        """True where only this machine can connect."""
        return is_loopback(self.server.host)


def read_settings(
    path: Path | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    checked: bool = True,
) -> Settings:
    """Read and check settings.

    Args:
        path: a YAML file.
        options: what the command line said, by section.
        checked: False where nothing is going to listen.

    Raises:
        ConfigError: the file cannot be read, or a setting is unknown, wrong or unsafe.
    """
    if path is not None and not path.is_file():
        raise ConfigError(f"{path}: there is no such settings file; check the path.")
    _check_variables()
    sections: dict[str, Any] = {name: each for name, each in (options or {}).items() if each}
    try:
        settings = _Reader.of(path)(**sections)
        return settings.checked() if checked else settings
    except ValidationError as error:
        raise ConfigError(_sentence(error, path)) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}: line {line} is not YAML ({error.problem}).") from None
    except SettingsError as error:
        raise ConfigError(_of_variable(error)) from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError):
        # Their texts quote what stands there, which may be a secret.
        raise ConfigError(f"{path or 'The settings'}: is not a mapping in YAML.") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).") from None


def is_loopback(host: str) -> bool:
    """True for a name or an address that only this machine can reach.

    >>> [is_loopback(host) for host in ("localhost", "127.0.0.1", "::1", "0.0.0.0")]
    [True, True, True, False]
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class _Reader:
    """Settings that read one file; a class each, since pydantic-settings wants it so."""

    @staticmethod
    def of(path: Path | None) -> type[Settings]:
        class FromFile(Settings):
            model_config = SettingsConfigDict(yaml_file=path, yaml_file_encoding="utf-8")

        return FromFile


def _check_variables() -> None:
    """Refuse variables that are meant for a section, but name none."""
    for name in os.environ:
        section, nested, _ = name.removeprefix(PREFIX).partition("__")
        known = section.lower() in Settings.model_fields
        if name.startswith(PREFIX) and nested and not known:
            sections = ", ".join(Settings.model_fields)
            raise ConfigError(
                f"The variable {name} is no setting: there is no section {section.lower()}; "
                f"choose of {sections}."
            )


def _of_variable(error: SettingsError) -> str:
    """Which variable cannot be read; never what stands in it."""
    found = re.search(r'field "(\w+)"', str(error))
    name = f"{PREFIX}{found[1].upper()}" if found else "A variable"
    return f"{name} is not JSON; set single values instead, as {PREFIX}SERVER__PORT=9000."


def _sentence(error: ValidationError, path: Path | None) -> str:
    first: Any = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the file"
    return f"{path or 'The settings'}: {place}: {first['msg'].rstrip('.')}. See docs/server."


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
        if EXAMPLE in plain or EXAMPLE in _from_base64(plain):
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


def check_salt(salt: str, place: str) -> None:
    """Refuse a salt that is too short to protect callers' numbers.

    Args:
        salt: as it was found.
        place: where, for the message.

    Raises:
        ConfigError: it is too short.
    """
    if len(salt.strip()) < SHORTEST_SALT:
        raise ConfigError(
            f"{place} has {len(salt.strip())} characters, but at least {SHORTEST_SALT} are needed. "
            f"Make one with: {MAKE_SALT}"
        )
