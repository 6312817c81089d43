"""The protocols ``calls`` and ``site``: models with a baseline, each with a report of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tonfall.lab.calls_protocol import evaluate_calls
from tonfall.lab.conditions import check_conditions
from tonfall.lab.experiment import Experiment, check_output, slug
from tonfall.lab.measuring import pooled_corpora
from tonfall.lab.models import baseline_facts, baseline_model
from tonfall.lab.progress import Progress, no_progress
from tonfall.lab.site_protocol import evaluate_site

if TYPE_CHECKING:
    from tonfall.evaluation.calls_report import CallsReport
    from tonfall.evaluation.nested_report import NestedReport
    from tonfall.evaluation.sites_report import SiteReport
    from tonfall.learn.degrade import Degradation

    OwnReport = CallsReport | SiteReport | NestedReport

__all__ = ["OWN_REPORTS", "calls_reports", "measure_calls", "save_own"]

OWN_REPORTS = ("calls", "site")
"""Protocols that are measured here, over the corpora at hand or those named: site/emovo+emodb."""


def measure_calls(
    experiment: Experiment, output: str | Path, *, progress: Progress = no_progress
) -> Iterator[tuple[CallsReport | SiteReport, Path]]:
    """A report a model and condition, written as calls.json and calls.md, or site.json and site.md.

    Raises:
        ConfigError: a model that is neither a bundle nor a trained recipe.
        TonfallError: as measuring does.
    """
    output = Path(output)
    check_output(output)
    conditions = (None, *experiment.degradations)
    for report, chain in calls_reports(experiment, conditions, progress=progress):
        folder = output / slug(experiment.protocol)
        folder = folder / slug(f"{report.model.name}-{report.model.kind}")
        folder = folder if chain is None else folder / slug(chain.name)
        yield report, save_own(report, folder, experiment.family)


def calls_reports(
    experiment: Experiment, conditions: Sequence[Degradation | None], *, progress: Progress
) -> Iterator[tuple[CallsReport | SiteReport, Degradation | None]]:
    """A report a model and condition, None for clean audio.

    Raises:
        ConfigError: a model that is neither a bundle nor a trained recipe.
        TonfallError: as measuring does.
    """
    check_conditions(experiment)
    models = {reference: baseline_model(reference) for reference in experiment.models}
    corpora = experiment.named_corpora or experiment.corpora_at_hand
    items = pooled_corpora(corpora, experiment.places, progress)
    evaluate = evaluate_calls if experiment.family == "calls" else evaluate_site
    for reference, model in models.items():
        for chain in conditions:
            report = evaluate(
                model,
                items,
                facts=baseline_facts(reference),
                corpora=corpora,
                degradation=chain,
                seed=experiment.rules.seed,
                progress=progress,
            )
            yield report, chain


def save_own(report: OwnReport, folder: Path, name: str) -> Path:
    """Write a report as name.json and name.md; gives the path of the JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(report.text() + "\n", encoding="utf-8")
    path = folder / f"{name}.json"
    path.write_text(json.dumps(report.to_json(), ensure_ascii=False) + "\n", encoding="utf-8")
    return path
