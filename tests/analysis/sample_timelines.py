"""Deterministic timelines to draw, write and read back; no model is involved."""

from __future__ import annotations

from dataclasses import replace
from math import exp, sin
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from tonfall.arrays import FloatArray
from tonfall.emotion import CATEGORIES
from tonfall.runtime.turns import scored_turn
from tonfall.timeline import SAMPLING_RATE, Recording, Segment, Timeline, Turn, Window

LABELS = ("neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise")
THRESHOLD = 0.4
AWKWARD_NAME = 'Zoë\'s "call", </script><b>&amp;\n$x_1$ 日本.wav'


def segment(start: float, end: float) -> Segment:
    return Segment(round(start * SAMPLING_RATE), round(end * SAMPLING_RATE))


def window(
    start: float,
    end: float,
    label: str = "neutral",
    *,
    speaker: str = "agent",
    channel: int = 0,
    confidence: float = 0.7,
    labels: tuple[str, ...] = LABELS,
    **fields: object,
) -> Window:
    """A window whose other labels share what the confidence leaves."""
    rest = (1 - confidence) / (len(labels) - 1)
    values: dict[str, object] = {
        "segment": segment(start, end),
        "channel": channel,
        "speaker": speaker,
        "guess": label,
        "confidence": confidence,
        "unclear": confidence < THRESHOLD,
        "probabilities": tuple(confidence if name == label else rest for name in labels),
        "arousal": 0.5,
        "valence": 0.5,
        "dominance": 0.5,
        "speech_ratio": 1.0,
        "snr_db": 20.0,
        "heard": 0.0,
    }
    return Window(**{**values, **fields})  # type: ignore[arg-type]


def turn(start: float, end: float, speaker: str = "agent", channel: int = 0) -> Turn:
    return Turn(segment(start, end), channel, speaker)


def timeline(turns: list[Turn], windows: list[Window], **fields: object) -> Timeline:
    values: dict[str, object] = {
        "recording": Recording("call.wav", 8000, 2, 60 * SAMPLING_RATE),
        "labels": LABELS,
        "model": "medium",
        "model_hash": "0f" * 32,
        "baseline": True,
        "turns": tuple(turns),
        "windows": tuple(windows),
    }
    return Timeline(**{**values, **fields})  # type: ignore[arg-type]


def call(
    *, minutes: float = 1.6, file: str = "support_call_017.wav", speakers: int = 2
) -> Timeline:
    """Speakers take turns; the second grows angry half-way and is calmed at the end."""
    rng = np.random.default_rng(7)
    names = ("agent", "customer", "supervisor", "guest")[:speakers]
    total = minutes * 60
    turns: list[Turn] = []
    time, index = 0.6, 0
    while time < total - 3:
        length = min(float(rng.uniform(0.9, 10.0)), total - 0.5 - time)
        turns.append(turn(time, time + length, names[index % speakers], index % speakers))
        time += length + float(rng.uniform(0.2, 1.6))
        index += 1
    windows = [w for name in names for w in _judged(turns, name, total, rng)]
    windows.sort(key=lambda item: (item.segment.end, item.channel))
    scored = tuple(
        scored_turn(
            item,
            [w for w in windows if w.speaker == item.speaker],
            labels=LABELS,
            threshold=THRESHOLD,
        )
        for item in turns
    )
    recording = Recording(file, 8000, speakers, round(total * SAMPLING_RATE))
    return Timeline(recording, LABELS, "medium", "0f" * 32, True, scored, tuple(windows))


def envelope_audio(timeline: Timeline, *, sampling_rate: int = 8000) -> FloatArray:
    """(channels, samples) of noise that is loud where the channel's speaker speaks."""
    rng = np.random.default_rng(3)
    samples = round(timeline.recording.duration * sampling_rate)
    waveform = 0.004 * rng.standard_normal((timeline.recording.channels, samples))
    for item in timeline.turns:
        start = item.segment.start * sampling_rate // SAMPLING_RATE
        length = item.segment.samples * sampling_rate // SAMPLING_RATE
        time = np.arange(length) / sampling_rate
        voice = np.sin(2 * np.pi * (140 + 60 * item.channel) * time)
        syllables = np.clip(np.sin(2 * np.pi * 1.9 * time + start), -0.2, 1) + 0.25
        phrase = 0.2 + 0.15 * np.sin(2 * np.pi * 0.21 * time + item.channel)
        noise = 1 + 0.5 * rng.standard_normal(length)
        waveform[item.channel, start : start + length] += phrase * syllables * voice * noise
    return np.clip(waveform, -1, 1).astype(np.float32)


