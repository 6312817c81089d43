"""A recording that is in memory already, read like any other."""

from __future__ import annotations

import os
from dataclasses import dataclass

from tonfall.arrays import FloatArray
from tonfall.audio.decoder import AudioInfo, Decoder
from tonfall.audio.waveform import as_waveform
from tonfall.errors import AudioError

__all__ = ["Samples", "SamplesDecoder", "as_recording"]


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """A whole recording as an array.

    Attributes:
        waveform: (channels, samples) float32 in [-1, 1].
        sampling_rate: in Hz.
    """

    waveform: FloatArray
    sampling_rate: int


class SamplesDecoder(Decoder):
    """Gives out the samples of an array; its recording has no file, so its path is empty."""

    def __init__(self, samples: Samples) -> None:
        channels, length = samples.waveform.shape
        self.info = AudioInfo("", samples.sampling_rate, channels, length, "array")
        self.found = length
        self._waveform = samples.waveform
        self._position = 0

    def read(self, samples: int) -> FloatArray:
        """The next (channels, at most ``samples``) float32, a copy; no samples at the end."""
        start, self._position = self._position, self._position + samples
        return self._waveform[:, start : self._position].copy()

    def close(self) -> None:
        """Nothing to close."""


def as_recording(
    source: object, sampling_rate: int | None = None
) -> str | os.PathLike[str] | Samples:
    """What a caller gave as one recording.

    Args:
        source: path of a recording, "-" for standard input, or an array of samples:
            (samples,) or (channels, samples), integers or floats in [-1, 1].
        sampling_rate: of an array, in Hz; a file has its own.

    Raises:
        AudioError: several recordings, an array without its sampling rate, a path with one, or
            something that is neither a path nor an array that can be used.

    >>> as_recording("call.wav")
    'call.wav'
    """
    if isinstance(source, str | os.PathLike):
        if sampling_rate is not None:
            raise AudioError(
                f"{os.fspath(source)}: a recording has a sampling rate of its own; leave out the "
                f"{sampling_rate} Hz that were given, which belong to arrays."
            )
        return source
    if _names_recordings(source):
        raise AudioError(
            "Several recordings came, but one is expected; go through them, as in "
            "[tonfall.analyze(file) for file in files]."
        )
    if not isinstance(source, list | tuple | bytes | bytearray) and not hasattr(
        source, "__array__"
    ):
        raise AudioError(
            f"A {type(source).__name__} came, but the path of a recording is expected, or an array "
            "of samples with its sampling_rate."
        )
    if sampling_rate is None:
        raise AudioError("An array came without its sampling rate; give it in Hz as sampling_rate.")
    return Samples(as_waveform(source, sampling_rate), sampling_rate)


def _names_recordings(source: object) -> bool:
    if not isinstance(source, list | tuple | set | frozenset):
        return False
    return any(isinstance(each, str | os.PathLike) for each in source)
