"""From a path to samples: block by block, or a short clip at once."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.audio.containers import read_extent
from tonfall.audio.containers.riff import WavHeader, read_wav_header
from tonfall.audio.decoder import STANDARD_INPUT, AudioInfo, Decoder, joined, printable, truncated
from tonfall.audio.git_lfs import POINTER_ADVICE, is_pointer
from tonfall.audio.libsndfile import UnknownFormatError, open_libsndfile
from tonfall.audio.limits import check_channels, check_duration, check_sampling_rate
from tonfall.audio.memory import Samples, SamplesDecoder
from tonfall.audio.pyav import open_pyav
from tonfall.audio.raw import RawFormat
from tonfall.audio.stream import open_stream
from tonfall.audio.waveform import within_full_scale
from tonfall.errors import AudioError

__all__ = ["AudioReader", "open_audio", "probe", "read"]

_HEAD_BYTES = 64
_TOLERATED_SECONDS = 0.1
"""Headers are often off by a few frames; this much missing is no truncation."""

Source = str | os.PathLike[str]


def probe(path: Source, *, raw: RawFormat | None = None) -> AudioInfo:
    """What a file's header says, without its samples.

    Args:
        path: of the file.
        raw: what its bytes mean, where it has no header.

    Raises:
        AudioError: it is no recording, cannot be read, or has a rate or a number of channels
            that cannot be worked on.
    """
    decoder = _open_file(Path(path), raw=raw)
    decoder.close()
    return decoder.info


def open_audio(
    source: Source | Samples, *, block_seconds: float = 1.0, raw: RawFormat | None = None
) -> AudioReader:
    """Open a recording to read it in blocks, however long it is.

    Args:
        source: path of a file or a named pipe, or "-" for standard input. From a pipe come
            raw samples, or a WAV file with PCM, float or G.711 samples. Or samples in memory.
        block_seconds: length of a block.
        raw: what the bytes mean, where they have no header.

    Raises:
        AudioError: see :class:`AudioReader`; also where there is no such file, no
            permission, or no format that is known.
    """
    decoder: Decoder
    if isinstance(source, Samples):
        decoder = SamplesDecoder(source)
    elif os.fspath(source) == STANDARD_INPUT:
        decoder = open_stream(sys.stdin.buffer, path=STANDARD_INPUT, raw=raw)
    else:
        decoder = _open_file(Path(source), raw=raw)
    return AudioReader(decoder, block_seconds=block_seconds)


def read(path: Source, *, raw: RawFormat | None = None) -> tuple[FloatArray, int]:
    """A short clip at once.

    Args:
        path: as for :func:`open_audio`.
        raw: what the bytes mean, where they have no header.

    Returns:
        The (channels, samples) float32 waveform in [-1, 1], and its sampling rate in Hz.

    Raises:
        AudioError: as for :func:`open_audio` and :class:`AudioReader`.
    """
    with open_audio(path, raw=raw) as reader:
        return np.concatenate(list(reader), axis=1), reader.info.sampling_rate


class AudioReader:
    """Blocks of a recording, from front to back, once.

    Args:
        decoder: at its start; the reader closes it.
        block_seconds: length of a block; no more than one is held.

    Each block is (channels, n) float32 in [-1, 1], a fresh array; overshoots of lossy and
    float formats are clipped. All blocks but the last have the same length.

    Raises:
        AudioError: where it is known on opening, or else while iterating: the recording is
            shorter than 25 ms or than its header promises, is damaged, or has samples
            that are NaN, infinite or far beyond full scale.

    Attributes:
        info: what the header says.
        position: samples given out so far, at the source's rate.
    """

    def __init__(self, decoder: Decoder, *, block_seconds: float = 1.0) -> None:
        assert block_seconds > 0, block_seconds
        self.info = decoder.info
        self.position = 0
        self._decoder = decoder
        self._block = max(1, round(block_seconds * self.info.sampling_rate))
        if decoder.found is not None:
            self._check_length(decoder.found)

    def __iter__(self) -> Iterator[FloatArray]:
        while (block := self._decoder.read(self._block)).shape[1]:
            yield self._take(block)
        self._check_length(self.position)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._decoder.close()

    def _take(self, block: FloatArray) -> FloatArray:
        start = self.position / self.info.sampling_rate
        self.position += block.shape[1]
        return within_full_scale(block, name=f"{self.info.name}, from {start:.1f} s")

    def _check_length(self, samples: int) -> None:
        rate, promised = self.info.sampling_rate, self._decoder.promised
        if promised is not None and promised - samples > _TOLERATED_SECONDS * rate:
            self.close()
            raise truncated(self.info, found=samples, promised=promised)
        try:
            check_duration(samples, sampling_rate=rate, name=self.info.name)
        except AudioError:
            self.close()
            raise


def _open_file(path: Path, *, raw: RawFormat | None) -> Decoder:
    """The decoder that fits a file, with rate and channels checked."""
    stream = _open_binary(path)
    if raw is not None or stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode):
        return open_stream(stream, path=str(path), raw=raw)
    with stream:
        wav = read_wav_header(stream)
        if wav is not None:
            wav.check(name=printable(path))
        extent = read_extent(stream, size=path.stat().st_size, wav=wav)
    if extent.chained and find_spec("av"):
        return _checked(open_pyav(path, extent=extent))
    if extent.second is not None:
        raise joined(printable(path), second=extent.second)
    if wav is not None and _comes_in_order(wav):
        return open_stream(path.open("rb"), path=str(path), raw=None)
    try:
        decoder = open_libsndfile(path, extent=extent)
    except UnknownFormatError:
        decoder = open_pyav(path, extent=extent)
    return _checked(decoder)


def _comes_in_order(wav: WavHeader) -> bool:
    """Whether a WAV file is read as if it came from a pipe.

    libsndfile takes a length of 0, which recorders leave that were cut off, at its word, and does
    not know BW64.
    """
    return wav.encoding is not None and (wav.data_bytes is None or wav.broadcast)


def _checked(decoder: Decoder) -> Decoder:
    info = decoder.info
    try:
        check_sampling_rate(info.sampling_rate, name=info.name)
        check_channels(info.channels, name=info.name)
    except AudioError:
        decoder.close()
        raise
    return decoder


def _open_binary(path: Path) -> BinaryIO:
    """Open a file or a pipe, with one sentence for each way in which this fails."""
    name = printable(path)
    try:
        stream = path.open("rb")
    except FileNotFoundError as error:
        raise AudioError(f"{name}: there is no such file; check the path.") from error
    except IsADirectoryError as error:
        raise AudioError(f"{name}: this is a folder; name the recordings in it.") from error
    except PermissionError as error:
        raise AudioError(
            f"{name}: there is no permission to read it; change it with chmod, or ask its owner."
        ) from error
    except (OSError, ValueError) as error:
        raise AudioError(
            f"{name}: it cannot be opened ({_reason(error)}); check the path."
        ) from error
    _check_kind(stream, path)
    return stream


def _reason(error: OSError | ValueError) -> str:
    """Why, without the path, which stands before it."""
    return error.strerror or "" if isinstance(error, OSError) else str(error)


def _check_kind(stream: BinaryIO, path: Path) -> None:
    """Refuse an empty file, and what is neither a file nor a pipe."""
    name = printable(path)
    status = os.fstat(stream.fileno())
    if stat.S_ISFIFO(status.st_mode):
        return
    if not stat.S_ISREG(status.st_mode):
        stream.close()
        raise AudioError(f"{name}: this is a device; name a file, a pipe, or - for standard input.")
    if status.st_size == 0:
        stream.close()
        raise AudioError(f"{name}: the file is empty; copy it again from its source.")
    if is_pointer(os.pread(stream.fileno(), _HEAD_BYTES, 0)):
        stream.close()
        raise AudioError(f"{name}: this is a git-lfs pointer, not the recording; {POINTER_ADVICE}.")
