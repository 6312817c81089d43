"""What features tell about acted emotion: ``python -m benchmarks.effects``.

For each corpus and feature, Cohen's d of each emotion against neutral: the features of a clip are
standardised within its speaker (mean and standard deviation over the speaker's clips), and *d* is
the difference of the means in units of the pooled standard deviation. The interval is that of
2,000 bootstrap samples of the speakers. CREMA-D's labels are what most listeners of the voice
heard. Prints a Markdown table for each family of features; ``--folder docs/features`` also writes
each between the marks of that family's page.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.machine import heading
from tonfall.corpora.clips import clips_of
from tonfall.corpora.contents import cache_folder
from tonfall.corpora.lookup import open_corpora, read_places
from tonfall.corpora.sounds import ClipSound
from tonfall.errors import TonfallError
from tonfall.evaluation.heard import with_heard
from tonfall.features.row_tasks import Order, Task
from tonfall.features.rows import rows_of

CORPORA = ("emodb", "ravdess", "nemo", "emovo", "crema-d")
EMOTIONS = ("happiness", "sadness", "anger", "fear", "disgust")
MERGED = {"calm": "neutral"}
FAMILIES: Mapping[str, Mapping[str, str]] = {
    "pitch": {
        "mean pitch": "F0semitoneFrom27.5Hz_sma3nz_amean",
        "range of pitch": "F0semitoneFrom27.5Hz_sma3nz_pctlrange0-2",
        "steepness of rises": "F0semitoneFrom27.5Hz_sma3nz_meanRisingSlope",
    },
    "loudness": {
        "mean loudness": "loudness_sma3_amean",
        "range of loudness": "loudness_sma3_pctlrange0-2",
        "level": "equivalentSoundLevel_dBp",
    },
    "rhythm": {
        "peaks of loudness a second": "loudnessPeaksPerSec",
        "voiced stretches a second": "VoicedSegmentsPerSec",
        "length of voiced stretches": "MeanVoicedSegmentLengthSec",
        "length of unvoiced stretches": "MeanUnvoicedSegmentLength",
    },
    "spectrum": {
        "alpha ratio": "alphaRatioV_sma3nz_amean",
        "Hammarberg index": "hammarbergIndexV_sma3nz_amean",
        "slope 0 to 500 Hz": "slopeV0-500_sma3nz_amean",
        "slope 500 to 1500 Hz": "slopeV500-1500_sma3nz_amean",
        "flux": "spectralFlux_sma3_amean",
    },
    "cepstra": {f"coefficient {k}": f"mfcc{k}V_sma3nz_amean" for k in (1, 2, 3, 4)},
    "formants": {
        **{f"F{k}": f"F{k}frequency_sma3nz_amean" for k in (1, 2, 3)},
        "bandwidth of F1": "F1bandwidth_sma3nz_amean",
    },
    "voice-quality": {
        "jitter": "jitterLocal_sma3nz_amean",
        "shimmer": "shimmerLocaldB_sma3nz_amean",
        "harmonics to noise": "HNRdBACF_sma3nz_amean",
        "H1-H2": "logRelF0-H1-H2_sma3nz_amean",
        "H1-A3": "logRelF0-H1-A3_sma3nz_amean",
    },
}
"""Pages of docs/features, and the features on each: how they are called, and their columns."""

_BEGIN, _END = "<!-- effects -->", "<!-- end of effects -->"
_SAMPLES = 2000
_SHOWN = 0.5


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", action="append", default=[], help="CORPUS=FOLDER")
    parser.add_argument(
        "--most", type=int, help="clips of a corpus, evenly over speakers and labels"
    )
    parser.add_argument("--corpora", default=",".join(CORPORA), help="separated by commas")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="of the pages to write the tables into")
    chosen = parser.parse_args()
    places = read_places(chosen.data, prepared=cache_folder() / "manifests")
    wanted, corpora = chosen.corpora.split(","), {}
    for name, manifest in zip(wanted, open_corpora(wanted, places), strict=True):
        corpora[name] = measured(clips(manifest.frame, manifest.root, chosen.most), chosen.workers)
    counts = ", ".join(
        f"{name} {len(rows)} of {rows['speaker'].nunique()} speakers"
        for name, rows in corpora.items()
    )
    print(heading("Features and acted emotion", packages=["numpy"], settings={"clips": counts}))
    for family, features in FAMILIES.items():
        table = family_table(corpora, features)
        print(f"### {family}\n\n{table}")
        if chosen.folder:
            write_between(chosen.folder / f"{family}.md", table)


def clips(frame: pd.DataFrame, root: Path, most: int | None) -> pd.DataFrame:
    """The clips of a manifest that count: a known speaker, neutral or one of the emotions."""
    frame = with_heard(frame, {"crema-d": "majority"})
    frame = frame.assign(
        label=frame["label"].replace(MERGED), file=[root / file for file in frame["file"]]
    )
    kept = frame[frame["label"].isin(["neutral", *EMOTIONS]) & frame["speaker"].notna()]
    if not most:
        return kept.reset_index(drop=True)
    # Every k-th speaker where there are more pairs of speaker and label than clips are wanted.
    thinned = -(-kept.groupby(["speaker", "label"]).ngroups // most)
    kept = kept[kept["speaker"].isin(kept["speaker"].drop_duplicates().iloc[::thinned])]
    groups = kept.groupby(["speaker", "label"])
    share = max(1, most // len(groups))
    return pd.concat([_evenly(group, share) for _, group in groups]).reset_index(drop=True)


def _evenly(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    places = np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)
    return rows.iloc[places]


def measured(rows: pd.DataFrame, workers: int) -> pd.DataFrame:
    """The clips with their features, standardised within each speaker."""
    tasks = [Task(ClipSound(clip)) for clip in clips_of(rows)]
    order = Order("egemaps", folder=cache_folder() / "features")
    values = [
        _only_row(each, len(order.columns)) for each in rows_of(tasks, order, workers=workers)
    ]
    features = pd.DataFrame(np.array(values), columns=list(order.columns))
    speakers = features.groupby(rows["speaker"].to_numpy())
    spread = speakers.transform("std", ddof=0).replace(0, np.nan)
    standard = (features - speakers.transform("mean")) / spread
    return pd.concat([rows[["speaker", "label"]], standard], axis=1)


def _only_row(found: object, count: int) -> npt.NDArray[np.float64]:
    if isinstance(found, TonfallError):
        return np.full(count, np.nan)
    return np.asarray(found.values[0], np.float64)  # type: ignore[attr-defined]


def effect(rows: pd.DataFrame, column: str, emotion: str) -> tuple[float, float, float] | None:
    """Cohen's d against neutral, and its 95 % interval over speakers.

    Args:
        rows: columns speaker, label and the feature, standardised.
        column: of the feature.
        emotion: that is compared with neutral.

    Returns:
        None where the corpus has fewer than ten clips of the emotion.
    """
    known = rows[["speaker", "label", column]].dropna()
    if min((known["label"] == each).sum() for each in (emotion, "neutral")) < 10:
        return None
    sums = np.stack(
        [
            [_sums(part.loc[part["label"] == each, column]) for each in (emotion, "neutral")]
            for _, part in known.groupby("speaker")
        ]
    )
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(sums), (_SAMPLES, len(sums)))
    low, high = np.nanpercentile(cohens_d(sums[drawn].sum(axis=1)), [2.5, 97.5])
    return float(cohens_d(sums.sum(axis=0)[None])[0]), float(low), float(high)


def _sums(values: pd.Series[float]) -> tuple[float, float, float]:
    return len(values), float(values.sum()), float((values**2).sum())


def cohens_d(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Cohen's d of pairs of samples.

    Args:
        sums: (..., 2, 3): of the two, the count, the sum and the sum of squares.

    >>> cohens_d(np.array([[[2, 6.0, 20.0], [2, 2.0, 4.0]]])).round(3)
    array([1.414])
    """
    count, total, square = np.moveaxis(np.asarray(sums, np.float64), -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / count
        within = (square - count * mean**2).sum(axis=-1)
        pooled = np.sqrt(within / (count.sum(axis=-1) - 2))
        return np.asarray((mean[..., 0] - mean[..., 1]) / pooled)


def family_table(corpora: Mapping[str, pd.DataFrame], features: Mapping[str, str]) -> str:
    """A row a feature and corpus, a column an emotion; bold where the interval leaves out 0."""
    lines = [
        f"| feature | corpus | {' | '.join(EMOTIONS)} |",
        f"|---|---|{'---|' * len(EMOTIONS)}",
    ]
    for name, column in features.items():
        for place, (corpus, rows) in enumerate(corpora.items()):
            cells = [_cell(effect(rows, column, emotion)) for emotion in EMOTIONS]
            lines.append(f"| {name if not place else ''} | {corpus} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(found: tuple[float, float, float] | None) -> str:
    if found is None:
        return "–"
    value, low, high = found
    text = f"{value:+.1f} ({low:+.1f} to {high:+.1f})".replace("-", "\N{MINUS SIGN}")
    sure = low > 0 or high < 0
    return f"**{text}**" if sure and abs(value) >= _SHOWN else text


def write_between(page: Path, table: str) -> None:
    """Replace what stands between the marks of a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    page.write_text(f"{before}{_BEGIN}\n\n{table}\n{_END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
