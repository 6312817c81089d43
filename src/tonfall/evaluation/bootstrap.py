"""How far a figure can be trusted: intervals from resampling speakers.

Clips of one speaker are alike, so it is the number of speakers that a figure rests on. Resampling
clips instead gives intervals that are several times too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from tonfall.evaluation.additive import Additive, Values

__all__ = ["DRAWS", "Interval", "Resampling", "grouped"]

DRAWS = 1000
"""Draws that intervals are made from."""

_AT_ONCE = 128  # draws whose counts stand in memory as floating point


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with the bounds that hold 95 % of its bootstrap draws.

    ``low`` and ``high`` are NaN where no stratum has two speakers.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


class Resampling:
    """Draws of whole speakers with replacement, the same ones for every figure.

    Args:
        speakers: (items,) who spoke each item; null makes the item its own speaker.
        strata: (items,) drawn from apart, such as the corpus; None draws from all together.
        draws: how many.
        rng: where the draws come from.
    """

    def __init__(
        self,
        speakers: Sequence[object],
        *,
        rng: np.random.Generator,
        strata: Sequence[object] | None = None,
        draws: int = DRAWS,
    ) -> None:
        places = [None] * len(speakers) if strata is None else list(strata)
        self._unit = grouped(speakers, places)
        self.units = int(self._unit.max()) + 1 if len(self._unit) else 0
        self._taken = _counts(_unit_strata(self._unit, places), draws, rng)

    @property
    def tells(self) -> bool:
        """False where no stratum has two speakers: every draw is then the figure itself."""
        return not (self._taken == 1).all()

    def interval(self, figure: Additive) -> Interval:
        """The figure of all items, and the middle 95 % of its draws (percentile method).

        NaN where no stratum has two speakers.
        """
        draws = self.draws(figure)
        if not self.tells or np.isnan(draws).all():
            return Interval(figure.point, np.nan, np.nan)
        low, high = np.nanpercentile(draws, [2.5, 97.5])
        return Interval(figure.point, float(low), float(high))

    def draws(self, figure: Additive) -> Values:
        """(draws,) the figure of every draw; NaN where a draw leaves it undefined."""
        sums = unit_sums(figure.terms, self._unit, self.units)
        parts = [
            figure.value(self._taken[first : first + _AT_ONCE].astype(np.float64) @ sums)
            for first in range(0, len(self._taken), _AT_ONCE)
        ]
        return np.concatenate(parts)


def grouped(speakers: Sequence[object], places: Sequence[object]) -> npt.NDArray[np.int64]:
    """(items,) number of each item's speaker; names count within their place (such as a corpus)."""
    numbers: dict[object, int] = {}
    return np.array(
        [
            numbers.setdefault(_key(speaker, place, index), len(numbers))
            for index, (speaker, place) in enumerate(zip(speakers, places, strict=True))
        ],
        np.int64,
    )


def unit_sums(terms: Values, unit: npt.NDArray[np.int64], units: int) -> Values:
    """(units, terms) what each speaker's items add up to."""
    sums = np.zeros((units, terms.shape[1]))
    np.add.at(sums, unit, terms)
    return sums


def _key(speaker: object, place: object, index: int) -> object:
    return (place, None, index) if pd.isna(speaker) else (place, speaker)  # type: ignore[call-overload]


def _unit_strata(unit: npt.NDArray[np.int64], places: Sequence[object]) -> list[object]:
    _, first = np.unique(unit, return_index=True)
    return [places[index] for index in first]


def _counts(
    strata: Sequence[object], draws: int, rng: np.random.Generator
) -> npt.NDArray[np.uint16]:
    """(draws, units) how often each speaker was taken; as many a stratum as it has."""
    counts = np.zeros((draws, len(strata)), np.uint16)
    for place in dict.fromkeys(strata):
        members = np.flatnonzero([other == place for other in strata])
        shares = np.full(len(members), 1 / len(members))
        counts[:, members] = rng.multinomial(len(members), shares, size=draws)
    return counts
