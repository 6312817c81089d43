"""Who is scored, and when: what privacy.md asks for, as values that are checked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tonfall.errors import ConfigError
from tonfall.serve.codecs import Role
from tonfall.serve.records import Notice

__all__ = ["AgentScoring", "CallLimits", "Purpose", "ScoringPolicy"]


class Purpose(StrEnum):
    """Why an agent may be scored; in the European Union only the last three."""

    OUTSIDE_EU = "outside_eu"
    MEDICAL = "medical"
    SAFETY = "safety"
    SELF_TRAINING = "self_training"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentScoring:
    """The recorded decision to score agents.

    Attributes:
        reason: in a sentence.
        person: who decided it.
        region: where the agents work.
        purpose: what for.

    Raises:
        ConfigError: one of them is empty.
    """

    reason: str
    person: str
    region: str
    purpose: Purpose

    def __post_init__(self) -> None:
        if not all(text.strip() for text in (self.reason, self.person, self.region)):
            raise ConfigError(
                "Scoring agents needs a reason, the person who decided it and the region; "
                "name all three."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringPolicy:
    """Which channels are scored, and from when on.

    Attributes:
        unknown_is_customer: True where the operator says that who is not known is the customer.
        agents: the decision to score agents, or None: they are heard for their turns only.
        require_notice: True to hear nothing of a call before notice was given.
        tell_apart: True to tell the speakers of a call with one channel apart.
        compare: True to compare the channels of a call that has several, and to hear them as one
            once all are found to hold the same sound; a call may say otherwise.
    """

    unknown_is_customer: bool = False
    agents: AgentScoring | None = None
    require_notice: bool = False
    tell_apart: bool = True
    compare: bool = True

    def scores(self, role: Role) -> bool:
        """True where all that is heard on a channel of this role may be judged."""
        if role is Role.CUSTOMER:
            return True
        return self.unknown_is_customer if role is Role.UNKNOWN else self.agents is not None

    def learns(self, role: Role) -> bool:
        """True where a line's prior may be learnt from a channel of this role: customers alone.

        Not from a mix, scored or not: an agent who is in every call would become the mean.
        """
        return role is Role.CUSTOMER or (role is Role.UNKNOWN and self.unknown_is_customer)

    def tells_apart(self, role: Role) -> bool:
        """True where the only channel of a call, of this role, may have several speakers.

        Where it is not known whether it has, they are told apart only if they are judged.
        """
        several = role is Role.MIXED or (role is Role.UNKNOWN and self.unknown_is_customer)
        return self.tell_apart and several

    def hears(self, notice: Notice) -> bool:
        """True where a call may be listened to at all."""
        if notice is Notice.UNKNOWN:
            return not self.require_notice
        return notice is not Notice.REFUSED


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLimits:
    """How much one node takes.

    Attributes:
        calls: at a time.
        inbox_s: seconds of audio of a call that may wait; of what is more, the oldest is shed.
        room_s: seconds of audio of a call, waiting, from which on a sender that can wait should.
        backlog_s: age in seconds of the oldest audio waiting at which no further call is taken.
        serve_s: seconds of audio that a call may collect before it is served, if no window is
            due earlier.
        tick_s: seconds between two looks at what came in, at least; with many calls more.

    Raises:
        ConfigError: one of them is not above 0.
    """

    calls: int = 400
    inbox_s: float = 30.0
    room_s: float = 10.0
    backlog_s: float = 3.0
    serve_s: float = 1.0
    tick_s: float = 0.02

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) > 0:
                raise ConfigError(f"The limit {name} is {getattr(self, name)}, but above 0 is due.")
