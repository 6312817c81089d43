"""Who speaks in a recording of one channel: heard once before it is judged."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tonfall.analysis.channels import Mixing, mixed
from tonfall.arrays import FloatArray
from tonfall.audio import (
    STANDARD_INPUT,
    AudioInfo,
    RawFormat,
    Resampler,
    Samples,
    denoised,
    open_audio,
)
from tonfall.diarization import CUSTOMER_SURE, MOST_SPEAKERS, Diarizer, SpeakerSettings
from tonfall.errors import ConfigError
from tonfall.streaming import KnownSpeakers, LiveSpeakers, Speakers
from tonfall.vad import VoiceSettings

__all__ = [
    "HeardSpeakers",
    "Progress",
    "can_be_heard_twice",
    "cleaned",
    "halves",
    "hear_speakers",
    "of_one_voice",
]

Progress = Callable[[float, float | None], None]
"""Called with the seconds done and the seconds in all (None where that is not known)."""

_ON_THE_WAY = (
    "The speakers were told apart as the recording came in, because it cannot be heard twice; a "
    "file is told apart better."
)
_BY_ORDER = (
    "The customer was judged only where two speakers were known, and the first of them was heard "
    "first; a greeting too short to be heard as a voice shifts that order, so check the turns."
)
_NO_CUSTOMER = "Fewer speakers were found than there should be: the customer was not judged."


@dataclass(frozen=True, slots=True)
class HeardSpeakers:
    """What was found out before a recording is judged.

    Attributes:
        speakers: for the engine; None where each channel is one speaker.
        scored: for each speaker, False where it is heard for its turns only.
        notes: for the reader.
    """

    speakers: Speakers | None = None
    scored: tuple[bool, ...] | None = None
    notes: tuple[str, ...] = ()


def of_one_voice(info: AudioInfo, speakers: int | None) -> bool:
    """True where there is nothing to tell apart: each channel is a speaker.

    Raises:
        ConfigError: so many speakers cannot be told apart.
    """
    SpeakerSettings(speakers=speakers)
    return info.channels > 1 or speakers == 1


def halves(progress: Progress | None) -> tuple[Progress | None, Progress | None]:
    """Progress of hearing a recording, then of judging it: half of the way each."""
    if progress is None:
        return None, None
    shown = progress

    def first(done: float, total: float | None) -> None:
        shown(done / 2, total)

    def second(done: float, total: float | None) -> None:
        shown(done if total is None else (done + total) / 2, total)

    return first, second


def cleaned(blocks: Iterable[FloatArray], info: AudioInfo) -> Iterator[FloatArray]:
    """The recording's blocks with noise turned down."""
    return denoised(blocks, sampling_rate=info.sampling_rate, channels=info.channels)


def hear_speakers(
    source: str | os.PathLike[str] | Samples,
    *,
    raw: RawFormat | None,
    speakers: int | None,
    customer: int | None,
    denoise: bool,
    settings: VoiceSettings | None,
    progress: Progress | None,
    mixing: Mixing = Mixing.NONE,
) -> HeardSpeakers:
    """Tell the speakers of a recording of one channel apart.

    Args:
        source: path of an audio file, "-" for standard input, or samples in memory.
        raw: what the samples mean, where the source has no header.
        speakers: how many there are; None to find out.
        customer: the one who is judged, None for all.
        denoise: True to turn noise down first.
        settings: of voice activity.
        progress: called after each block.
        mixing: what makes one channel of several.

    Raises:
        AudioError: the recording cannot be read.
        BundleError: a model failed.
        ConfigError: the customer is not among as many speakers as can be told apart.
    """
    _check_customer(customer, speakers)
    sure = 0.0 if customer is None else CUSTOMER_SURE
    if not can_be_heard_twice(source):
        ordered = customer is not None  # The number says who spoke first.
        live = LiveSpeakers(SpeakerSettings.live(speakers), sure=sure, ordered=ordered)
        notes = (_ON_THE_WAY, _BY_ORDER) if ordered else (_ON_THE_WAY,)
        return HeardSpeakers(live, _scored(customer, MOST_SPEAKERS), notes)
    diarizer = Diarizer(settings=SpeakerSettings(speakers=speakers), voice_settings=settings)
    with open_audio(source, raw=raw) as reader:
        rate, total = reader.info.sampling_rate, reader.info.samples
        resampler, done = Resampler(source_rate=rate, channels=1), 0
        sound, mono = mixed(reader, mixing), replace(reader.info, channels=1)
        for block in cleaned(sound, mono) if denoise else sound:
            diarizer.push(resampler.push(block)[0])
            done += block.shape[1]
            if progress:
                progress(done / rate, None if total is None else total / rate)
        diarizer.push(resampler.close()[0])
    attribution = diarizer.close()
    known = KnownSpeakers(attribution, np.ascontiguousarray(diarizer.speech), sure=sure)
    lost = customer is not None and customer >= attribution.speakers
    return HeardSpeakers(
        known, _scored(customer, attribution.speakers), (_NO_CUSTOMER,) if lost else ()
    )


def _check_customer(customer: int | None, speakers: int | None) -> None:
    most = speakers or MOST_SPEAKERS
    if customer is not None and not 0 <= customer < most:
        raise ConfigError(
            f"The customer is said to be speaker {customer}, but the recording has one channel and "
            f"at most {most} speakers; choose from 0 (who speaks first) to {most - 1}."
        )


def _scored(customer: int | None, voices: int) -> tuple[bool, ...] | None:
    return None if customer is None else tuple(voice == customer for voice in range(voices))


def can_be_heard_twice(source: str | os.PathLike[str] | Samples) -> bool:
    """False for standard input and pipes."""
    if isinstance(source, Samples):
        return True
    if os.fspath(source) == STANDARD_INPUT:
        return False
    return stat.S_ISREG(Path(source).stat().st_mode)
