"""Which voices a call has, and which of them are judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tonfall.diarization import CUSTOMER_SURE, MOST_SPEAKERS
from tonfall.serve.calls.policy import ScoringPolicy
from tonfall.serve.codecs import Role
from tonfall.streaming import LiveSpeakers

__all__ = ["Voices", "voices_of"]

_SECOND = tuple(number == 1 for number in range(MOST_SPEAKERS))


@dataclass(frozen=True, slots=True)
class Voices:
    """The voices of a call.

    Attributes:
        scored: for each channel, or for each speaker of the only one, False where it is heard for
            its turns only.
        apart: True where the speakers of the only channel are told apart.
        ordered: True where one of them is judged for having spoken second.
    """

    scored: tuple[bool, ...]
    apart: bool = False
    ordered: bool = False

    def speakers(self) -> LiveSpeakers | None:
        """What tells them apart; None where each channel is a speaker."""
        if not self.apart:
            return None
        return LiveSpeakers(sure=CUSTOMER_SURE if self.ordered else 0.0, ordered=self.ordered)

    def any_scored(self, channel: int) -> bool:
        """True where somebody on this channel is judged."""
        return any(self.scored) if self.apart else self.scored[channel]


def voices_of(roles: Sequence[Role], policy: ScoringPolicy) -> Voices:
    """The voices of a call whose channels have these roles.

    Where several speak on one channel, it is not known which of them is the agent, so nobody is
    judged. There are two exceptions: agents may be judged; or it was said that the agent speaks
    first, then the second to speak is judged where the attribution is sure.
    """
    if len(roles) != 1 or not policy.tells_apart(roles[0]):
        return Voices(tuple(policy.scores(role) for role in roles))
    if policy.scores(roles[0]):
        return Voices((True,) * MOST_SPEAKERS, apart=True)
    if roles[0] is Role.AGENT_FIRST and policy.trust_order:
        return Voices(_SECOND, apart=True, ordered=True)
    return Voices((False,) * MOST_SPEAKERS, apart=True)
