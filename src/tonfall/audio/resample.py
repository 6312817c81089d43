"""From one sampling rate to another: as a stream, or a clip at once."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import numpy as np
import soxr

from tonfall.arrays import FloatArray
from tonfall.audio.limits import check_sampling_rate
from tonfall.errors import AudioError
from tonfall.timeline import SAMPLING_RATE

__all__ = ["Resampler", "resample"]

_NAME = "Resampling"
_BLOCK_MS = 20
_TAPS = 128
"""Of the half-band filter, at the lower rate: half of them are its delay."""
_KAISER_BETA = 7.86
"""80 dB in the stop band, where G.711 itself has noise at 38 dB."""


class _Engine(Protocol):
    """Gives samples at the target rate, in time with the source: no delay is left in them."""

    def push(self, waveform: FloatArray) -> FloatArray: ...

    def flush(self) -> FloatArray: ...


class Resampler:
    """Resamples a stream of many channels.

    Args:
        source_rate: Hz, 4,000 to 384,000.
        channels: of every chunk.
        target_rate: Hz, 4,000 to 384,000.

    However the input is cut, the output is the same to the bit, and in the end has
    ``round(samples * target_rate / source_rate)`` samples. It may overshoot [-1, 1] a
    little, where the source was clipped.

    What is given out stays behind what was pushed by at most:

    =======================================  =======  ========================
    to 16 kHz from                           delay    by
    =======================================  =======  ========================
    16 kHz                                   0 ms     passing the chunks on
    8 kHz (telephone)                        8 ms     a half-band filter
    22.05, 24, 44.1, 48, 88.2 kHz            60 ms    soxr, in blocks of 20 ms
    11.025, 12, 32, 96, 176.4, 192, 384 kHz  107 ms   soxr
    =======================================  =======  ========================

    soxr needs 115 ms from 8 kHz, more than a live call may wait, and so any doubling of the
    rate has its own filter: flat within 0.001 dB to 96 % of the lower Nyquist frequency,
    with images 79 dB down from 104 % on.

    Raises:
        AudioError: a rate outside the bounds.

    >>> resampler = Resampler(source_rate=8000, channels=1)
    >>> resampler.push(np.zeros((1, 800), np.float32)).shape
    (1, 1472)
    >>> resampler.close().shape
    (1, 128)
    """

    def __init__(
        self, *, source_rate: int, channels: int, target_rate: int = SAMPLING_RATE
    ) -> None:
        check_sampling_rate(source_rate, name=_NAME)
        check_sampling_rate(target_rate, name=_NAME)
        self.source_rate = source_rate
        self.target_rate = target_rate
        self.channels = channels
        self._engine = _engine(source_rate, target_rate, channels)
        self._taken = 0
        self._given = 0

    def push(self, waveform: FloatArray) -> FloatArray:
        """Take (channels, n) float32; return the (channels, m) float32 now ready.

        Raises:
            AudioError: another number of channels, or another rank.
        """
        if waveform.ndim != 2 or waveform.shape[0] != self.channels:
            raise AudioError(
                f"{_NAME}: an array of shape {waveform.shape} came, but ({self.channels}, samples) "
                "is expected; pass as many channels as were announced."
            )
        self._taken += waveform.shape[1]
        ready = self._engine.push(waveform)
        self._given += ready.shape[1]
        return ready

    def close(self) -> FloatArray:
        """Return the rest, (channels, m) float32; the resampler is then used up."""
        rest = self._engine.flush()
        expected = round(self._taken * self.target_rate / self.source_rate) - self._given
        missing = max(0, expected - rest.shape[1])
        return np.pad(rest[:, :expected], ((0, 0), (0, missing)))


def resample(
    waveform: FloatArray, *, source_rate: int, target_rate: int = SAMPLING_RATE
) -> FloatArray:
    """Resample a clip at once; equal to the stream to the bit.

    Args:
        waveform: (channels, samples) float32.
        source_rate: Hz, 4,000 to 384,000.
        target_rate: Hz, 4,000 to 384,000.

    Returns:
        (channels, round(samples * target_rate / source_rate)) float32; the array itself
        where the rates agree.

    Raises:
        AudioError: a rate outside the bounds, or another rank.

    >>> resample(np.zeros((2, 441), np.float32), source_rate=44100).shape
    (2, 160)
    """
    resampler = Resampler(
        source_rate=source_rate, channels=waveform.shape[0], target_rate=target_rate
    )
    first = resampler.push(waveform)
    rest = resampler.close()
    return np.concatenate([first, rest], axis=1) if rest.shape[1] else first


def _engine(source_rate: int, target_rate: int, channels: int) -> _Engine:
    if source_rate == target_rate:
        return _Identity(channels)
    if 2 * source_rate == target_rate:
        return _Doubling(channels)
    return _Soxr(source_rate, target_rate, channels)


class _Identity:
    """The rates agree: nothing to do."""

    def __init__(self, channels: int) -> None:
        self._none = np.zeros((channels, 0), np.float32)

    def push(self, waveform: FloatArray) -> FloatArray:
        return waveform

    def flush(self) -> FloatArray:
        return self._none


@lru_cache(maxsize=1)
def _half_band() -> FloatArray:
    """The filter that gives the sample halfway between the middle two of 128."""
    distance = np.arange(_TAPS) - (_TAPS - 1) / 2
    taps = np.sinc(distance) * np.kaiser(_TAPS, _KAISER_BETA)
    result: FloatArray = (taps / taps.sum()).astype(np.float32)
    return result


class _Doubling:
    """Every sample is kept, and one is put between each two.

    A value between is one inner product of fixed length, whatever the chunk, so that
    cutting cannot change it.
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels
        # With zeros before the start, the first product lies between samples 0 and 1.
        self._waiting = np.zeros((channels, _TAPS // 2 - 1), np.float32)

    def push(self, waveform: FloatArray) -> FloatArray:
        self._waiting = np.concatenate([self._waiting, waveform], axis=1, dtype=np.float32)
        count = max(0, self._waiting.shape[1] - _TAPS + 1)
        if count == 0:
            return np.zeros((self._channels, 0), np.float32)
        doubled = np.empty((self._channels, count, 2), np.float32)
        doubled[:, :, 0] = self._waiting[:, _TAPS // 2 - 1 :][:, :count]
        for channel, samples in enumerate(self._waiting):
            doubled[channel, :, 1] = np.correlate(samples, _half_band(), "valid")
        self._waiting = self._waiting[:, count:].copy()
        return doubled.reshape(self._channels, 2 * count)

    def flush(self) -> FloatArray:
        return self.push(np.zeros((self._channels, _TAPS // 2), np.float32))


class _Soxr:
    """soxr, fed in blocks of one length, so that nothing in it can depend on the cutting."""

    def __init__(self, source_rate: int, target_rate: int, channels: int) -> None:
        self._stream = soxr.ResampleStream(source_rate, target_rate, channels, dtype="float32")
        self._block = source_rate * _BLOCK_MS // 1000
        self._waiting = np.zeros((0, channels), np.float32)

    def push(self, waveform: FloatArray) -> FloatArray:
        joined = np.concatenate([self._waiting, waveform.T], axis=0, dtype=np.float32)
        whole = len(joined) // self._block * self._block
        self._waiting = joined[whole:].copy()
        ready = [
            self._stream.resample_chunk(np.ascontiguousarray(joined[start : start + self._block]))
            for start in range(0, whole, self._block)
        ]
        return self._joined(ready)

    def flush(self) -> FloatArray:
        return self._joined([self._stream.resample_chunk(self._waiting, last=True)])

    def _joined(self, blocks: list[FloatArray]) -> FloatArray:
        none = self._waiting[:0]
        joined: FloatArray = np.concatenate([none, *blocks], axis=0)
        return np.ascontiguousarray(joined.T)
