"""The one way to read a clip: a file, or the stretch of it from ``start`` to ``end``.

Training, evaluation, composed calls and functionals all read through here, so that a turn cut out
of a dialogue is the same sound to each of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tonfall.arrays import FloatArray
from tonfall.audio import AudioReader, check_duration, open_audio, resample
from tonfall.errors import AudioError, ManifestError

__all__ = ["TOLERANCE_S", "Clip", "clips_of", "named_errors", "read_clip", "read_stretch"]

TOLERANCE_S = 0.01
"""Seconds by which a clip may reach past its file's end: labels are rounded."""


@dataclass(frozen=True, slots=True)
class Clip:
    """An item and where its sound is.

    Attributes:
        item: its name, which seeds what is drawn for it.
        file: path of the recording.
        start: where it begins in the recording, in seconds.
        end: where it ends, in seconds; None for the recording's end.
    """

    item: str
    file: Path
    start: float = 0.0
    end: float | None = None


def clips_of(items: pd.DataFrame) -> list[Clip]:
    """The sound of every row of a manifest, in order.

    Args:
        items: columns item and file; start and end in seconds where they are known.

    Raises:
        ManifestError: a row names no audio, or a stretch that does not end after it begins.
    """
    columns = items.reindex(columns=["item", "file", "start", "end"])
    return [_clip(*row) for row in columns.itertuples(index=False, name=None)]


def _clip(item: object, file: object, start: float, end: float) -> Clip:
    if file is None or pd.isna(file):  # type: ignore[call-overload]
        raise ManifestError(
            f"{item}: the manifest names no audio, but the clip is to be heard. "
            "Prepare the corpus with its audio."
        )
    begin = 0.0 if pd.isna(start) else float(start)
    stop = None if pd.isna(end) else float(end)
    if begin < 0 or (stop is not None and stop <= begin):
        raise ManifestError(
            f"{item}: its stretch is {begin:g} to {stop:g} s, but it has to end after it begins. "
            "Correct start and end in the manifest."
        )
    return Clip(str(item), Path(str(file)), begin, stop)


def read_clip(clip: Clip) -> FloatArray:
    """A clip as (samples,) float32 at 16 kHz, channels averaged.

    Raises:
        AudioError: see `read_stretch`.
    """
    waveform, rate = read_stretch(clip)
    mono = waveform.mean(axis=0, keepdims=True)
    return np.asarray(resample(mono, source_rate=rate)[0], np.float32)


def read_stretch(clip: Clip) -> tuple[FloatArray, int]:
    """A clip as it is stored: (channels, samples) float32, and its sampling rate in Hz.

    Raises:
        AudioError: the file cannot be read, ends before the clip does, or the clip is shorter
            than 25 ms.
    """
    with open_audio(clip.file) as reader:
        rate = reader.info.sampling_rate
        first = round(clip.start * rate)
        last = None if clip.end is None else round(clip.end * rate)
        parts = list(_parts(reader, first, last))
        _check_reached(clip, reader.position / rate)
    samples = sum(part.shape[1] for part in parts)
    check_duration(samples, sampling_rate=rate, name=f"{clip.file}, {clip.item}")
    return np.concatenate(parts, axis=1), rate


def _parts(reader: AudioReader, first: int, last: int | None) -> Iterator[FloatArray]:
    """What of each block lies in the samples ``first`` to ``last``; nothing is read beyond."""
    for block in reader:
        before = reader.position - block.shape[1]
        part = block[:, max(0, first - before) : None if last is None else max(0, last - before)]
        if part.shape[1]:
            yield part
        if last is not None and reader.position >= last:
            return


def _check_reached(clip: Clip, found_s: float) -> None:
    """AudioError where the file ended before the clip did."""
    needed = clip.start if clip.end is None else clip.end - TOLERANCE_S
    if found_s < needed:
        stop = "its end" if clip.end is None else f"{clip.end:.2f} s"
        raise AudioError(
            f"{clip.file}: the item {clip.item} is {clip.start:.2f} s to {stop}, but the file ends "
            f"at {found_s:.2f} s. Correct start and end, or get the whole file."
        )


@contextmanager
def named_errors(clip: Clip) -> Iterator[None]:
    """Put the clip's name before what is said against its samples, which name no file.

    Raises:
        AudioError: in place of the one inside.
    """
    try:
        yield
    except AudioError as error:
        raise AudioError(f"{clip.item} ({clip.file}): {error}") from error
