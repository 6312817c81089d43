"""A picture of a recording's features: waveform, spectrogram with pitch and formants, loudness."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tonfall.arrays import FloatArray
from tonfall.errors import AudioError
from tonfall.features.formants import formants
from tonfall.features.framing import RATE, frame_times
from tonfall.features.loudness import SPECTRUM_WINDOW, auditory_bands, loudness, short_spectrum
from tonfall.features.pitch import LONG_WINDOW, Pitch, pitch
from tonfall.features.spectrum import log_power

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw"]

_RANGE_DB = 60
_HIGHEST_HZ = 5500
_LONGEST_S = 60


def draw(samples: FloatArray, path: Path, *, title: str) -> None:
    """Draw the first minute of a recording.

    Args:
        samples: (samples,) at 16 kHz in [-1, 1].
        path: a .png or .svg file.
        title: above the picture.

    Raises:
        AudioError: it is shorter than 60 ms.
    """
    from matplotlib.figure import Figure

    if len(samples) < LONG_WINDOW:
        raise AudioError(
            f"{title}: has {len(samples)} samples at 16 kHz, but a picture of pitch needs at "
            f"least {LONG_WINDOW} (60 ms). Name a longer recording."
        )
    samples = samples[: _LONGEST_S * RATE]
    contour = pitch(samples[None], RATE)
    figure = Figure(figsize=(10, 7), layout="constrained")
    wave, spectrogram, loud = figure.subplots(
        3, 1, sharex=True, gridspec_kw={"height_ratios": [1, 3, 1]}
    )
    wave.set_title(title)
    _wave(wave, samples, contour)
    _spectrogram(spectrogram, samples, contour)
    _loudness(loud, samples)
    figure.savefig(path, dpi=120)


def _wave(axes: Axes, samples: FloatArray, contour: Pitch) -> None:
    axes.plot(np.arange(len(samples)) / RATE, samples, color="#444444", linewidth=0.4)
    voiced = np.isfinite(contour.frequency[0])
    axes.fill_between(
        contour.times, -1, 1, where=voiced, color="#0072b2", alpha=0.15, step="mid", label="voiced"
    )
    axes.set(ylabel="waveform", ylim=(-1, 1))
    axes.legend(loc="upper right")


def _spectrogram(axes: Axes, samples: FloatArray, contour: Pitch) -> None:
    decibels = log_power(short_spectrum(samples)).T
    axes.imshow(
        decibels,
        origin="lower",
        aspect="auto",
        cmap="Greys",
        extent=(0, len(samples) / RATE, 0, RATE / 2),
        vmin=float(decibels.max()) - _RANGE_DB,
        interpolation="nearest",
    )
    found = formants(samples[None], RATE)
    place = np.clip(np.searchsorted(contour.times, found.times), 0, len(contour.times) - 1)
    voiced = np.isfinite(contour.frequency[0])[place]
    for number, colour in enumerate(("#d55e00", "#009e73", "#cc79a7")):
        frequency = np.where(voiced, found.frequency[0, :, number], np.nan)
        axes.plot(found.times, frequency, ".", color=colour, markersize=3, label=f"F{number + 1}")
    axes.plot(contour.times, contour.frequency[0], color="#0072b2", linewidth=2, label="pitch")
    axes.set(ylabel="Hz", ylim=(0, _HIGHEST_HZ))
    axes.legend(loc="upper right", ncols=4)


def _loudness(axes: Axes, samples: FloatArray) -> None:
    values = loudness(auditory_bands(short_spectrum(samples)))
    axes.plot(frame_times(len(values), window=SPECTRUM_WINDOW), values, color="#444444")
    axes.set(ylabel="loudness", xlabel="s", ylim=(0, None))
