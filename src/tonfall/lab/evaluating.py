"""Measuring from a program: one call, one report, nothing written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tonfall.corpora import Places
from tonfall.errors import ConfigError
from tonfall.evaluation.calls_report import CallsReport
from tonfall.evaluation.protocols import Rules
from tonfall.evaluation.protocols.making import DEFAULT
from tonfall.evaluation.reports import Report
from tonfall.evaluation.sites_report import SiteReport
from tonfall.lab.conditions import MATRIX, check_conditions, read_conditions
from tonfall.lab.experiment import Data, Experiment, find_places, one_or_more
from tonfall.lab.measuring import measure_one, open_sounds
from tonfall.lab.measuring_calls import OWN_REPORTS, calls_reports
from tonfall.lab.models import Reference, find_candidate
from tonfall.lab.progress import Progress, no_progress

if TYPE_CHECKING:
    from tonfall.learn.degrade import Degradation

__all__ = ["calls", "evaluate", "site"]


def evaluate(
    model: Reference,
    protocol: str | Path,
    *,
    data: Data | None = None,
    degrade: str | Sequence[str] = "",
    rules: Rules = DEFAULT,
    workers: int | None = None,
    progress: Progress = no_progress,
) -> Report:
    """Measure a model under a protocol, as ``tonfall evaluate`` does.

    Args:
        model: a bundle's name or folder, taken as it is; a recipe's path or a baseline's name,
            trained anew for each fold; a table of predictions; a function of train, development
            and test rows, or its name as ``module:function``.
        protocol: as ``tonfall protocols`` names it, such as "loso/emodb", or the path of one.
        data: corpora that are not in ``manifests/``, ``$TONFALL_DATA`` or ``../shared/data``: by
            name, each a manifest, a table or the folder of a release.
        degrade: what test audio goes through, such as "telephone" or "noise:10"; clean by default.
        rules: ``seed`` of development speakers, folds and intervals, and
            ``allow_shared_speakers``, without which a protocol that shares them is refused.
        workers: processes; as many as there are cores by default. A program that asks for more
            than one has to do its work below ``if __name__ == "__main__":``; a notebook has not.
        progress: called with a `Step` again and again.

    Returns:
        The report: figures with intervals, confusions, groups, every item's scores. ``in_words``
        and ``save_report`` of `tonfall.evaluation.reports` print and write it.

    Raises:
        ConfigError: there is no such model, or it cannot be measured so.
        ManifestError: a corpus is not at hand or not whole.
        ProtocolError: there is no such protocol, it shares speakers, or scores do not fit it.
        AudioError: a clip cannot be read.
        BundleError: the bundle is broken, or fails.
    """
    experiment = Experiment(
        (model,),
        str(protocol),
        find_places(data, [model]),
        _one(degrade),
        rules=rules,
        workers=workers,
    )
    if experiment.family in (MATRIX, *OWN_REPORTS):
        instead = "measure" if experiment.family == MATRIX else experiment.family
        raise ConfigError(f"{protocol} gives another report; ask tonfall.lab.{instead} for it.")
    check_conditions(experiment)
    candidate = find_candidate(model, degraded=bool(degrade))
    sounds = open_sounds(experiment, progress)
    (folds,) = sounds.protocols
    return measure_one(experiment, candidate, folds, sounds.items, progress=progress)


def calls(
    model: Reference,
    corpora: str | Sequence[str] = (),
    *,
    data: Data | None = None,
    degrade: str | Sequence[str] = "",
    seed: int = 0,
    progress: Progress = no_progress,
) -> CallsReport:
    """Measure what a model's baseline gives on calls that are composed of clips.

    Args:
        model: a bundle, judged as it is, or a recipe, fitted anew without each corpus.
        corpora: whose clips are put together, one or a list; those of "loco/four" that are at hand
            by default.
        data: see `evaluate`.
        degrade: see `evaluate`.
        seed: of the calls.
        progress: see `evaluate`.

    Returns:
        The report; ``text()`` is a table, ``to_json()`` for programs.

    Raises:
        ConfigError: the model is neither.
        TonfallError: as `evaluate` does.
    """
    experiment = _over("calls", corpora, model, find_places(data, [model]), _one(degrade), seed)
    conditions = experiment.degradations or (None,)
    ((report, _),) = calls_reports(experiment, conditions, progress=progress)
    assert isinstance(report, CallsReport)
    return report


def site(
    model: Reference,
    corpora: str | Sequence[str] = (),
    *,
    data: Data | None = None,
    degrade: str | Sequence[str] = "",
    seed: int = 0,
    progress: Progress = no_progress,
) -> SiteReport:
    """Measure what unlabelled clips of other speakers give a model, as `adapt` would use them.

    The arguments, the result and the errors are those of `calls`.
    """
    experiment = _over("site", corpora, model, find_places(data, [model]), _one(degrade), seed)
    conditions = experiment.degradations or (None,)
    ((report, _),) = calls_reports(experiment, conditions, progress=progress)
    assert isinstance(report, SiteReport)
    return report


def _over(
    family: str,
    corpora: str | Sequence[str],
    model: Reference,
    places: Places,
    degradations: tuple[Degradation, ...],
    seed: int,
) -> Experiment:
    named = "+".join(one_or_more(corpora))
    protocol = f"{family}/{named}" if named else family
    return Experiment((model,), protocol, places, degradations, rules=Rules(seed=seed))


def _one(degrade: str | Sequence[str]) -> tuple[Degradation, ...]:
    chains = read_conditions(degrade)
    if len(chains) > 1:
        raise ConfigError(
            f"{degrade!r} names {len(chains)} conditions, but a report is of one. Join them with + "
            "where one follows the other, or ask for a report of each."
        )
    return chains
