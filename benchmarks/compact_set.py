"""Would fewer descriptors carry over better than eGeMAPS? ``python -m benchmarks.compact_set``.

For each corpus of loco/four the descriptors are chosen on the other four alone: one after the
other, each time the one with which a linear discriminant finds the most on corpora left out of
these four. Support vector machine (that of egemaps-svm), logistic regression (that of
egemaps-logistic) and the discriminant then learn from the four, and the fifth is judged once.
Beside them stands eGeMAPS whole, on the same clips. Candidates are eGeMAPS's 88 numbers, or with
``--wide`` those of `benchmarks.compact_candidates`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression

from benchmarks.compact_candidates import candidates
from benchmarks.machine import heading
from tonfall.contents import code_hash, joint_hash
from tonfall.corpora import open_corpora, read_places
from tonfall.corpora.clips import clips_of
from tonfall.corpora.contents import cache_folder
from tonfall.corpora.sounds import ClipSound
from tonfall.evaluation.additive import unweighted_recall
from tonfall.evaluation.comparison import compare_figures
from tonfall.evaluation.items import mark_silent, pool, protocol_items
from tonfall.evaluation.protocols import FOUR, FOUR_CLASSES, Sources, find_protocol
from tonfall.features.rows import functionals
from tonfall.features.sets import SETS
from tonfall.learn.classical.kernel_svm import RbfSvm
from tonfall.workers import worker_pool

CLASSES = tuple(FOUR_CLASSES.keep)
_SHRUNK = 0.1
"""Share of the mean variance that is added to each in the discriminant."""
_INNER = 700
"""Clips of a corpus that a choice is judged on, at most: drawn once, by seed 0."""
_AT_ONCE = 200

_Table = npt.NDArray[np.float64]
_Places = npt.NDArray[np.intp]


def main() -> None:
    """Print what was found and what was chosen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", action="append", default=[], help="CORPUS=FOLDER")
    parser.add_argument("--wide", action="store_true", help="choose among all candidates")
    parser.add_argument("--most", type=int, help="clips of a corpus, drawn by seed 0")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 20, 30, 40])
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    rows = drawn(clips(asked.data), asked.most)
    table = described(rows, asked.workers) if asked.wide else egemaps(rows, asked.workers)
    whole = [k for k, name in enumerate(table.columns) if name.startswith("egemaps:")]
    task = Task(table.to_numpy(np.float64), rows)
    chosen = {corpus: task.chosen(corpus, max(asked.sizes)) for corpus in task.corpora}
    counts = rows["corpus"].value_counts().to_dict()
    settings = {"clips": counts, "candidates": len(table.columns), "seed": 0}
    print(heading("A compact set", packages=["numpy", "scikit-learn"], settings=settings))
    columns = {
        f"{size} chosen": {corpus: found[:size] for corpus, found in chosen.items()}
        for size in asked.sizes
    }
    if asked.wide:
        columns["all candidates"] = {corpus: [*range(table.shape[1])] for corpus in task.corpora}
    print(figures(task, columns, whole))
    for corpus, found in chosen.items():
        print(f"- without {corpus}: {', '.join(table.columns[k] for k in found)}")


def clips(data: Sequence[str]) -> pd.DataFrame:
    """The clips of loco/four: item, corpus, speaker, label and where the sound is."""
    places = read_places(data, prepared=cache_folder() / "manifests")
    pooled = mark_silent(pool(open_corpora(list(FOUR), places)))
    protocol = find_protocol("loco/four", Sources(items=pooled))
    rows = protocol_items(pooled, protocol.corpora).set_index("item", drop=False)
    rows = rows.loc[protocol.table["item"].unique()]
    rows = rows.assign(label=np.array(protocol.label_map.apply(rows["label"].tolist()), object))
    return rows[~rows["silent"]].reset_index(drop=True)


def drawn(rows: pd.DataFrame, most: int | None) -> pd.DataFrame:
    """At most that many clips of each corpus."""
    order = pd.Series(np.random.default_rng(0).random(len(rows)))
    rank = order.groupby(rows["corpus"]).rank()
    return rows[rank <= (most or len(rows))].reset_index(drop=True)


