"""What calls, store and HTTP pass round: facts about a call, each frozen, each with its time.

A call is told as a row of changes: :class:`CallOpened`, then windows, turns, alerts and changes of
notice in any order, at most one :class:`CallMixed` among them, then :class:`CallClosed`. The store
writes each in one transaction together with the event that others see of it, so nobody sees what
was not written.

Nothing here holds audio, words, names or numbers of people; a caller is known by a salted hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tonfall.serve.codecs import EndReason, Role
from tonfall.serve.firings import CallFirings
from tonfall.timeline import Turn, Window

__all__ = [
    "AlertMoved",
    "AlertOpened",
    "AlertState",
    "CallClosed",
    "CallMixed",
    "CallOpened",
    "CallPurged",
    "Change",
    "ChannelFacts",
    "Notice",
    "NoticeMoved",
    "SpeakerSummary",
    "StoredEvent",
    "TurnHeard",
    "WindowHeard",
]


class Notice(StrEnum):
    """What the persons on a call were told of being analysed, and what they said to it."""

    UNKNOWN = "unknown"
    GIVEN = "given"
    CONSENTED = "consented"
    REFUSED = "refused"

    @property
    def told(self) -> bool:
        """True where the persons know, and did not refuse."""
        return self in (Notice.GIVEN, Notice.CONSENTED)

    def may_become(self, after: Notice) -> bool:
        """True where the state of notice may change so; what was refused stays refused.

        >>> Notice.GIVEN.may_become(Notice.CONSENTED), Notice.REFUSED.may_become(Notice.CONSENTED)
        (True, False)
        """
        order = list(Notice)
        return order.index(after) > order.index(self)


class AlertState(StrEnum):
    """Where an alert stands; open or acknowledged until somebody resolves it."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    FALSE_ALARM = "false_alarm"


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """One side of a call.

    Attributes:
        index: from 0.
        role: who speaks on it.
        source: what the telephone system calls it.
        scored: False where it is heard for its turns only.
    """

    index: int
    role: Role
    source: str
    scored: bool


@dataclass(frozen=True, slots=True)
class CallOpened:
    """A call began.

    Attributes:
        call: our own id, a UUID as 32 hexadecimal digits.
        tenant: whose call it is.
        at: UTC.
        carrier: "native", "twilio", "audiohook", "audiosocket", "chan_websocket" or "rtp".
        external_id: as the telephone system names the call, or a hash of it.
        channels: in order of their index.
        sampling_rate: of the source, in Hz.
        model, model_hash, labels: of the bundle that judges.
        prior: version of the line's prior that the call starts from; None for the bundle's own.
        notice: as the call began.
        caller: salted hash of the caller's number or reference, or None where none was given.
    """

    call: str
    tenant: str
    at: datetime
    carrier: str
    external_id: str
    channels: tuple[ChannelFacts, ...]
    sampling_rate: int
    model: str
    model_hash: str
    labels: tuple[str, ...]
    notice: Notice = Notice.UNKNOWN
    caller: str | None = None
    prior: str | None = None


@dataclass(frozen=True, slots=True)
class WindowHeard:
    """A window was judged.

    Attributes:
        window: with times in samples at 16 kHz since the call's start.
        smoothed: probabilities after smoothing over the call so far, in the order of the labels.
        trend: "improving", "steady", "worsening" or "unknown".
    """

    call: str
    tenant: str
    at: datetime
    window: Window
    smoothed: tuple[float, ...]
    trend: str


@dataclass(frozen=True, slots=True)
class TurnHeard:
    """A turn is over."""

    call: str
    tenant: str
    at: datetime
    turn: Turn


@dataclass(frozen=True, slots=True)
class CallMixed:
    """All channels of a call were found to hold the same sound, so they are heard as one.

    Attributes:
        seconds: since the call's start, from which on they are; what was judged before stays.
        channels: as in :class:`CallOpened`, with what is scored from then on.
    """

    call: str
    tenant: str
    at: datetime
    seconds: float
    channels: tuple[ChannelFacts, ...]


@dataclass(frozen=True, slots=True)
class AlertOpened:
    """A rule fired.

    Attributes:
        alert: our own id, 32 hexadecimal digits.
        rule: its name in the rules file.
        severity: "info", "warning" or "critical".
        seconds: since the call's start, of the newest sample that counted.
        evidence: the numbers that made it fire, such as level, threshold and persistence; no words.
        threshold_origin: where the threshold comes from: "fixed", "budget" or "fallback".
    """

    alert: str
    call: str
    tenant: str
    at: datetime
    rule: str
    severity: str
    channel: int
    speaker: str
    seconds: float
    evidence: Mapping[str, float] = field(default_factory=dict)
    threshold_origin: str = "fixed"


@dataclass(frozen=True, slots=True)
class AlertMoved:
    """Somebody, or the end of its cause, moved an alert on.

    Attributes:
        by: id of the key or user that did it; "system" where nobody did.
    """

    alert: str
    tenant: str
    at: datetime
    state: AlertState
    by: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class NoticeMoved:
    """The persons on a call were told, agreed or refused."""

    call: str
    tenant: str
    at: datetime
    notice: Notice
    by: str


@dataclass(frozen=True, slots=True)
class CallPurged:
    """All that was judged of a call is to be deleted.

    Attributes:
        reason: "objection": a person on it objects, so its notice is refused and its caller is put
            on the list. "erasure": somebody asked for it to be deleted, and nobody objects.
    """

    call: str
    tenant: str
    at: datetime
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class SpeakerSummary:
    """One speaker over a whole call.

    Attributes:
        talk_s: seconds of speech.
        talk_ratio: in [0, 1], of all speech of the call.
        trend: as in :class:`WindowHeard`.
        mean: mean probabilities over the windows, in the order of the labels; empty if unscored.
    """

    channel: int
    speaker: str
    talk_s: float
    talk_ratio: float
    trend: str
    mean: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class CallClosed:
    """A call is over.

    Attributes:
        reason: why; the store keeps words of this list alone.
        complete: False where the end was not said as the protocol wants it.
        seconds: of the call, gaps included.
        overlap_s, silence_s: when more than one, or nobody, spoke.
        shed: windows that were given up under load.
        counters: packets, gaps, late and the like, by name.
        firings: what the call adds to the curves that budgets of alerts are held against; none of
            it is told with the call.
    """

    call: str
    tenant: str
    at: datetime
    reason: EndReason
    complete: bool
    seconds: float
    speakers: tuple[SpeakerSummary, ...] = ()
    overlap_s: float = 0.0
    silence_s: float = 0.0
    shed: int = 0
    counters: Mapping[str, int] = field(default_factory=dict)
    firings: tuple[CallFirings, ...] = ()


Change = (
    CallOpened
    | WindowHeard
    | TurnHeard
    | CallMixed
    | AlertOpened
    | AlertMoved
    | NoticeMoved
    | CallPurged
    | CallClosed
)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A change as others see it, once it is committed.

    Attributes:
        id: rises by commit over all nodes; what a client resumes from.
        call: empty where it is of no call.
        kind: "call.opened", "window", "turn", "call.mixed", "alert.opened", "alert.moved",
            "notice", "call.purged" or "call.closed"; of a line's prior "prior.published",
            "prior.frozen", "prior.resumed" or "prior.reset".
        payload: plain JSON values.
    """

    id: int
    tenant: str
    call: str
    kind: str
    at: datetime
    payload: Mapping[str, object]
