"""A recording through the engine: blocks in, a timeline out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy.typing as npt

from tonfall.analysis.envelope import EnvelopeCollector
from tonfall.analysis.features import FeatureCollector, with_features
from tonfall.analysis.opening import Listening, opened, together
from tonfall.analysis.result import Analysis
from tonfall.analysis.speakers import Progress
from tonfall.arrays import FloatArray
from tonfall.audio import AudioInfo, RawFormat, as_recording, printable
from tonfall.runtime import Predictor, load
from tonfall.streaming import Engine, Event, Scorer, Speakers, TurnEnded, WindowScored
from tonfall.timeline import SAMPLING_RATE, Recording, Timeline, Turn, Window
from tonfall.vad import VoiceSettings

__all__ = ["Progress", "analyze", "analyze_blocks"]

_NO_SPEECH = "No speech was found."


def analyze(
    source: str | os.PathLike[str] | npt.ArrayLike,
    sampling_rate: int | None = None,
    *,
    model: str | Path | Predictor = "medium",
    baseline: bool = True,
    customer: int | None = None,
    speakers: int | None = None,
    channels: str = "auto",
    denoise: bool = False,
    features: bool = False,
    raw: RawFormat | None = None,
    settings: VoiceSettings | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Turn a recording into a timeline.

    Args:
        source: path of an audio file, "-" for standard input, or an array of samples: (samples,)
            or (channels, samples), integers or floats in [-1, 1].
        sampling_rate: of an array, in Hz; a file has its own.
        model: "medium", "small", a bundle's folder, or a loaded model.
        baseline: False to judge every window alone, whatever was heard of the voice before.
        customer: channel that is judged, the others being heard for their turns only; all are
            judged by default. In a recording of one channel, the speaker: 0 is S1, who speaks
            first, and what is not surely that speaker's is not judged.
        speakers: in a recording of one channel, how many there are, 1 to 4; by default that is
            found out. With 1, nothing is told apart.
        channels: "each": each channel is a speaker. "mix": all are mixed to one, and the speakers
            told apart. "auto", the default: each, unless all hold the same sound.
        denoise: True to turn noise down first, where speech is less than 15 dB above it. It helps
            to hear emotion in loud noise and costs speech in babble
            (docs/experiments/noise-reduction.md).
        features: True to measure pitch, loudness, syllables a second and harmonics-to-noise ratio
            of each turn and window, also against the speaker's own baseline (docs/features.md).
        raw: what the samples mean, where the source has no header.
        settings: of voice activity.
        progress: called after each block.

    Raises:
        AudioError: the recording cannot be read.
        BundleError: no such model, or it failed.
        ConfigError: the recording has no such channel, or so many speakers cannot be told apart.
    """
    recording = as_recording(source, sampling_rate)
    listening = Listening(customer, speakers, channels, denoise, raw, settings)
    predictor = model if isinstance(model, Predictor) else load(model)
    with opened(recording, listening, progress=progress) as ready:
        return analyze_blocks(
            ready.blocks,
            info=ready.info,
            predictor=predictor,
            baseline=baseline,
            scored=ready.scored,
            settings=settings,
            speakers=ready.speakers,
            notes=ready.notes,
            features=features,
            progress=ready.progress,
        )


def analyze_blocks(
    blocks: Iterable[FloatArray],
    *,
    info: AudioInfo,
    predictor: Predictor,
    baseline: bool = True,
    scored: Sequence[bool] | None = None,
    settings: VoiceSettings | None = None,
    speakers: Speakers | None = None,
    notes: Sequence[str] = (),
    features: bool = False,
    progress: Progress | None = None,
) -> Analysis:
    """The same for blocks of (channels, n) samples that come from elsewhere.

    Args:
        blocks: (channels, n) float32 in [-1, 1], from front to back.
        info: facts about the recording.
        predictor: the model.
        baseline: False to judge every window alone.
        scored: for each channel (with ``speakers``, for each of them), False where it is heard
            for its turns only.
        settings: of voice activity.
        speakers: tells the speakers of a single channel apart; everything is one by default.
        notes: sentences for the reader, put before others.
        features: True to measure the voices.
        progress: called after each block.
    """
    engine = Engine(
        predictor,
        sampling_rate=info.sampling_rate,
        channels=info.channels,
        baseline=baseline,
        scored=scored,
        settings=settings,
        speakers=speakers,
    )
    outline = EnvelopeCollector(info.channels, sampling_rate=info.sampling_rate)
    measured = _collector(info) if features else None
    scorer, events = Scorer(predictor), list[Event]()
    total = None if info.samples is None else info.samples / info.sampling_rate
    for block in together(blocks):
        engine.feed(block)
        outline.update(block)
        if measured:
            measured.update(block)
        scorer.serve([engine])
        events += engine.take_events()
        if progress:
            progress(engine.samples / SAMPLING_RATE, total)
    engine.close()
    scorer.serve([engine])
    events += engine.take_events()
    timeline = _timeline(events, info=info, engine=engine, predictor=predictor, baseline=baseline)
    timeline = replace(timeline, notes=(*info.notes, *notes, *timeline.notes))
    if measured:
        timeline = with_features(timeline, measured.compute())
    return Analysis(timeline=timeline, envelope=outline.compute(), source=info.path)


def _collector(info: AudioInfo) -> FeatureCollector:
    return FeatureCollector(info.channels, sampling_rate=info.sampling_rate)


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
            file=printable(info.path),
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


def _turn_order(turn: Turn) -> tuple[int, int, str]:
    return turn.segment.start, turn.channel, turn.speaker


def _window_order(window: Window) -> tuple[int, int, str]:
    return window.segment.end, window.channel, window.speaker


def _notes(turns: Sequence[Turn], predictor: Predictor) -> tuple[str, ...]:
    if not turns:
        return (_NO_SPEECH,)
    if predictor.spec.dimensions_weak:
        return (
            "Arousal, valence and dominance are weak: they were learnt from the categories' "
            "places in the circumplex, not from ratings.",
        )
    return ()
