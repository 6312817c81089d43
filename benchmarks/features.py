"""eGeMAPS beside openSMILE: ``python -m benchmarks.features emodb/wav ravdess --every 10``.

For each of the 88 numbers, Pearson's correlation over the clips; and CPU seconds a second of audio
of both, in one process on the same clips. openSMILE (extra ``opensmile``) may not be used in
products; see its licence.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.machine import heading
from tonfall.features import FUNCTIONALS, egemaps
from tonfall.features.extract import read_samples
from tonfall.features.framing import RATE

SUFFIXES = {".wav", ".flac", ".opus"}
WARM = 3


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take each n-th clip")
    chosen = parser.parse_args()
    clips = [path for folder in chosen.folders for path in recordings(folder)][:: chosen.every]
    ours, theirs, costs, seconds = measure(clips)
    packages = ["numpy", "scipy", "opensmile"]
    settings = {"clips": len(clips), "audio": f"{seconds:.0f} s"}
    print(heading("eGeMAPS beside openSMILE", packages=packages, settings=settings))
    print_speed(costs, seconds)
    print_exactness(ours, theirs)


def recordings(folder: Path) -> Iterable[Path]:
    """Every recording of a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)


def measure(
    clips: Sequence[Path],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], tuple[float, float], float]:
    """Numbers of both, CPU seconds of both, and seconds of audio."""
    import opensmile

    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
    ours, theirs, costs, seconds = [], [], np.zeros(2), 0.0
    for place, clip in enumerate([*clips[:WARM], *clips]):
        samples = read_samples(clip)
        start = time.process_time()
        mine = egemaps(samples[None], RATE)[0]
        between = time.process_time()
        other = smile.process_signal(samples, RATE).to_numpy()[0]
        end = time.process_time()
        if place >= WARM:
            ours.append(mine)
            theirs.append(other)
            costs += [between - start, end - between]
            seconds += len(samples) / RATE
    return np.array(ours), np.array(theirs), (float(costs[0]), float(costs[1])), seconds


def print_speed(costs: tuple[float, float], seconds: float) -> None:
    """CPU milliseconds a second of audio."""
    print("| | CPU, ms a second of audio |\n|---|---|")
    for name, cost in zip(("Tonfall", "openSMILE"), costs, strict=True):
        print(f"| {name} | {1000 * cost / seconds:.1f} |")
    print(f"\nTonfall takes {costs[0] / costs[1]:.2f} of openSMILE's time.\n")


def print_exactness(ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]) -> None:
    """Correlations, the worst first, and how many reach which."""
    found = correlations(ours, theirs)
    counts = [f"{(found >= bound).sum()} at least {bound}" for bound in (0.99, 0.95, 0.8)]
    print(f"Of {len(found)} numbers, {', '.join(counts)}.\n\n| number | r |\n|---|---|")
    for place in np.argsort(found):
        print(f"| `{FUNCTIONALS[place]}` | {found[place]:.3f} |")


def correlations(
    ours: npt.NDArray[np.float64], theirs: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Pearson's correlation of each column, over the rows where both are defined."""
    values = []
    for mine, other in zip(ours.T, theirs.T, strict=True):
        defined = np.isfinite(mine) & np.isfinite(other)
        values.append(np.corrcoef(mine[defined], other[defined])[0, 1])
    return np.array(values)


if __name__ == "__main__":
    main()
