"""The protocols ``calls`` and ``site`` for ``tonfall evaluate``, each with a report of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tonfall.corpora import open_corpora
from tonfall.errors import ConfigError
from tonfall.evaluation.items import mark_silent, pool
from tonfall.evaluation.protocols import FOUR
from tonfall.evaluation.running import ModelFacts
from tonfall.lab.measuring import Order, check_degradations, slug

if TYPE_CHECKING:
    from tonfall.evaluation.calls_report import CallsReport
    from tonfall.evaluation.nested_report import NestedReport
    from tonfall.evaluation.sites_report import SiteReport
    from tonfall.learn.degrade import Degradation
    from tonfall.learn.recipe import Recipe
    from tonfall.runtime import Predictor

    OwnReport = CallsReport | SiteReport | NestedReport

__all__ = ["OWN_REPORTS", "at_hand", "measure_own", "save_own"]

OWN_REPORTS = ("calls", "site")
"""Protocols that are measured here, over the corpora at hand or those named: site/emovo+emodb."""

_RECIPES = frozenset({".yaml", ".yml"})


def measure_own(
    order: Order, *, say: Callable[[str], object]
) -> Iterator[tuple[CallsReport | SiteReport, Path]]:
    """A report a model and condition, written as calls.json and calls.md, or site.json and site.md.

    Raises:
        ConfigError: a model that is neither a bundle nor a trained recipe.
        TonfallError: as measuring does.
    """
    from tonfall.lab.calls_protocol import evaluate_calls
    from tonfall.lab.site_protocol import evaluate_site

    check_degradations(order)
    models = {name: _model(name) for name in order.models}
    family, _, named = order.protocol.partition("/")
    corpora = [name for name in named.split("+") if name] or at_hand(order)
    items = mark_silent(pool(open_corpora(corpora, order.places)))
    evaluate = evaluate_calls if family == "calls" else evaluate_site
    for name, model in models.items():
        for chain in (None, *order.degradations):
            report = evaluate(
                model,
                items,
                facts=_facts(name),
                corpora=corpora,
                degradation=chain,
                seed=order.seed,
                progress=say,
            )
            yield report, _save(report, order, chain)


def at_hand(order: Order) -> list[str]:
    """Corpora that calls and site take by default.

    Those of loco/four that are there; else all that are; else what is missing is told.
    """
    return [name for name in FOUR if name in order.places] or list(order.places) or list(FOUR)


def _model(reference: str) -> Recipe | Predictor:
    from tonfall.bundle import bundled_models
    from tonfall.learn.classical.recipe import is_classical
    from tonfall.runtime import load

    path = Path(reference)
    if path.suffix in _RECIPES and not is_classical(path):
        from tonfall.learn.extras import require_training

        require_training()
        from tonfall.learn.recipe import read_recipe

        return read_recipe(path)
    if reference in bundled_models() or path.is_dir():
        return load(reference)
    raise ConfigError(
        f"{reference!r} cannot be measured under calls or site: expected a bundle or a recipe that "
        "'tonfall train' takes, because only these have a baseline."
    )


def _facts(reference: str) -> ModelFacts:
    path = Path(reference)
    kind = "recipe" if path.suffix in _RECIPES else "bundle"
    return ModelFacts(path.stem if kind == "recipe" else path.name, kind)


def _save(report: CallsReport | SiteReport, order: Order, chain: Degradation | None) -> Path:
    family = order.protocol.partition("/")[0]
    folder = order.output / slug(order.protocol) / slug(f"{report.model.name}-{report.model.kind}")
    folder = folder if chain is None else folder / slug(chain.name)
    return save_own(report, folder, family)


def save_own(report: OwnReport, folder: Path, name: str) -> Path:
    """Write a report as name.json and name.md; gives the path of the JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(report.text() + "\n", encoding="utf-8")
    path = folder / f"{name}.json"
    path.write_text(json.dumps(report.to_json(), ensure_ascii=False) + "\n", encoding="utf-8")
    return path
