"""What the baseline gives, on composed calls of speakers, corpora and rooms never trained on.

    python -m benchmarks.calls recipes/medium.yaml recipes/small.yaml [--degrade noise:20+telephone]

Leave one corpus out over RAVDESS, EmoDB, nEMO, EMOVO and ASED, four classes (calm = neutral);
`tonfall.learn.calls` says how. With --json, the whole reports are kept.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.accuracy import TELEPHONE, TEST_NOISES
from benchmarks.machine import heading
from tonfall.corpora import prepare
from tonfall.evaluation.calls_report import CallsReport
from tonfall.evaluation.items import pool
from tonfall.evaluation.running import ModelFacts
from tonfall.learn.calls import evaluate_calls
from tonfall.learn.degrade import parse_degradation
from tonfall.learn.recipe import read_recipe


def measure(path: Path, degrade: str | None) -> CallsReport:
    """The report of one recipe."""
    recipe = read_recipe(path)
    items = pool([prepare(name, folder)[0] for name, folder in recipe.corpora.items()])
    chain = degrade and parse_degradation(
        degrade, acoustics=recipe.augmentation.acoustics, noises=TEST_NOISES
    )
    facts = ModelFacts(recipe.name, "recipe")
    return evaluate_calls(recipe, items, facts=facts, degradation=chain or None)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="+", type=Path)
    parser.add_argument("--degrade", help=f"such as {TELEPHONE}")
    parser.add_argument("--json", type=Path, help="write the reports here as well")
    options = parser.parse_args()
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
