"""Mel spectra and mel-frequency cepstral coefficients, in the conventions of librosa and of HTK.

Davis & Mermelstein, "Comparison of parametric representations for monosyllabic word recognition",
IEEE Trans. ASSP 28 (1980). The mel scale is Slaney's ("slaney": linear below 1 kHz, bands of equal
area) or HTK's ("htk": logarithmic, bands of equal height), as librosa names them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
import scipy.fft

from tonfall.arrays import FloatArray
from tonfall.errors import ConfigError
from tonfall.features.framing import as_heard, magnitudes, split_frames

__all__ = ["MelScale", "deltas", "egemaps_mfcc", "mel_spectrum", "mfcc"]

MelScale = Literal["slaney", "htk"]

_LIFTER = 22
_EGEMAPS_COUNT = 4
_FULL_SCALE = 32767.0
_MFCC_FLOOR = 1e-8


def mel_spectrum(
    waveform: FloatArray,
    sampling_rate: int,
    *,
    window: int = 512,
    hop: int = 160,
    bands: int = 80,
    lowest_hz: float = 0.0,
    highest_hz: float | None = None,
    scale: MelScale = "slaney",
) -> FloatArray:
    """Power in mel bands, as ``librosa.feature.melspectrogram`` has it.

    Args:
        waveform: (channels, samples) float32 in [-1, 1].
        sampling_rate: in Hz; any.
        window: samples that a frame sees, and points of its transform.
        hop: samples from the centre of a frame to that of the next.
        bands: number of bands.
        lowest_hz: where the first begins.
        highest_hz: where the last ends; None for half of the sampling rate.
        scale: "slaney" or "htk".

    Returns:
        (channels, 1 + samples // hop, bands) float32. Frame *k* is centred on sample ``hop * k``;
        the ends are padded with zeros.

    Raises:
        ConfigError: an unknown scale, no window or hop, or bands that do not fit below half of
            the sampling rate.
        AudioError: NaN or infinity, or no samples as expected.

    >>> mel_spectrum(np.zeros((1, 16000), np.float32), 16000).shape
    (1, 101, 80)
    """
    highest = sampling_rate / 2 if highest_hz is None else highest_hz
    if window < 2 or hop < 1:
        raise ConfigError(
            f"A window of {window} and a hop of {hop} samples are asked for, but a window has at "
            "least 2 and a hop 1."
        )
    _check(bands, lowest_hz, highest, sampling_rate, scale)
    heard = as_heard(waveform, sampling_rate)
    padded = np.pad(heard, ((0, 0), (window // 2, window // 2)))
    hann = np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window), np.float32)
    frames = split_frames(padded, window=window, hop=hop)
    spectrum = magnitudes(frames, hann, size=window)
    filters = _filters(window, sampling_rate, bands, lowest_hz, highest, scale)
    return np.asarray((spectrum * spectrum) @ filters, np.float32)


def _check(bands: int, low: float, high: float, sampling_rate: int, scale: str) -> None:
    if scale not in ("slaney", "htk"):
        raise ConfigError(f"The mel scale is {scale!r}, but it has to be 'slaney' or 'htk'.")
    if bands < 1 or not 0 <= low < high <= sampling_rate / 2:
        raise ConfigError(
            f"{bands} mel bands from {low:g} to {high:g} Hz are asked for, but there must be at "
            f"least one, between 0 and {sampling_rate / 2:g} Hz."
        )


def _to_mel(frequency: npt.NDArray[np.float64], scale: MelScale) -> npt.NDArray[np.float64]:
    if scale == "htk":
        return np.asarray(2595 * np.log10(1 + frequency / 700))
    above = 15 + 27 * np.log(np.maximum(frequency, 1000) / 1000) / np.log(6.4)
    return np.where(frequency < 1000, frequency * 3 / 200, above)


def _to_hz(mel: npt.NDArray[np.float64], scale: MelScale) -> npt.NDArray[np.float64]:
    if scale == "htk":
        return np.asarray(700 * (10 ** (mel / 2595) - 1))
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(np.log(6.4) / 27 * (mel - 15)))


@lru_cache(maxsize=8)
def _filters(
    window: int, sampling_rate: int, bands: int, low: float, high: float, scale: MelScale
) -> FloatArray:
    """(bins, bands) float32, read-only."""
    ends = _to_mel(np.array([low, high], np.float64), scale)
    edges = _to_hz(np.linspace(ends[0], ends[1], bands + 2), scale)
    bins = np.fft.rfftfreq(window, 1 / sampling_rate)[:, None]
    rising = (bins - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins) / np.diff(edges)[1:]
    filters = np.maximum(0, np.minimum(rising, falling))
    if scale == "slaney":
        filters = filters * 2 / (edges[2:] - edges[:-2])
    result: FloatArray = filters.astype(np.float32)
    result.flags.writeable = False
    return result


def mfcc(
    waveform: FloatArray,
    sampling_rate: int,
    *,
    coefficients: int = 20,
    window: int = 512,
    hop: int = 160,
    bands: int = 128,
    scale: MelScale = "slaney",
    lifter: int = 0,
    range_db: float | None = 80.0,
) -> FloatArray:
    """Mel-frequency cepstral coefficients, as ``librosa.feature.mfcc`` has them.

    The orthonormal cosine transform of the mel bands in dB.

    Args:
        waveform: (channels, samples) float32 in [-1, 1].
        sampling_rate: in Hz; any.
        coefficients: how many, the mean level first; at most ``bands``.
        window: as for `mel_spectrum`, and so are ``hop``, ``bands`` and ``scale``.
        hop: see there.
        bands: see there.
        scale: see there.
        lifter: of the cepstrum; 0 for none, 22 in HTK.
        range_db: no band is farther than that below the loudest of its channel (librosa's
            ``top_db``); None for no such floor, as in a stream, which does not know the loudest.

    Returns:
        (channels, 1 + samples // hop, coefficients) float32.

    Raises:
        ConfigError: as for `mel_spectrum`, or more coefficients than bands.
    """
    if not 1 <= coefficients <= bands:
        raise ConfigError(
            f"{coefficients} cepstral coefficients are asked for, but {bands} mel bands give "
            f"between 1 and {bands}."
        )
    power = mel_spectrum(waveform, sampling_rate, window=window, hop=hop, bands=bands, scale=scale)
    decibels = 10 * np.log10(np.maximum(power, 1e-10))
    if decibels.size and range_db is not None:
        decibels = np.maximum(decibels, decibels.max(axis=(1, 2), keepdims=True) - range_db)
    cepstrum = scipy.fft.dct(decibels, norm="ortho")[..., :coefficients]
    if lifter:
        cepstrum = cepstrum * (
            1 + lifter / 2 * np.sin(np.pi * np.arange(1, coefficients + 1) / lifter)
        )
    return np.asarray(cepstrum, np.float32)


def deltas(contours: FloatArray, *, width: int = 9) -> FloatArray:
    """The slope of each contour, by a line through ``width`` frames.

    Args:
        contours: (..., frames, features); call again for the second derivative.
        width: odd, at least 3, in frames.

    Returns:
        The same shape, per frame; the ends are padded with their last value, as in HTK.

    Raises:
        ConfigError: an even width, or one below 3, or a single axis.

    >>> deltas(np.arange(5, dtype=np.float32)[:, None], width=3)[1:-1, 0]
    array([1., 1., 1.], dtype=float32)
    """
    if width < 3 or width % 2 == 0:
        raise ConfigError(f"The width of deltas is {width}, but it has to be odd and at least 3.")
    if contours.ndim < 2:
        raise ConfigError(
            f"The contours have {contours.ndim} axes, but (..., frames, features) are expected; "
            "give a single contour an axis of features, contour[:, None]."
        )
    if not contours.shape[-2]:
        return np.zeros(contours.shape, np.float32)
    half = width // 2
    ends = [(0, 0)] * (contours.ndim - 2) + [(half, half), (0, 0)]
    wide = np.pad(contours, ends, mode="edge")
    count = contours.shape[-2]
    slope = np.zeros(contours.shape, np.float32)
    for step in range(1, half + 1):
        ahead = wide[..., half + step : half + step + count, :]
        slope += np.float32(step) * (ahead - wide[..., half - step : half - step + count, :])
    return slope / np.float32(2 * sum(step**2 for step in range(1, half + 1)))


def egemaps_mfcc(bands: FloatArray) -> FloatArray:
    """The first four coefficients as in HTK, which eGeMAPS takes.

    Args:
        bands: (..., frames, 26) of `tonfall.features.loudness.auditory_bands`.

    Returns:
        (..., frames, 4) float32.
    """
    loud = np.log(np.maximum(bands * np.float32(_FULL_SCALE**2), np.float32(_MFCC_FLOOR)))
    result: FloatArray = loud @ _cosines(bands.shape[-1])
    return result


@lru_cache(maxsize=1)
def _cosines(bands: int) -> FloatArray:
    """(bands, 4): cosine transform and lifter."""
    number = np.arange(1, _EGEMAPS_COUNT + 1)
    waves = np.cos(np.pi / bands * np.outer(np.arange(bands) + 0.5, number))
    lifter = 1 + _LIFTER / 2 * np.sin(np.pi * number / _LIFTER)
    result: FloatArray = (np.sqrt(2 / bands) * waves * lifter).astype(np.float32)
    return result
