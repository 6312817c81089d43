"""A timeline as a picture for a report or a paper: PNG, SVG or PDF.

For each speaker there is a band: the waveform of the channel, dark where this speaker speaks;
the emotion as a strip of colours with letters and hatches; and arousal and valence as curves.
Nothing here touches matplotlib's global state.
"""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import TYPE_CHECKING

from tonfall.analysis.envelope import Envelope
from tonfall.errors import ConfigError
from tonfall.timeline import Timeline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["KINDS", "draw", "picture"]

KINDS = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
"""The image files that can be made, each with what matplotlib is not to write about itself."""


def picture(
    timeline: Timeline,
    envelope: Envelope | None = None,
    *,
    kind: str = "png",
    width: float = 9.0,
    dpi: int = 200,
) -> bytes:
    """The picture as a file's content.

    Args:
        timeline: what to draw.
        envelope: of the recording's waveform; without it the turns are drawn as bars.
        kind: of image file, one of :data:`KINDS`.
        width: in inches; 3.4 fits a column of a paper.
        dpi: dots an inch, for PNG.

    Raises:
        ConfigError: the kind is unknown.
    """
    if kind not in KINDS:
        raise ConfigError(f"The picture {kind!r} is unknown. Choose from {', '.join(KINDS)}.")
    figure = draw(timeline, envelope, width=width)
    buffer = BytesIO()
    with warnings.catch_warnings():
        # A name in a script that the font lacks shows boxes; that is no fault of the reader's.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=KINDS[kind])
    return buffer.getvalue()


def draw(timeline: Timeline, envelope: Envelope | None = None, *, width: float = 9.0) -> Figure:
    """The picture as a matplotlib figure, to be shown in a notebook or drawn further on.

    Args:
        timeline: what to draw.
        envelope: of the recording's waveform; without it the turns are drawn as bars.
        width: in inches; the height follows from the number of speakers.
    """
    from tonfall.analysis.picture.layout import Layout
    from tonfall.analysis.picture.legend import draw_legend, draw_title, legend_height
    from tonfall.analysis.picture.rows import draw_band, draw_silence

    layout = Layout(timeline, width=width, legend=legend_height(timeline, width))
    draw_title(layout)
    if not timeline.speakers:
        draw_silence(layout, envelope)
        return layout.figure
    for speaker in timeline.speakers:
        bottom_row = draw_band(layout, layout.next_band(), speaker, envelope)
    layout.label_times(bottom_row)
    draw_legend(layout)
    return layout.figure
