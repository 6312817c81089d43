"""What the test part of a fold has in common with what was heard before it."""

from __future__ import annotations

import math
from typing import Literal, get_args

import pandas as pd

from tonfall.evaluation.protocols.protocol import TEST, Shared

__all__ = ["shared_between_parts"]

_Kind = Literal["speaker", "sentence", "session", "recording"]

_OVERLAP_S = 0.01
"""Seconds that two stretches must have in common to hold the same sound; less is rounding."""

_EVERYWHERE = ("recording",)
"""What is the same in whichever corpus it stands; a name counts within its corpus."""


def shared_between_parts(table: pd.DataFrame, items: pd.DataFrame) -> tuple[Shared, ...]:
    """Count what test shares with train or development: speakers, sentences, sessions, sounds.

    Args:
        table: columns item, fold, part.
        items: columns item, corpus, and as far as known speaker, sentence, session, and hash with
            start and end; a null one is left out.
    """
    named = _with_recordings(items)
    known = [kind for kind in get_args(_Kind) if kind in named]
    joined = table.merge(named[["item", "corpus", *known]], on="item")
    return tuple(
        _shared(str(fold), kind, rows)
        for fold, rows in joined.groupby("fold", sort=False)
        for kind in known
    )


def _with_recordings(items: pd.DataFrame) -> pd.DataFrame:
    """Items with a column that tells sounds apart: stretches of one file that do not overlap.

    Stretches that overlap in a chain count as one sound.
    """
    if "hash" not in items:
        return items
    places = items.reindex(columns=["start", "end"]).astype("Float64")
    stretches = pd.DataFrame(
        {
            "hash": items["hash"].astype("string"),
            "start": places["start"].fillna(0.0).astype(float),
            "end": places["end"].fillna(math.inf).astype(float),
        }
    ).sort_values(["hash", "start"], kind="stable")
    by_hash = stretches.groupby("hash")
    heard_until = by_hash["end"].cummax().groupby(stretches["hash"]).shift(fill_value=-math.inf)
    is_new = stretches["start"] > heard_until - _OVERLAP_S
    number = is_new.groupby(stretches["hash"]).cumsum().astype("string")
    return items.assign(recording=stretches["hash"] + " sound " + number)


def _shared(fold: str, kind: _Kind, rows: pd.DataFrame) -> Shared:
    named = rows[rows[kind].notna()]
    tested = named["part"] == TEST
    within = [kind] if kind in _EVERYWHERE else ["corpus", kind]
    test, other = (
        set(named.loc[chosen, within].itertuples(index=False, name=None))
        for chosen in (tested, ~tested)
    )
    return Shared(fold, kind, len(test), len(test & other))
