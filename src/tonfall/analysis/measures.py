"""The features of a turn or a window as words and as curves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tonfall.timeline import Features

__all__ = ["MEASURES", "Measure", "feature_words"]

_STANDS_OUT = 1.0
"""Standard deviations from which a feature is worth a word."""


@dataclass(frozen=True, slots=True)
class Measure:
    """How one feature is shown.

    Attributes:
        name: on legends.
        score: its attribute of `Features` in standard deviations.
        more: what a voice is that has more of it than it usually has.
        less: the contrary.
        colour: "#rrggbb" of its curve on white; each curve has dashes of its own, too.
    """

    name: str
    score: str
    more: str
    less: str
    colour: str


MEASURES = (
    Measure("loudness", "loudness_z", "louder", "quieter", "#117733"),
    Measure("pitch", "pitch_z", "higher", "lower", "#882255"),
    Measure("syllables a second", "syllables_z", "faster", "slower", "#666666"),
    Measure("harmonics to noise", "hnr_z", "clearer", "rougher", "#1f6fb4"),
)


def feature_words(features: Features | None) -> tuple[str, ...]:
    """What stands out against the speaker's own baseline, by a standard deviation or more.

    >>> feature_words(Features(pitch_z=1.4, loudness_z=-2.0, hnr_z=0.3))
    ('quieter', 'higher')
    """
    return tuple(_words(features)) if features else ()


def _words(features: Features) -> Iterable[str]:
    for each in MEASURES:
        score = getattr(features, each.score)
        if score is not None and abs(score) >= _STANDS_OUT:
            yield each.more if score > 0 else each.less
