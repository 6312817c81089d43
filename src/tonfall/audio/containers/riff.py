"""The header of a WAV file: what it says, so that it can be held against what is there.

libsndfile reads the samples of files on disk, but quietly shortens a truncated one, and
cannot read from a pipe. Both need the header itself: RIFF, or RF64 and BW64 beyond 4 GB
(EBU Tech 3306, ITU-R BS.2088).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import BinaryIO

from tonfall.audio.containers.chunks import is_open
from tonfall.audio.limits import check_channels, check_sampling_rate
from tonfall.audio.raw import Encoding, RawFormat

__all__ = ["WavHeader", "read_wav_header", "second_after"]

_ENCODINGS: Mapping[tuple[int, int], Encoding] = {
    (1, 8): Encoding.U8,
    (1, 16): Encoding.S16LE,
    (1, 24): Encoding.S24LE,
    (1, 32): Encoding.S32LE,
    (3, 32): Encoding.F32LE,
    (3, 64): Encoding.F64LE,
    (6, 8): Encoding.ALAW,
    (7, 8): Encoding.MULAW,
}
"""By format tag and bits a sample."""
_BEGINNINGS = (b"RIFF", b"RIFX", b"RF64", b"BW64")
_EXTENSIBLE = 0xFFFE
_IN_DS64 = 0xFFFF_FFFF
_SKIP_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class WavHeader:
    """What stands before a WAV file's samples.

    Attributes:
        encoding: of the samples; None where they are compressed (ADPCM, GSM, MP3).
        sampling_rate: Hz, unchecked.
        channels: count, unchecked.
        data_start: bytes before the first sample.
        data_bytes: length of the samples; None where the writer could not go back to fill
            it in, as behind a pipe.
        big_endian: True for RIFX, which only libsndfile decodes.
        broadcast: True for BW64, which libsndfile does not know.
    """

    encoding: Encoding | None
    sampling_rate: int
    channels: int
    data_start: int
    data_bytes: int | None
    big_endian: bool = False
    broadcast: bool = False

    def check(self, *, name: str) -> None:
        """Refuse a rate or a number of channels that cannot be worked on.

        Raises:
            AudioError: with ``name`` as that of the recording.
        """
        check_sampling_rate(self.sampling_rate, name=name)
        check_channels(self.channels, name=name)

    def raw_format(self) -> RawFormat | None:
        """How to read the samples without a codec; None where they need one."""
        if self.encoding is None:
            return None
        return RawFormat(
            encoding=self.encoding, sampling_rate=self.sampling_rate, channels=self.channels
        )


def read_wav_header(stream: BinaryIO) -> WavHeader | None:
    """Read up to the first sample.

    Args:
        stream: at its start; it need not be seekable.

    Returns:
        The header, or None where this is not a WAV file, or one cut off in its header.
    """
    riff, _, wave = struct.unpack("<4sI4s", stream.read(12).ljust(12, b"\0"))
    if riff not in _BEGINNINGS or wave != b"WAVE":
        return None
    header = _walk_chunks(stream, order=">" if riff == b"RIFX" else "<")
    return replace(header, broadcast=True) if header and riff == b"BW64" else header


def second_after(stream: BinaryIO, position: int) -> int | None:
    """Read on past the samples, to where others begin.

    Args:
        stream: after the last sample; it need not be seekable.
        position: bytes before that.

    Returns:
        The byte at which a second file or a second chunk of samples begins, or None.
    """
    stream.read(position % 2)
    position += position % 2
    while len(head := stream.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        if name in (*_BEGINNINGS, b"data"):
            return position
        _skip(stream, size + size % 2)
        position += 8 + size + size % 2
    return None


def _walk_chunks(stream: BinaryIO, *, order: str) -> WavHeader | None:
    """Take in chunk after chunk until the samples begin."""
    layout: tuple[Encoding | None, int, int] | None = None
    long_size: int | None = None
    position = 12
    while len(head := stream.read(8)) == 8:
        name, size = struct.unpack(f"{order}4sI", head)
        position += 8
        if name == b"data":
            length = _data_bytes(size, long_size)
            if layout is None:
                return None
            encoding = layout[0] if order == "<" else None
            return WavHeader(encoding, *layout[1:], position, length, order == ">")
        padded = size + size % 2
        body = stream.read(min(padded, _SKIP_BYTES))
        if name == b"fmt ":
            layout = _layout(body, order=order)
        elif name == b"ds64" and len(body) >= 16:
            long_size = struct.unpack_from("<8xQ", body)[0]
        _skip(stream, padded - len(body))
        position += padded
    return None


def _layout(body: bytes, *, order: str) -> tuple[Encoding | None, int, int] | None:
    """Encoding, rate and channels of a ``fmt`` chunk."""
    if len(body) < 16:
        return None
    tag, channels, sampling_rate, _, _, bits = struct.unpack_from(f"{order}HHIIHH", body)
    if tag == _EXTENSIBLE and len(body) >= 26:
        tag = struct.unpack_from(f"{order}24xH", body)[0]
    return _ENCODINGS.get((tag, bits)), sampling_rate, channels


def _data_bytes(size: int, long_size: int | None) -> int | None:
    """The stated length of the samples, or None where it stands for "not known"."""
    if size == _IN_DS64 and long_size is not None:
        size = long_size
    return None if is_open(size) else size


def _skip(stream: BinaryIO, count: int) -> None:
    """Read past bytes, a piece at a time, since a pipe cannot seek and a size may lie."""
    while count > 0 and (piece := stream.read(min(count, _SKIP_BYTES))):
        count -= len(piece)
