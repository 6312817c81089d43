"""What the API answers, for its description and for the clients that are made from it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from tonfall.serve.records import AlertState, Notice

__all__ = [
    "AlertDocument",
    "AlertPage",
    "AlertRuleDocument",
    "AlertRuleLine",
    "AlertRuleList",
    "AuditPage",
    "CallDocument",
    "CallPage",
    "ErasureDocument",
    "ErasureRequest",
    "ForgottenDocument",
    "HealthDocument",
    "MoveRequest",
    "NoticeRequest",
    "ObjectionDocument",
    "ObjectionRequest",
    "PredictionDocument",
    "TicketDocument",
    "TurnList",
    "WindowList",
    "WithdrawalDocument",
    "example",
]

Identifier = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Reference = Annotated[str, Field(min_length=1, max_length=256)]
CALL_ID = "8f14e45fceea467a9575a1f0b7c0de11"
ALERT_ID = "c9f0f895fb98ab9159f51fd0297e236d"
CURSOR = "MTc2NDA2MzAwMDAwMDAwMDo4ZjE0ZTQ1Zg"
PROBABILITIES = {"neutral": 0.14, "happiness": 0.03, "sadness": 0.05, "anger": 0.78}


def example(value: Any) -> ConfigDict:
    """A model's settings, with one example of it."""
    return ConfigDict(json_schema_extra={"example": value})


SCORED = {
    "channel": 0,
    "speaker": "S1",
    "start": 12.0,
    "end": 15.0,
    "label": "anger",
    "guess": "anger",
    "confidence": 0.78,
    "probabilities": PROBABILITIES,
    "arousal": 0.74,
    "valence": 0.22,
    "dominance": 0.66,
}
HEARD = {"id": 1041, "at": "2026-11-25T09:30:15.114Z", **SCORED}
TURN = {**HEARD, "short": False}
WINDOW = {
    **HEARD,
    "id": 1040,
    "speech_ratio": 0.91,
    "snr_db": 18.5,
    "heard": 9.2,
    "smoothed": PROBABILITIES,
    "trend": "worsening",
}
CALL: dict[str, Any] = {
    "id": CALL_ID,
    "state": "ended",
    "at": "2026-11-25T09:30:00.000Z",
    "ended_at": "2026-11-25T09:31:01.240Z",
    "carrier": "twilio",
    "external_id": "CA2f7c0011223344556677889900aabbcc",
    "channels": [
        {"index": 0, "role": "customer", "source": "inbound", "scored": True},
        {"index": 1, "role": "agent", "source": "outbound", "scored": False},
    ],
    "sampling_rate": 8000,
    "model": "small",
    "model_hash": "5d41402abc4b2a76b9719d911017c592",
    "prior": "9f86d081884c7d65",
    "labels": list(PROBABILITIES),
    "notice": "given",
    "reason": "stop",
    "complete": True,
    "seconds": 61.2,
    "overlap_s": 1.4,
    "silence_s": 9.8,
    "shed": 0,
    "speakers": [
        {
            "channel": 0,
            "speaker": "S1",
            "talk_s": 30.6,
            "talk_ratio": 0.6,
            "trend": "worsening",
            "mean": PROBABILITIES,
        }
    ],
    "counters": {"packets": 6120, "lost": 0, "gaps": 0},
}
ALERT = {
    "alert": ALERT_ID,
    "call": CALL_ID,
    "at": "2026-11-25T09:30:21.402Z",
    "rule": "anger",
    "severity": "warning",
    "channel": 0,
    "speaker": "S1",
    "seconds": 21.4,
    "evidence": {"level_1": 0.71, "threshold_1": 0.62382, "held_s": 4.0},
    "threshold_origin": "budget",
    "state": "acknowledged",
    "moved_at": "2026-11-25T09:30:40.000Z",
    "moved_by": "key:1f0c2b7d9e3a4455",
    "note": "Took over the call.",
}


class ChannelDocument(BaseModel):
    """One side of a call; it is scored only where ``scored`` is true."""

    index: int
    role: str
    source: str
    scored: bool


class SpeakerDocument(BaseModel):
    """One speaker over a whole call."""

    channel: int
    speaker: str
    talk_s: float
    talk_ratio: float
    trend: str
    mean: dict[str, float]


