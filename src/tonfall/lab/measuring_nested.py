"""``tonfall evaluate --nested``: chooses among recipes on some corpora, measures on another."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from tonfall.errors import ConfigError
from tonfall.evaluation.items import protocol_items
from tonfall.evaluation.nested import Trial, check_corpora, without_corpus
from tonfall.evaluation.nested_report import NestedReport, Setup, nested_report
from tonfall.evaluation.protocols import Protocol
from tonfall.evaluation.running import ModelFacts, run
from tonfall.lab.call_clips import call_items
from tonfall.lab.experiment import Experiment, check_output, slug
from tonfall.lab.measuring import Sounds, open_sounds, pooled_corpora
from tonfall.lab.measuring_calls import save_own
from tonfall.lab.models import (
    Candidate,
    Reference,
    Setting,
    find_candidate,
    fitted_recipe,
    is_fitted,
    shown,
)
from tonfall.lab.progress import Progress, no_progress, stage

if TYPE_CHECKING:
    from tonfall.learn.recipe import Recipe

__all__ = ["measure_nested"]

_ALONE = "clip alone"
_BY_CLIPS = 100
"""Unlabelled clips of a site by which recipes are chosen under ``site``."""


def measure_nested(
    experiment: Experiment, output: str | Path, *, progress: Progress = no_progress
) -> tuple[NestedReport, Path]:
    """Measure every recipe twice over, and write nested.json and nested.md.

    Raises:
        ConfigError: fewer than two recipes, something that is none, or --degrade.
        ProtocolError: a protocol that leaves out no corpora, or too few of them.
        TonfallError: as measuring does.
    """
    _check(experiment)
    output = Path(output)
    check_output(output)
    judge = _site if experiment.family == "site" else _loco
    report = judge(experiment, progress)
    return report, save_own(report, output / slug(experiment.protocol) / "nested", "nested")


def _check(experiment: Experiment) -> None:
    if experiment.degradations:
        raise ConfigError("--degrade does not go with --nested; measure the chosen recipe apart.")
    if experiment.family == "calls":
        raise ConfigError(
            "The protocol calls does not go with --nested; take loco/four, loco/six or site."
        )
    for model in experiment.models:
        if not is_fitted(model):
            raise ConfigError(
                f"{str(model)!r} is no recipe (.yaml) and no baseline; --nested chooses among "
                "these, because they can be fitted without each corpus in turn."
            )
    if len(set(experiment.models)) < 2:
        raise ConfigError(
            "--nested chooses among recipes, but one was given; give two or more, or leave it out."
        )


def _named(names: Mapping[Reference, str]) -> dict[Reference, str]:
    """What each model is called in the report: its name where no other has that."""
    found = list(names.values())
    return {
        model: name if found.count(name) == 1 else shown(model) for model, name in names.items()
    }


def _loco(experiment: Experiment, progress: Progress) -> NestedReport:
    candidates = {model: find_candidate(model) for model in dict.fromkeys(experiment.models)}
    sounds = open_sounds(experiment, progress)
    (protocol,) = sounds.protocols
    check_corpora(experiment.protocol, protocol)
    measured = {
        model: _tried(experiment, shown(model), candidate, sounds, progress)
        for model, candidate in candidates.items()
    }
    names = _named({model: facts.name for model, (_, facts) in measured.items()})
    return nested_report(
        {names[model]: trial for model, (trial, _) in measured.items()},
        {names[model]: facts for model, (_, facts) in measured.items()},
        Setup(
            experiment.command(*experiment.models),
            experiment.protocol,
            protocol.hash,
            experiment.rules.seed,
            _ALONE,
            protocol.notes,
        ),
    )


def _tried(
    experiment: Experiment, name: str, candidate: Candidate, sounds: Sounds, progress: Progress
) -> tuple[Trial, ModelFacts]:
    (protocol,) = sounds.protocols
    items = protocol_items(sounds.items, protocol.corpora)

    def judged(folds: Protocol) -> tuple[pd.DataFrame, ModelFacts]:
        with stage(f"{name}, {folds.name}", progress) as steps:
            setting = Setting(protocol, items, None, experiment.workers, steps, calibrated=False)
            model, facts = candidate(setting)
            shared = experiment.rules.allow_shared_speakers
            results = run(folds, sounds.items, model, facts, allow_shared_speakers=shared)
        rows = results.items[["corpus", "speaker", "truth"]]
        return rows.assign(prediction=results.prediction), facts

    inner = {corpus: judged(without_corpus(protocol, corpus))[0] for corpus in protocol.folds}
    plain, facts = judged(protocol)
    return Trial({_ALONE: plain}, inner), facts


def _site(experiment: Experiment, progress: Progress) -> NestedReport:
    from tonfall.lab.site_recipe import left_out_sites, site_trial  # imports PyTorch

    recipes = {model: _recipe(model) for model in dict.fromkeys(experiment.models)}
    corpora = experiment.named_corpora or experiment.corpora_at_hand
    items = pooled_corpora(corpora, experiment.places, progress)
    sites = left_out_sites(call_items(items, corpora), seed=experiment.rules.seed)
    check_corpora(f"loco/{'+'.join(corpora)}", sites.protocol)
    names = _named({model: recipe.name for model, recipe in recipes.items()})
    trials = {
        names[model]: site_trial(recipe, sites, chosen_by=_BY_CLIPS, progress=progress)
        for model, recipe in recipes.items()
    }
    setup = Setup(
        experiment.command(*experiment.models),
        experiment.protocol,
        sites.hash,
        experiment.rules.seed,
        f"{_BY_CLIPS} clips",
        sites.notes,
    )
    facts = {names[model]: _facts(model, names[model]) for model in recipes}
    return nested_report(trials, facts, setup)


def _facts(reference: Reference, name: str) -> ModelFacts:
    content = Path(shown(reference)).read_bytes()
    return ModelFacts(name, "recipe", hashlib.sha256(content).hexdigest())


def _recipe(reference: Reference) -> Recipe:
    recipe = fitted_recipe(reference)
    if recipe is None:
        raise ConfigError(
            f"{shown(reference)!r} has no baseline, so no prior that a site could give; give "
            "recipes that 'tonfall train' takes."
        )
    return recipe
