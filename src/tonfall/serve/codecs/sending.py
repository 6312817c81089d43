"""The other direction: a recording cut into what a telephone system would send, and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.errors import ConfigError

__all__ = ["CHUNK_MS", "Outgoing", "check_channel_count", "chunks", "s16"]

CHUNK_MS = 20
"""Milliseconds of audio in one packet or message, as nearly all telephone systems have it."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A frame to be sent.

    Attributes:
        seconds: after the call's start at which it would be sent: when its last sample is there.
        content: a text frame as str; a binary frame, a datagram or a part of a stream as bytes.
    """

    seconds: float
    content: str | bytes


def chunks(
    waveform: FloatArray, *, sampling_rate: int, pad: bool = True
) -> Iterator[tuple[float, int, FloatArray]]:
    """Cut a waveform into pieces of 20 ms.

    Args:
        waveform: (channels, samples) float32 in [-1, 1].
        sampling_rate: Hz.
        pad: True to fill the last piece up with silence, False to let it be shorter.

    Yields:
        When the piece is over in seconds, its position in samples, and (channels, n) samples.

    """
    length = sampling_rate * CHUNK_MS // 1000
    for position in range(0, waveform.shape[1], length):
        piece = waveform[:, position : position + length]
        missing = length - piece.shape[1]
        if missing and pad:
            piece = np.pad(piece, ((0, 0), (0, missing)))
        yield (position + piece.shape[1]) / sampling_rate, position, piece


def check_channel_count(waveform: FloatArray, expected: int, *, name: str) -> None:
    """Refuse a waveform that does not have a row for each channel.

    Raises:
        ConfigError: it has more or fewer.
    """
    found = waveform.shape[0] if waveform.ndim == 2 else 0
    if found != expected:
        raise ConfigError(
            f"The waveform has shape {waveform.shape}, but {name} takes {expected} channel(s); "
            "give one row for each."
        )


def s16(samples: FloatArray, *, byte_order: str = "<") -> bytes:
    """Samples as 16-bit integers, interleaved.

    Args:
        samples: (channels, n) float32; what is beyond [-1, 1] is clipped.
        byte_order: "<" for little-endian, ">" for big-endian.
    """
    scaled = np.clip(np.rint(samples * 32_768), -32_768, 32_767)
    return scaled.T.astype(f"{byte_order}i2").tobytes()