def egemaps(rows: pd.DataFrame, workers: int) -> pd.DataFrame:
    """(clips, 88), from the cache that evaluation reads."""
    sounds = [ClipSound(clip) for clip in clips_of(rows)]
    found = functionals(sounds, "egemaps", folder=cache_folder() / "features", workers=workers)
    return pd.DataFrame(found, columns=[f"egemaps:{name}" for name in SETS["egemaps"].columns])


def described(rows: pd.DataFrame, workers: int) -> pd.DataFrame:
    """(clips, candidates), kept by content as it is computed."""
    sounds = [ClipSound(clip) for clip in clips_of(rows)]
    keys = [sound.key() for sound in sounds]
    place = cache_folder() / "benchmarks" / f"compact-{_made_by()}.parquet"
    known = pd.read_parquet(place) if place.is_file() else pd.DataFrame()
    missing = [
        (key, each) for key, each in zip(keys, sounds, strict=True) if key not in known.index
    ]
    place.parent.mkdir(parents=True, exist_ok=True)
    with worker_pool(workers) as processes:
        for first in range(0, len(missing), _AT_ONCE):
            part = missing[first : first + _AT_ONCE]
            found = list(processes.map(_one, [sound for _, sound in part], chunksize=10))
            fresh = pd.DataFrame(found, index=[key for key, _ in part]).astype(np.float32)
            known = pd.concat([known, fresh])
            known.to_parquet(place)
    return known.loc[keys].reset_index(drop=True)


def _made_by() -> str:
    own = Path(__file__).with_name("compact_candidates.py").read_text(encoding="utf-8")
    return joint_hash([code_hash("arrays.py", "audio", "features"), own])[:16]


def _one(sound: ClipSound) -> dict[str, float]:
    return candidates(sound.samples())


@dataclass(frozen=True)
class Task:
    """Descriptors of clips, and whose they are.

    Attributes:
        values: (clips, descriptors); NaN where one is undefined.
        rows: corpus, speaker and label of each clip.
    """

    values: _Table
    rows: pd.DataFrame

    @property
    def corpora(self) -> list[str]:
        """In order."""
        return list(dict.fromkeys(self.rows["corpus"]))

    @cached_property
    def classes(self) -> _Places:
        """(clips,) place of the label in `CLASSES`."""
        return np.array([CLASSES.index(label) for label in self.rows["label"]], np.intp)

    @cached_property
    def corpus(self) -> npt.NDArray[np.object_]:
        """(clips,)."""
        return self.rows["corpus"].to_numpy(object)

    def chosen(self, left_out: str, size: int) -> list[int]:
        """Descriptors in the order in which they were chosen, by the other corpora alone."""
        others = [name for name in self.corpora if name != left_out]
        inner = [
            (Discriminant(self, [name for name in others if name != held]), self._held(held))
            for held in others
        ]
        found: list[int] = []
        while len(found) < size:
            gains = [
                -1.0 if k in found else self._mean_recall(inner, [*found, k])
                for k in range(self.values.shape[1])
            ]
            found.append(int(np.argmax(gains)))
        return found

    def _held(self, corpus: str) -> _Places:
        places = np.flatnonzero(self.corpus == corpus)
        if len(places) <= _INNER:
            return places
        return np.random.default_rng(0).choice(places, _INNER, replace=False)

    def _mean_recall(
        self, inner: Sequence[tuple[Discriminant, _Places]], columns: list[int]
    ) -> float:
        return float(
            np.mean([recall(self.classes[at], model.predict(columns, at)) for model, at in inner])
        )


