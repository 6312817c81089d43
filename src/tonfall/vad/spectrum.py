"""What of Silero's network is left to NumPy: the magnitude spectrum of each chunk."""

from __future__ import annotations

import numpy as np
import scipy.fft

from tonfall.arrays import FloatArray

__all__ = ["CHUNK", "CONTEXT", "SEEN", "SPECTRUM", "spectra", "windows_of"]

CHUNK = 512
"""Samples at 16 kHz (32 ms) that get one probability."""

CONTEXT = 64
"""Samples before a chunk that its spectrum also sees."""

SEEN = CONTEXT + CHUNK
"""Samples that one spectrum sees."""

_WINDOW, _STEP, _FRAMES = 256, 128, 4
_BINS = _WINDOW // 2 + 1

SPECTRUM = _FRAMES * _BINS
"""Values of one spectrum: 4 frames of 129 bins."""

_TOGETHER = 256
"""Chunks transformed at a time: what fits the cache."""

_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)).astype(np.float32)


def windows_of(samples: FloatArray) -> FloatArray:
    """The samples that each chunk's spectrum sees, overlapping, as a view.

    Args:
        samples: (64 + 512 n,) float32 at 16 kHz, contiguous: the context, then whole chunks.

    Returns:
        (n, 576) float32.

    >>> windows_of(np.zeros(64 + 1024, np.float32)).shape
    (2, 576)
    """
    assert len(samples) % CHUNK == CONTEXT, len(samples)
    # Ten times as fast as NumPy's sliding window, which a live stream feels.
    size = samples.itemsize
    return np.ndarray((len(samples) // CHUNK, SEEN), np.float32, samples, 0, (CHUNK * size, size))


def spectra(windows: FloatArray) -> FloatArray:
    """Magnitude spectra of chunks, as the network takes them.

    Args:
        windows: (chunks, 576) float32; the end of each is continued by reflection.

    Returns:
        (chunks, 516) float32: for each chunk 4 frames of 129 bins.
    """
    result = np.empty((len(windows), SPECTRUM), np.float32)
    for first in range(0, len(windows), _TOGETHER):
        part = slice(first, first + _TOGETHER)
        result[part] = _transformed(windows[part])
    return result


def _transformed(windows: FloatArray) -> FloatArray:
    padded = np.empty((len(windows), SEEN + CONTEXT), np.float32)
    padded[:, :SEEN] = windows
    padded[:, SEEN:] = windows[:, -2 : -CONTEXT - 2 : -1]
    rows, columns = padded.strides
    frames = np.lib.stride_tricks.as_strided(
        padded, (len(windows), _FRAMES, _WINDOW), (rows, _STEP * columns, columns), writeable=False
    )
    spectrum = scipy.fft.rfft(frames * _HANN, axis=-1)
    power = spectrum.real**2
    power += spectrum.imag**2
    result: FloatArray = np.sqrt(power, out=power).reshape(len(windows), SPECTRUM)
    return result
