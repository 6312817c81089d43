"""The JSON of an event, and of the same thing when it is asked for: one shape for both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tonfall.serve.records import (
    AlertMoved,
    AlertOpened,
    CallClosed,
    CallMixed,
    CallOpened,
    ChannelFacts,
    NoticeMoved,
    SpeakerSummary,
    StoredEvent,
)
from tonfall.serve.store.rows import AlertRow, CallRow
from tonfall.timeline import Turn, Window, seconds

__all__ = [
    "alert_payload",
    "call_payload",
    "closed_payload",
    "event_payload",
    "fired_payload",
    "mixed_payload",
    "moved_payload",
    "notice_payload",
    "opened_payload",
    "stamp",
    "turn_payload",
    "window_payload",
]

DIGITS = 6


def stamp(at: datetime | None) -> str | None:
    """A moment as ISO 8601 in UTC, to the millisecond.

    >>> from datetime import UTC
    >>> stamp(datetime(2026, 11, 25, 9, 30, tzinfo=UTC))
    '2026-11-25T09:30:00.000Z'
    """
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def named(labels: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    """Probabilities by label, to six digits; empty where there are none."""
    return {label: round(value, DIGITS) for label, value in zip(labels, values, strict=False)}


def event_payload(event: StoredEvent) -> dict[str, Any]:
    """An event as all who listen are told of it."""
    head = {"id": event.id, "kind": event.kind, "call": event.call, "at": stamp(event.at)}
    return {**head, **event.payload}


def window_payload(
    window: Window, smoothed: Sequence[float], trend: str, labels: Sequence[str]
) -> dict[str, Any]:
    """A judged window."""
    return {
        **_scored(window, labels),
        "speech_ratio": window.speech_ratio,
        "snr_db": window.snr_db,
        "heard": window.heard,
        "smoothed": named(labels, smoothed),
        "trend": trend,
    }


def turn_payload(turn: Turn, labels: Sequence[str]) -> dict[str, Any]:
    """A turn."""
    return {**_scored(turn, labels), "short": turn.short}


def _scored(heard: Window | Turn, labels: Sequence[str]) -> dict[str, Any]:
    return {
        "channel": heard.channel,
        "speaker": heard.speaker,
        "start": seconds(heard.segment.start),
        "end": seconds(heard.segment.end),
        "label": heard.label,
        "guess": heard.guess,
        "confidence": heard.confidence,
        "probabilities": named(labels, heard.probabilities),
        "arousal": heard.arousal,
        "valence": heard.valence,
        "dominance": heard.dominance,
    }


def opened_payload(change: CallOpened) -> dict[str, Any]:
    """A call that began; the caller's hash stays in the store."""
    return {
        "carrier": change.carrier,
        "external_id": change.external_id,
        "channels": [_channel(channel) for channel in change.channels],
        "sampling_rate": change.sampling_rate,
        "model": change.model,
        "model_hash": change.model_hash,
        "prior": change.prior,
        "labels": list(change.labels),
        "notice": str(change.notice),
    }


def mixed_payload(change: CallMixed) -> dict[str, Any]:
    """A call whose channels are heard as one from now on."""
    return {
        "mixed_s": change.seconds,
        "channels": [_channel(channel) for channel in change.channels],
    }


def closed_payload(change: CallClosed, labels: Sequence[str]) -> dict[str, Any]:
    """A call that ended."""
    return {
        "reason": change.reason,
        "complete": change.complete,
        "seconds": change.seconds,
        "overlap_s": change.overlap_s,
        "silence_s": change.silence_s,
        "shed": change.shed,
        "speakers": [_speaker(speaker, labels) for speaker in change.speakers],
        "counters": dict(change.counters),
    }


def call_payload(call: CallRow) -> dict[str, Any]:
    """A call as it stands."""
    return {
        "id": call.id,
        "state": str(call.state),
        "at": stamp(call.at),
        "ended_at": stamp(call.ended_at),
        "purged_at": stamp(call.purged_at),
        "carrier": call.carrier,
        "external_id": call.external_id,
        "channels": [_channel(channel) for channel in call.channels],
        "sampling_rate": call.sampling_rate,
        "model": call.model,
        "model_hash": call.model_hash,
        "prior": call.prior,
        "labels": list(call.labels),
        "notice": str(call.notice),
        "reason": call.reason,
        "complete": call.complete,
        "seconds": call.seconds,
        "overlap_s": call.overlap_s,
        "silence_s": call.silence_s,
        "mixed_s": call.mixed_s,
        "shed": call.shed,
        "speakers": [_speaker(speaker, call.labels) for speaker in call.speakers],
        "counters": dict(call.counters),
    }


def _channel(channel: ChannelFacts) -> dict[str, Any]:
    return {
        "index": channel.index,
        "role": str(channel.role),
        "source": channel.source,
        "scored": channel.scored,
    }


def _speaker(speaker: SpeakerSummary, labels: Sequence[str]) -> dict[str, Any]:
    return {
        "channel": speaker.channel,
        "speaker": speaker.speaker,
        "talk_s": speaker.talk_s,
        "talk_ratio": speaker.talk_ratio,
        "trend": speaker.trend,
        "mean": named(labels, speaker.mean),
    }


def fired_payload(change: AlertOpened) -> dict[str, Any]:
    """An alert that a rule opened."""
    return {
        "alert": change.alert,
        "rule": change.rule,
        "severity": change.severity,
        "channel": change.channel,
        "speaker": change.speaker,
        "seconds": change.seconds,
        "evidence": dict(change.evidence),
        "threshold_origin": change.threshold_origin,
        "state": "open",
    }


def moved_payload(change: AlertMoved, rule: str, severity: str) -> dict[str, Any]:
    """An alert that was moved on; the note stays with the alert."""
    return {
        "alert": change.alert,
        "rule": rule,
        "severity": severity,
        "state": str(change.state),
        "by": change.by,
    }


def alert_payload(alert: AlertRow) -> dict[str, Any]:
    """An alert as it stands."""
    return {
        "alert": alert.id,
        "call": alert.call,
        "at": stamp(alert.at),
        "rule": alert.rule,
        "severity": alert.severity,
        "channel": alert.channel,
        "speaker": alert.speaker,
        "seconds": alert.seconds,
        "evidence": dict(alert.evidence),
        "threshold_origin": alert.threshold_origin,
        "state": str(alert.state),
        "moved_at": stamp(alert.moved_at),
        "moved_by": alert.moved_by,
        "note": alert.note,
    }


def notice_payload(change: NoticeMoved) -> dict[str, Any]:
    """A change of what the persons on a call were told."""
    return {"notice": str(change.notice), "by": change.by}
