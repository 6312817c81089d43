"""What the page's script draws, as plain values: rounded, and in rows to keep it small."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np

from tonfall.analysis.envelope import QUIETEST_PEAK, Envelope
from tonfall.analysis.measures import MEASURES
from tonfall.analysis.page.audio import PageAudio
from tonfall.analysis.palette import STYLES, hatch_colour, ink
from tonfall.analysis.strip import strip
from tonfall.analysis.summary import SpeakerSummary, summarize
from tonfall.analysis.trajectory import trajectory
from tonfall.timeline import (
    SAMPLING_RATE,
    UNCLEAR,
    Features,
    Segment,
    Timeline,
    Turn,
    Window,
    seconds,
)

__all__ = ["page_data"]

Entry = dict[str, object]
Row = list[object]


def page_data(
    timeline: Timeline, envelope: Envelope | None = None, audio: PageAudio | None = None
) -> Entry:
    """Everything on the page that is not text in its template."""
    place = {name: index for index, name in enumerate(timeline.speakers)}
    labels = (*timeline.labels, UNCLEAR)
    label_place = {label: index for index, label in enumerate(labels)}
    windows = [each for each in timeline.windows if each.speaker in place]
    turns = sorted(timeline.turns, key=lambda turn: turn.segment)
    return {
        "duration": max(0.001, _end(timeline)),
        "baseline": timeline.baseline,
        "measures": _measures(timeline),
        "labels": [_label(label) for label in labels],
        "binSeconds": envelope.bin_seconds if envelope else 1.0,
        "channels": [] if envelope is None else [_channel(each) for each in envelope.extremes],
        "speakers": _speakers(timeline, windows),
        "windows": [_window(each, place, label_place) for each in windows],
        "turns": [_turn(each, place, label_place) for each in turns],
        "audio": audio and {"mime": audio.mime, "href": audio.href, "name": audio.name},
    }


def _end(timeline: Timeline) -> float:
    ends = [turn.segment.end for turn in timeline.turns]
    return max([timeline.recording.samples, *ends]) / SAMPLING_RATE


def _label(label: str) -> Entry:
    style = STYLES[label]
    if label == UNCLEAR:  # Its colour is the theme's.
        return {"name": label, "letter": style.letter}
    return {
        "name": label,
        "letter": style.letter,
        "colour": style.colour,
        "ink": ink(style.colour),
        "hatch": style.hatch[:1],
        "line": hatch_colour(style.colour),
    }


def _measures(timeline: Timeline) -> list[Entry]:
    """What was measured of the voices; empty where nothing was."""
    if not any(window.features for window in timeline.windows):
        return []
    return [{"name": each.name, "more": each.more, "less": each.less} for each in MEASURES]


def _features(features: Features | None) -> Row | None:
    """Numbers in the order of `MEASURES`, then their standard deviations from the baseline."""
    if features is None:
        return None
    values = (features.loudness, features.pitch_hz, features.syllables_per_s, features.hnr_db)
    scores = [getattr(features, each.score) for each in MEASURES]
    return [*map(_round, values), *map(_round, scores)]


def _channel(extremes: np.ndarray) -> Entry:
    """Minimum and maximum of each bin as signed bytes in parts of the peak, base64."""
    peak = max(float(np.abs(extremes).max(initial=0)), QUIETEST_PEAK)
    levels = np.rint(extremes / peak * 127).astype(np.int8)
    return {"outline": base64.b64encode(levels.tobytes()).decode()}


def _speakers(timeline: Timeline, windows: Sequence[Window]) -> list[Entry]:
    number = {id(window): index for index, window in enumerate(windows)}
    return [
        {
            **_summary(summary, (*timeline.labels, UNCLEAR)),
            "cells": [
                [*_times(cell.segment), number[id(cell.window)]]
                for cell in strip(timeline, summary.speaker)
            ],
            "curve": _curve(timeline, summary.speaker),
        }
        for summary in summarize(timeline)
    ]


def _summary(summary: SpeakerSummary, labels: Sequence[str]) -> Entry:
    return {
        "name": summary.speaker,
        "channel": summary.channel,
        "count": summary.turns,
        "speech": summary.speech_seconds,
        "share": _round(summary.share_of_talk),
        "label": None if summary.label is None else labels.index(summary.label),
        "shares": [_round(share) for share in summary.label_shares.values()],
        "trend": str(summary.trend),
        "arousal": _round(summary.arousal),
        "valence": _round(summary.valence),
        "dominance": _round(summary.dominance),
    }


def _curve(timeline: Timeline, speaker: str) -> list[Row]:
    """Middle of the window, smoothed arousal and valence, joined to the last."""
    return [
        [
            round((segment.start + segment.end) / (2 * SAMPLING_RATE), 3),
            _round(point.arousal),
            _round(point.valence),
            point.connected,
        ]
        for point in trajectory(timeline, speaker)
        for segment in [point.window.segment]
    ]


def _window(window: Window, place: dict[str, int], label_place: dict[str, int]) -> Row:
    return [
        *_times(window.segment),
        place[window.speaker],
        label_place[window.label],
        label_place[window.guess],
        _round(window.confidence),
        [_round(probability) for probability in window.probabilities],
        _round(window.arousal),
        _round(window.valence),
        _round(window.dominance),
        _round(window.speech_ratio),
        None if window.snr_db is None else round(window.snr_db, 1),
        round(window.heard, 1),
        _features(window.features),
    ]


def _turn(turn: Turn, place: dict[str, int], label_place: dict[str, int]) -> Row:
    return [
        *_times(turn.segment),
        place[turn.speaker],
        None if turn.label is None else label_place[turn.label],
        None if turn.guess is None else label_place[turn.guess],
        _round(turn.confidence),
        _round(turn.arousal),
        _round(turn.valence),
        _round(turn.dominance),
        turn.short,
        _features(turn.features),
    ]


def _times(segment: Segment) -> tuple[float, float]:
    return seconds(segment.start), seconds(segment.end)


def _round(value: float | None) -> float | None:
    # Shown with two digits: four would round 0.29498 up to 0.295, and the page that to 30 %.
    return None if value is None else round(value, 6)
