"""Rows of corpora that do not exist, for protocols and models."""

from __future__ import annotations

import pandas as pd


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
