"""The values of :mod:`.priors`: whose prior it is, how it stands, and what is added to it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Row

from tonfall.adaptation import FADING_CALLERS, Callers, line_mean

__all__ = [
    "Batch",
    "Line",
    "Outcome",
    "PriorRow",
    "PriorState",
    "callers_of",
    "held_callers",
    "prior_row",
    "rounded",
    "start_of",
    "version_of",
]

DIGITS = 6
VERSION_LENGTH = 16
_Values = npt.NDArray[np.float64]


class PriorState(StrEnum):
    """Where a line's prior stands."""

    LEARNING = "learning"
    IN_USE = "in_use"
    FROZEN = "frozen"


class Outcome(StrEnum):
    """What became of a batch, or of what somebody asked for."""

    PUBLISHED = "published"
    FROZEN = "frozen"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Line:
    """Whose prior it is: of one model, since features of another cannot be added."""

    tenant: str
    carrier: str
    model_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a node gathered.

    Attributes:
        callers: 20 or more.
        calls: their ids.
        generation: of the row, as the batch was begun; 0 where there was none.
        model: the name of the bundle.
        shipped: (features,), its prior mean.
        weight_s: seconds that the line's prior counts for in a call.
    """

    line: Line
    callers: Callers
    calls: tuple[str, ...]
    generation: int
    model: str
    shipped: _Values = field(repr=False)
    weight_s: float


@dataclass(frozen=True, slots=True)
class PriorRow:
    """A line's prior as it stands.

    Attributes:
        version: of the mean that new calls start from; None before there is one.
        callers: whose calls were added since ``started_at``, each batch counting a caller once.
        weight: gated seconds of speech that the mean stands for; what faded is not in it.
        distance: of the newest batch, in units of chance; None before there were two.
        frozen_at: since when it is frozen; None where it is not.
        held: callers of the batch that froze it.
    """

    line: Line
    model: str
    generation: int
    updated_at: datetime
    started_at: datetime | None
    published_at: datetime | None
    frozen_at: datetime | None
    version: str | None
    callers: int
    weight: float
    distance: float | None
    held: int | None

    @property
    def state(self) -> PriorState:
        """Where it stands."""
        if self.frozen_at is not None:
            return PriorState.FROZEN
        return PriorState.LEARNING if self.version is None else PriorState.IN_USE


def version_of(line: Line, mean: Sequence[float], weight_s: float) -> str:
    """A digest of what calls start from: 16 hexadecimal digits."""
    told = repr((line.model_hash, list(mean), weight_s))
    return hashlib.sha256(told.encode()).hexdigest()[:VERSION_LENGTH]


def start_of(callers: Callers, shipped: _Values) -> list[float]:
    """Where calls start, to the digits that make its version."""
    return [round(float(value), DIGITS) for value in line_mean(callers, shipped)]


def prior_row(row: Row[Any]) -> PriorRow:
    """How a prior stands, from its row without the mean."""
    found = row._asdict()
    line = Line(found.pop("tenant"), found.pop("carrier"), found.pop("model_hash"))
    held = found.pop("held")
    return PriorRow(line=line, held=held and held["callers"], **found)


def callers_of(row: Row[Any]) -> Callers | None:
    """What the callers of a row sounded like; None where there is no mean yet."""
    if row.mean is None:
        return None
    return Callers(np.array(row.mean, np.float64), row.weight, row.variance, _unfaded(row.callers))


def _unfaded(callers: int) -> int:
    """How many of the callers since the start the mean still weighs as much as."""
    return min(callers, FADING_CALLERS)


def held_callers(held: Mapping[str, Any]) -> Callers:
    """The batch that froze a prior."""
    mean = np.array(held["mean"], np.float64)
    return Callers(mean, held["weight"], held["variance"], held["callers"])


def rounded(callers: Callers) -> Callers:
    """To the digits that are written down."""
    mean, weight = np.round(callers.mean, DIGITS), round(callers.weight, 3)
    return Callers(mean, weight, round(callers.variance, 9), callers.callers)
