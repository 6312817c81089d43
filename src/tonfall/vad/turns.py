"""From probabilities to turns, by hysteresis."""

from __future__ import annotations

from dataclasses import dataclass

from tonfall.arrays import FloatArray
from tonfall.errors import ConfigError
from tonfall.timeline import SAMPLING_RATE, Segment
from tonfall.vad.spectrum import CHUNK

__all__ = ["TurnFinder", "VoiceSettings"]


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    """What counts as speech: how probabilities become turns, voices and levels.

    Attributes:
        onset: probability in (0, 1] at which speech begins.
        offset: probability in (0, onset] below which it pauses.
        loud: probability in (0, 1] from which a chunk tells how loud a voice is: for its echo in
            other channels, and for the level of speech over its background.
        silent: probability in (0, loud] below which a chunk tells how loud the background is.
        shortest_speech_ms: what is shorter is no turn.
        shortest_pause_ms: what is shorter does not end a turn; at least twice the padding.
        padding_ms: added before and after each turn.

    Raises:
        ConfigError: a value out of its range.
    """

    onset: float = 0.4
    offset: float = 0.25
    loud: float = 0.5
    silent: float = 0.1
    shortest_speech_ms: int = 192
    shortest_pause_ms: int = 320
    padding_ms: int = 96

    def __post_init__(self) -> None:
        if not 0 < self.offset <= self.onset <= 1:
            raise ConfigError(
                f"The voice activity thresholds are onset {self.onset} and offset {self.offset}, "
                "but 0 < offset <= onset <= 1 is needed."
            )
        if not 0 < self.silent <= self.loud <= 1:
            raise ConfigError(
                f"The voice activity thresholds are loud {self.loud} and silent {self.silent}, but "
                "0 < silent <= loud <= 1 is needed."
            )
        if min(self.shortest_speech_ms, self.shortest_pause_ms, self.padding_ms) < 0:
            raise ConfigError("The lengths for voice activity must not be negative.")
        if self.shortest_pause_ms < 2 * self.padding_ms + 1:
            raise ConfigError(
                f"The shortest pause is {self.shortest_pause_ms} ms, but must be longer than twice "
                f"the padding of {self.padding_ms} ms, or turns would touch."
            )


class TurnFinder:
    """Finds turns as probabilities come in; the same however they are cut.

    Args:
        settings: thresholds and lengths.

    Times are samples at 16 kHz since the first chunk.
    """

    def __init__(self, settings: VoiceSettings) -> None:
        self._settings = settings
        self._speech = _chunks(settings.shortest_speech_ms)
        self._pause = _chunks(settings.shortest_pause_ms)
        self._padding = settings.padding_ms * SAMPLING_RATE // 1000
        self._position = 0
        self._start: int | None = None
        self._last_speech = 0
        self._told = False

    @property
    def earliest(self) -> int:
        """Sample before which no turn begins that is still open or to come."""
        first = self._position if self._start is None else self._start
        return max(0, first * CHUNK - self._padding)

    def push(self, probabilities: FloatArray) -> tuple[list[int], list[Segment]]:
        """Take (chunks,) probabilities; return starts and ended turns that are now certain."""
        started: list[int] = []
        ended: list[Segment] = []
        for probability in probabilities.tolist():
            self._step(probability, started, ended)
        return started, ended

    def close(self, end: int) -> tuple[list[int], list[Segment]]:
        """Nothing follows; the stream ends at sample ``end``."""
        ended: list[Segment] = []
        if self._told:
            ended.append(self._turn(end))
        self._start, self._told = None, False
        return [], ended

    def _step(self, probability: float, started: list[int], ended: list[Segment]) -> None:
        position = self._position
        self._position += 1
        if self._start is None:
            if probability >= self._settings.onset:
                self._start, self._last_speech = position, position
        elif probability >= self._settings.offset:
            self._last_speech = position
        elif position - self._last_speech >= self._pause:
            if self._told:
                ended.append(self._turn((position + 1) * CHUNK))
            self._start, self._told = None, False
        if self._start is not None and not self._told and self._long_enough(self._start):
            self._told = True
            started.append(self.earliest)

    def _long_enough(self, start: int) -> bool:
        return self._last_speech - start + 1 >= self._speech

    def _turn(self, end: int) -> Segment:
        assert self._start is not None
        start = max(0, self._start * CHUNK - self._padding)
        return Segment(start, min((self._last_speech + 1) * CHUNK + self._padding, end))


def _chunks(milliseconds: int) -> int:
    return -(-milliseconds * SAMPLING_RATE // (1000 * CHUNK))
