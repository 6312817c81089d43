"""Clips of sites judged against priors from more and more clips of others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tonfall.adaptation import gated_mean
from tonfall.arrays import FloatArray
from tonfall.evaluation.sites import COUNTS, SiteDraw
from tonfall.lab.call_clips import LABELS
from tonfall.runtime import Baseline

__all__ = ["SiteClips", "judge_sites"]


@dataclass(frozen=True)
class SiteClips:
    """Clips of one corpus, ready to be judged against any prior.

    Attributes:
        items: of the clips, in order.
        heard: a baseline a clip: the model's prior and this clip, as the gate weighs it.
        judge: indices of clips and a (features,) mean to (clips, labels of ``LABELS``).
    """

    items: Sequence[str]
    heard: Sequence[Baseline]
    judge: Callable[[Sequence[int], FloatArray], FloatArray]


def judge_sites(
    parts: Iterable[SiteClips],
    rows: pd.DataFrame,
    draws: Sequence[SiteDraw],
    *,
    counts: Sequence[int] = COUNTS,
) -> tuple[dict[str, pd.DataFrame], dict[str, dict[str, float]]]:
    """For each number of clips the judged rows of all corpora and draws, and the clips used."""
    tables: dict[str, list[pd.DataFrame]] = {f"{count} clips": [] for count in counts}
    used: dict[str, dict[str, float]] = {way: {} for way in tables}
    for clips in parts:
        place = {item: number for number, item in enumerate(clips.items)}
        own = [draw for draw in draws if draw.judged[0] in place]
        for count, way in zip(counts, tables, strict=True):
            heard = [draw.heard(count) for draw in own]
            tables[way] += [
                _judged(clips, place, rows, draw, items)
                for draw, items in zip(own, heard, strict=True)
            ]
            used[way][own[0].corpus] = float(np.mean([len(items) for items in heard]))
    return {way: pd.concat(each) for way, each in tables.items()}, used


def _judged(
    clips: SiteClips,
    place: Mapping[str, int],
    rows: pd.DataFrame,
    draw: SiteDraw,
    heard: Sequence[str],
) -> pd.DataFrame:
    voices = [clips.heard[place[item]] for item in heard]
    prior = clips.heard[0].prior if not voices else gated_mean(voices)
    scores = clips.judge([place[item] for item in draw.judged], prior.astype(np.float32))
    own = rows.loc[list(draw.judged), ["corpus", "speaker", "label"]]
    return own.rename(columns={"label": "truth"}).assign(
        prediction=np.array(LABELS)[scores.argmax(axis=1)]
    )
