"""What a clip is learnt as: the label it was given, what listeners heard in it, or half of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from tonfall.arrays import FloatArray
from tonfall.emotion import LabelSpace, soft_label
from tonfall.emotion.maps import LabelMap
from tonfall.errors import ConfigError
from tonfall.evaluation.heard import MEANT
from tonfall.evaluation.items import listed
from tonfall.learn.recipe import Targets

__all__ = [
    "SHARES",
    "label_shares",
    "row_weights",
    "with_shares",
]

SHARES = "shares"
"""Column: label to its share of a clip, summing to 1; null where the clip's label is all."""

Say = Callable[[str], object]


def with_shares(
    clips: pd.DataFrame,
    targets: Mapping[str, Targets],
    labels: LabelMap,
    *,
    say: Say = lambda _sentence: None,
) -> pd.DataFrame:
    """The clips with a column `SHARES`; ``label`` becomes the one with the greatest share.

    Votes are summed over the labels that they count as; votes for others are left out, and the
    rest is scaled to sum to 1. A clip of which nothing is left is left out. A "mixed" clip is half
    of each; one whose own label is not known is what was heard. Of labels with equal shares the
    clip's own goes before the others, which go by name.

    Args:
        clips: columns item, corpus, label, votes; where `tonfall.evaluation.heard.MEANT` is
            there, too, it is the label that the clip was given.
        targets: what is learnt of each corpus; of one that is not named, its label.
        labels: what the labels, and those of the votes, count as.
        say: called with a sentence on each corpus of which clips are left out.

    Raises:
        ConfigError: votes are asked for of a corpus that has none.
    """
    clips = clips.assign(label=_own_labels(clips, targets))
    shares = pd.Series([None] * len(clips), index=clips.index, dtype=object)
    unheard = pd.Series(False, index=clips.index)
    for corpus, rows in clips.groupby("corpus"):
        how = targets.get(str(corpus), "intended")
        if how == "intended":
            continue
        _check_votes(str(corpus), rows, how)
        for place, votes, own in zip(rows.index, rows["votes"], rows["label"], strict=True):
            shares[place] = _shares(votes, labels.name(_text(own)), how, labels)
        lost = shares[rows.index].isna()
        unheard[rows.index] = lost
        if lost.any():
            items = rows.loc[lost, "item"]
            say(
                f"{corpus}: {lost.sum()} clips were left out because no vote is for a label of "
                f"the recipe: {listed(items.tolist())}."
            )
    clips = clips.assign(**{SHARES: shares})
    greatest = [
        own if not isinstance(each, dict) else _greatest(each, labels.name(_text(own)))
        for each, own in zip(shares, clips["label"], strict=True)
    ]
    return clips.assign(label=greatest)[~unheard].reset_index(drop=True)


def label_shares(clips: pd.DataFrame, labels: LabelSpace) -> FloatArray:
    """(clips, labels) share of each label: the votes', or one and zeros; all zero if not known."""
    table = np.stack([(clips["label"] == label).to_numpy() for label in labels], axis=1)
    result = table.astype(np.float32)
    if SHARES not in clips:
        return result
    for row, shares in enumerate(clips[SHARES]):
        if isinstance(shares, dict):
            result[row] = soft_label(shares, labels) or 0
    return result


def row_weights(
    clips: pd.DataFrame, shares: FloatArray, labels: LabelSpace, stress: Mapping[str, float]
) -> FloatArray:
    """(clips,) weights by which corpora, and labels within them, count alike.

    Each label of each corpus has a weight of one to hand out (times its ``stress``), and gives it
    to the clips in proportion to their shares of it; a clip's weight is what it gets from all of
    its labels. With one label a clip that is the usual weight by the label's count, and with votes
    a corpus weighs what it would with one label a clip. The votes themselves stay as they are:
    weighing each *share* by its label's rarity would give the labels exactly equal weight, but
    would have a clip that nine of ten listeners call neutral learnt as the rare label of the
    tenth. So what listeners hear often, neutral above all, stays more frequent than the rest.

    Args:
        clips: columns corpus and label.
        shares: (clips, labels), from `label_shares`.
        labels: the label space.
        stress: how much more than the others a label counts; 1 where it is not named.
    """
    group = clips["corpus"] + "/" + clips["label"].fillna("")
    counts = group.map(group.value_counts()).to_numpy()
    alone = clips["label"].map(dict(stress)).fillna(1).to_numpy(np.float64) / counts
    given = shares.astype(np.float64)
    of_corpus = pd.DataFrame(given).groupby(clips["corpus"].to_numpy()).transform("sum").to_numpy()
    stressed = given * np.array([stress.get(label, 1.0) for label in labels])
    joint = np.divide(stressed, of_corpus, out=np.zeros_like(given), where=given > 0).sum(axis=1)
    known = shares.any(axis=1)
    return np.where(known, joint, alone).astype(np.float32)


def _own_labels(clips: pd.DataFrame, targets: Mapping[str, Targets]) -> pd.Series[str]:
    """The label a clip was given, where a protocol put another one in its place."""
    if MEANT not in clips:
        return clips["label"]
    return clips["label"].where(~clips["corpus"].isin(list(targets)), clips[MEANT])


def _check_votes(corpus: str, clips: pd.DataFrame, how: Targets) -> None:
    if "votes" in clips and clips["votes"].notna().any():
        return
    raise ConfigError(
        f"{corpus}: its clips have no listeners' votes, but corpora.{corpus}.targets is {how!r}. "
        "Leave the key out, or give its table a column 'votes'."
    )


def _shares(
    votes: object, own: str | None, how: Targets, labels: LabelMap
) -> dict[str, float] | None:
    counted = labels.votes(votes) if isinstance(votes, dict) else {}
    total = sum(counted.values())
    if not total:
        return None
    heard = {name: count / total for name, count in counted.items() if count}
    if how == "votes" or own is None:
        return heard
    halves = {name: share / 2 for name, share in heard.items()}
    return halves | {own: halves.get(own, 0.0) + 0.5}


def _greatest(shares: Mapping[str, float], own: str | None) -> str:
    best = max(shares.values())
    tied = sorted(name for name, share in shares.items() if share >= best - 1e-9)
    return own if own in tied else tied[0]


def _text(label: object) -> str | None:
    return label if isinstance(label, str) else None
