"""What every source of samples offers, whichever library is behind it."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass

from tonfall.arrays import FloatArray
from tonfall.errors import AudioError

__all__ = [
    "STANDARD_INPUT",
    "AudioInfo",
    "Decoder",
    "cut_off",
    "damaged",
    "joined",
    "printable",
    "spoken_name",
    "truncated",
]

_NOT_TEXT = re.compile("[\ud800-\udfff]")
"""What Python puts in place of bytes of a path that are no UTF-8."""

STANDARD_INPUT = "-"
"""The path that stands for standard input."""


def printable(path: str | os.PathLike[str]) -> str:
    r"""A path as text that every file and terminal takes.

    On Linux a name may hold bytes that are not UTF-8; they are written as in ``caf\xe9.wav``.

    >>> printable("caf\udce9.wav")
    'caf\\xe9.wav'
    """
    return _NOT_TEXT.sub(lambda match: f"\\x{ord(match[0]) & 0xFF:02x}", os.fspath(path))


def spoken_name(path: str) -> str:
    """What messages call a source; an array has no path."""
    return {STANDARD_INPUT: "Standard input", "": "The array"}.get(path) or printable(path)


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a header says of a recording.

    Attributes:
        path: as it was given; "-" for standard input, "" for an array.
        sampling_rate: Hz.
        channels: count.
        samples: length at ``sampling_rate``; None where the header does not say it, or
            promises more than the file can hold.
        format: container and encoding, such as "WAV/PCM_16".
        notes: sentences for the reader, on what the file leaves in doubt.
    """

    path: str
    sampling_rate: int
    channels: int
    samples: int | None
    format: str
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What messages call it."""
        return spoken_name(self.path)

    @property
    def seconds(self) -> float | None:
        """Length in seconds, where the header says it."""
        return None if self.samples is None else self.samples / self.sampling_rate


class Decoder(ABC):
    """Gives the samples of one recording, once, from the front.

    Attributes:
        info: what the header says.
        promised: samples that the header commits itself to, or None. A recording that
            ends earlier is truncated.
        found: samples that are there, where this is known before any is read.
    """

    info: AudioInfo
    promised: int | None = None
    found: int | None = None

    @abstractmethod
    def read(self, samples: int) -> FloatArray:
        """The next (channels, at most ``samples``) float32; no samples at the end.

        Raises:
            AudioError: what follows cannot be decoded.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the file."""


def truncated(info: AudioInfo, *, found: int, promised: int) -> AudioError:
    """The error of a recording that is over before its header says so."""
    return cut_off(
        info.name,
        f"{found / info.sampling_rate:.1f} s of audio where its header promises "
        f"{promised / info.sampling_rate:.1f} s",
    )


def cut_off(name: str, what_is_there: str) -> AudioError:
    """The error of a file that ends before its container does."""
    return AudioError(
        f"{name}: it is truncated, with {what_is_there}; copy it again from its source, or rewrite "
        "what is there with ffmpeg."
    )


def joined(name: str, *, second: int) -> AudioError:
    """The error of a file with samples beyond the end of its first recording."""
    return AudioError(
        f"{name}: {second} bytes into it a second recording begins, as in files that were joined, "
        "and only the first would be read; give each as a file of its own."
    )


def damaged(info: AudioInfo, *, found: int, promised: int | None) -> AudioError:
    """The error of a recording that cannot be decoded to its end."""
    whole = "" if promised is None else f" of {promised / info.sampling_rate:.1f} s"
    return AudioError(
        f"{info.name}: it is truncated or damaged, and cannot be decoded beyond "
        f"{found / info.sampling_rate:.1f} s{whole}; copy it again from its source, or rewrite "
        "what is there with ffmpeg."
    )
