"""Pitch, loudness, rate and noise of turns and windows, and against the speaker's own baseline.

The baseline is what the speaker's windows were like in this recording: their mean and standard
deviation. It is made for voices that are judged only, and lives in the timeline alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tonfall.analysis.strip import speech
from tonfall.arrays import FloatArray
from tonfall.audio import Resampler
from tonfall.features.contours import voice_columns, voice_parts
from tonfall.features.framing import STEP
from tonfall.features.pitch import LONG_WINDOW
from tonfall.features.rhythm import syllable_nuclei
from tonfall.features.stream import PitchedFrames
from tonfall.timeline import SAMPLING_RATE, Features, Segment, Timeline

__all__ = ["FeatureCollector", "with_features"]

LEAST_WINDOWS = 5
"""Windows that a baseline needs: of fewer, a standard deviation says little."""

_LEAST_VOICED = 5
"""Frames of 10 ms with a voice that a pitch needs."""
_LEAST_FRAMES = 50
"""Frames of speech that a rate needs."""

Contours = npt.NDArray[np.float16]
_Row = npt.NDArray[np.float64]


class FeatureCollector:
    """Contours of every channel of a recording, as its blocks pass.

    Args:
        channels: of every block.
        sampling_rate: of the blocks, in Hz.

    They take 8 bytes a frame of 10 ms: 29 MB for ten hours of a channel.
    """

    def __init__(self, channels: int, *, sampling_rate: int) -> None:
        self._resampler = Resampler(source_rate=sampling_rate, channels=channels)
        self._streams = [PitchedFrames(voice_parts, voice_columns) for _ in range(channels)]
        self._rows: list[list[Contours]] = [[] for _ in range(channels)]

    def update(self, block: FloatArray) -> None:
        """Take (channels, n) samples."""
        self._take(self._resampler.push(block))

    def compute(self) -> list[Contours]:
        """Of each channel, (frames, 3): pitch in Hz, loudness, harmonics-to-noise ratio in dB.

        Where there is no voice, pitch and ratio are NaN. Nothing may follow.
        """
        self._take(self._resampler.close())
        for rows, stream in zip(self._rows, self._streams, strict=True):
            rows.append(stream.close().astype(np.float16))
        return [np.concatenate(rows) for rows in self._rows]

    def _take(self, samples: FloatArray) -> None:
        for rows, stream, channel in zip(self._rows, self._streams, samples, strict=True):
            # Half precision is 0.05 % of a pitch, and a quarter of the memory.
            rows.append(stream.push(channel).astype(np.float16))


def with_features(timeline: Timeline, contours: Sequence[Contours]) -> Timeline:
    """The timeline with the features of every turn and window of voices that were judged."""
    turns, windows = list(timeline.turns), list(timeline.windows)
    for speaker in dict.fromkeys(window.speaker for window in windows):
        places = [at for at, each in enumerate(windows) if each.speaker == speaker]
        voice = _Voice(timeline, contours[windows[places[0]].channel], speaker)
        found = [voice.row(windows[at].segment) for at in places]
        baseline = _baseline(found)
        for at, row in zip(places, found, strict=True):
            windows[at] = replace(windows[at], features=_features(row, baseline))
        for at, turn in enumerate(turns):
            if turn.speaker == speaker:
                turns[at] = replace(turn, features=_features(voice.row(turn.segment), baseline))
    return replace(timeline, turns=tuple(turns), windows=tuple(windows))


class _Voice:
    """What one speaker sounds like, wherever that speaker speaks."""

    def __init__(self, timeline: Timeline, contours: Contours, speaker: str) -> None:
        self._contours = contours
        self._speaks, self._nuclei = np.zeros((2, len(contours)), bool)
        for segment in speech(timeline, speaker):
            inside = _frames(segment)
            self._speaks[inside] = True
            # A quiet turn has syllables, too, though others are 25 dB louder.
            _, loud, _, voicing = contours[inside].astype(np.float64).T
            self._nuclei[inside.start + syllable_nuclei(loud, voicing)] = True

    def row(self, segment: Segment) -> _Row:
        """(4,): log2 of pitch, loudness, syllables a second, noise; NaN where unknown."""
        inside = _frames(segment)
        speaks = self._speaks[inside]
        values = self._contours[inside][speaks].astype(np.float64)
        nuclei = self._nuclei[inside][speaks]
        voiced = values[np.isfinite(values[:, 0])]
        row = np.full(4, np.nan)
        if len(voiced) >= _LEAST_VOICED:
            row[0], row[3] = np.log2(np.median(voiced[:, 0])), voiced[:, 2].mean()
        if len(values) >= _LEAST_VOICED:
            row[1] = values[:, 1].mean()
        if len(values) >= _LEAST_FRAMES:
            row[2] = nuclei.sum() / (len(values) * STEP / SAMPLING_RATE)
        return row


def _frames(segment: Segment) -> slice:
    """The frames of 60 ms whose middle lies inside."""
    first, last = (-((LONG_WINDOW // 2 - at) // STEP) for at in (segment.start, segment.end))
    return slice(max(0, first), max(0, last))


def _baseline(rows: Sequence[_Row]) -> tuple[_Row, _Row]:
    """(4,) means and (4,) standard deviations; NaN where there are too few, or all are alike."""
    table = np.array(rows)
    result = np.full((2, 4), np.nan)
    for place, column in enumerate(table.T):
        known = column[np.isfinite(column)]
        if len(known) >= LEAST_WINDOWS and known.std() > 0:
            result[:, place] = known.mean(), known.std()
    return result[0], result[1]


def _features(row: _Row, baseline: tuple[_Row, _Row]) -> Features:
    scores = [_known(each) for each in (row - baseline[0]) / baseline[1]]
    pitch, loud, rate, noise = (_known(each) for each in row)
    return Features(
        pitch_hz=None if pitch is None else 2.0**pitch,
        loudness=loud,
        syllables_per_s=rate,
        hnr_db=noise,
        pitch_z=scores[0],
        loudness_z=scores[1],
        syllables_z=scores[2],
        hnr_z=scores[3],
    )


def _known(value: np.float64) -> float | None:
    return float(value) if np.isfinite(value) else None
