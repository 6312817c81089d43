"""The recording as browsers play it: inside the page, or beside it where it is too large."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal
from urllib.parse import quote_from_bytes

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.audio import Resampler, printable

__all__ = ["SIZE_LIMIT", "PageAudio", "embedded_audio", "linked_audio"]

SIZE_LIMIT = 24_000_000
"""Bytes of sound that a page carries at most; Opus needs that much for about two hours."""

LOSSLESS_LIMIT = 8_000_000
"""Bytes up to which the sound is kept without loss."""

OPUS_RATES = (8_000, 12_000, 16_000, 24_000)
"""Sampling rates in Hz that Opus takes and speech needs."""


@dataclass(frozen=True, slots=True)
class PageAudio:
    """What a page plays.

    Attributes:
        mime: type of the sound.
        data: the encoded sound, or None where it is beside the page.
        href: relative address of the recording, or None where it is in the page.
        name: file name of the recording, where it is beside the page.
    """

    mime: str = ""
    data: bytes | None = None
    href: str | None = None
    name: str = ""


def embedded_audio(
    blocks: Iterable[FloatArray],
    *,
    sampling_rate: int,
    seconds: float,
    channels: int,
    limit: int = SIZE_LIMIT,
) -> PageAudio | None:
    """Encode a recording for a page, block by block.

    Short recordings become FLAC of 16 bits, which every browser plays; longer ones Ogg Opus at
    up to 24 kHz. Of more than two channels, the even are heard on the left and the odd on the
    right.

    Args:
        blocks: (channels, samples) in [-1, 1], from front to back; read once.
        sampling_rate: of the blocks, in Hz.
        seconds: how long the recording is, to choose the encoding by.
        channels: of the blocks.
        limit: bytes that the sound may take.

    Returns:
        The sound, or None where it would take more than the limit.
    """
    # Speech in FLAC of 16 bits takes about 1.2 bytes a sample.
    lossless = 1.2 * seconds * sampling_rate * min(channels, 2) <= min(LOSSLESS_LIMIT, limit)
    stereo = (_at_most_two(block) for block in blocks)
    if lossless and sampling_rate <= 48_000:
        data = _encoded(stereo, sampling_rate, min(channels, 2), kind="FLAC", limit=limit)
        return None if data is None else PageAudio("audio/flac", data)
    rate = next((each for each in OPUS_RATES if each >= sampling_rate), OPUS_RATES[-1])
    resampled = _resampled(stereo, sampling_rate, rate, min(channels, 2))
    data = _encoded(resampled, rate, min(channels, 2), kind="OGG", limit=limit)
    return None if data is None else PageAudio('audio/ogg; codecs="opus"', data)


def linked_audio(recording: str | os.PathLike[str], page: str | os.PathLike[str]) -> PageAudio:
    """Point to the recording by its path from the page, so that both can be moved together."""
    start = Path(page).resolve().parent
    relative = os.path.relpath(Path(recording).resolve(), start)
    address = quote_from_bytes(os.fsencode(Path(relative).as_posix()))
    return PageAudio(href=address, name=printable(Path(relative).as_posix()))


def _at_most_two(block: FloatArray) -> FloatArray:
    if block.shape[0] <= 2:
        return block
    return np.stack([block[0::2].mean(axis=0), block[1::2].mean(axis=0)])


def _resampled(
    blocks: Iterable[FloatArray], source_rate: int, target_rate: int, channels: int
) -> Iterator[FloatArray]:
    if source_rate == target_rate:
        yield from blocks
        return
    resampler = Resampler(source_rate=source_rate, channels=channels, target_rate=target_rate)
    for block in blocks:
        yield resampler.push(block)
    yield resampler.close()


def _encoded(
    blocks: Iterable[FloatArray],
    sampling_rate: int,
    channels: int,
    *,
    kind: Literal["FLAC", "OGG"],
    limit: int,
) -> bytes | None:
    """The blocks in one of libsndfile's formats, or None as soon as they exceed the limit."""
    import soundfile

    buffer = BytesIO()
    subtype = "PCM_16" if kind == "FLAC" else "OPUS"
    with soundfile.SoundFile(
        buffer, "w", sampling_rate, channels, format=kind, subtype=subtype
    ) as file:
        for block in blocks:
            file.write(np.clip(block.T, -1, 1))
            if buffer.tell() > limit:
                return None
    return buffer.getvalue() if buffer.tell() <= limit else None
