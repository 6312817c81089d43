"""What is played: a recording, its channels in the order in which they are sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.audio import read, resample
from tonfall.errors import ConfigError

__all__ = ["Recording", "read_recording"]


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Audio that is played as a call.

    Attributes:
        name: for messages.
        waveform: (channels, samples) float32 in [-1, 1], the customer's channel first.
        sampling_rate: Hz.
    """

    name: str
    waveform: FloatArray
    sampling_rate: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return float(self.waveform.shape[1]) / self.sampling_rate

    def at(self, sampling_rate: int) -> Recording:
        """The same at another sampling rate."""
        waveform = resample(
            self.waveform, source_rate=self.sampling_rate, target_rate=sampling_rate
        )
        return Recording(self.name, np.clip(waveform, -1, 1), sampling_rate)

    def first(self, channels: int) -> Recording:
        """Its first channels; silence for those that it does not have."""
        missing = max(0, channels - self.waveform.shape[0])
        waveform = np.pad(self.waveform[:channels], ((0, missing), (0, 0)))
        return Recording(self.name, waveform, self.sampling_rate)

    def lasting(self, seconds: float | None) -> Recording:
        """Played again and again for so long, or cut; None leaves it as it is."""
        if seconds is None:
            return self
        samples = max(1, round(seconds * self.sampling_rate))
        rounds = -(-samples // self.waveform.shape[1])
        waveform = np.tile(self.waveform, (1, rounds))[:, :samples]
        return Recording(self.name, waveform, self.sampling_rate)


def read_recording(path: str | Path, *, channels: Sequence[int] = ()) -> Recording:
    """Read a recording to be played.

    Args:
        path: any audio file that Tonfall reads.
        channels: those to be played, in this order; empty for all as they are.

    Raises:
        AudioError: it cannot be read.
        ConfigError: it does not have such a channel.
    """
    waveform, sampling_rate = read(path)
    there = waveform.shape[0]
    for channel in channels:
        if not 0 <= channel < there:
            raise ConfigError(
                f"{path}: there is no channel {channel}; it has {there}, counted from 0."
            )
    chosen = waveform[list(channels)] if channels else waveform
    return Recording(Path(path).name, np.ascontiguousarray(chosen), sampling_rate)