class Discriminant:
    """Linear discriminant of some corpora, every corpus and class of which weighs alike."""

    def __init__(self, task: Task, corpora: Sequence[str]) -> None:
        known = np.isin(task.corpus, list(corpora))
        self._scaled = scaled(task.values, known)
        weight = np.zeros(len(known))
        for corpus in corpora:
            for label in range(len(CLASSES)):
                cell = (task.corpus == corpus) & (task.classes == label)
                weight[cell] = 1 / max(cell.sum(), 1)
        weight /= weight.sum()
        shares = [weight * (task.classes == label) for label in range(len(CLASSES))]
        self._means = np.stack([share @ self._scaled / share.sum() for share in shares])
        rest = self._scaled - self._means[task.classes]
        self._spread = (rest * weight[:, None]).T @ rest

    def predict(self, columns: list[int], places: _Places) -> _Places:
        """(places,) the class of each clip, by these descriptors."""
        at = np.array(columns, np.intp)
        spread = self._spread[at[:, None], at]
        spread = spread + _SHRUNK * np.eye(len(columns)) * np.trace(spread) / len(columns)
        means = self._means[:, columns]
        weights = np.linalg.solve(spread, means.T)
        offset = -0.5 * (means.T * weights).sum(axis=0)
        scores = self._scaled[places[:, None], at] @ weights + offset
        return np.asarray(scores.argmax(axis=1))


def scaled(values: _Table, known: npt.NDArray[np.bool_]) -> _Table:
    """By mean and deviation of the known rows; what is undefined is their mean."""
    mean, deviation = np.nanmean(values[known], axis=0), np.nanstd(values[known], axis=0)
    deviation = np.where(deviation > 0, deviation, 1)
    return np.asarray(np.nan_to_num((values - mean) / deviation))


def recall(truth: _Places, prediction: _Places) -> float:
    """Unweighted; 0 for a class that is not there."""
    hits = np.bincount(truth[truth == prediction], minlength=len(CLASSES))
    return float((hits / np.maximum(np.bincount(truth, minlength=len(CLASSES)), 1)).mean())


def judged(task: Task, columns: Mapping[str, list[int]], kind: str) -> _Places:
    """(clips,) the class of each, by a classifier that learnt from the other corpora."""
    result = np.zeros(len(task.classes), np.intp)
    for corpus in task.corpora:
        places, known = np.flatnonzero(task.corpus == corpus), task.corpus != corpus
        if kind == "discriminant":
            others = [name for name in task.corpora if name != corpus]
            result[places] = Discriminant(task, others).predict(columns[corpus], places)
            continue
        values = scaled(task.values[:, columns[corpus]], known)
        fitted = _classifier(kind).fit(values[known], task.classes[known])
        result[places] = fitted.predict(values[places])
    return result


def _classifier(kind: str) -> Any:
    if kind == "svm":
        return RbfSvm(1.0)
    return LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000)


def figures(
    task: Task, columns: Mapping[str, Mapping[str, list[int]]], whole: Sequence[int]
) -> str:
    """Recall of each choice and classifier, and how it differs from eGeMAPS on the same clips."""
    lines = [
        "| classifier | descriptors | recall | mean of folds | more than eGeMAPS |",
        "|---|---|---|---|---|",
    ]
    everywhere = {corpus: list(whole) for corpus in task.corpora}
    for kind in ("svm", "logistic", "discriminant"):
        base = judged(task, everywhere, kind)
        lines.append(f"| {kind} | eGeMAPS, all 88 | {_recalls(task, base)} | |")
        for name, chosen in columns.items():
            found = judged(task, chosen, kind)
            lines.append(f"| | {name} | {_recalls(task, found)} | {_gain(task, base, found)} |")
    return "\n".join(lines) + "\n"


def _recalls(task: Task, found: _Places) -> str:
    folds = [
        100 * recall(task.classes[task.corpus == corpus], found[task.corpus == corpus])
        for corpus in task.corpora
    ]
    return f"{100 * recall(task.classes, found):.1f} | {np.mean(folds):.1f}"


def _gain(task: Task, base: _Places, found: _Places) -> str:
    truth = [CLASSES[k] for k in task.classes]
    first, second = (
        unweighted_recall(truth, [CLASSES[k] for k in each], labels=CLASSES)
        for each in (base, found)
    )
    gained = compare_figures(
        first,
        second,
        speakers=task.rows["speaker"].tolist(),
        strata=task.rows["corpus"].tolist(),
        rng=np.random.default_rng(0),
    ).difference
    return f"{100 * gained.value:+.1f} [{100 * gained.low:+.1f}, {100 * gained.high:+.1f}]"


if __name__ == "__main__":
    main()
