"""When a line's prior freezes: ``python -m benchmarks.line_jumps FOLDER [--model small]``.

FOLDER holds a folder of clips for each speaker, as CREMA-D's release does. Six clips of a speaker
are one caller; batches of 20 of them are held against 20 or 60 others of the same line, and others
of a line with noise, or of the telephone's band. The distance is that of `tonfall.adaptation.jump`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy.signal import butter, sosfilt

from benchmarks.machine import heading
from tonfall.adaptation import JUMP, LEAST_GATED_S, MOST_GATED_S, Callers, jump
from tonfall.arrays import FloatArray
from tonfall.audio import read
from tonfall.runtime import Baseline, Predictor, load

CLIPS = 6
BATCH = 20
DRAWS = 2000
FAR = 4
"""Spreads between the mean and the one odd caller."""
Change = Callable[[FloatArray, int], FloatArray]
Draw = Callable[[np.random.Generator], float]


def plain(waveform: FloatArray, _rate: int) -> FloatArray:
    """As it is."""
    return waveform


def noisy(waveform: FloatArray, _rate: int) -> FloatArray:
    """With white noise 20 dB below."""
    noise = np.random.default_rng(0).normal(0, 0.1, waveform.shape)
    level = np.sqrt(np.square(waveform).mean())
    return np.clip(waveform + level * noise, -1, 1).astype(np.float32)


def telephone(waveform: FloatArray, rate: int) -> FloatArray:
    """Between 300 and 3400 Hz."""
    band = butter(6, [300, 3400], "band", fs=rate, output="sos")
    return np.clip(sosfilt(band, waveform), -1, 1).astype(np.float32)


def heard(model: Predictor, files: Sequence[Path], change: Change) -> Callers:
    """A caller who said these clips, each judged against the model's own prior."""
    voice: Baseline = model.baseline()
    for file in files:
        waveform, rate = read(file)
        clip = change(waveform, rate)
        voice = _added(model, clip, rate, voice)
    weight = float(np.clip(voice.weight, LEAST_GATED_S, MOST_GATED_S))
    return Callers(voice.total / voice.weight, weight, 0.0, 1)


def _added(model: Predictor, clip: FloatArray, rate: int, voice: Baseline) -> Baseline:
    alone = model.judge(clip, sampling_rate=rate, baseline=model.baseline())[1]
    total, weight = voice.total + alone.total, voice.weight + alone.weight
    seconds = voice.heard + alone.heard
    own = model.baseline()
    return Baseline(model.hash, own.prior, own.prior_weight_s, total, weight, seconds)


def together(callers: Sequence[Callers]) -> Callers:
    """The sum of some."""
    first, *rest = callers
    for each in rest:
        first = first.joined(each)
    return first


def some(rng: np.random.Generator, callers: Sequence[Callers], count: int) -> list[Callers]:
    """So many of them, each once."""
    return [callers[each] for each in rng.permutation(len(callers))[:count]]


def same(callers: Sequence[Callers], before: int) -> Draw:
    """A batch of the same line, after so many others."""

    def draw(rng: np.random.Generator) -> float:
        drawn = some(rng, callers, before + BATCH)
        return jump(together(drawn[:before]), together(drawn[before:]))

    return draw


def odd(callers: Sequence[Callers]) -> Draw:
    """The same with one caller far off, who counts for twice what each other does."""

    def draw(rng: np.random.Generator) -> float:
        drawn = some(rng, callers, 60 + BATCH)
        running = together(drawn[:60])
        way = rng.normal(size=len(running.mean))
        far = running.mean + FAR * running.variance**0.5 * way / np.linalg.norm(way)
        others = [Callers(each.mean, LEAST_GATED_S, 0.0, 1) for each in drawn[61:]]
        return jump(running, together([Callers(far, MOST_GATED_S, 0.0, 1), *others]))

    return draw


def changed(callers: Sequence[Callers], others: Sequence[Callers], count: int, before: int) -> Draw:
    """So many of the batch are of another line."""

    def draw(rng: np.random.Generator) -> float:
        drawn = some(rng, callers, before + BATCH - count)
        batch = drawn[before:] + some(rng, others, count)
        return jump(together(drawn[:before]), together(batch))

    return draw


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="small")
    given = parser.parse_args()
    model = load(given.model)
    rng = np.random.default_rng(0)
    speakers = sorted(each for each in given.folder.iterdir() if each.is_dir())
    chosen = [rng.permutation(sorted(each.iterdir()))[:CLIPS] for each in speakers]
    lines = {
        change.__name__: [heard(model, list(each), change) for each in chosen]
        for change in (plain, noisy, telephone)
    }
    print(heading("When a line's prior freezes", settings={"model": model.name, "seed": 0}))
    print(f"\n{len(speakers)} speakers, {DRAWS} draws a row; frozen above {JUMP:g}.\n")
    print("| the batch is | distance: median | 95 % | most | frozen |\n|---|---|---|---|---|")
    for name, draw in rows(lines).items():
        found = np.array([draw(rng) for _ in range(DRAWS)])
        middle, high, most = np.percentile(found, [50, 95, 100])
        print(f"| {name} | {middle:.2f} | {high:.2f} | {most:.2f} | {(found > JUMP).mean():.0%} |")


def rows(lines: dict[str, list[Callers]]) -> dict[str, Draw]:
    """What is drawn, by name."""
    own, noise, band = lines["plain"], lines["noisy"], lines["telephone"]
    mixed = {
        f"with noise at 20 dB behind {count} of the 20, against 60": changed(own, noise, count, 60)
        for count in (4, 8, 12)
    }
    return {
        "of the same line, against 20": same(own, 20),
        "of the same line, against 60": same(own, 60),
        "with one caller four spreads away, at twice the others' weight, against 60": odd(own),
        **mixed,
        "with noise at 20 dB behind all, against 20": changed(own, noise, BATCH, 20),
        "through 300 to 3400 Hz, against 20": changed(own, band, BATCH, 20),
    }


if __name__ == "__main__":
    main()
