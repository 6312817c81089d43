"""Colours, letters and hatches of the labels, for the picture and the page alike.

The colours are those of Okabe and Ito (Color Universal Design, 2008), moved and added to so that
readers with any of the three kinds of colour blindness tell all categories apart. As thirteen
categories cannot all differ in lightness too, each has a letter, and in the picture a hatch
where it would look like a neighbour in grey.
"""

from __future__ import annotations

from dataclasses import dataclass

from tonfall.emotion import CATEGORIES
from tonfall.timeline import UNCLEAR

__all__ = ["AROUSAL", "STYLES", "VALENCE", "LabelStyle", "contrast", "faded", "hatch_colour", "ink"]


@dataclass(frozen=True, slots=True)
class LabelStyle:
    """How one label is shown.

    Attributes:
        letter: its mark in a strip, unlike any other label's.
        colour: "#rrggbb".
        hatch: matplotlib's pattern, or "" for a plain area.
    """

    letter: str
    colour: str
    hatch: str


STYLES: dict[str, LabelStyle] = {
    "neutral": LabelStyle("N", "#dddee0", ""),
    "calm": LabelStyle("C", "#92cdef", ""),
    "happiness": LabelStyle("H", "#f0e442", "////"),
    "excitement": LabelStyle("X", "#e69f00", "++++"),
    "sadness": LabelStyle("S", "#1073b8", "\\\\\\\\"),
    "anger": LabelStyle("A", "#d55e00", ""),
    "frustration": LabelStyle("R", "#94391c", "////"),
    "fear": LabelStyle("F", "#4f2c86", ""),
    "disgust": LabelStyle("D", "#2aae84", "----"),
    "surprise": LabelStyle("U", "#f29bc1", "||||"),
    "boredom": LabelStyle("B", "#a88f63", "\\\\\\\\"),
    "contempt": LabelStyle("T", "#7a0f3f", "xxxx"),
    "other": LabelStyle("O", "#5d646b", ""),
    UNCLEAR: LabelStyle("?", "#f6f6f7", ""),
}

AROUSAL = "#b04a00"
"""Colour of the arousal curve; it is drawn solid."""

VALENCE = "#005f96"
"""Colour of the valence curve; it is drawn dashed."""

assert tuple(STYLES) == (*CATEGORIES, UNCLEAR)


def contrast(first: str, second: str) -> float:
    """Contrast of two colours by WCAG 2, from 1 (none) to 21.

    >>> round(contrast("#000000", "#ffffff"))
    21
    """
    darker, lighter = sorted((_luminance(first), _luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def ink(colour: str) -> str:
    """Black or white, whichever is easier to read on the colour."""
    return max("#111111", "#ffffff", key=lambda each: contrast(colour, each))


def faded(colour: str, *, towards: str = "#ffffff", by: float = 0.65) -> str:
    """The colour mixed with another, for what is to be seen less.

    >>> faded("#000000", by=1.0)
    '#ffffff'
    """
    pairs = zip(_channels(colour), _channels(towards), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * by):02x}" for a, b in pairs)


def hatch_colour(colour: str) -> str:
    """Colour of a hatch: seen in grey, without drowning the letter."""
    return faded(ink(colour), towards=colour, by=0.72)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    """Relative luminance in [0, 1], WCAG 2."""
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)
