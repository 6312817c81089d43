"""The vocabulary of emotion: categories, dimensions and what maps to them."""

from tonfall.emotion.categories import (
    CATEGORIES,
    DIMENSIONS,
    Affect,
    LabelSpace,
    check_label_space,
)
from tonfall.emotion.dimensions import PLACES, Place, weak_place
from tonfall.emotion.maps import (
    CORPUS_LABELS,
    IEMOCAP_FOUR_CLASSES,
    IEMOCAP_SIX_CLASSES,
    LabelMap,
    canonical,
    common_name,
)
from tonfall.emotion.soft_labels import soft_label

__all__ = [
    "CATEGORIES",
    "CORPUS_LABELS",
    "DIMENSIONS",
    "IEMOCAP_FOUR_CLASSES",
    "IEMOCAP_SIX_CLASSES",
    "PLACES",
    "Affect",
    "LabelMap",
    "LabelSpace",
    "Place",
    "canonical",
    "check_label_space",
    "common_name",
    "soft_label",
    "weak_place",
]
