"""Everything that can be set, from a file, variables and options."""

from __future__ import annotations

from typing import Any, Self

from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

from tonfall.serve.settings.alerts import Alerts
from tonfall.serve.settings.auth import Auth
from tonfall.serve.settings.calls import Calls
from tonfall.serve.settings.carriers import Carriers
from tonfall.serve.settings.checks import check_settings
from tonfall.serve.settings.model import Model, by_name
from tonfall.serve.settings.privacy import Privacy
from tonfall.serve.settings.server import Database, Limits, Server, is_loopback

__all__ = ["PREFIX", "Settings"]

PREFIX = "TONFALL_"


class _Variables(EnvSettingsSource):
    """TONFALL_MODEL may be a name, which is no JSON."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """The values of a section that is one variable."""
        if field_name == "model" and not str(value).lstrip().startswith("{"):
            return by_name(value)
        return super().decode_complex_value(field_name, field, value)


class _File(YamlConfigSettingsSource):
    """A file in which ``model`` may be a name, so that a variable can add to it."""

    def __call__(self) -> dict[str, Any]:
        """The sections."""
        found = super().__call__()
        return found | {"model": by_name(found["model"])} if "model" in found else found


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    server: Server = Server()
    database: Database = Database()
    model: Model = Model()
    auth: Auth = Auth()
    calls: Calls = Calls()
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
        del env_settings, dotenv_settings, file_secret_settings
        return init_settings, _Variables(settings_cls), _File(settings_cls)

    def checked(self) -> Self:
        """These settings, if they are safe to start with.

        Raises:
            ConfigError: what would be open to strangers, or does not fit together.
        """
        check_settings(self)
        return self

    @property
    def loopback(self) -> bool:
        """True where only this machine can connect."""
        return is_loopback(self.server.host)
