"""CMU-MOSEI: opinions in videos, with sentiment and six emotions at once (Zadeh et al., 2018).

Layout: ``CMU_MOSEI_Labels.csd`` (HDF5) and ``Raw/Audio/Full/WAV_16000/<video>.wav``, whole videos
that the labels cut. Without the HDF5 file, the derived table ``segments.csv`` is read, which
tells the strongest emotion only. ``std_folds.csv`` (video, part) gives the standard folds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tonfall.corpora.rows import Reading, Row, audio_files
from tonfall.corpora.tables import find_table, read_rows, refuse_pointer
from tonfall.emotion.maps import canonical
from tonfall.errors import ConfigError, ManifestError

__all__ = ["EMOTIONS", "LOWEST", "TOP", "read"]

LOWEST, TOP = -3.0, 3.0
"""The ends of the release's scale of sentiment."""

EMOTIONS = ("happy", "sad", "anger", "surprise", "disgust", "fear")
"""The emotions in the order of the label file's columns, after sentiment."""

_TOP_INTENSITY = 3.0
_SPLITS = {"train": "train", "valid": "dev", "test": "test"}


@dataclass(frozen=True, slots=True)
class _Segment:
    """One labelled stretch of a video; intensities are in [0, 3], None where not told."""

    video: str
    index: int
    start: float
    end: float
    sentiment: float
    intensities: Mapping[str, float] | None
    strongest: str | None


def read(root: Path) -> Reading:
    """Rows of the labelled segments, as stretches of the videos' recordings.

    ``votes`` are the mean intensities, in [0, 3], of the emotions that are present: the corpus is
    multi-label, and an emotion is present where its intensity is above 0. ``label`` is the
    strongest, null where there is none or a tie.
    """
    sequence = find_table(root, "CMU_MOSEI_Labels.csd")
    table = find_table(root, "segments.csv")
    segments = list(_sequence(sequence) if sequence else _derived(table) if table else ())
    recordings = {path.stem: path for path in audio_files(root)}
    folds = _folds(root)
    rows = tuple(_row(segment, recordings, folds) for segment in segments)
    return Reading(rows, _oddities(segments, sequence is None, folds))


def _sequence(path: Path) -> Iterator[_Segment]:
    """Segments of the SDK's computational sequence."""
    try:
        import h5py  # type: ignore[import-untyped]
    except ImportError as error:
        raise ConfigError(
            f"{path}: is an HDF5 file, which needs h5py. Install the extra 'mosei'."
        ) from error
    refuse_pointer(path)
    with h5py.File(path) as file:
        if "All Labels" not in file:
            raise ManifestError(f"{path}: has no group 'All Labels'. Fetch the label file again.")
        data = file["All Labels"]["data"]
        for video in sorted(data):
            intervals, features = data[video]["intervals"][:], data[video]["features"][:]
            for index, ((start, end), scores) in enumerate(zip(intervals, features, strict=True)):
                yield _labelled(video, index, float(start), float(end), list(map(float, scores)))


def _labelled(video: str, index: int, start: float, end: float, scores: list[float]) -> _Segment:
    present = {name: s for name, s in zip(EMOTIONS, scores[1:], strict=True) if s > 0}
    top = [name for name, score in present.items() if score == max(present.values())]
    strongest = top[0] if len(top) == 1 else None
    return _Segment(video, index, max(start, 0.0), end, scores[0], present, strongest)


def _derived(path: Path) -> Iterator[_Segment]:
    """Segments of the derived table, where no emotion at all also reads "happy"."""
    columns = ("video", "index", "start", "end", "sentiment7", "emotion_argmax")
    for row in read_rows(path, columns):
        named = row["emotion_argmax"]
        yield _Segment(
            video=row["video"],
            index=int(row["index"]),
            start=max(float(row["start"]), 0.0),
            end=float(row["end"]),
            sentiment=float(row["sentiment7"]),
            intensities=None,
            strongest=None if named == EMOTIONS[0] else named,
        )


def _folds(root: Path) -> dict[str, str]:
    table = find_table(root, "std_folds.csv")
    if table is None:
        return {}
    return {row["video"]: _SPLITS[row["part"]] for row in read_rows(table, ("video", "part"))}


def _oddities(segments: list[_Segment], derived: bool, folds: Mapping[str, str]) -> tuple[str, ...]:
    said = []
    if derived and segments:
        said.append("Labels are from the derived table, which cannot tell happy from no emotion.")
    outside = sum(segment.video not in folds for segment in segments)
    if folds and outside:
        said.append(f"Segments of videos in no standard fold: {outside}.")
    if segments and not folds:
        said.append("std_folds.csv is not there, so the standard split is unknown.")
    return tuple(said)


def _row(segment: _Segment, recordings: Mapping[str, Path], folds: Mapping[str, str]) -> Row:
    present, named = segment.intensities, segment.strongest
    original = "+".join(present) if present is not None else named
    return Row(
        item=f"{segment.video}_{segment.index}",
        corpus="mosei",
        file=recordings.get(segment.video),
        start=segment.start,
        end=segment.end,
        language="en",
        session=segment.video,
        split=folds.get(segment.video),
        label=None if named is None else canonical("mosei", named),
        label_original=original or None,
        votes=None if present is None else _canonical_votes(present),
        valence=(segment.sentiment - LOWEST) / (TOP - LOWEST),
        intensity=None if present is None else max(present.values(), default=0.0) / _TOP_INTENSITY,
        acted=False,
        dialogue=segment.video,
        turn=(segment.start, segment.end),
    )


def _canonical_votes(present: Mapping[str, float]) -> dict[str, float]:
    return {str(canonical("mosei", name)): score for name, score in present.items()}
