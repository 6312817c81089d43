"""What can be worked on at all, and the one place where it is said so."""

from __future__ import annotations

from numbers import Integral

from tonfall.errors import AudioError

__all__ = [
    "MAX_CHANNELS",
    "MAX_SAMPLING_RATE",
    "MIN_SAMPLING_RATE",
    "SHORTEST_SECONDS",
    "check_channels",
    "check_duration",
    "check_sampling_rate",
]

MIN_SAMPLING_RATE = 4_000
"""Hz; below, there is no vowel left to hear."""
MAX_SAMPLING_RATE = 384_000
"""Hz; the highest that recorders offer."""
MAX_CHANNELS = 8
SHORTEST_SECONDS = 0.025
"""One frame of analysis: of less, nothing can be said."""


def check_sampling_rate(sampling_rate: int, *, name: str = "The audio") -> None:
    """Refuse a rate that no recording of speech has.

    Args:
        sampling_rate: Hz.
        name: how the message calls the audio, such as the file's path.

    Raises:
        AudioError: below 4 kHz or above 384 kHz, or no whole number.
    """
    if not isinstance(sampling_rate, Integral):
        raise AudioError(
            f"{name}: the sampling rate is {sampling_rate!r}, but an integer, in Hz, is expected."
        )
    if not MIN_SAMPLING_RATE <= sampling_rate <= MAX_SAMPLING_RATE:
        raise AudioError(
            f"{name}: the sampling rate is {sampling_rate} Hz, but {MIN_SAMPLING_RATE} to "
            f"{MAX_SAMPLING_RATE} Hz are possible; correct it, or resample the audio first."
        )


def check_channels(channels: int, *, name: str = "The audio") -> None:
    """Refuse no channel, and more channels than a conversation has sides.

    Raises:
        AudioError: fewer than 1 or more than 8 channels, or no integer.
    """
    if not isinstance(channels, Integral):
        raise AudioError(f"{name}: channels are {channels!r}, but an integer is expected.")
    if not 1 <= channels <= MAX_CHANNELS:
        raise AudioError(
            f"{name}: there are {channels} channels, but 1 to {MAX_CHANNELS} are possible; "
            "extract the channels that carry speech."
        )


def check_duration(samples: int, *, sampling_rate: int, name: str = "The audio") -> None:
    """Refuse audio that is over before anything can be measured.

    Raises:
        AudioError: no samples, or less than 25 ms.
    """
    if samples == 0:
        raise AudioError(f"{name}: there are no samples in it; give a recording that has sound.")
    if samples < SHORTEST_SECONDS * sampling_rate:
        raise AudioError(
            f"{name}: it lasts {1000 * samples / sampling_rate:.1f} ms, but at least "
            f"{1000 * SHORTEST_SECONDS:.0f} ms are needed; leave out clips that short."
        )
