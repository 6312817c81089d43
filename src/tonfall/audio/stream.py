"""Samples from a pipe or a headerless file: raw, or as a WAV file that comes in order."""

from __future__ import annotations

from typing import BinaryIO

from tonfall.arrays import FloatArray
from tonfall.audio.decoder import STANDARD_INPUT, AudioInfo, Decoder, spoken_name
from tonfall.audio.raw import Encoding, RawFormat, decode_samples
from tonfall.audio.riff import read_wav_header
from tonfall.errors import AudioError

__all__ = ["StreamDecoder", "open_stream"]


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
        return StreamDecoder(stream, path=path, raw=raw, container="RAW")
    try:
        raw, data_bytes = _wav_format(stream, name=spoken_name(path))
    except AudioError:
        if path != STANDARD_INPUT:
            stream.close()
        raise
    return StreamDecoder(stream, path=path, raw=raw, container="WAV", data_bytes=data_bytes)


def _wav_format(stream: BinaryIO, *, name: str) -> tuple[RawFormat, int | None]:
    """What a WAV header says of the samples after it, and how many bytes they are."""
    header = read_wav_header(stream)
    if header is not None:
        header.check(name=name)
        raw = header.raw_format()
        if raw is not None:
            return raw, header.data_bytes
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
        container: "RAW" or "WAV", for the info.
        data_bytes: bytes of samples, after which others may follow; None for "to the end".
    """

    def __init__(
        self,
        stream: BinaryIO,
        *,
        path: str,
        raw: RawFormat,
        container: str,
        data_bytes: int | None = None,
    ) -> None:
        self._stream = stream
        self._raw = raw
        self._container = container
        self._left = data_bytes
        self.promised = None if data_bytes is None else data_bytes // raw.bytes_per_frame
        self.info = AudioInfo(
            path=path,
            sampling_rate=raw.sampling_rate,
            channels=raw.channels,
            samples=self.promised,
            format=f"{container}/{raw.encoding.upper()}",
        )

    def read(self, samples: int) -> FloatArray:
        """The next (channels, at most ``samples``) float32.

        Raises:
            AudioError: raw audio that ends within a sample, which means another format.
        """
        wanted = samples * self._raw.bytes_per_frame
        data = self._stream.read(wanted if self._left is None else min(wanted, self._left))
        if self._left is not None:
            self._left -= len(data)
        return decode_samples(self._whole_frames(data), raw=self._raw)

    def close(self) -> None:
        """Close the stream, unless it is standard input, which is not ours to close."""
        if self.info.path != STANDARD_INPUT:
            self._stream.close()

    def _whole_frames(self, data: bytes) -> bytes:
        excess = len(data) % self._raw.bytes_per_frame
        if excess == 0:
            return data
        if self._container == "RAW":
            raise AudioError(
                f"{self.info.name}: the raw audio ends {excess} bytes into a frame of "
                f"{self._raw.bytes_per_frame}; check its encoding and channels."
            )
        return data[:-excess]
