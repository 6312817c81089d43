"""What composed calls say of a model: recall by what was heard, anger against false alarms.

A *judged* table has a row a clip of every call: the columns of
`tonfall.evaluation.calls.compose_calls`, and ``truth``, ``prediction``, ``anger`` (its
probability), ``heard`` (seconds of speech before the clip) and ``seconds`` (of speech in it).
Figures of several corpora are the mean of each corpus's own; intervals resample speakers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

from tonfall.errors import ProtocolError
from tonfall.evaluation.additive import Additive, Values, mean, recall, unweighted_recall
from tonfall.evaluation.bootstrap import DRAWS, Interval, Resampling

__all__ = [
    "ALARMS_PER_HOUR",
    "HEARD",
    "JUDGED",
    "NESTED_ALARMS",
    "CallFigure",
    "Measure",
    "anger_found",
    "call_figures",
    "called_angry",
    "corpus_figure",
    "unweighted",
]

JUDGED = ("kind", "corpus", "speaker", "position", "item", "truth", "prediction")
"""Columns that every figure needs; alarms and seconds heard need anger, heard and seconds too."""

HEARD: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "nothing": (-1, 0),
        "up to 5 s": (0, 5),
        "5 to 15 s": (5, 15),
        "15 to 30 s": (15, 30),
        "more than 30 s": (30, np.inf),
    }
)
"""Seconds of speech before a clip: more than the first, at most the second."""

ALARMS_PER_HOUR = (20.0, 50.0, 100.0, 200.0)
"""False alarms an hour of speech that is not angry, as a mean over corpora, at one threshold for
all of them; a clip is one alarm at most."""

NESTED_ALARMS = (10.0, 20.0, 50.0)
"""The same, but the threshold for each corpus is chosen on the scores of the others."""

_ALARM_KINDS = ("mostly_neutral", "turns_angry", "neutral_only")
"""Calls as they come: what is angry from the start would leave no speech to alarm falsely."""


@dataclass(frozen=True, slots=True)
class CallFigure:
    """One row of the report.

    Attributes:
        name: what was measured, such as "mixed, UA".
        group: "kinds", "heard", "alarms" or "nested".
        unit: "per cent" or "an hour".
        interval: the figure with its bounds, in that unit; NaN where nothing of it was heard, and
            bounds NaN where no corpus has two speakers.
        corpora: the figure of each corpus.
    """

    name: str
    group: str
    unit: str
    interval: Interval
    corpora: Mapping[str, float]


Measure = Callable[[pd.DataFrame], Additive]
"""Judged rows of one corpus to their figure."""


def call_figures(judged: pd.DataFrame, *, seed: int = 0, draws: int = DRAWS) -> list[CallFigure]:
    """Every figure of judged calls.

    Args:
        judged: see the module's text.
        seed: of the intervals; two models judged on the same calls meet the same draws.
        draws: of the bootstrap.

    Raises:
        ProtocolError: a column is missing.
    """
    wanted = {*JUDGED, "anger", "heard", "seconds"}
    if missing := sorted(wanted - set(judged.columns)):
        raise ProtocolError(
            f"The judged calls have no column {missing[0]!r}; {', '.join(sorted(wanted))} are "
            "needed."
        )
    builder = _Builder(judged, seed, draws)
    return [*builder.kinds(), *builder.heard(), *builder.alarms(), *builder.nested_alarms()]


class _Builder:
    """Figures of one table, all with draws from the same seed."""

    def __init__(self, judged: pd.DataFrame, seed: int, draws: int) -> None:
        self._judged = judged
        self._of_kind = {str(kind): rows for kind, rows in judged.groupby("kind")}
        self._seed, self._draws = seed, draws

    def kinds(self) -> list[CallFigure]:
        first = self._judged[self._judged["position"] == 0]
        first = first.drop_duplicates(["corpus", "speaker", "item"])
        rows = (
            ("first clip of a call, UA", first, unweighted, "per cent"),
            ("mostly neutral, UA", self._kind("mostly_neutral"), unweighted, "per cent"),
            ("mixed, UA", self._kind("mixed"), unweighted, "per cent"),
            ("angry from the start: found", self._kind("angry_start"), anger_found, "per cent"),
            ("turns angry: found", self._kind("turns_angry"), anger_found, "per cent"),
            ("neutral only: called angry", self._kind("neutral_only"), called_angry, "per cent"),
            ("neutral only: false alarms", self._kind("neutral_only"), _per_hour, "an hour"),
        )
        return [
            self._figure(name, "kinds", table, measure, unit) for name, table, measure, unit in rows
        ]

    def heard(self) -> list[CallFigure]:
        blend = self._kind("mostly_neutral")
        return [
            self._figure(
                f"mostly neutral after hearing {name}, UA",
                "heard",
                blend[(blend["heard"] > low) & (blend["heard"] <= high)],
                unweighted,
                "per cent",
            )
            for name, (low, high) in HEARD.items()
        ]

    def alarms(self) -> list[CallFigure]:
        """Anger found at fixed false alarms, by one threshold for all corpora."""
        calls = pd.concat([self._kind(kind) for kind in _ALARM_KINDS])
        return [
            self._figure(
                f"anger found at {rate:g} false alarms an hour",
                "alarms",
                calls,
                _found_above(threshold),
                "per cent",
            )
            for rate, threshold in zip(
                ALARMS_PER_HOUR, _thresholds(calls, ALARMS_PER_HOUR), strict=True
            )
        ]

    def nested_alarms(self) -> list[CallFigure]:
        """Anger found by a budget whose threshold the other corpora gave, and the real alarms."""
        calls = pd.concat([self._kind(kind) for kind in _ALARM_KINDS])
        corpora = sorted(set(calls["corpus"]))
        if len(corpora) < 2:
            return []
        chosen = {
            corpus: _thresholds(calls[calls["corpus"] != corpus], NESTED_ALARMS)
            for corpus in corpora
        }
        figures = []
        for place, rate in enumerate(NESTED_ALARMS):
            at = {corpus: thresholds[place] for corpus, thresholds in chosen.items()}
            name = f"budget of {rate:g} an hour, nested"
            figures += [
                self._figure(f"{name}: anger found", "nested", calls, _found_at(at), "per cent"),
                self._figure(f"{name}: false alarms", "nested", calls, _alarms_at(at), "an hour"),
            ]
        return figures

    def _kind(self, kind: str) -> pd.DataFrame:
        return self._of_kind.get(kind, self._judged.iloc[:0])

    def _figure(
        self, name: str, group: str, rows: pd.DataFrame, measure: Measure, unit: str
    ) -> CallFigure:
        return corpus_figure(
            name, rows, measure, group=group, unit=unit, seed=self._seed, draws=self._draws
        )


def corpus_figure(
    name: str,
    rows: pd.DataFrame,
    measure: Measure,
    *,
    group: str,
    unit: str = "per cent",
    seed: int = 0,
    draws: int = DRAWS,
) -> CallFigure:
    """A figure as the mean of each corpus's own, its interval from resampling speakers.

    Args:
        name: what is measured.
        rows: corpus, speaker, and whatever ``measure`` needs; a row a judged clip.
        measure: the rows of a corpus to its figure.
        group: part of the report.
        unit: "per cent", which scales by 100, or another.
        seed: of the draws, the same for every figure.
        draws: of the bootstrap.
    """
    rng = np.random.default_rng(seed)
    scale = 100.0 if unit == "per cent" else 1.0
    points: dict[str, float] = {}
    drawn: list[Values] = []
    tells = False
    for corpus, own in rows.groupby("corpus", sort=True):
        figure = measure(own)
        points[str(corpus)] = scale * figure.point
        resampling = Resampling(own["speaker"].tolist(), rng=rng, draws=draws)
        drawn.append(scale * resampling.draws(figure))
        tells |= resampling.tells and bool(np.isfinite(figure.point))
    interval = _interval(list(points.values()), drawn)
    # One speaker a corpus: every draw is the figure itself, which would look like certainty.
    interval = interval if tells else replace(interval, low=np.nan, high=np.nan)
    return CallFigure(name, group, unit, interval, points)


def _interval(points: Sequence[float], drawn: Sequence[Values]) -> Interval:
    """Mean over corpora, and of each draw over corpora; a corpus without the figure is left out."""
    known = [each for each, point in zip(drawn, points, strict=True) if np.isfinite(point)]
    if not known:
        return Interval(np.nan, np.nan, np.nan)
    means = np.ma.masked_invalid(np.stack(known)).mean(axis=0).compressed()
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(np.nanmean(points)), float(low), float(high))


def unweighted(rows: pd.DataFrame) -> Additive:
    """Recall of each class that the truth holds, averaged."""
    truth = rows["truth"].tolist()
    return unweighted_recall(truth, rows["prediction"].tolist(), labels=sorted(set(truth)))


def anger_found(rows: pd.DataFrame) -> Additive:
    """Share of the angry clips that are called so."""
    return recall(rows["truth"].tolist(), rows["prediction"].tolist(), label="anger")


def called_angry(rows: pd.DataFrame) -> Additive:
    """Share of all clips that are called angry."""
    return mean(rows["prediction"] == "anger")


def _per_hour(rows: pd.DataFrame) -> Additive:
    return _share(rows["prediction"] == "anger", rows["seconds"] / 3600)


def _thresholds(rows: pd.DataFrame, wanted: Sequence[float]) -> list[float]:
    """For each rate the lowest threshold that keeps to it, as a mean over corpora.

    A threshold for each corpus would take out by hindsight what a baseline has to learn: rooms
    and voices whose scores lie higher than others'. Infinite where even the surest is too many.
    """
    candidates = np.unique(rows["anger"].to_numpy(np.float64))[::-1]
    rates = [
        _false_alarms(own, candidates)
        for _, own in rows[rows["truth"] != "anger"].groupby("corpus", sort=True)
    ]
    if not rates:
        return [np.inf] * len(wanted)
    mean_rate = np.mean(rates, axis=0)
    allowed = [candidates[mean_rate <= rate] for rate in wanted]
    return [float(each[-1]) if len(each) else np.inf for each in allowed]


def _false_alarms(rows: pd.DataFrame, thresholds: Values) -> Values:
    """(thresholds,) alarms an hour among rows that are not angry."""
    scores = np.sort(rows["anger"].to_numpy(np.float64))
    alarms = len(scores) - np.searchsorted(scores, thresholds, side="left")
    return np.asarray(alarms / (rows["seconds"].sum() / 3600), np.float64)


def _found_above(threshold: float) -> Measure:
    def measure(rows: pd.DataFrame) -> Additive:
        angry = rows["truth"] == "anger"
        return _share(angry & (rows["anger"] >= threshold), angry)

    return measure


def _found_at(thresholds: Mapping[str, float]) -> Measure:
    """Anger found in a corpus at the threshold that the others gave."""
    return lambda rows: _found_above(thresholds[str(rows["corpus"].iloc[0])])(rows)


def _alarms_at(thresholds: Mapping[str, float]) -> Measure:
    """Alarms an hour of what is not angry, likewise."""

    def measure(rows: pd.DataFrame) -> Additive:
        calm = rows["truth"] != "anger"
        alarms = calm & (rows["anger"] >= thresholds[str(rows["corpus"].iloc[0])])
        return _share(alarms, calm * rows["seconds"] / 3600)

    return measure


def _share(above: npt.ArrayLike, below: npt.ArrayLike) -> Additive:
    """Sum of one over sum of the other; NaN where the other sums to nothing."""
    return Additive(np.stack([above, below], axis=1).astype(np.float64), _quotient)


def _quotient(sums: Values) -> Values:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums[..., 0] / sums[..., 1])
