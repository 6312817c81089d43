"""eGeMAPS beside openSMILE: ``python -m benchmarks.features emodb/wav ravdess``.

For each of the 88 numbers, Pearson's correlation over the clips: of Tonfall with openSMILE; of
openSMILE with itself where the clip begins 3 ms later, which no other program can be expected to
surpass; and of Tonfall with itself through a telephone (8 kHz, G.711). Then CPU time of both on the
same clips in one process, on one core with ``OPENBLAS_NUM_THREADS=1``. openSMILE (extra
``opensmile``) may not be used in products; see its licence. What it computed is kept in the cache.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.machine import heading
from tonfall.arrays import FloatArray
from tonfall.audio import resample
from tonfall.audio.g711 import decode_mulaw, encode_mulaw
from tonfall.corpora.contents import cache_folder
from tonfall.features import FUNCTIONALS, egemaps
from tonfall.features.framing import RATE
from tonfall.features.recordings import read_samples

SUFFIXES = {".wav", ".flac", ".opus"}
WARM = 3
LATER = 48
"""Samples at 16 kHz: 3 ms, no multiple of a frame's step."""
BOUNDS = (0.99, 0.95, 0.8)

Table = npt.NDArray[np.float64]
Compute = Callable[[FloatArray], Table]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take each n-th clip")
    parser.add_argument("--again", type=int, default=4, help="each n-th of those 3 ms later")
    parser.add_argument("--telephone", type=Path, help="folder; the first one if not given")
    parser.add_argument("--timed", type=int, default=40, help="clips that are timed")
    chosen = parser.parse_args()
    clips = [path for folder in chosen.folders for path in recordings(folder)][:: chosen.every]
    called = recordings(chosen.telephone or chosen.folders[0])[:: chosen.every]
    settings = {
        "clips": len(clips),
        "3 ms later": f"each {chosen.again}. clip",
        "telephone": f"{len(called)} clips",
    }
    packages = ["numpy", "scipy", "opensmile"]
    print(heading("eGeMAPS beside openSMILE", packages=packages, settings=settings))
    print_speed(clips[:: max(1, len(clips) // max(1, chosen.timed))])
    ours, theirs = table(clips, egemaps_of), table(clips, Peer(), name="opensmile")
    some = clips[:: chosen.again]
    later = table(some, lambda samples: Peer()(samples[LATER:]), name="opensmile-3ms")
    again = correlations(theirs[:: chosen.again], later)
    clean, heard = (table(called, each) for each in (egemaps_of, by_telephone))
    print_exactness(correlations(ours, theirs), again, correlations(clean, heard))


def recordings(folder: Path) -> list[Path]:
    """Every recording of a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)


def egemaps_of(samples: FloatArray) -> Table:
    """Tonfall's numbers."""
    return np.asarray(egemaps(samples[None], RATE)[0])


def by_telephone(samples: FloatArray) -> Table:
    """Tonfall's numbers of what a telephone leaves."""
    narrow = resample(samples[None], source_rate=RATE, target_rate=8000)[0]
    heard = decode_mulaw(encode_mulaw(narrow))
    return egemaps_of(resample(heard[None], source_rate=8000)[0])


class Peer:
    """openSMILE's numbers."""

    _smile = None

    def __call__(self, samples: FloatArray) -> Table:
        """Of (samples,) at 16 kHz."""
        if Peer._smile is None:
            import opensmile

            Peer._smile = opensmile.Smile(
                opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals
            )
        return np.asarray(Peer._smile.process_signal(samples, RATE).to_numpy()[0], np.float64)


def table(clips: Sequence[Path], compute: Compute, *, name: str = "") -> Table:
    """A row of numbers for each clip, kept under a name if there is one."""
    kept = cache_folder() / "benchmarks" / f"{name}-{_digest(clips)}.npy"
    if name and kept.is_file():
        return np.asarray(np.load(kept, allow_pickle=False), np.float64)
    rows = np.array([compute(read_samples(clip)) for clip in clips])
    if name:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.save(kept, rows)
    return rows


def _digest(clips: Iterable[Path]) -> str:
    names = [f"{clip.resolve()} {clip.stat().st_size}" for clip in clips]
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


def print_speed(clips: Sequence[Path]) -> None:
    """CPU milliseconds a second of audio, clip about clip."""
    costs, seconds = np.zeros(2), 0.0
    for place, clip in enumerate([*clips[:WARM], *clips]):
        samples = read_samples(clip)
        spent = [_cpu_s(compute, samples) for compute in (egemaps_of, Peer())]
        if place >= WARM:
            costs += spent
            seconds += len(samples) / RATE
    print("| | CPU, ms a second of audio |\n|---|---|")
    for program, cost in zip(("Tonfall", "openSMILE"), costs, strict=True):
        print(f"| {program} | {1000 * cost / seconds:.1f} |")
    print(f"\nopenSMILE takes {costs[1] / costs[0]:.2f} times Tonfall's time ({seconds:.0f} s).\n")


def _cpu_s(compute: Compute, samples: FloatArray) -> float:
    start = time.process_time()
    compute(samples)
    return time.process_time() - start


def print_exactness(found: Table, again: Table, called: Table) -> None:
    """Correlations, the worst first, and how many reach which."""
    for who, values in (("Tonfall", found), ("openSMILE 3 ms later", again)):
        counts = [f"{(values >= bound).sum()} at least {bound}" for bound in BOUNDS]
        print(f"{who}: of {len(values)} numbers, {', '.join(counts)}.")
    print("\n| number | Tonfall | openSMILE 3 ms later | by telephone |\n|---|---|---|---|")
    for place in np.argsort(found):
        values = (found[place], again[place], called[place])
        print(f"| `{FUNCTIONALS[place]}` | {' | '.join(f'{value:.3f}' for value in values)} |")


def correlations(ours: Table, theirs: Table) -> Table:
    """Pearson's correlation of each column, over the rows where both are defined."""
    values = []
    for mine, other in zip(ours.T, theirs.T, strict=True):
        defined = np.isfinite(mine) & np.isfinite(other)
        values.append(np.corrcoef(mine[defined], other[defined])[0, 1])
    return np.array(values)


if __name__ == "__main__":
    main()
