"""A picture of a recording's features: waveform, spectrogram with formants, pitch, loudness.

However long the recording is, it is drawn in at most `COLUMNS` columns: what falls into one is
summed up by its extremes (waveform, spectrogram), its mean (loudness) or the median of its voiced
frames (pitch, formants).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tonfall.arrays import FloatArray
from tonfall.errors import AudioError, ConfigError
from tonfall.features.contours import (
    SPECTRUM,
    SPECTRUM_REACH,
    spectrum_contours,
    voice_columns,
    voice_parts,
)
from tonfall.features.framing import RATE, STEP
from tonfall.features.loudness import short_spectrum
from tonfall.features.pitch import LONG_WINDOW
from tonfall.features.rhythm import syllable_nuclei
from tonfall.features.spectrum import log_power
from tonfall.features.stream import LocalFrames, PitchedFrames

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import MultipleLocator

__all__ = ["COLUMNS", "Contours", "contours_of", "draw", "figure_of"]

COLUMNS = 1000
"""Of the picture at most; fewer than it has dots."""

_BLOCK_S = 30
_RANGE_DB = 60
_FAINTEST_DB = -60
"""Power that is drawn like the loudest of a recording at least: silence is white."""
_HIGHEST_HZ = 5000
_PITCH_TICKS = (60, 80, 100, 125, 150, 200, 250, 300, 400, 500, 600, 800)
_DETAILED_S = 15
"""Up to this length each syllable's nucleus is marked."""

_INK, _MUTED, _GRID, _BLUE = "#333333", "#767676", "#e3e5e8", "#0072b2"
_FORMANTS = (("#d55e00", "o"), ("#009e73", "s"), ("#cc79a7", "^"))
_FORMANT_COLUMNS = [SPECTRUM.index(f"formant_{number}_frequency_hz") for number in (1, 2, 3)]

_Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Contours:
    """What is drawn of a recording.

    Attributes:
        seconds: its length.
        step: seconds from column to column.
        low, high: (columns,) extremes of the waveform in [-1, 1].
        spectrum: (columns, 257) strongest power of each bin, in dB.
        voiced: (columns,) share of frames with a voice.
        pitch: (columns,) in Hz; NaN where less than a fifth has a voice.
        formants: (columns, 3) in Hz, likewise.
        loudness: (columns,).
        nuclei: (nuclei,) seconds at which syllables peak.
    """

    seconds: float
    step: float
    low: FloatArray
    high: FloatArray
    spectrum: FloatArray
    voiced: _Numbers
    pitch: _Numbers
    formants: _Numbers
    loudness: _Numbers
    nuclei: _Numbers

    @property
    def times(self) -> _Numbers:
        """(columns,): the middle of each, in seconds."""
        return np.asarray((np.arange(len(self.pitch)) + 0.5) * self.step)


def draw(samples: FloatArray, path: Path, *, title: str) -> None:
    """Draw a recording.

    Args:
        samples: (samples,) at 16 kHz in [-1, 1].
        path: a .png or .svg file.
        title: above the picture.

    Raises:
        AudioError: it is shorter than 60 ms.
        ConfigError: the file cannot be written.
    """
    if len(samples) < LONG_WINDOW:
        raise AudioError(
            f"{title}: has {len(samples)} samples at 16 kHz, but a picture of pitch needs at "
            f"least {LONG_WINDOW} (60 ms). Name a longer recording."
        )
    figure = figure_of(contours_of(samples), title=title)
    with warnings.catch_warnings():
        # A name in a script that the font lacks shows boxes; that is no fault of the reader's.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, dpi=130)
        except OSError as error:
            raise ConfigError(
                f"{path}: cannot be written ({error.strerror}). Choose another place."
            ) from error


