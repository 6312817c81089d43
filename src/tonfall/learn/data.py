"""The corpora of a recipe as one table of labelled clips."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import pandas as pd

from tonfall.corpora import Manifest, open_corpora, read_places
from tonfall.emotion import CATEGORIES, DIMENSIONS, LabelSpace
from tonfall.emotion.dimensions import weak_place
from tonfall.emotion.maps import LabelMap
from tonfall.errors import ConfigError
from tonfall.evaluation.items import (
    contradictory,
    contradictory_note,
    mark_silent,
    pool,
    silent_note,
    without_silent,
)
from tonfall.evaluation.protocols import TEST, TRAIN, shared_between_parts
from tonfall.learn.classical.recipe import ClassicalRecipe
from tonfall.learn.recipe import Recipe
from tonfall.learn.targets import SHARES, with_shares

__all__ = [
    "calibration_clips",
    "check_every_label",
    "labelled_clips",
    "recipe_clips",
    "split_speakers",
    "voices",
    "with_manifest",
]

Say = Callable[[str], object]

AnyRecipe = TypeVar("AnyRecipe", Recipe, ClassicalRecipe)

_SOUND = ["corpus", "hash", "start", "end"]


def recipe_clips(
    recipe: Recipe | ClassicalRecipe, *, say: Say = lambda _sentence: None
) -> pd.DataFrame:
    """Clips of every corpus of a recipe, with its labels and their weak dimensions.

    Args:
        recipe: names the corpora and the label space.
        say: called with each sentence on what is left out or not known.

    Raises:
        ManifestError: a corpus is not where the recipe says, or a table of it is wrong.
    """
    opened = open_corpora(list(recipe.corpora), recipe.places)
    manifests = dict(zip(recipe.corpora, opened, strict=True))
    for sentence in _unknown_labels(manifests, _label_map(recipe)):
        say(sentence)
    return _clips(recipe, opened, say)


def with_manifest(recipe: AnyRecipe, path: Path, *, say: Say = lambda _sentence: None) -> AnyRecipe:
    """The recipe with recordings of one's own in place of its corpora.

    Its labels become those that the recordings have, as the recipe merges them, and held-out
    speakers calibrate.

    Args:
        recipe: any.
        path: a manifest, a table (CSV) or a folder a class.
        say: called with a sentence on the labels.

    Raises:
        ManifestError: there is no such table, or it is wrong.
        ConfigError: fewer than two labels occur.
    """
    places = read_places([str(path)], prepared=Path())
    name = next(name for name, place in places.items() if place == path.expanduser())
    (manifest,) = open_corpora([name], places)
    merge = LabelMap(merge=recipe.merge, keep=CATEGORIES)
    found = {merge.name(str(label)) for label in manifest.frame["label"].dropna()} - {None}
    order = [*recipe.labels, *(label for label in CATEGORIES if label not in recipe.labels)]
    labels = tuple(label for label in order if label in found)
    if len(labels) < 2:
        raise ConfigError(
            f"{path}: its clips have {len(labels)} labels ({', '.join(labels) or 'none'}), but two "
            "are the least that can be told apart. Label them, or add others."
        )
    say(f"{name}: the labels are {', '.join(labels)}.")
    content = recipe.model_dump() | {
        "corpora": {name: {"place": path.expanduser().absolute()}},
        "labels": labels,
        "calibration": "held_out_speakers",
    }
    if recipe.baseline:
        held = recipe.baseline.gate.held
        content["baseline"]["gate"]["held"] = {
            label: strength for label, strength in held.items() if label in labels
        }
    return type(recipe).model_validate(content)


def calibration_clips(
    recipe: AnyRecipe, learnt: pd.DataFrame, *, say: Say = lambda _sentence: None
) -> pd.DataFrame | None:
    """Clips of the corpora that only calibrate, as far as the model has their label.

    Args:
        recipe: names the corpora and the label space.
        learnt: what the model learns from, as `recipe_clips` gives it.
        say: called with each sentence on what is left out.

    Returns:
        None where the recipe names no such corpora.

    Raises:
        ManifestError: a corpus is not where the recipe says, or a table of it is wrong.
        ConfigError: a corpus has no clip with a label of the recipe, or a sound that is learnt.
    """
    corpora = recipe.calibration_corpora
    if not corpora:
        return None
    strangers = recipe.model_copy(update={"corpora": corpora})
    clips = _clips(strangers, open_corpora(list(corpora), strangers.places), say)
    clips = clips[clips["label"].notna()].reset_index(drop=True)
    absent = [name for name in corpora if name not in set(clips["corpus"])]
    if absent:
        raise ConfigError(
            f"calibration.corpora.{absent[0]}: none of its clips has a label out of "
            f"{', '.join(recipe.labels)}; merge its labels into these, or leave it out."
        )
    _check_unheard(clips, learnt)
    return clips


def _check_unheard(clips: pd.DataFrame, learnt: pd.DataFrame) -> None:
    """Refuse sounds under another name: of these the model would be surer than of strangers."""
    parts = [learnt.assign(part=TRAIN), clips.assign(part=TEST)]
    both = pd.concat([part[[*_SOUND, "part"]] for part in parts], ignore_index=True)
    both = both.assign(item=both.index, fold="")
    found = shared_between_parts(both[["item", "fold", "part"]], both[["item", *_SOUND]])
    same = sum(each.shared for each in found if each.kind == "recording")
    if same:
        raise ConfigError(
            f"calibration.corpora: {same} recordings of them are the same sound as one that is "
            "learnt; calibrate on other recordings."
        )


def _label_map(recipe: Recipe | ClassicalRecipe) -> LabelMap:
    return LabelMap(merge=recipe.merge, keep=recipe.labels)


def _clips(recipe: Recipe | ClassicalRecipe, opened: Sequence[Manifest], say: Say) -> pd.DataFrame:
    """Labelled clips that sound, of the recipe's corpora."""
    labels = _label_map(recipe)
    pooled = _without_speakers(pool(opened), recipe)
    doubtful = contradictory(pooled, merge=recipe.merge)
    if doubtful.any():
        say(contradictory_note(pooled.loc[doubtful, "item"].tolist()))
    pooled = pooled[~doubtful].reset_index(drop=True)
    heard = with_shares(pooled, recipe.targets, labels, say=say)
    clips, silent = without_silent(mark_silent(labelled_clips(heard, labels)))
    if silent:
        say(silent_note(silent))
    return _with_languages(clips.reset_index(drop=True), recipe)


