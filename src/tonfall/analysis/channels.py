"""Which channels of a recording stand for themselves, and which hold one mix."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain

from tonfall.arrays import FloatArray
from tonfall.audio import AudioInfo, AudioReader, ChannelLikeness, RawFormat, Samples, open_audio
from tonfall.errors import ConfigError

__all__ = ["Channels", "Mixing", "Sound", "mixed", "read_channels", "sound_of"]

_LISTENED_S = 60
"""Seconds of a pipe that are held back to compare its channels."""

_SAME = "All channels hold the same sound: analysed once (channels: each keeps them apart)."
_NOBODY = (
    "The customer was not judged: no channel is the customer's alone (channels: mix makes the "
    "number that of a speaker, by the order of speaking)."
)


class Channels(StrEnum):
    """What the channels of a recording are."""

    AUTO = "auto"
    """Each a speaker, unless all hold the same sound."""
    MIX = "mix"
    """One sound with several speakers."""
    EACH = "each"
    """Each a speaker, whatever they hold."""


class Mixing(StrEnum):
    """How one channel is made of several."""

    NONE = "none"
    FIRST = "first"
    """They are the same; a mean would be silent where one is inverted."""
    MEAN = "mean"


@dataclass(frozen=True)
class Sound:
    """A recording as it is analysed.

    Attributes:
        info: facts about it; with one channel where it was mixed.
        blocks: (channels, n) float32 each, from front to back, once.
        mixing: what makes those of the source.
        notes: for the reader.
        nobody: True where a customer that is named by channel cannot be told.
    """

    info: AudioInfo
    blocks: Iterable[FloatArray]
    mixing: Mixing = Mixing.NONE
    notes: tuple[str, ...] = ()
    nobody: bool = False

    def __iter__(self) -> Iterator[FloatArray]:
        return mixed(self.blocks, self.mixing)


def read_channels(text: str) -> Channels:
    """What a name means.

    Raises:
        ConfigError: there is no such name.
    """
    try:
        return Channels(text)
    except ValueError:
        raise ConfigError(
            f"The channels are said to be {text!r}, but auto, mix or each is expected."
        ) from None


def mixed(blocks: Iterable[FloatArray], mixing: Mixing) -> Iterator[FloatArray]:
    """(1, n) blocks, or the blocks themselves where nothing is mixed."""
    for block in blocks:
        if mixing is Mixing.FIRST:
            yield block[:1]
        elif mixing is Mixing.MEAN:
            yield block.mean(axis=0, keepdims=True)
        else:
            yield block


def sound_of(
    reader: AudioReader,
    source: str | os.PathLike[str] | Samples,
    *,
    channels: str,
    customer: int | None,
    raw: RawFormat | None,
    twice: bool,
) -> Sound:
    """What is to be analysed of a recording.

    Args:
        reader: of the recording, at its start.
        source: the recording, to be heard once before.
        channels: "auto", "mix" or "each".
        customer: channel of the customer, or None.
        raw: what the samples mean, where the source has no header.
        twice: False where the recording cannot be heard before; its first minute then decides.

    Raises:
        AudioError: the recording cannot be read.
        ConfigError: ``channels`` is none of these.
    """
    choice, blocks = read_channels(channels), iter(reader)
    if reader.info.channels == 1 or choice is Channels.EACH:
        return Sound(reader.info, blocks)
    if twice:
        with open_audio(source, raw=raw) as first:
            same = _same(first, reader.info)
    else:
        held = _first_blocks(blocks, reader.info)
        same, blocks = _same(held, reader.info), chain(held, blocks)
    mono = replace(reader.info, channels=1)
    if same:
        nobody = customer is not None and choice is Channels.AUTO
        notes = () if choice is Channels.MIX else (_SAME, _NOBODY) if nobody else (_SAME,)
        return Sound(mono, blocks, Mixing.FIRST, notes, nobody)
    if choice is Channels.MIX:
        return Sound(mono, blocks, Mixing.MEAN)
    return Sound(reader.info, blocks)


def _same(blocks: Iterable[FloatArray], info: AudioInfo) -> bool:
    """Whether all channels hold one sound to the end; most often that is known after seconds."""
    likeness = ChannelLikeness(channels=info.channels, sampling_rate=info.sampling_rate)
    for block in blocks:
        likeness.update(block)
        if likeness.different:
            return False
    likeness.finish()
    return likeness.same


def _first_blocks(blocks: Iterator[FloatArray], info: AudioInfo) -> list[FloatArray]:
    held, samples = list[FloatArray](), 0
    while samples < _LISTENED_S * info.sampling_rate and (block := next(blocks, None)) is not None:
        held.append(block)
        samples += block.shape[1]
    return held