def contours_of(samples: FloatArray) -> Contours:
    """What is drawn of (samples,) at 16 kHz."""
    frames = -(-len(samples) // STEP)
    size = -(-frames // COLUMNS)
    count = -(-frames // size)
    voice, resonant = _frames(samples)
    padded = np.pad(samples, (0, count * size * STEP - len(samples))).reshape(count, -1)
    voiced = np.isfinite(voice[:, 0])
    resonant[~voiced[: len(resonant)]] = np.nan
    # A frame of 60 ms stands for its middle.
    return Contours(
        seconds=len(samples) / RATE,
        step=size * STEP / RATE,
        low=padded.min(axis=1),
        high=padded.max(axis=1),
        spectrum=_spectrogram(samples, size, count),
        voiced=_columns(voiced.astype(np.float64)[:, None], size, count, np.nanmean)[:, 0],
        pitch=_medians(voice[:, :1], size, count)[:, 0],
        formants=_medians(resonant, size, count),
        loudness=_columns(voice[:, 1:2], size, count, np.nanmean)[:, 0],
        nuclei=syllable_nuclei(voice[:, 1], voice[:, 3]) * STEP / RATE + LONG_WINDOW / 2 / RATE,
    )


def _frames(samples: FloatArray) -> tuple[_Numbers, _Numbers]:
    """(frames, 4) of pitch, loudness, noise and voicing, and (frames, 3) of formants."""
    voice = PitchedFrames(voice_parts, voice_columns)
    resonant = LocalFrames(spectrum_contours, reach=SPECTRUM_REACH)
    found = [
        (voice.push(block), resonant.push(block)[:, _FORMANT_COLUMNS]) for block in _blocks(samples)
    ]
    found.append((voice.close(), resonant.close()[:, _FORMANT_COLUMNS]))
    rows, formants = (np.concatenate(each) for each in zip(*found, strict=True))
    return rows, formants[: len(rows)]


def _blocks(samples: FloatArray) -> Iterator[FloatArray]:
    for start in range(0, len(samples), _BLOCK_S * RATE):
        yield samples[start : start + _BLOCK_S * RATE]


def _spectrogram(samples: FloatArray, size: int, count: int) -> FloatArray:
    """(columns, 257): the strongest power in each bin, a block of columns at a time."""
    most = max(1, _BLOCK_S * RATE // STEP // size) * size
    parts = []
    for start in range(0, count * size, most):
        frames = min(most, count * size - start)
        piece = samples[start * STEP : (start + frames + 1) * STEP]
        filled = np.pad(piece, (0, (frames + 1) * STEP - len(piece)))
        power = log_power(short_spectrum(filled))
        parts.append(power.reshape(-1, size, power.shape[1]).max(axis=1))
    return np.concatenate(parts)


def _columns(rows: _Numbers, size: int, count: int, summed_up: Callable[..., object]) -> _Numbers:
    """(columns, features) of (frames, features), shifted to the middles of frames of 60 ms."""
    shift = (LONG_WINDOW // 2) // STEP
    wide = np.full((count * size, rows.shape[1]), np.nan)
    kept = rows[: len(wide) - shift]
    wide[shift : shift + len(kept)] = kept
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # A column of NaN alone is NaN.
        return np.asarray(summed_up(wide.reshape(count, size, -1), axis=1))


def _medians(rows: _Numbers, size: int, count: int) -> _Numbers:
    known = _columns(np.isfinite(rows).astype(np.float64), size, count, np.nanmean)
    return np.where(known >= 0.2, _columns(rows, size, count, np.nanmedian), np.nan)


def figure_of(contours: Contours, *, title: str) -> Figure:
    """The picture as a matplotlib figure."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 7.6), layout="constrained")
    wave, spectrogram, pitch, loud = figure.subplots(
        4, 1, sharex=True, gridspec_kw={"height_ratios": [1.1, 3.2, 1.4, 1.1]}
    )
    figure.suptitle(_one_line(title), x=0.01, ha="left", size=11, color=_INK, parse_math=False)
    _wave(wave, contours)
    _spectrum(spectrogram, contours)
    _pitch(pitch, contours)
    _loudness(loud, contours)
    for axes in (wave, spectrogram, pitch, loud):
        axes.tick_params(colors=_MUTED, labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    loud.set_xlim(0, contours.seconds)
    _label_times(loud, contours.seconds)
    figure.align_ylabels()
    return figure


def _one_line(title: str) -> str:
    text = " ".join(title.split())
    return text if len(text) <= 100 else text[:99] + "…"


def _wave(axes: Axes, contours: Contours) -> None:
    peak = max(float(np.abs([contours.low, contours.high]).max()), 1e-4)
    axes.fill_between(contours.times, contours.low, contours.high, color=_INK, linewidth=0.4)
    spans = [(start, end - start) for start, end in _stretches(contours)]
    axes.broken_barh(spans, (-1.35 * peak, 0.2 * peak), color=_BLUE, label="voiced")
    axes.set_ylim(-1.4 * peak, 1.1 * peak)
    axes.set_ylabel("waveform", size=9, color=_INK)
    axes.legend(loc="upper right", fontsize=8, framealpha=0.9, handlelength=1.2)


def _stretches(contours: Contours) -> list[tuple[float, float]]:
    """Where at least half of the frames have a voice, in seconds."""
    inside = np.concatenate([[False], contours.voiced >= 0.5, [False]]).astype(np.int8)
    edges = np.diff(inside)
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return [
        (float(start), float(end))
        for start, end in zip(starts * contours.step, ends * contours.step, strict=True)
    ]


def _spectrum(axes: Axes, contours: Contours) -> None:
    loudest = max(float(contours.spectrum.max()), _FAINTEST_DB)
    axes.imshow(
        contours.spectrum.T,
        origin="lower",
        aspect="auto",
        cmap="Greys",
        extent=(0, len(contours.spectrum) * contours.step, 0, RATE / 2),
        vmin=loudest - _RANGE_DB,
        vmax=loudest + 10,
        interpolation="nearest",
    )
    size = 2.2 if contours.seconds < _DETAILED_S else 1.2
    for number, (colour, marker) in enumerate(_FORMANTS):
        frequency, name = contours.formants[:, number], f"F{number + 1}"
        axes.plot(contours.times, frequency, marker, color=colour, markersize=size, label=name)
    _pitch_line(axes, contours)
    axes.set_ylim(0, _HIGHEST_HZ)
    axes.set_yticks(range(0, _HIGHEST_HZ + 1, 1000), [f"{k}" for k in range(6)])
    axes.set_ylabel("spectrum, kHz", size=9, color=_INK)
    scale = 3 if contours.seconds < _DETAILED_S else 5
    axes.legend(loc="upper right", ncols=4, fontsize=8, framealpha=0.9, markerscale=scale)


def _pitch(axes: Axes, contours: Contours) -> None:
    _pitch_line(axes, contours)
    known = contours.pitch[np.isfinite(contours.pitch)]
    low, high = np.percentile(known, [1, 99]) if len(known) else (100, 200)
    axes.set_yscale("log")
    axes.set_ylim(low / 1.2, high * 1.2)
    ticks = [each for each in _PITCH_TICKS if low / 1.2 <= each <= high * 1.2]
    axes.set_yticks(ticks, [str(each) for each in ticks])
    axes.minorticks_off()
    axes.set_ylabel("pitch, Hz", size=9, color=_INK)
    axes.grid(axis="y", color=_GRID, linewidth=0.6)


def _pitch_line(axes: Axes, contours: Contours) -> None:
    """A line where it can be followed, else dots."""
    detailed = contours.seconds < _DETAILED_S
    style = {"linewidth": 1.8} if detailed else {"linestyle": "", "marker": ".", "markersize": 2}
    axes.plot(contours.times, contours.pitch, color=_BLUE, label="pitch", **style)


def _loudness(axes: Axes, contours: Contours) -> None:
    axes.plot(contours.times, contours.loudness, color=_INK, linewidth=1.2)
    if contours.seconds < _DETAILED_S:
        at = np.interp(contours.nuclei, contours.times, np.nan_to_num(contours.loudness))
        axes.plot(contours.nuclei, at, "v", color="#d55e00", markersize=5, label="syllable nucleus")
        axes.legend(loc="upper right", fontsize=8, framealpha=0.9)
    axes.set_ylim(0, 1.15 * max(float(np.nanmax(contours.loudness, initial=0)), 0.01))
    axes.set_ylabel("loudness", size=9, color=_INK)
    axes.grid(axis="y", color=_GRID, linewidth=0.6)


def _label_times(axes: Axes, seconds: float) -> None:
    axes.set_xlabel("s" if seconds <= 60 else "min:s", size=9, color=_INK)
    if seconds > 60:
        axes.xaxis.set_major_locator(_round_times(seconds))
        axes.xaxis.set_major_formatter(lambda time, _: f"{int(time) // 60}:{int(time) % 60:02d}")


def _round_times(seconds: float) -> MultipleLocator:
    from matplotlib.ticker import MultipleLocator

    steps = (10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
    return MultipleLocator(next((each for each in steps if seconds / each <= 12), steps[-1]))
