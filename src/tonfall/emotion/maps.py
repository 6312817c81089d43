"""One table a corpus from its own labels to canonical names, and the steps that merge and drop.

A table says what a corpus's label *is*; it never merges two of them for convenience. What an
experiment counts as one class (calm as neutral, excitement as happiness) or leaves out is a
`LabelMap`, written down by its protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from tonfall.emotion.categories import CATEGORIES, LabelSpace
from tonfall.errors import ConfigError, ManifestError

__all__ = ["CORPUS_LABELS", "LabelMap", "canonical"]

_RAVDESS = {
    "neutral": "neutral",
    "calm": "calm",
    "happy": "happiness",
    "sad": "sadness",
    "angry": "anger",
    "fearful": "fear",
    "disgust": "disgust",
    "surprised": "surprise",
}

CORPUS_LABELS: Mapping[str, Mapping[str, str | None]] = MappingProxyType(
    {
        "ravdess": _RAVDESS,
        "ravdess-song": _RAVDESS,
        "crema-d": {
            "ANG": "anger",
            "DIS": "disgust",
            "FEA": "fear",
            "HAP": "happiness",
            "NEU": "neutral",
            "SAD": "sadness",
        },
        "emodb": {
            "W": "anger",
            "L": "boredom",
            "E": "disgust",
            "A": "fear",
            "F": "happiness",
            "T": "sadness",
            "N": "neutral",
        },
        "nemo": {
            "anger": "anger",
            "fear": "fear",
            "happiness": "happiness",
            "neutral": "neutral",
            "sadness": "sadness",
            "surprised": "surprise",
        },
        "emovo": {
            "neu": "neutral",
            "dis": "disgust",
            "gio": "happiness",
            "pau": "fear",
            "rab": "anger",
            "sor": "surprise",
            "tri": "sadness",
        },
        "ased": {
            "Neutral": "neutral",
            "Fearful": "fear",
            "Happy": "happiness",
            "Sad": "sadness",
            "Angry": "anger",
        },
        # Levels of expressed emotion of any kind, not categories.
        "baved": {"0": None, "1": None, "2": None},
        "iemocap": {
            "ang": "anger",
            "hap": "happiness",
            "exc": "excitement",
            "sad": "sadness",
            "neu": "neutral",
            "fru": "frustration",
            "sur": "surprise",
            "fea": "fear",
            "dis": "disgust",
            "oth": "other",
            "xxx": None,
        },
        "meld": {
            "neutral": "neutral",
            "joy": "happiness",
            "surprise": "surprise",
            "anger": "anger",
            "sadness": "sadness",
            "disgust": "disgust",
            "fear": "fear",
        },
        "mosei": {
            "happy": "happiness",
            "sad": "sadness",
            "anger": "anger",
            "surprise": "surprise",
            "disgust": "disgust",
            "fear": "fear",
        },
        "tess": {
            "angry": "anger",
            "disgust": "disgust",
            "fear": "fear",
            "happy": "happiness",
            "neutral": "neutral",
            "sad": "sadness",
            "ps": "surprise",
        },
        "savee": {
            "a": "anger",
            "d": "disgust",
            "f": "fear",
            "h": "happiness",
            "n": "neutral",
            "sa": "sadness",
            "su": "surprise",
        },
        "esd": {
            "Neutral": "neutral",
            "Angry": "anger",
            "Happy": "happiness",
            "Sad": "sadness",
            "Surprise": "surprise",
        },
        "urdu": {"A": "anger", "H": "happiness", "N": "neutral", "S": "sadness"},
        "msp-podcast": {
            "A": "anger",
            "S": "sadness",
            "H": "happiness",
            "U": "surprise",
            "F": "fear",
            "D": "disgust",
            "C": "contempt",
            "N": "neutral",
            "O": "other",
            "X": None,
        },
    }
)
"""Corpus, then its own label, to the canonical name; None where no category was agreed on."""


def canonical(corpus: str, label: str) -> str | None:
    """The canonical name of a corpus's own label, or None where the label is no category.

    Raises:
        ManifestError: the label is not in the corpus's table.

    >>> canonical("emodb", "W")
    'anger'
    """
    table = CORPUS_LABELS[corpus]
    if label not in table:
        raise ManifestError(
            f"The label {label!r} is not one of {corpus}'s ({', '.join(table)}). "
            "Check that the folder holds the corpus as released."
        )
    return table[label]


@dataclass(frozen=True, slots=True)
class LabelMap:
    """What a protocol counts as one class, and what it leaves out.

    Attributes:
        merge: canonical name to the canonical name that it counts as.
        drop: canonical names to leave out, judged before merging.

    >>> LabelMap(merge={"calm": "neutral"}, drop={"disgust"}).apply(["calm", "disgust", "fear"])
    ['neutral', None, 'fear']
    """

    merge: Mapping[str, str] = field(default_factory=dict)
    drop: Iterable[str] = ()

    def __post_init__(self) -> None:
        names = {*self.merge, *self.merge.values(), *self.drop}
        unknown = sorted(names - set(CATEGORIES))
        chained = sorted(set(self.merge.values()) & {*self.merge, *self.drop})
        if unknown or chained:
            raise ConfigError(
                f"The label map names {', '.join(unknown or chained)}, but names must be out of "
                f"{', '.join(CATEGORIES)}, and a merge may not end in a name merged or dropped."
            )

    def name(self, label: str | None) -> str | None:
        """The class that ``label`` counts as, or None where it is unknown or dropped."""
        if label is None or label in self.drop:
            return None
        return self.merge.get(label, label)

    def apply(self, labels: Iterable[str | None]) -> list[str | None]:
        """The class of each label, in order."""
        return [self.name(label) for label in labels]

    def votes(self, votes: Mapping[str, float]) -> dict[str, float]:
        """Votes summed over the classes that they count as; votes for dropped ones are left out."""
        merged: dict[str, float] = {}
        for label, count in votes.items():
            name = self.name(label)
            if name is not None:
                merged[name] = merged.get(name, 0.0) + count
        return merged

    def space(self, labels: Iterable[str]) -> LabelSpace:
        """The label space left of ``labels``, in the canonical order."""
        left = set(self.apply(labels))
        return tuple(category for category in CATEGORIES if category in left)
