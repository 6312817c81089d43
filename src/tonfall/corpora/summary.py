"""What a manifest holds, as figures: classes, speakers, durations and levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tonfall.audio import rms_db
from tonfall.corpora.clips import Clip, clips_of, read_stretch
from tonfall.corpora.manifest import Manifest
from tonfall.emotion.categories import CATEGORIES

__all__ = ["Spread", "Summary", "measure_levels", "summarize"]


@dataclass(frozen=True, slots=True)
class Spread:
    """Lowest, median and highest of some figures; None where there are none."""

    lowest: float | None
    median: float | None
    highest: float | None

    @classmethod
    def of(cls, values: pd.Series[float]) -> Spread:
        """The spread of the values that are known."""
        known = values.dropna()
        if known.empty:
            return cls(None, None, None)
        return cls(float(known.min()), float(known.median()), float(known.max()))


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures about a manifest.

    Attributes:
        items: rows.
        hours: of sound.
        speakers: persons; items without a speaker are not counted.
        classes: canonical name, or "none", to the number of items.
        speakers_by_class: the same to the number of persons.
        sexes, languages, splits: value to the number of items; "unknown" where null.
        duration: seconds.
        level_db: RMS level in dB of full scale, of ``levels_measured`` items.
    """

    items: int
    hours: float
    speakers: int
    classes: Mapping[str, int]
    speakers_by_class: Mapping[str, int]
    sexes: Mapping[str, int]
    languages: Mapping[str, int]
    splits: Mapping[str, int]
    duration: Spread
    level_db: Spread
    levels_measured: int


def summarize(manifest: Manifest, levels: pd.Series[float]) -> Summary:
    """The figures of a manifest.

    Args:
        manifest: what to count.
        levels: dB of full scale by item, as of `measure_levels`; may be empty.
    """
    frame = manifest.frame
    person = frame["corpus"].fillna("") + "/" + frame["speaker"]
    labels = frame["label"].fillna("none")
    return Summary(
        items=len(frame),
        hours=float(frame["duration"].sum()) / 3600,
        speakers=person.nunique(),
        classes=_in_order(labels.value_counts()),
        speakers_by_class=_in_order(person.groupby(labels).nunique()),
        sexes=_counts(frame["sex"]),
        languages=_counts(frame["language"]),
        splits=_counts(frame["split"]),
        duration=Spread.of(frame["duration"]),
        level_db=Spread.of(levels),
        levels_measured=len(levels),
    )


def _in_order(counts: pd.Series[int]) -> dict[str, int]:
    """Counts in the canonical order of the classes, "none" last."""
    return {name: int(counts[name]) for name in (*CATEGORIES, "none") if name in counts.index}


def _counts(values: pd.Series[str]) -> dict[str, int]:
    counts = values.fillna("unknown").value_counts()
    return {str(name): int(count) for name, count in counts.items()}


def measure_levels(
    manifest: Manifest, *, at_most: int, rng: np.random.Generator
) -> pd.Series[float]:
    """RMS level of items drawn from the manifest.

    Args:
        manifest: items without a file are passed over.
        at_most: how many items to read.
        rng: draws them; in even steps they would share what a corpus's order repeats.

    Returns:
        dB of full scale by item, -120 where an item is silent.

    Raises:
        AudioError: a file is missing or does not decode, or an item is empty.
    """
    paths = pd.Series(manifest.paths, index=manifest.frame.index, dtype=object)
    known = clips_of(manifest.frame.assign(file=paths)[paths.notna()])
    drawn = rng.permutation(len(known))[:at_most]
    levels = {known[index].item: _level_db(known[index]) for index in sorted(drawn)}
    return pd.Series(levels, dtype="float64")


def _level_db(clip: Clip) -> float:
    """Level of a clip over all its channels."""
    waveform, _ = read_stretch(clip)
    samples = waveform.reshape(1, -1)
    return float(rms_db(samples, window=samples.size, hop=samples.size)[0, 0])
