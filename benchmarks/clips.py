"""CPU a clip of a folder of short clips, in one process and in the workers of the pool.

    python -m benchmarks.clips

The clips are 2.7 s each, cut from the example call's two voices mixed, every one with speech in
it. Each figure is that of ``tonfall analyze`` over all of them (without outputs) in a fresh
process: user and system time of it and of its workers, their start included, by the number of
clips. Beside it, the same with every model opened anew for every clip, as it was once: where a
machine is busy or slow, the ratio says more than the milliseconds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import soundfile

from benchmarks.machine import cores, heading
from benchmarks.speed import RATE, mono_call
from benchmarks.startup import children_cpu
from tonfall.vad import detect

CLIP_S = 2.7
CLIPS = 500
ANEW = 20
"""Clips for which every model is opened anew: enough for a mean."""


def write_clips(folder: Path, count: int) -> list[str]:
    """As many clips, begun a little later each, all with speech."""
    call = mono_call()
    length, files = int(CLIP_S * RATE), list[str]()
    turns = [turn for turn in detect(call)[0] if turn.samples > RATE]
    for number in range(count):
        turn = turns[number % len(turns)]
        start = min(max(0, turn.start - 160 * number), call.shape[1] - length)
        files.append(str(folder / f"{number:03}.wav"))
        soundfile.write(files[-1], call[0, start : start + length], RATE, "PCM_16")
    return files


def milliseconds(files: list[str], *, speakers: int | None, workers: int, anew: bool) -> float:
    """CPU a clip of a fresh process that analyses the files."""
    code = "import sys, benchmarks.clips as c; c.analyze_all(sys.argv[1:])"
    words = [str(speakers or 0), str(workers), str(int(anew)), *files]
    before = children_cpu()
    subprocess.run([sys.executable, "-c", code, *words], check=True)
    return 1000 * (children_cpu() - before) / len(files)


def analyze_all(words: list[str]) -> None:
    """What :func:`milliseconds` runs."""
    from tonfall.analysis.batch import Order, analyze_files
    from tonfall.ort import session
    from tonfall.runtime import predictor

    speakers, workers, anew = (int(word) for word in words[:3])
    order = Order("medium", True, Path(), (), (), speakers=speakers or None)
    share = words[3:]
    for first in range(0, len(share), 1 if anew else len(share)):
        part = share[first : first + 1] if anew else share
        for outcome in analyze_files(part, order, workers=workers):
            assert outcome.error is None, outcome
        if anew:
            session._SHIPPED._begin_anew()
            predictor._LOADED._begin_anew()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=CLIPS)
    count = parser.parse_args().clips
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = "1"
    print(heading("Short clips", settings={"clips": f"{count} of {CLIP_S} s", "model": "medium"}))
    print("| CPU a clip, ms | `--speakers auto` | `--speakers 1` |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        files = write_clips(Path(folder), count)
        for title, workers, anew in (
            ("one process", 1, False),
            (f"{cores()} workers", cores(), False),
            ("one process, models opened anew for each clip", 1, True),
        ):
            share = files[:ANEW] if anew else files
            found = [
                milliseconds(share, speakers=speakers, workers=workers, anew=anew)
                for speakers in (None, 1)
            ]
            print(f"| {title} | {found[0]:.1f} | {found[1]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
