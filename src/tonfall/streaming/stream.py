"""A live stream in three lines: push samples, get events."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tonfall.audio import as_waveform
from tonfall.errors import AudioError
from tonfall.runtime import Predictor, load
from tonfall.streaming.engine import Engine
from tonfall.streaming.events import Event
from tonfall.streaming.scorer import Scorer
from tonfall.streaming.speakers import Speakers
from tonfall.vad import VoiceSettings

__all__ = ["Stream"]


class Stream:
    """One live stream with a scorer of its own.

    Args:
        model: a bundled model, a bundle's folder, or a loaded model.
        sampling_rate: of the samples, in Hz.
        channels: 1 to 8; each is one speaker.
        baseline: True to judge each voice against what was heard of it before.
        scored: for each channel, False where it is heard for its turns only; all by default.
        settings: of voice activity.
        speakers: tells the speakers of a single channel apart, such as ``LiveSpeakers()``.

    A window's result comes with the chunk that completes it.

    >>> import numpy as np
    >>> stream = Stream(sampling_rate=8000, channels=2)
    >>> stream.push(np.zeros((2, 8000), np.float32)) + stream.close()
    [StreamEnded(sample=16000, channel=-1)]
    """

    def __init__(
        self,
        model: str | Path | Predictor = "medium",
        *,
        sampling_rate: int,
        channels: int = 1,
        baseline: bool = True,
        scored: Sequence[bool] | None = None,
        settings: VoiceSettings | None = None,
        speakers: Speakers | None = None,
    ) -> None:
        predictor = model if isinstance(model, Predictor) else load(model)
        self._shown = f"model {predictor.name}, {sampling_rate} Hz, channels: {channels}"
        self._rate = sampling_rate
        self._scorer = Scorer(predictor)
        self._engine = Engine(
            predictor,
            sampling_rate=sampling_rate,
            channels=channels,
            baseline=baseline,
            scored=scored,
            settings=settings,
            speakers=speakers,
        )

    def __repr__(self) -> str:
        return f"<Stream: {self._shown}>"

    def push(self, samples: npt.ArrayLike) -> list[Event]:
        """Take (channels, n) or (n,) samples; return the events that they complete.

        Floats in [-1, 1], or integers at full scale.

        Raises:
            AudioError: closed, wrong shape, or samples that are not finite.
        """
        # What has no size (bytes, a number) is refused there, in a sentence.
        empty = isinstance(samples, np.ndarray) and not samples.size
        given = np.atleast_2d(samples) if empty else as_waveform(samples, self._rate)
        self._engine.feed(given)
        return self._serve()

    def skip(self, seconds: float) -> list[Event]:
        """Move on over a gap, such as lost packets or a pause.

        Raises:
            AudioError: closed, or a length that is negative or not finite.
        """
        if not isfinite(seconds):
            raise AudioError(f"A gap of {seconds} s came, but its length must be finite.")
        self._engine.skip(round(seconds * self._rate))
        return self._serve()

    def close(self) -> list[Event]:
        """Nothing follows: return the last events."""
        self._engine.close()
        return self._serve()

    def _serve(self) -> list[Event]:
        self._scorer.serve([self._engine])
        return self._engine.take_events()
