"""Models by conditions by protocols: the work of ``tonfall evaluate``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pandas as pd

from tonfall.corpora import CORPORA, Places, open_corpora
from tonfall.errors import ConfigError, ProtocolError
from tonfall.evaluation.items import mark_silent, pool, protocol_items
from tonfall.evaluation.protocols import (
    FOUR,
    FOUR_CLASSES,
    Protocol,
    Rules,
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
from tonfall.lab.models import Candidate, Setting, find_candidate, is_table

if TYPE_CHECKING:
    from tonfall.cli.measuring_bars import Bars
    from tonfall.learn.degrade import Degradation

__all__ = [
    "ALL_CONDITIONS",
    "Measured",
    "Order",
    "check_degradations",
    "check_output",
    "measure",
    "slug",
]

ALL_CONDITIONS = (
    "telephone",
    "noise:20",
    "noise:10",
    "noise:0",
    "room",
    "loss:5",
    "mp3:32",
    "level:-30",
    "crop:0.6",
)
"""What ``--degrade all`` stands for."""

_MATRIX = "matrix"


@dataclass(frozen=True)
class Order:
    """What is to be measured, and where the results go.

    Attributes:
        models: as the user named them.
        protocol: a protocol's name, or matrix/CORPORA.
        places: of the corpora.
        degradations: conditions beside clean audio.
        output: folder of the results.
        lists: folder of fold lists that the package lacks, or None.
        seed: of development speakers, folds and intervals.
        allow_shared_speakers: goes on where test speakers or recordings were heard in training.
        audio: puts clips into the pages.
        workers: processes; None for as many as there are cores.
        nested: chooses among the models for each left-out corpus, instead of measuring each.
    """

    models: tuple[str, ...]
    protocol: str
    places: Places
    degradations: tuple[Degradation, ...]
    output: Path
    lists: Path | None = None
    seed: int = 0
    allow_shared_speakers: bool = False
    audio: bool = False
    workers: int | None = None
    nested: bool = False

    def command(self, *models: str) -> str:
        """What makes the result again, but for where things lie."""
        words = ["tonfall", "evaluate", *models, "--protocol", self.protocol]
        if self.degradations:
            words += ["--degrade", ",".join(chain.name for chain in self.degradations)]
        words += ["--nested"] if self.nested else []
        words += ["--seed", str(self.seed)] if self.seed else []
        words += ["--allow-shared-speakers"] if self.allow_shared_speakers else []
        return shlex.join(words)


@dataclass(frozen=True)
class Measured:
    """A result and where it was written."""

    result: Report | Matrix
    path: Path


def measure(order: Order, bars: Bars) -> Iterator[Measured]:
    """Measure everything; each report is written as soon as it is made, matrices last.

    Raises:
        TonfallError: as the parts of it do; nothing is written before all input was checked.
    """
    check_degradations(order)
    check_output(order.output)
    degraded = bool(order.degradations)
    candidates = {name: find_candidate(name, degraded=degraded) for name in order.models}
    names = _protocol_names(order)
    pooled = _pooled(order, names, bars)
    protocols = [find_protocol(name, _sources(order, pooled)) for name in names]
    _check_tables(candidates, protocols, pooled)
    reports: dict[str, list[Report]] = {}
    for model, candidate in candidates.items():
        for protocol in protocols:
            for report in _reports(order, model, candidate, protocol, pooled, bars):
                reports.setdefault(model, []).append(report)
                folder = _folder(order.output, report)
                yield Measured(report, save_report(report, folder, audio=order.audio))
    yield from _matrices(order, reports)


def _check_tables(
    candidates: Mapping[str, Candidate], protocols: Sequence[Protocol], pooled: pd.DataFrame
) -> None:
    """Read every table of predictions once, before hours of measuring the models beside it."""
    for model, candidate in candidates.items():
        for protocol in protocols if is_table(model) else ():
            items = protocol_items(pooled, protocol.corpora)
            candidate(Setting(protocol, items, None, None, None))


def _protocol_names(order: Order) -> list[str]:
    family, _, rest = order.protocol.partition("/")
    if family != _MATRIX:
        return [order.protocol]
    corpora = _matrix_corpora(rest, order.places)
    return [f"{kind}/{corpus}" for corpus in corpora for kind in ("within", "from")]


def _matrix_corpora(rest: str, places: Places) -> tuple[str, ...]:
    """The corpora of a matrix: named, those of "four", or by default all at hand with classes."""
    named = FOUR if rest == "four" else tuple(part for part in rest.split("+") if part)
    chosen = named or tuple(_with_classes(places))
    if len(chosen) < 2:
        raise ProtocolError(
            f"{_MATRIX}: the matrix needs two corpora or more with "
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


def _pooled(order: Order, names: Sequence[str], bars: Bars) -> pd.DataFrame:
    corpora = dict.fromkeys(corpus for name in names for corpus in corpora_of(name))
    if any(name.startswith("from/") for name in names) and len(names) == 1:
        corpora |= dict.fromkeys(_with_classes(order.places))
    with bars.stage("checking corpora"):
        pooled = pool(open_corpora(list(corpora), order.places, progress=bars.clips))
    with bars.stage("looking for silent clips"):
        return mark_silent(pooled, progress=bars.clips)


def _sources(order: Order, pooled: pd.DataFrame) -> Sources:
    rules = Rules(seed=order.seed, allow_shared_speakers=order.allow_shared_speakers)
    return Sources(items=pooled, folder=order.lists, rules=rules)


def _reports(
    order: Order,
    model: str,
    candidate: Candidate,
    protocol: Protocol,
    pooled: pd.DataFrame,
    bars: Bars,
) -> Iterator[Report]:
    """A report a condition, clean first."""
    for chain in (None, *order.degradations):
        condition = "clean" if chain is None else chain.name
        alone = replace(order, degradations=() if chain is None else (chain,))
        with bars.stage(f"{model}, {protocol.name}, {condition}"):
            items = protocol_items(pooled, protocol.corpora)
            setting = Setting(protocol, items, chain, order.workers, bars.clips)
            fold_model, facts = candidate(setting)
            results = run(
                protocol,
                pooled,
                fold_model,
                facts,
                allow_shared_speakers=order.allow_shared_speakers,
                progress=_counted(protocol, bars),
            )
        command = alone.command(model)
        yield make_report(
            results,
            command=command,
            condition=condition,
            seed=order.seed,
            created=datetime.now(UTC),
        )


def _counted(protocol: Protocol, bars: Bars) -> Callable[[str], None]:
    places = {fold: place for place, fold in enumerate(protocol.folds)}
    return lambda fold: bars.folds(places[fold], len(places))


def _folder(output: Path, report: Report) -> Path:
    model = report.model.name
    if report.model.kind in ("bundle", "recipe"):
        model += f"-{report.model.kind}"
    folder = output / slug(report.protocol.name) / slug(model)
    return folder if report.condition == "clean" else folder / slug(report.condition)


def slug(name: str) -> str:
    """A name for a file or folder."""
    return re.sub(r"[^\w.-]+", "-", name).strip(".-") or "unnamed"


def _matrices(order: Order, reports: dict[str, list[Report]]) -> Iterator[Measured]:
    folder = order.output / slug(order.protocol)
    if order.protocol.partition("/")[0] == _MATRIX:
        for model, own in reports.items():
            clean = [report for report in own if report.condition == "clean"]
            matrix = replace(corpus_matrix(clean), command=order.command(model))
            yield Measured(matrix, save_matrix(matrix, folder / slug(clean[0].model.title)))
    elif order.degradations:
        every = [report for own in reports.values() for report in own]
        matrix = replace(robustness_matrix(every), command=order.command(*order.models))
        yield Measured(matrix, save_matrix(matrix, folder / "robustness"))


def check_output(folder: Path) -> None:
    """ConfigError where nothing can be written: known before hours of measuring, not after."""
    places = (folder.absolute(), *folder.absolute().parents)
    there = next(place for place in places if place.exists())
    try:
        TemporaryDirectory(dir=there, prefix=".probe-").cleanup()
    except OSError as error:
        raise ConfigError(
            f"{folder}: no reports can be written there ({error.strerror}). "
            "Name another folder with --output."
        ) from None


def check_degradations(order: Order) -> None:
    """ConfigError where both matrices are asked for at once, or noises or rooms are not there."""
    if order.degradations and order.protocol.partition("/")[0] == _MATRIX:
        raise ConfigError(
            f"--degrade does not go with --protocol {order.protocol}: the matrix of corpora is of "
            "clean audio. Ask for one of them."
        )
    for chain in order.degradations:
        if any(step in ("noise", "room") for step, _ in chain.steps):
            chain.sounds()
