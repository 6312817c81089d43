"""Whether all channels of a recording hold the same sound, as when a mix was saved as stereo."""

from __future__ import annotations

import numpy as np
import scipy.fft

from tonfall.arrays import FloatArray

__all__ = ["ChannelLikeness"]

_LATEST_S = 0.01
"""Seconds by which one channel may be later than the other."""

_LAG_RATE = 16_000
"""Delays are tried in steps of 1/16 ms, whatever the sampling rate."""

_LOWEST_HZ, _HIGHEST_HZ = 150, 2000
"""Where the voice is far above noise, and a delay between two steps turns the phase little."""

_QUIETEST = 10 ** (-55 / 10)
"""Mean square of the louder channel (-55 dB) below which a second says nothing: it is noise."""

_LIKE = 0.96
"""Likeness from which channels are the same. Copies that are quieter, inverted, late, coded as MP3
of 32 kbit/s or have noise 20 dB below the voice have .97 and more; two sides of a call with an echo
of the other 6 dB below each voice .8, and 3 dB .94.
"""

_ENOUGH_S = 10
_UNLIKE = 0.8
"""Seconds with sound, and likeness, from which channels differ whatever may follow."""


class ChannelLikeness:
    """Compares every channel with the first, second by second, however the stream is cut.

    Two sides of a call may echo each other, so that each second alone is alike in both channels.
    But the level between them then turns with who speaks, while in copies of one mix it stays: the
    likeness is that of all seconds taken together, at the one delay that suits them best. A copy
    may be quieter, inverted, late by up to 10 ms, noisy or coded.

    Args:
        channels: two or more.
        sampling_rate: in Hz.
    """

    def __init__(self, *, channels: int, sampling_rate: int) -> None:
        self._second = sampling_rate
        size = scipy.fft.next_fast_len(round((1 + _LATEST_S) * sampling_rate), real=True)
        self._size = size
        self._band = slice(
            round(_LOWEST_HZ * size / sampling_rate), round(_HIGHEST_HZ * size / sampling_rate)
        )
        self._lag_size = round(size * _LAG_RATE / sampling_rate)
        self._lags = int(_LATEST_S * _LAG_RATE)
        self._waiting: list[FloatArray] = []
        self._first_power = np.zeros(channels - 1)
        self._other_power = np.zeros(channels - 1)
        self._products = np.zeros((channels - 1, 2 * self._lags + 1))
        self._seconds = 0

    @property
    def seconds(self) -> int:
        """Whole seconds with sound that were compared so far."""
        return self._seconds

    @property
    def missing(self) -> int:
        """Samples, 1 or more, that are still to come until another second is compared."""
        waiting: int = sum(part.shape[1] for part in self._waiting)
        return self._second - waiting

    @property
    def levels_db(self) -> FloatArray:
        """(channels - 1,): by how much a channel is louder than the first, over all seconds."""
        least = np.finfo(np.float64).tiny
        powers = np.maximum(self._other_power, least) / np.maximum(self._first_power, least)
        levels: FloatArray = 10 * np.log10(powers)
        return levels

    @property
    def same(self) -> bool:
        """True where all that was compared is the same in every channel."""
        return self._seconds > 0 and bool((self.likeness() >= _LIKE).all())

    @property
    def different(self) -> bool:
        """True where enough was compared to say that it is not, whatever may follow."""
        return self._seconds >= _ENOUGH_S and bool((self.likeness() < _UNLIKE).any())

    def update(self, samples: FloatArray) -> None:
        """Take (channels, n) float32."""
        self._waiting.append(samples)
        if sum(part.shape[1] for part in self._waiting) < self._second:
            return
        waiting = np.concatenate(self._waiting, axis=1)
        whole = waiting.shape[1] // self._second * self._second
        self._waiting = [waiting[:, whole:].copy()]
        for start in range(0, whole, self._second):
            self._compare(waiting[:, start : start + self._second])

    def finish(self) -> None:
        """Nothing follows: compare what is left, filled up with zeros."""
        left = sum(part.shape[1] for part in self._waiting)
        if left:
            channels = len(self._waiting[0])
            self.update(np.zeros((channels, self._second - left), np.float32))

    def _compare(self, second: FloatArray) -> None:
        samples = second - second.mean(axis=1, keepdims=True)
        level = np.einsum("cn,cn->c", samples, samples).max() / self._second
        if level < _QUIETEST:
            return
        spectra = np.zeros((len(samples), self._lag_size // 2 + 1), np.complex64)
        spectra[:, self._band] = scipy.fft.rfft(samples, self._size, axis=1)[:, self._band]
        power = np.einsum("ck,ck->c", spectra, spectra.conj()).real
        products = scipy.fft.irfft(spectra[0].conj() * spectra[1:], self._lag_size, axis=1)
        products = np.roll(products, self._lags, axis=1)[:, : 2 * self._lags + 1]
        # A loud second counts for more, since noise is less of it, but not by all of its power.
        weight = 1 / np.sqrt(power[0] + power[1:])
        self._first_power += power[0] * weight
        self._other_power += power[1:] * weight
        self._products += products * (weight * self._lag_size / 2)[:, None]
        self._seconds += 1

    def likeness(self) -> FloatArray:
        """(channels - 1,) in [0, 1]: how much of a channel is the first, delayed and scaled."""
        highest = np.abs(self._products).max(axis=1)
        scale = np.sqrt(self._first_power * self._other_power)
        likeness: FloatArray = highest / np.maximum(scale, np.finfo(np.float64).tiny)
        return likeness
