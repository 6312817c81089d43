"""Raw samples without a header: what their bytes mean must be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.audio.g711 import decode_alaw, decode_mulaw
from tonfall.audio.limits import check_channels, check_sampling_rate
from tonfall.errors import ConfigError

__all__ = ["Encoding", "RawFormat", "decode_samples"]


class Encoding(StrEnum):
    """How one sample is written; named as ffmpeg and sox name them."""

    S8 = "s8"
    U8 = "u8"
    S16LE = "s16le"
    S24LE = "s24le"
    S32LE = "s32le"
    F32LE = "f32le"
    F64LE = "f64le"
    MULAW = "mulaw"
    ALAW = "alaw"

    @property
    def bytes_per_sample(self) -> int:
        """Bytes of one sample of one channel."""
        return _BYTES[self]


_BYTES: Mapping[Encoding, int] = {
    Encoding.S8: 1,
    Encoding.U8: 1,
    Encoding.S16LE: 2,
    Encoding.S24LE: 3,
    Encoding.S32LE: 4,
    Encoding.F32LE: 4,
    Encoding.F64LE: 8,
    Encoding.MULAW: 1,
    Encoding.ALAW: 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFormat:
    """What must be known of raw audio to read it.

    Attributes:
        encoding: of each sample; its name as text will do.
        sampling_rate: Hz, 4,000 to 384,000.
        channels: 1 to 8, interleaved sample by sample.

    Raises:
        AudioError: a rate or a number of channels outside these.
        ConfigError: an encoding that is not one of :class:`Encoding`.

    >>> RawFormat(encoding=Encoding.S16LE, sampling_rate=8000, channels=2).bytes_per_frame
    4
    """

    encoding: Encoding
    sampling_rate: int
    channels: int

    def __post_init__(self) -> None:
        if self.encoding not in list(Encoding):
            raise ConfigError(
                f"The encoding {self.encoding!r} is not known; choose one of {', '.join(Encoding)}."
            )
        object.__setattr__(self, "encoding", Encoding(self.encoding))
        check_sampling_rate(self.sampling_rate, name="Raw audio")
        check_channels(self.channels, name="Raw audio")

    @property
    def bytes_per_frame(self) -> int:
        """Bytes of one sample of all channels."""
        return self.encoding.bytes_per_sample * self.channels


def decode_samples(data: bytes, *, raw: RawFormat) -> FloatArray:
    """Samples of raw bytes.

    Args:
        data: whole frames: its length is a multiple of ``raw.bytes_per_frame``.
        raw: what the bytes mean.

    Returns:
        (channels, samples) float32; integers and G.711 lie in [-1, 1].

    >>> mono = RawFormat(encoding=Encoding.S16LE, sampling_rate=8000, channels=1)
    >>> decode_samples(bytes.fromhex("00400080"), raw=mono)
    array([[ 0.5, -1. ]], dtype=float32)
    """
    interleaved = _DECODERS[raw.encoding](data)
    return np.ascontiguousarray(interleaved.reshape(-1, raw.channels).T)


def _integers(dtype: str, *, zero: int = 0) -> Callable[[bytes], FloatArray]:
    full_scale = np.float32(2 ** (8 * np.dtype(dtype).itemsize - 1))

    def decode(data: bytes) -> FloatArray:
        samples = np.frombuffer(data, dtype).astype(np.float32)
        return (samples - np.float32(zero)) / full_scale

    return decode


def _floats(dtype: str) -> Callable[[bytes], FloatArray]:
    def decode(data: bytes) -> FloatArray:
        with np.errstate(over="ignore"):
            return np.frombuffer(data, dtype).astype(np.float32)

    return decode


def _decode_s24le(data: bytes) -> FloatArray:
    """Three bytes become the upper three of four, which scales them by 256."""
    wide = np.zeros((len(data) // 3, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
    return wide.view("<i4")[:, 0].astype(np.float32) / np.float32(2**31)


_DECODERS: Mapping[Encoding, Callable[[bytes], FloatArray]] = {
    Encoding.S8: _integers("i1"),
    Encoding.U8: _integers("u1", zero=128),
    Encoding.S16LE: _integers("<i2"),
    Encoding.S24LE: _decode_s24le,
    Encoding.S32LE: _integers("<i4"),
    Encoding.F32LE: _floats("<f4"),
    Encoding.F64LE: _floats("<f8"),
    Encoding.MULAW: decode_mulaw,
    Encoding.ALAW: decode_alaw,
}
