"""What is played: a recording, its channels in the order in which they are sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.audio import read, resample
from tonfall.errors import ConfigError
from tonfall.serve.codecs import Role

__all__ = ["Recording", "read_recording"]


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Audio that is played as a call.

    Attributes:
        name: for messages.
        waveform: (channels, samples) float32 in [-1, 1], the customer's channel first.
        sampling_rate: Hz.
        roles: who is on each channel, for protocols that say so; empty for the usual order.
    """

    name: str
    waveform: FloatArray
    sampling_rate: int
    roles: tuple[Role, ...] = ()

    @property
    def seconds(self) -> float:
        """Its length."""
        return float(self.waveform.shape[1]) / self.sampling_rate

    def at(self, sampling_rate: int) -> Recording:
        """The same at another sampling rate."""
        waveform = resample(
            self.waveform, source_rate=self.sampling_rate, target_rate=sampling_rate
        )
        return replace(self, waveform=np.clip(waveform, -1, 1), sampling_rate=sampling_rate)

    def first(self, channels: int) -> Recording:
        """Its first channels; silence for those that it does not have."""
        missing = max(0, channels - self.waveform.shape[0])
        waveform = np.pad(self.waveform[:channels], ((0, missing), (0, 0)))
        return replace(self, waveform=waveform)

    def lasting(self, seconds: float | None) -> Recording:
        """Played again and again for so long, or cut; None leaves it as it is."""
        if seconds is None:
            return self
        samples = max(1, round(seconds * self.sampling_rate))
        rounds = -(-samples // self.waveform.shape[1])
        waveform = np.tile(self.waveform, (1, rounds))[:, :samples]
        return replace(self, waveform=waveform)


def read_recording(
    path: str | Path, *, channels: Sequence[int] = (), roles: Sequence[Role] = ()
) -> Recording:
    """Read a recording to be played.

    Args:
        path: any audio file that Tonfall reads.
        channels: those to be played, in this order; empty for all as they are.
        roles: who is on each of them; empty for the customer first and then the agent.

    Raises:
        AudioError: it cannot be read.
        ConfigError: it does not have such a channel, or not as many as there are roles.
    """
    waveform, sampling_rate = read(path)
    there = waveform.shape[0]
    for channel in channels:
        if not 0 <= channel < there:
            raise ConfigError(
                f"{path}: there is no channel {channel}; it has {there}, counted from 0."
            )
    chosen = waveform[list(channels)] if channels else waveform
    if roles and len(roles) != len(chosen):
        raise ConfigError(
            f"{path}: there are {len(roles)} roles for {len(chosen)} channels; give one for each."
        )
    return Recording(Path(path).name, np.ascontiguousarray(chosen), sampling_rate, tuple(roles))
