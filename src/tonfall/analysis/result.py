"""What an analysis gives back: a timeline with ways to look at it and to keep it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tonfall.analysis.envelope import Envelope
from tonfall.analysis.exports import save, turns_frame, windows_frame
from tonfall.analysis.rows import analysis_html
from tonfall.analysis.summary import Summary, summarize
from tonfall.timeline import Timeline

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Analysis"]


@dataclass(frozen=True, repr=False)
class Analysis:
    """A recording's timeline.

    Printed, it is a line and a summary; a notebook shows its turns besides.

    Attributes:
        timeline: turns and windows as values.
        envelope: outline of the waveform, for pictures.
        source: path of the recording as the system knows it; the timeline holds it as text.
    """

    timeline: Timeline
    envelope: Envelope
    source: str = ""

    def __repr__(self) -> str:
        return f"<Analysis of {self.timeline.facts}>"

    def __str__(self) -> str:
        return "\n".join([self.timeline.facts, repr(self.summary()), *self.timeline.notes])

    def _repr_html_(self) -> str:
        return analysis_html(self.timeline, self.summary())

    @property
    def windows(self) -> pd.DataFrame:
        """A row a window, indexed by file, start and end as audformat does."""
        return windows_frame(self.timeline)

    @property
    def turns(self) -> pd.DataFrame:
        """A row a turn, indexed by file, start and end as audformat does."""
        return turns_frame(self.timeline)

    def summary(self) -> Summary:
        """What the recording amounts to for each speaker.

        A tuple of :class:`~tonfall.analysis.summary.SpeakerSummary` that is shown as a table;
        ``summary().to_frame()`` is a DataFrame.
        """
        return summarize(self.timeline)

    def plot(self) -> Figure:
        """A picture: waveform, turns, emotion as a strip, arousal and valence as curves.

        A notebook shows the figure that is a cell's last value, with no magic.
        """
        from tonfall.analysis.picture import draw

        return draw(self.timeline, self.envelope)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the timeline in the format that the path's ending names.

        Raises:
            ConfigError: an unknown ending, or the file cannot be written.
        """
        return save(self.timeline, path)
