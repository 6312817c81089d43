"""The canonical names of categories and dimensions, and label spaces made of them."""

from __future__ import annotations

from dataclasses import dataclass

from tonfall.errors import ConfigError
from tonfall.timeline import shown_label

__all__ = ["CATEGORIES", "DIMENSIONS", "Affect", "LabelSpace", "check_label_space"]

CATEGORIES = (
    "neutral",
    "calm",
    "happiness",
    "excitement",
    "sadness",
    "anger",
    "frustration",
    "fear",
    "disgust",
    "surprise",
    "boredom",
    "contempt",
    "other",
)
"""Every category that Tonfall knows, by its canonical name."""

DIMENSIONS = ("arousal", "valence", "dominance")
"""The continuous dimensions, each a float in [0, 1]."""

LabelSpace = tuple[str, ...]
"""An ordered tuple of canonical names; the order is data and travels with the model."""


def check_label_space(labels: LabelSpace) -> None:
    """Raise ConfigError unless ``labels`` are distinct canonical names."""
    unknown = [label for label in labels if label not in CATEGORIES]
    if unknown or len(set(labels)) != len(labels) or not labels:
        raise ConfigError(
            f"The label space is {', '.join(labels) or 'empty'}, but it must be distinct names out "
            f"of {', '.join(CATEGORIES)}."
        )


@dataclass(frozen=True, slots=True)
class Affect:
    """How a stretch of speech sounds.

    Attributes:
        labels: the label space.
        probabilities: in [0, 1], in the order of ``labels``, summing to 1.
        arousal, valence, dominance: in [0, 1], or None where the model has no such output.
        confidence: probability of the guess, calibrated on development data.
        unclear: True where the confidence is below the model's threshold.
    """

    labels: LabelSpace
    probabilities: tuple[float, ...]
    arousal: float | None
    valence: float | None
    dominance: float | None
    confidence: float
    unclear: bool

    def __str__(self) -> str:
        guess = f" ({self.guess}?)" if self.unclear else ""
        return f"{self.label}{guess}, confidence {self.confidence:.2f}"

    @property
    def label(self) -> str:
        """The guess, or "unclear" where the confidence is below the threshold."""
        return shown_label(self.guess, self.unclear)

    @property
    def guess(self) -> str:
        """The most probable category."""
        return self.labels[max(range(len(self.labels)), key=self.probabilities.__getitem__)]
