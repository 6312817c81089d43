"""Weak arousal, valence and dominance for categories, where nobody rated them.

The places are the means that Russell and Mehrabian (1977, "Evidence for a three-factor theory of
emotions", Journal of Research in Personality 11, 273-294) report for 151 terms, on scales from -1
to 1: angry, afraid as "fearful", bored, disgusted, excited, frustrated, happy, sad, surprised.
They were read in public lists that quote the article, not in the article itself; the lists agree
on every value used here. "Relaxed" stands for calm, without a dominance, on which the lists
disagree. Neutral is the middle of the scales by definition. Contempt and other have no place.

These say how people rate the *words*, not how a voice sounds: use them to pretrain or to sort,
never as truth in an evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tonfall.errors import ConfigError

__all__ = ["PLACES", "Place", "weak_place"]


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the space of affect; each in [0, 1], or None where it is unknown."""

    arousal: float | None
    valence: float | None
    dominance: float | None


def _unit(value: float) -> float:
    """From [-1, 1] to [0, 1]."""
    return round((value + 1) / 2, 4)


def _published(pleasure: float, arousal: float, dominance: float | None) -> Place:
    """A place out of the article's order of scales."""
    return Place(
        arousal=_unit(arousal),
        valence=_unit(pleasure),
        dominance=None if dominance is None else _unit(dominance),
    )


PLACES: Mapping[str, Place] = MappingProxyType(
    {
        "neutral": _published(0.0, 0.0, 0.0),
        "calm": _published(0.68, -0.46, None),
        "happiness": _published(0.81, 0.51, 0.46),
        "excitement": _published(0.62, 0.75, 0.38),
        "sadness": _published(-0.63, -0.27, -0.33),
        "anger": _published(-0.51, 0.59, 0.25),
        "frustration": _published(-0.64, 0.52, 0.35),
        "fear": _published(-0.64, 0.60, -0.43),
        "disgust": _published(-0.60, 0.35, 0.11),
        "surprise": _published(0.40, 0.67, -0.13),
        "boredom": _published(-0.65, -0.62, -0.33),
    }
)
"""Canonical name to its place in [0, 1] at ordinary intensity; others have none."""

_ORDINARY = 0.5
_SMALLEST, _LARGEST = 0.5, 1.5


def weak_place(label: str, intensity: float | None = None) -> Place:
    """The place of a category, further from the middle the more strongly it was acted.

    Args:
        label: a canonical name; without a published place every dimension is None.
        intensity: in [0, 1], or None for an ordinary 0.5. The distance from the middle is half as
            far at 0 and half as far again at 1, cut at the ends of the scale.

    Raises:
        ConfigError: the intensity is not in [0, 1].

    >>> weak_place("anger").arousal, weak_place("anger", 1.0).arousal
    (0.795, 0.9425)
    """
    strength = _ORDINARY if intensity is None else intensity
    if not 0 <= strength <= 1:
        raise ConfigError(f"The intensity is {intensity}, expected a number from 0 to 1.")
    place = PLACES.get(label, Place(None, None, None))
    reach = _SMALLEST + strength * (_LARGEST - _SMALLEST)
    return Place(
        arousal=_stretched(place.arousal, reach),
        valence=_stretched(place.valence, reach),
        dominance=_stretched(place.dominance, reach),
    )


def _stretched(value: float | None, reach: float) -> float | None:
    if value is None:
        return None
    return round(min(max(0.5 + (value - 0.5) * reach, 0.0), 1.0), 4)
