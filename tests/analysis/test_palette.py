from itertools import combinations

import pytest

from tonfall.analysis.palette import AROUSAL, STYLES, VALENCE, contrast, ink
from tonfall.emotion import CATEGORIES
from tonfall.timeline import UNCLEAR

# Machado, Oliveira and Fernandes (2009), severity 1: red-, green- and blue-blind readers.
BLINDNESS = {
    "protan": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "deutan": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    "tritan": ((1.256, -0.077, -0.179), (-0.078, 0.931, 0.148), (0.005, 0.691, 0.304)),
}


def seen(colour: str, kind: str) -> tuple[float, ...]:
    channels = [(int(colour[i : i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5)]
    return tuple(
        min(1, max(0, sum(weight * each for weight, each in zip(row, channels, strict=True))))
        ** (1 / 2.2)
        for row in BLINDNESS[kind]
    )


def test_every_label_has_its_own_letter_and_colour():
    assert list(STYLES) == [*CATEGORIES, UNCLEAR]
    assert len({style.letter for style in STYLES.values()}) == len(STYLES)
    assert len({style.colour for style in STYLES.values()}) == len(STYLES)


@pytest.mark.parametrize("label", STYLES)
def test_letters_can_be_read_on_their_colour(label):
    colour = STYLES[label].colour
    assert contrast(colour, ink(colour)) >= 4.5


@pytest.mark.parametrize("kind", BLINDNESS)
def test_colour_blind_readers_tell_labels_apart(kind):
    for first, second in combinations(STYLES, 2):
        pairs = zip(
            seen(STYLES[first].colour, kind), seen(STYLES[second].colour, kind), strict=True
        )
        distance = sum((a - b) ** 2 for a, b in pairs) ** 0.5
        assert distance > 0.12, (first, second)


def test_curves_can_be_read_on_white():
    assert min(contrast(AROUSAL, "#ffffff"), contrast(VALENCE, "#ffffff")) >= 4.5
