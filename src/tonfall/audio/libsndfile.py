"""Recordings that libsndfile reads: WAV, FLAC, Ogg Vorbis, Opus, MP3 and older ones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from tonfall.arrays import FloatArray
from tonfall.audio.containers import Extent
from tonfall.audio.decoder import AudioInfo, Decoder, cut_off, damaged, printable
from tonfall.errors import AudioError

__all__ = ["LibsndfileDecoder", "MpegDecoder", "UnknownFormatError", "open_libsndfile"]

_UNKNOWN_LENGTH = 1 << 62
"""libsndfile says 2**63 - 1 samples where a header leaves the length open."""
_UNCHECKED = {"AVR", "MAT4", "MAT5", "MPC2K", "SD2", "SDS", "WVE", "XI"}
"""Files of samplers and of matrices, of which libsndfile reads what is there without a word."""
_NO_END_MARK = (
    "The file has no mark at its end, which some recorders leave out; if it should be longer, it "
    "was cut off."
)
_MPEG_LENGTH_TAGS = (b"Xing", b"Info", b"VBRI")
_MPEG_TAG = b"APETAGEX"
_MPEG_SLACK_BYTES = 1 << 14
"""Short tags and padding that may follow the last frame of an MP3 file."""


class UnknownFormatError(Exception):
    """libsndfile cannot read the file; another library may. It never reaches a user."""


class _ForwardFile(soundfile.SoundFile):  # type: ignore[misc]
    """Reads forward only, and so without the seek that follows every read elsewhere.

    That seek fails on a FLAC stream whose header leaves the length open, and costs time.
    """

    def seekable(self) -> bool:
        return False


def open_libsndfile(path: Path, *, extent: Extent) -> Decoder:
    """A decoder of a file that exists and can be read.

    Args:
        path: of the file.
        extent: how far its container says that it reaches.

    Raises:
        AudioError: its container was cut off, or is one of those that cannot be checked.
        UnknownFormatError: libsndfile does not know the format.
    """
    file = _open(path)
    if file.format == "MP3":
        file.close()
        return MpegDecoder(path)
    try:
        _check(file, path=path, extent=extent)
    except AudioError:
        file.close()
        raise
    if extent.of_sound:
        promised = _promised_samples(extent, found=file.frames)
        return LibsndfileDecoder(file, path=path, promised=promised, found=file.frames)
    return LibsndfileDecoder(
        file,
        path=path,
        promised=file.frames if file.frames < _UNKNOWN_LENGTH else None,
        notes=() if extent.marked_end else (_NO_END_MARK,),
    )


def _check(file: soundfile.SoundFile, *, path: Path, extent: Extent) -> None:
    """Refuse what would be read in part."""
    if file.format in _UNCHECKED:
        raise AudioError(
            f"{printable(path)}: it is a file of the kind {file.format}, of which nobody can tell "
            "whether it is whole; convert it to WAV or FLAC with sox."
        )
    if extent.cut and not extent.of_sound:
        seconds = file.frames / file.samplerate
        raise cut_off(printable(path), f"{seconds:.1f} s of audio before a part that is cut off")


def _open(source: Path | BinaryIO | _UnmeasuredFile) -> _ForwardFile:
    # soundfile encodes a path strictly; where its bytes are no UTF-8 they must come as they are.
    named = os.fsencode(source) if isinstance(source, Path) and os.name == "posix" else source
    try:
        return _ForwardFile(named)
    except (soundfile.LibsndfileError, TypeError) as error:
        # A TypeError: soundfile takes a name that ends in ".raw" for samples without header.
        raise UnknownFormatError(str(error)) from error


def _promised_samples(extent: Extent, *, found: int) -> int:
    """What the header says; libsndfile says what is there, of which this is a multiple."""
    if extent.stated is None or not extent.cut or extent.there <= 0:
        return found
    return found * extent.stated // extent.there


class LibsndfileDecoder(Decoder):
    """Decodes an open file.

    Args:
        file: at its start; the decoder closes it.
        path: of the file.
        promised: samples by the header, or None.
        found: samples that are there, where this is known.
        notes: sentences for the reader.
    """

    def __init__(
        self,
        file: _ForwardFile,
        *,
        path: Path,
        promised: int | None,
        found: int | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self._file = file
        self._count = 0
        self.promised = promised
        self.found = found
        self.info = AudioInfo(
            path=str(path),
            sampling_rate=file.samplerate,
            channels=file.channels,
            samples=promised if found is None or found == promised else None,
            format=f"{file.format}/{file.subtype}",
            notes=notes,
        )

    def read(self, samples: int) -> FloatArray:
        """The next (channels, at most ``samples``) float32.

        Raises:
            AudioError: the file is damaged.
        """
        block = np.empty((self.info.channels, samples), np.float32)
        filled = 0
        while filled < samples and len(piece := self._piece(samples - filled)):
            block[:, filled : filled + len(piece)] = piece.T
            filled += len(piece)
        return block[:, :filled]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _piece(self, at_most: int) -> FloatArray:
        """The next (n, channels); short, since what precedes damage in it is lost."""
        count = min(at_most, self.info.sampling_rate // 10)
        try:
            piece: FloatArray = self._file.read(count, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise damaged(self.info, found=self._count, promised=self.promised) from error
        self._count += len(piece)
        return piece


class _UnmeasuredFile:
    """A file whose end only the first question finds, which is libsndfile's own.

    The second is libmpg123's, which guesses a length from the file's size and the first frame: far
    off where the bit rate varies. Where it cannot guess, libsndfile has it count all frames.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._measured = False

    def read(self, count: int) -> bytes:
        return self._stream.read(count)

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END and self._measured:
            return self.tell()
        self._measured |= whence == os.SEEK_END
        return self._stream.seek(offset, whence)


