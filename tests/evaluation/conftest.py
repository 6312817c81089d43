"""Small tables that the tests of evaluation share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from made_rows import corpus_rows

# A busy machine is no failure; pytest's own time limit catches what hangs.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


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
