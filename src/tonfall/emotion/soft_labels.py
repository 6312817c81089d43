"""Votes of several listeners as a distribution over a label space."""

from __future__ import annotations

from collections.abc import Mapping

from tonfall.emotion.categories import LabelSpace, check_label_space

__all__ = ["soft_label"]


def soft_label(votes: Mapping[str, float], labels: LabelSpace) -> tuple[float, ...] | None:
    """The share of the votes that each label got, among the votes for these labels.

    Args:
        votes: canonical name to a count, or to any weight that is not negative.
        labels: the label space; votes for other names are left out.

    Returns:
        Shares in the order of ``labels``, summing to 1, or None where no vote is for any of them.

    >>> soft_label({"anger": 3, "neutral": 1, "other": 2}, ("neutral", "anger", "fear"))
    (0.25, 0.75, 0.0)
    """
    check_label_space(labels)
    counts = [float(votes.get(label, 0.0)) for label in labels]
    total = sum(counts)
    return tuple(count / total for count in counts) if total > 0 else None
