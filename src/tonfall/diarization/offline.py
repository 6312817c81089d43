"""Who spoke when in a mono recording, once all of it was heard."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.diarization.attribute import chunk_likeness, likeliest_path
from tonfall.diarization.attribution import Attribution, confidence_of
from tonfall.diarization.cluster import MOST_CLUSTERED, SpeakerSettings, find_voices, unit
from tonfall.diarization.model import SpeakerModel
from tonfall.diarization.track import VOICE_WINDOW, VoiceWindowTrack
from tonfall.diarization.voices import VoiceWindows
from tonfall.vad import VoiceModel, VoiceSettings, VoiceTrack

__all__ = ["Diarizer", "attribute_speech"]

_ROUNDS = 3
"""Times that voices are learnt anew from what was attributed to them."""

_OWN = 0.9
"""Part of a window's speech that must be one speaker's for it to shape that voice."""


class Diarizer:
    """Hears a mono recording from front to back, then says who spoke when.

    Args:
        voice_model: voice activity; loaded if not given.
        speaker_model: loaded if not given.
        settings: what counts as a speaker.
        voice_settings: what counts as speech.

    The result does not depend on how the samples are cut. Ten hours take about 40 MB.

    >>> diarizer = Diarizer()
    >>> diarizer.push(np.zeros(16000, np.float32))
    >>> diarizer.close().speakers
    1
    """

    def __init__(
        self,
        *,
        voice_model: VoiceModel | None = None,
        speaker_model: SpeakerModel | None = None,
        settings: SpeakerSettings | None = None,
        voice_settings: VoiceSettings | None = None,
    ) -> None:
        self._voice_model = voice_model or VoiceModel.load()
        self._speaker_model = speaker_model or SpeakerModel.load()
        self._settings = settings or SpeakerSettings()
        self._voice_settings = voice_settings or VoiceSettings()
        self._activity = VoiceTrack()
        self._cutter = VoiceWindowTrack(self._voice_settings)
        self._windows = VoiceWindows()
        self._speech: list[FloatArray] = []

    @property
    def speech(self) -> FloatArray:
        """(chunks,) speech probability of every chunk so far."""
        return np.concatenate([np.zeros(0, np.float32), *self._speech])

    def push(self, samples: FloatArray) -> None:
        """Take (n,) float32 samples at 16 kHz.

        Raises:
            BundleError: a model failed.
        """
        self._activity.push(samples)
        self._hear(samples)

    def close(self) -> Attribution:
        """Nothing follows: who spoke when.

        Raises:
            BundleError: a model failed.
        """
        self._activity.close()
        self._hear(np.zeros(0, np.float32))
        self._speaker_model.score(self._cutter.close())
        self._keep()
        spoken = self.speech >= self._voice_settings.offset
        return attribute_speech(self._windows, spoken, settings=self._settings)

    def _hear(self, samples: FloatArray) -> None:
        self._voice_model.score(self._activity.due())
        speech = self._activity.take()
        self._speech.append(speech)
        self._speaker_model.score(self._cutter.push(samples, speech))
        self._keep()

    def _keep(self) -> None:
        for window in self._cutter.take():
            self._windows.add(window)


def attribute_speech(
    windows: VoiceWindows, spoken: npt.NDArray[np.bool_], *, settings: SpeakerSettings
) -> Attribution:
    """Find the speakers of a recording, and each chunk's.

    Args:
        windows: the voices of its windows.
        spoken: (chunks,) True where there is speech.
        settings: what counts as a speaker.
    """
    chunks = len(spoken)
    voices = _voices(windows, settings)
    if len(voices) < 2:
        return Attribution(np.zeros(chunks, np.int8), np.ones(chunks, np.float32), 1)
    for _ in range(_ROUNDS):
        path = _path(windows, voices, spoken, settings)
        voices = _relearnt(windows, voices, path, settings)
    likeness = chunk_likeness(windows.chunks, windows.likeness(voices), chunks)
    owners = _filled(likeliest_path(likeness, spoken, settings))
    confidence = confidence_of(likeness, owners)
    named = _in_order(owners)
    return Attribution(named, confidence, int(named.max(initial=0)) + 1)


def _voices(windows: VoiceWindows, settings: SpeakerSettings) -> FloatArray:
    """Of long recordings, evenly spread windows are clustered."""
    speech = windows.speech
    useful = np.flatnonzero(speech >= settings.least_speech)
    if not len(useful):
        useful = np.arange(len(speech))
    if len(useful) > MOST_CLUSTERED:
        useful = useful[np.linspace(0, len(useful) - 1, MOST_CLUSTERED).astype(np.int64)]
    return find_voices(windows.embeddings(useful), speech[useful], settings=settings)


def _path(
    windows: VoiceWindows,
    voices: FloatArray,
    spoken: npt.NDArray[np.bool_],
    settings: SpeakerSettings,
) -> npt.NDArray[np.int8]:
    likeness = chunk_likeness(windows.chunks, windows.likeness(voices), len(spoken))
    return likeliest_path(likeness, spoken, settings)


def _relearnt(
    windows: VoiceWindows,
    voices: FloatArray,
    path: npt.NDArray[np.int8],
    settings: SpeakerSettings,
) -> FloatArray:
    """Each voice from the windows that are as good as all its own; as it was without any."""
    edges = np.stack([windows.chunks, np.minimum(windows.chunks + VOICE_WINDOW, len(path))])
    heard = _between(path >= 0, edges)
    useful = windows.speech >= settings.least_speech
    learnt = voices.copy()
    for number in range(len(voices)):
        own = useful & (_between(path == number, edges) > _OWN * np.maximum(heard, 1))
        if own.any():
            learnt[number] = unit(windows.total(own * windows.speech))
    return learnt


def _between(held: npt.NDArray[np.bool_], edges: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many are True between each pair of (2, n) edges."""
    sums = np.concatenate([[0], np.cumsum(held, dtype=np.int32)])
    result: npt.NDArray[np.int64] = sums[edges[1]] - sums[edges[0]]
    return result


def _filled(path: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Silence given to whoever spoke last, or at the start to whoever speaks first."""
    given = path[path >= 0]
    if not len(given):
        return np.zeros_like(path)
    filled: npt.NDArray[np.int8] = given[np.maximum(np.cumsum(path >= 0, dtype=np.int32) - 1, 0)]
    return filled


def _in_order(owners: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """Numbered by who speaks first; a voice that got nothing is left out."""
    numbers, first = np.unique(owners, return_index=True)
    seen = numbers[np.argsort(first)]
    places = np.zeros(int(numbers.max(initial=0)) + 1, np.int8)
    places[seen] = np.arange(len(seen))
    result: npt.NDArray[np.int8] = places[owners]
    return result