def labelled_clips(clips: pd.DataFrame, labels: LabelMap) -> pd.DataFrame:
    """Rows of manifests with mapped labels and, where ratings are absent, weak dimensions.

    A clip is left out where neither its label nor a dimension is known. The column ``weak`` is
    True where a dimension comes from the category and not from ratings.

    Args:
        clips: from `tonfall.evaluation.items.pool`, with `tonfall.learn.targets.SHARES`.
        labels: what the labels count as.
    """
    clips = _with_weak_dimensions(clips)
    clips["label"] = labels.apply([None if pd.isna(name) else name for name in clips["label"]])
    known = clips["label"].notna() | clips[list(DIMENSIONS)].notna().any(axis=1)
    return clips[known].reset_index(drop=True)


def split_speakers(
    clips: pd.DataFrame, *, every: int, first: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train and development parts: of each corpus every ``every``-th speaker, from ``first``.

    Raises:
        ConfigError: a clip names no speaker, or no speaker is left for one of the parts.
    """
    _check_speakers(clips)
    chosen = set()
    for corpus, own in clips.groupby("corpus"):
        speakers = sorted(own["speaker"].unique())
        chosen |= {(corpus, speaker) for speaker in speakers[first % len(speakers) :: every]}
    pairs = pd.Series(list(zip(clips["corpus"], clips["speaker"], strict=True)), index=clips.index)
    development = pairs.isin(chosen)
    if development.all() or not development.any():
        raise ConfigError(
            "There are too few speakers to hold some out for development: "
            f"{', '.join(sorted(set(clips['corpus'])))} has {len(set(pairs))}, two are the least. "
            "Add recordings of others, or a corpus."
        )
    return clips[~development], clips[development]


def _check_speakers(clips: pd.DataFrame) -> None:
    unknown = clips[clips["speaker"].isna()]
    if len(unknown):
        raise ConfigError(
            f"{unknown['corpus'].iloc[0]}: {len(unknown)} clips name no speaker, such as "
            f"{unknown['item'].iloc[0]!r}, but voices have to be held out to calibrate the "
            "confidence. Fill the table's column 'speaker', one name a voice."
        )


def _without_speakers(clips: pd.DataFrame, recipe: Recipe | ClassicalRecipe) -> pd.DataFrame:
    """The clips less those of speakers that the recipe keeps for something else.

    Raises:
        ConfigError: a corpus has no such speaker, so something may be learnt that should not be.
    """
    kept = pd.Series(True, index=clips.index)
    for corpus, use in recipe.corpora.items():
        own = clips["corpus"] == corpus
        speakers = clips["speaker"].astype(str)
        absent = sorted(set(use.without) - set(speakers[own]))
        if absent:
            raise ConfigError(
                f"corpora.{corpus}.without names {', '.join(absent)}, but the corpus has no such "
                "speaker; write speakers as its table does."
            )
        kept &= ~(own & speakers.isin(use.without))
    return clips[kept].reset_index(drop=True)


def _unknown_labels(manifests: Mapping[str, Manifest], labels: LabelMap) -> list[str]:
    """A sentence a corpus on labels that the recipe's label space does not know."""
    found = []
    for corpus, manifest in manifests.items():
        counts = manifest.frame["label"].dropna().value_counts()
        left = {name: n for name, n in counts.items() if labels.name(str(name)) is None}
        if left:
            counted = ", ".join(f"{label} ({n})" for label, n in left.items())
            found.append(
                f"{corpus}: clips have labels that the recipe does not know, {counted}; only their "
                "dimensions are learnt. Add the labels, or merge them into others."
            )
    return found


def _with_languages(clips: pd.DataFrame, recipe: Recipe | ClassicalRecipe) -> pd.DataFrame:
    """The recipe's language where a clip names none."""
    said = clips["corpus"].map({name: use.language for name, use in recipe.corpora.items()})
    return clips.assign(language=clips["language"].fillna(said.astype(clips["language"].dtype)))


def _with_weak_dimensions(clips: pd.DataFrame) -> pd.DataFrame:
    """Where a clip has no ratings, the place of its category, moved by acted intensity.

    Where votes are learnt it is the mean of the places of what was heard; the intensity is that
    of what was meant, and says nothing about it.
    """
    places = [
        _mean_place(shares) if isinstance(shares, dict) else _place(label, intensity)
        for label, intensity, shares in zip(
            clips["label"], clips["intensity"], clips[SHARES], strict=True
        )
    ]
    clips = clips.copy()
    rated = clips[list(DIMENSIONS)].astype("float64")
    for name in DIMENSIONS:
        weak = pd.Series([place[name] for place in places], index=clips.index)
        clips[name] = rated[name].fillna(weak.astype("float64"))
    filled = clips[list(DIMENSIONS)].notna() & rated.isna()
    return clips.assign(weak=filled.any(axis=1))


def _place(label: object, intensity: float | None) -> dict[str, float | None]:
    """The place of a category by dimension; None where there is none."""
    if not isinstance(label, str):
        return dict.fromkeys(DIMENSIONS)
    place = weak_place(label, None if pd.isna(intensity) else float(intensity))
    return {name: getattr(place, name) for name in DIMENSIONS}


def _mean_place(shares: Mapping[str, float]) -> dict[str, float | None]:
    """The mean over the places of the labels that have one, weighted by their shares."""
    places = [(_place(label, None), share) for label, share in shares.items()]
    means: dict[str, float | None] = {}
    for name in DIMENSIONS:
        known = [(value, share) for place, share in places if (value := place[name]) is not None]
        total = sum(share for _, share in known)
        means[name] = sum(value * share for value, share in known) / total if known else None
    return means


def check_every_label(
    items: pd.DataFrame, labels: LabelSpace, *, held_out: pd.DataFrame | None = None
) -> None:
    """Refuse to learn a label of which there is nothing to learn.

    Args:
        items: what is learnt from.
        labels: of the model.
        held_out: what was taken from it, for the message.

    Raises:
        ConfigError: a label has no clip.
    """
    absent = [label for label in labels if not (items["label"] == label).any()]
    if not absent:
        return
    without = f" without {voices(held_out)}, held out to calibrate," if held_out is not None else ""
    raise ConfigError(
        f"The training clips{without} have no {', '.join(absent)}; take these out of the labels, "
        "or add clips of other speakers that have them."
    )


def voices(clips: pd.DataFrame) -> str:
    """Some of the speakers of the clips, for a message."""
    names = sorted(set(clips["speaker"].dropna().astype(str)))
    return f"the speakers {', '.join(names[:5])}{' and others' if len(names) > 5 else ''}"
