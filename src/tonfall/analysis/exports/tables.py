"""Windows and turns as tables: audformat's segmented index, CSV, Parquet."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import fields
from io import BytesIO, StringIO
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tonfall.analysis.exports.text import utf8
from tonfall.timeline import SAMPLING_RATE, Features, Segment, Timeline, Turn, Window

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "turns_frame",
    "windows_frame",
    "write_turns_csv",
    "write_windows_csv",
    "write_windows_parquet",
]

Numbers = npt.NDArray[np.float64]

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""By these a spreadsheet takes a field for a formula, quoted or not (OWASP, CSV injection)."""
NANOSECONDS_A_SAMPLE = 1_000_000_000 // SAMPLING_RATE


def windows_frame(timeline: Timeline) -> pd.DataFrame:
    """One row a window, under audformat's segmented index.

    Returns:
        Index levels ``file`` (string), ``start`` and ``end`` (timedelta, nanoseconds, exact).
        Columns ``channel``, ``speaker``, ``label``, ``guess``, ``confidence``,
        ``p_<label>`` for each label of the model, ``arousal``, ``valence``, ``dominance``,
        ``speech_ratio``, ``snr_db`` and ``heard``, and those of
        :class:`~tonfall.timeline.Features` where these were measured; what is unknown is missing.
        ``attrs`` has the model's name and hash and whether a baseline was used. Windows of several
        channels may share an index; audformat's own tables want one channel at a time.
    """
    windows = timeline.windows
    frame = _frame(timeline, windows)
    frame["speech_ratio"] = _numbers([window.speech_ratio for window in windows])
    frame["snr_db"] = _numbers([window.snr_db for window in windows])
    frame["heard"] = _numbers([window.heard for window in windows])
    return _with_features(frame, windows)


def turns_frame(timeline: Timeline) -> pd.DataFrame:
    """One row a turn, under the same index and with the same columns up to ``dominance``.

    ``short`` is True where there was less speech than a window needs.
    """
    frame = _frame(timeline, timeline.turns)
    frame["short"] = np.array([turn.short for turn in timeline.turns], dtype=bool)
    return _with_features(frame, timeline.turns)


def write_windows_csv(timeline: Timeline) -> bytes:
    """The windows as CSV, ``start`` and ``end`` in seconds."""
    return _csv(windows_frame(timeline), [window.segment for window in timeline.windows])


def write_turns_csv(timeline: Timeline) -> bytes:
    """The turns as CSV, ``start`` and ``end`` in seconds."""
    return _csv(turns_frame(timeline), [turn.segment for turn in timeline.turns])


def write_windows_parquet(timeline: Timeline) -> bytes:
    """The windows as Parquet; pandas reads it back with its index."""
    buffer = BytesIO()
    windows_frame(timeline).to_parquet(buffer)
    return buffer.getvalue()


def _frame(timeline: Timeline, rows: Sequence[Window] | Sequence[Turn]) -> pd.DataFrame:
    import pandas as pd

    index = _segmented_index(timeline.recording.file, [row.segment for row in rows])
    columns = {
        "channel": np.array([row.channel for row in rows], dtype=np.int64),
        "speaker": pd.array([_text(row.speaker) for row in rows], dtype="string"),
        "label": pd.array([row.label for row in rows], dtype="string"),
        "guess": pd.array([row.guess for row in rows], dtype="string"),
        "confidence": _numbers([row.confidence for row in rows]),
        **_probability_columns(timeline.labels, rows),
        "arousal": _numbers([row.arousal for row in rows]),
        "valence": _numbers([row.valence for row in rows]),
        "dominance": _numbers([row.dominance for row in rows]),
    }
    frame = pd.DataFrame(columns, index=index)
    frame.attrs = {
        "model": timeline.model,
        "model_hash": timeline.model_hash,
        "baseline": timeline.baseline,
    }
    return frame


def _with_features(frame: pd.DataFrame, rows: Sequence[Window] | Sequence[Turn]) -> pd.DataFrame:
    """A column for each feature, where any was measured."""
    if any(row.features for row in rows):
        for each in fields(Features):
            frame[each.name] = _numbers(
                [getattr(row.features, each.name) if row.features else None for row in rows]
            )
    return frame


def _segmented_index(file: str, segments: Sequence[Segment]) -> pd.MultiIndex:
    import pandas as pd

    return pd.MultiIndex.from_arrays(
        [
            pd.array([_text(file)] * len(segments), dtype="string"),
            _times([segment.start for segment in segments]),
            _times([segment.end for segment in segments]),
        ],
        names=["file", "start", "end"],
    )


def _times(samples: Sequence[int]) -> pd.TimedeltaIndex:
    import pandas as pd

    nanoseconds = np.array(samples, dtype=np.int64) * NANOSECONDS_A_SAMPLE
    return pd.TimedeltaIndex(nanoseconds.astype("timedelta64[ns]"))


def _numbers(values: Sequence[float | None]) -> Numbers:
    return np.array(values, dtype=np.float64)


def _probability_columns(
    labels: Sequence[str], rows: Sequence[Window] | Sequence[Turn]
) -> dict[str, Numbers]:
    return {
        f"p_{label}": _numbers(
            [row.probabilities[index] if row.probabilities else None for row in rows]
        )
        for index, label in enumerate(labels)
    }


def _text(text: str) -> str:
    return utf8(text).decode()


def _no_formula(text: str) -> str:
    """Text that a spreadsheet shows: one that it would calculate gets an apostrophe before it.

    >>> _no_formula("=HYPERLINK(1)"), _no_formula("call.wav")
    ("'=HYPERLINK(1)", 'call.wav')
    """
    return f"'{text}" if text.startswith(FORMULAS) else text


def _csv(frame: pd.DataFrame, segments: Sequence[Segment]) -> bytes:
    frame = frame.reset_index()
    for name in ("file", "speaker", "label"):
        frame[name] = frame[name].map(_no_formula, na_action="ignore")
    frame["start"] = [segment.start / SAMPLING_RATE for segment in segments]
    frame["end"] = [segment.end / SAMPLING_RATE for segment in segments]
    buffer = StringIO()
    # All text is quoted: a name may hold a line break of another system.
    frame.to_csv(buffer, index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return utf8(buffer.getvalue())
