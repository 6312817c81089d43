"""Make the pictures of docs/features: a sentence said calmly, and by the same man angrily.

    python docs/figures/descriptors.py

"I think I have a doctor's appointment." of `examples/call.wav` (CREMA-D, actor 1050): all ten
listeners of the voice heard the first as neutral, eight of nine the second as angry.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tonfall.arrays import FloatArray
from tonfall.audio import read, resample
from tonfall.features.framing import RATE, STEP
from tonfall.features.pitch import LONG_WINDOW
from tonfall.features.rhythm import syllable_nuclei
from tonfall.features.sets import SETS

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "figures"
CLIPS = (("said calmly", 5.40, 6.90), ("said angrily", 41.74, 43.74))
PANELS: dict[str, list[tuple[str, str, list[str]]]] = {
    "pitch": [("pitch, Hz", "prosody", ["pitch_hz"]), ("voicing", "prosody", ["voicing"])],
    "loudness": [("loudness", "prosody", ["loudness"]), ("level, dB", "prosody", ["level_db"])],
    "rhythm": [("loudness", "prosody", ["loudness"])],
    "spectrum": [
        ("alpha ratio, dB", "egemaps", ["alphaRatio_sma3"]),
        ("flux", "egemaps", ["spectralFlux_sma3"]),
    ],
    "cepstra": [("coefficients", "egemaps", ["mfcc1_sma3", "mfcc2_sma3"])],
    "formants": [("Hz", "spectrum", [f"formant_{k}_frequency_hz" for k in (1, 2, 3)])],
    "voice-quality": [
        ("jitter", "egemaps", ["jitterLocal_sma3nz"]),
        ("shimmer, dB", "egemaps", ["shimmerLocaldB_sma3nz"]),
        ("HNR, dB", "egemaps", ["HNRdBACF_sma3nz"]),
    ],
}
STYLES = (("#0072b2", "-"), ("#d55e00", "--"), ("#666666", ":"))


def main() -> None:
    """Draw all of them."""
    waveform, rate = read(ROOT / "examples" / "call.wav")
    call = resample(waveform[:1], source_rate=rate)[0]
    sounds = [call[int(start * RATE) : int(end * RATE)] for _, start, end in CLIPS]
    for family, panels in PANELS.items():
        figure = Figure(figsize=(8, 0.7 + 1.5 * len(panels)), layout="constrained")
        grid = figure.subplots(len(panels), 2, sharey="row", sharex="col", squeeze=False)
        for row, (label, name, columns) in zip(grid, panels, strict=True):
            row[0].set_ylabel(label)
            for axes, sound in zip(row, sounds, strict=True):
                draw(axes, sound, name, columns)
                if family == "rhythm":
                    mark(axes, sound)
        for axes, (title, *_) in zip(grid[0], CLIPS, strict=True):
            axes.set_title(title, size=10)
        for axes in grid[-1]:
            axes.set_xlabel("s")
        if len(panels[0][2]) > 1 or family == "rhythm":
            grid[0][1].legend(fontsize=8, loc="upper right")
        figure.savefig(FOLDER / f"features-{family}.png", dpi=90)


def draw(axes: Axes, sound: FloatArray, name: str, columns: list[str]) -> None:
    """The contours, those that need a voice where there is one."""
    chosen = SETS[name]
    rows = chosen.frames(sound)
    voiced = np.isfinite(SETS["prosody"].frames(sound)[:, 0])
    for column, (colour, dashes) in zip(columns, STYLES, strict=False):
        values = np.asarray(rows[: len(voiced), chosen.frame_columns.index(column)], float)
        if name != "prosody":
            values = np.where(voiced[: len(values)], values, np.nan)
        axes.plot(times(len(values)), values, dashes, color=colour, label=said(column))
    axes.grid(axis="y", color="#e3e5e8", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def mark(axes: Axes, sound: FloatArray) -> None:
    """The syllables' nuclei, and where there is a voice."""
    rows = SETS["prosody"].frames(sound)
    voiced = np.isfinite(rows[:, 0])
    nuclei = syllable_nuclei(rows[:, 3], voiced)
    axes.plot(times(len(rows))[nuclei], rows[nuclei, 3], "v", color="#d55e00", label="nucleus")
    axes.fill_between(times(len(rows)), 0, -0.2, where=voiced, color="#0072b2", label="voiced")


def times(count: int) -> npt.NDArray[np.float64]:
    """The middles of frames of 60 ms, in seconds."""
    return np.asarray((np.arange(count) * STEP + LONG_WINDOW / 2) / RATE)


def said(column: str) -> str:
    """A column's name without its ending."""
    return column.removesuffix("_sma3nz").removesuffix("_sma3").removesuffix("_frequency_hz")


if __name__ == "__main__":
    main()
