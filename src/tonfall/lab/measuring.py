"""Models by conditions by protocols, as reports and matrices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from tonfall.corpora import CORPORA, Places, open_corpora
from tonfall.errors import ProtocolError
from tonfall.evaluation.items import mark_silent, pool, protocol_items
from tonfall.evaluation.protocols import (
    FOUR,
    FOUR_CLASSES,
    Protocol,
    Sources,
    corpora_of,
    find_protocol,
)
from tonfall.evaluation.reports import (
    Matrix,
    Report,
    corpus_matrix,
    make_report,
    robustness_matrix,
    save_matrix,
    save_report,
)
from tonfall.evaluation.running import run
from tonfall.lab.conditions import MATRIX, check_conditions
from tonfall.lab.experiment import Experiment, check_output, slug
from tonfall.lab.models import Candidate, Reference, Setting, find_candidate, is_table, shown
from tonfall.lab.progress import Progress, no_progress, stage

if TYPE_CHECKING:
    from tonfall.learn.degrade import Degradation

__all__ = ["Measured", "Sounds", "measure", "measure_one", "open_sounds", "pooled_corpora"]


@dataclass(frozen=True)
class Measured:
    """A result and where it was written."""

    result: Report | Matrix
    path: Path


@dataclass(frozen=True, eq=False)
class Sounds:
    """What models are measured on.

    Attributes:
        protocols: one, or those of a matrix.
        items: of all corpora that they need, pooled, silent ones marked.
    """

    protocols: tuple[Protocol, ...]
    items: pd.DataFrame


def measure(
    experiment: Experiment,
    output: str | Path,
    *,
    audio: bool = False,
    progress: Progress = no_progress,
) -> Iterator[Measured]:
    """Measure everything; each report is written as soon as it is made, matrices last.

    Args:
        experiment: what.
        output: folder of the results.
        audio: puts clips into the pages.
        progress: called with each step.

    Raises:
        TonfallError: as the parts of it do; nothing is written before all input was checked.
    """
    check_conditions(experiment)
    output = Path(output)
    check_output(output)
    degraded = bool(experiment.degradations)
    candidates = {model: find_candidate(model, degraded=degraded) for model in experiment.models}
    sounds = open_sounds(experiment, progress)
    _check_tables(candidates, sounds)
    reports: dict[Reference, list[Report]] = {}
    for model, candidate in candidates.items():
        for report in _reports(experiment, model, candidate, sounds, progress):
            reports.setdefault(model, []).append(report)
            yield Measured(report, save_report(report, _folder(output, report), audio=audio))
    yield from _matrices(experiment, output, reports)


def open_sounds(experiment: Experiment, progress: Progress) -> Sounds:
    """The protocols with the corpora that they need.

    Raises:
        ManifestError: a corpus is not at hand, or not whole.
        ProtocolError: there is no such protocol, or the corpora do not give it.
    """
    names = _protocol_names(experiment)
    pooled = _pooled(experiment, names, progress)
    sources = Sources(items=pooled, folder=experiment.lists, rules=experiment.rules)
    return Sounds(tuple(find_protocol(name, sources) for name in names), pooled)


def measure_one(
    experiment: Experiment,
    candidate: Candidate,
    protocol: Protocol,
    pooled: pd.DataFrame,
    *,
    progress: Progress,
) -> Report:
    """The report of the experiment's only model under its only degradation, or on clean audio.

    Args:
        experiment: of one model and at most one degradation.
        candidate: the model.
        protocol: the folds.
        pooled: items of all its corpora.
        progress: called with each step.

    Raises:
        TonfallError: as measuring does.
    """
    (model,), chain = experiment.models, _only(experiment.degradations)
    condition = "clean" if chain is None else chain.name
    with stage(f"{shown(model)}, {protocol.name}, {condition}", progress) as steps:
        places = {fold: place for place, fold in enumerate(protocol.folds)}
        items = protocol_items(pooled, protocol.corpora)
        fold_model, facts = candidate(Setting(protocol, items, chain, experiment.workers, steps))
        results = run(
            protocol,
            pooled,
            fold_model,
            facts,
            allow_shared_speakers=experiment.rules.allow_shared_speakers,
            progress=lambda fold: steps.folds(places[fold], len(places)),
        )
    return make_report(
        results,
        command=experiment.command(model),
        condition=condition,
        seed=experiment.rules.seed,
        created=datetime.now(UTC),
    )


def _only(degradations: Sequence[Degradation]) -> Degradation | None:
    return next(iter(degradations), None)


def _reports(
    experiment: Experiment,
    model: Reference,
    candidate: Candidate,
    sounds: Sounds,
    progress: Progress,
) -> Iterator[Report]:
    """A report a protocol and condition, clean first."""
    for protocol in sounds.protocols:
        for chain in (None, *experiment.degradations):
            degradations = () if chain is None else (chain,)
            alone = replace(experiment, models=(model,), degradations=degradations)
            yield measure_one(alone, candidate, protocol, sounds.items, progress=progress)


def _check_tables(candidates: Mapping[Reference, Candidate], sounds: Sounds) -> None:
    """Read every table of predictions once, before hours of measuring the models beside it."""
    for model, candidate in candidates.items():
        for protocol in sounds.protocols if is_table(model) else ():
            candidate(Setting(protocol, protocol_items(sounds.items, protocol.corpora)))


def _protocol_names(experiment: Experiment) -> list[str]:
    if experiment.family != MATRIX:
        return [experiment.protocol]
    corpora = _matrix_corpora(experiment)
    return [f"{kind}/{corpus}" for corpus in corpora for kind in ("within", "from")]


def _matrix_corpora(experiment: Experiment) -> tuple[str, ...]:
    """The corpora of a matrix: named, those of "four", or by default all at hand with classes."""
    named = FOUR if experiment.named_corpora == ["four"] else tuple(experiment.named_corpora)
    chosen = named or tuple(_with_classes(experiment.places))
    if len(chosen) < 2:
        raise ProtocolError(
            f"{MATRIX}: the matrix needs two corpora or more with "
            f"{', '.join(FOUR_CLASSES.keep)}, but at hand are {', '.join(chosen) or 'none'}. "
            "Give them with --data CORPUS=FOLDER, or name them as in matrix/ravdess+emodb."
        )
    return chosen


def _with_classes(places: Places) -> list[str]:
    """Corpora at hand that have a class of the four; those unknown to Tonfall may."""
    return [
        name
        for name in places
        if name not in CORPORA
        or any(FOUR_CLASSES.name(label) is not None for label in CORPORA[name].labels)
    ]


def _pooled(experiment: Experiment, names: Sequence[str], progress: Progress) -> pd.DataFrame:
    corpora = dict.fromkeys(corpus for name in names for corpus in corpora_of(name))
    if any(name.startswith("from/") for name in names) and len(names) == 1:
        corpora |= dict.fromkeys(_with_classes(experiment.places))
    return pooled_corpora(list(corpora), experiment.places, progress)


def pooled_corpora(corpora: Sequence[str], places: Places, progress: Progress) -> pd.DataFrame:
    """The corpora's items, checked, silent ones marked.

    Raises:
        ManifestError: a corpus is not at hand, or not whole.
    """
    with stage("checking corpora", progress) as steps:
        pooled = pool(open_corpora(corpora, places, progress=steps.clips))
    with stage("looking for silent clips", progress) as steps:
        return mark_silent(pooled, progress=steps.clips)


def _folder(output: Path, report: Report) -> Path:
    model = report.model.name
    if report.model.kind in ("bundle", "recipe"):
        model += f"-{report.model.kind}"
    folder = output / slug(report.protocol.name) / slug(model)
    return folder if report.condition == "clean" else folder / slug(report.condition)


def _matrices(
    experiment: Experiment, output: Path, reports: Mapping[Reference, Sequence[Report]]
) -> Iterator[Measured]:
    folder = output / slug(experiment.protocol)
    if experiment.family == MATRIX:
        for model, own in reports.items():
            clean = [report for report in own if report.condition == "clean"]
            matrix = replace(corpus_matrix(clean), command=experiment.command(model))
            yield Measured(matrix, save_matrix(matrix, folder / slug(clean[0].model.title)))
    elif experiment.degradations:
        every = [report for own in reports.values() for report in own]
        command = experiment.command(*experiment.models)
        matrix = replace(robustness_matrix(every), command=command)
        yield Measured(matrix, save_matrix(matrix, folder / "robustness"))
