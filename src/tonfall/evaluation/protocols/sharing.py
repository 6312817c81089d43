"""What the test part of a fold has in common with what was heard before it."""

from __future__ import annotations

from typing import Literal, get_args

import pandas as pd

from tonfall.evaluation.protocols.protocol import TEST, Shared

__all__ = ["shared_between_parts"]

_Kind = Literal["speaker", "sentence", "session", "recording"]

_COLUMNS = {"recording": "hash"}
"""Columns of the manifest that are called otherwise than what they tell apart."""


def shared_between_parts(table: pd.DataFrame, items: pd.DataFrame) -> tuple[Shared, ...]:
    """Count what test shares with train or development: speakers, sentences, sessions, sounds.

    Args:
        table: columns item, fold, part.
        items: columns item, corpus, and as far as known speaker, sentence, session and hash;
            a name counts within its corpus, a hash everywhere, a null one is left out.
    """
    named = items.rename(columns={column: kind for kind, column in _COLUMNS.items()})
    known = [kind for kind in get_args(_Kind) if kind in named]
    joined = table.merge(named[["item", "corpus", *known]], on="item")
    return tuple(
        _shared(str(fold), kind, rows)
        for fold, rows in joined.groupby("fold", sort=False)
        for kind in known
    )


def _shared(fold: str, kind: _Kind, rows: pd.DataFrame) -> Shared:
    named = rows[rows[kind].notna()]
    tested = named["part"] == TEST
    within = [kind] if kind in _COLUMNS else ["corpus", kind]
    test, other = (
        set(named.loc[chosen, within].itertuples(index=False, name=None))
        for chosen in (tested, ~tested)
    )
    return Shared(fold, kind, len(test), len(test & other))
