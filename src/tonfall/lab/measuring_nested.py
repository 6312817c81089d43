"""``tonfall evaluate --nested``: chooses among recipes on some corpora, measures on another."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from tonfall.corpora import open_corpora
from tonfall.errors import ConfigError
from tonfall.evaluation.items import mark_silent, pool, protocol_items
from tonfall.evaluation.nested import Trial, check_corpora, without_corpus
from tonfall.evaluation.nested_report import NestedReport, Setup, nested_report
from tonfall.evaluation.protocols import Protocol, Rules, Sources, corpora_of, find_protocol
from tonfall.evaluation.running import ModelFacts, run
from tonfall.lab.measuring import Order, check_output, slug
from tonfall.lab.measuring_own import at_hand, save_own
from tonfall.lab.models import Candidate, Setting, find_candidate, is_table

if TYPE_CHECKING:
    from tonfall.cli.measuring_bars import Bars
    from tonfall.learn.recipe import Recipe

__all__ = ["measure_nested"]

_ALONE = "clip alone"
_BY_CLIPS = 100
"""Unlabelled clips of a site by which recipes are chosen under ``site``."""


def measure_nested(
    order: Order, bars: Bars, *, say: Callable[[str], object]
) -> tuple[NestedReport, Path]:
    """Measure every recipe twice over, and write nested.json and nested.md.

    Raises:
        ConfigError: fewer than two recipes, something that is none, or --degrade.
        ProtocolError: a protocol that leaves out no corpora, or too few of them.
        TonfallError: as measuring does.
    """
    _check(order)
    check_output(order.output)
    family = order.protocol.partition("/")[0]
    report = _site(order, say) if family == "site" else _loco(order, bars)
    return report, save_own(report, order.output / slug(order.protocol) / "nested", "nested")


def _check(order: Order) -> None:
    if order.degradations:
        raise ConfigError("--degrade does not go with --nested; measure the chosen recipe apart.")
    if order.protocol.partition("/")[0] == "calls":
        raise ConfigError(
            "The protocol calls does not go with --nested; take loco/four, loco/six or site."
        )
    for model in order.models:
        if Path(model).is_dir() or is_table(model) or not _is_fitted(model):
            raise ConfigError(
                f"{model!r} is no recipe (.yaml) and no baseline; --nested chooses among these, "
                "because they can be fitted without each corpus in turn."
            )
    if len(set(order.models)) < 2:
        raise ConfigError(
            "--nested chooses among recipes, but one was given; give two or more, or leave it out."
        )


def _is_fitted(model: str) -> bool:
    from tonfall.learn.classical.recipe import BASELINES

    return model in BASELINES or ":" in model or Path(model).suffix in (".yaml", ".yml")


def _named(order: Order, names: Mapping[str, str]) -> dict[str, str]:
    """What each model is called in the report: its name where no other has that."""
    found = list(names.values())
    return {
        model: names[model] if found.count(names[model]) == 1 else model for model in order.models
    }


def _loco(order: Order, bars: Bars) -> NestedReport:
    candidates = {name: find_candidate(name) for name in dict.fromkeys(order.models)}
    with bars.stage("checking corpora"):
        corpora = list(corpora_of(order.protocol))
        pooled = pool(open_corpora(corpora, order.places, progress=bars.clips))
    with bars.stage("looking for silent clips"):
        pooled = mark_silent(pooled, progress=bars.clips)
    rules = Rules(seed=order.seed, allow_shared_speakers=order.allow_shared_speakers)
    protocol = find_protocol(order.protocol, Sources(items=pooled, folder=None, rules=rules))
    check_corpora(order.protocol, protocol)
    measured = {
        name: _tried(candidate, name, protocol, pooled, order, bars)
        for name, candidate in candidates.items()
    }
    names = _named(order, {name: facts.name for name, (_, facts) in measured.items()})
    return nested_report(
        {names[name]: trial for name, (trial, _) in measured.items()},
        {names[name]: facts for name, (_, facts) in measured.items()},
        Setup(
            order.command(*order.models),
            order.protocol,
            protocol.hash,
            order.seed,
            _ALONE,
            protocol.notes,
        ),
    )


def _tried(
    candidate: Candidate,
    name: str,
    protocol: Protocol,
    pooled: pd.DataFrame,
    order: Order,
    bars: Bars,
) -> tuple[Trial, ModelFacts]:
    items = protocol_items(pooled, protocol.corpora)
    setting = Setting(protocol, items, None, order.workers, bars.clips, calibrated=False)
    model, facts = candidate(setting)

    def judged(folds: Protocol) -> pd.DataFrame:
        with bars.stage(f"{name}, {folds.name}"):
            shared = order.allow_shared_speakers
            results = run(folds, pooled, model, facts, allow_shared_speakers=shared)
        rows = results.items[["corpus", "speaker", "truth"]]
        return rows.assign(prediction=results.prediction)

    inner = {corpus: judged(without_corpus(protocol, corpus)) for corpus in protocol.folds}
    return Trial({_ALONE: judged(protocol)}, inner), facts


def _site(order: Order, say: Callable[[str], object]) -> NestedReport:
    from tonfall.lab.calls_protocol import call_items
    from tonfall.lab.site_recipe import left_out_sites, site_trial

    recipes = {name: _recipe(name) for name in dict.fromkeys(order.models)}
    corpora = [name for name in order.protocol.partition("/")[2].split("+") if name]
    corpora = corpora or at_hand(order)
    items = mark_silent(pool(open_corpora(corpora, order.places)))
    sites = left_out_sites(call_items(items, corpora), seed=order.seed)
    check_corpora(f"loco/{'+'.join(corpora)}", sites.protocol)
    names = _named(order, {name: recipe.name for name, recipe in recipes.items()})
    facts = {names[name]: _facts(name, names[name]) for name in recipes}
    trials = {
        names[name]: site_trial(recipe, sites, chosen_by=_BY_CLIPS, say=say)
        for name, recipe in recipes.items()
    }
    command = order.command(*order.models)
    chosen_by = f"{_BY_CLIPS} clips"
    setup = Setup(command, order.protocol, sites.hash, order.seed, chosen_by, sites.notes)
    return nested_report(trials, facts, setup)


def _facts(reference: str, name: str) -> ModelFacts:
    return ModelFacts(name, "recipe", hashlib.sha256(Path(reference).read_bytes()).hexdigest())


def _recipe(reference: str) -> Recipe:
    from tonfall.learn.classical.recipe import is_classical

    path = Path(reference)
    if path.suffix not in (".yaml", ".yml") or is_classical(path):
        raise ConfigError(
            f"{reference!r} has no baseline, so no prior that a site could give; give recipes that "
            "'tonfall train' takes."
        )
    from tonfall.learn.extras import require_training

    require_training()
    from tonfall.learn.recipe import read_recipe

    return read_recipe(path)
