"""What the terminal says of a recording."""

from __future__ import annotations

import numpy as np
import pytest

from tonfall.analysis import Analysis
from tonfall.analysis.batch import Outcome
from tonfall.analysis.envelope import Envelope
from tonfall.cli.tables import print_analysis, print_outcomes
from tonfall.timeline import Recording, Segment, Timeline, Turn, Window

LABELS = ("neutral", "anger")


def analysis(*, unclear: bool) -> Analysis:
    segment = Segment(0, 48_000)
    scores = {"confidence": 0.55, "unclear": unclear, "probabilities": (0.45, 0.55)}
    window = Window(
        segment,
        0,
        "S1",
        "anger",
        **scores,
        arousal=0.5,
        valence=0.5,
        dominance=0.5,
        speech_ratio=1.0,
    )
    turn = Turn(segment, 0, "S1", "anger", **scores)
    recording = Recording("call.wav", 16_000, 1, 48_000)
    timeline = Timeline(recording, LABELS, "small", "0f" * 32, True, (turn,), (window,))
    return Analysis(timeline, Envelope(np.zeros((1, 1, 2), np.float32), 1.0))


def test_a_speaker_whose_only_turn_is_unclear_is_mostly_unclear(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_analysis(analysis(unclear=True))
    heads, turn, speaker_heads, speaker = (
        line.split() for line in capsys.readouterr().out.splitlines() if line.strip("─ ")
    )
    assert dict(zip(heads, turn, strict=False))["sounds"] == "unclear"
    assert dict(zip(heads, turn, strict=False))["guess"] == "anger"
    assert speaker[4:8] == ["unclear", "100%", "-", "anger"]
    assert "guess" in speaker_heads


def test_what_is_clear_needs_no_guess(capsys: pytest.CaptureFixture[str]) -> None:
    print_analysis(analysis(unclear=False))
    text = capsys.readouterr().out
    assert "anger 100%" in text
    assert "guess" not in text


def test_a_batch_says_unclear(capsys: pytest.CaptureFixture[str]) -> None:
    summary = analysis(unclear=True).summary()
    print_outcomes([Outcome("call.wav", seconds=3.0, speakers=tuple(summary))])
    assert "S1 unclear" in capsys.readouterr().out
