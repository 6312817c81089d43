"""Arrays that users bring, made into the one form that everything else takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.audio.limits import check_channels, check_sampling_rate
from tonfall.errors import AudioError

__all__ = ["as_waveform", "check_waveform", "within_full_scale"]

_NAME = "The waveform"
_LOUDEST = 8.0
"""Float samples may overshoot 1 (decoders do); 18 dB above it they are integers by mistake."""
_FULL_SCALE: Mapping[str, tuple[int, float]] = {
    "uint8": (128, 2.0**7),
    "int16": (0, 2.0**15),
    "int32": (0, 2.0**31),
}
"""Zero and full scale of each integer type."""


def as_waveform(samples: npt.ArrayLike, sampling_rate: int) -> FloatArray:
    """The samples as a waveform, whatever type they came in.

    Args:
        samples: (samples,) or (channels, samples), 1 to 8 channels: float in [-1, 1], or
            uint8, int16 or int32 at full scale. Float samples beyond 1 are clipped.
        sampling_rate: Hz, 4,000 to 384,000.

    Returns:
        (channels, samples) float32 in [-1, 1]; the array itself where it is that already.

    Raises:
        AudioError: no samples, NaN or infinity, a type, rank, rate or number of channels
            that is none of the above, or floats so large that they are meant as integers.

    >>> as_waveform(np.array([0, 16384], np.int16), sampling_rate=8000)
    array([[0. , 0.5]], dtype=float32)
    """
    array = _as_array(samples)
    if array.ndim == 1:
        array = array[None, :]
    _check_shape(array, sampling_rate)
    return within_full_scale(_as_float(array), name=_NAME)


def check_waveform(waveform: FloatArray, sampling_rate: int) -> None:
    """Refuse what is not a waveform already.

    Args:
        waveform: (channels, samples) float32 in [-1, 1], 1 to 8 channels.
        sampling_rate: Hz, 4,000 to 384,000.

    Raises:
        AudioError: anything else; :func:`as_waveform` converts what can be converted.

    >>> check_waveform(np.zeros((2, 400), np.float32), 16000)
    """
    _check_shape(waveform, sampling_rate)
    if waveform.dtype != np.float32:
        raise AudioError(f"{_NAME}: its type is {waveform.dtype}, but float32 is expected.")
    peak = _finite_peak(waveform, name=_NAME)
    if peak > 1:
        raise AudioError(f"{_NAME}: its peak is {peak:.4g}, but samples lie in [-1, 1]; scale it.")


def within_full_scale(waveform: FloatArray, *, name: str) -> FloatArray:
    """The waveform with its overshoots clipped, or the array itself where it has none.

    Args:
        waveform: (channels, samples) float32.
        name: how a message calls the audio.

    Raises:
        AudioError: NaN, infinity, or a peak above 8, which means integers stored as floats.
    """
    peak = _finite_peak(waveform, name=name)
    if peak > _LOUDEST:
        raise AudioError(
            f"{name}: its float samples reach {peak:.4g}, but they should lie in [-1, 1]; "
            "divide them by their full scale (32768 for 16 bits)."
        )
    return np.clip(waveform, -1, 1) if peak > 1 else waveform


def _as_array(samples: npt.ArrayLike) -> npt.NDArray[Any]:
    if isinstance(samples, bytes | bytearray | memoryview):
        raise AudioError(
            f"{_NAME}: bytes came, but samples are expected; 16-bit PCM becomes samples with "
            "numpy.frombuffer(data, numpy.int16)."
        )
    try:
        return np.asarray(samples)
    except (TypeError, ValueError) as error:
        raise AudioError(f"{_NAME}: it is no array of samples ({error}).") from error


def _check_shape(array: npt.NDArray[Any], sampling_rate: int) -> None:
    check_sampling_rate(sampling_rate, name=_NAME)
    if array.ndim != 2:
        raise AudioError(
            f"{_NAME}: it has {array.ndim} axes, but (samples,) or (channels, samples) is expected."
        )
    if array.size == 0:
        raise AudioError(f"{_NAME}: there are no samples in it.")
    channels, samples = array.shape
    if samples <= 8 < channels:
        raise AudioError(
            f"{_NAME}: its shape is {array.shape}, but (channels, samples) is expected; "
            "it looks transposed, so pass its .T."
        )
    check_channels(channels, name=_NAME)


def _as_float(array: npt.NDArray[Any]) -> FloatArray:
    if array.dtype.kind == "f":
        # Out of range becomes infinity, which is refused by its own message.
        with np.errstate(over="ignore"):
            return array.astype(np.float32, copy=False)
    if array.dtype.name not in _FULL_SCALE:
        raise AudioError(
            f"{_NAME}: its type is {array.dtype}, but float, uint8, int16 or int32 is expected; "
            "convert it to float in [-1, 1]."
        )
    zero, full_scale = _FULL_SCALE[array.dtype.name]
    return ((array.astype(np.float64) - zero) / full_scale).astype(np.float32)


def _finite_peak(waveform: FloatArray, *, name: str) -> float:
    """The largest magnitude; NaN passes through max and min, so one look finds it all."""
    if waveform.size == 0:
        return 0.0
    peak = max(float(waveform.max()), -float(waveform.min()))
    if not np.isfinite(waveform.max()) or not np.isfinite(peak):
        bad = np.flatnonzero(~np.isfinite(waveform).all(axis=0))
        raise AudioError(
            f"{name}: {bad.size} of its samples are NaN or infinite, the first at index {bad[0]}; "
            "write it again without them."
        )
    return peak
