"""Below the threshold the API's label is "unclear", with the guess beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from running_node import EXAMPLE
from tiny_bundle import tiny_spec, write_tiny

from tonfall.bundle import Calibration
from tonfall.runtime import Predictor
from tonfall.serve.http.recordings import Job, answer
from tonfall.serve.http.schemas import PredictionDocument, TurnDocument, WindowDocument
from tonfall.serve.store.payloads import turn_payload, window_payload
from tonfall.timeline import Segment, Turn, Window

LABELS = ("neutral", "anger")


def window(*, unclear: bool) -> Window:
    segment, probabilities = Segment(0, 48_000), (0.4, 0.6)
    dimensions = {"arousal": 0.5, "valence": 0.5, "dominance": 0.5}
    return Window(
        segment, 0, "S1", "anger", 0.6, unclear, probabilities, **dimensions, speech_ratio=1.0
    )


@pytest.mark.parametrize(("unclear", "label"), [(True, "unclear"), (False, "anger")])
def test_windows_and_turns_are_told_with_label_and_guess(unclear: bool, label: str) -> None:
    heard = window(unclear=unclear)
    turn = Turn(heard.segment, 0, "S1", "anger", 0.6, unclear, heard.probabilities)
    told = [window_payload(heard, (0.4, 0.6), "steady", LABELS), turn_payload(turn, LABELS)]
    for payload, document in zip(told, (WindowDocument, TurnDocument), strict=True):
        assert (payload["label"], payload["guess"], payload["confidence"]) == (label, "anger", 0.6)
        assert set(payload) == set(document.model_fields) - {"id", "at"}


def test_a_turn_that_was_not_judged_has_neither() -> None:
    told = turn_payload(Turn(Segment(0, 16_000), 0, "S1"), LABELS)
    assert (told["label"], told["guess"]) == (None, None)


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_a_clip_is_answered_with_label_and_guess(tmp_path: Path, threshold: float) -> None:
    calibration = Calibration(temperature=1, uncertain_below=threshold)
    spec = tiny_spec(calibration=calibration)
    predictor = Predictor(write_tiny(tmp_path / "model", spec=spec))
    job = Job(kind="predict", path=EXAMPLE, name="call.wav", longest_s=600)
    answered = answer(job, predictor)
    assert isinstance(answered, bytes)
    told = json.loads(answered)
    assert set(told) == set(PredictionDocument.model_fields)
    assert told["label"] == ("unclear" if threshold else told["guess"])
    assert told["confidence"] == told["probabilities"][told["guess"]]
