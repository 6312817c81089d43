"""What an analysis leaves on disk: exports, pictures and the page, each whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tonfall.analysis.exports import FORMATS, find_format
from tonfall.analysis.page import page
from tonfall.analysis.page.audio import PageAudio, embedded_audio, linked_audio
from tonfall.analysis.picture import picture
from tonfall.analysis.result import Analysis
from tonfall.analysis.saving import write_file
from tonfall.audio import STANDARD_INPUT, RawFormat, open_audio
from tonfall.errors import ConfigError

__all__ = ["PLOTS", "check_outputs", "output_stem", "write_outputs"]

PLOTS = ("png", "svg", "html")
"""Ways to show a timeline."""


def check_outputs(*, formats: Sequence[str], plots: Sequence[str]) -> None:
    """Raise ConfigError where a format or a plot is unknown, before anything is computed."""
    for name in formats:
        find_format(name)
    unknown = [name for name in plots if name not in PLOTS]
    if unknown:
        raise ConfigError(f"The plot {unknown[0]!r} is unknown. Choose from {', '.join(PLOTS)}.")


def output_stem(source: str) -> str:
    """What outputs are named after: the file without its ending."""
    return "standard-input" if source == STANDARD_INPUT else Path(source).stem


def write_outputs(
    analysis: Analysis,
    folder: Path,
    *,
    formats: Sequence[str] = (),
    plots: Sequence[str] = (),
    stem: str | None = None,
    raw: RawFormat | None = None,
) -> list[Path]:
    """Write the named formats and plots of an analysis into a folder.

    Args:
        analysis: what to write.
        folder: made if it is missing.
        formats: names of ``tonfall.analysis.exports.FORMATS``.
        plots: of :data:`PLOTS`.
        stem: of the file names; that of the recording by default.
        raw: what the recording's samples mean, where it has no header.

    Raises:
        ConfigError: an unknown name, or the folder cannot be written.
    """
    check_outputs(formats=formats, plots=plots)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{folder}: the folder cannot be made ({error.strerror}); choose another with -o."
        ) from None
    name = stem or output_stem(analysis.source or analysis.timeline.recording.file)
    written = [
        write_file(folder / f"{name}{FORMATS[each].suffix}", FORMATS[each].write(analysis.timeline))
        for each in formats
    ]
    for plot in plots:
        content = (
            page(analysis.timeline, analysis.envelope, _sound(analysis, folder, raw))
            if plot == "html"
            else picture(analysis.timeline, analysis.envelope, kind=plot)
        )
        written.append(write_file(folder / f"{name}.{plot}", content))
    return written


def _sound(analysis: Analysis, folder: Path, raw: RawFormat | None) -> PageAudio | None:
    """The recording inside the page, or beside it where it is too large; None if it is gone."""
    recording = analysis.timeline.recording
    source = analysis.source or recording.file
    if source == STANDARD_INPUT or not Path(source).is_file():
        return None
    with open_audio(source, raw=raw) as reader:
        sound = embedded_audio(
            reader,
            sampling_rate=recording.sampling_rate,
            seconds=recording.duration,
            channels=reader.info.channels,
        )
    if sound is not None:
        return sound
    return linked_audio(source, folder / "page.html")
