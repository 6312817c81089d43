"""Recordings that only FFmpeg reads (m4a, mp4, webm, amr, ...), through PyAV.

PyAV is large and optional: it is imported when such a file is opened, not before.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from fractions import Fraction
from io import FileIO
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.audio.containers import Extent
from tonfall.audio.decoder import AudioInfo, Decoder, cut_off, damaged, joined, printable
from tonfall.errors import AudioError

if TYPE_CHECKING:
    from av.container import InputContainer

__all__ = ["PyAVDecoder", "open_pyav"]

_OPTIONS = {"protocol_whitelist": "none"}
"""A file may be a playlist: it must not make FFmpeg open other files or addresses."""
_STATING = ("mov", "matroska", "flv", "tta", "wv", "ape")
"""Containers that state their length; others leave FFmpeg to guess it from the bit rate."""


class _File(FileIO):
    """Fails as FFmpeg expects it: PyAV would print the traceback of an error on the terminal."""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return super().seek(offset, whence)
        except (OSError, OverflowError):
            return -1


def open_pyav(path: Path, *, extent: Extent) -> Decoder:
    """A decoder of a file that exists, can be read, and that libsndfile does not know.

    Args:
        path: of the file.
        extent: how far its container says that it reaches.

    Raises:
        AudioError: its container was cut off, PyAV is not installed, FFmpeg does not know the
            format either, or there is no audio in it.
    """
    try:
        import av
    except ImportError as error:
        raise AudioError(
            f"{printable(path)}: it is not WAV, FLAC, Ogg Vorbis, Opus or MP3, or is damaged; for "
            "m4a, mp4, webm and others install the extra: pip install 'tonfall[av]'."
        ) from error
    stream = _File(path)
    try:
        # Tags are not read; those in Latin-1, as old recorders write, must not end the reading.
        container = av.open(stream, "r", options=_OPTIONS, metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        stream.close()
        raise (_cut_off(path, extent) if extent.cut else _unknown(path)) from error
    try:
        _check_audio(container, path)
        if extent.cut:
            raise _cut_off(path, extent, promised=_stated_seconds(container))
    except AudioError:
        container.close()
        stream.close()
        raise
    return PyAVDecoder(container, stream, path=path, second=extent.second)


def _check_audio(container: InputContainer, path: Path) -> None:
    """Refuse a container without sound, and what FFmpeg only took for one by its name.

    That is text, or raw samples (call.al, call.ul), whose rate FFmpeg would make up.
    """
    if not container.streams.audio:
        raise AudioError(f"{printable(path)}: there is no audio in it; give a file that has sound.")
    track = container.streams.audio[0]
    raw = track.codec_context.name == f"pcm_{container.format.name}"
    if raw or not track.rate or not track.channels:
        raise _unknown(path)


def _cut_off(path: Path, extent: Extent, *, promised: Fraction | None = None) -> AudioError:
    """FFmpeg would read the file as far as it goes; the duration is told where it is stated."""
    duration = "" if promised is None else f" for {float(promised):.1f} s"
    return cut_off(
        printable(path),
        f"{extent.there:,} bytes where its header promises {extent.stated:,}{duration}",
    )


def _unknown(path: Path) -> AudioError:
    return AudioError(
        f"{printable(path)}: it is not a recording in any known format, or its header is damaged; "
        "check that it plays, or, if it is raw audio, give its encoding, rate and channels."
    )


class PyAVDecoder(Decoder):
    """Decodes the first audio track of an open container.

    Args:
        container: at its start; the decoder closes it.
        stream: the file that the container reads; the decoder closes it too.
        path: of the file.
        second: byte at which another recording of a chain begins, or None.
    """

    def __init__(
        self, container: InputContainer, stream: BinaryIO, *, path: Path, second: int | None = None
    ) -> None:
        self._second = second
        self._container = container
        self._stream = stream
        self._track = container.streams.audio[0]
        self._pieces = self._decode()
        self._waiting: list[FloatArray] = []
        self._count = 0
        self._decoded = 0
        self.promised = _stated_samples(container)
        self.info = AudioInfo(
            path=str(path),
            sampling_rate=self._track.rate,
            channels=self._track.channels,
            samples=self.promised,
            format=_format_name(container),
        )

    def read(self, samples: int) -> FloatArray:
        """The next (channels, at most ``samples``) float32.

        Raises:
            AudioError: the file is damaged.
        """
        waiting = sum(piece.shape[1] for piece in self._waiting)
        while waiting < samples and (piece := next(self._pieces, None)) is not None:
            self._waiting.append(piece)
            waiting += piece.shape[1]
        none = np.zeros((self.info.channels, 0), np.float32)
        block = np.concatenate([none, *self._waiting], axis=1)
        self._waiting = [block[:, samples:]]
        self._count += min(waiting, samples)
        return np.ascontiguousarray(block[:, :samples])

    def close(self) -> None:
        """Close the container and its file."""
        self._pieces.close()
        self._container.close()
        self._stream.close()

    def _decode(self) -> Generator[FloatArray, None, None]:
        """Pieces of (channels, n), as long as the codec's frames."""
        import av

        to_float = av.AudioResampler(
            format="fltp", layout=self._track.layout, rate=self._track.rate
        )
        try:
            for frame in chain(self._container.decode(self._track), [None]):
                for converted in to_float.resample(frame):
                    self._decoded += converted.samples
                    yield np.asarray(converted.to_ndarray(), np.float32)
        except (av.FFmpegError, IndexError, ValueError) as error:
            # ValueError: the rate or the channels change on the way; IndexError: a track appears.
            if self.promised is not None and self._decoded >= self.promised:
                return  # What FFmpeg stumbled over stands after the sound: WavPack's own tags.
            if self._second is not None:
                raise joined(self.info.name, second=self._second) from error
            raise damaged(self.info, found=self._count, promised=self.promised) from error


def _stated_samples(container: InputContainer) -> int | None:
    """The length that the container states, in samples of its first audio track."""
    seconds = _stated_seconds(container)
    return None if seconds is None else int(seconds * container.streams.audio[0].rate)


def _stated_seconds(container: InputContainer) -> Fraction | None:
    track = container.streams.audio[0]
    if not container.format.name.startswith(_STATING):
        return None
    if track.duration is not None and track.time_base is not None:
        return track.duration * track.time_base
    return None if container.duration is None else Fraction(container.duration, 1_000_000)


def _format_name(container: InputContainer) -> str:
    codec = container.streams.audio[0].codec_context.name
    return f"{container.format.name.split(',')[0]}/{codec}".upper()
