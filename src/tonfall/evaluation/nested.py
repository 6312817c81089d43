"""Nested selection: a recipe is chosen on some corpora, and its figure taken on another.

What is chosen because it does well on a corpus looks better there than it is. So for each left-out
corpus *k* a recipe is chosen by its mean recall on the other corpora, and there each corpus *j* is
judged by a fit without *j* and without *k*; the figure on *k* is that of the chosen recipe, fitted
without *k*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tonfall.errors import ProtocolError
from tonfall.evaluation.calls_figures import unweighted
from tonfall.evaluation.protocols import TEST, Protocol

__all__ = ["Choice", "Trial", "check_corpora", "choose", "without_corpus"]


@dataclass(frozen=True)
class Trial:
    """What one recipe makes of every corpus; tables have corpus, speaker, truth and prediction.

    Attributes:
        plain: judged rows of all corpora, each by a fit without it, for each view: "clip alone",
            or a number of clips that a site gave.
        inner: for each corpus, judged rows of all others, each by a fit without both; of the view
            by which recipes are chosen.
    """

    plain: Mapping[str, pd.DataFrame]
    inner: Mapping[str, pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen for a corpus.

    Attributes:
        recipe: its name.
        recalls: of each recipe, mean unweighted recall over the other corpora, in [0, 1].
    """

    recipe: str
    recalls: Mapping[str, float]


def choose(trials: Mapping[str, Trial]) -> dict[str, Choice]:
    """The recipe with the best mean recall on the other corpora, for each corpus.

    Of equal ones the first.

    Args:
        trials: by the recipe's name, in the order in which they were given.
    """
    corpora = next(iter(trials.values())).inner
    return {corpus: _choice(trials, corpus) for corpus in corpora}


def _choice(trials: Mapping[str, Trial], corpus: str) -> Choice:
    recalls = {name: _mean_recall(trial.inner[corpus]) for name, trial in trials.items()}
    return Choice(max(recalls, key=lambda name: recalls[name]), recalls)


def _mean_recall(judged: pd.DataFrame) -> float:
    points = [unweighted(own).point for _, own in judged.groupby("corpus")]
    return float(np.mean(points))


def check_corpora(name: str, protocol: Protocol) -> None:
    """Refuse folds that are no corpora, or of which too few are left.

    Raises:
        ProtocolError: as the sentence says.
    """
    corpora = set(protocol.corpora)
    if not name.startswith("loco/") or set(protocol.folds) != corpora or len(corpora) < 3:
        raise ProtocolError(
            f"--nested chooses on some corpora and measures on another, but {name} leaves out "
            f"{', '.join(protocol.folds[:3])}; take loco/four, loco/six, or loco/ or site/ with "
            "three corpora or more, as in loco/ravdess+emodb+nemo."
        )


def without_corpus(protocol: Protocol, corpus: str) -> Protocol:
    """The folds of the other corpora, with nothing of this one in any part.

    A pair of corpora is left out of the same rows, whichever of them is tested, so that one fit
    serves both.

    Args:
        protocol: whose folds are named after the corpora that they test, over several corpora.
        corpus: one of them.
    """
    others = [fold for fold in protocol.folds if fold != corpus]
    prefix = f"{corpus}/"
    parts = []
    for fold in others:
        rows = protocol.table[protocol.table["fold"] == min(fold, corpus)]
        both = rows["item"].str.startswith((prefix, f"{fold}/"))
        tested = protocol.table["fold"].eq(fold) & protocol.table["part"].eq(TEST)
        parts.append(pd.concat([rows[~both], protocol.table[tested]]).assign(fold=fold))
    table = pd.concat(parts, ignore_index=True)
    return replace(
        protocol, name=f"{protocol.name} without {corpus}", table=table, shared=(), notes=()
    )
