"""Truth by the listeners' majority, where actors are not heard as they meant to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import pandas as pd

__all__ = ["MEANT", "Heard", "majority", "with_heard"]

Heard = Literal["majority", "majority-or-meant"]
"""What a tie of votes is: nothing, or what was meant where that is among the tied."""

MEANT = "meant"
"""Column: the manifest's own label, where ``label`` may be what was heard."""


def with_heard(rows: pd.DataFrame, heard: Mapping[str, Heard]) -> pd.DataFrame:
    """The rows with ``label`` as most listeners heard it, and the label they had as `MEANT`.

    Args:
        rows: columns corpus, label, votes.
        heard: corpora of which that is so, and what their ties are; all others keep their label.
    """
    labels = [
        label if corpus not in heard else majority(votes, label, heard[corpus])
        for corpus, label, votes in zip(rows["corpus"], rows["label"], rows["votes"], strict=True)
    ]
    return rows.assign(
        **{MEANT: rows["label"], "label": pd.Series(labels, index=rows.index, dtype=object)}
    )


def majority(votes: object, meant: object, how: Heard) -> str | None:
    """The label with the most votes; None where there are no votes, or for a tie.

    >>> majority({"anger": 4, "neutral": 5}, "anger", "majority")
    'neutral'
    >>> majority({"anger": 5, "neutral": 5}, "anger", "majority") is None
    True
    >>> majority({"anger": 5, "neutral": 5}, "anger", "majority-or-meant")
    'anger'
    """
    if not isinstance(votes, dict) or not any(votes.values()):
        return None
    most = max(votes.values())
    winners = [str(name) for name, count in votes.items() if count == most]
    if len(winners) == 1:
        return winners[0]
    return str(meant) if how == "majority-or-meant" and meant in winners else None