class CallDocument(BaseModel):
    """A call; what is known at its end only is null before.

    ``state`` is "purged" where ``purged_at`` is set, else "ended" where ``ended_at`` is, else
    "live". A call that was purged while it went on has its end in ``ended_at`` all the same.
    From ``mixed_s`` on all channels were heard as one, since they held the same sound. ``prior`` is
    the version of the line's prior that the call started from; null for the model's own.
    """

    model_config = example(CALL)

    id: str
    state: str
    at: str
    ended_at: str | None
    purged_at: str | None = None
    carrier: str
    external_id: str
    channels: list[ChannelDocument]
    sampling_rate: int
    model: str
    model_hash: str
    prior: str | None = None
    labels: list[str]
    notice: Notice
    reason: str | None
    complete: bool | None
    seconds: float | None
    overlap_s: float | None
    silence_s: float | None
    mixed_s: float | None = None
    shed: int | None
    speakers: list[SpeakerDocument]
    counters: dict[str, int]


class CallPage(BaseModel):
    """Calls, the newest first; ``cursor`` asks for those that follow."""

    model_config = example({"calls": [CALL], "cursor": CURSOR})

    calls: list[CallDocument]
    cursor: str | None


class ScoredDocument(BaseModel):
    """What a stretch of one speaker's speech sounded like; nothing where it was not scored.

    ``label`` is the guess, or "unclear" where its confidence is below the model's threshold;
    ``guess`` is the most probable category, ``confidence`` its probability.
    """

    id: int
    at: str
    channel: int
    speaker: str
    start: float
    end: float
    label: str | None
    guess: str | None
    confidence: float | None
    probabilities: dict[str, float]
    arousal: float | None
    valence: float | None
    dominance: float | None


class TurnDocument(ScoredDocument):
    """A turn; ``short`` where there was less speech than a window needs: it rests on little."""

    short: bool


class WindowDocument(ScoredDocument):
    """A window."""

    speech_ratio: float
    snr_db: float | None
    heard: float | None
    smoothed: dict[str, float]
    trend: str


class WindowList(BaseModel):
    """Windows in the order in which they were judged; ``after`` asks for those that follow."""

    model_config = example({"windows": [WINDOW], "after": 1040})

    windows: list[WindowDocument]
    after: int


class TurnList(BaseModel):
    """Turns in the order in which they ended; ``after`` asks for those that follow."""

    model_config = example({"turns": [TURN], "after": 1041})

    turns: list[TurnDocument]
    after: int


class AlertDocument(BaseModel):
    """An alert: advice to look at a call, never a decision.

    ``threshold_origin`` is "fixed" where the rule has no budget, "budget" where the threshold
    follows from the calls that were heard, "fallback" where these were too few yet.
    """

    model_config = example(ALERT)

    alert: str
    call: str
    at: str
    rule: str
    severity: str
    channel: int
    speaker: str
    seconds: float
    evidence: dict[str, float]
    threshold_origin: str
    state: AlertState
    moved_at: str | None
    moved_by: str | None
    note: str


class AlertPage(BaseModel):
    """Alerts, the newest first; ``cursor`` asks for those that follow."""

    model_config = example({"alerts": [ALERT], "cursor": CURSOR})

    alerts: list[AlertDocument]
    cursor: str | None


RULE: dict[str, Any] = {
    "rule": "anger",
    "severity": "info",
    "when": [
        {
            "measure": ["anger", "frustration"],
            "of": "smoothed",
            "above": 0.5,
            "below": None,
            "release": 0.4,
        }
    ],
    "budget": 20.0,
    "hours_needed": 25.0,
    "half_life_hours": 200.0,
    "thresholds": [
        {
            "carrier": "twilio",
            "threshold": 0.62382,
            "release": 0.52506,
            "origin": "budget",
            "hours": 212.4,
            "expected": 19.3,
            "fired": 21.2,
        }
    ],
}


class AlertRuleLine(BaseModel):
    """A rule as it holds for calls of one telephone system that begin now.

    ``hours`` of calls were heard, of which earlier ones count for less; ``expected`` and ``fired``
    are alerts in 100 call hours: those that the rule would have opened in them at this threshold,
    and those that it opened. ``origin`` is "budget", "fallback" (as it
    is written, until ``hours_needed`` were heard) or "learning" (silent until then).
    """

    carrier: str
    threshold: float | None
    release: float | None
    origin: str
    hours: float
    expected: float | None
    fired: float | None


class ConditionDocument(BaseModel):
    """A condition of a rule, as it is written."""

    measure: list[str]
    of: str
    above: float | None = None
    below: float | None = None
    release: float | None = None


