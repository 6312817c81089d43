"""The vocabulary of emotion: categories, dimensions and what maps to them."""

from tonfall.emotion.categories import (
    CATEGORIES,
    DIMENSIONS,
    Affect,
    LabelSpace,
    check_label_space,
)

__all__ = ["CATEGORIES", "DIMENSIONS", "Affect", "LabelSpace", "check_label_space"]
