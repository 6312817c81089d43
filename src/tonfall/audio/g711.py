"""G.711, the eight-bit code of the telephone network: mu-law and A-law, both ways.

A byte holds a sign, a segment (the exponent) and a step within it (the mantissa), so
that the step grows with the level. Every direction is one look-up in a table that is
computed on first use from the rule in ITU-T Recommendation G.711.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.errors import AudioError

__all__ = [
    "alaw_table",
    "decode_alaw",
    "decode_mulaw",
    "encode_alaw",
    "encode_mulaw",
    "mulaw_table",
]

Int16Array = npt.NDArray[np.int16]
Samples = FloatArray | Int16Array
_FULL_SCALE = 32_768
_MULAW_BIAS = 33
"""Added to a 14-bit magnitude, so that the segments begin at powers of two."""
_MULAW_CLIP = 8158
_ALAW_TOGGLE = 0x55
"""A-law inverts every other bit on the line."""


@lru_cache(maxsize=1)
def mulaw_table() -> Int16Array:
    """What each mu-law byte stands for.

    Returns:
        (256,) int16 in [-32124, 32124], read-only.
    """
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    segment = (code >> 4) & 7
    magnitude = ((((code & 0xF) << 1) + _MULAW_BIAS) << segment) - _MULAW_BIAS
    return _read_only(np.where(code & 0x80, -magnitude, magnitude) << 2)


@lru_cache(maxsize=1)
def alaw_table() -> Int16Array:
    """What each A-law byte stands for.

    Returns:
        (256,) int16 in [-32256, 32256], read-only. A-law has no zero: the least is 8.
    """
    code = np.arange(256, dtype=np.int32) ^ _ALAW_TOGGLE
    segment = (code >> 4) & 7
    # The lowest two segments share a step; from there on the step doubles.
    implied = np.where(segment > 0, 33, 1)
    magnitude = (((code & 0xF) << 1) + implied) << np.maximum(segment - 1, 0)
    return _read_only(np.where(code & 0x80, magnitude, -magnitude) << 3)


def decode_mulaw(data: bytes) -> FloatArray:
    """Samples of mu-law bytes.

    Args:
        data: one byte a sample, in whatever length it came.

    Returns:
        (samples,) float32 in [-1, 1].

    >>> (decode_mulaw(bytes([0xFF, 0xCE, 0x4E])) * 32768).tolist()
    [0.0, 988.0, -988.0]
    """
    return _mulaw_samples()[np.frombuffer(data, np.uint8)]


def decode_alaw(data: bytes) -> FloatArray:
    """Samples of A-law bytes.

    Args:
        data: one byte a sample, in whatever length it came.

    Returns:
        (samples,) float32 in [-1, 1].

    >>> (decode_alaw(bytes([0xD5, 0xFA, 0x7A])) * 32768).tolist()
    [8.0, 1008.0, -1008.0]
    """
    return _alaw_samples()[np.frombuffer(data, np.uint8)]


def encode_mulaw(samples: Samples) -> bytes:
    """Mu-law bytes of samples, one byte each.

    Args:
        samples: (samples,) int16, or float32 in [-1, 1]; what is beyond is clipped.

    Raises:
        AudioError: more than one axis, another type, or NaN.

    >>> encode_mulaw(np.array([0, 1000, -1000], np.int16)).hex()
    'ffce4e'
    """
    return _mulaw_codes()[_as_index(samples)].tobytes()


def encode_alaw(samples: Samples) -> bytes:
    """A-law bytes of samples, one byte each.

    Args:
        samples: (samples,) int16, or float32 in [-1, 1]; what is beyond is clipped.

    Raises:
        AudioError: more than one axis, another type, or NaN.

    >>> encode_alaw(np.array([0, 1000, -1000], np.int16)).hex()
    'd5fa7a'
    """
    return _alaw_codes()[_as_index(samples)].tobytes()


def _read_only(values: npt.NDArray[np.int32]) -> Int16Array:
    table: Int16Array = values.astype(np.int16)
    table.flags.writeable = False
    return table


@lru_cache(maxsize=1)
def _mulaw_samples() -> FloatArray:
    return mulaw_table().astype(np.float32) / np.float32(_FULL_SCALE)


@lru_cache(maxsize=1)
def _alaw_samples() -> FloatArray:
    return alaw_table().astype(np.float32) / np.float32(_FULL_SCALE)


def _every_sample() -> npt.NDArray[np.int32]:
    """All 16-bit samples in the order of their bits, so that a sample is its own index."""
    return np.arange(1 << 16, dtype=np.uint16).view(np.int16).astype(np.int32)


def _segment(magnitude: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Place of the highest set bit above the five that a code's step keeps, from 0 to 7."""
    highest_bit = np.frexp(np.maximum(magnitude, 1))[1] - 1
    segment: npt.NDArray[np.int32] = np.clip(highest_bit - 5, 0, 7)
    return segment


@lru_cache(maxsize=1)
def _mulaw_codes() -> npt.NDArray[np.uint8]:
    sample = _every_sample() >> 2
    magnitude = np.minimum(np.abs(sample), _MULAW_CLIP) + _MULAW_BIAS
    segment = _segment(magnitude)
    step = (magnitude >> (segment + 1)) & 0xF
    sign = np.where(sample < 0, 0x80, 0)
    return _as_bytes(~(sign | (segment << 4) | step) & 0xFF)


@lru_cache(maxsize=1)
def _alaw_codes() -> npt.NDArray[np.uint8]:
    sample = _every_sample() >> 3
    # One's complement: the smallest negative sample has the smallest magnitude, 0.
    magnitude = np.where(sample < 0, ~sample, sample)
    segment = np.where(magnitude < 32, 0, _segment(magnitude) + 1)
    step = (magnitude >> np.maximum(segment, 1)) & 0xF
    sign = np.where(sample < 0, 0, 0x80)
    return _as_bytes((sign | (segment << 4) | step) ^ _ALAW_TOGGLE)


def _as_bytes(codes: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
    return codes.astype(np.uint8)


def _as_index(samples: Samples) -> npt.NDArray[np.uint16]:
    """The bits of each sample as 16-bit integer: its place in a table of codes."""
    if samples.ndim != 1:
        raise AudioError(
            f"G.711 takes samples of one channel, but an array of shape {samples.shape} came; "
            "encode each channel by itself."
        )
    if samples.dtype == np.int16:
        return samples.view(np.uint16)
    return _to_int16(samples).view(np.uint16)


def _to_int16(samples: Samples) -> Int16Array:
    if samples.dtype != np.float32:
        raise AudioError(
            f"G.711 takes int16 or float32 samples, but {samples.dtype} came; convert them first."
        )
    if np.isnan(samples).any():
        raise AudioError("G.711 cannot encode NaN; check the samples.")
    scaled = np.rint(samples * np.float32(_FULL_SCALE))
    clipped: FloatArray = np.clip(scaled, -_FULL_SCALE, _FULL_SCALE - 1)
    return clipped.astype(np.int16)
