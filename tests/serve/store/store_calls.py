"""Made-up calls, as changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from tonfall.serve.codecs import EndReason, Role
from tonfall.serve.records import (
    AlertMoved,
    AlertOpened,
    AlertState,
    CallClosed,
    CallMixed,
    CallOpened,
    CallPurged,
    ChannelFacts,
    Notice,
    NoticeMoved,
    SpeakerSummary,
    TurnHeard,
    WindowHeard,
)
from tonfall.timeline import Segment, Turn, Window

LABELS = ("neutral", "anger", "sadness")
START = datetime(2026, 11, 25, 9, 30, 0, 123456, tzinfo=UTC)
SECOND = 16_000


class MadeCall:
    """One call of a tenant, and what happens on it."""

    def __init__(
        self, tenant: str = "acme", *, at: datetime = START, caller: str | None = None
    ) -> None:
        self.id = uuid4().hex
        self.tenant = tenant
        self.at = at
        self.caller = caller

    def after(self, seconds: float) -> datetime:
        return self.at + timedelta(seconds=seconds)

    def opened(self, **other: object) -> CallOpened:
        sides = (
            ChannelFacts(0, Role.CUSTOMER, "inbound", True),
            ChannelFacts(1, Role.AGENT, "outbound", False),
        )
        facts: dict[str, object] = {
            "call": self.id,
            "tenant": self.tenant,
            "at": self.at,
            "carrier": "twilio",
            "external_id": "CA2f7c0011223344556677889900aabbcc",
            "channels": sides,
            "sampling_rate": 8000,
            "model": "small",
            "model_hash": "ab" * 32,
            "labels": LABELS,
            "notice": Notice.GIVEN,
            "caller": self.caller,
        }
        return CallOpened(**{**facts, **other})  # type: ignore[arg-type]

    def window(self, number: int = 0) -> WindowHeard:
        anger = round(0.2 + 0.001 * (number % 500), 6)
        window = Window(
            segment=Segment(number * SECOND, (number + 3) * SECOND),
            channel=0,
            speaker="customer",
            guess="anger",
            confidence=anger,
            unclear=number % 2 == 0,
            probabilities=(round(0.9 - anger, 6), anger, 0.1),
            arousal=0.61,
            valence=0.25,
            dominance=None,
            speech_ratio=0.875,
            snr_db=17.5,
            heard=float(number),
        )
        at = self.after(number + 3.1)
        return WindowHeard(self.id, self.tenant, at, window, (0.5, 0.3, 0.2), "worsening")

    def turn(self, number: int = 0) -> TurnHeard:
        segment = Segment(number * SECOND, (number + 2) * SECOND)
        turn = Turn(segment, 0, "customer", "anger", 0.7, False, (0.2, 0.7, 0.1), 0.6, 0.3, 0.5)
        turn = replace(turn, short=number % 2 == 1)
        return TurnHeard(self.id, self.tenant, self.after(number + 2.1), turn)

    def alert(self, seconds: float = 9.0) -> AlertOpened:
        return AlertOpened(
            alert=uuid4().hex,
            call=self.id,
            tenant=self.tenant,
            at=self.after(seconds),
            rule="anger persists",
            severity="warning",
            channel=0,
            speaker="customer",
            seconds=seconds,
            evidence={"level": 0.72, "for_s": 6.0},
        )

    def moved(self, alert: AlertOpened, state: AlertState, by: str = "key-1") -> AlertMoved:
        at = alert.at + timedelta(seconds=4)
        return AlertMoved(alert.alert, self.tenant, at, state, by, "looked at it")

    def mixed(self, seconds: float = 12.0) -> CallMixed:
        sides = tuple(replace(side, scored=False) for side in self.opened().channels)
        return CallMixed(self.id, self.tenant, self.after(seconds), seconds, sides)

    def notice(self, notice: Notice) -> NoticeMoved:
        return NoticeMoved(self.id, self.tenant, self.after(5), notice, "key-1")

    def purged(self, reason: str = "objection") -> CallPurged:
        return CallPurged(self.id, self.tenant, self.after(20), reason, "key-1")

    def closed(self, seconds: float = 30.0) -> CallClosed:
        speakers = (
            SpeakerSummary(0, "customer", 12.0, 0.75, "worsening", (0.5, 0.4, 0.1)),
            SpeakerSummary(1, "agent", 4.0, 0.25, "unknown"),
        )
        return CallClosed(
            call=self.id,
            tenant=self.tenant,
            at=self.after(seconds),
            reason=EndReason.HUNG_UP,
            complete=True,
            seconds=seconds,
            speakers=speakers,
            overlap_s=1.5,
            silence_s=4.0,
            shed=2,
            counters={"packets": 1500, "late": 3},
        )
