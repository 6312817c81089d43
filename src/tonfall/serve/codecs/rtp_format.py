"""How the payload of an RTP packet is written (RFC 3551)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.audio import (
    check_channels,
    check_sampling_rate,
    decode_alaw,
    decode_mulaw,
    encode_alaw,
    encode_mulaw,
)
from tonfall.errors import ConfigError
from tonfall.serve.codecs.sending import s16

__all__ = ["COMFORT_NOISE", "STATIC_FORMATS", "RtpEncoding", "RtpFormat", "formats_with"]

COMFORT_NOISE = 13
"""Payload type that says: from here on there is silence (RFC 3389)."""
FULL_SCALE = np.float32(32_768)


class RtpEncoding(StrEnum):
    """How one sample is written; named as SDP names them."""

    PCMU = "PCMU"
    PCMA = "PCMA"
    L16 = "L16"

    @property
    def bytes_per_sample(self) -> int:
        """Bytes of one sample of one channel."""
        return 2 if self is RtpEncoding.L16 else 1


@dataclass(frozen=True, slots=True)
class RtpFormat:
    """What a payload type stands for.

    Attributes:
        encoding: of each sample; L16 is big-endian.
        sampling_rate: Hz; RTP's time stamps count at the same rate.
        channels: 1 to 8, interleaved.

    Raises:
        AudioError: a rate or a number of channels outside these.
    """

    encoding: RtpEncoding
    sampling_rate: int = 8_000
    channels: int = 1

    def __post_init__(self) -> None:
        check_sampling_rate(self.sampling_rate, name="RTP")
        check_channels(self.channels, name="RTP")

    @property
    def bytes_per_frame(self) -> int:
        """Bytes of one sample of all channels."""
        return self.encoding.bytes_per_sample * self.channels

    def fits(self, other: RtpFormat) -> bool:
        """True where both have the same rate and channels: one may follow the other."""
        return (self.sampling_rate, self.channels) == (other.sampling_rate, other.channels)

    def decode(self, payload: bytes) -> FloatArray:
        """(channels, n) float32 samples of a payload of whole frames."""
        interleaved = _DECODERS[self.encoding](payload)
        return np.ascontiguousarray(interleaved.reshape(-1, self.channels).T)

    def encode(self, samples: FloatArray) -> bytes:
        """The payload of (channels, n) float32 samples in [-1, 1]."""
        return _ENCODERS[self.encoding](samples)


STATIC_FORMATS: Mapping[int, RtpFormat] = {
    0: RtpFormat(RtpEncoding.PCMU),
    8: RtpFormat(RtpEncoding.PCMA),
    10: RtpFormat(RtpEncoding.L16, 44_100, 2),
    11: RtpFormat(RtpEncoding.L16, 44_100, 1),
}
"""Payload types that need no agreement (RFC 3551, table 4)."""


def formats_with(dynamic: Mapping[int, RtpFormat]) -> Mapping[int, RtpFormat]:
    """The payload types that need no agreement, and those that were agreed on.

    Raises:
        ConfigError: a payload type that is not 96 to 127.
    """
    for payload_type in dynamic:
        if not 96 <= payload_type <= 127:
            raise ConfigError(
                f"The RTP payload type {payload_type} has a fixed meaning; agree on one of 96 "
                "to 127."
            )
    return {**STATIC_FORMATS, **dynamic}


def _decode_l16(payload: bytes) -> FloatArray:
    return np.frombuffer(payload, ">i2").astype(np.float32) / FULL_SCALE


def _encode_l16(samples: FloatArray) -> bytes:
    return s16(samples, byte_order=">")


def _interleaved(encode: Callable[[FloatArray], bytes]) -> Callable[[FloatArray], bytes]:
    return lambda samples: encode(samples.T.reshape(-1))


_DECODERS: Mapping[RtpEncoding, Callable[[bytes], FloatArray]] = {
    RtpEncoding.PCMU: decode_mulaw,
    RtpEncoding.PCMA: decode_alaw,
    RtpEncoding.L16: _decode_l16,
}
_ENCODERS: Mapping[RtpEncoding, Callable[[FloatArray], bytes]] = {
    RtpEncoding.PCMU: _interleaved(encode_mulaw),
    RtpEncoding.PCMA: _interleaved(encode_alaw),
    RtpEncoding.L16: _encode_l16,
}
