"""Low-level descriptors of sound that arrives in pieces: the same numbers as those of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.audio import Resampler, as_waveform, check_channels
from tonfall.errors import AudioError, ConfigError
from tonfall.features.contours import (
    CEPSTRAL,
    CEPSTRAL_REACH,
    PROSODY,
    SPECTRUM,
    SPECTRUM_REACH,
    cepstral_contours,
    prosody_columns,
    prosody_parts,
    spectrum_contours,
)
from tonfall.features.egemaps_contours import (
    CONTOURS,
    VoicedContours,
    egemaps_parts,
    smooth_voiced,
)
from tonfall.features.framing import RATE, STEP
from tonfall.features.pitch import LONG_WINDOW
from tonfall.features.pitch_path import LOOK_AHEAD, PitchPath

__all__ = [
    "BLOCK",
    "LONGEST_DELAY_S",
    "FeatureStream",
    "LocalFrames",
    "PitchedFrames",
    "contours_in_blocks",
]

_Table = npt.NDArray[np.float64]
_Compute = Callable[[FloatArray], _Table]
BLOCK = 30 * RATE
"""Samples that are looked at together, where all are there."""
_SKIPPED_S = 30
"""Seconds of a gap that are made at a time."""
_BEFORE = 10
"""Frames before a frame that it may depend on: two derivatives of cepstra, and half a window."""


class _Frames(Protocol):
    def push(self, samples: FloatArray) -> _Table: ...

    def close(self) -> _Table: ...


class FeatureStream:
    """The contours of a set, from sound that arrives in pieces.

    However the samples are cut, the frames are those of `tonfall.features.extract` with
    ``per="frame"``, to about 1e-5 of each number. The memory does not grow.

    Args:
        feature_set: "egemaps", "prosody", "spectrum" or "mfcc".
        sampling_rate: of the samples, in Hz.
        channels: 1 to 8; each has contours of its own.

    Attributes:
        columns: names of the contours.
        frames: how many were given out; frame *k* begins 10 ms x *k* after the stream's start.

    A frame comes once the sound that it depends on is there: after its start 60 ms for
    "spectrum", 96 ms for "mfcc", 450 ms for "prosody" and 460 ms for "egemaps", whose pitch looks
    0.4 s ahead; and as much later as `tonfall.audio.Resampler` lags at the sampling rate.

    >>> stream = FeatureStream("spectrum", sampling_rate=16000)
    >>> stream.push(np.zeros(16000, np.float32)).shape
    (1, 95, 13)
    >>> stream.close().shape
    (1, 1, 13)
    """

    def __init__(
        self, feature_set: str = "egemaps", *, sampling_rate: int, channels: int = 1
    ) -> None:
        if feature_set not in _SETS:
            raise ConfigError(
                f"There is no stream of the feature set {feature_set!r}, expected one of "
                f"{', '.join(_SETS)}."
            )
        check_channels(channels)
        self.columns, make = _SETS[feature_set]
        self.frames = 0
        self._rate = sampling_rate
        self._resampler = Resampler(source_rate=sampling_rate, channels=channels)
        self._parts = [make() for _ in range(channels)]
        self._closed = False

    def __repr__(self) -> str:
        return f"<FeatureStream: {len(self.columns)} contours, {len(self._parts)} channels>"

    def push(self, samples: npt.ArrayLike) -> _Table:
        """Take (channels, n) or (n,) samples; return the frames that they complete.

        Floats in [-1, 1], or integers at full scale.

        Returns:
            (channels, frames, columns) float64; what is undefined is NaN.

        Raises:
            AudioError: closed, wrong shape, or samples that are not finite.
        """
        empty = isinstance(samples, np.ndarray) and not samples.size
        given = np.atleast_2d(samples) if empty else as_waveform(samples, self._rate)
        if self._closed:
            raise AudioError("This stream is closed; open a new one.")
        if given.shape[0] != len(self._parts):
            raise AudioError(
                f"The samples have shape {given.shape}, but this stream takes "
                f"({len(self._parts)}, n); put channels first."
            )
        return self._heard(self._resampler.push(np.asarray(given, np.float32)))

    def skip(self, seconds: float) -> _Table:
        """Move on over a gap, such as lost packets: its frames are those of silence.

        Raises:
            AudioError: closed, or a length that is negative or not finite.
        """
        if not isfinite(seconds) or seconds < 0:
            raise AudioError(
                f"A gap of {seconds} s was given, but a gap is a finite time of 0 s or more."
            )
        count, most = round(seconds * self._rate), _SKIPPED_S * self._rate
        sizes = [min(most, count - first) for first in range(0, count, most)] or [0]
        silence = np.zeros((len(self._parts), sizes[0]), np.float32)
        return np.concatenate([self.push(silence[:, :size]) for size in sizes], axis=1)

    def close(self) -> _Table:
        """Nothing follows: return the last frames, for which the sound ends here."""
        if self._closed:
            return np.zeros((len(self._parts), 0, len(self.columns)))
        self._closed = True
        before = self._heard(self._resampler.close())
        return self._given([before, np.stack([part.close() for part in self._parts])])

    def _heard(self, samples: FloatArray) -> _Table:
        rows = [part.push(channel) for part, channel in zip(self._parts, samples, strict=True)]
        return self._given([np.stack(rows)])

    def _given(self, tables: list[_Table]) -> _Table:
        self.frames += tables[-1].shape[1]
        return np.concatenate(tables, axis=1)


class LocalFrames:
    """Frames each of which depends on a bounded stretch of samples.

    Args:
        compute: (samples,) at 16 kHz to (frames, columns).
        reach: samples from a frame's start on that it depends on, at most.
        before: frames before it, likewise.
    """

    def __init__(self, compute: _Compute, *, reach: int, before: int = _BEFORE) -> None:
        self._compute = compute
        self._reach = reach
        self._before = before
        self._samples = np.zeros(0, np.float32)
        self._given = 0

    def push(self, samples: FloatArray) -> _Table:
        """Take (n,) samples at 16 kHz; return the (frames, columns) that they complete."""
        self._samples = np.concatenate([self._samples, samples])
        ready = (len(self._samples) - self._reach) // STEP + 1
        if ready <= self._given:
            return self._compute(self._samples[:0])
        needed = self._samples[: (ready - 1) * STEP + self._reach]
        rows = self._compute(needed)[self._given : ready]
        drop = max(0, ready - self._before)
        self._samples, self._given = self._samples[drop * STEP :].copy(), ready - drop
        return rows

    def close(self) -> _Table:
        """The last frames."""
        return self._compute(self._samples)[self._given :]


class PitchedFrames:
    """Frames for which the pitch must be decided first.

    Args:
        parts: (samples,) at 16 kHz to (frames of 60 ms, columns), of which the first twelve are
            six candidates of pitch and their voicing.
        columns: of samples that begin with some frames and hold all that these depend on, of
            their (frames,) pitch in Hz and of their parts, to (frames, columns).
    """

    def __init__(
        self, parts: _Compute, columns: Callable[[FloatArray, _Table, _Table], _Table]
    ) -> None:
        self._parts = LocalFrames(parts, reach=LONG_WINDOW)
        self._columns = columns
        self._path = PitchPath()
        self._samples = np.zeros(0, np.float32)
        self._rows = parts(self._samples)

    def push(self, samples: FloatArray) -> _Table:
        """Take (n,) samples at 16 kHz; return the (frames, columns) that they complete."""
        self._samples = np.concatenate([self._samples, samples])
        return self._decided(self._taken(self._parts.push(samples)))

    def close(self) -> _Table:
        """The last frames."""
        decided = self._taken(self._parts.close())
        return self._decided(np.concatenate([decided, self._path.close()]))

    def _taken(self, rows: _Table) -> _Table:
        self._rows = np.concatenate([self._rows, rows])
        return self._path.push(rows[:, :6], rows[:, 6:12])

    def _decided(self, frequency: _Table) -> _Table:
        count = len(frequency)
        found = self._columns(self._samples, frequency, self._rows[:count])
        self._rows = self._rows[count:].copy()
        self._samples = self._samples[count * STEP :].copy()
        return found


class _Egemaps:
    """The 25 contours of eGeMAPS, of which those of a voice are smoothed over three frames."""

    def __init__(self) -> None:
        self._frames = PitchedFrames(egemaps_parts, VoicedContours())
        self._rows = np.zeros((0, len(CONTOURS)))
        self._given = 0

    def push(self, samples: FloatArray) -> _Table:
        return self._smoothed(self._frames.push(samples), ended=False)

    def close(self) -> _Table:
        return self._smoothed(self._frames.close(), ended=True)

    def _smoothed(self, rows: _Table, *, ended: bool) -> _Table:
        """All but the last frame, which waits for the one after it."""
        self._rows = np.concatenate([self._rows, rows])
        last = len(self._rows) if ended else max(self._given, len(self._rows) - 1)
        found = smooth_voiced(self._rows)[self._given : last]
        drop = max(0, last - 1)
        self._rows, self._given = self._rows[drop:].copy(), last - drop
        return found


def _prosody(_samples: FloatArray, frequency: _Table, parts: _Table) -> _Table:
    return prosody_columns(frequency, parts)


_SETS: dict[str, tuple[tuple[str, ...], Callable[[], _Frames]]] = {
    "egemaps": (CONTOURS, _Egemaps),
    "prosody": (PROSODY, lambda: PitchedFrames(prosody_parts, _prosody)),
    "spectrum": (SPECTRUM, lambda: LocalFrames(spectrum_contours, reach=SPECTRUM_REACH)),
    "mfcc": (CEPSTRAL, lambda: LocalFrames(cepstral_contours, reach=CEPSTRAL_REACH)),
}
"""Columns and frames of each set."""

LONGEST_DELAY_S = (LONG_WINDOW + (LOOK_AHEAD + 1) * STEP) / RATE
"""Seconds after a frame's start until it comes at the latest, but for the resampler's delay."""


def contours_in_blocks(feature_set: str, samples: FloatArray) -> _Table:
    """The contours of samples that are all there, half a minute at a time: memory hardly grows.

    Args:
        feature_set: as for `FeatureStream`.
        samples: (samples,) float32 at 16 kHz.

    Returns:
        (frames, contours) float64.
    """
    columns, make = _SETS[feature_set]
    result, count = np.empty((len(samples) // STEP + 2, len(columns))), 0
    for found in _pushed(make(), samples):
        result[count : count + len(found)] = found
        count += len(found)
    return result[:count]


def _pushed(frames: _Frames, samples: FloatArray) -> Iterator[_Table]:
    for first in range(0, len(samples), BLOCK):
        yield frames.push(np.asarray(samples[first : first + BLOCK]))
    yield frames.close()
