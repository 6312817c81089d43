"""What is read from the store: values, each of one tenant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from sqlalchemy import Row

from tonfall.serve.codecs import Role
from tonfall.serve.records import AlertState, ChannelFacts, Notice, SpeakerSummary, StoredEvent
from tonfall.timeline import Segment, Turn, Window

__all__ = [
    "AlertRow",
    "AuditLine",
    "CallRow",
    "CallState",
    "Counts",
    "Page",
    "TurnRow",
    "WindowRow",
    "alert_row",
    "audit_line",
    "call_row",
    "stored_event",
    "turn_row",
    "window_row",
]

Item = TypeVar("Item")


class CallState(StrEnum):
    """Where a call stands, in a word made of two facts: whether it ended, and was purged.

    A purged call, of which what was judged is deleted, is ``purged`` before and after its end.
    """

    LIVE = "live"
    ENDED = "ended"
    PURGED = "purged"


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some of the answers.

    Attributes:
        cursor: to be given for those that follow; None where none do.
    """

    items: tuple[Item, ...]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call; what is known at its end only is None before.

    Attributes:
        node: that took it.
        ended_at: None while it goes on, purged or not.
        purged_at: when what was judged of it was deleted; None where nothing was.
        complete: False where the end was not said, or its node was lost.
        mixed_s: seconds from which on all channels are heard as one; None where they are not.
        caller: salted hash, or None.
        prior: version of the line's prior that it started from; None for the bundle's own.
    """

    id: str
    tenant: str
    node: str
    at: datetime
    ended_at: datetime | None
    purged_at: datetime | None
    carrier: str
    external_id: str
    channels: tuple[ChannelFacts, ...]
    sampling_rate: int
    model: str
    model_hash: str
    labels: tuple[str, ...]
    notice: Notice
    caller: str | None
    prior: str | None = None
    reason: str | None = None
    complete: bool | None = None
    seconds: float | None = None
    overlap_s: float | None = None
    silence_s: float | None = None
    mixed_s: float | None = None
    shed: int | None = None
    speakers: tuple[SpeakerSummary, ...] = ()
    counters: Mapping[str, int] = field(default_factory=dict)

    @property
    def state(self) -> CallState:
        """Where it stands."""
        if self.purged_at is not None:
            return CallState.PURGED
        return CallState.LIVE if self.ended_at is None else CallState.ENDED


@dataclass(frozen=True, slots=True)
class WindowRow:
    """A judged window; ``id`` is that of the event that told of it."""

    id: int
    call: str
    tenant: str
    at: datetime
    window: Window
    smoothed: tuple[float, ...]
    trend: str


@dataclass(frozen=True, slots=True)
class TurnRow:
    """A turn; ``id`` is that of the event that told of it."""

    id: int
    call: str
    tenant: str
    at: datetime
    turn: Turn


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert, and who moved it last."""

    id: str
    call: str
    tenant: str
    at: datetime
    rule: str
    severity: str
    channel: int
    speaker: str
    seconds: float
    evidence: Mapping[str, float]
    threshold_origin: str
    state: AlertState
    moved_at: datetime | None
    moved_by: str | None
    note: str


@dataclass(frozen=True, slots=True)
class AuditLine:
    """Who did what to what; chained by ``previous`` and ``hash`` (SHA-256, hexadecimal)."""

    id: int
    tenant: str
    at: datetime
    actor: str
    action: str
    subject: str
    details: Mapping[str, object]
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows of each kind were deleted."""

    calls: int = 0
    windows: int = 0
    turns: int = 0
    alerts: int = 0
    events: int = 0
    deliveries: int = 0
    audit: int = 0
    priors: int = 0

    def __add__(self, other: Counts) -> Counts:
        mine, theirs = self.as_dict(), other.as_dict()
        return Counts(**{name: mine[name] + theirs[name] for name in mine})

    def as_dict(self) -> dict[str, int]:
        """By name.

        >>> Counts(calls=1).as_dict()["calls"]
        1
        """
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @property
    def total(self) -> int:
        """Of all kinds."""
        return sum(self.as_dict().values())


def call_row(row: Row[Any], channels: Sequence[Row[Any]]) -> CallRow:
    """A call from its row and those of its channels."""
    found = row._asdict()
    return CallRow(
        **{
            **found,
            "notice": Notice(found["notice"]),
            "labels": tuple(found["labels"]),
            "speakers": tuple(_speaker(one) for one in found["speakers"] or ()),
            "counters": found["counters"] or {},
            "channels": tuple(_channel(one) for one in channels),
        }
    )


def _speaker(found: Mapping[str, Any]) -> SpeakerSummary:
    return SpeakerSummary(**{**found, "mean": tuple(found["mean"])})


def _channel(row: Row[Any]) -> ChannelFacts:
    found = row._asdict()
    return ChannelFacts(found["index"], Role(found["role"]), found["source"], found["scored"])


def window_row(row: Row[Any]) -> WindowRow:
    """A window from its row."""
    found = row._asdict()
    window = Window(
        **_scores(found),
        speech_ratio=found["speech_ratio"],
        snr_db=found["snr_db"],
        heard=found["heard"],
    )
    head = {name: found[name] for name in ("id", "call", "tenant", "at", "trend")}
    return WindowRow(**head, window=window, smoothed=tuple(found["smoothed"]))


def turn_row(row: Row[Any]) -> TurnRow:
    """A turn from its row."""
    found = row._asdict()
    head = {name: found[name] for name in ("id", "call", "tenant", "at")}
    return TurnRow(**head, turn=Turn(**_scores(found), short=found["short"]))


def _scores(found: Mapping[str, Any]) -> dict[str, Any]:
    names = ("channel", "speaker", "guess", "confidence", "unclear")
    dimensions = ("arousal", "valence", "dominance")
    return {
        "segment": Segment(found["start_sample"], found["end_sample"]),
        "probabilities": tuple(found["probabilities"]),
        **{name: found[name] for name in names + dimensions},
    }


def alert_row(row: Row[Any]) -> AlertRow:
    """An alert from its row."""
    found = row._asdict()
    return AlertRow(**{**found, "state": AlertState(found["state"])})


def audit_line(row: Row[Any]) -> AuditLine:
    """A line of the audit from its row."""
    return AuditLine(**row._asdict())


def stored_event(row: Row[Any]) -> StoredEvent:
    """An event from its row."""
    return StoredEvent(**row._asdict())