def _judged(
    turns: list[Turn], speaker: str, total: float, rng: np.random.Generator
) -> list[Window]:
    """Three-second windows every second that hold enough of the speaker's speech."""
    own = [item for item in turns if item.speaker == speaker]
    windows, heard = [], 0.0
    mood = np.zeros(len(LABELS))
    for end in range(1, int(total) + 1):
        reach = segment(max(0, end - 3), end)
        near = [item.segment for item in own if item.segment.overlap(reach)]
        ratio = sum(each.overlap(reach) for each in near) / reach.samples
        if ratio < 0.3:
            continue
        # Neighbouring windows share most of their audio, and so their errors.
        mood = 0.8 * mood + 0.35 * rng.standard_normal(len(LABELS))
        windows.append(_window(reach, own[0], end / total, ratio, heard, mood))
        heard += sum(each.overlap(segment(end - 1, end)) for each in near) / SAMPLING_RATE
    return windows


def _window(
    reach: Segment, owner: Turn, place: float, ratio: float, heard: float, mood: npt.NDArray[Any]
) -> Window:
    heat = exp(-(((place - 0.55) / 0.16) ** 2)) if owner.speaker == "customer" else 0.08
    warmth = max(0.0, sin(5 * place + owner.channel))
    scores = np.array([2.3, 0.5, 3.1 * warmth, 0.3, 5.0 * heat, 0.3, 0.1, 0.4]) + mood
    probabilities = np.exp(scores) / np.exp(scores).sum()
    best = int(probabilities.argmax())
    wobble = 0.04 * mood[:3]
    return Window(
        segment=reach,
        channel=owner.channel,
        speaker=owner.speaker,
        guess=LABELS[best],
        confidence=float(probabilities[best]),
        unclear=bool(probabilities[best] < THRESHOLD),
        probabilities=tuple(probabilities.tolist()),
        arousal=_unit(0.42 + 0.4 * heat + 0.1 * warmth + wobble[0]),
        valence=_unit(0.52 - 0.3 * heat + 0.2 * warmth + wobble[1]),
        dominance=_unit(0.5 + 0.2 * heat + wobble[2]),
        speech_ratio=ratio,
        snr_db=round(18 + 4 * sin(9 * place), 1),
        heard=round(heard, 2),
    )


def _unit(value: float) -> float:
    return float(min(1.0, max(0.0, value)))


def unscored(item: Timeline) -> Timeline:
    """The same turns, none of them judged."""
    turns = tuple(Turn(each.segment, each.channel, each.speaker) for each in item.turns)
    return replace(item, turns=turns, windows=())


names = st.text(min_size=1, max_size=20)
units = st.floats(0, 1)
segments = st.tuples(st.integers(0, 10**9), st.integers(0, 10**6)).map(
    lambda pair: Segment(pair[0], pair[0] + pair[1])
)


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    """Any timeline that the types allow."""
    labels = tuple(draw(st.lists(st.sampled_from(CATEGORIES), min_size=1, unique=True)))
    recording = Recording(
        draw(st.text(max_size=20)),
        draw(st.integers(1, 384_000)),
        draw(st.integers(1, 8)),
        draw(st.integers(1, 10**9)),
    )
    return Timeline(
        recording,
        labels,
        draw(names),
        draw(st.text("0123456789abcdef", min_size=64, max_size=64)),
        draw(st.booleans()),
        tuple(draw(st.lists(_turns(labels), max_size=3))),
        tuple(draw(st.lists(_windows(labels), max_size=3))),
        tuple(draw(st.lists(st.text(max_size=20), max_size=2))),
    )


def _probabilities(labels: tuple[str, ...]) -> st.SearchStrategy[tuple[float, ...]]:
    return st.tuples(*(st.floats(0.001, 1) for _ in labels)).map(
        lambda values: tuple(value / sum(values) for value in values)
    )


def _turns(labels: tuple[str, ...]) -> st.SearchStrategy[Turn]:
    open_turns = st.builds(Turn, segments, st.integers(0, 7), names)
    judged = st.builds(
        Turn,
        segments,
        st.integers(0, 7),
        names,
        st.sampled_from(labels),
        units,
        st.booleans(),
        _probabilities(labels),
        st.none() | units,
        st.none() | units,
        st.none() | units,
    )
    return open_turns | judged


def _windows(labels: tuple[str, ...]) -> st.SearchStrategy[Window]:
    return st.builds(
        Window,
        segments,
        st.integers(0, 7),
        names,
        st.sampled_from(labels),
        units,
        st.booleans(),
        _probabilities(labels),
        st.none() | units,
        st.none() | units,
        st.none() | units,
        units,
        st.none() | st.floats(-60, 120),
        st.floats(0, 1e6),
    )
