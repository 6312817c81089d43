"""What the baseline gives, on composed calls of speakers, corpora and rooms never trained on.

    python -m benchmarks.calls recipes/medium-research.yaml recipes/small-research.yaml
                               [--degrade noise:20+telephone]

Leave one corpus out over RAVDESS, EmoDB, nEMO, EMOVO and ASED, four classes (calm = neutral);
`tonfall.lab.calls_protocol` says how. With --json, the whole reports are kept.

    python -m benchmarks.calls --cost medium small

What the baseline adds to a window of a bundle (its mean, the gate and the update), against the CPU
of hearing a second (voice activity, log-mel, encoding) and judging the window; fastest of five.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import tonfall
from benchmarks.accuracy import TELEPHONE, TEST_NOISES
from benchmarks.machine import heading
from tonfall.arrays import FloatArray
from tonfall.corpora import prepare
from tonfall.evaluation.calls_report import CallsReport
from tonfall.evaluation.items import pool
from tonfall.evaluation.running import ModelFacts
from tonfall.lab.calls_protocol import evaluate_calls
from tonfall.learn.degrade import parse_degradation
from tonfall.learn.recipe import read_recipe
from tonfall.runtime import clip_pieces, gate_weight


def measure(path: Path, degrade: str | None) -> CallsReport:
    """The report of one recipe."""
    recipe = read_recipe(path)
    items = pool([prepare(name, folder)[0] for name, folder in recipe.places.items()])
    chain = degrade and parse_degradation(
        degrade, acoustics=recipe.augmentation.acoustics, noises=TEST_NOISES
    )
    facts = ModelFacts(recipe.name, "recipe")
    return evaluate_calls(recipe, items, facts=facts, degradation=chain or None)


def cost(name: str) -> tuple[float, float]:
    """CPU ms of a window, one second of it new, and of what the baseline adds to it."""
    model = tonfall.load(name)
    second = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    front_end = model.spec.front_end

    def cut() -> tuple[FloatArray, FloatArray, float]:
        return clip_pieces(second, sampling_rate=16_000, front_end=front_end)

    pieces, weights, _ = cut()
    statistics = model.encode(pieces, weights)
    (judgement,) = model.judge_windows(statistics, [None])
    heard = model.baseline().updated(judgement.pooled, seconds=1, gate=judgement.gate)
    assert model.spec.baseline is not None
    gate, probabilities = model.spec.baseline.gate, judgement.affect.probabilities
    window = _cpu_ms(cut) + _cpu_ms(lambda: model.encode(pieces, weights))
    window += _cpu_ms(lambda: model.judge_windows(statistics, [heard]))
    added = _cpu_ms(lambda: np.stack([heard.mean]))
    added += _cpu_ms(lambda: gate_weight(gate, model.labels, probabilities))
    added += _cpu_ms(lambda: heard.updated(judgement.pooled, seconds=1, gate=judgement.gate))
    return window, added


def _cpu_ms(work: Callable[[], object], *, times: int = 200) -> float:
    found = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(times):
            work()
        found.append(1000 * (time.process_time() - start) / times)
    return min(found)


def print_cost(names: list[str]) -> None:
    """The table of --cost."""
    print(heading("What the baseline costs"))
    print("\n| model | CPU ms a window | the baseline adds, ms | share, % |\n|---|---|---|---|")
    for name in names:
        window, added = cost(name)
        print(f"| {name} | {window:.2f} | {added:.4f} | {100 * added / window:.2f} |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", type=Path)
    parser.add_argument("--cost", nargs="+", metavar="BUNDLE", help="time bundles instead")
    parser.add_argument("--degrade", help=f"such as {TELEPHONE}")
    parser.add_argument("--json", type=Path, help="write the reports here as well")
    options = parser.parse_args()
    if options.cost:
        print_cost(options.cost)
        return
    print(heading("Composed calls, leave one corpus out"))
    reports = {}
    for path in options.recipes:
        report = measure(path, options.degrade)
        print(f"\n`{report.model.name}`: {report.text()}", flush=True)
        reports[report.model.name] = report.to_json()
    if options.json:
        options.json.write_text(json.dumps(reports, indent=1) + "\n")


if __name__ == "__main__":
    main()
