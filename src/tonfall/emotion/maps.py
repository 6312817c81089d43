"""One table a corpus from its own labels to canonical names, and the steps that merge and drop.

A table says what a corpus's label *is*; it never merges two of them for convenience. What an
experiment counts as one class (calm as neutral, excitement as happiness) or leaves out is a
`LabelMap`, written down by its protocol.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from tonfall.emotion.categories import CATEGORIES, LabelSpace
from tonfall.emotion.maps_tables import (
    COMMON_WORDS,
    CORPUS_LABELS,
    IEMOCAP_VOTES,
    MSP_PODCAST_VOTES,
)
from tonfall.errors import ConfigError, ManifestError

__all__ = [
    "CORPUS_LABELS",
    "IEMOCAP_FOUR_CLASSES",
    "IEMOCAP_SIX_CLASSES",
    "IEMOCAP_VOTES",
    "MSP_PODCAST_VOTES",
    "LabelMap",
    "canonical",
    "common_name",
]


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


def common_name(word: str) -> str:
    """The canonical name for a common word, whichever its case, in one's own tables and folders.

    Raises:
        ManifestError: the word is neither a canonical name nor a common word for one.

    >>> common_name("Angry")
    'anger'
    """
    name = word.strip().lower().replace("-", "_").replace(" ", "_")
    if name in CATEGORIES:
        return name
    if name not in COMMON_WORDS:
        raise ManifestError(
            f"The label {word!r} is unknown, expected one of {', '.join(CATEGORIES)} or a common "
            "word for one. Rename it, or leave it empty."
        )
    return COMMON_WORDS[name]


@dataclass(frozen=True, slots=True)
class LabelMap:
    """What a protocol counts as one class, and what it leaves out.

    Attributes:
        merge: canonical name to the canonical name that it counts as.
        drop: canonical names to leave out, judged before merging.
        keep: the only names left after merging; empty keeps all that are not dropped.

    >>> LabelMap(merge={"calm": "neutral"}, drop={"disgust"}).apply(["calm", "disgust", "fear"])
    ['neutral', None, 'fear']
    """

    merge: Mapping[str, str] = field(default_factory=dict)
    drop: Collection[str] = ()
    keep: Collection[str] = ()

    def __post_init__(self) -> None:
        names = {*self.merge, *self.merge.values(), *self.drop, *self.keep}
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
        name = self.merge.get(label, label)
        return name if not self.keep or name in self.keep else None

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


IEMOCAP_FOUR_CLASSES = LabelMap(
    merge={"excitement": "happiness"}, keep=("neutral", "happiness", "sadness", "anger")
)
"""The usual four classes of IEMOCAP, excited counted as happy: 5,531 turns."""

IEMOCAP_SIX_CLASSES = LabelMap(
    keep=("neutral", "happiness", "excitement", "sadness", "anger", "frustration")
)
"""The usual six classes of IEMOCAP, happy and excited apart: 7,380 turns."""
