"""Pitch, voice quality and formants beside Praat: ``python -m benchmarks.praat emodb/wav``.

What both find in the frames that both take for voiced; jitter and shimmer of whole clips; and the
CPU time of pitch alone, on one core with ``OPENBLAS_NUM_THREADS=1``. Praat (through parselmouth) is
under the GPL and serves only to compare with.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.features import recordings
from benchmarks.machine import heading
from tonfall.arrays import FloatArray
from tonfall.features import cpp, formants, hnr, jitter, pitch, shimmer
from tonfall.features.framing import RATE
from tonfall.features.recordings import read_samples

LOWEST_HZ, HIGHEST_HZ = 60, 600
PERIODS = (0, 0, 0.0001, 0.02, 1.3)
LINE = (60, 330, "None", 0.001, 0, "Straight", "Least squares")
GROSS = 0.2
"""Of the pitch: an error above it is a wrong octave or the like."""

Row = dict[str, float]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=20, help="take each n-th clip")
    chosen = parser.parse_args()
    clips = recordings(chosen.folder)[:: chosen.every]
    rows = [compared(read_samples(clip)) for clip in clips]
    packages = ["numpy", "scipy", "praat-parselmouth"]
    print(heading("Beside Praat", packages=packages, settings={"clips": len(clips)}))
    print("| | median clip | worst tenth beyond |\n|---|---|---|")
    for name in rows[0]:
        values = np.array([row[name] for row in rows if np.isfinite(row[name])])
        far = np.quantile(np.abs(values), 0.9)
        print(f"| {name} | {np.median(values):.3f} | {far:.3f} |")
    ours, theirs = np.sum([timed(read_samples(clip)) for clip in clips], axis=0)
    print(f"\nPraat takes {theirs / ours:.1f} times Tonfall's time for pitch.")


def compared(samples: FloatArray) -> Row:
    """Differences of one clip."""
    sound = as_sound(samples)
    theirs = praat_pitch(sound)
    ours = pitch(samples, RATE)
    expected = np.array([theirs.get_value_at_time(at) for at in ours.times])
    both = np.isfinite(expected) & np.isfinite(ours.frequency[0])
    error = np.abs(ours.frequency[0] / expected - 1)[both]
    noise = sound.to_harmonicity_ac(0.01, 75, 0.1, 4.5)
    harmonic = np.array([noise.get_value(at) for at in ours.times])
    return {
        "pitch: median error, %": 100 * float(np.median(error)),
        "pitch: gross errors, % of frames": 100 * float((error > GROSS).mean()),
        "HNR: median difference, dB": float(
            np.nanmedian((hnr(samples, RATE).values[0] - harmonic)[both])
        ),
        "CPP: difference of means, dB": prominence_difference(samples, sound),
        **formant_rows(samples, sound, ours.times[both]),
        **perturbation_rows(samples, sound, theirs),
    }


def as_sound(samples: FloatArray) -> Any:
    """As Praat takes it."""
    import parselmouth

    return parselmouth.Sound(samples.astype(np.float64), RATE)


def praat_pitch(sound: Any) -> Any:
    """By autocorrelation, every 10 ms."""
    return sound.to_pitch_ac(time_step=0.01, pitch_floor=LOWEST_HZ, pitch_ceiling=HIGHEST_HZ)


def formant_rows(samples: FloatArray, sound: Any, times: npt.NDArray[np.float64]) -> Row:
    """Medians of the first three over voiced frames, in per cent of Praat's."""
    ours, theirs = formants(samples, RATE), sound.to_formant_burg(time_step=0.01)
    rows = {}
    for number in range(3):
        mine = np.nanmedian(np.interp(times, ours.times, ours.frequency[0, :, number]))
        other = np.nanmedian([theirs.get_value_at_time(number + 1, at) for at in times])
        rows[f"F{number + 1}: difference of medians, %"] = 100 * (mine / other - 1)
    return rows


def prominence_difference(samples: FloatArray, sound: Any) -> float:
    """Of the mean prominence of the cepstral peak, over every fifth voiced frame, in dB."""
    from parselmouth.praat import call

    ours = cpp(samples, RATE)
    known = np.flatnonzero(np.isfinite(ours.values[0]))[::5]
    cepstra = call(sound, "To PowerCepstrogram", LOWEST_HZ, 0.01, 5000, 50)
    theirs = [
        call(call(cepstra, "To PowerCepstrum (slice)", time), "Get peak prominence", *LINE)
        for time in ours.times[known]
    ]
    return float(ours.values[0, known].mean() - np.mean(theirs)) if len(known) else float("nan")


def perturbation_rows(samples: FloatArray, sound: Any, theirs: Any) -> Row:
    """Jitter and shimmer of the whole clip, in per cent of Praat's."""
    from parselmouth.praat import call

    points = call([sound, theirs], "To PointProcess (cc)")
    lengths = call(points, "Get jitter (local)", *PERIODS)
    sizes = call([sound, points], "Get shimmer (local)", *PERIODS, 1.6)
    mine = (float(each(samples, RATE).overall[0]) for each in (jitter, shimmer))
    rows = zip(("jitter", "shimmer"), mine, (lengths, sizes), strict=True)
    return {f"{name}: difference, %": 100 * (own / other - 1) for name, own, other in rows}


def timed(samples: FloatArray) -> tuple[float, float]:
    """CPU seconds of pitch alone, of both."""
    sound = as_sound(samples)
    start = time.process_time()
    pitch(samples, RATE)
    between = time.process_time()
    praat_pitch(sound)
    return between - start, time.process_time() - between


if __name__ == "__main__":
    main()
