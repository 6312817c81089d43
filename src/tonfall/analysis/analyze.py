"""A recording through the engine: blocks in, a timeline out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from tonfall.analysis.envelope import EnvelopeCollector
from tonfall.analysis.result import Analysis
from tonfall.arrays import FloatArray
from tonfall.audio import AudioInfo, RawFormat, open_audio
from tonfall.errors import ConfigError
from tonfall.runtime import Predictor, load
from tonfall.streaming import Engine, Event, Scorer, TurnEnded, WindowScored
from tonfall.timeline import SAMPLING_RATE, Recording, Timeline, Turn, Window
from tonfall.vad import VoiceSettings

__all__ = ["Progress", "analyze", "analyze_blocks"]

Progress = Callable[[float, float | None], None]
"""Called with the seconds done and the seconds in all (None where that is not known)."""

_BATCH_SAMPLES = 4_000_000
"""Samples, over all channels, that are scored in one batch: four minutes of mono at 16 kHz."""

_NO_SPEECH = "No speech was found."


def analyze(
    source: str | os.PathLike[str],
    *,
    model: str | Path | Predictor = "medium",
    baseline: bool = True,
    customer: int | None = None,
    raw: RawFormat | None = None,
    settings: VoiceSettings | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Turn a recording into a timeline.

    Args:
        source: path of an audio file, or "-" for standard input.
        model: "medium", "small", a bundle's folder, or a loaded model.
        baseline: False to judge every window alone, whatever was heard of the voice before.
        customer: channel that is judged, the others being heard for their turns only; all are
            judged by default.
        raw: what the samples mean, where the source has no header.
        settings: of voice activity.
        progress: called after each block.

    Raises:
        AudioError: the recording cannot be read.
        BundleError: no such model, or it failed.
        ConfigError: the recording has no such channel.
    """
    predictor = model if isinstance(model, Predictor) else load(model)
    with open_audio(source, raw=raw) as reader:
        return analyze_blocks(
            reader,
            info=reader.info,
            predictor=predictor,
            baseline=baseline,
            scored=_scored(customer, reader.info.channels),
            settings=settings,
            progress=progress,
        )


def analyze_blocks(
    blocks: Iterable[FloatArray],
    *,
    info: AudioInfo,
    predictor: Predictor,
    baseline: bool = True,
    scored: Sequence[bool] | None = None,
    settings: VoiceSettings | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """The same for blocks of (channels, n) samples that come from elsewhere."""
    engine = Engine(
        predictor,
        sampling_rate=info.sampling_rate,
        channels=info.channels,
        baseline=baseline,
        scored=scored,
        settings=settings,
    )
    outline = EnvelopeCollector(info.channels, sampling_rate=info.sampling_rate)
    scorer, events = Scorer(predictor), list[Event]()
    total = None if info.samples is None else info.samples / info.sampling_rate
    for block in _together(blocks):
        engine.feed(block)
        outline.update(block)
        scorer.serve([engine])
        events += engine.take_events()
        if progress:
            progress(engine.samples / SAMPLING_RATE, total)
    engine.close()
    scorer.serve([engine])
    events += engine.take_events()
    timeline = _timeline(events, info=info, engine=engine, predictor=predictor, baseline=baseline)
    return Analysis(timeline=timeline, envelope=outline.compute())


def _scored(customer: int | None, channels: int) -> tuple[bool, ...] | None:
    if customer is None:
        return None
    if not 0 <= customer < channels:
        raise ConfigError(
            f"The customer is said to be on channel {customer}, but the recording has channels 0 "
            f"to {channels - 1}; choose one of these."
        )
    return tuple(channel == customer for channel in range(channels))


def _together(blocks: Iterable[FloatArray]) -> Iterator[FloatArray]:
    """Small blocks joined into large ones, which are scored in larger batches."""
    waiting: list[FloatArray] = []
    for block in blocks:
        waiting.append(block)
        if sum(part.size for part in waiting) >= _BATCH_SAMPLES:
            yield np.concatenate(waiting, axis=1)
            waiting.clear()
    if waiting:
        yield np.concatenate(waiting, axis=1)


def _timeline(
    events: Sequence[Event],
    *,
    info: AudioInfo,
    engine: Engine,
    predictor: Predictor,
    baseline: bool,
) -> Timeline:
    turns = [event.turn for event in events if isinstance(event, TurnEnded)]
    windows = [event.window for event in events if isinstance(event, WindowScored)]
    return Timeline(
        recording=Recording(
            file=str(info.path),
            sampling_rate=info.sampling_rate,
            channels=info.channels,
            samples=engine.samples,
        ),
        labels=predictor.labels,
        model=predictor.name,
        model_hash=predictor.hash,
        baseline=baseline and predictor.spec.baseline is not None,
        turns=tuple(sorted(turns, key=_turn_order)),
        windows=tuple(sorted(windows, key=_window_order)),
        notes=_notes(turns, predictor),
    )


def _turn_order(turn: Turn) -> tuple[int, int]:
    return turn.segment.start, turn.channel


def _window_order(window: Window) -> tuple[int, int]:
    return window.segment.end, window.channel


def _notes(turns: Sequence[Turn], predictor: Predictor) -> tuple[str, ...]:
    if not turns:
        return (_NO_SPEECH,)
    if predictor.spec.dimensions_weak:
        return (
            "Arousal, valence and dominance are weak: they were learnt from the categories' "
            "places in the circumplex, not from ratings.",
        )
    return ()
