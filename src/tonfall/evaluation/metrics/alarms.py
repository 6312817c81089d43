"""What a call centre asks of an alarm: how much is found at a bearable number of false ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tonfall.errors import ProtocolError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FALSE_ALARMS_PER_HOUR", "recall_at_false_alarms"]

FALSE_ALARMS_PER_HOUR = (5.0, 10.0, 20.0, 50.0, 100.0)
"""False alarms an hour of speech that reports are made at."""


def recall_at_false_alarms(
    truth: Sequence[str],
    score: npt.ArrayLike,
    duration: npt.ArrayLike,
    *,
    target: str = "anger",
    per_hour: Sequence[float] = FALSE_ALARMS_PER_HOUR,
) -> pd.DataFrame:
    """Share of ``target`` items found at the lowest threshold that keeps to each false alarm rate.

    An item is an alarm where its score reaches the threshold. False alarms are counted against
    the hours of speech that is *not* the target, so that the share of anger in a corpus does not
    change the figure.

    Args:
        truth: one label an item.
        score: (items,) probability of ``target``, without NaN.
        duration: (items,) seconds of speech.
        target: the label to be found.
        per_hour: largest false alarms an hour to be borne.

    Returns:
        a row a rate: per_hour, threshold, recall, false_alarms_per_hour (the rate reached).
        Threshold is infinite and recall 0 where even the surest item would be too many. All but
        per_hour are NaN where the target, or anything else, does not occur.

    >>> table = recall_at_false_alarms(
    ...     ["anger", "neutral", "anger"], [0.9, 0.5, 0.4], [3600.0, 3600.0, 3600.0],
    ...     per_hour=[0.0, 1.0])
    >>> table["recall"].tolist()
    [0.5, 1.0]
    """
    import pandas as pd

    sure, seconds = np.asarray(score, np.float64), np.asarray(duration, np.float64)
    meant = np.asarray(truth, object) == target
    if not (len(meant) == len(sure) == len(seconds)) or np.isnan(sure).any():
        raise ProtocolError(
            f"There are {len(meant)} labels, {len(sure)} scores and {len(seconds)} durations, or a "
            "score is NaN. Give one of each for every item."
        )
    hours = seconds[~meant].sum() / 3600
    if not meant.any() or not hours > 0:
        return pd.DataFrame({"per_hour": list(per_hour)}).assign(
            threshold=np.nan, recall=np.nan, false_alarms_per_hour=np.nan
        )
    thresholds, found, rate = _sweep(sure, meant, hours)
    last = [int(np.flatnonzero(rate <= limit)[-1]) for limit in per_hour]
    return pd.DataFrame(
        {
            "per_hour": list(per_hour),
            "threshold": thresholds[last],
            "recall": found[last],
            "false_alarms_per_hour": rate[last],
        }
    )


def _sweep(
    score: npt.NDArray[np.float64], meant: npt.NDArray[np.bool_], hours: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Threshold, recall and false alarms an hour, from nothing taken to everything."""
    values, group = np.unique(-score, return_inverse=True)
    hits = np.cumsum(np.bincount(group, meant, minlength=len(values)))
    false = np.cumsum(np.bincount(group, ~meant, minlength=len(values)))
    return (
        np.concatenate([[np.inf], -values]),
        np.concatenate([[0.0], hits / meant.sum()]),
        np.concatenate([[0.0], false / hours]),
    )
