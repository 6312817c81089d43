"""A recording made ready to be judged: its channels, who speaks, and who of them is judged."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral

import numpy as np

from tonfall.analysis.channels import Sound, sound_of
from tonfall.analysis.speakers import (
    HeardSpeakers,
    Progress,
    can_be_heard_twice,
    cleaned,
    halves,
    hear_speakers,
    of_one_voice,
)
from tonfall.arrays import FloatArray
from tonfall.audio import AudioInfo, RawFormat, Samples, open_audio
from tonfall.errors import ConfigError
from tonfall.streaming import Speakers
from tonfall.vad import VoiceSettings

__all__ = ["Listening", "Opened", "opened", "together"]

_BATCH_SAMPLES = 4_000_000
"""Samples, over all channels, that are scored in one batch: four minutes of mono at 16 kHz."""


@dataclass(frozen=True, slots=True)
class Listening:
    """How a recording is listened to; the arguments of `tonfall.analyze` of the same names.

    Attributes:
        customer: channel (or speaker of a single channel) that is judged; None for all.
        speakers: how many there are in a single channel, 1 to 4; None to find out.
        channels: "auto", "mix" or "each".
        denoise: True to turn noise down first.
        raw: what the samples mean, where the source has no header.
        settings: of voice activity.
    """

    customer: int | None = None
    speakers: int | None = None
    channels: str = "auto"
    denoise: bool = False
    raw: RawFormat | None = None
    settings: VoiceSettings | None = None

    def __post_init__(self) -> None:
        """Refuse names and words, such as "auto", where a number or None belongs."""
        for name, count in (("customer", self.customer), ("speakers", self.speakers)):
            if count is not None and not isinstance(count, Integral):
                raise ConfigError(f"{name} is {count!r}, but an integer is expected, or None.")


@dataclass(frozen=True, slots=True)
class Opened:
    """A recording that can be judged, once, from front to back.

    Attributes:
        blocks: (channels, n) float32 in [-1, 1] each.
        info: facts about them.
        scored: for each channel or speaker, False where it is heard for its turns only; None for
            all.
        speakers: tells the speakers of a single channel apart; None where each channel is one.
        notes: sentences for the reader.
        progress: to be called while it is judged, or None.
    """

    blocks: Iterable[FloatArray]
    info: AudioInfo
    scored: tuple[bool, ...] | None
    speakers: Speakers | None
    notes: tuple[str, ...]
    progress: Progress | None


@contextmanager
def opened(
    recording: str | os.PathLike[str] | Samples,
    listening: Listening,
    *,
    progress: Progress | None = None,
) -> Iterator[Opened]:
    """Open a recording; where one channel may hold several speakers they are told apart first.

    Raises:
        AudioError: the recording cannot be read.
        BundleError: a model failed.
        ConfigError: the recording has no such channel, or so many speakers cannot be told apart.
    """
    with open_audio(recording, raw=listening.raw) as reader:
        sound = sound_of(
            reader,
            recording,
            channels=listening.channels,
            customer=listening.customer,
            raw=listening.raw,
            twice=can_be_heard_twice(recording),
        )
        heard = HeardSpeakers()
        if not of_one_voice(sound.info, listening.speakers):
            first, progress = halves(progress)
            heard = _heard(recording, sound, listening, first)
        yield Opened(
            blocks=cleaned(sound, sound.info) if listening.denoise else sound,
            info=sound.info,
            scored=_scored(sound, heard, listening.customer),
            speakers=heard.speakers,
            notes=(*sound.notes, *heard.notes),
            progress=progress,
        )


def together(blocks: Iterable[FloatArray]) -> Iterator[FloatArray]:
    """Small blocks joined into large ones, which are scored in larger batches."""
    waiting: list[FloatArray] = []
    for block in blocks:
        waiting.append(block)
        if sum(part.size for part in waiting) >= _BATCH_SAMPLES:
            yield np.concatenate(waiting, axis=1)
            waiting.clear()
    if waiting:
        yield np.concatenate(waiting, axis=1)


def _heard(
    recording: str | os.PathLike[str] | Samples,
    sound: Sound,
    listening: Listening,
    progress: Progress | None,
) -> HeardSpeakers:
    return hear_speakers(
        recording,
        raw=listening.raw,
        speakers=listening.speakers,
        customer=None if sound.nobody else listening.customer,
        denoise=listening.denoise,
        settings=listening.settings,
        progress=progress,
        mixing=sound.mixing,
    )


def _scored(sound: Sound, heard: HeardSpeakers, customer: int | None) -> tuple[bool, ...] | None:
    if sound.nobody:
        return (False,) * (heard.speakers.voices if heard.speakers else 1)
    if heard.speakers or customer is None:
        return heard.scored
    channels = sound.info.channels
    if not 0 <= customer < channels:
        raise ConfigError(
            f"The customer is said to be on channel {customer}, but the recording has channels 0 "
            f"to {channels - 1}; choose one of these."
        )
    return tuple(channel == customer for channel in range(channels))