class AlertRuleDocument(BaseModel):
    """A rule; ``thresholds`` are of telephone systems of which calls were heard.

    For all others, and for a rule without a budget, it holds as it is written.
    """

    model_config = example(RULE)

    rule: str
    severity: str
    when: list[ConditionDocument]
    budget: float | None
    hours_needed: float | None
    half_life_hours: float | None
    thresholds: list[AlertRuleLine]


class AlertRuleList(BaseModel):
    """The rules, in the order in which they are written."""

    model_config = example({"rules": [RULE]})

    rules: list[AlertRuleDocument]


class ForgottenDocument(BaseModel):
    """How many curves of thresholds were deleted."""

    model_config = example({"curves": 2})

    curves: int


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MoveRequest(_Request):
    """Why an alert is moved on, in a few words; no names, for it is kept."""

    model_config = ConfigDict(extra="forbid", **example({"note": "Took over the call."}))

    note: Annotated[str, Field(max_length=500)] = ""


class NoticeRequest(_Request):
    """What the persons on the call were told, or said to it."""

    model_config = ConfigDict(extra="forbid", **example({"notice": "given"}))

    notice: Notice


class ObjectionRequest(_Request):
    """A caller who is not to be scored, now and in later calls."""

    model_config = ConfigDict(extra="forbid", **example({"caller": "+49 170 1234567"}))

    caller: Reference


class ObjectionDocument(BaseModel):
    """Whether the caller was put on the list, or stood there already, and what ended at once."""

    model_config = example({"added": True, "calls": [CALL_ID]})

    added: bool
    calls: list[str]


class WithdrawalDocument(BaseModel):
    """Whether the caller was on the list of objections."""

    model_config = example({"removed": True})

    removed: bool


class ErasureRequest(_Request):
    """All calls of this caller are deleted."""

    model_config = ConfigDict(extra="forbid", **example({"caller": "+49 170 1234567"}))

    caller: Reference


class ErasureDocument(BaseModel):
    """How many rows of each kind were deleted."""

    model_config = example(
        {
            "calls": 1,
            "windows": 61,
            "turns": 14,
            "alerts": 1,
            "events": 78,
            "deliveries": 1,
            "audit": 0,
            "priors": 0,
        }
    )

    calls: int
    windows: int
    turns: int
    alerts: int
    events: int
    deliveries: int
    audit: int
    priors: int


class AuditLineDocument(BaseModel):
    """Who did what to what; each line holds the hash of the one before."""

    id: int
    at: str
    actor: str
    action: str
    subject: str
    details: dict[str, Any]
    previous: str
    hash: str


class AuditPage(BaseModel):
    """Lines of the audit in their order.

    ``intact`` says whether the whole chain held at ``checked_at``, which is once a day; both are
    null before the first check.
    """

    model_config = example(
        {
            "lines": [
                {
                    "id": 7,
                    "at": "2026-11-25T09:31:02.000Z",
                    "actor": "key:1f0c2b7d9e3a4455",
                    "action": "call.viewed",
                    "subject": f"call {CALL_ID}",
                    "details": {},
                    "previous": "9b74c9897bac770ffc029102a200c5de",
                    "hash": "e4d909c290d0fb1ca068ffaddf22cbd0",
                }
            ],
            "after": 7,
            "intact": True,
            "checked_at": "2026-11-25T04:12:09.120Z",
        }
    )

    lines: list[AuditLineDocument]
    after: int
    intact: bool | None
    checked_at: str | None


class PredictionDocument(BaseModel):
    """What one clip sounds like, judged alone.

    ``label`` is the guess, or "unclear" where its confidence is below the model's threshold;
    ``guess`` is the most probable category, ``confidence`` its probability.
    """

    model_config = example(
        {
            **{name: SCORED[name] for name in ("label", "guess", "confidence")},
            "probabilities": PROBABILITIES,
            "arousal": 0.74,
            "valence": 0.22,
            "dominance": 0.66,
            "seconds": 3.2,
            "model": "small",
            "model_hash": "5d41402abc4b2a76b9719d911017c592",
        }
    )

    label: str
    guess: str
    confidence: float
    probabilities: dict[str, float]
    arousal: float | None
    valence: float | None
    dominance: float | None
    seconds: float
    model: str
    model_hash: str


class TicketDocument(BaseModel):
    """Opens one WebSocket or one event stream, as ``?ticket=``, within some seconds."""

    model_config = example({"ticket": "Zk3uV1QpYh0", "expires_in_s": 30})

    ticket: str
    expires_in_s: int


class HealthDocument(BaseModel):
    """How the server is."""

    model_config = example({"status": "ready", "reasons": []})

    status: str
    reasons: list[str]
