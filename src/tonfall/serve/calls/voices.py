"""Which voices a call has, and which of them are judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tonfall.diarization import MOST_SPEAKERS
from tonfall.serve.calls.policy import ScoringPolicy
from tonfall.serve.codecs import Role
from tonfall.streaming import LiveSpeakers

__all__ = ["Voices", "role_of_mix", "voices_of"]


@dataclass(frozen=True, slots=True)
class Voices:
    """The voices of a call.

    Attributes:
        scored: for each channel, or for each speaker of the only one, False where it is heard for
            its turns only.
        apart: True where the speakers of the only channel are told apart.
        learnt: as ``scored``: those that a line's prior may be learnt from.
    """

    scored: tuple[bool, ...]
    apart: bool = False
    learnt: tuple[bool, ...] = ()

    def speakers(self) -> LiveSpeakers | None:
        """What tells them apart; None where each channel is a speaker."""
        return LiveSpeakers() if self.apart else None

    def any_scored(self, channel: int) -> bool:
        """True where somebody on this channel is judged."""
        return any(self.scored) if self.apart else self.scored[channel]


def role_of_mix(roles: Sequence[Role]) -> Role:
    """Who speaks on channels that turn out to hold one sound: whoever is said to be on all.

    >>> role_of_mix([Role.CUSTOMER, Role.AGENT]), role_of_mix([Role.UNKNOWN, Role.UNKNOWN])
    (<Role.MIXED: 'mixed'>, <Role.UNKNOWN: 'unknown'>)
    """
    return roles[0] if len(set(roles)) == 1 else Role.MIXED


def voices_of(roles: Sequence[Role], policy: ScoringPolicy) -> Voices:
    """The voices of a call whose channels have these roles.

    Where several speak on one channel, it is not known which of them is the agent, so nobody is
    judged, unless agents may be or all are said to be customers: then everybody is.
    """
    if len(roles) != 1 or not policy.tells_apart(roles[0]):
        learnt = tuple(policy.learns(role) for role in roles)
        return Voices(tuple(policy.scores(role) for role in roles), learnt=learnt)
    several = (policy.scores(roles[0]),) * MOST_SPEAKERS
    return Voices(several, apart=True, learnt=(policy.learns(roles[0]),) * MOST_SPEAKERS)
