"""The words of corpora and annotators, and the canonical names they stand for.

Tables only: `tonfall.emotion.maps` has the functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["COMMON_WORDS", "CORPUS_LABELS", "IEMOCAP_VOTES", "MSP_PODCAST_VOTES"]

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

_IEMOCAP = {
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
        "iemocap": _IEMOCAP,
        "iemocap-dialogues": _IEMOCAP,
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


IEMOCAP_VOTES: Mapping[str, str] = MappingProxyType(
    {
        "neutral": "neutral",
        "neutral state": "neutral",
        "anger": "anger",
        "happiness": "happiness",
        "excited": "excitement",
        "sadness": "sadness",
        "frustration": "frustration",
        "surprise": "surprise",
        "fear": "fear",
        "disgust": "disgust",
        "other": "other",
    }
)
"""IEMOCAP's annotators' words, in lower case, to canonical names."""

MSP_PODCAST_VOTES: Mapping[str, str] = MappingProxyType(
    {
        "Angry": "anger",
        "Sad": "sadness",
        "Happy": "happiness",
        "Surprise": "surprise",
        "Fear": "fear",
        "Disgust": "disgust",
        "Contempt": "contempt",
        "Neutral": "neutral",
        "Other": "other",
    }
)
"""MSP-Podcast's workers' primary classes to canonical names."""


COMMON_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "afraid": "fear",
        "angry": "anger",
        "bored": "boredom",
        "disgusted": "disgust",
        "excited": "excitement",
        "fearful": "fear",
        "frustrated": "frustration",
        "happy": "happiness",
        "joy": "happiness",
        "joyful": "happiness",
        "pleasant_surprise": "surprise",
        "pleasant_surprised": "surprise",
        "ps": "surprise",
        "sad": "sadness",
        "scared": "fear",
        "surprised": "surprise",
    }
)
"""Everyday words, in lower case, to canonical names: for one's own tables and folders."""
