"""Syllable nuclei in sentences whose syllables are known: ``python -m benchmarks.syllables``.

Of each clip the nuclei that are found are divided by the syllables of its sentence. The sentences
of EmoDB, RAVDESS and CREMA-D are known by the names of the files.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.features import recordings
from benchmarks.machine import heading
from tonfall.features.contours import prosody_contours
from tonfall.features.recordings import read_samples
from tonfall.features.rhythm import syllable_nuclei

EMODB = {"a01": 8, "a02": 9, "a04": 11, "a05": 18, "a07": 10}
"""Der Lappen liegt auf dem Eisschrank. Das will sie am Mittwoch abgeben. Heute abend könnte ich es
ihm sagen. Das schwarze Stück Papier befindet sich da oben neben dem Holzstück. In sieben Stunden
wird es soweit sein."""
RAVDESS = {"01": 7, "02": 7}
"""Kids are talking by the door. Dogs are sitting by the door."""
CREMA_D = {
    "IEO": 6,  # It's eleven o'clock.
    "TIE": 8,  # That is exactly what happened.
    "IOM": 8,  # I'm on my way to the meeting.
    "IWW": 8,  # I wonder what this is about.
    "TAI": 7,  # The airplane is almost full.
    "MTI": 9,  # Maybe tomorrow it will be cold.
    "IWL": 8,  # I would like a new alarm clock.
    "ITH": 10,  # I think I have a doctor's appointment.
    "DFA": 6,  # Don't forget a jacket.
    "ITS": 7,  # I think I've seen this before.
    "TSI": 5,  # The surface is slick.
    "WSI": 9,  # We'll stop in a couple of minutes.
}
CORPORA: Mapping[str, tuple[Mapping[str, int], Callable[[str], str]]] = {
    "emodb": (EMODB, lambda name: name[2:5]),
    "ravdess": (RAVDESS, lambda name: name.split("-")[4]),
    "cremad": (CREMA_D, lambda name: name.split("_")[1]),
}
"""Syllables of each sentence, and how the sentence is read from the name of a file."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="that holds emodb, ravdess and cremad")
    parser.add_argument("--most", type=int, default=120, help="clips of each corpus")
    chosen = parser.parse_args()
    print(heading("Syllable nuclei", settings={"clips": f"up to {chosen.most} of each corpus"}))
    print("| corpus | clips | median of found / said | nine of ten within | median error |")
    print("|---|---|---|---|---|")
    for name in CORPORA:
        found, said = counted(chosen.folder / name, name, chosen.most)
        share = found / said
        low, middle, high = np.quantile(share, [0.05, 0.5, 0.95])
        error = np.median(np.abs(share - 1))
        row = (f"{middle:.2f}", f"{low:.2f} to {high:.2f}", f"{100 * error:.0f} %")
        print(f"| {name} | {len(share)} | {' | '.join(row)} |")


def counted(folder: Path, name: str, most: int) -> tuple[npt.NDArray[np.float64], ...]:
    """Nuclei that are found in each clip, and syllables that are said."""
    said, sentence = CORPORA[name]
    clips = [clip for clip in recordings(folder) if sentence(clip.stem) in said]
    some = clips[:: max(1, len(clips) // most)]
    found = [nuclei(clip) for clip in some]
    return np.array(found, float), np.array([said[sentence(clip.stem)] for clip in some], float)


def nuclei(clip: Path) -> int:
    """How many are found."""
    contours = prosody_contours(read_samples(clip))
    return len(syllable_nuclei(contours[:, 3], contours[:, 2]))


if __name__ == "__main__":
    main()
