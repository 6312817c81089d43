"""What may be scored, when, and for how long it is kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from tonfall.errors import ConfigError
from tonfall.serve.external_ids import IdPolicy
from tonfall.serve.settings.base import Days, Section

__all__ = ["MAKE_SALT", "Privacy", "Retention", "ScoreAgent", "check_salt"]

MAKE_SALT = "openssl rand -hex 32"
_SHORTEST_SALT = 16


class ScoreAgent(Section):
    """Why agents are scored, who decided it, and where.

    In the European Union it is prohibited but for medical and safety reasons, and for training
    whose results only the agent sees.
    """

    reason: Annotated[str, Field(min_length=10)]
    person: Annotated[str, Field(min_length=2)]
    region: Annotated[str, Field(min_length=2)]
    purpose: Literal["outside_eu", "medical", "safety", "self_training"]


class Retention(Section):
    """Days after which each kind of record is deleted."""

    windows_days: Days = 30
    turns_days: Days = 30
    alerts_days: Days = 30
    calls_days: Days = 30
    events_days: Days = 1
    deliveries_days: Days = 7
    priors_days: Days = 365
    audit_days: Annotated[float, Field(ge=184, le=36_500)] = 400


class Privacy(Section):
    """What may be scored, when, and for how long it is kept.

    The profile ``eu`` scores nothing before notice was given. ``salt`` makes callers' numbers
    unreadable; where none is set, one is made and kept in the user's data folder, which does for
    one machine with SQLite only. ``call_ids`` are those of telephone systems: ``hashed`` where they
    might name somebody, or ``as_given``.
    """

    profile: Literal["default", "eu"] = "default"
    require_notice: bool | None = None
    unknown_is_customer: bool = False
    score_agent: ScoreAgent | None = None
    retention: Retention = Retention()
    salt: SecretStr | None = None
    call_ids: IdPolicy = IdPolicy.HASHED

    @property
    def notice_required(self) -> bool:
        """True where nothing is scored before notice was given."""
        return self.profile == "eu" if self.require_notice is None else self.require_notice

    @property
    def names_customer(self) -> bool:
        """True where a recording is judged only if it was said who in it is the customer."""
        return self.profile == "eu" and not self.unknown_is_customer and self.score_agent is None


def check_salt(salt: str, place: str) -> None:
    """Refuse a salt that is too short to protect callers' numbers.

    Args:
        salt: as it was found.
        place: where, for the message.

    Raises:
        ConfigError: it is too short.
    """
    if len(salt.strip()) < _SHORTEST_SALT:
        raise ConfigError(
            f"{place} has {len(salt.strip())} characters, but at least {_SHORTEST_SALT} are "
            f"needed. Make one with: {MAKE_SALT}"
        )