class MpegDecoder(LibsndfileDecoder):
    """Decodes MP3, whose stated length may be that of the first of several joined files.

    libsndfile then stops there, however much follows. Read through a Python file, the
    position in it shows that something was left. Other formats are not read so, because
    an interrupt is lost when it hits while the library calls back.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._stream = path.open("rb")
        self._size = path.stat().st_size
        stated = _states_length(self._stream)
        self._stream.seek(0)
        try:
            file = _open(self._stream if stated else _UnmeasuredFile(self._stream))
        except UnknownFormatError:
            # By its name it was MP3, by its first bytes it is not.
            self._stream.close()
            raise
        super().__init__(file, path=path, promised=file.frames if stated else None)

    def read(self, samples: int) -> FloatArray:
        """The next (channels, at most ``samples``) float32.

        Raises:
            AudioError: the file is damaged, or goes on where it should end.
        """
        block = super().read(samples)
        if block.shape[1] == 0:
            self._refuse_rest()
        return block

    def close(self) -> None:
        """Close the file."""
        super().close()
        self._stream.close()

    def _refuse_rest(self) -> None:
        rest = self._size - self._stream.tell()
        following = self._stream.read(_MPEG_SLACK_BYTES)
        if rest > _MPEG_SLACK_BYTES and _MPEG_TAG not in following and any(following):
            raise AudioError(
                f"{self.info.name}: its length seemed to be "
                f"{self._count / self.info.sampling_rate:.1f} s, but {rest} bytes follow, as in "
                "MP3 files that were joined; convert it to WAV or FLAC with ffmpeg."
            )


def _states_length(stream: BinaryIO) -> bool:
    """Whether an MP3 file's first frame holds a count of frames."""
    head = stream.read(10)
    if head[:3] == b"ID3":
        # Seven bits a byte: the tag's size never looks like the start of a frame.
        size = sum(byte << 7 * (3 - place) for place, byte in enumerate(head[6:10]))
        stream.seek(10 + size)
    else:
        stream.seek(0)
    first = stream.read(1 << 12)
    return any(tag in first for tag in _MPEG_LENGTH_TAGS)
