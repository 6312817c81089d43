"""The corpora of a recipe as one table of labelled clips."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from tonfall.corpora import Manifest, prepare
from tonfall.emotion import DIMENSIONS
from tonfall.emotion.dimensions import weak_place
from tonfall.emotion.maps import LabelMap
from tonfall.errors import ConfigError
from tonfall.learn.recipe import Recipe

__all__ = ["labelled_clips", "recipe_clips", "split_speakers"]


def recipe_clips(recipe: Recipe) -> pd.DataFrame:
    """Clips of every corpus of a recipe, with its labels and their weak dimensions.

    Raises:
        ManifestError: a corpus is not where the recipe says.
    """
    manifests = {name: prepare(name, folder)[0] for name, folder in recipe.corpora.items()}
    labels = LabelMap(merge=recipe.merge, keep=recipe.labels)
    return labelled_clips(manifests, labels)


def labelled_clips(manifests: Mapping[str, Manifest], labels: LabelMap) -> pd.DataFrame:
    """Rows of manifests with absolute files, mapped labels and, where absent, weak dimensions.

    A clip is left out where neither its label nor a dimension is known.
    """
    frames = [_absolute(manifest) for manifest in manifests.values()]
    clips = pd.concat(frames, ignore_index=True)
    clips = _with_weak_dimensions(clips)
    clips["label"] = labels.apply([None if pd.isna(name) else name for name in clips["label"]])
    known = clips["label"].notna() | clips[list(DIMENSIONS)].notna().any(axis=1)
    return clips[known].reset_index(drop=True)


def split_speakers(
    clips: pd.DataFrame, *, every: int, first: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train and development parts: of each corpus every ``every``-th speaker, from ``first``.

    Raises:
        ConfigError: no speaker is left for one of the parts.
    """
    chosen = set()
    for corpus, own in clips.groupby("corpus"):
        speakers = sorted(own["speaker"].unique())
        chosen |= {(corpus, speaker) for speaker in speakers[first % len(speakers) :: every]}
    pairs = pd.Series(list(zip(clips["corpus"], clips["speaker"], strict=True)), index=clips.index)
    development = pairs.isin(chosen)
    if development.all() or not development.any():
        raise ConfigError(
            "There are too few speakers to hold some out for development; add a corpus."
        )
    return clips[~development], clips[development]


def _absolute(manifest: Manifest) -> pd.DataFrame:
    paths = pd.Series(manifest.paths, index=manifest.frame.index, dtype=object)
    return manifest.frame.assign(file=paths.map(str, na_action="ignore"))


def _with_weak_dimensions(clips: pd.DataFrame) -> pd.DataFrame:
    """Where a clip has no ratings, the place of its category, moved by acted intensity."""
    places = [
        weak_place(label, None if pd.isna(intensity) else float(intensity))
        if isinstance(label, str)
        else None
        for label, intensity in zip(clips["label"], clips["intensity"], strict=True)
    ]
    clips = clips.copy()
    for name in DIMENSIONS:
        weak = pd.Series([getattr(place, name, None) for place in places], index=clips.index)
        clips[name] = clips[name].astype("float64").fillna(weak.astype("float64"))
    return clips
