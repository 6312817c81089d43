"""How much of a recording's time carries the wrong emotion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tonfall.errors import ProtocolError
from tonfall.evaluation.extras import load
from tonfall.timeline import UNCLEAR

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["emotion_diarization_error"]


def emotion_diarization_error(
    truth: pd.DataFrame, prediction: pd.DataFrame, *, duration: float, neutral: str = "neutral"
) -> dict[str, float]:
    """Emotion diarization error rate (EDER) of one recording.

    Time that is emotional in truth and not in the prediction is missed; the other way round it is
    a false alarm; time that carries another emotion is confused. An emotion said on top of the
    right one is a false alarm too (the paper's "overlap"). What is neutral, unclear or silent
    counts as not emotional. Segments are matched by pyannote.metrics.

    Args:
        truth: rows of start, end (seconds) and label; other columns are ignored. Rows that are
            neutral or "unclear", or whose label is null, may be there or not.
        prediction: the same of what was found.
        duration: of the recording in seconds; the rate is a share of it, as in the paper.
        neutral: the label that is no emotion.

    Returns:
        ``missed``, ``false_alarm``, ``confusion`` in seconds and ``eder``, their sum divided by
        ``duration``; it can pass 1 only where predicted emotions overlap.

    Raises:
        ProtocolError: the duration is not positive, or a segment ends before it starts.

    References:
        Y. Wang, M. Ravanelli and A. Yacoubi, "Speech emotion diarization: which emotion appears
        when?", ASRU 2023.
    """
    if not (np.isfinite(duration) and duration > 0):
        raise ProtocolError(
            f"The recording's duration is {duration} s, but it must be positive. "
            "Give its length in seconds."
        )
    core = load("pyannote.core")
    metric = load("pyannote.metrics.identification").IdentificationErrorRate()
    parts = metric(
        _annotation(core, truth, neutral),
        _annotation(core, prediction, neutral),
        uem=core.Timeline([core.Segment(0.0, duration)]),
        detailed=True,
    )
    seconds = {
        "missed": float(parts["missed detection"]),
        "false_alarm": float(parts["false alarm"]),
        "confusion": float(parts["confusion"]),
    }
    return {**seconds, "eder": sum(seconds.values()) / duration}


def _annotation(core: Any, table: pd.DataFrame, neutral: str) -> Any:
    emotional = table[table["label"].notna() & ~table["label"].isin([neutral, UNCLEAR])]
    if (emotional["end"] < emotional["start"]).any():
        raise ProtocolError("A segment ends before it starts. Give start and end in seconds.")
    annotation = core.Annotation()
    rows = zip(emotional["start"], emotional["end"], emotional["label"], strict=True)
    for track, (start, end, label) in enumerate(rows):
        annotation[core.Segment(float(start), float(end)), track] = label
    return annotation
