"""How long Tonfall takes to start: ``python -m benchmarks.startup``.

Each command runs in a fresh process, once unmeasured and then several times; CPU seconds are user
and system time of the process and its children.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile

from benchmarks.machine import REPOSITORY, heading

REPEATS = 15
CLIP_SECONDS = 3
EXAMPLE = REPOSITORY / "examples" / "call.wav"


@dataclass(frozen=True)
class Run:
    """CPU and wall-clock seconds of one process."""

    cpu: float
    wall: float


def measure(command: Sequence[str | Path]) -> Run:
    """Run a command that has to succeed."""
    before, start = children_cpu(), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return Run(cpu=children_cpu() - before, wall=time.perf_counter() - start)


def children_cpu() -> float:
    """CPU seconds of all processes that this one has waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def row(title: str, promise: str, command: Sequence[str | Path]) -> str:
    """One line of the table: median and 95th percentile of CPU and wall-clock seconds."""
    measure(command)
    runs = [measure(command) for _ in range(REPEATS)]
    figures = [spread([run.cpu for run in runs]), spread([run.wall for run in runs])]
    return f"| {title} | {promise} | {' | '.join(figures)} |"


def spread(seconds: list[float]) -> str:
    """Median and 95th percentile, in seconds."""
    return f"{statistics.median(seconds):.2f} ({statistics.quantiles(seconds, n=20)[-1]:.2f})"


def write_clip(path: Path) -> None:
    """Write the example call's first speech as a clip of its own."""
    samples, sampling_rate = soundfile.read(EXAMPLE, frames=-1, always_2d=True)
    length = CLIP_SECONDS * sampling_rate
    soundfile.write(path, samples[:length, 0], sampling_rate)


def main() -> None:
    """Print the table."""
    python, tonfall = Path(sys.executable), Path(sys.executable).with_name("tonfall")
    print(heading("Starting", settings={"runs": REPEATS, "figures": "median (95th percentile)"}))
    print("| what | promise | CPU, s | wall clock, s |\n|---|---|---|---|")
    print(row("`python -c pass`", "", [python, "-c", "pass"]))
    print(row("`import tonfall`", "0.3 s of CPU", [python, "-c", "import tonfall"]))
    print(row("`tonfall --help`", "", [tonfall, "--help"]))
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.wav"
        write_clip(clip)
        analyze = [tonfall, "analyze", clip]
        print(row(f"`tonfall analyze`, {CLIP_SECONDS} s clip", "2 s in all", analyze))


if __name__ == "__main__":
    main()
