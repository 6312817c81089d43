"""Samples from a pipe or a headerless file: raw, or as a WAV file that comes in order."""

from __future__ import annotations

import re
from typing import BinaryIO

from tonfall.arrays import FloatArray
from tonfall.audio.containers.riff import WavHeader, read_wav_header, second_after
from tonfall.audio.decoder import STANDARD_INPUT, AudioInfo, Decoder, joined, spoken_name
from tonfall.audio.raw import Encoding, RawFormat, decode_samples
from tonfall.errors import AudioError

__all__ = ["StreamDecoder", "open_stream"]

_WAV_BEGINNING = re.compile(rb"(?:RIFF|RF64|BW64).{4}WAVE", re.DOTALL)
_BEGINNING_BYTES = 12


def open_stream(stream: BinaryIO, *, path: str, raw: RawFormat | None) -> StreamDecoder:
    """A decoder of what comes out of a stream that cannot seek.

    Args:
        stream: a blocking reader at its start; the decoder closes it, unless it is
            standard input.
        path: where it comes from; "-" for standard input.
        raw: what the bytes mean; None where a WAV file comes.

    Raises:
        AudioError: neither ``raw`` nor the header of an uncompressed WAV file.
    """
    if raw is not None:
        return StreamDecoder(stream, path=path, raw=raw)
    try:
        raw, wav = _wav_format(stream, name=spoken_name(path))
    except AudioError:
        if path != STANDARD_INPUT:
            stream.close()
        raise
    return StreamDecoder(stream, path=path, raw=raw, wav=wav)


def _wav_format(stream: BinaryIO, *, name: str) -> tuple[RawFormat, WavHeader]:
    """What a WAV header says of the samples after it."""
    header = read_wav_header(stream)
    if header is not None:
        header.check(name=name)
        raw = header.raw_format()
        if raw is not None:
            return raw, header
    raise AudioError(
        f"{name}: no WAV file with PCM, float or G.711 samples comes from there; for raw samples "
        f"give their encoding ({', '.join(Encoding)}), sampling rate and channels, and anything "
        "else as a file."
    )


class StreamDecoder(Decoder):
    """Decodes interleaved samples as they come.

    Args:
        stream: a blocking reader at the first sample.
        path: where it comes from; "-" for standard input.
        raw: what the bytes mean.
        wav: the header that was read, or None where there was none.
    """

    def __init__(
        self,
        stream: BinaryIO,
        *,
        path: str,
        raw: RawFormat,
        wav: WavHeader | None = None,
    ) -> None:
        self._stream = stream
        self._raw = raw
        self._wav = wav
        self._left = wav.data_bytes if wav else None
        self._position = wav.data_start if wav else 0
        self._before = b""
        self.promised = None if self._left is None else self._left // raw.bytes_per_frame
        self.info = AudioInfo(
            path=path,
            sampling_rate=raw.sampling_rate,
            channels=raw.channels,
            samples=self.promised,
            format=f"{'WAV' if wav else 'RAW'}/{raw.encoding.upper()}",
        )

    def read(self, samples: int) -> FloatArray:
        """The next (channels, at most ``samples``) float32.

        Raises:
            AudioError: raw audio that ends within a sample, which means another format, or a WAV
                file that another follows.
        """
        wanted = samples * self._raw.bytes_per_frame
        data = self._stream.read(wanted if self._left is None else min(wanted, self._left))
        if self._wav is not None:
            self._refuse_second(data)
        self._position += len(data)
        if self._left is not None:
            self._left -= len(data)
        return decode_samples(self._whole_frames(data), raw=self._raw)

    def close(self) -> None:
        """Close the stream, unless it is standard input, which is not ours to close."""
        if self.info.path != STANDARD_INPUT:
            self._stream.close()

    def _refuse_second(self, data: bytes) -> None:
        """Where the length is open, a second file begins in the middle of the samples."""
        second = None
        if self._left is None:
            searched = self._before + data
            if begins := _WAV_BEGINNING.search(searched):
                second = self._position - len(self._before) + begins.start()
            self._before = searched[1 - _BEGINNING_BYTES :]
        elif self._left == 0:
            second = second_after(self._stream, self._position)
        if second is not None:
            raise joined(self.info.name, second=second)

    def _whole_frames(self, data: bytes) -> bytes:
        excess = len(data) % self._raw.bytes_per_frame
        if excess == 0:
            return data
        if self._wav is None:
            raise AudioError(
                f"{self.info.name}: the raw audio ends {excess} bytes into a frame of "
                f"{self._raw.bytes_per_frame}; check its encoding and channels."
            )
        return data[:-excess]
