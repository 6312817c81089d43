"""Speed and memory of the whole pipeline, on one core.

    python -m benchmarks.speed

An hour of 16 kHz mono is the example call's two voices mixed and repeated; ten hours are the same
again, given block by block so that no file is needed. CPU time is what holds on a shared machine;
wall time is given beside it. Latency: chunks of 20 ms of the two-channel call at 8 kHz; from the
push that completes a window until its result is there.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

import tonfall
from benchmarks.machine import heading
from tonfall.analysis import analyze_blocks
from tonfall.arrays import FloatArray
from tonfall.audio import AudioInfo, read, resample
from tonfall.streaming import WindowScored

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "call.wav"
RATE = 16_000


def mono_call() -> FloatArray:
    """The example call's channels mixed, at 16 kHz: (1, samples)."""
    waveform, rate = read(EXAMPLE)
    return resample(waveform.mean(axis=0, keepdims=True), source_rate=rate)


def blocks(seconds: float) -> Iterator[FloatArray]:
    """The mixed call over and over, a second at a time."""
    call = mono_call()
    tiled = np.concatenate([call, call], axis=1)
    for second in range(int(seconds)):
        start = second * RATE % call.shape[1]
        yield tiled[:, start : start + RATE]


def info_of(seconds: float) -> AudioInfo:
    """What a header of such a recording would say."""
    return AudioInfo("tiled.wav", RATE, 1, int(seconds) * RATE, "WAV/PCM_16")


def hour(model: str, *, speakers: int | None, runs: int = 3) -> tuple[float, float]:
    """Times real time of an hour's file, by CPU and by wall: the best run of a noisy machine.

    Args:
        model: bundled.
        speakers: in the file's one channel; None to tell them apart first, the default of analyze.
        runs: the best of them counts.
    """
    predictor = tonfall.load(model)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "hour.wav"
        with soundfile.SoundFile(file, "w", RATE, 1) as sound:
            for block in blocks(3600):
                sound.write(block[0])
        found = []
        for _ in range(runs):
            cpu, wall = time.process_time(), time.perf_counter()
            tonfall.analyze(file, model=predictor, speakers=speakers)
            found.append((time.process_time() - cpu, time.perf_counter() - wall))
    return 3600 / min(cpu for cpu, _ in found), 3600 / min(wall for _, wall in found)


def peak_megabytes(seconds: float) -> float:
    """Peak memory of a fresh process that analyses that much."""
    code = f"import benchmarks.speed as s; s.print_peak({seconds})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def print_peak(seconds: float) -> None:
    """What :func:`peak_megabytes` runs."""
    analyze_blocks(blocks(seconds), info=info_of(seconds), predictor=tonfall.load("small"))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def latency(model: str) -> tuple[float, float, float, float]:
    """Median and 95 % of the milliseconds to a result; CPU ms a window; CPU ms a second."""
    waveform, rate = read(EXAMPLE)
    stream = tonfall.Stream(model, sampling_rate=rate, channels=2)
    waits, cpu_windows, windows = [], 0.0, 0
    cpu_all = time.process_time()
    for start in range(0, waveform.shape[1], rate // 50):
        cpu, wall = time.process_time(), time.perf_counter()
        events = stream.push(waveform[:, start : start + rate // 50])
        scored = sum(isinstance(event, WindowScored) for event in events)
        if scored:
            waits.append(1000 * (time.perf_counter() - wall))
            cpu_windows += 1000 * (time.process_time() - cpu)
            windows += scored
    total = 1000 * (time.process_time() - cpu_all) / (waveform.shape[1] / rate)
    median, late = np.percentile(waits, [50, 95])
    return float(median), float(late), cpu_windows / windows, total


def main() -> None:
    """Print the tables."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(heading("Speed and memory on one core"))
    print("\n| what | small | medium | to reach |\n|---|---|---|---|")
    models = ("small", "medium")
    hours = [hour(model, speakers=1) for model in models]
    parted = [hour(model, speakers=None, runs=1) for model in models]
    print(f"| an hour, times real time by CPU | {hours[0][0]:.0f} | {hours[1][0]:.0f} | 150; 100 |")
    print(f"| ... by wall | {hours[0][1]:.0f} | {hours[1][1]:.0f} | |")
    apart = [f"{by_cpu:.0f}" for by_cpu, _ in parted]
    print(f"| an hour, voices told apart first, by CPU | {apart[0]} | {apart[1]} | |", flush=True)
    lines = [latency(model) for model in models]
    rows = (
        ("live call: push to result, median ms", ""),
        ("live call: push to result, p95 ms", "100"),
        ("live call: CPU ms a window", "5"),
        ("live call, both channels judged: CPU ms a second", "4 (one channel)"),
    )
    for number, (name, goal) in enumerate(rows):
        print(f"| {name} | {lines[0][number]:.1f} | {lines[1][number]:.1f} | {goal} |")
    minute, ten_hours = peak_megabytes(60), peak_megabytes(36_000)
    print(f"| peak memory of a minute, MB | {minute:.0f} | | |")
    print(f"| peak memory of ten hours, MB | {ten_hours:.0f} | | {minute + 100:.0f} |")


if __name__ == "__main__":
    main()
