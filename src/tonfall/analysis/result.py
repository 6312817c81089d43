"""What an analysis gives back: a timeline with ways to look at it and to keep it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tonfall.analysis.envelope import Envelope
from tonfall.analysis.exports import save, turns_frame, windows_frame
from tonfall.analysis.summary import SpeakerSummary, summarize
from tonfall.timeline import Timeline

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Analysis"]


@dataclass(frozen=True)
class Analysis:
    """A recording's timeline.

    Attributes:
        timeline: turns and windows as values.
        envelope: outline of the waveform, for pictures.
    """

    timeline: Timeline
    envelope: Envelope

    @property
    def windows(self) -> pd.DataFrame:
        """A row a window, indexed by file, start and end as audformat does."""
        return windows_frame(self.timeline)

    @property
    def turns(self) -> pd.DataFrame:
        """A row a turn, indexed by file, start and end as audformat does."""
        return turns_frame(self.timeline)

    def summary(self) -> tuple[SpeakerSummary, ...]:
        """What the recording amounts to for each speaker."""
        return summarize(self.timeline)

    def plot(self) -> Figure:
        """A picture: waveform, turns, emotion as a strip, arousal and valence as curves."""
        from tonfall.analysis.picture import draw

        return draw(self.timeline, self.envelope)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the timeline in the format that the path's ending names.

        Raises:
            ConfigError: an unknown ending, or the file cannot be written.
        """
        return save(self.timeline, path)
