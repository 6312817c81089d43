"""The protocol ``calls`` for ``tonfall evaluate``: composed calls, baseline on and off."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tonfall.cli.measuring import Order, check_degradations, slug
from tonfall.corpora import open_corpora
from tonfall.errors import ConfigError
from tonfall.evaluation.items import mark_silent, pool
from tonfall.evaluation.protocols import FOUR
from tonfall.evaluation.running import ModelFacts

if TYPE_CHECKING:
    from tonfall.evaluation.calls_report import CallsReport
    from tonfall.learn.degrade import Degradation
    from tonfall.learn.recipe import Recipe
    from tonfall.runtime import Predictor

__all__ = ["measure_calls"]

_RECIPES = frozenset({".yaml", ".yml"})


def measure_calls(
    order: Order, *, say: Callable[[str], object]
) -> Iterator[tuple[CallsReport, Path]]:
    """A report a model and condition, written as calls.json and calls.md.

    Raises:
        ConfigError: a model that is neither a bundle nor a trained recipe.
        TonfallError: as measuring does.
    """
    from tonfall.learn.calls import evaluate_calls

    check_degradations(order)
    models = {name: _model(name) for name in order.models}
    corpora = [name for name in FOUR if name in order.places] or list(order.places) or list(FOUR)
    items = mark_silent(pool(open_corpora(corpora, order.places)))
    for name, model in models.items():
        for chain in (None, *order.degradations):
            report = evaluate_calls(
                model,
                items,
                facts=_facts(name),
                corpora=corpora,
                degradation=chain,
                seed=order.seed,
                progress=say,
            )
            yield report, _save(report, order, chain)


def _model(reference: str) -> Recipe | Predictor:
    from tonfall.bundle import bundled_models
    from tonfall.evaluation.classical_recipe import is_classical
    from tonfall.runtime import load

    path = Path(reference)
    if path.suffix in _RECIPES and not is_classical(path):
        from tonfall.cli.train import _require_training

        _require_training()
        from tonfall.learn.recipe import read_recipe

        return read_recipe(path)
    if reference in bundled_models() or path.is_dir():
        return load(reference)
    raise ConfigError(
        f"{reference!r} cannot be measured on composed calls: expected a bundle or a recipe that "
        "'tonfall train' takes, because only these have a baseline."
    )


def _facts(reference: str) -> ModelFacts:
    path = Path(reference)
    kind = "recipe" if path.suffix in _RECIPES else "bundle"
    return ModelFacts(path.stem if kind == "recipe" else path.name, kind)


def _save(report: CallsReport, order: Order, chain: Degradation | None) -> Path:
    folder = order.output / "calls" / slug(f"{report.model.name}-{report.model.kind}")
    folder = folder if chain is None else folder / slug(chain.name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "calls.md").write_text(report.text() + "\n", encoding="utf-8")
    path = folder / "calls.json"
    path.write_text(json.dumps(report.to_json(), ensure_ascii=False) + "\n", encoding="utf-8")
    return path
