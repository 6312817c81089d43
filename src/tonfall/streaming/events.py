"""What an engine tells: each event frozen, each with its time and channel."""

from __future__ import annotations

from dataclasses import dataclass

from tonfall.timeline import Turn, Window, seconds

__all__ = [
    "ChannelsMerged",
    "Event",
    "SpeechEnded",
    "SpeechStarted",
    "StreamEnded",
    "TurnEnded",
    "WindowScored",
]


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Speech began at ``sample`` (16 kHz)."""

    sample: int
    channel: int
    speaker: str

    @property
    def time(self) -> float:
        """Seconds since the stream's start."""
        return seconds(self.sample)


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """Speech ended at ``sample`` (16 kHz)."""

    sample: int
    channel: int
    speaker: str

    @property
    def time(self) -> float:
        """Seconds since the stream's start."""
        return seconds(self.sample)


@dataclass(frozen=True, slots=True)
class WindowScored:
    """A window was judged."""

    window: Window

    @property
    def time(self) -> float:
        """Seconds since the stream's start, of the window's end."""
        return seconds(self.window.segment.end)

    @property
    def channel(self) -> int:
        """Index of the channel."""
        return self.window.channel


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """A turn is over, and its windows are judged."""

    turn: Turn

    @property
    def time(self) -> float:
        """Seconds since the stream's start, of the turn's end."""
        return seconds(self.turn.segment.end)

    @property
    def channel(self) -> int:
        """Index of the channel."""
        return self.turn.channel


@dataclass(frozen=True, slots=True)
class ChannelsMerged:
    """From ``sample`` (16 kHz) on, all channels are heard as one. The channel is -1, for all."""

    sample: int
    channel: int = -1

    @property
    def time(self) -> float:
        """Seconds since the stream's start."""
        return seconds(self.sample)


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """Nothing follows. The channel is -1: it concerns all."""

    sample: int
    channel: int = -1

    @property
    def time(self) -> float:
        """Seconds since the stream's start."""
        return seconds(self.sample)


Event = SpeechStarted | SpeechEnded | WindowScored | TurnEnded | ChannelsMerged | StreamEnded
