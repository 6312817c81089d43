"""From results to a report: every figure with its interval."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from tonfall.evaluation import metrics
from tonfall.evaluation.groups import GROUPINGS, grouped_rows
from tonfall.evaluation.provenance import stamp, tonfall_version
from tonfall.evaluation.reports.caveats import notes, warnings
from tonfall.evaluation.reports.figures import Judged, figures, judged, ua_of
from tonfall.evaluation.reports.rounding import rounded_probabilities
from tonfall.evaluation.reports.schema import (
    Alarm,
    Bin,
    ClassEntry,
    CoveragePoint,
    Data,
    FoldEntry,
    Group,
    Items,
    Mistake,
    ModelEntry,
    ProtocolEntry,
    Report,
    SharedEntry,
)
from tonfall.evaluation.running import Results

__all__ = ["make_report"]

_CURVE_POINTS = 200
_MISTAKES = 24


def make_report(
    results: Results,
    *,
    command: str,
    condition: str = "clean",
    seed: int = 0,
    created: datetime | None = None,
) -> Report:
    """Measure everything there is to measure of the results.

    Args:
        results: truth and prediction of every test item.
        command: what the user typed; leaderboards repeat it.
        condition: "clean", or the degradation that test audio went through.
        seed: of the bootstrap.
        created: when this is; None leaves it out, and the same results give the same report.
    """
    whole = judged(results)
    several = len(results.protocol.corpora) > 1 and len(results.protocol.folds) > 1
    curve = metrics.risk_coverage(results.confidence, results.correct)
    return Report(
        tonfall=tonfall_version(),
        created=None if created is None else stamp(created),
        command=command,
        condition=condition,
        model=_model(results),
        protocol=_protocol(results),
        data=_data(whole),
        warnings=warnings(results),
        notes=notes(results, speakers=whole.speakers),
        shared=[_shared_entry(entry) for entry in results.shared],
        headline="ua_folds" if several else "ua",
        figures=figures(whole, seed=seed),
        folds=_folds(whole, seed),
        classes=_classes(whole, seed),
        confusion=whole.confusion.tolist(),
        groups={name: found for name in GROUPINGS if (found := _groups(whole, name, seed))},
        reliability=[Bin(**row) for row in _records(_bins(results))],
        risk_coverage=[CoveragePoint(**row) for row in _records(_thinned(curve))],
        alarms=_alarms(whole, seed),
        mistakes=_mistakes(whole),
        items=_items(whole),
    )


def _model(results: Results) -> ModelEntry:
    facts = results.model
    return ModelEntry(
        name=facts.name,
        kind=facts.kind,
        hash=facts.hash,
        trained_on=list(facts.trained_on),
        details=dict(facts.details),
    )


def _protocol(results: Results) -> ProtocolEntry:
    protocol = results.protocol
    return ProtocolEntry(
        name=protocol.name,
        version=protocol.version,
        hash=protocol.hash,
        corpora=list(protocol.corpora),
        labels=list(protocol.labels),
        merge=dict(protocol.label_map.merge),
        drop=sorted(protocol.label_map.drop),
        keep=sorted(protocol.label_map.keep),
    )


def _shared_entry(entry: object) -> SharedEntry:
    return SharedEntry.model_validate(entry, from_attributes=True)


def _data(whole: Judged) -> Data:
    items = whole.results.items
    digest = hashlib.sha256()
    for item, content in sorted(zip(items["item"], items["hash"].astype(str), strict=True)):
        digest.update(f"{item}\x1f{content}\n".encode())
    seconds = items["duration"].astype(float)
    return Data(
        items=len(items),
        speakers=whole.speakers,
        hours=float(seconds.sum() / 3600) if seconds.notna().all() else None,
        hash=digest.hexdigest(),
        silent=list(whole.results.silent),
    )


def _folds(whole: Judged, seed: int) -> list[FoldEntry]:
    fold_names = whole.results.items["fold"].to_numpy()
    entries = []
    for fold in whole.results.protocol.folds:
        part = whole.part(np.flatnonzero(fold_names == fold).tolist())
        entries.append(
            FoldEntry(
                fold=fold, items=len(part.truth), speakers=part.speakers, ua=ua_of(part, seed=seed)
            )
        )
    return entries


def _classes(whole: Judged, seed: int) -> list[ClassEntry]:
    table = metrics.per_class(whole.truth, whole.prediction, labels=whole.labels)
    resampling = whole.resampling(seed)
    return [
        ClassEntry(
            label=row["label"],
            support=row["support"],
            precision=row["precision"],
            recall=whole.recall(row["label"], resampling),
            f1=row["f1"],
        )
        for row in _records(table)
    ]


def _groups(whole: Judged, grouping: str, seed: int) -> list[Group]:
    entries = []
    for name, positions in grouped_rows(whole.results.items, grouping):
        part = whole.part(positions)
        resampling = part.resampling(seed)
        entries.append(
            Group(
                name=name,
                items=len(positions),
                speakers=part.speakers,
                ua=ua_of(part, seed=seed),
                anger=part.recall("anger", resampling),
            )
        )
    return entries


def _bins(results: Results) -> pd.DataFrame:
    return metrics.reliability(results.confidence, results.correct)


def _thinned(curve: pd.DataFrame) -> pd.DataFrame:
    """At most so many points, evenly over coverage, the last one among them."""
    if len(curve) <= _CURVE_POINTS:
        return curve
    places = np.searchsorted(curve["coverage"], np.linspace(0, 1, _CURVE_POINTS))
    return curve.iloc[np.unique(np.minimum(places, len(curve) - 1))]


def _alarms(whole: Judged, seed: int) -> list[Alarm]:
    duration = whole.results.items["duration"].astype(float)
    if "anger" not in whole.labels or duration.isna().any():
        return []
    score = whole.results.probabilities[:, whole.labels.index("anger")]
    table = metrics.recall_at_false_alarms(whole.truth, score, duration)
    resampling = whole.resampling(seed)
    return [
        Alarm(
            per_hour=row["per_hour"],
            threshold=row["threshold"],
            recall=whole.found(score >= row["threshold"], "anger", resampling),
            false_alarms_per_hour=row["false_alarms_per_hour"],
        )
        for row in _records(table)
        if not np.isnan(row["recall"])
    ]


def _mistakes(whole: Judged) -> list[Mistake]:
    """The wrong labels that were given with most confidence."""
    results = whole.results
    wrong = np.flatnonzero(~results.correct)
    worst = wrong[np.argsort(-results.confidence[wrong], kind="stable")][:_MISTAKES]
    return [_mistake(whole, int(index)) for index in worst]


def _mistake(whole: Judged, index: int) -> Mistake:
    row = whole.results.items.iloc[index]
    return Mistake(
        item=row["item"],
        truth=whole.truth[index],
        prediction=whole.prediction[index],
        confidence=float(whole.results.confidence[index]),
        file=None if pd.isna(row["file"]) else str(row["file"]),
        start=_float(row["start"]),
        end=_float(row["end"]),
    )


def _items(whole: Judged) -> Items:
    items = whole.results.items
    true = items.filter(like="true_").rename(columns=lambda name: name.removeprefix("true_"))
    known = true.loc[:, true.notna().any()]
    return Items(
        item=items["item"].tolist(),
        fold=items["fold"].tolist(),
        corpus=items["corpus"].astype(str).tolist(),
        speaker=[None if pd.isna(name) else str(name) for name in items["speaker"]],
        duration=_floats(items["duration"]),
        truth=whole.truth,
        probabilities=rounded_probabilities(whole.results.probabilities, digits=5),
        true_dimensions={str(name): _floats(known[name]) for name in known},
        dimensions={
            str(name): _floats(whole.results.dimensions[name].round(5))
            for name in whole.results.dimensions
        },
    )


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _floats(column: pd.Series[float]) -> list[float | None]:
    return [_float(value) for value in column]


def _float(value: object) -> float | None:
    return None if pd.isna(value) else float(value)  # type: ignore[arg-type, call-overload]
