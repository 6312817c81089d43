"""From the scores of windows to the score of a turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import fsum

from tonfall.emotion import Affect, LabelSpace
from tonfall.timeline import Segment, Turn, Window

__all__ = ["scored_turn", "turn_scores"]


def turn_scores(
    segment: Segment, windows: Sequence[Window], *, labels: LabelSpace, threshold: float
) -> Affect | None:
    """How a turn sounded as a whole.

    Each window counts by the time it shares with the turn times the part of it that is speech,
    so that a window which only grazes the turn, or is mostly silence, hardly matters.

    Args:
        segment: the turn.
        windows: scored windows of the turn's channel and speaker, in any order; those that do
            not reach into the turn are passed over.
        labels: the label space, in the order of the windows' probabilities.
        threshold: confidence in [0, 1] below which the turn is unclear.

    Returns:
        Mean probabilities and dimensions, the most probable label's probability as confidence;
        None where no window with speech reaches into the turn, so that nothing is known.
    """
    weighted = [
        (window, segment.overlap(window.segment) * window.speech_ratio)
        for window in windows
        if segment.overlap(window.segment) * window.speech_ratio > 0
    ]
    if not weighted:
        return None
    sums = [
        fsum(window.probabilities[index] * weight for window, weight in weighted)
        for index in range(len(labels))
    ]
    total = fsum(sums)
    confidence = max(sums) / total
    return Affect(
        labels=labels,
        probabilities=tuple(value / total for value in sums),
        arousal=_mean([(window.arousal, weight) for window, weight in weighted]),
        valence=_mean([(window.valence, weight) for window, weight in weighted]),
        dominance=_mean([(window.dominance, weight) for window, weight in weighted]),
        confidence=confidence,
        unclear=confidence < threshold,
    )


def scored_turn(
    turn: Turn, windows: Sequence[Window], *, labels: LabelSpace, threshold: float
) -> Turn:
    """The turn with its scores filled in, or as it is where nothing is known."""
    affect = turn_scores(turn.segment, windows, labels=labels, threshold=threshold)
    if affect is None:
        return turn
    return replace(
        turn,
        guess=affect.guess,
        confidence=affect.confidence,
        unclear=affect.unclear,
        probabilities=affect.probabilities,
        arousal=affect.arousal,
        valence=affect.valence,
        dominance=affect.dominance,
    )


def _mean(weighted: Sequence[tuple[float | None, float]]) -> float | None:
    """Weighted mean of the values that are known, or None."""
    known = [(value, weight) for value, weight in weighted if value is not None]
    total = fsum(weight for _, weight in known)
    return fsum(value * weight for value, weight in known) / total if known else None
