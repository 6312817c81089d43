"""The site's prior as calls go on: the mean of a line's callers, to which many are added at a time.

Nothing of a single caller has to be kept for it. Each counts for between :data:`LEAST_GATED_S` and
:data:`MOST_GATED_S` seconds: who gave less is not counted, and of who gave more the mean is taken
for that many. So of *n* callers one weighs at most 16 / (8 n): twice the equal share, the cap of
:func:`tonfall.adaptation.capped_weights`, and known before the others have called. A sum is enough.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from tonfall.adaptation.prior import SHIPPED_WEIGHT_S
from tonfall.runtime import Baseline

__all__ = [
    "FADING_CALLERS",
    "JUMP",
    "LEAST_CALLERS",
    "LEAST_GATED_S",
    "MOST_GATED_S",
    "Callers",
    "heard_caller",
    "jump",
    "line_mean",
    "merged",
]

LEAST_CALLERS = 20
"""Callers from which on a mean is used or written down, and that make a batch."""

LEAST_GATED_S = 8.0
"""Seconds of speech, times their gate, below which a caller is not counted."""

MOST_GATED_S = 16.0
"""Seconds of speech, times their gate, that a caller counts for at most."""

FADING_CALLERS = 400
"""Callers that a mean weighs as much as, at most: with more, what is older fades. A batch of twenty
then moves it by a twentieth, and what is learnt from more than 400 gains nothing."""

JUMP = 3.0
"""A batch's distance from the mean, in what chance makes of it, from which on the line has changed.

Between means of the same line the square of that distance is one on average, whatever the number of
features; three is nine times that. docs/adaptation.md says what was seen.
"""

_LEAST_SPREAD = 0.01
"""Of the mean's own length. Callers who sound alike to one in a hundred are one recording, played
again and again, and of those every difference would be a jump."""

_Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Callers:
    """What many callers sounded like; of one or two only while it is in memory.

    Attributes:
        mean: (features,) float64.
        weight: gated seconds of speech.
        variance: mean squared distance of a caller from the mean, over all features together.
        callers: how many, as far as they have not faded.
    """

    mean: _Values = field(repr=False)
    weight: float = field(repr=False)
    variance: float = field(repr=False)
    callers: int

    def joined(self, other: Callers) -> Callers:
        """These and others."""
        weight = self.weight + other.weight
        share = other.weight / weight
        apart = other.mean - self.mean
        variance = (1 - share) * self.variance + share * other.variance
        return Callers(
            self.mean + share * apart,
            weight,
            variance + share * (1 - share) * float(apart @ apart),
            self.callers + other.callers,
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError("what callers sounded like is not stored but as a batch of many")


def heard_caller(voices: Sequence[Baseline]) -> Callers | None:
    """What one caller adds; None where too little was heard.

    Args:
        voices: what was learnt on the caller's channel, from windows judged against the model's own
            prior; of several voices on it all count as one caller.
    """
    weight = sum(voice.weight for voice in voices)
    if weight < LEAST_GATED_S:
        return None
    mean = np.sum([voice.total for voice in voices], axis=0) / weight
    return Callers(np.asarray(mean, np.float64), min(weight, MOST_GATED_S), 0.0, 1)


def merged(running: Callers, batch: Callers) -> Callers:
    """The mean so far with a batch; what is older fades beyond 400 callers.

    No caller of the batch moves the mean by more than 2 / n of the distance between the two, where
    n are the callers of the result.
    """
    room = max(0, FADING_CALLERS - batch.callers)
    if running.callers <= room:
        return running.joined(batch)
    kept = replace(running, weight=running.weight * room / running.callers, callers=room)
    return kept.joined(batch)


def jump(running: Callers, batch: Callers) -> float:
    """How far a batch lies from the mean so far, in units of what chance makes of it.

    Two means of n and k callers who are drawn from the same line lie apart by the spread of single
    callers times sqrt(1 / n + 1 / k), in the root of the mean square. The spread is that of the
    callers so far: of the batch it could be made large by who wants to go unseen.
    """
    least = _LEAST_SPREAD * float(np.linalg.norm(running.mean))
    spread = max(math.sqrt(running.variance), least)
    expected = spread * math.sqrt(1 / running.callers + 1 / batch.callers)
    return float(np.linalg.norm(batch.mean - running.mean)) / max(expected, 1e-12)


def line_mean(callers: Callers, shipped: _Values) -> _Values:
    """Where calls of the line start: the callers' mean, with 8 seconds of the model's own prior.

    Args:
        callers: at least 20.
        shipped: (features,), the prior mean of the bundle.
    """
    assert callers.callers >= LEAST_CALLERS, callers.callers
    total = callers.weight * callers.mean + SHIPPED_WEIGHT_S * shipped
    return np.asarray(total / (callers.weight + SHIPPED_WEIGHT_S), np.float64)
