"""Small tables that the tests of evaluation share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

# A busy machine is no failure; pytest's own time limit catches what hangs.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


def corpus_rows(
    corpus: str, *, speakers: int, sentences: int = 4, labels: tuple[str, ...]
) -> pd.DataFrame:
    """One item a speaker, sentence and label, with the columns of a manifest that matter."""
    rows = [
        {
            "item": f"s{speaker:02}-{sentence}-{label}",
            "corpus": corpus,
            "speaker": f"s{speaker:02}",
            "sex": "female" if speaker % 2 else "male",
            "age": 20.0 + speaker,
            "language": "de",
            "session": f"day{speaker // 2}",
            "sentence": f"t{sentence}",
            "label": label,
            "duration": 2.0,
        }
        for speaker in range(speakers)
        for sentence in range(sentences)
        for label in labels
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def items() -> pd.DataFrame:
    """Six speakers, four sentences, four labels."""
    return corpus_rows("acted", speakers=6, labels=("anger", "calm", "neutral", "sadness"))


@pytest.fixture
def two_corpora() -> pd.DataFrame:
    """Two corpora whose speakers, sentences and items have the same names."""
    first = corpus_rows("acted", speakers=5, labels=("anger", "neutral", "sadness", "fear"))
    second = corpus_rows("calls", speakers=3, labels=("anger", "neutral", "sadness"))
    return pd.concat([first, second], ignore_index=True)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
